"""How old a figure is: what is of its date and not of now."""

from __future__ import annotations

from collections.abc import Iterator

from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.doubts.thresholds import AGE_MS, AHEAD_MS
from imbalance.units import DAY_MS, HOUR_MS, iso
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest

# What is shown with its date stays; what is compared with now, or shown without a date, is left out.
_KINDS = {
    Kind.SENTIMENT: (Figure.SENTIMENT, False),
    Kind.COMMITMENTS: (Figure.COMMITMENTS, False),
    Kind.HOLDERS: (Figure.HOLDERS, False),
    Kind.OPEN_INTEREST_DAILY: (Figure.DAILY_INTEREST, True),
    Kind.LIQUIDATION_DAILY: (Figure.DAILY_LIQUIDATIONS, True),
    Kind.LONG_SHORT: (Figure.LONG_SHORT, True),
    Kind.ORDER_BOOK: (Figure.ORDER_BOOK, True),
}


def old(evidence: Evidence) -> list[Doubt]:
    """Doubt figures that are too old to be called those of now."""
    found = []
    for harvest in evidence.harvests:
        for kind, (figure, left_out) in _KINDS.items():
            newest = max(_stamps(harvest, kind), default=None)
            if newest is not None and newest - evidence.now_ms > AHEAD_MS:
                found.append(Doubt(harvest.name, figure, f"its newest is of {iso(newest)}, which is yet to come"))
                continue
            if newest is None or evidence.now_ms - newest <= AGE_MS[kind]:
                continue
            hours = (evidence.now_ms - newest) / HOUR_MS
            days = (evidence.now_ms - newest) // DAY_MS
            age = f"{days} days" if days > 1 else f"{hours:.2g} hours"
            found.append(Doubt(harvest.name, figure, f"its newest is of {iso(newest)}, {age} old", left_out))
    return found


def stale(harvest: Harvest, now_ms: int) -> str:
    """Return which of a source's newest figures is too old to be of now; empty where none is.

    The time is the source's own, where its answers tell it: this machine's clock may be wrong.
    """
    there_ms = now_ms + 1000 * (harvest.clock_ahead_s or 0.0)
    for kind, most_ms in AGE_MS.items():
        newest = max(_stamps(harvest, kind), default=None)
        if newest is not None and there_ms - newest > most_ms:
            return f"its newest {kind} is of {iso(newest)}"
    return ""


def _stamps(harvest: Harvest, kind: Kind) -> Iterator[int]:
    for row in harvest.records.get(kind, []):
        if (at_ms := getattr(row, "time_ms", None)) is not None:
            yield at_ms
