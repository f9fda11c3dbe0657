"""What was printed lately against what was predicted of it: each side's level now.

With effective events observed y_t u_t / phi and predicted mu_t u_t / phi (`likelihood`: u keeps one burst from
counting as many), faded with a half-life and summed to O and M for each side, what the sides have in common and what
each has of its own are

    c = (2 k + O_long + O_short) / (2 k + M_long + M_short),    d = (j + O) / (j + c M)

the posterior means of rates with Gamma priors of 2 k and of j events around 1 (discounted Gamma-Poisson filter: West &
Harrison 1997, ch. 10). Longs have the level c (d_long / d_short)^(1/2), shorts c (d_short / d_long)^(1/2): with j above
k it takes more to tell the sides apart than to move both. How sure a level is follows from what was seen and a prior of
k events a side: what the sides' own prior takes away from a difference that is real is left inside the range. Only what
lies before a moment touches its level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine.cohorts import inventory

Floats = npt.NDArray[np.float64]

PRIOR_EVENTS = 10.0
DIFFERENCE_EVENTS = 40.0
HALF_LIFE_DAYS = 3.0


def side_levels(observed: Floats, predicted: Floats, days_a_row: float) -> tuple[Floats, Floats]:
    """Return each side's level at the start of each row and after the last, and how sure it is.

    Parameters
    ----------
    observed, predicted : effective events, shape (sides, rows); 0 in both where nothing is known.

    Returns
    -------
    level [1], shape (sides, rows + 1), and log standard deviations of what the sides have in common and of half of what
    they differ by, shape (2, rows + 1).
    """
    fading = np.arange(observed.shape[1] + 1) * (np.log(2) / HALF_LIFE_DAYS * days_a_row)

    first = np.zeros((2, 1))
    seen, expected = (inventory(np.concatenate([first, each], axis=1), fading) for each in (observed, predicted))
    both = 2 * PRIOR_EVENTS + seen.sum(axis=0)
    common = both / (2 * PRIOR_EVENTS + expected.sum(axis=0))
    own = (DIFFERENCE_EVENTS + seen) / (DIFFERENCE_EVENTS + common * expected)
    apart = np.sqrt((1 / (PRIOR_EVENTS + seen)).sum(axis=0)) / 2
    return common * np.sqrt(own / own[::-1]), np.stack([1 / np.sqrt(both), apart])
