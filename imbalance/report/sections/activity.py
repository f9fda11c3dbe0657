"""Harvests to what was traded and what was liquidated."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from imbalance import signals
from imbalance.liquidated import last_day
from imbalance.readings import ticker
from imbalance.records import (
    Candle,
    ContractStats,
    Feed,
    LiquidationSum,
    Ticker,
    VenueLiquidations,
)
from imbalance.report import tree, words
from imbalance.report.sections.sources import missing_of, quoted
from imbalance.units import DAY_MS, iso
from imbalance.wire import Kind, Source
from imbalance.wire.harvest import Figure, Harvest


def volume(harvests: Sequence[Harvest], price: float, now_ms: int, venues: Sequence[Source]) -> tree.Volume:
    """Build the volume section; a venue without quote volume counts base volume at its mark price."""
    this, before = signals.months(now_ms)
    until_ms = -(-now_ms // DAY_MS) * DAY_MS
    rows = []
    for harvest in harvests:
        daily, statistics = (
            harvest.in_time(Candle, Kind.DAILY_CANDLES),
            harvest.in_time(ContractStats),
        )
        if not harvest.source.is_venue or not (daily or statistics or harvest.of(Ticker)):
            continue
        row = ticker(harvest)
        if statistics and row.volume_24h_base is None:
            row = msgspec.structs.replace(row, volume_24h_base=_day_volume(statistics, now_ms))
        usd = row.volume_24h_usd
        if usd is None and row.volume_24h_base is not None:
            usd = row.volume_24h_base * (row.mark_price or price)
        rows.append(
            tree.VenueVolume(
                harvest.name,
                usd,
                row.volume_24h_base,
                signals.month_volume_usd(daily, *this, until_ms),
                signals.month_volume_usd(daily, *before, until_ms),
                *(signals.month_days(daily, *this, until_ms) if daily else (None, None)),
            )
        )
    rows.sort(key=lambda row: -(row.volume_24h_usd or 0.0))
    days = [r.volume_24h_usd for r in rows if r.volume_24h_usd is not None]
    months = [r.month_usd for r in rows if r.month_usd is not None]
    present = {r.name for r in rows if r.volume_24h_usd is not None}
    return tree.Volume(
        iso(now_ms)[:7],
        sum(days) if days else None,
        sum(months) if months else None,
        rows,
        missing_of(venues, harvests, present),
        quoted(harvests, "volume_24h"),
        [r.name for r in rows if r.month_usd is None and r.days is not None],
    )


def _day_volume(statistics: Sequence[ContractStats], now_ms: int) -> float | None:
    """Return taker volume [base] of the last 24 hours; None where buckets or their volumes are missing."""
    step_ms = statistics[-1].time_ms - statistics[-2].time_ms if len(statistics) > 1 else DAY_MS
    day = [s for s in statistics if s.time_ms + step_ms <= now_ms][-(DAY_MS // step_ms) :]
    parts = [v for s in day for v in (s.taker_buy_base, s.taker_sell_base)]
    known = [v for v in parts if v is not None]
    return sum(known) if len(known) == 2 * DAY_MS // step_ms else None


def liquidations(harvests: Sequence[Harvest], now_ms: int, venues: Sequence[Source]) -> tree.Liquidations:
    """Build the liquidations section: what each source saw in the last 24 hours, never blended.

    The headline is the best there is of those that cover the whole day and can be true: CoinGlass's sum over
    exchanges, else Coinalyze's, else that of the venues' own.
    """
    seen = [row for h in harvests if (row := _observed(h, now_ms)) is not None]
    sound = [row for row in seen if row.whole_day and not row.doubtful]
    glass = [row for row in sound if row.source == "coinglass"]
    other = [row for row in sound if row.source == "coinalyze"]
    chosen = glass or other or sound
    present = {row.source for row in sound}
    since = None
    for harvest in harvests:
        daily = harvest.in_time(LiquidationSum, Kind.LIQUIDATION_DAILY)
        if glass and daily:
            found = signals.largest_since(glass[0].long_usd + glass[0].short_usd, daily, now_ms - DAY_MS)
            if found is not None:
                date = iso(found[0])[:10] if found[0] is not None else None
                since = tree.LargestSince(date, iso(found[1])[:10], harvest.name)
    return tree.Liquidations(
        usd=sum(r.long_usd + r.short_usd for r in chosen) if chosen else None,
        long_usd=sum(r.long_usd for r in chosen) if chosen else None,
        short_usd=sum(r.short_usd for r in chosen) if chosen else None,
        of=[r.source for r in chosen],
        observed=seen,
        missing=missing_of(venues, harvests, present),
        largest_since=since,
    )


def _observed(harvest: Harvest, now_ms: int) -> tree.ObservedLiquidations | None:
    day = last_day(harvest, now_ms)
    if day is None:
        return None
    elsewhere = bool(harvest.of(VenueLiquidations))
    prints = ("at least: " if day.lower_bound else "") + harvest.source.prints
    if day.later_stages_usd is not None:
        prints += f"; later stages of defaults, {words.usd(day.later_stages_usd)}, apart"
    return tree.ObservedLiquidations(
        harvest.name,
        day.long_usd,
        day.short_usd,
        iso(day.first_ms),
        iso(day.last_ms),
        str(Feed.UNKNOWN if elsewhere else harvest.source.feed),
        prints,
        whole_day=day.whole,
        lower_bound=day.lower_bound,
        later_stages_usd=day.later_stages_usd,
        quoted=not harvest.source.is_venue,
        doubtful=harvest.why_left_out(Figure.LIQUIDATIONS),
    )
