"""Liquidations of venues: no more than was traded, and no observation where a feed is empty or has ended."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from imbalance.doubts.evidence import Bars, Doubt, Evidence
from imbalance.doubts.thresholds import (
    LEAST_BAR_SHARE_OF_DAY,
    LIQUIDATED_BAR_TIMES,
    LIQUIDATED_PRICE_TIMES,
    LIQUIDATED_SHARE,
    LIQUIDATED_STRANGE,
    SEEN_USD,
)
from imbalance.liquidated import last_day
from imbalance.readings import venue_price
from imbalance.records import ContractStats, Covered, Instrument, Liquidation, LiquidationSum, VenueLiquidations
from imbalance.units import DAY_MS, iso, plain
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest

Bucket = tuple[int, int, float]


def venues(evidence: Evidence) -> list[Doubt]:
    """Doubt liquidations of more than was traded, and feeds that are empty where others saw much."""
    much_seen = any(seen_usd(h, evidence.now_ms) > SEEN_USD for h in evidence.harvests)
    found = []
    for harvest in evidence.venues:
        buckets = _buckets(harvest)
        bars = evidence.bars.get(harvest.name)
        recent = any(at_ms > evidence.now_ms - DAY_MS for at_ms, _step_ms, _base in buckets)
        if Kind.LIQUIDATIONS in harvest.records and not recent and much_seen:
            told = "its feed holds none of the last 24 hours, of which others saw many"
            found.append(Doubt(harvest.name, Figure.LIQUIDATIONS, told))
        elif told := _priced(harvest, bars):
            found.append(Doubt(harvest.name, Figure.LIQUIDATIONS, told))
        elif buckets and bars is not None:
            found += _more_than_traded(harvest, buckets, bars, evidence)
    return found


def _priced(harvest: Harvest, bars: Bars | None) -> str:
    """Hold the price of orders, and what the USD and coins of a bucket imply, against the venue's prices."""
    if bars is None:
        return ""
    low, high = bars.low.min() / LIQUIDATED_PRICE_TIMES, bars.high.max() * LIQUIDATED_PRICE_TIMES
    prices = [(row.time_ms, row.price) for row in harvest.of(Liquidation)]
    for row in harvest.of(ContractStats):
        for usd, base in (
            (row.long_liquidations_usd, row.long_liquidations_base),
            (row.short_liquidations_usd, row.short_liquidations_base),
        ):
            if base:
                prices.append((row.time_ms, usd / base))
    off = [(at_ms, price) for at_ms, price in prices if not low < price < high]
    return f"its price of {plain(off[0][1])} at {iso(off[0][0])} is none that the venue had" if off else ""


def coverage(evidence: Evidence) -> list[Doubt]:
    """Tell of series of liquidations that do not cover the last 24 hours; some feeds say themselves how far they go."""
    found = []
    for harvest in evidence.harvests:
        stamps = [row.time_ms for row in harvest.of(Liquidation)] + [row.time_ms for row in harvest.of(ContractStats)]
        stamps += [row.time_ms for row in harvest.of(VenueLiquidations)]
        stamps += [row.time_ms for row in harvest.at(Kind.LIQUIDATION_SUMS, LiquidationSum)]
        covered = [row.time_ms for row in harvest.of(Covered)]
        if not stamps or (covered and min(covered) > evidence.now_ms - DAY_MS):
            continue
        day = last_day(harvest, evidence.now_ms)
        told = f"its newest are of {iso(max(stamps))}: none of the last 24 hours"
        if day is not None:
            told = f"those from {iso(day.first_ms)} to {iso(day.last_ms)} are no whole day: in no sum"
        ended = _ended(harvest.of(VenueLiquidations)) or _unanswered(harvest)
        if ended:
            found.append(Doubt(harvest.name, Figure.LIQUIDATIONS, ended, left_out=False))
        if day is None or not (day.whole or day.lower_bound):
            found.append(Doubt(harvest.name, Figure.LIQUIDATIONS, told, left_out=False))
    return found


def _unanswered(harvest: Harvest) -> str:
    """Return which exchanges were asked for and are in no row, where others have many."""
    rows = harvest.of(VenueLiquidations)
    asked = {row.venue for row in harvest.at(Kind.INSTRUMENTS, Instrument)} if rows else set()
    missing = sorted(asked - {row.venue for row in rows})
    return f"it holds none of {', '.join(missing)}, which it lists" if missing else ""


def _ended(rows: Sequence[VenueLiquidations]) -> str:
    """Return which exchanges' buckets end days before the newest of all, though they came at most times before."""
    stamps: dict[str, list[int]] = {}
    for row in rows:
        stamps.setdefault(row.venue, []).append(row.time_ms)
    for venue, own in stamps.items():
        usual = len(own) > (max(own) - min(own)) / rows[0].bucket_ms / 2
        if usual and max(map(max, stamps.values())) - max(own) > DAY_MS:
            return f"those of {venue} end at {iso(max(own))}"
    return ""


def seen_usd(harvest: Harvest, now_ms: int) -> float:
    """Return what a source saw liquidated in the last 24 hours, whatever its kind of record [USD]."""
    start_ms, price = now_ms - DAY_MS, venue_price(harvest) or 0.0
    total = sum(base * price for at_ms, _step_ms, base in _buckets(harvest) if start_ms < at_ms <= now_ms)
    sums = [(r.time_ms, r.long_usd + r.short_usd) for r in harvest.of(VenueLiquidations)]
    sums += [(r.time_ms, r.long_usd + r.short_usd) for r in harvest.at(Kind.LIQUIDATION_SUMS, LiquidationSum)]
    return float(total + sum(usd for at_ms, usd in sums if start_ms <= at_ms <= now_ms))


def _buckets(harvest: Harvest) -> list[Bucket]:
    """Return (start, length, base) of what a venue prints of itself; an order has no length."""
    orders = [(row.time_ms, 1, row.quantity_base) for row in harvest.of(Liquidation)]
    rows = harvest.in_time(ContractStats)
    step_ms = min((b.time_ms - a.time_ms for a, b in itertools.pairwise(rows)), default=DAY_MS)
    return orders + [(r.time_ms, step_ms, r.long_liquidations_base + r.short_liquidations_base) for r in rows]


def _more_than_traded(harvest: Harvest, buckets: list[Bucket], bars: Bars, evidence: Evidence) -> list[Doubt]:
    at_ms = np.array([bucket[0] for bucket in buckets], dtype=np.int64)
    step_ms = max(bars.step_ms, buckets[0][1])
    span_ms = at_ms // step_ms * step_ms
    starts_ms, place = np.unique(span_ms, return_inverse=True)
    liquidated = np.bincount(place, weights=[bucket[2] for bucket in buckets])
    traded = bars.traded(starts_ms, starts_ms + step_ms)
    held = (starts_ms >= bars.time_ms[0]) & (starts_ms + step_ms <= bars.time_ms[-1] + bars.step_ms)
    day = evidence.day_volume_base(harvest.name)
    least = LEAST_BAR_SHARE_OF_DAY * (day or 0.0)
    wrong = held & (liquidated > LIQUIDATED_BAR_TIMES * traded + least)
    if wrong.any():
        at = int(np.argmax(wrong))
        told = (
            f"{plain(liquidated[at])} coins liquidated from {iso(int(starts_ms[at]))} are more than the "
            f"{plain(traded[at])} traded there"
        )
        return [Doubt(harvest.name, Figure.LIQUIDATIONS, told)]
    recent = float(liquidated[starts_ms >= evidence.now_ms - DAY_MS].sum())
    if day and recent > LIQUIDATED_STRANGE * day:
        told = f"its liquidations of 24 hours are {recent / day:.2g} of all that was traded there"
        return [Doubt(harvest.name, Figure.LIQUIDATIONS, told, left_out=recent > LIQUIDATED_SHARE * day)]
    return []
