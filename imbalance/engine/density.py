"""Mass by liquidation price: what lives, what was swept, and the bins it lies in.

For every side and distance, a cohort's entries spread evenly over its bar's range; each has its liquidation price
(`margin.price_at_distance`). It lives while no later low (high) has
reached that price. In its own bar it is dead on arrival where the close is past it, and counts half where
only the extreme is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from imbalance.engine import at_once, passage
from imbalance.engine.cohorts import Cohorts
from imbalance.engine.margin import LONG, SHORT, price_at_distance
from imbalance.engine.venue import DAY_MS, HOUR_MS
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

BIN_LOG_WIDTH = 0.0025
REACH_LOG = 0.42
USUAL_RANGE = 0.04  # of the price over a day, as at 2.5 % a day; over other spans by the root of time
SIDES = (LONG, SHORT)
LEAST_LEFT = 1e-20  # of a class's largest cohort
GOLDEN = (5**0.5 - 1) / 2
TIE = 1e-9  # of a distance: by so much a cell is taken wider where it is asked what it may hold


def log_edges() -> Floats:
    """Return bin edges in log distance from the price; the price itself is an edge."""
    half = round(REACH_LOG / BIN_LOG_WIDTH)
    return np.arange(-half, half + 1, dtype=np.float64) * BIN_LOG_WIDTH


def distance_edges(cells: int) -> Floats:
    """Return edges of distance cells from 0.12 % to 60 % of entry, even in their logarithm, shape (cells + 1,)."""
    return np.geomspace(0.0012, 0.6, cells + 1)


def entry_points(interval_ms: int) -> int:
    """Return how many entries stand for a bar's range: of bars below an hour one for each bin it usually spans."""
    spans = USUAL_RANGE * (interval_ms / DAY_MS) ** 0.5 / BIN_LOG_WIDTH
    return 9 if interval_ms >= HOUR_MS else max(round(spans), 1)


def sum_points(interval_ms: int) -> int:
    """Return the same where only sums over hours are wanted: many short bars' entries stand for each other's."""
    return 9 if interval_ms >= HOUR_MS else 1


def entries(
    cohorts: Cohorts, edges: Floats, points: int, side: int, *, inverse: bool = False, above: Floats | None = None
) -> Iterator[tuple[int, Ints, Floats, Floats]]:
    """Yield (distance cell, cohorts, price, level) for each entry point of one side.

    `level` is the price mirrored for shorts, so that "reached" is always "low at or below level". Distances run
    through their cell (cells are even in the logarithm) from entry to entry by the golden ratio, so that no comb
    of grid distances shows.

    Parameters
    ----------
    above : at or above what a level is of interest, shape (cohorts,). Cohorts none of whose levels in a cell are can
        be left out of it and of farther ones; without, none is.
    """
    order = cohorts.phase * points
    step = edges[1] / edges[0]
    spans = [
        (
            cohorts.entry_low + (cohorts.entry_high - cohorts.entry_low) * ((j + 0.5) / points),
            step ** np.modf((order + j + 0.5) * GOLDEN)[0],
        )
        for j in range(points)
    ]
    highest, who = cohorts.entry_low if side == SHORT else cohorts.entry_high, np.arange(order.size)
    for i in range(edges.size - 1):
        if above is not None:
            nearest = price_at_distance(highest.take(who), edges[i] * (1 - TIE), side, inverse=inverse)
            who = who[(-nearest if side == SHORT else nearest) >= above.take(who)]
        for entry, within in spans:
            if who.size < order.size:
                entry, within = entry.take(who), within.take(who)  # noqa: PLW2901 (those of the cell)
            price = price_at_distance(entry, within * edges[i], side, inverse=inverse)
            yield i, who, price, -price if side == SHORT else price


def arrival(cohorts: Cohorts, side: int, level: Floats, of: Ints | slice = slice(None)) -> Floats:
    """Return the share of entries that outlive their own bar: none past its close, half past its extreme.

    `level` is that of the cohorts `of`.
    """
    if side == LONG:
        low, close = cohorts.seen_low[of], cohorts.seen_close[of]
    else:
        low, close = -cohorts.seen_high[of], -cohorts.seen_close[of]
    # The close is never past the extreme: half for each of them that the level lies beyond.
    return np.asarray(0.5 * np.add(level < low, level < close, dtype=np.float64))


def _reach(path: PricePath, cohorts: Cohorts, price: float, side: int) -> Floats:
    """Return the level at or above which a cohort has been reached since its bar, shape (cohorts,)."""
    now = -price if side == SHORT else price
    return np.minimum(passage.suffix_low(lows(path, side))[cohorts.birth], now)


def lows(path: PricePath, side: int) -> Floats:
    """Return the lows, mirrored for shorts, shape (bars,)."""
    _open, high, low, _close = path
    return low if side == LONG else -high


def mass_basis(
    path: PricePath,
    cohorts: Cohorts,
    left: Floats,
    edges: Floats,
    price: float,
    points: int,
    *,
    inverse: bool = False,
    alive: Floats | None = None,
    times: Sequence[Floats | None] = (None,),
) -> Floats:
    """Return mass by bin for every distance.

    Parameters
    ----------
    left : contracts (base coin; USD where `inverse`) left by class and cohort, shape (classes, cohorts).
    alive : zeros, to which the share of each cohort that lives is added where it is wanted, shape
        (sides, distances, cohorts).
    times : what a side's cohorts count for in each way of counting, shape (sides, cohorts); None where once.

    Returns
    -------
    USD (base x liquidation price), shape (ways, sides, distances, classes, bins).
    """
    classes = len(left)
    cells = edges.size - 1
    bin_edges = log_edges()
    bins = bin_edges.size - 1
    first = np.array([_first_that_matters(row) for row in left])

    def one_side(side: int) -> Floats:
        mass = np.zeros((len(times), cells, classes, bins))
        bound = _reach(path, cohorts, price, side)
        for i, _all, level_price, level in entries(cohorts, edges, points, side, inverse=inverse):
            left_over = np.flatnonzero(level < bound)
            live = arrival(cohorts, side, level.take(left_over), left_over)
            if alive is not None:
                alive[side, i, left_over] += live / points
            at_price = level_price.take(left_over)
            at = np.floor((np.log(at_price / price) - bin_edges[0]) / BIN_LOG_WIDTH).astype(np.intp)
            inside = np.flatnonzero((at >= 0) & (at < bins) & (live > 0))
            held, where = left_over.take(inside), at.take(inside)
            usd = live.take(inside) / points if inverse else (live * at_price).take(inside) / points
            start = np.searchsorted(held, first).tolist()
            counts = [None if way is None else way[side].take(held) for way in times]
            for k, row in enumerate(left):
                late = slice(start[k], None)
                weights, to = row.take(held[late]) * usd[late], where[late]
                for way, count in enumerate(counts):
                    counted = weights if count is None else weights * count[late]
                    mass[way, i, k] += np.bincount(to, counted, minlength=bins)
        return mass

    return np.stack(at_once.each(one_side, SIDES, cohorts.birth.size), axis=1)


def _first_that_matters(left: Floats) -> int:
    """Return the first cohort of which more than next to nothing is left: short lives leave but the latest."""
    return int(np.argmax(left > LEAST_LEFT * left.max()))
