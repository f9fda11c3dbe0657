"""Which side the traders of a day leant to: what its longs count for against its shorts.

Traders of a day lean to one side, and what they opened then lives on. With x_d half the log of what longs opened on
day d count for over its shorts, effective events n_t of day t are Poisson with the mean

    m_t = sum_d B_td e^(+x_d) of longs, sum_d B_td e^(-x_d) of shorts

B_td what is predicted of day t and was opened on day d. Beforehand x is a Gaussian process with the mean b z_d, as
traders follow the trend z (De Long, Shleifer, Summers & Waldmann 1990, doi:10.1111/j.1540-6261.1990.tb03695.x), and
the covariance s^2 exp(-|d - d'| / l) (Uhlenbeck & Ornstein 1930, doi:10.1103/PhysRev.36.823). The maximum of its
posterior is taken by EM: each day's events are shared out by what was predicted of each opening day, then x takes a
Newton step (Dempster, Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x; Rasmussen & Williams 2006, section
3.4). Only the difference of the sides is kept: what both sides of a day have in common, fit and levels tell better.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.cohorts import Cohorts, inventory
from imbalance.path import PricePath

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

LOG_SD = 0.25  # s: of half the log of longs over shorts
MEMORY_DAYS = 2.0  # l
FOLLOWING = 0.15  # b: for a trend of its usual size
TREND_HALF_LIFE_DAYS = 0.5
MOST_TREND = 2.5
STEPS = 10
LONGEST_STEP = 1.0


def trend(path: PricePath, bars_a_day: int, day: Ints) -> Floats:
    """Return how far price has trended into each day's bars, in its usual size, shape (days,).

    Log returns until a bar, fading with a half-life, over their root mean square had they been independent ones of the
    size that returns had until then. Nothing later than a bar touches it.

    Parameters
    ----------
    day : of each bar, rising from 0, shape (bars,).
    """
    returns = np.diff(np.log(path.close), prepend=np.log(path.close[0]))
    fading = np.log(2) / (TREND_HALF_LIFE_DAYS * bars_a_day)
    moved = inventory(returns, np.arange(returns.size) * fading)
    usual = np.sqrt(np.cumsum(returns**2) / np.maximum(np.arange(returns.size), 1) / (1 - np.exp(-2 * fading)))
    size = np.divide(moved, usual, out=np.zeros_like(moved), where=usual > 0)
    bars = np.bincount(day)  # none on some days where bars are longer than a day
    return np.asarray(np.bincount(day, np.clip(size, -MOST_TREND, MOST_TREND)) / np.maximum(bars, 1))


def opening_days(observed: Floats, predicted: Floats, older: Floats, trended: Floats) -> Floats:
    """Return what a side's positions count for by opening day, the two sides' product 1 [1].

    Parameters
    ----------
    observed, predicted : effective events, shape (sides, days); 0 in both where nothing is known.
    older : which share of the predicted was opened 1, 2, ... days before, in the last all that is older, shape
        (sides, days, ages); the rest was opened on the day.
    trended : of `trend`, shape (days,).

    Returns
    -------
    shape (sides, days + 1); the last is for positions older than all of these days.
    """
    share, opened = _opened(older)
    days = observed.shape[1]
    at, size = (np.arange(days)[:, None] * (days + 1) + opened).ravel(), days * (days + 1)
    events = (predicted[..., None] * share).reshape(2, -1)
    table: Floats = np.array([np.bincount(at, mine, minlength=size).reshape(days, -1) for mine in events], dtype=float)
    x = _leaning(observed, table, np.append(FOLLOWING * trended, 0.0), _precision(days, older.shape[2]))
    return np.exp(np.stack([x, -x]))


def _leaning(observed: Floats, table: Floats, mean: Floats, precision: Floats) -> Floats:
    """Return x at the maximum of its posterior, shape (days + 1,).

    Parameters
    ----------
    table : B above by side, shape (sides, days, days + 1).
    mean, precision : of x beforehand, shapes (days + 1,) and (days + 1, days + 1).
    """
    x = mean
    for _ in range(STEPS):
        slope, held = precision @ (mean - x), np.zeros_like(x)
        for seen, events, sign in zip(observed, table, (1.0, -1.0), strict=True):
            times = np.exp(sign * x)
            total, mine = events @ times, events.sum(axis=0) * times
            ratio = np.divide(seen, total, out=np.zeros_like(total), where=total > 0)
            slope += sign * (ratio @ events * times - mine)
            held += mine
        x = x + np.clip(np.linalg.solve(precision + np.diag(held), slope), -LONGEST_STEP, LONGEST_STEP)
    return x


def _precision(days: int, ages: int) -> Floats:
    """Return the inverse of the covariance beforehand; what is older lies `ages` days before the first."""
    when = np.append(np.arange(days), -ages)
    return np.linalg.inv(LOG_SD**2 * np.exp(-np.abs(when[:, None] - when) / MEMORY_DAYS))


def by_opening_day(multiplier: Floats, older: Floats) -> Floats:
    """Return what each day's predictions are to be multiplied with, shape (sides, days).

    Parameters
    ----------
    multiplier, older : of `opening_days`.
    """
    share, opened = _opened(older)
    return np.asarray((share * multiplier[:, opened]).sum(axis=2))


def _opened(older: Floats) -> tuple[Floats, Ints]:
    """Return shares by age from 0, shape (sides, days, ages + 1), and of which opening day each is, without sides."""
    share = np.concatenate([1 - older.sum(axis=2, keepdims=True), older], axis=2)
    days, ages = share.shape[1:]
    opened = np.arange(days)[:, None] - np.arange(ages)
    opened[(opened < 0) | (np.arange(ages) == ages - 1)] = days
    return share, opened


def of_cohorts(multiplier: Floats, day: Ints, cohorts: Cohorts) -> Floats:
    """Return the multipliers of cohorts, shape (sides, cohorts).

    Parameters
    ----------
    multiplier : of `opening_days`.
    day : of each bar, from 0, shape (bars,).
    """
    day = np.minimum(day, multiplier.shape[1] - 1)
    return np.asarray(multiplier[:, np.where(cohorts.old, multiplier.shape[1] - 1, day[cohorts.birth])])
