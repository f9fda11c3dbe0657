"""What figures are held against each other: bars as arrays, and a doubt as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.records import (
    Candle,
    ContractStats,
    Funding,
    OpenInterest,
    OpenInterestUsd,
    Ticker,
)
from imbalance.units import DAY_MS
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Number = TypeVar("Number", np.float64, np.int64)


class Doubt(msgspec.Struct, frozen=True):
    """A figure of a source that cannot be true, or is not what it seems; it stays where it is not `left_out`."""

    source: str
    figure: Figure
    reason: str
    left_out: bool = True


class Bars(msgspec.Struct, frozen=True):
    """A venue's bars as arrays of one length, oldest first; prices in USD, volume in base coins.

    `step_ms` is the length of a bar, the shortest distance; `before_base` the volume before each bar, and all of it.
    """

    time_ms: Ints
    high: Floats
    low: Floats
    close: Floats
    volume_base: Floats
    step_ms: int
    before_base: Floats

    def traded(self, start_ms: Ints | int, end_ms: Ints | int) -> Floats:
        """Return volume [base] of the bars that touch the spans from `start_ms` to `end_ms`."""
        first = np.searchsorted(self.time_ms + self.step_ms, start_ms, side="right")
        last = np.searchsorted(self.time_ms, end_ms, side="left")
        return np.asarray(self.before_base[np.maximum(last, first)] - self.before_base[first], dtype=np.float64)

    def held(self, start_ms: int, end_ms: int) -> float:
        """Return which share of the bars of a span is there."""
        inside = np.count_nonzero((self.time_ms >= start_ms) & (self.time_ms < end_ms))
        return float(inside / max((end_ms - start_ms) / self.step_ms, 1.0))


def bars_of(rows: Sequence[Candle]) -> Bars:
    """Return candles in order as arrays."""
    time_ms = np.fromiter([c.time_ms for c in rows], np.int64, len(rows))
    volume_base = np.fromiter([c.volume_base for c in rows], np.float64, len(rows))
    return Bars(
        time_ms,
        np.fromiter([c.high for c in rows], np.float64, len(rows)),
        np.fromiter([c.low for c in rows], np.float64, len(rows)),
        np.fromiter([c.close for c in rows], np.float64, len(rows)),
        volume_base,
        int(np.diff(time_ms).min()) if len(rows) > 1 else DAY_MS,
        np.append(0.0, np.cumsum(volume_base)),
    )


def aligned(series: Mapping[str, Bars], columns: Callable[[Bars], tuple[Floats, ...]]) -> tuple[Ints, Floats]:
    """Return the times that any has, and a table of shape (series, columns, times), NaN where one has none."""
    times_ms = distinct(np.concatenate([bars.time_ms for bars in series.values()]))
    parts = [columns(bars) for bars in series.values()]
    table = np.full((len(parts), len(parts[0]), times_ms.size), np.nan)
    for row, bars, part in zip(table, series.values(), parts, strict=True):
        row[:, np.searchsorted(times_ms, bars.time_ms)] = part
    return times_ms, table


class Evidence:
    """The harvests of a run as far as they still stand: stages read it, and what they leave out is gone from it."""

    def __init__(self, harvests: Sequence[Harvest], base: str, now_ms: int) -> None:
        self.base, self.now_ms = base, now_ms
        # Before anything is left out.
        self.empty = [(h.name, kind) for h in harvests for kind, rows in h.records.items() if not rows]
        self.unsized: set[str] = set()
        self.told: set[tuple[str, Figure]] = set()
        self.harvests = [h.copied() for h in harvests]
        self.bars = {h.name: bars_of(h.candles) for h in self.venues if h.candles}
        self.days = {h.name: bars_of(rows) for h in self.venues if (rows := daily(h))}

    @property
    def venues(self) -> list[Harvest]:
        """The venues that list the coin."""
        return [h for h in self.harvests if h.source.is_venue and h.instrument is not None]

    @property
    def others(self) -> list[Harvest]:
        """The sources that are no venue."""
        return [h for h in self.harvests if not h.source.is_venue]

    def leave_out(self, doubts: Sequence[Doubt]) -> None:
        """Take what is doubted out of the copies."""
        named = {h.name: h for h in self.harvests}
        for doubt in doubts:
            self.told.add((doubt.source, doubt.figure))
            if not doubt.left_out:
                continue
            forget(named[doubt.source], doubt.figure)
            if doubt.figure in {Figure.VOLUME, Figure.SIZES}:
                self.unsized.add(doubt.source)
            if doubt.figure in {Figure.ALL, Figure.CANDLES}:
                self.bars.pop(doubt.source, None)
            if doubt.figure in {Figure.ALL, Figure.DAILY_CANDLES, Figure.SIZES}:
                self.days.pop(doubt.source, None)

    def day_volume_base(self, name: str) -> float | None:
        """Return a venue's volume of 24 hours by its bars; None where bars are missing or volume is doubted."""
        bars = self.bars.get(name)
        if bars is None or name in self.unsized:
            return None
        end_ms = int(bars.time_ms[-1]) + bars.step_ms
        whole = bars.held(end_ms - DAY_MS, end_ms) >= 1.0
        return float(bars.traded(end_ms - DAY_MS, end_ms)) if whole else None


def daily(harvest: Harvest) -> list[Candle]:
    """Return a venue's daily candles in order."""
    return harvest.in_time(Candle, Kind.DAILY_CANDLES)


def _without_volume(row: Ticker) -> Ticker:
    return msgspec.structs.replace(row, volume_24h_base=None, volume_24h_usd=None)


def _without_index(row: Ticker) -> Ticker:
    return msgspec.structs.replace(row, index_price=None)


_KINDS = {
    Figure.ALL: set(Kind) - {Kind.INSTRUMENTS},
    Figure.CANDLES: {Kind.CANDLES},
    Figure.DAILY_CANDLES: {Kind.DAILY_CANDLES, Kind.MONTHLY_CANDLES},
    Figure.INTEREST: {Kind.OPEN_INTEREST_HISTORY},
    Figure.SIZES: {Kind.OPEN_INTEREST_HISTORY, Kind.DAILY_CANDLES, Kind.MONTHLY_CANDLES},
    Figure.DAILY_INTEREST: {Kind.OPEN_INTEREST_DAILY},
    Figure.LIQUIDATIONS: {Kind.LIQUIDATIONS},
    Figure.DAILY_LIQUIDATIONS: {Kind.LIQUIDATION_DAILY},
    Figure.LEVELS: {Kind.LIQUIDATION_MAP},
    Figure.TOTALS: {Kind.TOTALS},
    Figure.HOLDERS: {Kind.HOLDERS},
    Figure.COMMITMENTS: {Kind.COMMITMENTS},
    Figure.SENTIMENT: {Kind.SENTIMENT},
    Figure.LONG_SHORT: {Kind.LONG_SHORT},
    Figure.POSITIONS: {Kind.POSITIONS},
    Figure.ORDER_BOOK: {Kind.ORDER_BOOK},
}
# A bucket of statistics holds open interest and liquidations in one row: where one is wrong the row is.
_TYPES: dict[Figure, tuple[type, ...]] = {
    Figure.INTEREST: (OpenInterest, OpenInterestUsd, ContractStats),
    Figure.SIZES: (OpenInterest, OpenInterestUsd, ContractStats),
    Figure.LIQUIDATIONS: (ContractStats,),
    Figure.FUNDING: (Funding,),
}
_CHANGES: dict[Figure, Callable[[Ticker], Ticker]] = {
    Figure.VOLUME: _without_volume,
    Figure.SIZES: _without_volume,
    Figure.INDEX: _without_index,
}


def forget(harvest: Harvest, figure: Figure) -> None:
    """Take a figure out of a harvest."""
    if figure in _CHANGES:
        harvest.change(Ticker, _CHANGES[figure])
    harvest.forget(_KINDS.get(figure, set()), _TYPES.get(figure, ()))


def distinct(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Return the values in order, each once; numpy's own asks its masked arrays, which takes long to load."""
    ordered = np.sort(values)
    return np.asarray(ordered[np.diff(ordered, prepend=np.nan) != 0])


def found_in(ordered: Ints, values: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return where values stand in an ordered array of at least one, and which are there (numpy's own: as above)."""
    at = np.minimum(np.searchsorted(ordered, values), ordered.size - 1)
    return at, ordered[at] == values


def known_median(table: Floats) -> Floats:
    """Return the median of what is known along the first axis, NaN where nothing is.

    numpy's own loads its masked arrays, which takes longer than a whole report's medians.
    """
    ordered = np.sort(table, axis=0)  # what is not known comes last
    known = np.count_nonzero(np.isfinite(table), axis=0)
    low, high = (np.take_along_axis(ordered, at[None], axis=0)[0] for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return np.where(known > 0, (low + high) / 2, np.nan)
