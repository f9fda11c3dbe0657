"""Harvests to the section of open interest."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from imbalance import signals
from imbalance.readings import open_interest_history, open_interest_now, ticker
from imbalance.records import (
    Candle,
    OpenInterestUsd,
)
from imbalance.records import OpenInterest as OpenInterestRecord
from imbalance.report import tree
from imbalance.report.sections.sources import missing_of, quoted
from imbalance.report.since import Days
from imbalance.signals.since import unbroken
from imbalance.units import DAY_MS, iso
from imbalance.wire import Kind, Source
from imbalance.wire.harvest import Harvest

BASE_DAYS = 120


# A concentration that lacks one of these, or most venues, is of something else than the market.
LARGE = frozenset({"binance", "bybit", "okx"})


LEAST_SPREAD = 3


def open_interest(
    harvests: Sequence[Harvest],
    price: float,
    now_ms: int,
    venues: Sequence[Source],
    days: Days = MappingProxyType({}),
) -> tree.OpenInterest:
    """Build the open-interest section: one side each, in base coin and at the venue's mark price.

    Where it is open whether a venue counts one side or both, it is taken as one in all sums and shares, as in the map;
    the lower ends say what it is if not. `days` are stored figures from further back.
    """
    now = {h.name: value for h in harvests if h.source.is_venue and (value := open_interest_now(h)) is not None}
    total = sum(now.values())
    rows = []
    for harvest in harvests:
        if harvest.name not in now:
            continue
        value = now[harvest.name]
        past = [row for row in open_interest_history(harvest) if row.time_ms <= now_ms - DAY_MS]
        rows.append(
            tree.VenueOpenInterest(
                harvest.name,
                value,
                value * (ticker(harvest).mark_price or price),
                value / total if total else None,
                value / past[-1].open_interest_base - 1 if past and past[-1].open_interest_base > 0 else None,
                harvest.source.disputed,
                value / 2 if harvest.source.disputed else None,
            )
        )
    rows.sort(key=lambda row: -row.open_interest_base)
    missing = missing_of(venues, harvests, set(now))
    open_to_doubt = [row for row in rows if row.disputed]
    return tree.OpenInterest(
        total,
        sum(r.open_interest_usd for r in rows),
        rows,
        missing,
        _change(harvests, now, days, now_ms),
        _concentration(rows, missing),
        quoted(harvests, "open_interest"),
        total - sum(r.open_interest_base / 2 for r in open_to_doubt) if open_to_doubt else None,
        sum(r.open_interest_usd for r in rows) - sum(r.open_interest_usd / 2 for r in open_to_doubt)
        if open_to_doubt
        else None,
    )


def _concentration(rows: Sequence[tree.VenueOpenInterest], missing: Sequence[str]) -> tree.Concentration | None:
    """Return how the venues' open interest is spread; None where much of what was asked for is missing."""
    shares = {row.name: row.share for row in rows if row.share}
    if len(shares) < LEAST_SPREAD or len(missing) >= len(shares) or LARGE & set(missing):
        return None
    largest = max(shares, key=lambda name: shares[name])
    return tree.Concentration(list(shares), largest, shares[largest], sum(share**2 for share in shares.values()))


def _change(
    harvests: Sequence[Harvest], now: dict[str, float], stored: Days, now_ms: int
) -> tree.OpenInterestChange | None:
    """Return the change of open interest since its low, in base coin.

    By CryptoQuant's Binance series (USD over that day's close) where it is there; else by the venues whose
    own daily history reaches months back, and only those.
    """
    by_name = {h.name: h for h in harvests}
    quant, binance = by_name.get("cryptoquant"), by_name.get("binance")
    if quant and binance and "binance" in now:
        usd = {r.time_ms: r.open_interest_usd for r in quant.at(Kind.OPEN_INTEREST_DAILY, OpenInterestUsd)}
        days = signals.in_base(usd, binance.at(Kind.DAILY_CANDLES, Candle))
        if len(days) >= BASE_DAYS:
            return _told(now["binance"], days, "binance", "cryptoquant")
    reaching = {h.name: _days(h, stored, now_ms) for h in harvests if h.name in now and h.source.is_venue}
    reaching = {name: series for name, series in reaching.items() if len(series) >= BASE_DAYS}
    days = signals.sum_by_day(list(reaching.values()))
    names = " + ".join(sorted(reaching))
    return _told(sum(now[name] for name in reaching), days, names, names) if days else None


def _days(harvest: Harvest, stored: Days, now_ms: int) -> dict[int, float]:
    """Return a venue's open interest by day as it tells it, and as it is stored from further back without a break."""
    rows = harvest.in_time(OpenInterestRecord, Kind.OPEN_INTEREST_DAILY)
    known = stored.get(("open_interest", harvest.name), {})
    before = unbroken(known, rows[0].time_ms if rows else now_ms, DAY_MS)
    return dict(reversed(before)) | {row.time_ms: row.open_interest_base for row in rows}


def _told(now: float, days: dict[int, float], of: str, source: str) -> tree.OpenInterestChange | None:
    found = signals.change_since_low(now, days)
    if found is None:
        return None
    change, low_ms, low = found
    return tree.OpenInterestChange(change, low, iso(low_ms)[:10], now, of, source)
