"""One venue's arrays as the engine takes them."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Venue(msgspec.Struct, frozen=True):
    """One venue's arrays for the engine, shape (bars,), in base coin, NaN where unknown.

    The ladder arrays have shape (brackets,); empty where none is known. `seen_by` names who saw the liquidations where
    it was not the venue itself.
    """

    name: str
    complete_feed: bool
    volume: Floats
    open_interest: Floats
    long_liquidations: Floats
    short_liquidations: Floats
    cap_usd: Floats
    rate: Floats
    deduction_usd: Floats
    most_leverage: float
    inverse: bool = False
    seen_by: str = ""


def history_ms(interest: Floats, interval_ms: int) -> int:
    """Return the longest time over which a venue's open interest [venues, bars] is known."""
    known = np.flatnonzero((interest > 0).any(axis=0))
    return (interest.shape[1] - int(known[0])) * interval_ms if known.size else 0


def reported(venue: Venue) -> bool:
    """Return whether a venue's liquidations were observed: columns of zeros are no observation."""
    return bool(np.nansum(venue.long_liquidations) + np.nansum(venue.short_liquidations) > 0)


def in_contracts(venues: list[Venue], close: Floats) -> tuple[Floats, Floats]:
    """Return volume and open interest in contracts, shape (venues, bars): base coin, or USD where inverse."""
    unit = np.stack([close if v.inverse else np.ones_like(close) for v in venues])
    return np.stack([v.volume for v in venues]) * unit, np.stack([v.open_interest for v in venues]) * unit


def kinds(venues: list[Venue]) -> list[tuple[bool, npt.NDArray[np.intp]]]:
    """Return (inverse, indices) of the kinds of contracts that there are."""
    flags = np.array([v.inverse for v in venues])
    return [(kind, np.flatnonzero(flags == kind)) for kind in (False, True) if (flags == kind).any()]
