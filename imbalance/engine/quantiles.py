"""Quantiles along the first axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quantiles(values: Floats, *levels: float) -> Floats:
    """Return quantiles along the first axis, shape (levels, ...), interpolated between order statistics.

    Hyndman & Fan 1996, definition 7, as numpy's own, which selects in place of sorting: that takes five times as long
    for a map's draws, and it loads masked arrays.

    Parameters
    ----------
    values : finite, shape (n, ...) with n >= 1.
    levels : each from 0 to 1.
    """
    ordered = np.sort(values, axis=0)
    at = np.array(levels) * (len(ordered) - 1)
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, len(ordered) - 1)
    share = (at - low).reshape(-1, *[1] * (ordered.ndim - 1))
    return np.asarray(ordered[low] + (ordered[high] - ordered[low]) * share)
