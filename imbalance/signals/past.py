"""A figure against its own past."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Fewer figures than these are no past that one could be compared with.
LEAST_PAST = 20


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
