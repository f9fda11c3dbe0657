"""The map through time: what stood where, column by column, up to now.

A cohort adds its mass at its opening column and takes it off at first passage; sums along time give every
column at once. Decay enters as a growing weight that is divided out again, in blocks of the clock so that
nothing overflows.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from imbalance.engine import density, flows, passage
from imbalance.engine.cohorts import Cohorts, build
from imbalance.engine.estimate import DAY_MS, Assumptions
from imbalance.engine.margin import LONG, SHORT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Path = tuple[Floats, Floats, Floats, Floats]

BLOCK_EXPONENT = 200.0
MARGIN_LOG = 0.12
POINTS = 1
CHUNK = 131_072  # cohorts at a time, so that memory and cost grow with bars and no faster


@dataclasses.dataclass(frozen=True)
class LiquidationHeatmap:
    """Forced liquidations by price through time.

    Attributes
    ----------
    symbol : base coin.
    time_ms : end of each column, shape (columns,).
    edges : price bins [USD], rising, shape (bins + 1,).
    long_usd, short_usd : forced mass standing at a column's end, shape (columns, bins).
    price : close at a column's end, shape (columns,).
    """

    symbol: str
    time_ms: npt.NDArray[np.int64]
    edges: Floats
    long_usd: Floats
    short_usd: Floats
    price: Floats


def heatmap(
    symbol: str,
    time_ms: npt.NDArray[np.int64],
    interval_ms: int,
    path: Path,
    volume: Floats,
    open_interest: Floats,
    weights: Floats,
    a: Assumptions,
    columns: int,
    bins: int,
) -> LiquidationHeatmap:
    """Lay the map out through time, all venues as one.

    Parameters
    ----------
    volume, open_interest : shape (venues, bars), NaN where unknown.
    weights : forced share by distance cell and class, flat, as the map of the last bar found them.
    columns, bins : size of the result; no more columns than bars.
    """
    bars = time_ms.size
    columns = min(columns, bars)
    hazard, share = np.array(a.class_hazard_a_day), np.array(a.class_share)
    interest = np.sum([flows.known_interest(row)[0] for row in open_interest], axis=0)
    cohorts = build(
        path, np.nansum(volume, axis=0)[None], interest[None], interval_ms / DAY_MS, hazard, share, a.turnover_share
    )
    low, high = float(np.log(path[2].min())) - MARGIN_LOG, float(np.log(path[1].max())) + MARGIN_LOG
    width = (high - low) / bins
    column = (np.arange(bars) * columns // bars).astype(np.intp)
    last = np.append(np.flatnonzero(np.diff(column)), bars - 1)
    table = weights.reshape(a.distances, hazard.size)
    out = np.zeros((2, columns, bins))
    # A column is in the block of its last bar, whatever happens within it.
    blocks = (cohorts.clock[0][:, last] // BLOCK_EXPONENT).astype(np.intp)
    change = np.zeros((hazard.size, 2, columns * bins))
    sweeps = [_sweep(lows, column) for lows in (path[2], -path[1])]
    for start in range(0, cohorts.birth.size, CHUNK):
        part = cohorts.part(slice(start, start + CHUNK))
        stood = _stood(part, a.distances, sweeps, column, low, width, bins)
        for k, block in enumerate(blocks):
            grown = np.exp(cohorts.clock[0, k][part.birth] - block[column[part.birth]] * BLOCK_EXPONENT)
            for side, s in enumerate(stood):
                mass = (grown * part.opened[0, k])[s.who] * table[s.cell, k] * s.usd
                shrunk = mass[s.left]
                if block[-1]:
                    came, went = s.places[: s.who.size][s.left] // bins, s.places[s.who.size :] // bins
                    shrunk = shrunk * np.exp((block[came] - block[went]) * BLOCK_EXPONENT)
                change[k, side] += np.bincount(s.places, np.concatenate([mass, -shrunk]), minlength=columns * bins)
    for k, block in enumerate(blocks):
        for side in (LONG, SHORT):
            out[side] += _summed(change[k, side].reshape(columns, bins), block, cohorts.clock[0, k, last])
    out *= cohorts.scale[0, last][None, :, None]
    np.maximum(out, 0.0, out=out)
    edges = np.exp(low + width * np.arange(bins + 1))
    return LiquidationHeatmap(symbol, time_ms[last] + interval_ms, edges, out[LONG], out[SHORT], path[3][last])


@dataclasses.dataclass(frozen=True)
class _Stood:
    """What stood at the end of some column: its cohort, cell, price x alive.

    `left` indexes what left again; `places` (column x bin) are those where each came, then where each of these went.
    """

    who: Ints
    cell: Ints
    usd: Floats
    left: Ints
    places: Ints


@dataclasses.dataclass(frozen=True)
class _Sweep:
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


def _stood(
    cohorts: Cohorts, cells: int, sweeps: list[_Sweep], column: Ints, low: float, width: float, bins: int
) -> list[_Stood]:
    """Return by side what stood; what comes and goes within a column is never seen.

    Only the column of a passage matters, so each column is one long bar once the rest of the own one is looked at.
    """
    columns = int(column[-1]) + 1
    since = column[cohorts.birth]
    found: list[list[tuple[Ints, Ints, Floats, Ints, Ints]]] = [[], []]
    for side, cell, price, level in density.entries(cohorts, density.distance_edges(cells), POINTS):
        sweep = sweeps[side]
        who = np.flatnonzero(level < sweep.rest[cohorts.birth])
        at = np.floor((np.log(price[who]) - low) / width).astype(np.intp)
        alive = density.arrival(cohorts, side, level[who], who)
        kept = np.flatnonzero((alive > 0) & (at >= 0) & (at < bins))
        who, at = who[kept], at[kept]
        first = since[who]
        gone = passage.hits(level[who], first + 1, sweep.minima, sweep.after[first])
        found[side].append((who, np.full(who.size, cell, dtype=np.intp), price[who] * alive[kept], at, gone))
    stood = []
    for parts in found:
        cohort = np.concatenate([p[0] for p in parts])
        gone = np.concatenate([p[4] for p in parts])
        left = np.flatnonzero(gone < columns)
        at = np.concatenate([p[3] for p in parts])
        stood.append(
            _Stood(
                who=cohort,
                cell=np.concatenate([p[1] for p in parts]),
                usd=np.concatenate([p[2] for p in parts]),
                left=left,
                places=np.concatenate([since[cohort] * bins + at, gone[left] * bins + at[left]]),
            )
        )
    return stood


def _summed(change: Floats, block: Ints, clock: Floats) -> Floats:
    """Return the running sums of changes over columns, each in the scale of its own clock block."""
    out = np.empty_like(change)
    running = np.zeros(change.shape[1])
    starts = np.append(0, np.flatnonzero(np.diff(block)) + 1)
    for n, start in enumerate(starts):
        end = starts[n + 1] if n + 1 < starts.size else change.shape[0]
        if n:
            running = running * np.exp((block[start - 1] - block[start]) * BLOCK_EXPONENT)
        sums = running + np.cumsum(change[start:end], axis=0)
        running = sums[-1]
        out[start:end] = sums * np.exp(block[start:end] * BLOCK_EXPONENT - clock[start:end])[:, None]
    return out
