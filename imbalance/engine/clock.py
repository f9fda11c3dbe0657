"""The clock that positions close by: turnover over its usual level, to a power.

With closings C and open interest W of all venues, turnover is ``u = C / W`` a bar, and a bar lasts
``(u / mean(u))^p`` times its wall time, the mean taken up to the bar itself. The power p is 0 for wall time and 1
where closing keeps step with turnover (subordinated time: Clark 1973, doi:10.2307/1913889).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imbalance.engine import flows

Floats = npt.NDArray[np.float64]

MOST_ACTIVITY = 30.0


def activity(volume: Floats, open_interest: Floats, turnover_share: float) -> Floats:
    """Return turnover over its mean so far [1], shape (bars,); 1 where none is known.

    Parameters
    ----------
    volume, open_interest : of all venues in one unit, shape (venues, bars), NaN where unknown.
    turnover_share : share of volume that turns positions over.
    """
    closed = np.zeros(open_interest.shape[1])
    held = np.zeros_like(closed)
    for traded, row in zip(volume, open_interest, strict=True):
        interest, first = flows.known_interest(row)
        closed += flows.opened(traded, interest, first, turnover_share)[1]
        held += interest
    turnover = np.divide(closed, held, out=np.zeros_like(closed), where=held > 0)
    counted = np.cumsum(held > 0)
    mean = np.cumsum(turnover) / np.maximum(counted, 1)
    fast = np.divide(turnover, mean, out=np.ones_like(mean), where=(held > 0) & (mean > 0))
    return np.minimum(fast, MOST_ACTIVITY)


def exponents(hazard_a_day: Floats, power: Floats, speed: Floats, days_a_bar: float) -> Floats:
    """Return the exponent of decay at bar closes, shape (classes, bars), counted from the end of the first bar.

    Parameters
    ----------
    hazard_a_day, power : of each class, shape (classes,).
    speed : of `activity`, shape (bars,).
    """
    out = np.empty((hazard_a_day.size, speed.size))
    for p in sorted(set(power.tolist())):
        mine = power == p
        time = np.cumsum(speed**p) * days_a_bar
        out[mine] = hazard_a_day[mine, None] * (time - time[0])
    return out
