"""Shares of longs that no venue has."""

from __future__ import annotations

from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.doubts.thresholds import LEAST_SHARE
from imbalance.records import LongShort
from imbalance.wire.harvest import Figure


def ratios(evidence: Evidence) -> list[Doubt]:
    """Doubt shares of longs of next to none or all."""
    found = []
    for harvest in evidence.venues:
        off = [row for row in harvest.of(LongShort) if not LEAST_SHARE <= row.long_share <= 1 - LEAST_SHARE]
        if off:
            told = f"{off[0].long_share * 100:.3g} % of its {off[0].kind} are long"
            found.append(Doubt(harvest.name, Figure.LONG_SHORT, told))
    return found
