"""Levels that price turned at: the lows of days that stood out among the days around them.

All prices here are *downward* ones: the log price to look for supports, its negative (and lows for highs) to look for
resistances. One piece of code for both sides is what makes them mirror images.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.units import DAY_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# A swing low is the lowest of a week centred on it; it is known once the days after it are over.
REACH_DAYS = 3
# Half a year on, hardly anybody who opened at a level is still there.
LIVES_MS = 180 * DAY_MS


class Days(msgspec.Struct, frozen=True):
    """Whole UTC days in order: their starts [ms], and highs, lows and closes [downward log price], shape (days,)."""

    time_ms: Ints
    high: Floats
    low: Floats
    close: Floats


class Level(msgspec.Struct, frozen=True, order=True):
    """A swing low [downward log price]: the day it was made, and when it was known for one [ms]."""

    price: float
    day_ms: int
    known_ms: int


def days_of(time_ms: Ints, interval_ms: int, high: Floats, low: Floats, close: Floats) -> Days:
    """Return the UTC days that bars fill whole; a day at an end of the bars that they fill in part is left out.

    Parameters
    ----------
    time_ms : bar opens, steps of `interval_ms`, shape (bars,).
    high, low, close : shape (bars,).
    """
    day = time_ms // DAY_MS
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1)) if day.size else np.empty(0, dtype=np.int64)
    if not first.size:
        empty = np.empty(0)
        return Days(np.empty(0, dtype=np.int64), empty, empty, empty)
    last = np.append(first[1:], day.size) - 1
    lows, highs = np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
    start_ms = day[first] * DAY_MS
    whole = (time_ms[first] == start_ms) & (time_ms[last] + interval_ms == start_ms + DAY_MS)
    return Days(start_ms[whole], highs[whole], lows[whole], close[last][whole])


def joined(earlier: Days, later: Days) -> Days:
    """Return days of both in order, those of `later` where both have one."""
    known = set(later.time_ms.tolist())  # numpy's own search asks its masked arrays, which takes long to load
    kept = np.array([time_ms not in known for time_ms in earlier.time_ms.tolist()], dtype=bool)
    order = np.argsort(np.concatenate([earlier.time_ms[kept], later.time_ms]), kind="stable")
    both = zip(msgspec.structs.astuple(earlier), msgspec.structs.astuple(later), strict=True)
    return Days(*(np.concatenate([a[kept], b])[order] for a, b in both))


def swing_levels(days: Days, reach: int = REACH_DAYS) -> list[Level]:
    """Return the swing lows, oldest first: below the `reach` days before, and not above the `reach` days after.

    A day with a missing one among those has no level: what is not known may have been lower.
    """
    width = 2 * reach + 1
    if days.time_ms.size < width:
        return []
    near = np.lib.stride_tricks.sliding_window_view(days.low, width)
    low, time_ms = days.low[reach:-reach], days.time_ms[reach:-reach]
    whole = days.time_ms[width - 1 :] - days.time_ms[: 1 - width] == 2 * reach * DAY_MS
    lowest = (low < near[:, :reach].min(axis=1)) & (low <= near[:, reach + 1 :].min(axis=1))
    at = np.flatnonzero(whole & lowest)
    each = zip(low[at].tolist(), time_ms[at].tolist(), strict=True)
    return [Level(price, day_ms, day_ms + (reach + 1) * DAY_MS) for price, day_ms in each]
