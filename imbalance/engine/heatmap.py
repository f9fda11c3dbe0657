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
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import DAY_MS, Assumptions
from imbalance.engine.margin import LONG, SHORT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Path = tuple[Floats, Floats, Floats, Floats]

BLOCK_EXPONENT = 200.0
MARGIN_LOG = 0.12
POINTS = 1


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
    minima = [passage.block_minima(path[2] if side == LONG else -path[1]) for side in (LONG, SHORT)]
    table = weights.reshape(a.distances, hazard.size)
    out = np.zeros((2, columns, bins))
    events = []
    for side, i, price, level, alive in density.entries(cohorts, density.distance_edges(a.distances), POINTS):
        hit = passage.first_passage(level, cohorts.birth + 1, minima[side])
        events.append((side, i, price, alive, hit, hit < bars))
    for k in range(hazard.size):
        clock = cohorts.clock[0, k]
        # A column is in the block of its last bar, whatever happens within it.
        block = (clock[last] // BLOCK_EXPONENT).astype(np.intp)
        change = np.zeros((2, columns * bins))
        for side, i, price, alive, hit, gone in events:
            mass = cohorts.opened[0, k] * alive * price * table[i, k]
            at = np.floor((np.log(price) - low) / width).astype(np.intp)
            held = np.flatnonzero((at >= 0) & (at < bins) & (mass > 0))
            born = cohorts.birth[held]
            grown = mass[held] * np.exp(clock[born] - block[column[born]] * BLOCK_EXPONENT)
            change[side] += np.bincount(column[born] * bins + at[held], grown, minlength=columns * bins)
            left = held[gone[held]]
            when = np.minimum(hit[left], bars - 1)
            shrunk = mass[left] * np.exp(clock[cohorts.birth[left]] - block[column[when]] * BLOCK_EXPONENT)
            change[side] -= np.bincount(column[when] * bins + at[left], shrunk, minlength=columns * bins)
        for side in (LONG, SHORT):
            out[side] += _summed(change[side].reshape(columns, bins), block, clock[last])
    out *= cohorts.scale[0, last][None, :, None]
    np.maximum(out, 0.0, out=out)
    edges = np.exp(low + width * np.arange(bins + 1))
    return LiquidationHeatmap(symbol, time_ms[last] + interval_ms, edges, out[LONG], out[SHORT], path[3][last])


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
