"""Frozen maps, the kind a report prints, against what was liquidated in the days after.

A map is made each day and kept. As price goes beyond its extremes since then, what the map holds between the
old extreme and the new is set against what was observed in that bar.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from imbalance.engine import density, scores
from imbalance.engine.clusters import mass_between
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import DAY_MS, Assumptions, Venue
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.validate import Path, Walk

Floats = npt.NDArray[np.float64]
LEAST_CASES = 10
FLOOR_USD = 1e5


@dataclasses.dataclass(frozen=True)
class HorizonScore:
    """Maps kept for `days`: rank correlation over maps and sides, mean |ln error| and total after one scale."""

    days: float
    cases: int
    spearman: float
    ln_error: float


def frozen_scores(
    interval_ms: int, path: Path, venues: list[Venue], a: Assumptions, found: Walk, horizons_days: list[float]
) -> list[HorizonScore]:
    """Score a map of each day over each horizon; horizons with too few cases are left out."""
    bars, a_day = path[0].size, max(DAY_MS // interval_ms, 1)
    longest = round(max(horizons_days) * a_day)
    predicted: dict[float, list[float]] = {h: [] for h in horizons_days}
    observed: dict[float, list[float]] = {h: [] for h in horizons_days}
    for start, weights, capture in found.fits:
        after = slice(start, min(start + longest, bars))
        mass = _map(interval_ms, path, venues, a, start, weights, capture, found.printed)
        for side in (LONG, SHORT):
            held, seen = _crossed(path, mass[side], found.observed[side], after, side)
            for days in horizons_days:
                span = round(days * a_day)
                if start + span <= bars and np.isfinite(found.observed[side][start : start + span]).all():
                    predicted[days].append(float(held[:span].sum()))
                    observed[days].append(float(seen[:span].sum()))
    rows = []
    for days in horizons_days:
        p, o = np.array(predicted[days]), np.array(observed[days])
        if p.size >= LEAST_CASES and p.sum() > 0 and o.sum() > 0:
            p = p * o.sum() / p.sum()
            error = float(np.mean(np.abs(np.log((p + FLOOR_USD) / (o + FLOOR_USD)))))
            rows.append(HorizonScore(days, int(p.size), scores.spearman(o, p), error))
    return rows


def _map(
    interval_ms: int,
    path: Path,
    venues: list[Venue],
    a: Assumptions,
    start: int,
    weights: Floats,
    capture: Floats,
    printed: npt.NDArray[np.intp],
) -> Floats:
    """Return what the printing venues would print by bin as of a bar's start, shape (sides, bins)."""
    opens, high, low, close = (p[:start] for p in path)
    mine = [venues[v] for v in printed]
    cohorts = build(
        (opens, high, low, close),
        np.stack([v.volume[:start] for v in mine]),
        np.stack([v.open_interest[:start] for v in mine]),
        interval_ms / DAY_MS,
        np.array(a.class_hazard_a_day),
        np.array(a.class_share),
        a.turnover_share,
    )
    left = np.einsum("vkc,v->kc", cohorts.left_at_end(), capture)
    edges = density.distance_edges(a.distances)
    points = density.entry_points(interval_ms)
    mass, _alive = density.mass_basis((opens, high, low, close), cohorts, left[None], edges, float(close[-1]), points)
    return np.asarray(np.einsum("sfb,f->sb", mass[0].reshape(2, weights.size, -1), weights))


def _crossed(path: Path, mass: Floats, observed: Floats, after: slice, side: int) -> tuple[Floats, Floats]:
    """Return by bar what the map held in the prices newly reached, and what was observed in such bars."""
    price = float(path[3][after.start - 1])
    if side == LONG:
        reach = np.minimum(np.minimum.accumulate(np.log(path[2][after] / price)), 0.0)
    else:
        reach = np.maximum(np.maximum.accumulate(np.log(path[1][after] / price)), 0.0)
    before = np.concatenate([[0.0], reach[:-1]])
    edges = density.log_edges()
    held = np.array(
        [
            float(mass_between(edges, mass, min(x, y), max(x, y))) if x != y else 0.0
            for x, y in zip(before, reach, strict=True)
        ]
    )
    return held, np.where(reach != before, observed[after], 0.0)
