"""What would have been liquidated in each bar if every position had a given distance and life.

Expected liquidations are linear in the weights of these features, which is what `calibrate` fits. Of a bar nothing is
used but its own price path: flows, open interest and the clock end with the bar before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import at_once, passage
from imbalance.engine.cohorts import Cohorts
from imbalance.engine.density import SIDES, USUAL_RANGE, arrival, entries, lows
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# e^-50 of a class is next to nothing, beside itself earlier and beside slower classes now; at most a segment.
FADED = 50.0
SEGMENT = 300.0  # of the exponent of decay: e^-300 is nothing, and e^300 is far from overflow
OWN_BAR_POWER = 0.5
MERGED_A_DAY = (96, 24)
AGES = 30  # days; what is older counts as of one age


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
    inverse: npt.NDArray[np.bool_],
    bars_a_day: int,
    day: Ints | None = None,
) -> tuple[list[Floats], Floats]:
    """Return contracts x price liquidated by bucket if every position had the distance, and by day and age.

    Of each structure by distance and class for positions that stood at the bar's start; the last column holds those
    that open and die in one bar, whatever their class. The second is of positions that stood alone, by how many days
    before they were opened: 0, 1, 2, ..., in the last all that is older.

    Parameters
    ----------
    bucket : bucket of each bar, rising from 0, shape (bars,).
    points : entries that stand for a bar's range.
    venues : which rows of the cohorts are wanted.
    inverse : which of these have inverse contracts.
    day : of each bar, rising from 0, shape (bars,); no ages are wanted where it is not given.

    Returns
    -------
    for each structure shape (venues wanted, buckets, sides, distances, classes + 1), so that a fit reads it as it
    lies; and shape (venues wanted, sides, distances, classes, days, `AGES` + 1) [USD].
    """
    rows, cells, classes = (venues.size, int(bucket[-1]) + 1, len(SIDES)), edges.size - 1, cohorts.structure.size
    x = [np.zeros((*rows, cells, many + 1)) for many in np.bincount(cohorts.structure)]
    ages = np.zeros((venues.size, len(SIDES), cells, classes, 0 if day is None else int(day[-1]) + 1, AGES + 1))
    for kind in (False, True):
        mine = np.flatnonzero(inverse == kind)
        if mine.size:
            _add_kind(x, ages, mine, path, cohorts, edges, bucket, points, venues[mine], bars_a_day, day, inverse=kind)
    return x, ages


def _add_kind(
    x: list[Floats],
    ages: Floats,
    mine: Ints,
    path: PricePath,
    cohorts: Cohorts,
    edges: Floats,
    bucket: Ints,
    points: int,
    venues: Ints,
    bars_a_day: int,
    day: Ints | None,
    *,
    inverse: bool,
) -> None:
    """Add what venues of one kind of contract print to their rows `mine` of `x` and of `ages`."""
    classes = range(cohorts.structure.size)
    clocks = [_clock(cohorts, k, venues) for k in classes]
    runs = [(cohorts.merged(every), part) for every, part in merging(edges, bars_a_day)]
    fading = [[clock.fading(few.birth, few.opened[venues, k]) for k, clock in enumerate(clocks)] for few, _ in runs]
    opening = cohorts.opened[venues][:, cohorts.structure == 0, : bucket.size].sum(axis=1)
    own = own_bar_flow(opening, path, bars_a_day)[:, None] * _before(cohorts.scale[venues])
    born = [None if day is None else np.where(few.old, -AGES, day.take(few.birth)) for few, _ in runs]
    first = np.searchsorted(cohorts.structure, cohorts.structure)
    columns = [x[m][..., k - first[k]] for k, m in enumerate(cohorts.structure)]

    def one_side(side: int) -> None:
        low = lows(path, side)
        minima, after = passage.block_minima(low), passage.suffix_low(low)
        for (few, part), fades, since in zip(runs, fading, born, strict=True):
            some = edges[part.start : part.stop + 1]
            for i, which, when, usd in _deaths(few, side, minima, after, some, points, inverse=inverse):
                at, cell = bucket.take(when), part.start + i
                age = None if day is None or since is None else _row_of_age(day, since.take(which), when)
                for k, fade in enumerate(fades):
                    out = columns[k][:, :, side, cell]
                    fade.add(out, ages[:, side, cell, k], mine, which, when, usd, at, age)
        new = cohorts.part(slice(bucket.size))
        into = [structure[..., side, :, -1] for structure in x]
        _add_own(into, mine, new, own, side, low, edges, bucket, points, inverse=inverse)

    at_once.each(one_side, SIDES, bucket.size)


def _deaths(
    cohorts: Cohorts,
    side: int,
    minima: list[Floats],
    after: Floats,
    edges: Floats,
    points: int,
    *,
    inverse: bool,
) -> Iterator[tuple[int, Ints, Ints, Floats]]:
    """Yield (distance cell, cohorts, bars in which they die, price x share of them) for each entry point."""
    later, born = after[cohorts.birth], cohorts.birth + 1
    for i, who, price, level in entries(cohorts, edges, points, side, inverse=inverse, above=later):
        alive = arrival(cohorts, side, level, who)
        hit = passage.hits(level, born.take(who), minima, later.take(who))
        met = np.flatnonzero((hit < minima[0].size - 1) & (alive > 0))
        if not met.size:
            continue
        yield i, who.take(met), hit.take(met), (alive if inverse else alive * price).take(met) / points


def _row_of_age(day: Ints, born: Ints, when: Ints) -> Ints:
    """Return rows of days and ages, shape of the bars `when`, given the day of each bar and of each birth."""
    today = day.take(when)
    return np.asarray(today * (AGES + 1) + np.minimum(today - born, AGES))


def _add_own(
    out: list[Floats],
    mine: Ints,
    cohorts: Cohorts,
    own: Floats,
    side: int,
    low: Floats,
    edges: Floats,
    bucket: Ints,
    points: int,
    *,
    inverse: bool,
) -> None:
    """Add what opens and dies in one bar to `out`, for each structure shape (venues, buckets, distances).

    Parameters
    ----------
    mine : rows of `out`, shape (venues,).
    cohorts : one a bar.
    own : contracts that open in each bar, shape (venues, structures, bars).
    """
    for i, who, price, level in entries(cohorts, edges, points, side, inverse=inverse, above=low):
        alive = arrival(cohorts, side, level, who)
        dead = np.flatnonzero(alive < 1)
        when, lost = who.take(dead), (1 - alive[dead]) * (1.0 if inverse else price[dead]) / points
        at = bucket.take(when)
        for v, m in np.ndindex(own.shape[:2]):
            out[m][mine[v], :, i] += np.bincount(at, lost * own[v, m].take(when), minlength=out[m].shape[1])


def merging(edges: Floats, bars_a_day: int) -> list[tuple[int, slice]]:
    """Return how many bars' cohorts may count as one at which distance cells, for runs of cells.

    The farther a position is from its liquidation, the less it matters when within an hour it was opened. What is
    merged spans a bar, a quarter of an hour or an hour, and no more than price ranges over by half the distance in
    (the range of a span of days t taken as `density.USUAL_RANGE` t^(1/2)).
    """
    days = (edges[:-1] / (2 * USUAL_RANGE)) ** 2
    spans = sorted({1, *(bars_a_day // a_day for a_day in MERGED_A_DAY if bars_a_day > a_day)})
    which = np.maximum(np.searchsorted(spans, days * bars_a_day, side="right") - 1, 0)
    first = np.searchsorted(which, np.arange(len(spans) + 1))
    runs = zip(spans, itertools.pairwise(first), strict=True)
    return [(every, slice(int(start), int(stop))) for every, (start, stop) in runs if start < stop]


class _Clock(msgspec.Struct, frozen=True):
    """What is left of a class's cohorts at a later bar, as a product of one factor for each.

    Both factors are relative to the start of their own segment of the exponent, so that neither overflows.

    Attributes
    ----------
    up : growth by the exponent, shape (bars,).
    down : scale, faded by the exponent, both as of the bar before, shape (venues, bars).
    born_in, seen_in : segments of births and of bars, shape (bars,) each; None where there is but one.
    until : the last bar at whose start anything to speak of is left, shape (bars,); None where all bars are.
    """

    up: Floats
    down: Floats
    born_in: Floats | None
    seen_in: Floats | None
    until: Ints | None

    def fading(self, birth: Ints, opened: Floats) -> _Fading:
        """Return the fading of cohorts born in bars, shape (cohorts,), opened as said, shape (venues, cohorts)."""
        born_in = None if self.born_in is None else self.born_in.take(birth)
        return _Fading(
            self, self.up.take(birth) * opened, born_in, None if self.until is None else self.until.take(birth)
        )


def _clock(cohorts: Cohorts, k: int, venues: Ints) -> _Clock:
    exponent = cohorts.clock[k]
    segment = np.floor(exponent / SEGMENT)
    grown = exponent - segment * SEGMENT
    down = _before(np.exp(-grown) * cohorts.scale[venues, cohorts.structure[k]])
    one = segment[-1] == 0
    # Most classes have faded long before far prices are met: what is next to nothing is not summed.
    until = None if exponent[-1] < FADED else np.searchsorted(exponent, exponent + FADED, side="right")
    return _Clock(np.exp(grown), down, None if one else segment, None if one else _before(segment), until)


class _Fading(msgspec.Struct, frozen=True):
    """A class's cohorts on its clock: contracts opened, grown to birth (venues, cohorts), and the clock's of births."""

    clock: _Clock
    up: Floats
    born_in: Floats | None
    until: Ints | None

    def add(
        self, out: Floats, ages: Floats, mine: Ints, met: Ints, when: Ints, usd: Floats, at: Ints, age: Ints | None
    ) -> None:
        """Add the worth of the cohorts `met` in the bars `when` to the rows `at` of `out`, shape (venues, buckets).

        And to the rows `age` of `ages`, shape (venues, days, ages), where these are wanted; both of the venues `mine`.
        """
        if self.until is not None:
            left = np.flatnonzero(when <= self.until.take(met))
            if left.size < when.size:
                met, when, usd, at = met.take(left), when.take(left), usd.take(left), at.take(left)
                age = None if age is None else age.take(left)
        if self.born_in is not None and self.clock.seen_in is not None:
            usd = np.where(self.clock.seen_in.take(when) > self.born_in.take(met), usd * np.exp(-SEGMENT), usd)
        for v, up, down in zip(mine.tolist(), self.up, self.clock.down, strict=True):
            worth = up.take(met)
            worth *= usd
            worth *= down.take(when)
            out[v] += np.bincount(at, worth, minlength=out.shape[1])
            if age is not None:
                ages[v] += np.bincount(age, worth, minlength=ages[v].size).reshape(ages[v].shape)


def _before(values: Floats) -> Floats:
    """Return each bar's values as of the bar before, of which alone a bar may know; the first bar has its own."""
    return np.concatenate([values[..., :1], values[..., :-1]], axis=-1)
