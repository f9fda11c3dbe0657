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

ITERATIONS = 25
FARTHEST = 2.0  # of a log weight, so that a step from few days leads nowhere far
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
    capture = _captures((x @ start).sum(axis=1), y.sum(axis=1), complete)
    mean = capture[:, None] * (x @ start)
    dispersion = likelihood.dispersion(y, mean, floor, known, day)
    problem = _Problem(x, y, floor, complete, dispersion)
    weights, capture = _solve(problem, start, start, capture)
    gain = np.log(np.maximum(weights, 1e-12) / np.maximum(start, 1e-12))
    importance = x.sum(axis=(0, 1)) * start
    moved = float(np.sqrt(np.sum(importance * gain**2) / max(importance.sum(), 1e-12)))
    mean = capture[:, None] * (x @ weights)
    heed = likelihood.attention(mean, floor[:, None])
    seen = np.einsum("v,vr,vrf->f", capture, heed, x, optimize=True) / dispersion
    return Fit(
        weights,
        _resampled(problem, weights, start, capture, day, draws, seed),
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
    """Features (venues, rows, features), what was printed (venues, rows); floor and completeness by venue."""

    x: Floats
    y: Floats
    floor: Floats
    complete: npt.NDArray[np.bool_]
    dispersion: float


def _solve(p: _Problem, weights: Floats, prior: Floats, capture: Floats) -> tuple[Floats, Floats]:
    """Return weights (features,) and captures (venues,) at the maximum."""
    inverse_prior = PRIOR_STRENGTH / np.maximum(prior, 1e-15)
    for _ in range(ITERATIONS):
        gain, seen = np.zeros_like(weights), np.zeros_like(weights)
        expected, printed = np.zeros_like(capture), np.zeros_like(capture)
        for v, rows in enumerate(p.x):
            plain = rows @ weights
            mean = capture[v] * plain
            heed = likelihood.attention(mean, p.floor[v])
            ratio = np.divide(heed * p.y[v], mean, out=np.zeros_like(mean), where=mean > 0)
            gain += capture[v] * (ratio @ rows) / p.dispersion
            seen += capture[v] * (heed @ rows) / p.dispersion
            expected[v], printed[v] = heed @ plain, heed @ p.y[v]
        weights = (PRIOR_STRENGTH + weights * gain) / (inverse_prior + seen)
        capture = _captures(expected, printed, p.complete)
    return weights, capture


def _resampled(
    p: _Problem, weights: Floats, prior: Floats, capture: Floats, day: npt.NDArray[np.intp], draws: int, seed: int
) -> Floats:
    """Return weights refitted on resampled days to first order, shape (draws, features).

    The one-step bootstrap (Davison & Hinkley 1997, section 2.7): from the maximum, one Fisher-scoring step in the log
    weights with each day's score counted as often as the day was drawn,

        delta = H^-1 sum_d (n_d - 1) s_d,  H = sum_t c^2 x x' w w' u / (mu phi) + diag(a w / w0)
    """
    if not draws:
        return np.empty((0, weights.size))
    days, place = np.unique(day, return_inverse=True)
    curvature = np.diag(PRIOR_STRENGTH * weights / np.maximum(prior, 1e-15))
    score = np.zeros((days.size, weights.size))
    for v, rows in enumerate(p.x):
        weighted = capture[v] * rows * weights
        mean = weighted.sum(axis=1)
        safe = np.where(mean > 0, mean, 1.0)
        heed = np.where(mean > 0, likelihood.attention(mean, p.floor[v]), 0.0) / p.dispersion
        curvature += (weighted * (heed / safe)[:, None]).T @ weighted
        lone = weighted * (heed * (p.y[v] - mean) / safe)[:, None]
        order = np.argsort(place, kind="stable")
        score += np.add.reduceat(lone[order], np.searchsorted(place[order], np.arange(days.size)), axis=0)
    generator = np.random.default_rng(seed)
    times = generator.multinomial(days.size, np.full(days.size, 1 / days.size), draws)
    step = np.linalg.solve(curvature + 1e-9 * np.eye(weights.size), ((times - 1) @ score).T).T
    return np.asarray(weights * np.exp(np.clip(step, -FARTHEST, FARTHEST)))
