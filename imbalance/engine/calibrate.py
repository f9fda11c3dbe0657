"""Calibration: weights of distances and classes from observed liquidations.

Given geometry and hazards, expected printed liquidations are linear in the weights, ``mu = c X w``. The weights are
the maximum of the robust quasi-likelihood (`likelihood`) with a Gamma prior around the default weights, in units of
the estimated dispersion, so that a burst of liquidations does not count as many independent ones:

    w <- (a + w sum_t c x u y / (mu phi)) / (a / w0 + sum_t c x u / phi),   u = f / (mu + f)

What one distance of a class shows tells of its other distances, most of which price seldom reaches. So the classes'
scales g_k are fitted first, by the same rule with the features ``sum_d x_dk w0_dk``, around 1 and with a prior of their
own; then every weight around ``g_k w0_dk`` (empirical Bayes; Gelman et al. 2013, ch. 5).

The rule is Richardson-Lucy where u is 1 (Lucy 1974, doi:10.1086/111605; Shepp & Vardi 1982,
doi:10.1109/TMI.1982.4307558; with the prior as in Dempster, Laird & Rubin 1977).
"""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import likelihood, random_numbers, solver
from imbalance.engine.solver import Problem, Solution

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FARTHEST = 2.0  # of a log weight, so that a step from few days leads nowhere far
PRIOR_STRENGTH = 1.0  # events, of each weight
CLASS_STRENGTH = 5.0  # events, of each class's scale
# More of the rule's steps bring a fit nearer to its maximum and the map no nearer to the market.
STEPS = 16
CLASS_STEPS = 12  # they are few, and settle sooner
# So few rows that BLAS does not share their square out to threads, whose waiting costs more than it saves.
SQUARE_PRODUCTS = 235_000


class Fit(msgspec.Struct, frozen=True):
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
    whole : whether a complete feed tells the scale.
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
    whole: bool


def fit(
    predicted: Floats,
    observed: Floats,
    prior: Floats,
    complete: npt.NDArray[np.bool_],
    day: Ints,
    draws: int,
    seed: int,
) -> Fit | None:
    """Fit the weights to all rows; None where nothing was observed."""
    return fits(predicted, observed, prior, complete, day, [day.size], draws, seed)[0]


def fits(
    predicted: Floats,
    observed: Floats,
    prior: Floats,
    complete: npt.NDArray[np.bool_],
    day: Ints,
    ends: list[int],
    draws: int,
    seed: int,
) -> list[Fit | None]:
    """Fit the weights to the rows before each end; None where nothing was observed there.

    Parameters
    ----------
    predicted : X, USD of each feature, shape (venues, rows, features); rows hold both sides in turn.
    observed : y, USD printed, shape (venues, rows); NaN rows are left out.
    prior : default weights, shape (distances, classes), whose product is the number of features.
    complete : which venues print everything, shape (venues,).
    day : day of each row, small integers, rising, shape (rows,).
    ends : how many rows each fit knows, rising.
    draws : of the last fit; the others have none.
    """
    known = np.isfinite(observed)
    y = np.where(known, observed, 0.0)
    scaled = np.einsum("vrdk,dk->vrk", predicted.reshape(*y.shape, *prior.shape), prior)
    base = np.where(known, scaled.sum(axis=2), 0.0)
    # What a venue prints teaches nothing where nothing was predicted of it: its open interest may not be known yet.
    told = [end for end in ends if y[:, :end].sum(axis=1)[base[:, :end].sum(axis=1) > 0].sum() > 0]
    begun = [_begin(scaled, y, known, base, complete, day, end) for end in told]
    if not begun:
        return [None for _ in ends]
    pooled = [
        msgspec.structs.replace(
            p, x=predicted[:, : p.day.size], start=(prior * scales.weights).ravel(), capture=scales.capture
        )
        for p, scales in zip(begun, solver.solve(begun, CLASS_STRENGTH, CLASS_STEPS), strict=True)
    ]
    solved = solver.solve(pooled, PRIOR_STRENGTH, STEPS)
    found = [_found(p, (prior * q.start).ravel(), s) for p, q, s in zip(pooled, begun, solved, strict=True)]
    found[-1] = msgspec.structs.replace(
        found[-1], draws=_resampled(pooled[-1], solved[-1].weights, solved[-1].capture, draws, seed)
    )
    return [None] * (len(ends) - len(told)) + found


def _begin(
    x: Floats,
    y: Floats,
    known: npt.NDArray[np.bool_],
    base: Floats,
    complete: npt.NDArray[np.bool_],
    day: Ints,
    end: int,
) -> Problem:
    """Return the problem of the classes' scales, which start from one level for all."""
    x, y, known, base, day = x[:, :end], y[:, :end], known[:, :end], base[:, :end], day[:end]
    floor = likelihood.floors(y, known)
    printed, expected = y.sum(axis=1), base.sum(axis=1)
    own = complete & (expected > 0) & (printed > 0)
    anchored = own if own.any() else expected > 0
    level = float(printed[anchored].sum() / expected[anchored].sum())
    capture = solver.captures(level * expected, printed, complete)
    mean = capture[:, None] * (level * base)
    dispersion = likelihood.dispersion(y, mean, floor, known, day)
    return Problem(x, y, known, day, floor, complete, dispersion, np.full(x.shape[2], level), capture)


def _found(p: Problem, prior: Floats, solved: Solution) -> Fit:
    weights = solved.weights
    gain = np.log(np.maximum(weights, 1e-12) / np.maximum(prior, 1e-12))
    importance = solved.offered * prior
    return Fit(
        weights,
        np.empty((0, weights.size)),
        solved.capture,
        p.dispersion,
        float(solved.printed.sum() / p.dispersion),
        float(np.sqrt(np.sum(importance * gain**2) / max(importance.sum(), 1e-12))),
        solved.seen / p.dispersion,
        p.floor,
        int(np.count_nonzero(np.bincount(p.day[p.known.any(axis=0)]))),
        bool((p.complete & (solved.expected > 0) & (solved.printed > 0)).any()),
    )


def _resampled(p: Problem, weights: Floats, capture: Floats, draws: int, seed: int) -> Floats:
    """Return weights refitted on resampled days to first order, shape (draws, features).

    The one-step bootstrap (Davison & Hinkley 1997, section 2.7): from the maximum, one Fisher-scoring step in the log
    weights with each day's score counted as often as the day was drawn,

        delta = H^-1 sum_d (n_d - 1) s_d,  H = sum_t c^2 x x' w w' u / (mu phi) + diag(a w / w0)
    """
    if not draws:
        return np.empty((0, weights.size))
    starts = np.flatnonzero(np.diff(p.day, prepend=-1))
    spans = [slice(a, b) for a, b in itertools.pairwise([*starts, p.day.size])]
    root, score = np.zeros(p.y.shape), np.zeros((len(spans), weights.size))
    for v, rows in enumerate(p.x):
        mean = capture[v] * (rows @ weights)
        safe = np.where(mean > 0, mean, 1.0)
        heed = np.where(p.known[v] & (mean > 0), likelihood.attention(mean, p.floor[v]), 0.0) / p.dispersion
        residual = capture[v] * heed * (p.y[v] - mean) / safe
        root[v] = capture[v] * np.sqrt(heed / safe)
        for d, span in enumerate(spans):
            score[d] += residual[span] @ rows[span]
    square = np.zeros((weights.size, weights.size))
    for block in solver.blocks(p.x, [p.day.size], SQUARE_PRODUCTS // weights.size * len(p.x)):
        width = block.x.shape[2]
        for weighted in block.x * root[:, block.rows, None]:
            square[:width, :width] += weighted.T @ weighted
    curvature = square * weights[:, None] * weights + np.diag(PRIOR_STRENGTH * weights / np.maximum(p.start, 1e-15))
    times = random_numbers.resampled(f"{seed} days", draws, len(spans))
    step = np.linalg.solve(curvature + 1e-9 * np.eye(weights.size), ((times - 1) @ (score * weights)).T).T
    return np.asarray(weights * np.exp(np.clip(step, -FARTHEST, FARTHEST)))
