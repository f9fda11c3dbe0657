"""What was printed lately against what was predicted of it: each side's level now, and how sides differ by opening day.

With effective events observed y_t u_t / phi and predicted mu_t u_t / phi (`likelihood`: u keeps one burst from
counting as many), a side's level is

    (k + sum_t e^(-age_t / tau) y_t u_t / phi) / (k + sum_t e^(-age_t / tau) mu_t u_t / phi)

the posterior mean of a rate with a Gamma prior of k events around 1, observations fading with a half-life (discounted
Gamma-Poisson filter: West & Harrison 1997, ch. 10). Only what lies before a moment touches its level.

Traders of a day lean to one side, and what they opened then lives on. Of each day's events the part that each opening
day was predicted to have is taken as its own (one step of EM: Dempster, Laird & Rubin 1977); a day's positions of a
side then have the posterior mean above, for all days alike. Only the difference of the sides is kept:
what both sides of a day have in common, fit and levels tell better.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.cohorts import Cohorts, inventory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

PRIOR_EVENTS = 10.0
HALF_LIFE_DAYS = 3.0


def side_levels(observed: Floats, predicted: Floats, days_a_row: float) -> tuple[Floats, Floats]:
    """Return each side's level at the start of each row and after the last, and the events that it rests on.

    Parameters
    ----------
    observed, predicted : effective events, shape (sides, rows); 0 in both where nothing is known.

    Returns
    -------
    level [1] and events with those of the prior, shape (sides, rows + 1) each.
    """
    fading = np.arange(observed.shape[1] + 1) * (np.log(2) / HALF_LIFE_DAYS * days_a_row)

    def recent(events: Floats) -> Floats:
        before = np.concatenate([np.zeros((2, 1)), events], axis=1)
        return np.stack([inventory(row, fading) for row in before])

    seen, expected = PRIOR_EVENTS + recent(observed), PRIOR_EVENTS + recent(predicted)
    return seen / expected, seen


def opening_days(observed: Floats, predicted: Floats, older: Floats) -> Floats:
    """Return what a side's positions count for by opening day, the two sides' product 1 [1].

    Parameters
    ----------
    observed, predicted : effective events, shape (sides, days); 0 in both where nothing is known.
    older : which share of the predicted was opened 1, 2, ... days before, in the last all that is older, shape
        (sides, days, ages); the rest was opened on the day.

    Returns
    -------
    shape (sides, days + 1); the last is for positions older than all of these days.
    """
    share, opened = _opened(older)

    def events(of_day: Floats) -> Floats:
        parts = (of_day[..., None] * share).reshape(2, -1)
        return np.stack([np.bincount(opened.ravel(), part, minlength=observed.shape[1] + 1) for part in parts])

    long, short = np.log((PRIOR_EVENTS + events(observed)) / (PRIOR_EVENTS + events(predicted)))
    return np.exp(np.stack([long - short, short - long]) / 2)


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
