"""Holes in a series, and series that begin later than others: said, since they are bridged or cut."""

from __future__ import annotations

import numpy as np

from imbalance import signals
from imbalance.doubts.evidence import Doubt, Evidence, Ints, daily
from imbalance.doubts.thresholds import HOLE_BARS, HOLE_SHARE, LATE_MS
from imbalance.readings import open_interest_history
from imbalance.units import DAY_MS, iso
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest

# Liquidations and statistics of takers may well be none.
_NEVER_EMPTY = {
    Kind.CANDLES: Figure.CANDLES,
    Kind.DAILY_CANDLES: Figure.DAILY_CANDLES,
    Kind.OPEN_INTEREST: Figure.INTEREST,
    Kind.OPEN_INTEREST_HISTORY: Figure.INTEREST,
    Kind.OPEN_INTEREST_DAILY: Figure.DAILY_INTEREST,
    Kind.TICKER: Figure.PRICES,
    Kind.MARK_PRICE: Figure.PRICES,
    Kind.CONTRACT_STATS: Figure.STATISTICS,
    Kind.FUNDING: Figure.FUNDING,
    Kind.ORDER_BOOK: Figure.ORDER_BOOK,
    Kind.MARGIN_TIERS: Figure.LADDER,
    Kind.SENTIMENT: Figure.SENTIMENT,
    Kind.COMMITMENTS: Figure.COMMITMENTS,
    Kind.HOLDERS: Figure.HOLDERS,
    Kind.TOTALS: Figure.TOTALS,
    Kind.VENUE_LIQUIDATIONS: Figure.LIQUIDATIONS,
    Kind.LIQUIDATION_SUMS: Figure.LIQUIDATIONS,
    Kind.LIQUIDATION_DAILY: Figure.DAILY_LIQUIDATIONS,
}


def holes(evidence: Evidence) -> list[Doubt]:
    """Tell of rows that are missing inside a series or before it."""
    first_ms = min((int(bars.time_ms[0]) for bars in evidence.bars.values()), default=None)
    found = [
        Doubt(name, _NEVER_EMPTY[kind], "the answer holds no rows", left_out=False)
        for name, kind in evidence.empty
        if kind in _NEVER_EMPTY
    ]
    for harvest in evidence.venues:
        bars, days = evidence.bars.get(harvest.name), evidence.days.get(harvest.name)
        interest = np.array([row.time_ms for row in open_interest_history(harvest)], dtype=np.int64)
        series = [(Figure.INTEREST, interest, first_ms if bars is not None else None)]
        if bars is not None:
            series.append((Figure.CANDLES, bars.time_ms, first_ms))
        if days is not None:
            series.append((Figure.DAILY_CANDLES, days.time_ms, None))
        for figure, times_ms, since_ms in series:
            told = _months(harvest, evidence.now_ms) if figure is Figure.DAILY_CANDLES else ""
            told = told or _hole(times_ms) or _late(times_ms, since_ms)
            if told:
                found.append(Doubt(harvest.name, figure, told, left_out=False))
    return found


def _months(harvest: Harvest, now_ms: int) -> str:
    """Tell of days that the sum of this month or the one before would lack."""
    until_ms = -(-now_ms // DAY_MS) * DAY_MS
    for year, month in signals.months(now_ms):
        held, expected = signals.month_days(daily(harvest), year, month, until_ms)
        if held < expected:
            return f"{held} of {expected} days of {year}-{month:02} are there: no part of that month's volume"
    return ""


def _hole(times_ms: Ints) -> str:
    steps_ms = np.diff(times_ms)
    absent = np.round(steps_ms / steps_ms.min(initial=DAY_MS)).astype(np.int64) - 1
    total = int(absent.sum())
    if not total or (absent.max() < HOLE_BARS and total <= HOLE_SHARE * (total + times_ms.size)):
        return ""
    at = int(absent.argmax())
    longest = f", {int(absent[at])} of them after {iso(int(times_ms[at]))}" if absent[at] > 1 else ""
    return f"{total} of {total + times_ms.size} rows are missing{longest}"


def _late(times_ms: Ints, since_ms: int | None) -> str:
    if since_ms is None or not times_ms.size or int(times_ms[0]) <= since_ms + LATE_MS:
        return ""
    return f"begins at {iso(int(times_ms[0]))}, where the bars begin at {iso(since_ms)}"
