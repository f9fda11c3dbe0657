"""When a figure was last as extreme as it is now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def previous_extreme(values: Floats, now: float, *, highest: bool) -> int | None:
    """Return the place of the last value that is at least as extreme as `now`; None where none is.

    Parameters
    ----------
    values : the past without `now`, oldest first, shape (n,); NaN where not known.
    highest : whether high values are the extreme ones, else low ones.
    """
    as_extreme = values >= now if highest else values <= now
    found = np.flatnonzero(as_extreme)
    return int(found[-1]) if found.size else None
