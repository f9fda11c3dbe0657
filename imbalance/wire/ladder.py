"""What holds of every maintenance ladder, whoever publishes it."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.errors import ParseError
from imbalance.records import MarginTier
from imbalance.units import plain
from imbalance.wire import Kind

CLOSE = 1e-9


def whole_ladder(tiers: Sequence[MarginTier], source: str, path: str) -> list[MarginTier]:
    """Return a ladder that starts at 0 and joins without holes, its rates rising; one step short it would mislead.

    Parameters
    ----------
    tiers : steps in order.
    path : JSON path of a step, with braces for its number.

    Raises
    ------
    ParseError
        At the first step that does not follow from the one below.
    """
    cap, rate = 0.0, 0.0
    for i, tier in enumerate(tiers):
        faults = {
            f"starts at {plain(tier.floor)}, not at {plain(cap)}": abs(tier.floor - cap) > CLOSE * cap,
            "ends where it starts": tier.cap <= tier.floor,
            "the rate is below that of the step below": tier.rate < rate,
            "maintenance exceeds the initial margin": not 0 < tier.rate * tier.max_leverage < 1,
        }
        told = next((fault for fault, is_so in faults.items() if is_so), "")
        if told:
            raise ParseError(source, Kind.MARGIN_TIERS, f"step {i + 1} of the margin ladder: {told}", path.format(i))
        cap, rate = tier.cap, tier.rate
    return list(tiers)
