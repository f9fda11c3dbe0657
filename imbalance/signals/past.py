"""A figure against its own past."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# Fewer figures than these are no past that one could be compared with.
LEAST_PAST = 20


class Series(NamedTuple):
    """Figures with the moments from which each was known [ms], rising, both of shape (n,)."""

    time_ms: Ints
    values: Floats

    def at(self, moments_ms: Ints, oldest_ms: int) -> Floats:
        """Return the newest figure known at each moment, NaN where it is older than `oldest_ms`."""
        at = np.searchsorted(self.time_ms, moments_ms, side="right") - 1
        if not self.time_ms.size:
            return np.full(moments_ms.size, np.nan)
        fresh = (at >= 0) & (moments_ms - self.time_ms[np.maximum(at, 0)] < oldest_ms)
        return np.where(fresh, self.values[np.maximum(at, 0)], np.nan)


NONE = Series(np.empty(0, dtype=np.int64), np.empty(0))


def percentile(past: Floats, now: float) -> float | None:
    """Return the share of the past below `now`, ties by half; None where fewer than `LEAST_PAST` figures are known.

    Parameters
    ----------
    past : shape (n,), without `now`; NaN where not known.
    """
    known = past[np.isfinite(past)]
    if known.size < LEAST_PAST:
        return None
    return float((np.sum(known < now) + np.sum(known == now) / 2) / known.size)


def z_score(past: Floats, now: float) -> float | None:
    """Return how many standard deviations of its past a figure is from its mean; None without a past that varies.

    Parameters
    ----------
    past : shape (n,), without `now`; NaN where not known.
    """
    known = past[np.isfinite(past)]
    if known.size < LEAST_PAST:
        return None
    spread = float(np.std(known))
    # What is left of equal figures after summing is no spread.
    if spread <= 1e-12 * max(float(np.abs(known).max()), 1e-300):
        return None
    return float((now - np.mean(known)) / spread)
