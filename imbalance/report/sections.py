"""Harvests to sections: prices, open interest, volume, liquidations, funding, sentiment."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from imbalance import signals
from imbalance.doubts.ages import stale
from imbalance.errors import DoubtfulError, NotOpenError
from imbalance.liquidated import last_day
from imbalance.market import MarketData
from imbalance.readings import funding_8h, open_interest_history, open_interest_now, ticker
from imbalance.records import (
    Candle,
    ContractStats,
    Feed,
    LiquidationSum,
    OpenInterestUsd,
    Ticker,
    Total,
    VenueLiquidations,
)
from imbalance.records import OpenInterest as OpenInterestRecord
from imbalance.records import Sentiment as SentimentRecord
from imbalance.report import tree, words
from imbalance.units import DAY_MS, iso
from imbalance.wire import Kind, Source
from imbalance.wire.harvest import Figure, Harvest, in_time

WEEK = 7
BASE_DAYS = 120
# A concentration that lacks one of these, or most venues, is of something else than the market.
LARGE = frozenset({"binance", "bybit", "okx"})
LEAST_SPREAD = 3
CLOCK_OFF_S = 60.0
SILENT = {
    "": "available over WebSocket only",
    "hyperliquid": "publishes none for the whole market",
}


def _missing(venues: Sequence[Source], harvests: Sequence[Harvest], present: set[str]) -> list[str]:
    """Return the venues chosen that are not present, asked or not; those that do not list the coin lack nothing."""
    unlisted = {h.name for h in harvests if h.unlisted}
    return [venue.name for venue in venues if venue.name not in present | unlisted]


def open_interest(
    harvests: Sequence[Harvest], price: float, now_ms: int, venues: Sequence[Source]
) -> tree.OpenInterest:
    """Build the open-interest section: one side each, in base coin and at the venue's mark price.

    Where it is open whether a venue counts one side or both, it is taken as one in all sums and shares, as in the map;
    the lower ends say what it is if not.
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
    missing = _missing(venues, harvests, set(now))
    open_to_doubt = [row for row in rows if row.disputed]
    return tree.OpenInterest(
        total,
        sum(r.open_interest_usd for r in rows),
        rows,
        missing,
        _change(harvests, now),
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


def quoted(harvests: Sequence[Harvest], what: str) -> list[tree.QuotedTotal]:
    """Return others' totals over exchanges, named."""
    return [tree.QuotedTotal(h.name, row.usd) for h in harvests for row in h.of(Total) if row.what == what]


def _change(harvests: Sequence[Harvest], now: dict[str, float]) -> tree.OpenInterestChange | None:
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
    reaching = {
        h.name: {r.time_ms: r.open_interest_base for r in in_time(h.at(Kind.OPEN_INTEREST_DAILY, OpenInterestRecord))}
        for h in harvests
        if h.name in now and h.source.is_venue
    }
    reaching = {name: series for name, series in reaching.items() if len(series) >= BASE_DAYS}
    days = signals.sum_by_day(list(reaching.values()))
    names = " + ".join(sorted(reaching))
    return _told(sum(now[name] for name in reaching), days, names, names) if days else None


def _told(now: float, days: dict[int, float], of: str, source: str) -> tree.OpenInterestChange | None:
    found = signals.change_since_low(now, days)
    if found is None:
        return None
    change, low_ms, low = found
    return tree.OpenInterestChange(change, low, iso(low_ms)[:10], now, of, source)


def volume(harvests: Sequence[Harvest], price: float, now_ms: int, venues: Sequence[Source]) -> tree.Volume:
    """Build the volume section; a venue without quote volume counts base volume at its mark price."""
    this, before = signals.months(now_ms)
    until_ms = -(-now_ms // DAY_MS) * DAY_MS
    rows = []
    for harvest in harvests:
        daily, statistics = (
            in_time(harvest.at(Kind.DAILY_CANDLES, Candle)),
            in_time(harvest.of(ContractStats)),
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
        _missing(venues, harvests, present),
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
        daily = in_time(harvest.at(Kind.LIQUIDATION_DAILY, LiquidationSum))
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
        missing=_missing(venues, harvests, present),
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


def funding(harvests: Sequence[Harvest], interest: tree.OpenInterest) -> tree.Funding:
    """Build the funding section: each venue's rate, and per 8 hours weighted by open interest."""
    weight = {row.name: row.open_interest_usd for row in interest.venues}
    rows = []
    for harvest in harvests:
        row, hours, each = funding_8h(harvest)
        if row is not None:
            next_time = iso(row.next_time_ms) if row.next_time_ms else None
            rows.append(tree.VenueFunding(harvest.name, row.rate, hours, each, next_time))
    pairs = [(r.rate_8h, weight.get(r.name, 0.0)) for r in rows if r.rate_8h is not None]
    return tree.Funding(signals.weighted(pairs), rows)


def sentiment(harvests: Sequence[Harvest]) -> tree.Sentiment | None:
    """Build the sentiment section from the newest day; the week before is joined by date."""
    for harvest in harvests:
        rows = in_time(harvest.of(SentimentRecord))
        if rows:
            last = rows[-1]
            week = [r.value for r in rows if r.time_ms == last.time_ms - WEEK * DAY_MS]
            return tree.Sentiment(
                last.value,
                last.label,
                iso(last.time_ms)[:10],
                week[0] if week else None,
                harvest.name,
                harvest.why_doubted(Figure.SENTIMENT),
            )
    return None


def market_price(market: MarketData, harvests: Sequence[Harvest]) -> tree.Price:
    """Build the price section over the span of the bars."""
    closes, times = market.close.tolist(), market.time_ms.tolist()
    change, top_ms, high = signals.drawdown(times, closes, market.price)
    day = DAY_MS // market.interval_ms
    indexes = [i for h in harvests if (i := ticker(h).index_price) is not None]
    return tree.Price(
        mark=market.price,
        index=float(np.median(indexes)) if indexes else None,
        change_24h=market.price / closes[-1 - day] - 1 if len(closes) > day else None,
        high=high,
        high_time=iso(top_ms),
        low=float(market.low.min()),
        change_since_high=change,
        days_since_high=(market.as_of_ms - top_ms) / DAY_MS,
    )


def newest_ms(harvest: Harvest) -> int | None:
    """Return the newest stamp that a source gave."""
    stamps = [
        t for rows in harvest.records.values() for r in rows[-1:] if (t := getattr(r, "time_ms", None)) is not None
    ]
    return max(stamps, default=None)


def states(harvests: Sequence[Harvest], skipped: Sequence[tuple[str, str, str]], now_ms: int) -> list[tree.SourceState]:
    """Build the sources section; `skipped` holds (name, title, why) of sources that were not asked.

    A source that answers with old figures alone is stale, not ok.
    """
    rows = []
    for h in harvests:
        newest = newest_ms(h)
        first = h.failures[0] if h.failures else None
        status = (
            "ok"
            if first is None
            else "partial"
            if any(h.records.get(k) for k in h.records if k is not Kind.INSTRUMENTS)
            else "failed"
        )
        if h.unlisted:
            status = "unlisted"
        elif isinstance(h.failures[-1] if h.failures else None, DoubtfulError):
            first, status = h.failures[-1], "doubtful"
        elif h.failures and all(isinstance(f, NotOpenError) for f in h.failures):
            status = "not open"
        old = stale(h, now_ms) if status == "ok" else ""
        rows.append(
            tree.SourceState(
                h.name,
                h.source.title,
                "stale" if old else status,  # type: ignore[arg-type]
                h.requests,
                h.latency_ms,
                iso(newest) if newest is not None else None,
                str(first) if first else old,
                first.hint if first else "",
                clock_ahead_s=h.clock_ahead_s,
                budget_used=h.budget_used,
            )
        )
    rows += [tree.SourceState(name, title, "skipped", 0, None, None, why, "") for name, title, why in skipped]
    return rows


def gaps(
    harvests: Sequence[Harvest],
    skipped: Sequence[tuple[str, str, str]],
    wanted: frozenset[Kind],
    venues: Sequence[Source],
) -> list[tree.Gap]:
    """Build the gaps: what failed, what a venue does not list, what it does not publish."""
    found = []
    for h in harvests:
        told = set()
        for failure in h.failures:
            if failure.reason not in told:
                failed = not isinstance(failure, NotOpenError)
                found.append(tree.Gap(h.name, failure.endpoint, failure.reason, failure.hint, failed=failed))
            told.add(failure.reason)
        found += [tree.Gap(h.name, d.endpoint, d.reason, failed=False) for d in h.doubted]
        if h.clock_ahead_s is not None and abs(h.clock_ahead_s) > CLOCK_OFF_S:
            way = "ahead of" if h.clock_ahead_s > 0 else "behind"
            off = f"its clock is {abs(h.clock_ahead_s) / 60:.0f} min {way} this machine's"
            found.append(tree.Gap(h.name, "clock", off, "Set this machine's clock if several say so.", failed=False))
        if h.unlisted:
            found.append(tree.Gap(h.name, "contract", "does not list this coin", failed=False))
    if Kind.LIQUIDATIONS in wanted:
        found += _silent(harvests, skipped, venues)
    found += [tree.Gap(name, title, why, failed=False, usual=True) for name, title, why in skipped]
    return found


def _silent(
    harvests: Sequence[Harvest], skipped: Sequence[tuple[str, str, str]], venues: Sequence[Source]
) -> list[tree.Gap]:
    """Return a gap for each venue chosen that publishes no liquidations and may list the coin."""
    unread = {h.name for h in harvests if h.instrument is None} | {name for name, _title, _why in skipped}
    publishing = {Kind.LIQUIDATIONS, Kind.CONTRACT_STATS}
    return [
        tree.Gap(venue.name, "liquidations", SILENT.get(venue.name, SILENT[""]), failed=False, usual=True)
        for venue in venues
        if venue.name not in unread and not publishing & {e.kind for e in venue.endpoints}
    ]
