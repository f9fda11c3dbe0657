"""What would have been liquidated in each bar if every position had a given distance and life.

Expected liquidations are linear in the weights of these features, which is what `calibrate` fits. Of a bar nothing is
used but its own price path: flows, open interest and the clock end with the bar before.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt

from imbalance.engine import passage
from imbalance.engine.cohorts import Cohorts
from imbalance.engine.density import SIDES, arrival, entries, lows
from imbalance.engine.venue import Venue
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# e^-50 of a class is next to nothing, beside itself earlier and beside slower classes now; at most a segment.
FADED = 50.0
SEGMENT = 300.0  # of the exponent of decay: e^-300 is nothing, and e^300 is far from overflow
OWN_BAR_POWER = 0.5
USUAL_RANGE = 0.04  # of the price over a day, as at 2.5 % a day
MERGED_A_DAY = (96, 24)


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
    buckets, structures = int(bucket[-1]) + 1, cohorts.scale.shape[1]
    out = np.zeros((venues.size, len(SIDES), buckets, cells, classes + structures))
    minima = [passage.block_minima(lows(path, side)) for side in SIDES]
    after = [passage.suffix_low(lows(path, side)) for side in SIDES]
    for every, part in merging(edges, bars_a_day):
        few = cohorts.merged(every)
        fading = [_fading(few, k, venues) for k in range(classes)]
        later = [low[few.birth] for low in after]
        for side, i, price, level in entries(few, edges[part.start : part.stop + 1], points, inverse=inverse):
            alive = arrival(few, side, level)
            hit = passage.hits(level, few.birth + 1, minima[side], later[side])
            met = np.flatnonzero((hit < bars) & (alive > 0))
            usd = alive[met] if inverse else (alive * price)[met]
            for k, fade in enumerate(fading):
                fade.add(out[:, side, :, part.start + i, k], met, hit[met], usd / points, bucket)
    opening = cohorts.opened[venues][:, cohorts.structure == 0, :bars].sum(axis=1)
    own = own_bar_flow(opening, path, bars_a_day)[:, None] * _before(cohorts.scale[venues])
    new = cohorts.part(slice(bars))
    for side, i, price, level in entries(new, edges, points, inverse=inverse):
        alive = arrival(new, side, level)
        dead = np.flatnonzero(alive < 1)
        lost, at = (1 - alive[dead]) * (1.0 if inverse else price[dead]) / points, bucket[dead]
        for v, m in np.ndindex(own.shape[:2]):
            out[v, side, :, i, classes + m] += np.bincount(at, lost * own[v, m, dead], minlength=buckets)
    return out


def merging(edges: Floats, bars_a_day: int) -> list[tuple[int, slice]]:
    """Return how many bars' cohorts may count as one at which distance cells, for runs of cells.

    The farther a position is from its liquidation, the less it matters when within an hour it was opened. What is
    merged spans a bar, a quarter of an hour or an hour, and no more than price ranges over by half the distance in
    (the range of a span of days t taken as `USUAL_RANGE` t^(1/2)).
    """
    days = (edges[:-1] / (2 * USUAL_RANGE)) ** 2
    spans = sorted({1, *(bars_a_day // a_day for a_day in MERGED_A_DAY if bars_a_day > a_day)})
    which = np.maximum(np.searchsorted(spans, days * bars_a_day, side="right") - 1, 0)
    first = np.searchsorted(which, np.arange(len(spans) + 1))
    runs = zip(spans, itertools.pairwise(first), strict=True)
    return [(every, slice(int(start), int(stop))) for every, (start, stop) in runs if start < stop]


@dataclasses.dataclass(frozen=True)
class _Fading:
    """What is left of a class's cohorts at a later bar, as a product of one factor for each.

    Both factors are relative to the start of their own segment of the exponent, so that neither overflows.

    Attributes
    ----------
    up : contracts opened, grown by the exponent at birth, shape (venues, cohorts).
    down : scale, faded by the exponent, both as of the bar before, shape (venues, bars).
    born_in, seen_in : segments of births and of bars, shape (cohorts,) and (bars,); None where there is but one.
    until : the last bar at whose start anything to speak of is left, shape (cohorts,); None where all bars are.
    """

    up: Floats
    down: Floats
    born_in: Floats | None
    seen_in: Floats | None
    until: Ints | None

    def add(self, out: Floats, met: Ints, when: Ints, usd: Floats, bucket: Ints) -> None:
        """Add the worth of the cohorts `met` in the bars `when` to `out`, shape (venues, buckets)."""
        if self.until is not None:
            left = when <= self.until.take(met)
            if not left.all():
                met, when, usd = met[left], when[left], usd[left]
        if self.born_in is not None and self.seen_in is not None:
            usd = np.where(self.seen_in.take(when) > self.born_in.take(met), usd * np.exp(-SEGMENT), usd)
        at = bucket.take(when)
        for v, (up, down) in enumerate(zip(self.up, self.down, strict=True)):
            out[v] += np.bincount(at, up.take(met) * usd * down.take(when), minlength=out.shape[1])


def _fading(cohorts: Cohorts, k: int, venues: Ints) -> _Fading:
    exponent, birth = cohorts.clock[k], cohorts.birth
    segment = np.floor(exponent / SEGMENT)
    grown = exponent - segment * SEGMENT
    up = np.exp(grown)[birth] * cohorts.opened[venues, k]
    down = _before(np.exp(-grown) * cohorts.scale[venues, cohorts.structure[k]])
    one = segment[-1] == 0
    # Most classes have faded long before far prices are met: what is next to nothing is not summed.
    until = None if exponent[-1] < FADED else np.searchsorted(exponent, exponent + FADED, side="right")[birth]
    return _Fading(up, down, None if one else segment[birth], None if one else _before(segment), until)


def _before(values: Floats) -> Floats:
    """Return each bar's values as of the bar before, of which alone a bar may know; the first bar has its own."""
    return np.concatenate([values[..., :1], values[..., :-1]], axis=-1)


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
