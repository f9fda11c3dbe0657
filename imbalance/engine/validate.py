"""Scores of walk-forward predictions against observed liquidations, beside baselines that predict the same.

The baselines: the bar's move alone, the path with a constant flow, and positions at fixed leverages.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from imbalance.engine import scores
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.walk import Walk

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

TRAIN_SHARE = 0.35
RELIABILITY_CLASSES = 5
BOOTSTRAPS = 300
LEAST_ROWS = 200


@dataclasses.dataclass(frozen=True)
class Score:
    """One method's scores over the test part, the mean of both sides; gains come with a 90 % day-block interval."""

    name: str
    spearman: float
    partial_spearman: float | None
    r2_gain: float | None
    r2_gain_low: float | None
    r2_gain_high: float | None
    over_null: float | None = None
    over_null_low: float | None = None
    over_null_high: float | None = None


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often what was observed lay below, inside and above its 90 % interval, for a class of predictions [USD]."""

    predicted_low_usd: float
    predicted_high_usd: float
    cases: int
    below: float
    inside: float
    above: float


def reliability(found: Walk) -> list[Reliability]:
    """Return how the intervals of the test part held, both sides together.

    Bars predicted to print nothing are a class of their own, since they cannot be told apart by size; the rest are
    parted into fifths of the prediction.
    """
    _known, _first, test = _split(found)
    predicted, low, high, observed = (
        values[:, test].ravel() for values in (found.predicted, found.low, found.high, found.observed)
    )
    known = np.isfinite(low)
    if known.sum() < RELIABILITY_CLASSES:
        return []
    order = np.argsort(np.where(known, predicted, np.inf), kind="stable")[: known.sum()]
    nothing = int(np.count_nonzero(predicted[order] <= 0))
    classes = [order[:nothing], *np.array_split(order[nothing:], RELIABILITY_CLASSES)]
    return [
        Reliability(
            float(predicted[rows[0]]),
            float(predicted[rows[-1]]),
            rows.size,
            float(np.mean(observed[rows] < low[rows])),
            float(np.mean((low[rows] <= observed[rows]) & (observed[rows] <= high[rows]))),
            float(np.mean(observed[rows] > high[rows])),
        )
        for rows in classes
        if rows.size
    ]


def _split(found: Walk) -> tuple[Ints, int, Ints]:
    """Return bars predicted and observed, how many of them only train, and the rest, which test; none if too few."""
    known = np.flatnonzero(np.isfinite(found.predicted).all(axis=0) & np.isfinite(found.observed).all(axis=0))
    first = int(known.size * TRAIN_SHARE) if known.size >= LEAST_ROWS else known.size
    return known, first, known[first:]


def scored(found: Walk, seed: int = 0) -> tuple[list[Score], float, int]:
    """Return scores of the model and its baselines, the share of bars inside their interval, and test bars.

    None are given where fewer than `LEAST_ROWS` bars were predicted and observed.
    """
    known, first, test = _split(found)
    if not test.size:
        return [], float("nan"), 0
    step = max(int(np.median(np.bincount(found.day[known])[np.unique(found.day[known])])), 1)
    blocks = scores.day_blocks(found.day[test], BOOTSTRAPS, seed)
    methods = {"model": found.predicted, "path null": found.path_null, "fixed leverages": found.fixed}
    ranks: dict[str, list[float]] = {name: [] for name in ("move alone", *methods)}
    partial: dict[str, list[float]] = {name: [] for name in methods}
    gains: dict[str, list[tuple[float, Floats]]] = {name: [] for name in methods}
    for side in (LONG, SHORT):
        seen, moved = found.observed[side], found.move[side]
        target = np.log1p(seen[known] / scores.FLOOR_USD)
        base = found.base_features[side][known]
        ranks["move alone"].append(scores.spearman(seen[test], moved[test]))
        base_error = (target - scores.walk_ridge(base, target, first, step))[first:] ** 2
        for name, values in methods.items():
            ranks[name].append(scores.spearman(seen[test], values[side][test]))
            partial[name].append(scores.partial_spearman(seen[test], values[side][test], moved[test]))
            scale = seen[known[:first]].sum() / max(values[side][known[:first]].sum(), 1e-12)
            more = np.log1p(scale * values[side][known] / scores.FLOOR_USD)
            error = (target - scores.walk_ridge(np.column_stack([base, more]), target, first, step))[first:] ** 2
            rows = [np.searchsorted(test, test[block]) for block in blocks]
            drawn = np.array([scores.gain(base_error[r], error[r], target[first:][r]) for r in rows])
            gains[name].append((scores.gain(base_error, error, target[first:]), drawn))
    inside = np.mean(
        [
            np.mean((found.low[s][test] <= found.observed[s][test]) & (found.observed[s][test] <= found.high[s][test]))
            for s in (LONG, SHORT)
        ]
    )
    return _table(ranks, partial, gains), float(inside), int(test.size)


def _table(
    ranks: dict[str, list[float]], partial: dict[str, list[float]], gains: dict[str, list[tuple[float, Floats]]]
) -> list[Score]:
    rows = [Score("move alone", float(np.mean(ranks["move alone"])), None, None, None, None)]
    value = {name: float(np.mean([g for g, _d in each])) for name, each in gains.items()}
    drawn = {name: np.mean([d for _g, d in each], axis=0) for name, each in gains.items()}
    for name in gains:
        low, high = np.quantile(drawn[name], [0.05, 0.95])
        over: tuple[float, float, float] | tuple[None, None, None] = (None, None, None)
        if name != "path null":
            bounds = np.quantile(drawn[name] - drawn["path null"], [0.05, 0.95])
            over = (value[name] - value["path null"], float(bounds[0]), float(bounds[1]))
        rows.append(
            Score(
                name,
                float(np.mean(ranks[name])),
                float(np.mean(partial[name])),
                value[name],
                float(low),
                float(high),
                *over,
            )
        )
    return rows
