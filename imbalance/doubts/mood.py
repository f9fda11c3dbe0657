"""The Fear & Greed index held against its own word and the day before."""

from __future__ import annotations

import itertools

from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.doubts.thresholds import MOOD_STEP, MOOD_WORDS
from imbalance.records import Sentiment
from imbalance.units import DAY_MS, date
from imbalance.wire.harvest import Figure


def mood(evidence: Evidence) -> list[Doubt]:
    """Doubt an index whose value is not what its word says, or that moves more in a day than it ever did."""
    found = []
    for harvest in evidence.others:
        rows = harvest.in_time(Sentiment)
        told = next((told for row in rows if (told := _word(row))), "")
        told = told or next((told for pair in itertools.pairwise(rows) if (told := _step(*pair))), "")
        if told:
            found.append(Doubt(harvest.name, Figure.SENTIMENT, told))
    return found


def _word(row: Sentiment) -> str:
    span = MOOD_WORDS.get(row.label.lower())
    if span is None:
        return ""
    least, most = span
    told = f"its {row.value} of {date(row.time_ms)} is called {row.label!r}, which is {least} to {most}"
    return "" if least <= row.value <= most else told


def _step(before: Sentiment, row: Sentiment) -> str:
    step = abs(row.value - before.value)
    if row.time_ms - before.time_ms > DAY_MS or step <= MOOD_STEP:
        return ""
    return f"it moves from {before.value} to {row.value} on {date(row.time_ms)}, more than it ever did in a day"
