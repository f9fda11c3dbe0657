"""Open interest held against its value in USD, its own history, what was traded, and the coin's supply."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from imbalance.doubts.evidence import Bars, Doubt, Evidence, Floats, Ints
from imbalance.doubts.thresholds import (
    APART,
    APART_MS,
    IMPLIED_APART,
    IMPLIED_OFF,
    JUMP,
    SPIKE,
    SUPPLY_BASE,
    SUPPLY_SHARE,
    TRADED_SLACK,
    TRADED_SLACK_NOW,
    TRADED_TIMES,
)
from imbalance.readings import open_interest_history, open_interest_now, open_interest_rows, ticker, venue_price
from imbalance.records import OpenInterest, Position
from imbalance.units import DAY_MS, Side, date, iso, plain
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest


def own(evidence: Evidence) -> list[Doubt]:
    """Doubt open interest that does not agree with itself: value, steps, and now against before."""
    found = []
    for harvest in evidence.venues:
        bars = evidence.bars.get(harvest.name)
        told = _value(harvest, bars) or _steps(harvest, bars) or _now(harvest, bars)
        if told:
            found.append(Doubt(harvest.name, Figure.INTEREST, told))
        elif told := _daily(harvest):
            found.append(Doubt(harvest.name, Figure.DAILY_INTEREST, told))
    return found


def _value(harvest: Harvest, bars: Bars | None) -> str:
    """Hold the value in USD against the price of its moment, or of now where no bar tells that."""
    price = venue_price(harvest)
    past = [*harvest.in_time(OpenInterest, Kind.OPEN_INTEREST_DAILY), *open_interest_history(harvest)]
    then_ms, then = _implied(past)
    now_ms, now = _implied(open_interest_rows(harvest)[-1:])
    times_ms, implied = np.append(then_ms, now_ms), np.append(then, now)
    if price is None or not implied.size:
        return ""
    low, high = np.full(implied.size, price / IMPLIED_APART), np.full(implied.size, price * IMPLIED_APART)
    if bars is not None:
        inside = (times_ms > bars.time_ms[0]) & (times_ms <= bars.time_ms[-1])
        at = np.searchsorted(bars.time_ms, times_ms[inside])
        low[inside] = np.minimum(bars.low[at - 1], bars.low[at]) * (1 - IMPLIED_OFF)
        high[inside] = np.maximum(bars.high[at - 1], bars.high[at]) * (1 + IMPLIED_OFF)
    low[then.size :], high[then.size :] = price * (1 - IMPLIED_OFF), price * (1 + IMPLIED_OFF)
    wrong = (implied <= low) | (implied >= high)
    if not wrong.any():
        return ""
    at_ms = int(times_ms[np.argmax(wrong)])
    return f"its open interest in coins and in USD imply a price of {plain(implied[np.argmax(wrong)])} at {iso(at_ms)}"


def _implied(rows: Sequence[OpenInterest]) -> tuple[Ints, Floats]:
    """Return the times of the rows that tell both coins and USD, and the price that each implies."""
    usd = np.array([row.open_interest_usd for row in rows], dtype=np.float64)  # None becomes NaN
    base = np.array([row.open_interest_base for row in rows], dtype=np.float64)
    both = (usd > 0) & (base > 0)
    return np.array([row.time_ms for row in rows], dtype=np.int64)[both], usd[both] / base[both]


def _steps(harvest: Harvest, bars: Bars | None) -> str:
    """Hold each step of the history against a wrong unit, and against what was traded meanwhile."""
    rows = open_interest_history(harvest)
    levels = np.array([row.open_interest_base for row in rows], dtype=np.float64)
    times_ms = np.array([row.time_ms for row in rows], dtype=np.int64)[levels > 0]
    levels = levels[levels > 0]
    ratio = levels[1:] / levels[:-1]
    wrong = (ratio >= JUMP) | (ratio <= 1 / JUMP)
    if bars is not None:
        inside = (times_ms[:-1] >= bars.time_ms[0]) & (times_ms[1:] <= bars.time_ms[-1] + bars.step_ms)
        most = TRADED_TIMES * bars.traded(times_ms[:-1], times_ms[1:]) + TRADED_SLACK * levels[:-1]
        wrong |= inside & (np.abs(np.diff(levels)) > most)
    if not wrong.any():
        return ""
    at = int(np.argmax(wrong))
    jump = f"from {plain(levels[at])} to {plain(levels[at + 1])}"
    return f"its open interest jumps {jump} at {iso(int(times_ms[at + 1]))}"


def _now(harvest: Harvest, bars: Bars | None) -> str:
    """Hold the figure of now against the last one before it."""
    past = next(([row] for row in reversed(open_interest_history(harvest)) if row.open_interest_base > 0), [])
    now = open_interest_rows(harvest)[-1:]
    traded_today = ticker(harvest).volume_24h_base or ticker(harvest).volume_24h_usd
    if now and now[0].open_interest_base <= 0 and not past and traded_today:
        return "its open interest is 0, though it trades"
    if not past or not now:
        return ""
    level, last = now[0].open_interest_base, past[-1].open_interest_base
    before = f"{plain(last)} at {iso(past[-1].time_ms)}"
    told = f"its open interest of {plain(level)} disagrees with its own history, {before}"
    if bars is not None and bars.time_ms[0] <= past[-1].time_ms <= bars.time_ms[-1] + bars.step_ms:
        traded = float(bars.traded(past[-1].time_ms, max(now[0].time_ms, past[-1].time_ms)))
        if abs(level - last) > TRADED_TIMES * traded + TRADED_SLACK_NOW * last:
            return f"{told}: {plain(abs(level - last))} more or less, when {plain(traded)} were traded since"
    return "" if 1 / IMPLIED_APART < level / last < IMPLIED_APART else told


def _daily(harvest: Harvest) -> str:
    """Hold the daily history against a wrong unit and against the figure of now."""
    rows = harvest.in_time(OpenInterest, Kind.OPEN_INTEREST_DAILY)
    for before, row in itertools.pairwise(rows):
        level, last = row.open_interest_base, before.open_interest_base
        if last > 0 and not 1 / JUMP < level / last < JUMP:
            return f"it jumps from {plain(last)} to {plain(level)} on {date(row.time_ms)}"
    if told := spike({row.time_ms: row.open_interest_base for row in rows}):
        return told
    for day, now in zip(rows[-1:], open_interest_rows(harvest)[-1:], strict=False):
        level, last = now.open_interest_base, day.open_interest_base
        recent = now.time_ms - day.time_ms <= APART_MS + DAY_MS
        if recent and last > 0 and not 1 / APART < level / last < APART:
            return f"its last day, {plain(last)} on {date(day.time_ms)}, disagrees with {plain(level)} of now"
    return ""


def positions(evidence: Evidence) -> list[Doubt]:
    """Doubt positions of accounts that are together more than the venue's open interest."""
    found = []
    for harvest in evidence.venues:
        now, held = open_interest_now(harvest), dict.fromkeys(Side, 0.0)
        for row in harvest.of(Position):
            held[row.side] += row.quantity_base
        most = max(held.values())
        if now and most > now:
            told = f"{plain(most)} coins on one side are more than its open interest of {plain(now)}"
            found.append(Doubt(harvest.name, Figure.POSITIONS, told))
    return found


def spike(days: Mapping[int, float]) -> str:
    """Return at which day a daily series leaves both the day before and the day after by a factor; empty where none."""
    rows = sorted(days.items())
    for (before_ms, before), (day_ms, level), (after_ms, after) in zip(rows, rows[1:], rows[2:], strict=False):
        if after_ms - before_ms > 2 * DAY_MS or min(before, level, after) <= 0:
            continue
        if min(before, after) > SPIKE * level or level > SPIKE * max(before, after):
            return f"it is {plain(level)} coins on {date(day_ms)}, {plain(before)} the day before, {plain(after)} after"
    return ""


def supply(evidence: Evidence) -> list[Doubt]:
    """Doubt open interest that is more than one venue can hold of the coins that exist."""
    coins = SUPPLY_BASE.get(evidence.base)
    found = []
    for harvest in evidence.venues:
        levels = [row.open_interest_base for row in open_interest_history(harvest)]
        levels += [now] if (now := open_interest_now(harvest)) is not None else []
        if coins is not None and levels and max(levels) > SUPPLY_SHARE * coins:
            told = f"its open interest of {plain(max(levels))} is {max(levels) / coins:.2g} of all"
            found.append(Doubt(harvest.name, Figure.INTEREST, f"{told} {evidence.base} there are"))
    return found
