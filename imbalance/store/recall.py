"""What a store knows of the series that a live run needs, so that only what is new must be asked for.

Bars and levels of the length asked for are taken as they are, longer ones are made of shorter ones where no part of
them is missing. What a venue's own answers left out before is not asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from imbalance.assemble import path_of
from imbalance.liquidated import Orders
from imbalance.records import Candle, Covered
from imbalance.store import reading, records
from imbalance.store.asking import Reader
from imbalance.store.days import Days, days
from imbalance.store.ledger import STREAM
from imbalance.store.reading import Arrays
from imbalance.store.rows import ANSWERED, Series
from imbalance.store.spans import Gap, Span, joined, without
from imbalance.units import DAY_MS, MINUTE_MS, Side
from imbalance.wire import Ask, Endpoint, Kind, Record, Source
from imbalance.wire.harvest import Known, Memory

COMPARED = frozenset({Kind.CANDLES, Kind.SENTIMENT})
DAILY = {Kind.DAILY_CANDLES: "candles", Kind.OPEN_INTEREST_DAILY: "open_interest"}
# As many as sources are asked for, and as a month and the one before may have.
DAYS, LEAST_DAYS = 200, 62
DATA = {Kind.CANDLES: "candles", Kind.OPEN_INTEREST_HISTORY: "open_interest"}
# What a venue prints late is looked for once more, and a bar that was read sooner after its end.
LATE_PRINTS_MS = MINUTE_MS
# Of a bar that runs for less, the path alone must be known; the map counts nothing else of it.
UNMISSED_MS = 15 * MINUTE_MS
# A recording that goes on was last written down at most so long ago.
STREAM_LAG_MS = 2 * MINUTE_MS
Spans = list[tuple[int, int]]


class _Store(NamedTuple):
    """A store with what is known and missing of a coin's series, by their numbers."""

    reader: Reader
    known: dict[int, list[Span]]
    missing: dict[int, list[Gap]]


class Recalled(NamedTuple):
    """What need not be asked for, the liquidations known over the span by source and contract, and daily figures."""

    memory: Memory
    orders: dict[tuple[str, str], Orders]
    days: Days


def recall(reader: Reader, sources: Iterable[Source], ask: Ask, wanted: Collection[Kind]) -> Recalled:
    """Return what is known of the venues' own series of a coin over the span asked for.

    Parameters
    ----------
    sources : those that will be asked.
    ask : the span and the length of bars; no contract need be known yet.
    wanted : what the run needs; others are not read.
    """
    # A report compares its figures with all that is known.
    found = Recalled({}, {}, days(reader, ask.base) if frozenset(wanted) >= COMPARED else {})
    series = reading.all_series(reader, symbol=ask.base)
    store = _Store(reader, reading.known_of(reader, series), reading.missing_of(reader, series))
    for source in sources:
        of_venue = {n: one for n, one in series.items() if one.source == one.venue == source.name}
        for symbol in sorted({one.instrument for one in of_venue.values()}):
            own = {n: one for n, one in of_venue.items() if one.instrument == symbol}
            for kind, known in _known(store, source, ask, own, wanted):
                found.memory[source.name, symbol, kind] = known
            orders = _collected(store, own, ask.start_ms, ask.now_ms) if Kind.CANDLES in wanted else None
            if orders is not None:
                found.orders[source.name, symbol] = orders
    _leave_running(found.memory, ask)
    return found


def _leave_running(memory: Memory, ask: Ask) -> None:
    """Leave the bar that has just begun to be asked of the venue alone that the path will be taken from."""
    bars = {key: known for key, known in memory.items() if key[2] is Kind.CANDLES}
    rows = {key[0]: [row for row in known.records if isinstance(row, Candle)] for key, known in bars.items()}
    chosen = path_of(rows) if rows else None
    for key, known in bars.items():
        end_ms = known.spans[-1][1]
        runs = known.left == [(end_ms, ask.end_ms)] and ask.end_ms - end_ms <= ask.interval_ms
        if key[0] != chosen and runs and ask.now_ms < end_ms + UNMISSED_MS:
            memory[key] = msgspec.structs.replace(known, left=[])


def _known(
    store: _Store, source: Source, ask: Ask, own: dict[int, Series], wanted: Collection[Kind]
) -> Iterator[tuple[Kind, Known]]:
    steps = {e.kind: e.step(ask) for e in source.endpoints if e.kind in DATA and e.kind in wanted and e.step}
    for kind, step_ms in steps.items():
        if step_ms and (known := _regular(store, own, DATA[kind], step_ms, ask)):
            yield kind, known
    for kind, data in DAILY.items():
        if kind not in wanted or Kind.CANDLES not in wanted or all(e.kind is not kind for e in source.endpoints):
            continue
        if known := _days(store, own, data, ask.now_ms):
            yield kind, known
    walked = next((endpoint for endpoint in source.endpoints if endpoint.kind is Kind.LIQUIDATIONS), None)
    for number, one in own.items():
        if one.data != "liquidations" or Kind.LIQUIDATIONS not in wanted:
            continue
        if walked is not None and one.what == STREAM:
            continue  # what a stream told has other stamps or ids than the pages that are to be joined to it
        if known := _orders(store, number, ask.now_ms, walked):
            yield Kind.LIQUIDATIONS, known


def _regular(store: _Store, own: dict[int, Series], data: str, step_ms: int, ask: Ask) -> Known | None:
    """Return the rows of a step that a contract's series give between them, the longest first."""
    spans: Spans = []
    absent: Spans = []
    parts: list[tuple[int, Arrays]] = []
    settled_ms = 0  # up to where the newest were read late enough to be what they stay
    fitting = [(one.interval_ms, n) for n, one in own.items() if one.data == data and one.interval_ms]
    for interval_ms, number in sorted(fitting, reverse=True):
        if step_ms % interval_ms:
            continue
        absent += [gap[:2] for gap in store.missing[number] if gap.why in ANSWERED]
        for known in store.known[number]:
            # The level of this very moment is there, a bar that begins at it is not.
            last_ms = ask.end_ms if data == "candles" else ask.now_ms + 1
            inside = _whole_steps(max(known[0], ask.start_ms), min(known[1], last_ms), step_ms, data)
            for span in without(*inside, spans):
                names = (*records.COLUMNS[data], "confirmed_ms")
                rows = reading.arrays(store.reader, number, data, names, start_ms=span[0], end_ms=span[1])
                confirmed_ms = rows.pop("confirmed_ms")
                rows = records.of_step(data, rows, interval_ms, step_ms)
                # Rows that are gone though their span is not must be asked for again.
                if np.array_equal(rows["time_ms"], np.arange(*span, step_ms)):
                    parts.append((span[0], rows))
                    spans = joined([*spans, span])
                    if confirmed_ms[-1] >= span[1] + LATE_PRINTS_MS:
                        settled_ms = max(settled_ms, span[1])
    if not spans:
        return None
    made = records.candles if data == "candles" else records.levels
    found: list[Record] = [row for _from_ms, rows in sorted(parts, key=lambda part: part[0]) for row in made(rows)]
    due = data == "candles" or spans[-1][1] <= ask.now_ms  # the next level may be yet to come
    # The last of them is asked for once more where it may have changed since.
    again_ms = step_ms if due and settled_ms < spans[-1][1] else 0
    spans = [*spans[:-1], (spans[-1][0], spans[-1][1] - again_ms)]
    spans = [span for span in spans if span[0] < span[1]]
    if not spans:
        return None
    left = without(ask.start_ms, ask.end_ms if due else spans[-1][1] + again_ms, joined([*spans, *absent]))
    # Where no step begins there is nothing to ask for.
    asked = [(from_ms, to_ms) for from_ms, to_ms in left if -(-from_ms // step_ms) * step_ms < to_ms]
    return Known([row for row in found if row.time_ms < spans[-1][1]], spans, asked)  # type: ignore[attr-defined]


def _days(store: _Store, own: dict[int, Series], data: str, now_ms: int) -> Known | None:
    """Return a contract's days up to today, where two months of them are there without a hole: none is to be asked."""
    number = next((n for n, one in own.items() if one.data == data and one.interval_ms == DAY_MS), None)
    spans = store.known[number] if number is not None else []
    if number is None or not spans:
        return None
    # The level of this midnight is there, the bar of today is not.
    end_ms = now_ms // DAY_MS * DAY_MS + (DAY_MS if data == "open_interest" else 0)
    start_ms = max(spans[-1].from_ms, end_ms - DAYS * DAY_MS)
    if spans[-1].to_ms < end_ms or end_ms - start_ms < LEAST_DAYS * DAY_MS:
        return None
    rows = reading.arrays(store.reader, number, data, records.COLUMNS[data], start_ms=start_ms, end_ms=end_ms)
    found: list[Record] = [*(records.candles(rows) if data == "candles" else records.levels(rows))]
    return Known(found, [(start_ms, end_ms)], []) if len(found) == (end_ms - start_ms) // DAY_MS else None


def _whole_steps(from_ms: int, to_ms: int, step_ms: int, data: str) -> tuple[int, int]:
    """Return a span in whole steps: of bars those that lie in it, of levels those whose moment does."""
    end_ms = to_ms // step_ms * step_ms if data == "candles" else -(-to_ms // step_ms) * step_ms
    start_ms = -(-from_ms // step_ms) * step_ms
    return start_ms, max(end_ms, start_ms)


def _orders(store: _Store, number: int, now_ms: int, walked: Endpoint | None) -> Known | None:
    """Return the last day's liquidations as far as they are known without a hole.

    Parameters
    ----------
    walked : what the venue can be asked for what is new by; without it they must be known up to now.
    """
    day_ms = now_ms - DAY_MS
    span = next((span for span in reversed(store.known[number]) if span.from_ms < now_ms), None)
    if span is None or span.to_ms <= day_ms + LATE_PRINTS_MS:
        return None
    if walked is None and span.to_ms < now_ms - STREAM_LAG_MS:
        return None
    if walked is not None and span.from_ms > day_ms:
        # Asked anew it would reach back no further, unless what has come since is more than what is known.
        longer = span.to_ms - span.from_ms > now_ms - span.to_ms
        if not (walked.cut_short and longer):
            return None
    start_ms, end_ms = (
        max(span.from_ms, day_ms),
        min(span.to_ms, now_ms) - LATE_PRINTS_MS if walked is not None else now_ms,
    )
    if end_ms <= start_ms:
        return None
    rows = reading.arrays(store.reader, number, "liquidations", start_ms=start_ms, end_ms=end_ms)
    return Known([Covered(start_ms), *records.liquidations(rows)], [(start_ms, end_ms)], [])


def _inside(spans: Sequence[Span], start_ms: int, end_ms: int) -> Spans:
    cut = [(max(a, start_ms), min(b, end_ms)) for a, b, _learned_ms in spans]
    return [span for span in cut if span[0] < span[1]]


def _collected(store: _Store, own: dict[int, Series], start_ms: int, end_ms: int) -> Orders | None:
    """Return a contract's single liquidations over a span and which parts of it are known; None where none is."""
    known = {n: _inside(store.known[n], start_ms, end_ms) for n, one in own.items() if one.data == "liquidations"}
    # A stream and the answers of the same venue tell the same orders: that which is known for longer, never both.
    number = max(known, key=lambda n: sum(b - a for a, b in known[n]), default=None)
    if number is None or not known[number]:
        return None
    spans = known[number]
    names = ("time_ms", "position", "quantity_base")
    rows = reading.arrays(store.reader, number, "liquidations", names, start_ms=start_ms, end_ms=end_ms)
    long, short = (np.where(rows["position"] == side.value, rows["quantity_base"], 0.0) for side in Side)
    return Orders(spans, rows["time_ms"], long, short)
