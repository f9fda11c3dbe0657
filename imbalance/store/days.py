"""Daily figures over all that is stored: what a report's own figures are compared with."""

from __future__ import annotations

from collections.abc import Iterator

from imbalance.store import asking, reading
from imbalance.store.asking import Reader
from imbalance.store.rows import Series
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS

FUNDING_MS = 8 * HOUR_MS
# What is told of, and who said it: a venue or a provider.
Days = dict[tuple[str, str], dict[int, tuple[float, str]]]
USD_OF_CANDLE = 'coalesce(volume_usd, volume_base * (high + low + "close") / 3)'
MIDNIGHT = f"time_ms / {DAY_MS} * {DAY_MS}"  # whole numbers divide without a rest


def days(reader: Reader, symbol: str, learned_by_ms: int | None = None) -> Days:
    """Return open interest [base, at midnight], liquidations, volume [USD] and sentiment by day, funding by 8 hours.

    Parameters
    ----------
    learned_by_ms : only what was learned by then.
    """
    found: Days = {}
    series = reading.all_series(reader, symbol=symbol) | reading.all_series(reader, symbol="")
    # A daily series is the source's own: it goes before midnights of a finer one.
    for number, one in sorted(series.items(), key=lambda item: item[1].interval_ms):
        if one.venue not in {"", one.source}:
            continue
        for what, rows in _of(reader, number, one, learned_by_ms):
            known = {time_ms: (float(value), one.instrument) for time_ms, value in rows if value is not None}
            found.setdefault((what, one.source), {}).update(known)
    return found


def _of(
    reader: Reader, number: int, one: Series, learned_by_ms: int | None
) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    values = [number] if learned_by_ms is None else [number, learned_by_ms]
    own = "series = ?" if learned_by_ms is None else "series = ? AND learned_ms <= ?"

    def figures(what: str, more: str = "") -> list[tuple[int, float]]:
        query = f"SELECT {what} FROM {one.data} WHERE {own} {more}"
        return [(int(time_ms), value) for time_ms, value in asking.rows(reader, query, values)]

    if one.data == "open_interest" and one.interval_ms:
        yield "open_interest", figures("time_ms, open_interest_base", f"AND {MIDNIGHT} = time_ms")
    elif one.data == "candles" and one.interval_ms == DAY_MS:
        yield "volume", figures(f"time_ms, {USD_OF_CANDLE}")
    elif one.data == "sentiment":
        yield "sentiment", figures("time_ms, value")
    elif one.data == "funding":
        # Paid at the full hour, and told some milliseconds later.
        at = [(time_ms - time_ms % MINUTE_MS, rate) for time_ms, rate in figures("time_ms, rate")]
        yield "funding", [(time_ms, rate) for time_ms, rate in at if time_ms % FUNDING_MS == 0]
    elif one.data == "liquidation_sums" and one.interval_ms:
        whole = f"GROUP BY {MIDNIGHT} HAVING count(long_usd + short_usd) = {DAY_MS // one.interval_ms}"
        yield "liquidations", figures(f"{MIDNIGHT}, sum(long_usd + short_usd)", whole)
    elif one.data == "liquidations":
        sums = dict(figures(f"{MIDNIGHT}, sum(price * quantity_base)", f"GROUP BY {MIDNIGHT}"))
        known = [
            day
            for from_ms, to_ms, learned_ms in reading.known(reader, number)
            if learned_by_ms is None or learned_ms <= learned_by_ms
            for day in range(-(-from_ms // DAY_MS) * DAY_MS, to_ms - DAY_MS + 1, DAY_MS)
        ]
        # A day that is known and has no row had none.
        yield "liquidations", [(day, sums.get(day, 0.0)) for day in known]
