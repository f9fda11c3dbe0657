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
