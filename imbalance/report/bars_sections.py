"""The sections that a bars file can give; what it lacks stays missing."""

from __future__ import annotations

import numpy as np

from imbalance.market import Floats, MarketData
from imbalance.report import tree
from imbalance.units import DAY_MS, iso

LEAST_DAYS = 7
FROM_BARS = "bars"  # the source of what is told of a bars file


def _last_day(market: MarketData) -> int:
    return min(max(DAY_MS // market.interval_ms, 1), market.time_ms.size)


def open_interest(market: MarketData) -> tree.OpenInterest:
    """Build open interest from each venue's last known bar."""
    rows, missing = [], []
    back = _last_day(market)
    for v in market.venues:
        known = np.flatnonzero(np.isfinite(v.open_interest_base))
        if not known.size:
            missing.append(v.name)
            continue
        base = float(v.open_interest_base[known[-1]])
        before = float(v.open_interest_base[known[-1] - back]) if known[-1] >= back else np.nan
        change = base / before - 1 if np.isfinite(before) and before > 0 else None
        rows.append(tree.VenueOpenInterest(v.name, base, base * market.price, 0.0, change))
    total = sum(r.open_interest_base for r in rows)
    for r in rows:
        r.share = r.open_interest_base / total if total else 0.0
    rows.sort(key=lambda r: -r.open_interest_base)
    return tree.OpenInterest(total, total * market.price, rows, missing, _change(market, total))


def _change(market: MarketData, now: float) -> tree.OpenInterestChange | None:
    """Return the change since the low of the file, where it holds at least a week of all venues that have any."""
    total = np.sum([v.open_interest_base for v in market.venues if v.has_open_interest], axis=0)
    known = np.flatnonzero(np.isfinite(total))
    if known.size * market.interval_ms < LEAST_DAYS * DAY_MS:
        return None
    at = int(known[np.argmin(total[known])])
    low = float(total[at])
    if low <= 0:
        return None
    return tree.OpenInterestChange(
        now / low - 1, low, iso(int(market.time_ms[at]))[:10], now, "the bars file", FROM_BARS
    )


def _day_usd(series: Floats, market: MarketData) -> float | None:
    back = _last_day(market)
    values = series[-back:]
    if market.time_ms.size * market.interval_ms < DAY_MS or not np.isfinite(values).all():
        return None
    return float(np.sum(values * market.close[-back:]))


def volume(market: MarketData) -> tree.Volume:
    """Build the volume of the last 24 hours at bar closes."""
    rows = [tree.VenueVolume(v.name, _day_usd(v.volume_base, market), None, None, None) for v in market.venues]
    known = [r.volume_24h_usd for r in rows if r.volume_24h_usd is not None]
    missing = [r.name for r in rows if r.volume_24h_usd is None]
    return tree.Volume(iso(market.as_of_ms)[:7], sum(known) if known else None, None, rows, missing)


def liquidations(market: MarketData) -> tree.Liquidations:
    """Build the observed liquidations of the last 24 hours at bar closes."""
    seen, missing = [], []
    for v in market.venues:
        long, short = _day_usd(v.long_liquidations_base, market), _day_usd(v.short_liquidations_base, market)
        if long is None or short is None:
            missing.append(v.name)
            continue
        start = iso(market.as_of_ms - _last_day(market) * market.interval_ms)
        seen.append(tree.ObservedLiquidations(v.name, long, short, start, iso(market.as_of_ms), str(v.feed)))
    long_usd, short_usd = sum(r.long_usd for r in seen), sum(r.short_usd for r in seen)
    return tree.Liquidations(
        long_usd + short_usd if seen else None,
        long_usd if seen else None,
        short_usd if seen else None,
        [r.source for r in seen],
        seen,
        missing,
        None,
    )
