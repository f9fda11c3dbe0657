"""What would have been liquidated in each bar if every position had a given distance and life.

Expected liquidations are linear in the weights of these features, which is what `calibrate` fits. Of a bar nothing is
used but its own price path: flows, open interest and the clock end with the bar before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine import passage
from imbalance.engine.cohorts import Cohorts
from imbalance.engine.density import SIDES, arrival, entries, lows
from imbalance.engine.venue import Venue
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SEGMENT = 300.0  # of the exponent of decay: e^-300 is nothing, and e^300 is far from overflow
OWN_BAR_POWER = 0.5


def trailing(values: Floats, span: int) -> Floats:
    """Return the mean of the `span` bars before each bar, over the last axis; the bar itself is not looked at.

    The first bar, before which there is none, gives its own value for what is not a flow, so 0.
    """
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    now = np.arange(values.shape[-1])
    first = np.maximum(now - span, 0)
    return np.asarray((total[..., now] - total[..., first]) / np.maximum(now - first, 1))


def own_bar_flow(opening: Floats, path: PricePath, bars_a_day: int) -> Floats:
    """Return contracts expected to open in each bar, shape of `opening` (..., bars).

    The mean of the day before, times the root of the bar's log range over its usual one: busy bars open more.
    """
    width = np.log(path.high / path.low)
    usual = trailing(width, bars_a_day)
    relative = np.divide(width, usual, out=np.ones_like(width), where=usual > 0)
    return np.asarray(trailing(opening, bars_a_day) * relative**OWN_BAR_POWER)


def standing_and_own(
    path: PricePath,
    cohorts: Cohorts,
    edges: Floats,
    bucket: Ints,
    points: int,
    venues: Ints,
    bars_a_day: int,
    *,
    inverse: bool = False,
) -> Floats:
    """Return contracts x price liquidated by bucket if every position had the distance.

    By distance and class for positions that stood at the bar's start; the last columns, one a structure, hold those
    that open and die in one bar, whatever their class.

    Parameters
    ----------
    bucket : bucket of each bar, rising from 0, shape (bars,).
    points : entries that stand for a bar's range.
    venues : which rows of the cohorts are wanted.

    Returns
    -------
    shape (venues wanted, sides, buckets, distances, classes + structures) [USD].
    """
    bars, cells, classes = path.open.size, edges.size - 1, cohorts.clock.shape[0]
    firsts = np.flatnonzero(np.diff(bucket, prepend=-1))
    structures = cohorts.scale.shape[1]
    out = np.zeros((venues.size, len(SIDES), firsts.size, cells, classes + structures))
    opened = cohorts.opened[venues]
    own = own_bar_flow(opened[:, cohorts.structure == 0, :bars].sum(axis=1), path, bars_a_day)
    # Of a bar nothing is known but its path: scale and clock are those of the bar before.
    before = np.maximum(np.arange(bars) - 1, 0)
    scale = cohorts.scale[venues][:, :, before]
    segment = np.floor(cohorts.clock / SEGMENT)
    grown = cohorts.clock - segment * SEGMENT
    up, down = np.exp(grown)[:, cohorts.birth] * opened, np.exp(-grown)[:, before]
    born_in, seen_in = segment[:, cohorts.birth], segment[:, before]
    minima = [passage.block_minima(lows(path, side)) for side in SIDES]
    later = [passage.suffix_low(lows(path, side))[cohorts.birth] for side in SIDES]
    died = np.zeros((venues.size, classes, bars))
    fresh = np.zeros(bars)
    for n, (side, i, price, level) in enumerate(entries(cohorts, edges, points, inverse=inverse)):
        worth = np.ones_like(price) if inverse else price
        alive = arrival(cohorts, side, level)
        hit = passage.hits(level, cohorts.birth + 1, minima[side], later[side])
        met = np.flatnonzero((hit < bars) & (alive > 0))
        when, usd = hit[met], alive[met] * worth[met] / points
        for k in range(classes):
            left = usd
            if segment[k, -1] > 0:
                gap = seen_in[k, when] - born_in[k, met]
                left = usd * np.where(gap > 1, 0.0, np.where(gap > 0, np.exp(-SEGMENT), 1.0))
            for v in range(venues.size):
                died[v, k] += np.bincount(when, up[v, k, met] * left, minlength=bars)
        fresh += (1 - alive[:bars]) * worth[:bars] / points
        if (n + 1) % points == 0:
            died *= down * scale[:, cohorts.structure]
            out[:, side, :, i, :classes] = np.moveaxis(np.add.reduceat(died, firsts, axis=2), 1, 2)
            born_and_died = np.add.reduceat(own[:, None] * scale * fresh, firsts, axis=2)
            out[:, side, :, i, classes:] = np.moveaxis(born_and_died, 1, 2)
            died[:], fresh[:] = 0.0, 0.0
    return out


def liquidation_features(
    path: PricePath,
    cohorts: Cohorts,
    edges: Floats,
    bucket: Ints,
    points: int,
    venues: list[Venue],
    wanted: Ints,
    bars_a_day: int,
) -> Floats:
    """Return `standing_and_own` of the venues wanted, each by its kind of contract."""
    inverse = np.array([venues[v].inverse for v in wanted])
    out = None
    for kind in (False, True):
        mine = np.flatnonzero(inverse == kind)
        if mine.size:
            x = standing_and_own(path, cohorts, edges, bucket, points, wanted[mine], bars_a_day, inverse=kind)
            out = np.empty((wanted.size, *x.shape[1:])) if out is None else out
            out[mine] = x
    if out is None:
        raise ValueError("no venue is wanted")
    return out
