"""The last day's liquidations as each source gives them: orders, buckets by exchange, a venue's own sums."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.records import (
    ContractStats,
    Covered,
    LaterStage,
    Liquidation,
    LiquidationSum,
    Unread,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

# Steps without a row that chance makes less than once in 2,500 days are no silence of the market; rarer than one would
# ask of chance alone, since liquidations come in bursts.
LEAST_SILENCE = 3
UNLIKELY = 0.0004
LATEST_MS = 6 * HOUR_MS
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Day(NamedTuple):
    """Liquidations [USD] of the part of the last 24 hours from `first_ms` to `last_ms`; `whole` if that is all.

    Under `lower_bound` more was printed in that time than was read. `later_stages_usd` is what the venue marks as later
    stages of defaults, in no sum.
    """

    long_usd: float
    short_usd: float
    first_ms: int
    last_ms: int
    whole: bool
    lower_bound: bool = False
    later_stages_usd: float | None = None


class Orders(msgspec.Struct, frozen=True):
    """Single liquidations of a contract in order of time; what lies in none of `spans` (from, to) is not known.

    `long_base` and `short_base` hold what was liquidated of each side [base], of the shape of `time_ms`.
    """

    spans: list[tuple[int, int]]
    time_ms: Ints
    long_base: Floats
    short_base: Floats


def in_bars(orders: Orders, time_ms: Ints, interval_ms: int) -> tuple[Floats, Floats]:
    """Return longs and shorts liquidated [base] in each bar; NaN where a part of the bar is not known.

    Parameters
    ----------
    time_ms : bar opens, shape (bars,).
    """
    whole = inside(time_ms, interval_ms, orders.spans)
    sides = (summed(time_ms, interval_ms, orders.time_ms, side) for side in (orders.long_base, orders.short_base))
    long, short = (np.where(whole, side, np.nan) for side in sides)
    return long, short


def summed(time_ms: Ints, interval_ms: int, stamps_ms: Ints, values: Floats) -> Floats:
    """Return the sum of what is in each bar, shape (bars,)."""
    at = np.searchsorted(time_ms, stamps_ms, side="right") - 1
    held = at >= 0
    held[held] = stamps_ms[held] < time_ms[at[held]] + interval_ms
    sums: Floats = np.bincount(at[held], values[held], minlength=time_ms.size).astype(np.float64)
    return sums


def inside(time_ms: Ints, interval_ms: int, spans: Iterable[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Return which bars lie in one of the spans from end to end, shape (bars,)."""
    found = np.zeros(time_ms.size, dtype=np.bool_)
    for from_ms, to_ms in spans:
        found |= (time_ms >= from_ms) & (time_ms + interval_ms <= to_ms)
    return found


class _Row(msgspec.Struct, frozen=True):
    time_ms: int
    long_usd: float
    short_usd: float


def last_day(harvest: Harvest, now_ms: int) -> Day | None:
    """Return what a source saw liquidated in 24 hours; None where it shows nothing of them.

    That an answer is there does not say that it covers the day: the answer itself must, or rows within.
    """
    if Kind.LIQUIDATIONS in harvest.records:
        return _orders(harvest, now_ms)
    buckets = harvest.of(VenueLiquidations)
    if buckets:
        return _scattered(buckets, now_ms - DAY_MS, now_ms, buckets[0].bucket_ms)
    return _regular(harvest, now_ms)


def _orders(harvest: Harvest, now_ms: int) -> Day | None:
    start_ms = now_ms - DAY_MS
    inside = []
    # An order that stands on two pages counts once.
    for order in {order.order_id or i: order for i, order in enumerate(harvest.of(Liquidation))}.values():
        if start_ms < order.time_ms <= now_ms:
            usd = order.price * order.quantity_base
            long = order.position is Side.LONG
            inside.append(_Row(order.time_ms, usd if long else 0.0, 0.0 if long else usd))
    covered = [row.time_ms for row in harvest.of(Covered)]
    if not inside:
        # An empty answer tells of nothing unless it says which time it is of.
        return Day(0.0, 0.0, max(min(covered), start_ms), now_ms, min(covered) <= start_ms) if covered else None
    if covered and min(covered) > start_ms:
        day: Day | None = _summed(inside, min(covered), now_ms, whole=False)
    else:
        day = _scattered(inside, start_ms, now_ms, 1)
        # A walk that ended early without saying how far it came: what is missing may be anywhere.
        if day is not None and harvest.at(Kind.LIQUIDATIONS, Unread):
            day = day._replace(whole=False, lower_bound=True)
    if day is None:
        return None
    later = [row.price * row.quantity_base for row in harvest.of(LaterStage) if start_ms < row.time_ms <= now_ms]
    return day._replace(later_stages_usd=sum(later) if later else None)


def _scattered(rows: Iterable[_Row | VenueLiquidations], start_ms: int, now_ms: int, bucket_ms: int) -> Day | None:
    """Return the day of rows that come only where something was liquidated."""
    inside = [row for row in rows if start_ms <= row.time_ms and row.time_ms + bucket_ms <= now_ms + 1]
    if not inside:
        return None
    step_ms = max(bucket_ms, HOUR_MS)
    ends = min(row.time_ms for row in inside), min(max(row.time_ms for row in inside) + bucket_ms, now_ms)
    steps = -(-(now_ms - start_ms) // step_ms)
    if silent({min((row.time_ms - start_ms) // step_ms, steps - 1) for row in inside}, steps):
        return _summed(inside, *ends, whole=False)
    return _summed(inside, start_ms, now_ms, whole=True)


def silent(filled: set[int], steps: int) -> bool:
    """Tell whether the longest run without a row is longer than chance makes it.

    Of `steps`, n of them filled at random, some run of L stays empty with probability
    (n + 1) C(steps - L, n) / C(steps, n) at most: it may lie before, between or after the n.
    """
    runs = [len(list(run)) for held, run in itertools.groupby(i in filled for i in range(steps)) if not held]
    longest = max(runs, default=0)
    held = len(filled)
    chance = (held + 1) * math.comb(steps - longest, held) / math.comb(steps, held)
    return longest >= LEAST_SILENCE and chance < UNLIKELY


def _regular(harvest: Harvest, now_ms: int) -> Day | None:
    """Return the day of buckets that come whether something was liquidated or not."""
    statistics = harvest.in_time(ContractStats)
    rows = [_Row(s.time_ms, s.long_liquidations_usd, s.short_liquidations_usd) for s in statistics]
    sums = harvest.in_time(LiquidationSum, Kind.LIQUIDATION_SUMS)
    rows = rows or [_Row(s.time_ms, s.long_usd, s.short_usd) for s in sums]
    if len(rows) < 2:  # noqa: PLR2004  a step needs two
        return None
    step_ms = min(b.time_ms - a.time_ms for a, b in itertools.pairwise(rows))
    newest_ms = max((row.time_ms for row in rows if row.time_ms <= now_ms - step_ms), default=0)
    day = [row for row in rows if newest_ms - DAY_MS < row.time_ms <= newest_ms]
    if not day or newest_ms + step_ms < now_ms - LATEST_MS:
        return None
    whole = len(day) == DAY_MS // step_ms and newest_ms + 2 * step_ms > now_ms
    return _summed(day, day[0].time_ms, newest_ms + step_ms, whole=whole)


def _summed(rows: Iterable[_Row | VenueLiquidations], first_ms: int, last_ms: int, *, whole: bool) -> Day:
    kept = list(rows)
    return Day(sum(r.long_usd for r in kept), sum(r.short_usd for r in kept), first_ms, last_ms, whole)
