"""Flows: positions opened and closed in each bar, from volume and open interest.

In contracts, buyers are O_L + C_S = V and sellers O_S + C_L = V, and O_L - C_L = O_S - C_S = dOI. Every
contract is one long and one short, so a rise of open interest opens both; taken symmetric, one free number
a bar remains: ``O = max((k V + dOI) / 2, dOI, 0)`` with k the share of volume that turns positions over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def known_interest(open_interest: Floats) -> tuple[Floats, int]:
    """Return open interest with gaps filled by the value before, and its first known bar.

    Before the first known bar it is zero: the venue is taken to start there. All-missing gives zeros and
    the number of bars.
    """
    known = np.isfinite(open_interest)
    if not known.any():
        return np.zeros_like(open_interest), open_interest.size
    first = int(np.argmax(known))
    filled = open_interest[_last_known(known)]
    filled[:first] = 0.0
    return filled, first


def _last_known(known: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return for each bar the last known bar up to it (the first bar before any)."""
    return np.asarray(np.maximum.accumulate(np.where(known, np.arange(known.size), 0)))


def opened(volume: Floats, open_interest: Floats, first: int, turnover_share: float) -> tuple[Floats, Floats]:
    """Return contracts opened and closed in each bar, one side (the other side's are equal).

    Parameters
    ----------
    volume : each trade once, shape (bars,); NaN counts as the last known share of open interest.
    open_interest : without gaps, at bar closes, shape (bars,).
    first : first bar with open interest; there the whole of it is opened (inventory older than the data).
    turnover_share : k above, in (0, 1].
    """
    change = np.diff(open_interest, prepend=0.0)
    volume = filled_volume(volume, open_interest)
    opening = np.maximum(np.maximum((turnover_share * volume + change) / 2, change), 0.0)
    opening[:first] = 0.0
    closing = np.maximum(opening - change, 0.0)
    if first < opening.size:
        opening[first], closing[first] = open_interest[first], 0.0
    closing[:first] = 0.0
    return opening, closing


def filled_volume(volume: Floats, open_interest: Floats) -> Floats:
    """Return volume with gaps filled at the last known share of open interest, shape (bars,); 0 where none is known."""
    absent = ~np.isfinite(volume)
    if not absent.any():
        return volume
    known = ~absent & (open_interest > 0)
    if not known.any():
        return np.where(absent, 0.0, volume)
    turnover = np.divide(volume, open_interest, out=np.zeros_like(volume), where=known)
    return np.where(absent, turnover[_last_known(known)] * open_interest, volume)
