"""Figures that cannot be true: stale, frozen, or off by a unit. A venue that shows one is left out of sums and maps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from imbalance.readings import open_interest_history, open_interest_rows, venue_price
from imbalance.units import HOUR_MS, iso
from imbalance.wire.harvest import Harvest

# Wide enough for the worst hours of a crash and for young coins: a wrong unit or a dead feed is further off.
PRICE_OFF = 0.2
STALE_MS = 2 * HOUR_MS
FROZEN_MS = 6 * HOUR_MS
LEAST_FROZEN = 4
JUMP = 8.0
APART = 4.0
LEAST_VENUES = 3


def doubts(harvests: Sequence[Harvest], asked_ms: int) -> dict[str, str]:
    """Return why a venue's figures cannot be true, by name; venues without such a reason are not in it.

    The price and the time that others agree on are the medians of the venues' own, where at least three have one: this
    machine's clock may be wrong too. What came without a time has that of the asking, `asked_ms`, and tells nothing.
    """
    stamps = {h.name: _stamps(h, asked_ms) for h in harvests if h.source.is_venue}
    newest = [max(at_ms for _what, at_ms, _slack_ms in known) for known in stamps.values() if known]
    time_ms = int(np.median(newest)) if len(newest) >= LEAST_VENUES else None
    prices = {h.name: price for h in harvests if h.source.is_venue and (price := venue_price(h)) is not None}
    middle = float(np.median(list(prices.values()))) if len(prices) >= LEAST_VENUES else None
    found = {}
    for harvest in harvests:
        if harvest.instrument is None or not harvest.source.is_venue:
            continue
        told = _price(prices.get(harvest.name), middle) or _time(stamps[harvest.name], time_ms) or _bars(harvest)
        told = told or _interest(harvest)
        if told:
            found[harvest.name] = told
    return found


def _price(price: float | None, middle: float | None) -> str:
    if price is None or middle is None or abs(price / middle - 1) <= PRICE_OFF:
        return ""
    return f"its price of {price:,.6g} is {price / middle:.3g} times that of the other venues"


def _stamps(harvest: Harvest, asked_ms: int) -> list[tuple[str, int, int]]:
    """Return what the newest figures are, the time of each, and how far apart they may be by their steps alone."""
    found = [("open interest", row.time_ms, 0) for row in open_interest_rows(harvest)[-1:] if row.time_ms != asked_ms]
    rows = harvest.candles[-2:]
    if len(rows) > 1:
        step_ms = rows[1].time_ms - rows[0].time_ms
        found.append(("bar", rows[1].time_ms + step_ms, step_ms))
    return found


def _time(stamps: Sequence[tuple[str, int, int]], others_ms: int | None) -> str:
    for what, at_ms, slack_ms in stamps:
        if others_ms is not None and abs(at_ms - others_ms) > STALE_MS + slack_ms:
            return f"its newest {what} is of {iso(at_ms)}, that of the other venues of {iso(others_ms)}"
    return ""


def _bars(harvest: Harvest) -> str:
    rows = harvest.candles
    if len(rows) < 2:  # noqa: PLR2004
        return ""
    step_ms = rows[-1].time_ms - rows[-2].time_ms
    recent = [row for row in rows if row.time_ms > rows[-1].time_ms - FROZEN_MS]
    still = len({row.close for row in recent}) == 1 and not any(row.volume_base for row in recent)
    if still and len(recent) >= max(FROZEN_MS // step_ms, LEAST_FROZEN):
        return f"its bars have not moved since {iso(recent[0].time_ms)}"
    return ""


def _interest(harvest: Harvest) -> str:
    price = venue_price(harvest)
    history = open_interest_history(harvest)
    past = [(row.time_ms, row.open_interest_base) for row in history]
    for row in history + open_interest_rows(harvest):
        if price and row.open_interest_usd and row.open_interest_base:
            implied = row.open_interest_usd / row.open_interest_base
            # History was valued at its own time's price: only a unit is that far off.
            if not 1 / APART < implied / price < APART:
                return f"its open interest in coins and in USD imply a price of {implied:,.6g}"
    for (_before_ms, before), (time_ms, after) in itertools.pairwise(past):
        if before > 0 and after > 0 and not 1 / JUMP < after / before < JUMP:
            return f"its open interest jumps from {before:,.6g} to {after:,.6g} at {iso(time_ms)}"
    recent = [value for time_ms, value in past if past and time_ms > past[-1][0] - FROZEN_MS]
    spans = len(past) > 1 and past[-1][0] - past[0][0] >= FROZEN_MS
    if spans and len(recent) >= LEAST_FROZEN and len(set(recent)) == 1:
        return f"its open interest has been {recent[0]:,.6g} for {FROZEN_MS // HOUR_MS} hours"
    for row in open_interest_rows(harvest)[-1:]:
        if past and past[-1][1] > 0 and not 1 / APART < row.open_interest_base / past[-1][1] < APART:
            return (
                f"its open interest of {row.open_interest_base:,.6g} disagrees with its own history, {past[-1][1]:,.6g}"
            )
    return ""
