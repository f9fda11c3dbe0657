"""Daily figures over all that is stored: what a report's own figures are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from imbalance.store import reading, schema
from imbalance.store.rows import Series
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS

FUNDING_MS = 8 * HOUR_MS
# What is told of, and who said it: a venue or a provider.
Days = dict[tuple[str, str], dict[int, tuple[float, str]]]
USD_OF_CANDLE = func.coalesce(
    schema.DATA["candles"].c.volume_usd,
    schema.DATA["candles"].c.volume_base
    * (schema.DATA["candles"].c.high + schema.DATA["candles"].c.low + schema.DATA["candles"].c.close)
    / 3,
)


def days(connection: Connection, symbol: str, learned_by_ms: int | None = None) -> Days:
    """Return open interest [base, at midnight], liquidations, volume [USD] and sentiment by day, funding by 8 hours.

    Parameters
    ----------
    learned_by_ms : only what was learned by then.
    """
    found: Days = {}
    series = reading.all_series(connection, symbol=symbol) | reading.all_series(connection, symbol="")
    # A daily series is the source's own: it goes before midnights of a finer one.
    for number, one in sorted(series.items(), key=lambda item: item[1].interval_ms):
        if one.venue not in {"", one.source}:
            continue
        for what, rows in _of(connection, number, one, learned_by_ms):
            known = {time_ms: (float(value), one.instrument) for time_ms, value in rows if value is not None}
            found.setdefault((what, one.source), {}).update(known)
    return found


def _of(
    connection: Connection, number: int, one: Series, learned_by_ms: int | None
) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    table = schema.DATA[one.data]
    moment: ColumnElement[int] = table.c.time_ms

    def rows(query: Any) -> list[tuple[int, float]]:  # noqa: ANN401  a query of a moment and a value
        query = query.where(table.c.series == number)
        if learned_by_ms is not None:
            query = query.where(table.c.learned_ms <= learned_by_ms)
        return [(int(time_ms), value) for time_ms, value in connection.execute(query)]

    daily = one.interval_ms == DAY_MS
    if one.data == "open_interest" and one.interval_ms:
        yield "open_interest", rows(select(moment, table.c.open_interest_base).where(moment % DAY_MS == 0))
    elif one.data == "candles" and daily:
        yield "volume", rows(select(moment, USD_OF_CANDLE))
    elif one.data == "sentiment":
        yield "sentiment", rows(select(moment, table.c.value))
    elif one.data == "funding":
        # Paid at the full hour, and told some milliseconds later.
        at = [(time_ms - time_ms % MINUTE_MS, rate) for time_ms, rate in rows(select(moment, table.c.rate))]
        yield "funding", [(time_ms, rate) for time_ms, rate in at if time_ms % FUNDING_MS == 0]
    elif one.data == "liquidation_sums" and one.interval_ms:
        usd = func.sum(table.c.long_usd + table.c.short_usd)
        whole = func.count(table.c.long_usd + table.c.short_usd) == DAY_MS // one.interval_ms
        yield "liquidations", rows(_by_day(moment, usd).having(whole))
    elif one.data == "liquidations":
        sums = dict(rows(_by_day(moment, func.sum(table.c.price * table.c.quantity_base))))
        known = [
            day
            for from_ms, to_ms, learned_ms in reading.known(connection, number)
            if learned_by_ms is None or learned_ms <= learned_by_ms
            for day in range(-(-from_ms // DAY_MS) * DAY_MS, to_ms - DAY_MS + 1, DAY_MS)
        ]
        # A day that is known and has no row had none.
        yield "liquidations", [(day, sums.get(day, 0.0)) for day in known]


def _by_day(moment: ColumnElement[int], value: ColumnElement[float]) -> Any:  # noqa: ANN401  as above
    day = moment - moment % DAY_MS
    return select(day, value).group_by(day)
