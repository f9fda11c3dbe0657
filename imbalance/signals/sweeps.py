"""Liquidity sweeps: price breaks a level that stood, and closes back on its own side soon after."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.signals.levels import LIVES_MS, Level
from imbalance.units import DAY_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# A break that lasts longer, or goes deeper [log], is a breakdown and no sweep.
RECLAIM_MS = DAY_MS
DEEPEST = 0.05
# What was liquidated in a sweep cleared clusters where it is in the top tenth of spans as long.
CLEARED_FROM = 0.9
PAST_MS = 30 * DAY_MS
LEAST_PAST_MS = 7 * DAY_MS


class Sweep(msgspec.Struct, frozen=True):
    """A sweep of lows [downward log prices]: from the bar that broke the levels to the one that closed back above.

    `levels` are those that were broken and won back with the same close, lowest first. It is known at the close of bar
    `reclaimed`, and rests on no later one.
    """

    broken: int
    reclaimed: int
    extreme: float
    levels: tuple[Level, ...]


def sweeps(time_ms: Ints, interval_ms: int, low: Floats, close: Floats, levels: Sequence[Level]) -> list[Sweep]:
    """Return the sweeps of levels, in the order in which they are known.

    A level is broken by the first bar below it after it was known; it is swept where a bar closes above it within
    `RECLAIM_MS` of that bar's open, and no bar until then went further below it than `DEEPEST`. A level counts once:
    what has been broken is no level any more.

    Parameters
    ----------
    time_ms : bar opens, steps of `interval_ms`, shape (bars,).
    low, close : [downward log price], shape (bars,).
    """
    by_close: dict[int, list[tuple[int, Level]]] = {}
    most = max(RECLAIM_MS // interval_ms, 1)
    for level in levels:
        start, end = np.searchsorted(time_ms, [level.known_ms, level.day_ms + LIVES_MS])
        below = np.flatnonzero(low[start:end] < level.price)
        if not below.size:
            continue
        broken = int(start + below[0])
        window = slice(broken, broken + most)
        back = np.flatnonzero(close[window] > level.price)
        if back.size and low[broken : broken + int(back[0]) + 1].min() >= level.price - DEEPEST:
            by_close.setdefault(broken + int(back[0]), []).append((broken, level))
    found = []
    for reclaimed in sorted(by_close):
        broken = min(first for first, _level in by_close[reclaimed])
        swept = tuple(sorted(level for _first, level in by_close[reclaimed]))
        found.append(Sweep(broken, reclaimed, float(low[broken : reclaimed + 1].min()), swept))
    return found


def cleared_share(liquidated: Floats, first: int, last: int, interval_ms: int) -> float | None:
    """Return the share of spans as long, in the month before, in which less was liquidated than in bars first to last.

    None where a bar of the span is not known, or less than a week before it is.

    Parameters
    ----------
    liquidated : of the side that a sweep liquidates, shape (bars,), any unit; NaN where not known.
    """
    bars = last - first + 1
    start = max(first - PAST_MS // interval_ms, 0)
    if first - start < max(LEAST_PAST_MS // interval_ms, bars):
        return None
    span = liquidated[start : last + 1]
    unknown = np.isnan(span)
    holes, sums = (_rolling(values, bars) for values in (unknown.astype(np.float64), np.where(unknown, 0.0, span)))
    past = sums[: first - start - bars + 1][holes[: first - start - bars + 1] == 0]
    if holes[-1] or past.size * interval_ms < LEAST_PAST_MS - bars * interval_ms:
        return None
    return float((np.sum(past < sums[-1]) + np.sum(past == sums[-1]) / 2) / past.size)


def _rolling(values: Floats, bars: int) -> Floats:
    """Return sums of each `bars` values in a row."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return np.asarray(sums[bars:] - sums[:-bars])
