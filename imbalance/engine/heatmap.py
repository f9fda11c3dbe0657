"""The map through time: what stood where, column by column, up to now.

A cohort adds its mass at its opening column and takes what is left of it off at first passage; a class's column is
the one before, faded, plus these changes. Every factor is at most 1, so that nothing overflows.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import calibration, clock, density, flows, lean, passage
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.bounds import require_usable
from imbalance.engine.cohorts import Cohorts, build
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.venue import DAY_MS, Venue, in_contracts, kinds
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MARGIN_LOG = 0.12
MOST_SPANS = 2000  # of the price path: more than a picture has columns of pixels
POINTS = 1
OLD_POINTS = 2400  # so many that no single entry of the old inventory draws a stripe
LEAST_SHARE = 1e-4  # of the weights: a class below, as of a structure that the data have ruled out, is not drawn
ENTRIES_A_COLUMN = 32  # with distances spread over their cells, more only smooth the grain
CHUNK = 131_072  # cohorts at a time, so that memory and cost grow with bars and no faster


class LiquidationHeatmap(msgspec.Struct, frozen=True):
    """Forced liquidations by price through time.

    Attributes
    ----------
    symbol : base coin.
    time_ms : end of each column, shape (columns,).
    edges : price bins [USD], rising, shape (bins + 1,).
    long_usd, short_usd : forced mass standing at a column's end, shape (columns, bins).
    price : close at a column's end, shape (columns,).
    path_time_ms, path : the price path bar by bar, or in `MOST_SPANS` spans where there are more bars, and their ends.
    """

    symbol: str
    time_ms: npt.NDArray[np.int64]
    edges: Floats
    long_usd: Floats
    short_usd: Floats
    price: Floats
    path_time_ms: npt.NDArray[np.int64]
    path: PricePath


def heatmap(
    symbol: str,
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: PricePath,
    venues: list[Venue],
    weights: Floats,
    a: Assumptions,
    columns: int,
    bins: int,
    *,
    opened: Floats | None = None,
) -> LiquidationHeatmap:
    """Lay the map out through time, all venues of a kind of contract as one.

    Parameters
    ----------
    weights : forced share by side, distance cell and class, the last two flat, as the map of the last bar found them,
        shape (sides, cells * classes).
    columns, bins : size of the result; no more columns than bars.
    opened : what positions count for by side and opening day, as that map found it, shape (sides, days + 1); once where
        it is not given.
    """
    require_usable(path, venues)
    bars = time_ms.size
    columns = min(columns, bars)
    column = (np.arange(bars) * columns // bars).astype(np.intp)
    last = np.append(np.flatnonzero(np.diff(column)), bars - 1)
    low, high = float(np.log(path.low.min())) - MARGIN_LOG, float(np.log(path.high.max())) + MARGIN_LOG
    grid = _Grid(column, last, low, (high - low) / bins, bins)
    table = weights.reshape(2, a.distances, -1)
    opened = np.ones((2, 1)) if opened is None else opened
    day = calibration.days(bars, interval_ms)
    lives = a.lives()
    speed = clock.activity(
        np.stack([v.volume for v in venues]), np.stack([v.open_interest for v in venues]), a.turnover_share
    )
    volume, contracts = in_contracts(venues, path.close)
    out = np.zeros((len(density.SIDES), columns, bins))
    for inverse, mine in kinds(venues):
        for interest, traded in _sums(volume[mine], contracts[mine]):
            cohorts = build(
                path,
                traded[None],
                interest[None],
                interval_ms / DAY_MS,
                lives,
                speed,
                a.turnover_share,
                old_points=OLD_POINTS,
            )
            cohorts = _gathered(cohorts, column)
            times = lean.of_cohorts(opened, day, cohorts)
            for side in (LONG, SHORT):
                out[side] += _standing(side, path, cohorts, times[side], table[side], grid, inverse)
    edges = np.exp(low + grid.width * np.arange(bins + 1))
    ends_ms = time_ms + interval_ms
    through, spans = path.spans(MOST_SPANS)
    return LiquidationHeatmap(
        symbol, ends_ms[last], edges, out[LONG], out[SHORT], path.close[last], ends_ms[through], spans
    )


def _sums(volume: Floats, contracts: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield open interest and volume of venues whose open interest is known from the same bar on, summed.

    Summed with the others, a venue that is known from later on would seem to open all that it holds in one bar.
    """
    known = [flows.known_interest(row) for row in contracts]
    for start in sorted({first for _row, first in known}):
        mine = [v for v, (_row, first) in enumerate(known) if first == start]
        traded = [flows.filled_volume(volume[v], known[v][0]) for v in mine]
        interest = np.sum([known[v][0] for v in mine], axis=0)
        interest[:start] = np.nan
        yield interest, np.sum(traded, axis=0)


def _gathered(cohorts: Cohorts, column: Ints) -> Cohorts:
    """Return the cohorts with those of neighbouring bars as one where a column has many bars.

    What they opened, as it will have faded, enters in the middle one. No two columns share one.
    """
    bars = column.size
    many = bars // (ENTRIES_A_COLUMN * (int(column[-1]) + 1))
    if many <= 1:
        return cohorts
    start_of_column = np.searchsorted(column, column)
    starts = np.flatnonzero((np.arange(bars) - start_of_column) % many == 0)
    counts = np.diff(starts, append=bars)
    middle = starts + counts // 2
    fading = np.exp(cohorts.clock - cohorts.clock[:, np.repeat(middle, counts)])
    together = np.add.reduceat(cohorts.opened[:, :, :bars] * fading, starts, axis=2)
    kept = cohorts.part(np.append(middle, np.arange(bars, cohorts.birth.size)))
    return msgspec.structs.replace(kept, opened=np.concatenate([together, cohorts.opened[:, :, bars:]], axis=2))


class _Grid(msgspec.Struct, frozen=True):
    """Column of each bar and last bar of each column; lowest log price, width and number of bins."""

    column: Ints
    last: Ints
    low: float
    width: float
    bins: int


def _standing(
    side: int, path: PricePath, cohorts: Cohorts, times: Floats, table: Floats, grid: _Grid, inverse: bool
) -> Floats:
    """Return one side's mass at the end of every column, cohorts counted `times`, shape (columns, bins)."""
    columns, classes = grid.last.size, table.shape[1]
    seen = cohorts.clock[:, grid.last]
    sweep = _sweep(path.low if side == LONG else -path.high, grid.column)
    change = np.zeros((classes, columns * grid.bins))
    for start in range(0, cohorts.birth.size, CHUNK):
        chunk = slice(start, start + CHUNK)
        _change(change, side, cohorts.part(chunk), times[chunk], table, seen, sweep, grid, inverse)
    out = np.empty((columns, grid.bins))
    standing = np.zeros((classes, grid.bins))
    fade = np.exp(-np.diff(seen, axis=1, prepend=seen[:, :1]))
    scale = cohorts.scale[0, cohorts.structure][:, grid.last]
    for c in range(columns):
        standing *= fade[:, c, None]
        standing += change.reshape(classes, columns, grid.bins)[:, c]
        out[c] = scale[:, c] @ standing
    return np.maximum(out, 0.0, out=out)


def _change(
    change: Floats,
    side: int,
    cohorts: Cohorts,
    times: Floats,
    table: Floats,
    seen: Floats,
    sweep: _Sweep,
    grid: _Grid,
    inverse: bool,
) -> None:
    """Add to `change`, shape (classes, columns x bins), what comes and goes; within a column neither is ever seen.

    Only the column of a passage matters, so each column is one long bar once the rest of the own one is looked at.
    """
    since, rest = grid.column[cohorts.birth], sweep.rest[cohorts.birth]
    after, came = sweep.after[since], since * grid.bins
    opened = cohorts.opened[0] * times * np.exp(cohorts.clock[:, cohorts.birth] - seen[:, since])
    edges, shown = density.distance_edges(table.shape[0]), np.flatnonzero(table.sum(axis=0) > LEAST_SHARE * table.sum())
    for cell, _all, price, level in density.entries(cohorts, edges, POINTS, side, inverse=inverse):
        who = np.flatnonzero(level < rest)
        at = np.floor((np.log(price.take(who)) - grid.low) / grid.width).astype(np.intp)
        alive = density.arrival(cohorts, side, level.take(who), who)
        kept = np.flatnonzero((alive > 0) & (at >= 0) & (at < grid.bins))
        who, at, alive = who.take(kept), at.take(kept), alive.take(kept)
        first = since.take(who)
        gone = passage.hits(level.take(who), first + 1, sweep.minima, after.take(who))
        left = np.flatnonzero(gone < grid.last.size)
        leaves, came_in = gone.take(left), first.take(left)
        here, there = came.take(who) + at, leaves * grid.bins + at.take(left)
        usd = alive if inverse else price.take(who) * alive
        for k in shown:
            mass = opened[k].take(who) * (usd * table[cell, k])
            np.add.at(change[k], here, mass)
            np.subtract.at(change[k], there, mass.take(left) * np.exp(seen[k].take(came_in) - seen[k].take(leaves)))


class _Sweep(msgspec.Struct, frozen=True):
    """One side's extremes by column: of the rest of each bar's own column, and of whole columns from each on."""

    rest: Floats
    minima: list[Floats]
    after: Floats


def _sweep(lows: Floats, column: Ints) -> _Sweep:
    counts = np.bincount(column)
    place = np.arange(column.size) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((counts.size, int(counts.max()) + 1), np.inf)
    table[column, place] = lows
    table = np.minimum.accumulate(table[:, ::-1], axis=1)[:, ::-1]
    whole = table[:, 0]
    return _Sweep(table[column, place + 1], passage.block_minima(whole), np.append(passage.suffix_low(whole), np.inf))
