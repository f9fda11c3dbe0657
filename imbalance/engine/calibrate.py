"""Calibration: weights of distances and classes from observed liquidations.

Given geometry and hazards, expected printed liquidations are linear in the weights, ``y = c X w``. The
weights are the MAP of a Poisson model with a Gamma prior around the default weights, by Richardson-Lucy
(Poisson EM; Lucy 1974, Shepp & Vardi 1982, with the prior as in Dempster, Laird & Rubin 1977), in units of
the estimated dispersion, so that a burst of liquidations does not count as many independent ones.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ITERATIONS = 60
REFIT_ITERATIONS = 12
PRIOR_STRENGTH = 7.0


@dataclasses.dataclass(frozen=True)
class Fit:
    """A calibration.

    Attributes
    ----------
    weights : shape (features,), at the scale on which a complete feed has capture 1.
    draws : the same refitted on resampled days, shape (draws, features).
    capture : printed over predicted by venue, relative to the complete feeds (or to the first), shape (venues,).
    dispersion : variance over mean of what is printed [USD].
    effective_events : printed USD over dispersion: how many independent events the data weigh.
    moved : root mean square change of the log weights, weighted by what they predict.
    seen : what a unit of each weight predicts, in events, shape (features,).
    days : days with observations.
    """

    weights: Floats
    draws: Floats
    capture: Floats
    dispersion: float
    effective_events: float
    moved: float
    seen: Floats
    days: int


def fit(
    predicted: Floats,
    observed: Floats,
    prior: Floats,
    complete: npt.NDArray[np.bool_],
    day: npt.NDArray[np.intp],
    draws: int,
    seed: int,
) -> Fit | None:
    """Fit the weights; None where nothing was observed.

    Parameters
    ----------
    predicted : X, USD of each feature, shape (venues, rows, features); rows hold both sides.
    observed : y, USD printed, shape (venues, rows); NaN rows are left out.
    prior : default weights, shape (features,).
    complete : which venues print everything, shape (venues,).
    day : day of each row, small integers, shape (rows,).
    """
    known = np.isfinite(observed)
    y = np.where(known, observed, 0.0)
    x = np.where(known[:, :, None], predicted, 0.0)
    base = x @ prior
    if y.sum() <= 0 or base.sum() <= 0:
        return None
    anchored = complete if complete.any() else np.ones_like(complete)
    start = prior * (y[anchored].sum() / max(base[anchored].sum(), 1e-12))
    capture = _captures((x @ start).sum(axis=1), y.sum(axis=1), complete)
    mean = capture[:, None] * (x @ start)
    dispersion = _dispersion(y, mean, known, day)
    once = np.ones((1, day.size))
    solved, captures = _solve(x, y, start[None], start, capture[None], complete, dispersion, ITERATIONS, once)
    weights, capture = solved[0], captures[0]
    replicas = np.empty((0, prior.size))
    if draws:
        generator = np.random.default_rng(seed)
        days, place = np.unique(day, return_inverse=True)
        times = generator.multinomial(days.size, np.full(days.size, 1 / days.size), draws)[:, place].astype(np.float64)
        first, second = np.tile(weights, (draws, 1)), np.tile(capture, (draws, 1))
        replicas, _ = _solve(x, y, first, start, second, complete, dispersion, REFIT_ITERATIONS, times)
    gain = np.log(np.maximum(weights, 1e-12) / np.maximum(start, 1e-12))
    importance = x.sum(axis=(0, 1)) * start
    moved = float(np.sqrt(np.sum(importance * gain**2) / max(importance.sum(), 1e-12)))
    seen = (capture[:, None] * x.sum(axis=1)).sum(axis=0) / dispersion
    return Fit(
        weights,
        replicas,
        capture,
        dispersion,
        float(y.sum() / dispersion),
        moved,
        seen,
        np.unique(day[known.any(axis=0)]).size,
    )


def _captures(expected: Floats, y: Floats, complete: npt.NDArray[np.bool_]) -> Floats:
    """Return printed over expected for censored venues; 1 for complete ones (the one that prints most, where none is).

    Sums by venue, shape (..., venues).
    """
    if not complete.any():
        complete = np.arange(complete.size) == np.argmax(y, axis=-1)[..., None]
    return np.where(complete, 1.0, y / np.maximum(expected, 1e-12))


def _dispersion(y: Floats, mean: Floats, known: npt.NDArray[np.bool_], day: npt.NDArray[np.intp]) -> float:
    """Return variance over mean of a day's sums over venues, trimmed of its largest 1 %.

    Quasi-Poisson (McCullagh & Nelder 1989), by clusters: bursts last for hours and reach all venues at once, so a
    day of a side is what may be taken as independent. Rows hold both sides, one half each.
    """
    residual = np.where(known, y - mean, 0.0).sum(axis=0)
    half, days = day.size // 2, int(day.max()) + 1
    square = np.concatenate(
        [np.bincount(day[side], residual[side], minlength=days) ** 2 for side in (slice(0, half), slice(half, None))]
    )
    kept = square <= np.quantile(square, 0.99)
    return float(max(square[kept].sum() / max(mean[known].sum(), 1e-12), 1.0))


def _solve(
    x: Floats,
    y: Floats,
    weights: Floats,
    prior: Floats,
    capture: Floats,
    complete: npt.NDArray[np.bool_],
    dispersion: float,
    iterations: int,
    times: Floats,
) -> tuple[Floats, Floats]:
    """Return weights (draws, features) and captures (draws, venues) after so many steps, all draws at once.

    `times` says how often each row counts in each draw, shape (draws, rows).
    """
    printed = times @ y.T
    reach = np.stack([times @ rows for rows in x])
    inverse_prior = PRIOR_STRENGTH / np.maximum(prior, 1e-15)
    for _ in range(iterations):
        gain = np.zeros_like(weights)
        for v, rows in enumerate(x):
            mean = capture[:, v, None] * (weights @ rows.T)
            ratio = np.divide(times * y[v], mean, out=np.zeros_like(mean), where=mean > 0)
            gain += capture[:, v, None] * (ratio @ rows) / dispersion
        seen = np.einsum("rv,vrf->rf", capture, reach) / dispersion
        weights = (PRIOR_STRENGTH + weights * gain) / (inverse_prior + seen)
        capture = _captures(np.einsum("vrf,rf->rv", reach, weights), printed, complete)
    return weights, capture
