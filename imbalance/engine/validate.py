"""Scores of walk-forward predictions against observed liquidations, beside baselines that predict the same.

The baselines: the bar's move alone, the path with a constant flow, and positions at fixed leverages. Each structure of
the mixture is scored by itself as well.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import scores
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.quantiles import quantiles
from imbalance.engine.walk import Walk

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

TRAIN_SHARE = 0.35
RELIABILITY_CLASSES = 5
BOOTSTRAPS = 300
LEAST_ROWS = 200
LEAST_DAYS = 5  # in the test part: fewer blocks than that make no interval
MODEL, NULL = "model", "path null"


class Score(msgspec.Struct, frozen=True):
    """One method's scores over the test part, the mean of both sides; gains come with a 90 % day-block interval.

    No interval is given where fewer than `LEAST_DAYS` days were tested.
    """

    name: str
    spearman: float
    partial_spearman: float | None
    r2_gain: float | None
    r2_gain_low: float | None
    r2_gain_high: float | None
    over_null: float | None = None
    over_null_low: float | None = None
    over_null_high: float | None = None


class Reliability(msgspec.Struct, frozen=True):
    """A class of predictions against what was observed [USD].

    How often that lay below, inside and above the 90 % interval; the means of both, that of the observed with its 90 %
    day-block interval, which fewer than two days do not have.
    """

    predicted_low_usd: float
    predicted_high_usd: float
    cases: int
    below: float
    inside: float
    above: float
    predicted_usd: float
    observed_usd: float
    observed_low_usd: float | None
    observed_high_usd: float | None


def reliability(found: Walk, seed: int = 0) -> list[Reliability]:
    """Return how predictions and their intervals held over the test part, both sides together.

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
    day = np.tile(found.day[test], 2)
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
            float(predicted[rows].mean()),
            float(observed[rows].mean()),
            *scores.mean_bounds(observed[rows], day[rows], BOOTSTRAPS, seed),
        )
        for rows in classes
        if rows.size
    ]


def _split(found: Walk) -> tuple[Ints, int, Ints]:
    """Return bars predicted and observed, how many of them only train, and the rest, which test; none if too few."""
    known = np.flatnonzero(np.isfinite(found.predicted).all(axis=0) & np.isfinite(found.observed).all(axis=0))
    first = int(known.size * TRAIN_SHARE) if known.size >= LEAST_ROWS else known.size
    return known, first, known[first:]


def member_name(number: int) -> str:
    """Return what a structure of the mixture is called among the methods, counted from 1."""
    return f"member {number}"


def scored(found: Walk, seed: int = 0) -> tuple[list[Score], float, int]:
    """Return scores of the model, its members and its baselines, the share of bars inside their interval, test bars.

    None are given where fewer than `LEAST_ROWS` bars were predicted and observed.
    """
    known, first, test = _split(found)
    if not test.size:
        return [], float("nan"), 0
    step = max(int(np.median(np.bincount(found.day[known])[np.unique(found.day[known])])), 1)
    blocks = scores.day_blocks(found.day[test], BOOTSTRAPS, seed)
    members = {member_name(n): values for n, values in enumerate(found.members, start=1)}
    methods = {MODEL: found.predicted, **members, NULL: found.path_null, "fixed leverages": found.fixed}
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
            drawn = np.array([scores.gain(base_error[r], error[r], target[first:][r]) for r in blocks])
            gains[name].append((scores.gain(base_error, error, target[first:]), drawn))
    inside = np.mean(
        [
            np.mean((found.low[s][test] <= found.observed[s][test]) & (found.observed[s][test] <= found.high[s][test]))
            for s in (LONG, SHORT)
        ]
    )
    days = np.unique(found.day[test]).size
    return _table(ranks, partial, gains, ranged=days >= LEAST_DAYS), float(inside), int(test.size)


def _table(
    ranks: dict[str, list[float]],
    partial: dict[str, list[float]],
    gains: dict[str, list[tuple[float, Floats]]],
    *,
    ranged: bool,
) -> list[Score]:
    def bounds(draws: Floats) -> tuple[float, float] | tuple[None, None]:
        if not ranged:
            return None, None
        low, high = quantiles(draws, 0.05, 0.95)
        return float(low), float(high)

    rows = [Score("move alone", float(np.mean(ranks["move alone"])), None, None, None, None)]
    value = {name: float(np.mean([g for g, _d in each])) for name, each in gains.items()}
    drawn = {name: np.mean([d for _g, d in each], axis=0) for name, each in gains.items()}
    for name in gains:
        own = float(np.mean(ranks[name])), float(np.mean(partial[name])), value[name], *bounds(drawn[name])
        over = () if name == NULL else (value[name] - value[NULL], *bounds(drawn[name] - drawn[NULL]))
        rows.append(Score(name, *own, *over))
    return rows
