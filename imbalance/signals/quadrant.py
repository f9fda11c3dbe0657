"""What open interest says of a move: who opened and who closed.

Price up and contracts up: new longs pushed. Price up and contracts down: shorts covered. Price down and contracts up:
new shorts pushed. Price down and contracts down: longs left. Contracts are counted in coins: in USD they fall with the
price alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.signals.past import z_score

Floats = npt.NDArray[np.float64]
Quadrant = Literal["new longs", "short covering", "new shorts", "long exit"]
# Of its own past: a change within half a standard deviation is none to speak of.
LEAST_Z = 0.5


class Moved(msgspec.Struct, frozen=True):
    """Changes of price and open interest as log ratios, each against its own past, and what both say.

    `name` is None where one of them hardly moved; a z-score where its past is too short.
    """

    price: float
    interest: float
    price_z: float | None
    interest_z: float | None
    name: Quadrant | None


def quadrant(price_change: float, interest_change: float) -> Quadrant:
    """Return what the signs of both changes say; no change counts as a fall."""
    if price_change > 0:
        return "new longs" if interest_change > 0 else "short covering"
    return "new shorts" if interest_change > 0 else "long exit"


def changes(values: Floats, back: int) -> Floats:
    """Return ln(value / value `back` bars before), shape (n,); NaN where either is not known or not above 0."""
    out = np.full(values.size, np.nan)
    if back < values.size:
        known = np.where(values > 0, values, np.nan)
        out[back:] = np.log(known[back:] / known[:-back])
    return out


def moved(close: Floats, interest_base: Floats, back: int) -> Moved | None:
    """Return what the last `back` bars say; None where open interest is not known at both ends.

    Parameters
    ----------
    close : [USD], shape (bars,).
    interest_base : one side [coins], shape (bars,); NaN where not known.
    back : bars of the change; the past of a change is that of equally long ones before it.
    """
    if not 0 < back < close.size:
        return None
    price, interest = changes(close, back), changes(interest_base, back)
    if not np.isfinite(interest[-1]):
        return None
    before = slice(None, -back)
    z = z_score(price[before], float(price[-1])), z_score(interest[before], float(interest[-1]))
    clear = all(score is None or abs(score) >= LEAST_Z for score in z)
    told = quadrant(float(price[-1]), float(interest[-1])) if clear else None
    return Moved(float(price[-1]), float(interest[-1]), *z, told)
