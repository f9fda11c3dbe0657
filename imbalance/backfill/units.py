"""What there is to read: files and pages, each with the series that it fills and the time that it is of."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from imbalance.dumps import binance
from imbalance.providers import cftc, coinmetrics
from imbalance.records import SETTLED, Instrument
from imbalance.store import spans
from imbalance.store.rows import Series
from imbalance.store.spans import Gap, Span
from imbalance.units import DAY_MS
from imbalance.wire import Ask, History, Kind, Source, dividing

NOT_THERE = "the archive has no file of it (HTTP 404)"
LEFT_OUT = "the answer leaves it out"
LEFT_OUT_OF_FILE = "the file leaves it out"
# An API may have what the files lack; what it has not got either is in neither.
FILES_LACK = frozenset({NOT_THERE, LEFT_OUT, LEFT_OUT_OF_FILE})
PAGES_LACK = frozenset({LEFT_OUT})
# What was missing while it was this young may only have been late.
YOUNG_MS = 7 * DAY_MS
# So many days of a month are read alone, where there are files of days.
FEW_DAYS = 3
Covered = list[tuple[int, int]]


class FileUnit(msgspec.Struct, frozen=True):
    """A file of an archive; `place` is where it lies on this machine, None where it is asked for."""

    source: Source
    file: binance.File
    instrument: Instrument
    targets: tuple[Series, ...]
    place: Path | None = None
    requests: int = 2  # the file and its checksum

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.file.name

    @property
    def from_ms(self) -> int:
        """When the time of its rows begins."""
        return self.file.from_ms + binance.LATE_MS.get(self.file.kind, 0)

    @property
    def to_ms(self) -> int:
        """When the time of its rows ends."""
        return self.file.to_ms + binance.LATE_MS.get(self.file.kind, 0)


class PageUnit(msgspec.Struct, frozen=True):
    """What an API is asked at once; `parts` are the spans of it that are wanted."""

    source: Source
    history: History
    ask: Ask
    targets: tuple[Series, ...]
    parts: tuple[tuple[int, int], ...]
    requests: int

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.history.endpoint.name

    @property
    def from_ms(self) -> int:
        """When its time begins."""
        return self.ask.start_ms

    @property
    def to_ms(self) -> int:
        """When its time ends."""
        return self.ask.end_ms


Unit = FileUnit | PageUnit


def settled(known: Iterable[Span], missing: Iterable[Gap], reasons: Container[str]) -> Covered:
    """Return the spans of a series that need not be asked for: known, or found missing when they were old enough.

    Parameters
    ----------
    reasons : those for which what is missing is not asked for again.
    """
    found = list(known)
    for gap in missing:
        end_ms = min(gap.to_ms, gap.learned_ms - YOUNG_MS)
        if gap.why in reasons and end_ms > gap.from_ms:
            found.append(Span(gap.from_ms, end_ms, gap.learned_ms))
    return joined(span[:2] for span in found)


def wanted(targets: Iterable[Series], from_ms: int, to_ms: int, covered: Mapping[Series, Covered]) -> Covered:
    """Return the parts of a span that are not covered for each of some series."""
    return joined(part for one in targets for part in spans.without(from_ms, to_ms, covered.get(one, ())))


def joined(parts: Iterable[tuple[int, int]]) -> Covered:
    """Return spans in order, joined where they overlap or touch."""
    return [span[:2] for span in spans.union(Span(*part, 0) for part in parts)]


def own_series(source: Source, symbol: str, instrument: Instrument | None) -> Series:
    """Return what all series of a source and coin have in common."""
    return Series(
        "",
        source.name,
        source.name if source.is_venue else "",
        symbol,
        instrument.symbol if instrument else "",
        instrument.contract.value if instrument else "",
    )


def file_unit(file: binance.File, instrument: Instrument, source: Source, place: Path | None = None) -> FileUnit:
    """Return the unit of an archive's file; its rows are those of the venue that published it."""
    from imbalance.dumps.binance_tables import parts_of

    own = Series("", instrument.venue, instrument.venue, instrument.base, instrument.symbol, instrument.contract.value)
    targets = tuple(
        own._replace(data=data, what=what, interval_ms=interval_ms) for data, what, interval_ms in parts_of(file)
    )
    return FileUnit(source, file, instrument, targets, place)


def file_units(
    instrument: Instrument, since_ms: int, now_ms: int, intervals: Sequence[str], covered: Mapping[Series, Covered]
) -> Iterator[FileUnit]:
    """Yield the units of Binance's archive, oldest first by kind, of which something is missing."""
    market = next(market for market, venue in binance.VENUE.items() if venue == instrument.venue)
    kinds = [(kind, "") for known_market, kind in binance.FIRST_MS if known_market == market and kind != binance.KLINES]
    for kind, interval in [*((binance.KLINES, name) for name in intervals), *kinds]:
        for file in binance.files(market, kind, instrument.symbol, since_ms, now_ms, interval):
            unit = file_unit(file, instrument, binance.ARCHIVE)
            missing = wanted(unit.targets, max(unit.from_ms, since_ms), unit.to_ms, covered)
            if not missing:
                continue
            days = [] if file.is_day else [d for d in binance.day_files(file) if _meets(d, missing)]
            if days and kind not in binance.MONTHLY_ALONE and len(days) <= FEW_DAYS:
                yield from (msgspec.structs.replace(unit, file=day) for day in days)
            else:
                yield unit


def _meets(file: binance.File, parts: Iterable[tuple[int, int]]) -> bool:
    return any(file.from_ms < to_ms and from_ms < file.to_ms for from_ms, to_ms in parts)


def page_units(source: Source, ask: Ask, covered: Mapping[Series, Covered]) -> Iterator[PageUnit]:
    """Yield what an API is to be asked, oldest first by series.

    Parameters
    ----------
    ask : the whole span, and the length of the user's bars.
    covered : what need not be asked for, by series.
    """
    for history in source.history:
        lengths = steps_of(history, ask)
        for step_ms in lengths:
            targets = targets_of(source, history, ask, step_ms)
            start_ms, end_ms = reach(history, ask, step_ms)
            for window in windows(history, start_ms, end_ms, step_ms):
                parts = wanted(targets, *window, covered)
                if not parts:
                    continue
                asked = msgspec.structs.replace(
                    ask,
                    start_ms=parts[0][0],
                    end_ms=parts[-1][1],
                    now_ms=parts[-1][1],
                    interval_ms=step_ms or ask.interval_ms,
                )
                if many := len(history.endpoint.pages(asked)):
                    yield PageUnit(source, history, asked, targets, tuple(parts), many)


def steps_of(history: History, ask: Ask) -> list[int]:
    """Return the lengths of rows that are read: the longest that the user's bars divide into, and those beside it."""
    if not history.offered_ms:
        return [0]
    first = dividing(ask, history.offered_ms) or min(history.offered_ms)
    return list(dict.fromkeys([first, *history.also_ms]))


def reach(history: History, ask: Ask, step_ms: int) -> tuple[int, int]:
    """Return from when to when a series is asked for: whole steps, and no further back than it goes."""
    depth_ms = history.depth_rows * step_ms or history.depth_ms
    oldest_ms = max(ask.start_ms, history.first_ms, ask.now_ms - depth_ms if depth_ms else 0)
    unit_ms = step_ms or 60_000
    return -(-oldest_ms // unit_ms) * unit_ms, ask.now_ms // unit_ms * unit_ms


def windows(history: History, start_ms: int, end_ms: int, step_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the windows of a span, on a grid of their own: the same ones whenever they are asked for."""
    span_ms = history.rows * step_ms or history.window_ms
    if not span_ms:
        if start_ms < end_ms:
            yield start_ms, end_ms
        return
    for at_ms in range(start_ms // span_ms * span_ms, end_ms, span_ms):
        window = max(at_ms, start_ms), min(at_ms + span_ms, end_ms)
        if window[0] < window[1]:
            yield window


def targets_of(source: Source, history: History, ask: Ask, step_ms: int) -> tuple[Series, ...]:
    """Return the series that a history fills."""
    own, kind = own_series(source, ask.base, ask.instrument), history.endpoint.kind
    stepped = own._replace(interval_ms=step_ms)
    if kind is Kind.CANDLES:
        return (stepped._replace(data="candles"),)
    if kind is Kind.OPEN_INTEREST_HISTORY:
        return (stepped._replace(data="open_interest"),)
    if kind is Kind.CONTRACT_STATS:
        return stepped._replace(data="open_interest"), stepped._replace(data="liquidation_sums")
    if kind is Kind.LONG_SHORT:
        return (stepped._replace(data="ratios", what=ratio_name(history)),)
    if kind is Kind.FUNDING_HISTORY:
        return (own._replace(data="funding", what=SETTLED),)
    if kind is Kind.LIQUIDATIONS:
        return (own._replace(data="liquidations"),)
    if kind is Kind.SENTIMENT:
        return (Series("sentiment", source.name, interval_ms=DAY_MS),)
    if kind is Kind.COMMITMENTS:
        weekly = own._replace(data="commitments", interval_ms=7 * DAY_MS)
        return tuple(weekly._replace(instrument=code) for code in cftc.CONTRACTS.get(ask.base, ()))
    if kind is Kind.HOLDERS:
        return (own._replace(data="holders", what=coinmetrics.MEASURE, interval_ms=DAY_MS),)
    # What an aggregator saw on each venue.
    return tuple(
        own._replace(data="liquidation_sums", venue=market.venue, interval_ms=DAY_MS) for market in ask.listings
    )


def ratio_name(history: History) -> str:
    """Return which accounts or positions a ratio is of; its label says it in brackets where a venue has several."""
    return history.endpoint.label.partition("(")[2].rstrip(")") or "accounts"
