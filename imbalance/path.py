"""The price path that everything is measured along."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class PricePath(NamedTuple):
    """Open, high, low and close of a market's bars [USD], oldest first, each of shape (bars,)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats

    def until(self, bars: int) -> PricePath:
        """Return the first bars alone."""
        return PricePath(*(prices[:bars] for prices in self))

    def spans(self, most: int) -> tuple[npt.NDArray[np.intp], PricePath]:
        """Return the path in at most so many spans of equal length, and the last bar of each.

        A span opens with its first bar, closes with its last, and reaches as far as any of its bars.
        """
        bars = self.close.size
        first = np.arange(0, bars, -(-bars // most))
        last = np.append(first[1:], bars) - 1
        highs, lows = np.maximum.reduceat(self.high, first), np.minimum.reduceat(self.low, first)
        return last, PricePath(self.open[first], highs, lows, self.close[last])
