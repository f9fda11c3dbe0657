"""Since when a figure has not been as large, or as small: a search back over history that is known without a break.

Where a step is missing, or the figures before are of something else, the search ends: what lies beyond says nothing.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

# Value by the start of its step [ms], with the name of what it is of: another name is another definition.
History = Mapping[int, tuple[float, str]]


class Since(msgspec.Struct, frozen=True):
    """The last moment [ms] at which a figure was as large or as small; None if never since `known_from_ms`."""

    at_ms: int | None
    known_from_ms: int


def unbroken(history: History, before_ms: int, step_ms: int) -> list[tuple[int, float]]:
    """Return (start, value) of the steps back from a moment to the first that is missing or of something else.

    Parameters
    ----------
    history : by the start of each step [ms].
    before_ms : only steps that had ended by then; where the last of them is missing nothing is known.
    step_ms : their length.
    """
    at_ms = max((time_ms for time_ms in history if time_ms + step_ms <= before_ms), default=None)
    if at_ms is None or before_ms - at_ms >= 2 * step_ms:
        return []
    definition = history[at_ms][1]
    found: list[tuple[int, float]] = []
    while (row := history.get(at_ms)) is not None and row[1] == definition:
        found.append((at_ms, row[0]))
        at_ms -= step_ms
    return found


def previous(value: float, steps: Sequence[tuple[int, float]], *, smaller: bool = False) -> Since | None:
    """Return when a figure was last at least as large (or at most as large, if `smaller`); None where nothing is known.

    Parameters
    ----------
    steps : (start, value), newest first, as `unbroken` gives them.
    """
    if not steps:
        return None
    reached = (t for t, other in steps if (other <= value if smaller else other >= value))
    return Since(next(reached, None), steps[-1][0])


def months(days: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return (first day [ms], sum) of the calendar months of which all days are there, newest first.

    Parameters
    ----------
    days : (start [ms], value), newest first.
    """
    found: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for time_ms, value in days:
        day = datetime.fromtimestamp(time_ms / 1000, UTC)
        found.setdefault((day.year, day.month), []).append((time_ms, value))
    return [
        (rows[-1][0], sum(value for _time_ms, value in rows))
        for month, rows in found.items()
        if len(rows) == monthrange(*month)[1]
    ]
