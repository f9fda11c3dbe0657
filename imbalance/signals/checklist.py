"""The checklist of a squeeze: four conditions for a rally that forces shorts to buy, and their mirror for a fall.

Each is met, not met, or unknown; what is unknown is never taken for not met.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from imbalance.units import DAY_MS, Side

State = Literal["met", "not met", "unknown"]
# The publisher's own bound of extreme fear, and its mirror for greed.
EXTREME = 25
# Open interest is high in the highest quarter of its own past.
HIGH_FROM = 0.75
# A test of support tells of now for three days.
RECENT_MS = 3 * DAY_MS


def all_of(*parts: bool | None) -> State:
    """Return whether all hold: one that does not decides, and one that is not known leaves the rest open."""
    if False in parts:
        return "not met"
    return "unknown" if None in parts or not parts else "met"


def any_of(*parts: bool | None) -> State:
    """Return whether one holds: none is not met, and one that is not known leaves the rest open."""
    if True in parts:
        return "met"
    return "unknown" if None in parts else "not met"


def extreme_sentiment(index: float | None, squeezed: Side) -> bool | None:
    """Tell whether sentiment is extreme: fear where shorts would be squeezed, greed where longs would."""
    if index is None:
        return None
    return index <= EXTREME if squeezed is Side.SHORT else index >= 100 - EXTREME


def high_interest(percentile: float | None) -> bool | None:
    """Tell whether open interest is high against its own past."""
    return None if percentile is None else percentile >= HIGH_FROM


def heavier_than_path(lift_low: float | None, lift_high: float | None, squeezed: Side) -> bool | None:
    """Tell whether the map holds more of the side than its path alone implies, by the whole range of the lift."""
    if lift_low is None or lift_high is None:
        return None
    return lift_low > 1 if squeezed is Side.SHORT else lift_high < 1


def holders_wait(changes: Sequence[bool | None], squeezed: Side) -> State:
    """Tell whether holders of old coins sell less than a month ago: for a rally less, for a fall more.

    Sources that do not agree leave it open.

    Parameters
    ----------
    changes : of each source, whether they sell less.
    """
    known = {less for less in changes if less is not None}
    if len(known) != 1:
        return "unknown"
    return all_of(known.pop() if squeezed is Side.SHORT else not known.pop())
