"""First passage: the bar in which price first reaches a level.

A table of running extremes over blocks of 2^k bars answers any start by binary descent: exact, and
log2(bars) gathers a query (sparse table; Bender & Farach-Colton 2000 for the idea).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def suffix_low(low: Floats) -> Floats:
    """Return the lowest low of all later bars, shape (bars,); infinity after the last."""
    return np.concatenate([np.minimum.accumulate(low[::-1])[::-1][1:], [np.inf]])


def block_minima(low: Floats) -> list[Floats]:
    """Return running minima over blocks of 1, 2, 4, ... bars that start at each bar.

    Item k has shape (bars - 2^k + 1,).
    """
    tables = [low]
    while 2 * (1 << (len(tables) - 1)) <= low.size:
        half = 1 << (len(tables) - 1)
        tables.append(np.minimum(tables[-1][:-half], tables[-1][half:]))
    return tables


def first_passage(level: Floats, start: Ints, minima: list[Floats]) -> Ints:
    """Return the first bar at or after `start` whose low is at or below `level`; bars if none is.

    Parameters
    ----------
    level, start : shape (n,); starts may equal the number of bars.
    minima : of `block_minima`.
    """
    bars = minima[0].size
    at = start.astype(np.intp, copy=True)
    for k in range(len(minima) - 1, -1, -1):
        table = minima[k]
        inside = np.minimum(at, table.size - 1)
        skip = (table[inside] > level) & (at < table.size)
        at += skip.astype(np.intp) << k
    return np.minimum(at, bars)
