"""What a source gave in a run as rows of series, with the spans that they cover and what is missing between.

Records know no source and no symbol: the harvest that they came in does. Bars and buckets that had not ended when they
were read are left out: what is stored is whole.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from imbalance import readings
from imbalance.records import (
    Candle,
    Commitments,
    ContractStats,
    Covered,
    Holders,
    Liquidation,
    LiquidationSum,
    LongShort,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    Unread,
    VenueLiquidations,
)
from imbalance.store import spans
from imbalance.units import DAY_MS
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest, Known, in_time

Row = dict[str, Any]
ONCE = 0  # the interval of rows that are of moments
HOLE = "the answer leaves it out"
MORE = "more was printed than was read"
EARLIER = "the answer begins later"
# What is stored of the answers that stand in for later ones.
KEPT = frozenset({Kind.FUNDING, Kind.LONG_SHORT, Kind.CONTRACT_STATS, Kind.SENTIMENT, Kind.COMMITMENTS, Kind.HOLDERS})
# What the source itself does not have need not be asked for again.
ANSWERED = frozenset({HOLE, EARLIER})


class Series(NamedTuple):
    """What rows belong to; an empty text where there is none, an interval of 0 [ms] where rows are of moments."""

    data: str
    source: str
    venue: str = ""
    symbol: str = ""
    instrument: str = ""
    contract: str = ""
    what: str = ""
    interval_ms: int = ONCE


class Batch(NamedTuple):
    """Rows of a series; they cover the spans (from, to) that are `known`, and not those (from, to, why) `missing`."""

    series: Series
    rows: list[Row]
    known: Sequence[tuple[int, int]] = ()
    missing: Sequence[tuple[int, int, str]] = ()


class Block(NamedTuple):
    """As `Batch`, with the rows as columns: a list a column of the table, as long as the others."""

    series: Series
    columns: Mapping[str, Sequence[Any]]
    known: Sequence[tuple[int, int]] = ()
    missing: Sequence[tuple[int, int, str]] = ()


def batches(harvest: Harvest, symbol: str, now_ms: int) -> list[Batch]:
    """Return all that a source gave and that history is made of.

    Parameters
    ----------
    harvest : what is left of the source's answers after what cannot be true was taken out.
    symbol : base coin.
    now_ms : the moment of the run [ms].
    """
    instrument, harvest = harvest.instrument, _new(harvest)
    own = Series(
        "",
        harvest.name,
        harvest.name if harvest.source.is_venue else "",
        symbol,
        instrument.symbol if instrument else "",
        instrument.contract.value if instrument else "",
    )
    found = [batch for build in BUILDERS for batch in build(harvest, own, now_ms)]
    return [batch for batch in found if batch.rows or batch.known or batch.missing]


def _new(harvest: Harvest) -> Harvest:
    """Return a harvest without the rows of answers to an earlier run: that one saved them, and read them then."""
    old = {kind: [r for a in harvest.kept if a.kind is kind for r in a.records] for kind in KEPT}
    if not any(old.values()):
        return harvest
    new = harvest.copied()
    new.forget(KEPT)
    for kind in KEPT & set(harvest.records):
        new.keep(kind, [row for row in harvest.records[kind] if row not in old[kind]])
    return new


def _step_ms(rows: Sequence[Any]) -> int | None:
    """Return the length that rows in time have; one row alone does not tell it."""
    return min((b.time_ms - a.time_ms for a, b in itertools.pairwise(rows)), default=None)


def plain(row: msgspec.Struct) -> Row:
    """Return a record's fields as columns."""
    return msgspec.structs.asdict(row)


def _regular(
    series: Series,
    rows: Sequence[Any],
    now_ms: int,
    row_of: Callable[[Any], Row] = plain,
    known: Known | None = None,
    asked_ms: int | None = None,
) -> list[Batch]:
    """Return rows that come one a step, so that a step without one is missing.

    Parameters
    ----------
    known : what of the rows is stored already.
    asked_ms : where the span begins that was asked for.
    """
    step_ms = _step_ms(rows)
    if step_ms is None:
        return []
    whole = [row for row in rows if row.time_ms + step_ms <= now_ms]
    covered = spans.runs((row.time_ms for row in whole), step_ms)
    holes = [(a[1], b[0], HOLE) for a, b in itertools.pairwise(covered)]
    if asked_ms is not None and covered and covered[0][0] > asked_ms:
        holes.insert(0, (asked_ms, covered[0][0], EARLIER))
    new = [row_of(row) for row in whole if known is None or not known.holds(row)]
    return [Batch(series._replace(interval_ms=step_ms), new, covered, holes)]


def _scattered(
    series: Series, rows: Sequence[Any], step_ms: int | None, now_ms: int, row_of: Callable[[Any], Row] = plain
) -> list[Batch]:
    """Return rows that stand only where there is something: from the first to the last all is known."""
    whole = [row for row in rows if step_ms is not None and row.time_ms + step_ms <= now_ms]
    if step_ms is None or not whole:
        return []
    known = [(whole[0].time_ms, whole[-1].time_ms + step_ms)]
    return [Batch(series._replace(interval_ms=step_ms), [row_of(row) for row in whole], known)]


def _candles(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    series = own._replace(data="candles")
    known = harvest.known.get(Kind.CANDLES)
    yield from _regular(series, harvest.candles, now_ms, known=known, asked_ms=harvest.asked_ms)
    days, known = in_time(harvest.at(Kind.DAILY_CANDLES, Candle)), harvest.known.get(Kind.DAILY_CANDLES)
    yield from _regular(series, days, now_ms, known=known)


def _interest(row: msgspec.Struct) -> Row:
    return {"open_interest_base": None} | plain(row)


def _open_interest(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    series = own._replace(data="open_interest")

    def level(
        rows: Sequence[OpenInterest] | Sequence[OpenInterestUsd],
        known: Known | None = None,
        asked_ms: int | None = None,
    ) -> list[Batch]:
        step_ms = _step_ms(rows)
        # A level is of a moment: it is whole as soon as that is there.
        return _regular(series, rows, now_ms + (step_ms or 0), _interest, known, asked_ms)

    asked_ms = harvest.asked_ms if Kind.OPEN_INTEREST_HISTORY in harvest.records else None
    yield from level(readings.open_interest_history(harvest), harvest.known.get(Kind.OPEN_INTEREST_HISTORY), asked_ms)
    days, known = Kind.OPEN_INTEREST_DAILY, harvest.known.get(Kind.OPEN_INTEREST_DAILY)
    yield from level(in_time(harvest.at(days, OpenInterest)), known)
    for kind in (Kind.OPEN_INTEREST_HISTORY, Kind.OPEN_INTEREST_DAILY):
        yield from level(in_time(harvest.at(kind, OpenInterestUsd)))
    now = harvest.at(Kind.OPEN_INTEREST, OpenInterest) or harvest.at(Kind.TICKER, OpenInterest)
    yield Batch(series, [_interest(row) for row in in_time(now or harvest.at(Kind.OPEN_INTEREST, OpenInterestUsd))])


def snapshot(harvest: Harvest, symbol: str) -> list[Batch]:
    """Return the open interest of a moment with its value in USD at the mark price of the same moment.

    Where a venue tells no price beside it, the value is the venue's own, if it tells one.
    """
    instrument, price = harvest.instrument, readings.venue_price(harvest)
    now = readings.open_interest_rows(harvest)
    if instrument is None or not now:
        return []
    series = Series("open_interest", harvest.name, harvest.name, symbol, instrument.symbol, instrument.contract.value)
    rows = [
        {
            "time_ms": row.time_ms,
            "open_interest_base": row.open_interest_base,
            "open_interest_usd": row.open_interest_usd if price is None else row.open_interest_base * price,
        }
        for row in in_time(now)
    ]
    return [Batch(series, rows)]


def _funding(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    row, hours, _rate_8h = readings.funding_8h(harvest)
    if row is not None:
        # One without a time is of the moment that it was read.
        read = plain(row) | {"time_ms": now_ms if row.time_ms is None else row.time_ms, "interval_hours": hours}
        yield Batch(own._replace(data="funding"), [read])


def _ratios(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    rows = harvest.of(LongShort)
    for what in sorted({row.kind for row in rows}):
        of_kind = in_time([row for row in rows if row.kind == what])
        series = own._replace(data="ratios", what=what)
        if len(of_kind) == 1:
            # The newest alone tells no step: it is of its moment.
            yield Batch(series, [_share(of_kind[0])])
        yield from _regular(series, of_kind, now_ms, _share)


def _share(row: LongShort) -> Row:
    return {"time_ms": row.time_ms, "long_share": row.long_share}


def _liquidations(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    if Kind.LIQUIDATIONS not in harvest.records:
        return
    orders = {row.order_id or i: row for i, row in enumerate(harvest.at(Kind.LIQUIDATIONS, Liquidation))}.values()
    alike: Counter[Liquidation] = Counter()
    known = harvest.known.get(Kind.LIQUIDATIONS)
    rows = []
    for order in sorted(orders, key=lambda row: row.time_ms):
        if known is None or not known.holds(order):
            rows.append(plain(order) | {"position": order.position.value, "nth": alike[order]})
        alike[order] += 1
    yield Batch(own._replace(data="liquidations"), rows, *_covered(harvest, now_ms))


def _covered(harvest: Harvest, now_ms: int) -> tuple[list[tuple[int, int]], list[tuple[int, int, str]]]:
    """Return which time the orders of an answer are all of, and which they are not: only the answer itself tells."""
    covered = [row.time_ms for row in harvest.at(Kind.LIQUIDATIONS, Covered)]
    start_ms = min(covered, default=now_ms)
    failed = [error.reason for error in harvest.failures if error.endpoint == Kind.LIQUIDATIONS.value]
    # A walk that says how far it came is whole from there on, though there is more before.
    cut = harvest.at(Kind.LIQUIDATIONS, Unread) and start_ms <= now_ms - DAY_MS
    if start_ms >= now_ms:
        return [], []
    if failed or cut:
        return [], [(start_ms, now_ms, failed[0] if failed else MORE)]
    return [(start_ms, now_ms)], []


def sums_of(row: ContractStats) -> Row:
    """Return the liquidations of a venue's own statistics as columns."""
    return {
        "time_ms": row.time_ms,
        "long_usd": row.long_liquidations_usd,
        "short_usd": row.short_liquidations_usd,
        "long_base": row.long_liquidations_base,
        "short_base": row.short_liquidations_base,
    }


def _liquidation_sums(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    series = own._replace(data="liquidation_sums")
    nothing = dict.fromkeys(("long_usd", "short_usd", "long_base", "short_base"))

    yield from _regular(series, in_time(harvest.of(ContractStats)), now_ms, sums_of)
    for kind in (Kind.LIQUIDATION_SUMS, Kind.LIQUIDATION_DAILY):
        sums = in_time(harvest.at(kind, LiquidationSum))
        yield from _scattered(series, sums, _step_ms(sums), now_ms, lambda r: nothing | plain(r))
    seen = harvest.of(VenueLiquidations)
    for venue, bucket_ms in sorted({(row.venue, row.bucket_ms) for row in seen}):
        rows = in_time([row for row in seen if (row.venue, row.bucket_ms) == (venue, bucket_ms)])
        yield from _scattered(series._replace(venue=venue), rows, bucket_ms, now_ms, _seen)


def _seen(row: VenueLiquidations) -> Row:
    return {
        "time_ms": row.time_ms,
        "long_usd": row.long_usd,
        "short_usd": row.short_usd,
        "long_base": None,
        "short_base": None,
    }


def _sentiment(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    rows = [row for row in in_time(harvest.of(Sentiment)) if row.time_ms <= now_ms]
    known = spans.runs((row.time_ms for row in rows), DAY_MS)
    holes = [(a[1], b[0], HOLE) for a, b in itertools.pairwise(known)]
    # One index for all coins.
    series = Series("sentiment", own.source, interval_ms=DAY_MS)
    yield Batch(series, [plain(row) | {"value": float(row.value)} for row in rows], known, holes)


def _commitments(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    reports = harvest.of(Commitments)
    for contract in sorted({row.contract for row in reports}):
        weeks = in_time([row for row in reports if row.contract == contract])
        rows = [
            {
                "time_ms": week.time_ms,
                "trader_group": group,
                "units": week.units,
                "open_interest": week.open_interest,
                "long": long,
                "short": short,
                "spread": spread,
            }
            for week in weeks
            for group, (long, short, spread) in sorted(week.groups.items())
        ]
        # Weeks come one after the other, but a holiday moves the day.
        known = [(weeks[0].time_ms, min(weeks[-1].time_ms + 7 * DAY_MS, now_ms))]
        yield Batch(own._replace(data="commitments", instrument=contract, interval_ms=7 * DAY_MS), rows, known)


def _holders(harvest: Harvest, own: Series, now_ms: int) -> Iterable[Batch]:
    rows = harvest.of(Holders)
    for what in sorted({row.what for row in rows}):
        of_kind = in_time([row for row in rows if row.what == what])
        series = own._replace(data="holders", what=what)
        yield from _regular(series, of_kind, now_ms + DAY_MS, lambda r: {"time_ms": r.time_ms, "value": r.value})


BUILDERS: tuple[Callable[[Harvest, Series, int], Iterable[Batch]], ...] = (
    _candles,
    _open_interest,
    _funding,
    _ratios,
    _liquidations,
    _liquidation_sums,
    _sentiment,
    _commitments,
    _holders,
)
