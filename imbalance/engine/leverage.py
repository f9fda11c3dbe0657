"""The prior on effective leverage, as weights on the grid of distances.

Log-normal: what traders choose times what they add as margin, so continuous and below the settings on
screen; short-lived positions use more of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from imbalance.engine.assumptions import Assumptions
from imbalance.engine.margin import distance_of_leverage, effective_rate, leverage_at_distance
from imbalance.engine.venue import Venue

Floats = npt.NDArray[np.float64]

UNKNOWN_RATE = 0.005  # maintenance rate where no ladder is known


def _log_normal(leverage: Floats, median: npt.ArrayLike, log_sd: npt.ArrayLike) -> Floats:
    """Return the share below each leverage less the share above, for each median, shape (..., leverages)."""
    middle, width = np.log(np.asarray(median))[..., None], math.sqrt(2) * np.asarray(log_sd)[..., None]
    z = (np.log(leverage) - middle) / width
    return np.array([math.erf(value) for value in z.ravel().tolist()]).reshape(z.shape)


def distance_weights(
    edges: Floats, median: npt.ArrayLike, log_sd: npt.ArrayLike, rate: float, most_leverage: float
) -> Floats:
    """Return the share of opened quantity at each distance.

    Parameters
    ----------
    edges : distance edges, shape (points + 1,).
    median, log_sd : of effective leverage, shape (...).
    rate : effective maintenance rate of a typical position.
    most_leverage : the ladder's cap; the distribution is cut there and renormalised over [1, cap].

    Returns
    -------
    shape (..., points), summing to at most 1: what lies beyond the grid is never liquidated on the map.
    """
    leverage = np.clip(leverage_at_distance(edges, rate), 1.0, most_leverage)
    share = _log_normal(leverage, median, log_sd)
    whole = _log_normal(np.array([1.0, most_leverage]), median, log_sd)
    return np.asarray((share[..., :-1] - share[..., 1:]) / (whole[..., 1:] - whole[..., :1]))


def point_weights(edges: Floats, leverages: tuple[float, ...], rate: float) -> Floats:
    """Return equal shares at fixed leverages, each put into the cell that holds its distance."""
    counts, _edges = np.histogram(distance_of_leverage(leverages, rate), bins=edges)
    return np.asarray(counts / len(leverages))


def prior_weights(
    a: Assumptions, venues: list[Venue], interest: Floats, edges: Floats, factor: npt.ArrayLike
) -> Floats:
    """Return default weights of all structures' classes, shape (..., distances, classes).

    Venues' ladders are weighted by open interest.

    Parameters
    ----------
    interest : open interest [base], shape (venues, bars).
    factor : on the medians of leverage, shape (...).
    """
    latest = np.array([_latest(row) for row in interest])
    latest = latest / latest.sum() if latest.sum() > 0 else np.full(latest.size, 1 / latest.size)
    each = [(m, s.leverage_log_sd) for s in a.structures for m in s.leverage]
    own = sorted(set(each))  # structures have classes in common
    medians, log_sd = np.array(own).T
    total: Floats | float = 0.0
    for (rate, most), part in _ladders(a, venues, latest).items():
        total = total + part * distance_weights(edges, np.asarray(factor)[..., None] * medians, log_sd, rate, most)
    return np.swapaxes(np.asarray(total)[..., [own.index(one) for one in each], :], -1, -2)


def _ladders(a: Assumptions, venues: list[Venue], share: Floats) -> dict[tuple[float, float], float]:
    """Return each rate and cap of leverage that venues have, and the share of those that have it."""
    found: dict[tuple[float, float], float] = {}
    for venue, part in zip(venues, share.tolist(), strict=True):
        rate = UNKNOWN_RATE
        if venue.cap_usd.size:
            rate = float(effective_rate(a.typical_notional_usd, venue.cap_usd, venue.rate, venue.deduction_usd))
        key = rate, venue.most_leverage
        found[key] = found.get(key, 0.0) + part
    return found


def _latest(row: Floats) -> float:
    known = row[np.isfinite(row)]
    return float(known[-1]) if known.size else 0.0
