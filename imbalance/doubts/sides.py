"""The sides of liquidations held against the price's own direction, and against what other sources saw."""

from __future__ import annotations

import msgspec
import numpy as np

from imbalance.doubts.evidence import Bars, Doubt, Evidence, Floats, Ints, distinct, found_in
from imbalance.doubts.thresholds import (
    LARGE_MOVES,
    LEAST_VENUES,
    SEEN_USD,
    SIDE_AGAINST_MOVES,
    SIDE_AGAINST_OTHERS,
    SIDE_LEADS,
)
from imbalance.liquidated import last_day
from imbalance.readings import venue_price
from imbalance.records import ContractStats, Liquidation, LiquidationSum, VenueLiquidations
from imbalance.units import HOUR_MS, Side, median
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest


class _Series(msgspec.Struct, frozen=True):
    """Liquidations of one venue by side [USD], in buckets that start at `time_ms`."""

    venue: str
    step_ms: int
    time_ms: Ints
    long_usd: Floats
    short_usd: Floats


def swapped(evidence: Evidence) -> list[Doubt]:
    """Doubt liquidations whose sides go against the price, or against what the other sources saw of the same day."""
    shares = _shares(evidence)
    found = []
    for harvest in evidence.harvests:
        series = _series(harvest)
        told = next((told for own in series if (told := _against_moves(own, evidence))), "")
        told = told or _against_others(harvest.name, shares)
        if told:
            found.append(Doubt(harvest.name, Figure.LIQUIDATIONS, told))
    return found


def _series(harvest: Harvest) -> list[_Series]:
    price = venue_price(harvest) or 0.0
    sized = [(r, r.quantity_base * price) for r in harvest.of(Liquidation)]
    orders = [(r.time_ms, usd * (r.position is Side.LONG), usd * (r.position is Side.SHORT)) for r, usd in sized]
    statistics = [
        (r.time_ms, r.long_liquidations_base * price, r.short_liquidations_base * price)
        for r in harvest.in_time(ContractStats)
    ]
    sums = [(r.time_ms, r.long_usd, r.short_usd) for r in harvest.in_time(LiquidationSum, Kind.LIQUIDATION_SUMS)]
    found = [_bucketed(harvest.name, orders, HOUR_MS), _bucketed(harvest.name, statistics), _bucketed("", sums)]
    buckets: dict[str, list[tuple[int, float, float]]] = {}
    for row in harvest.of(VenueLiquidations):
        buckets.setdefault(row.venue, []).append((row.time_ms, row.long_usd, row.short_usd))
    return [series for series in (*found, *(_bucketed(v, rows) for v, rows in buckets.items())) if series]


def _bucketed(venue: str, rows: list[tuple[int, float, float]], least_ms: int = 0) -> _Series | None:
    """Return rows as sums of hours, or of their own distance where that is longer."""
    if not rows:
        return None
    times_ms, long_usd, short_usd = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    steps_ms = np.diff(distinct(times_ms))
    step_ms = max(HOUR_MS, least_ms or int(steps_ms.min(initial=np.inf) if steps_ms.size else HOUR_MS))
    start_ms, place = np.unique(times_ms.astype(np.int64) // step_ms * step_ms, return_inverse=True)
    sums = (np.bincount(place, usd).astype(np.float64) for usd in (long_usd, short_usd))
    return _Series(venue, step_ms, start_ms, *sums)


def _against_moves(own: _Series, evidence: Evidence) -> str:
    """Hold sides against price in the buckets that it moved far in: a fall liquidates longs, a rise shorts."""
    bars = evidence.bars.get(own.venue) or next(iter(evidence.bars.values()), None)
    large = next((move for step_ms, move in LARGE_MOVES.items() if own.step_ms <= step_ms), None)
    if bars is None or large is None:
        return ""
    move = _moves(bars, own.time_ms, own.step_ms)
    far = np.abs(move) >= large.move
    with_it = float(np.where(np.signbit(move), own.long_usd, own.short_usd)[far].sum())
    total = float((own.long_usd + own.short_usd)[far].sum())
    if np.count_nonzero(far) < large.least or total < SEEN_USD or with_it >= SIDE_AGAINST_MOVES * total:
        return ""
    name = f" of {own.venue}" if own.venue else ""
    return (
        f"in the {np.count_nonzero(far)} buckets in which price moved {large.move * 100:.3g} % or more, "
        f"{(1 - with_it / total) * 100:.0f} % of the liquidations{name} are of the side that such a move does not reach"
    )


def _moves(bars: Bars, start_ms: Ints, step_ms: int) -> Floats:
    """Return the change of price over each bucket, 0 where the bars do not tell it."""
    ends_ms = bars.time_ms + bars.step_ms
    (first, starts), (last, ends) = (found_in(ends_ms, at_ms) for at_ms in (start_ms, start_ms + step_ms))
    known = starts & ends
    found = np.zeros(start_ms.size)
    found[known] = bars.close[last[known]] / bars.close[first[known]] - 1
    return found


def _shares(evidence: Evidence) -> dict[str, float]:
    """Return the share of longs in the last 24 hours of every source that saw enough."""
    found = {}
    for harvest in evidence.harvests:
        day = last_day(harvest, evidence.now_ms)
        if day is not None and day.long_usd + day.short_usd > SEEN_USD:
            found[harvest.name] = day.long_usd / (day.long_usd + day.short_usd)
    return found


def _against_others(name: str, shares: dict[str, float]) -> str:
    others = [share for other, share in shares.items() if other != name]
    if name not in shares or len(others) + 1 < LEAST_VENUES:
        return ""
    usual, own = median(others), shares[name]
    for side, led, held in (("longs", usual, own), ("shorts", 1 - usual, 1 - own)):
        if led >= SIDE_LEADS and held < SIDE_AGAINST_OTHERS:
            of = f"{held * 100:.0f} % of its liquidations of 24 hours are {side}"
            return f"{of}, of those of other sources {led * 100:.0f} %"
    return ""
