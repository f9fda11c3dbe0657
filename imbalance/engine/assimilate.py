"""What was printed lately against what was predicted of it: each side's level now.

With effective events observed y_t u_t / phi and predicted mu_t u_t / phi (`likelihood`: u keeps one burst from
counting as many), a side's level is

    (k + sum_t e^(-age_t / tau) y_t u_t / phi) / (k + sum_t e^(-age_t / tau) mu_t u_t / phi)

the posterior mean of a rate with a Gamma prior of k events around 1, observations fading with a half-life (discounted
Gamma-Poisson filter: West & Harrison 1997, ch. 10). Only what lies before a moment touches its level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.cohorts import inventory

Floats = npt.NDArray[np.float64]

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
