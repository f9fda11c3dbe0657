"""Wyckoff's spring: a sweep of the bottom of a trading range, in which longs were flushed out."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.signals.levels import Days
from imbalance.signals.sweeps import CLEARED_FROM, Sweep
from imbalance.units import DAY_MS

Floats = npt.NDArray[np.float64]
# A range: two weeks old at least, no wider than this [log], its middle crossed from either side at least once.
LEAST_AGE_MS = 14 * DAY_MS
WIDEST = 0.3
LEAST_CROSSINGS = 2


class Range(msgspec.Struct, frozen=True):
    """A trading range [downward log prices]: from the swept level to the highest price since, and its age."""

    bottom: float
    top: float
    age_ms: int
    crossings: int


class Spring(msgspec.Struct, frozen=True):
    """A sweep at the bottom of a range, and what confirms it; None where that is not known.

    `interest_change` is the log change of open interest from before the break to the close above.
    """

    sweep: Sweep
    range: Range
    interest_change: float | None
    cleared: float | None

    @property
    def confirmed(self) -> bool | None:
        """Whether both hold: open interest fell, and liquidations were in the top tenth; None where one is open."""
        parts = (
            None if self.interest_change is None else self.interest_change < 0,
            None if self.cleared is None else self.cleared >= CLEARED_FROM,
        )
        if False in parts:
            return False
        return None if None in parts else True


def range_of(sweep: Sweep, broken_ms: int, days: Days) -> Range | None:
    """Return the range whose bottom the lowest of the swept levels is; None where it is none.

    The days are those from the level's own to the last whole one before the break, at `broken_ms`.
    """
    level = sweep.levels[0]
    inside = (days.time_ms >= level.day_ms) & (days.time_ms + DAY_MS <= broken_ms)
    if not inside.any():
        return None
    top, age_ms = float(days.high[inside].max()), broken_ms - level.day_ms
    above = days.close[inside] > (level.price + top) / 2
    crossings = int(np.sum(above[1:] != above[:-1]))
    if age_ms < LEAST_AGE_MS or top - level.price > WIDEST or crossings < LEAST_CROSSINGS:
        return None
    return Range(level.price, top, age_ms, crossings)


def interest_change(interest_base: Floats, sweep: Sweep) -> float | None:
    """Return ln(open interest at the close above / that before the break); None where either is not known."""
    if not sweep.broken:
        return None
    before, after = interest_base[sweep.broken - 1], interest_base[sweep.reclaimed]
    return float(np.log(after / before)) if before > 0 and after > 0 else None
