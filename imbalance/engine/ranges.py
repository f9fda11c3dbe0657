"""Draws of what the data do not settle: the ranges of every figure are quantiles over them."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import calibrate, density, random_numbers
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.calibration import Calibration
from imbalance.engine.leverage import prior_weights
from imbalance.engine.liquidation_map import HIGH, LOW, Range, range_of
from imbalance.engine.quantiles import quantiles
from imbalance.engine.venue import Venue

Floats = npt.NDArray[np.float64]

NORMAL_95 = 1.645  # the 95 % quantile of the normal distribution: spans are those of 90 % ranges
FARTHEST = 2.5  # standard deviations: no draw goes beyond
LEAST_CAPTURE = 0.02
SPANS = 11
USUAL_MOVE = 0.7  # rms change of the log weights by a calibration, at which the form's spreads hold
MOVES = (0.3, 1.1)  # of that, beyond which they change no further
PIVOT = 0.15  # distance from the price inside of which the form is less and less sure


class Draws(msgspec.Struct, frozen=True):
    """Weights of the map and their draws.

    Attributes
    ----------
    central : forced share of what is opened, by distance and class, shape (features,).
    weights : the same drawn, shape (draws, features).
    factor : of the model's form and the sides' levels, shape (draws, sides, bins).
    level : of each side now, shape (sides,).
    part : of the mixture that the structure of each class is, shape (classes,).
    parts : weights where one thing alone is drawn, shape (draws, features) each.
    capture, printed : as in the map's model; None where nothing was observed.
    """

    central: Floats
    weights: Floats
    factor: Floats
    level: Floats
    part: Floats
    parts: dict[str, Floats]
    capture: Range | None = None
    printed: Range | None = None


def draws(
    a: Assumptions,
    venues: list[Venue],
    interest: Floats,
    edges: Floats,
    prior: Floats,
    found: Calibration | None,
    basis: Floats,
    leaning: Floats,
    seed: int,
) -> Draws:
    """Draw weights and factors; draws come in mirrored pairs, so that they centre.

    Parameters
    ----------
    interest : open interest [base], shape (venues, bars).
    prior : default weights, shape (distances, classes).
    basis, leaning : mass by side, feature and bin [USD], shape (sides, features, bins), as opened and with what each
        opening day counts for.
    """
    half = random_numbers.normal(f"{seed} assumptions", a.draws // 2, 9)
    z = np.concatenate([half, -half])
    leverage = _leverage(a, venues, interest, edges, prior, z[:, 0])
    if found is None:
        return _prior_draws(a, prior, leverage, z)
    return _fitted_draws(a, prior, found, leverage, basis, leaning, z)


def _leverage(a: Assumptions, venues: list[Venue], interest: Floats, edges: Floats, prior: Floats, z: Floats) -> Floats:
    """Return default weights at drawn medians of leverage over `prior`, shape (draws, features)."""
    span = math.log(a.leverage_span) / NORMAL_95
    grid = np.exp(np.linspace(-FARTHEST, FARTHEST, SPANS) * span)
    shifted = prior_weights(a, venues, interest, edges, grid).reshape(grid.size, -1)
    position = np.interp(np.clip(z, -FARTHEST, FARTHEST) * span, np.log(grid), np.arange(grid.size))
    below = np.minimum(position.astype(np.intp), grid.size - 2)
    part = (position - below)[:, None]
    drawn = (1 - part) * shifted[below] + part * shifted[below + 1]
    return np.asarray(drawn / np.maximum(prior.ravel(), 1e-15))


def _form(a: Assumptions, z: Floats, moved: float = USUAL_MOVE) -> Floats:
    """Return what the model's form is worth, shape (draws, sides, bins): common, one a side, one that grows near.

    The more the data had to move the prior, the less it is worth: log spreads go with the square of `moved`.
    """
    common, one_side, near = np.array(a.structure_log_sd) * float(np.clip(moved / USUAL_MOVE, *MOVES)) ** 2
    middles = (density.log_edges()[1:] + density.log_edges()[:-1]) / 2
    slope = np.clip(np.log(PIVOT / np.maximum(np.abs(middles), 1e-4)), 0.0, FARTHEST)
    each = z[:, 3:5, None] * one_side + z[:, 5:7, None] * near * slope
    return np.asarray(np.exp(common * z[:, 2, None, None] + each))


def _prior_draws(a: Assumptions, prior: Floats, leverage: Floats, z: Floats) -> Draws:
    """Return draws where nothing was observed: the structures by their weight beforehand."""
    weight = np.array([s.weight for s in a.structures])
    part = (weight / weight.sum())[a.lives().structure]
    central = (prior * part).ravel() * a.forced_share
    scale = np.minimum(np.exp(z[:, 1] * math.log(a.forced_span) / NORMAL_95) * a.forced_share, 1.0)
    weights = central * leverage * (scale / a.forced_share)[:, None]
    parts = {"leverage": central * leverage, "forced share": np.outer(scale / a.forced_share, central)}
    return Draws(central, weights, _form(a, z), np.ones(2), part, parts)


def _fitted_draws(
    a: Assumptions, prior: Floats, found: Calibration, leverage: Floats, basis: Floats, leaning: Floats, z: Floats
) -> Draws:
    """Return draws of a calibration: each of one structure, in proportion to its part of the mixture."""
    middle, kept = _capture(a, found, z[:, 1])
    lives, cells, half = a.lives(), prior.shape[0], a.draws // 2
    chosen = np.tile(np.searchsorted(np.cumsum(found.parts)[:-1], (np.arange(half) + 0.5) / half), 2)
    fitted, mixture = np.zeros_like(prior), np.zeros((a.draws, *prior.shape))
    replica, free = np.zeros_like(mixture), np.zeros_like(prior)
    for m, (fit, mine_of) in enumerate(zip(found.fits, lives.slices(), strict=True)):
        own = fit.weights.reshape(cells, -1)[:, :-1]
        seen = fit.seen.reshape(cells, -1)[:, :-1]
        fitted[:, mine_of] = found.parts[m] * own
        # The prior's span enters only where the data have not overruled it.
        free[:, mine_of] = calibrate.PRIOR_STRENGTH / (calibrate.PRIOR_STRENGTH + seen * own)
        mine = np.flatnonzero(chosen == m)
        mixture[mine, :, mine_of] = own
        again = fit.draws[mine % fit.draws.shape[0]].reshape(mine.size, *own.shape[:1], own.shape[1] + 1)
        replica[mine, :, mine_of] = again[:, :, :-1]
    part = found.parts[lives.structure]
    loose = leverage ** free.ravel()
    fitted, mixture, replica = fitted.ravel(), mixture.reshape(a.draws, -1), replica.reshape(a.draws, -1)
    factor = _form(a, z, found.moved) * _levels(found, z)
    at_risk = max(float((basis.sum(axis=2) @ exposed_weights(fitted, prior, part)).sum()), 1e-12)
    sides = found.level @ leaning.sum(axis=2)
    return Draws(
        fitted / middle,
        replica * loose / kept[:, None],
        factor,
        found.level,
        part,
        {
            "leverage": fitted / middle * loose,
            "capture": fitted / kept[:, None],
            "too few liquidations": replica / middle,
            "structure of lives": mixture / middle,
        },
        Range(middle, *quantiles(kept, LOW, HIGH).tolist()),
        range_of(float(sides @ fitted / at_risk), (replica * loose) @ sides / at_risk),
    )


def _capture(a: Assumptions, found: Calibration, z: Floats) -> tuple[float, Floats]:
    """Return the capture that those of the fits are relative to, and draws of it, shape (draws,).

    Where no feed is complete, the assumption is of the middle one of the venues: that of one alone would leave the
    level to whichever venue is read, and that of the largest to the one that fits worst.
    """
    if found.fits[0].whole:
        return 1.0, np.ones_like(z)
    middle = float(quantiles(found.capture, 0.5)[0])
    drawn = np.clip(a.capture * np.exp(z * math.log(a.capture_span) / NORMAL_95), LEAST_CAPTURE, 1.0)
    return a.capture / middle, drawn / middle


def _levels(found: Calibration, z: Floats) -> Floats:
    """Return draws of the sides' levels, log-normal in place of their Gamma, shape (draws, sides, 1)."""
    common, apart = (z[:, 7:9] * found.spread).T
    return np.asarray((found.level * np.exp(np.stack([common + apart, common - apart], axis=1)))[:, :, None])


def exposed_weights(weights: Floats, prior: Floats, part: Floats) -> Floats:
    """Return weights at the exposed scale: the shape of `weights` within each class, the prior's totals.

    Parameters
    ----------
    weights : shape (features,).
    prior : default weights, shape (distances, classes).
    part : of the mixture that the structure of each class is, shape (classes,).
    """
    table = weights.reshape(prior.shape)
    total = table.sum(axis=0)
    shape = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return np.asarray((shape * np.minimum(prior.sum(axis=0), 1.0) * part).ravel())
