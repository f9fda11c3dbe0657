"""First passage: the bar in which price first reaches a level.

A table of running extremes over blocks of 2^k bars answers any start by binary descent: exact, and
log2(bars) gathers a query (sparse table; Bender & Farach-Colton 2000 for the idea).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

STRIDE = 4  # first blocks of 2^4 bars, then of 2^8, ...: halving inside one costs less than another look at the next


def suffix_low(low: Floats) -> Floats:
    """Return the lowest low of all later bars, shape (bars,); infinity after the last."""
    return np.concatenate([np.minimum.accumulate(low[::-1])[::-1][1:], [np.inf]])


def block_minima(low: Floats) -> list[Floats]:
    """Return running minima over blocks of 1, 2, 4, ... bars that start at each bar.

    Item k has shape (bars + 1,); a block that would reach past the end, where a hit is never looked for unless it is
    known to come, has minus infinity.
    """
    tables = [np.append(low, -np.inf)]
    while 2 * (1 << (len(tables) - 1)) <= low.size:
        half = 1 << (len(tables) - 1)
        longer = np.full(low.size + 1, -np.inf)
        np.minimum(tables[-1][:-half], tables[-1][half:], out=longer[:-half])
        tables.append(longer)
    return tables


def hits(level: Floats, start: Ints, minima: list[Floats], later: Floats) -> Ints:
    """Return the first bar at or after `start` whose low is at or below `level`; the number of bars if none is.

    Made for queries most of which are met soon or never: those never met are told by `later`; the others try blocks
    of growing size first, each leaving the race as its block is found.

    Parameters
    ----------
    level, start : shape (n,); starts may equal the number of bars.
    minima : of `block_minima`.
    later : the lowest low from each start on, infinity where there is none, shape (n,).
    """
    out = np.full(level.size, minima[0].size - 1, dtype=np.intp)
    who = np.flatnonzero(later <= level)
    at, want = start.take(who), level.take(who)
    for k in range(STRIDE, len(minima), STRIDE):
        if not who.size:
            break
        clear = _taken(minima[k], at) > want
        found, kept = np.flatnonzero(~clear), np.flatnonzero(clear)
        out[who.take(found)] = _descend(at.take(found), want.take(found), minima[:k])
        who, want = who.take(kept), want.take(kept)
        at = at.take(kept) + (1 << k)
    if who.size:
        out[who] = _descend(at, want, minima)
    return out


def _descend(at: Ints, level: Floats, minima: list[Floats]) -> Ints:
    """Return the first hit within the block that is known to hold it, by halving."""
    for k in range(len(minima) - 1, -1, -1):
        at = at + (_taken(minima[k], at) > level) * np.intp(1 << k)
    return at


def _taken(table: Floats, at: Ints) -> Floats:
    """Return a table's items; beyond its end the last, minus infinity. Clipping is quicker than checked indexing."""
    return np.asarray(table.take(at, mode="clip"))
