"""Scores of predicted against observed liquidations; numpy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine import random_numbers
from imbalance.engine.quantiles import quantiles

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

RIDGE = 5.0
FLOOR_USD = 1e4


def ranks(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean rank."""
    order = np.argsort(values, kind="stable")
    _unique, first, inverse, counts = np.unique(
        values[order], return_index=True, return_inverse=True, return_counts=True
    )
    out = np.empty(values.size)
    out[order] = (first + (counts - 1) / 2 + 1)[inverse]
    return out


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation; 0 where one side does not vary."""
    if a.size < 3 or a.std() < 1e-12 or b.std() < 1e-12:  # noqa: PLR2004
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def spearman(a: Floats, b: Floats) -> float:
    """Return the rank correlation (Spearman 1904)."""
    return correlation(ranks(a), ranks(b))


def partial_spearman(observed: Floats, predicted: Floats, move: Floats) -> float:
    """Return the rank correlation after a cubic in the rank of the bar's own move is taken out of both."""
    u = ranks(move) / move.size
    design = np.stack([np.ones_like(u), u, u**2, u**3], axis=1)

    def left(values: Floats) -> Floats:
        return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0])

    return correlation(left(ranks(observed)), left(ranks(predicted)))


def walk_ridge(features: Floats, target: Floats, first: int, step: int) -> Floats:
    """Return out-of-sample predictions of rows from `first`, refitted every `step` rows on all rows before.

    Features are standardised on the rows fitted; the penalty spares the constant (Hoerl & Kennard 1970).
    """
    out = np.full(target.size, np.nan)
    for start in range(first, target.size, step):
        past, now = features[:start], features[start : start + step]
        middle, spread = past.mean(axis=0), past.std(axis=0) + 1e-9
        a = np.column_stack([np.ones(start), (past - middle) / spread])
        b = np.column_stack([np.ones(now.shape[0]), np.clip((now - middle) / spread, -5, 5)])
        penalty = RIDGE * np.eye(a.shape[1])
        penalty[0, 0] = 0.0
        out[start : start + step] = b @ np.linalg.solve(a.T @ a + penalty, a.T @ target[:start])
    return out


def day_blocks(day: Ints, draws: int, seed: int) -> list[Ints]:
    """Return row indices of days drawn with replacement (block bootstrap)."""
    days, place = np.unique(day, return_inverse=True)
    drawn = random_numbers.resampled(f"{seed} days", draws, days.size)
    return [np.repeat(np.arange(day.size), times[place]) for times in drawn]


def mean_bounds(values: Floats, day: Ints, draws: int, seed: int) -> tuple[float, float] | tuple[None, None]:
    """Return the 90 % interval of a mean, days drawn with replacement (block bootstrap); None of fewer than two days.

    A day counts with all its rows, so that a draw's mean is a ratio of sums over days.
    """
    days, place = np.unique(day, return_inverse=True)
    if days.size < 2:  # noqa: PLR2004
        return None, None
    times = random_numbers.resampled(f"{seed} days", draws, days.size)
    low, high = quantiles((times @ np.bincount(place, values)) / (times @ np.bincount(place)), 0.05, 0.95)
    return float(low), float(high)


def gain(base_error: Floats, error: Floats, target: Floats) -> float:
    """Return how much R2 rises from squared errors `base_error` to `error`."""
    return float((base_error.sum() - error.sum()) / max(((target - target.mean()) ** 2).sum(), 1e-12))
