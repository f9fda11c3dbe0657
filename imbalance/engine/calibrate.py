"""Calibration: weights of distances and classes from observed liquidations.

Given geometry and hazards, expected printed liquidations are linear in the weights, ``mu = c X w``. The weights are
the maximum of the robust quasi-likelihood (`likelihood`) with a Gamma prior around the default weights, in units of
the estimated dispersion, so that a burst of liquidations does not count as many independent ones:

    w <- (a + w sum_t c x u y / (mu phi)) / (a / w0 + sum_t c x u / phi),   u = f / (mu + f)

which is Richardson-Lucy where u is 1 (Lucy 1974, doi:10.1086/111605; Shepp & Vardi 1982, doi:10.1109/TMI.1982.4307558;
with the prior as in Dempster, Laird & Rubin 1977).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from imbalance.engine import likelihood

Floats = npt.NDArray[np.float64]

ITERATIONS = 60
REFIT_ITERATIONS = 12
PRIOR_STRENGTH = 1.0


@dataclasses.dataclass(frozen=True)
class Fit:
    """A calibration.

    Attributes
    ----------
    weights : shape (features,), at the scale on which a complete feed has capture 1.
    draws : the same refitted on resampled days, shape (draws, features).
    capture : printed over predicted by venue, relative to the complete feeds (or to the first), shape (venues,).
    dispersion : variance over mean of what is printed [USD].
    effective_events : printed USD over dispersion, heeded as in `likelihood`: how many independent events there are.
    moved : root mean square change of the log weights, weighted by what they predict.
    seen : what a unit of each weight predicts, in events, shape (features,).
    floor : below which a mean counts as Poisson-like by venue [USD], shape (venues,).
    days : days with observations.
    """

    weights: Floats
    draws: Floats
    capture: Floats
    dispersion: float
    effective_events: float
    moved: float
    seen: Floats
    floor: Floats
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
    floor = likelihood.floors(y, known)
    start = prior * (y[anchored].sum() / max(base[anchored].sum(), 1e-12))
    once = np.ones((1, day.size))
    capture = _captures((x @ start).sum(axis=1), y.sum(axis=1), complete)
    mean = capture[:, None] * (x @ start)
    dispersion = likelihood.dispersion(y, mean, floor, known, day)
    problem = _Problem(x, y, known, floor, complete, dispersion)
    solved, captures = _solve(problem, start[None], start, capture[None], ITERATIONS, once)
    weights, capture = solved[0], captures[0]
    replicas = np.empty((0, prior.size))
    if draws:
        generator = np.random.default_rng(seed)
        days, place = np.unique(day, return_inverse=True)
        times = generator.multinomial(days.size, np.full(days.size, 1 / days.size), draws)[:, place].astype(np.float64)
        first, second = np.tile(weights, (draws, 1)), np.tile(capture, (draws, 1))
        replicas, _ = _solve(problem, first, start, second, REFIT_ITERATIONS, times)
    gain = np.log(np.maximum(weights, 1e-12) / np.maximum(start, 1e-12))
    importance = x.sum(axis=(0, 1)) * start
    moved = float(np.sqrt(np.sum(importance * gain**2) / max(importance.sum(), 1e-12)))
    mean = capture[:, None] * (x @ weights)
    heed = likelihood.attention(mean, floor[:, None])
    seen = np.einsum("v,vr,vrf->f", capture, heed, x, optimize=True) / dispersion
    return Fit(
        weights,
        replicas,
        capture,
        dispersion,
        float((heed * y).sum() / dispersion),
        moved,
        seen,
        floor,
        np.unique(day[known.any(axis=0)]).size,
    )


def _captures(expected: Floats, y: Floats, complete: npt.NDArray[np.bool_]) -> Floats:
    """Return printed over expected for censored venues; 1 for complete ones (the one that prints most, where none is).

    Sums by venue, shape (..., venues).
    """
    if not complete.any():
        complete = np.arange(complete.size) == np.argmax(y, axis=-1)[..., None]
    return np.where(complete, 1.0, y / np.maximum(expected, 1e-12))


@dataclasses.dataclass(frozen=True)
class _Problem:
    """Features (venues, rows, features), what was printed and known (venues, rows); floor and completeness by venue."""

    x: Floats
    y: Floats
    known: npt.NDArray[np.bool_]
    floor: Floats
    complete: npt.NDArray[np.bool_]
    dispersion: float


def _solve(
    p: _Problem, weights: Floats, prior: Floats, capture: Floats, iterations: int, times: Floats
) -> tuple[Floats, Floats]:
    """Return weights (draws, features) and captures (draws, venues) after so many steps, all draws at once.

    `times` says how often each row counts in each draw, shape (draws, rows).
    """
    inverse_prior = PRIOR_STRENGTH / np.maximum(prior, 1e-15)
    for _ in range(iterations):
        gain, seen = np.zeros_like(weights), np.zeros_like(weights)
        expected, printed = np.zeros_like(capture), np.zeros_like(capture)
        for v, rows in enumerate(p.x):
            plain = weights @ rows.T
            mean = capture[:, v, None] * plain
            heed = times * likelihood.attention(mean, p.floor[v])
            ratio = np.divide(heed * p.y[v], mean, out=np.zeros_like(mean), where=mean > 0)
            gain += capture[:, v, None] * (ratio @ rows) / p.dispersion
            seen += capture[:, v, None] * (heed @ rows) / p.dispersion
            expected[:, v], printed[:, v] = (heed * plain).sum(axis=1), heed @ p.y[v]
        weights = (PRIOR_STRENGTH + weights * gain) / (inverse_prior + seen)
        capture = _captures(expected, printed, p.complete)
    return weights, capture
