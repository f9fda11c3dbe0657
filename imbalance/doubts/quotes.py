"""What other services say of all exchanges, held against what the venues say of themselves."""

from __future__ import annotations

import bisect

from imbalance import signals
from imbalance.doubts.evidence import Doubt, Evidence, daily
from imbalance.doubts.interest import spike
from imbalance.doubts.liquidations import seen_usd
from imbalance.doubts.sizes import day_volume_usd
from imbalance.doubts.thresholds import (
    APART,
    APART_MS,
    JUMP,
    LEAST_SUMMED,
    LEVELS_TIMES,
    LIQUIDATED_SUM_SHARE,
    PRICE_OFF,
    QUOTED_TIMES,
    SEEN_TIMES,
    SEEN_USD,
    VOLUME_OFF,
)
from imbalance.readings import mark_price, open_interest_history, open_interest_now, venue_price
from imbalance.records import ContractStats, LiquidationLevel, LiquidationSum, OpenInterestUsd, Total, VenueLiquidations
from imbalance.units import DAY_MS, date, plain
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure, Harvest, in_time


def liquidations(evidence: Evidence) -> list[Doubt]:
    """Doubt sums of a day that exceed what can be liquidated of a day's trade, or lack what a venue alone printed."""
    volume = _traded_usd(evidence)
    found: dict[str, str] = {}
    sums: dict[str, float] = {}
    for harvest in evidence.others:
        if not harvest.of(VenueLiquidations) and not harvest.at(Kind.LIQUIDATION_SUMS, LiquidationSum):
            continue
        total = seen_usd(harvest, evidence.now_ms)
        told = _less_than_printed(harvest, evidence)
        if volume is not None and total > LIQUIDATED_SUM_SHARE * volume:
            told = f"its {total:,.4g} USD of 24 hours are {total / volume:.2g} of the {volume:,.4g} USD traded"
        told = told or _within_days(harvest)
        if told:
            found[harvest.name] = told
        else:
            sums[harvest.name] = total
    # CoinGlass counts every exchange that Coinalyze does: which of the two is wrong cannot be told.
    of_all, of_some = sums.get("coinglass"), sums.get("coinalyze")
    if of_all and of_some and of_some > VOLUME_OFF * of_all:
        told = f"coinglass saw {of_all:,.4g} USD of 24 hours, coinalyze {of_some:,.4g} USD on some of its exchanges"
        found |= {"coinglass": told, "coinalyze": told}
    told_of = [Doubt(name, Figure.LIQUIDATIONS, told) for name, told in found.items()]
    return [*told_of, *_more_than_printed(evidence, set(found))]


def _more_than_printed(evidence: Evidence, doubted: set[str]) -> list[Doubt]:
    """Tell of a venue's own sums where another service saw many times as much there."""
    found = []
    for harvest in evidence.others:
        by_venue = {} if harvest.name in doubted else _by_venue(harvest, evidence.now_ms)
        for venue in evidence.venues:
            if venue.name not in by_venue or not venue.of(ContractStats):
                continue
            seen, printed = by_venue[venue.name], seen_usd(venue, evidence.now_ms)
            if seen > max(SEEN_USD, SEEN_TIMES * printed):
                told = f"its {printed:,.4g} USD of 24 hours stand against {seen:,.4g} USD that {harvest.name} saw there"
                found.append(Doubt(venue.name, Figure.LIQUIDATIONS, told, left_out=False))
    return found


def _by_venue(harvest: Harvest, now_ms: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in harvest.of(VenueLiquidations):
        recent = now_ms - DAY_MS <= row.time_ms <= now_ms
        found[row.venue] = found.get(row.venue, 0.0) + (row.long_usd + row.short_usd) * recent
    return found


def _less_than_printed(harvest: Harvest, evidence: Evidence) -> str:
    """Hold a sum over exchanges against what each of them printed itself."""
    by_venue = _by_venue(harvest, evidence.now_ms)
    total = seen_usd(harvest, evidence.now_ms)
    for venue in evidence.venues:
        if (venue.name, Figure.LIQUIDATIONS) in evidence.told:
            continue
        own = by_venue.get(venue.name, 0.0) if by_venue else total
        printed = seen_usd(venue, evidence.now_ms)
        known = own > 0 or not by_venue
        if printed > SEEN_USD and known and own < printed / VOLUME_OFF:
            return f"its {own:,.4g} USD of 24 hours are less than the {printed:,.4g} USD that {venue.name} printed"
    return ""


def _within_days(harvest: Harvest) -> str:
    """Hold the sums of hours against the day that they lie in."""
    days = {row.time_ms: row.long_usd + row.short_usd for row in harvest.at(Kind.LIQUIDATION_DAILY, LiquidationSum)}
    inside: dict[int, float] = {}
    for row in harvest.at(Kind.LIQUIDATION_SUMS, LiquidationSum):
        day_ms = row.time_ms // DAY_MS * DAY_MS
        inside[day_ms] = inside.get(day_ms, 0.0) + row.long_usd + row.short_usd
    for day_ms, usd in inside.items():
        if days.get(day_ms) and usd > VOLUME_OFF * days[day_ms]:
            return f"its hours of {date(day_ms)} hold {usd / days[day_ms]:.3g} times what its day does"
    return ""


def _traded_usd(evidence: Evidence) -> float | None:
    """Return volume of 24 hours over exchanges [USD]; None where too few are read."""
    own = [v for h in evidence.venues if (v := day_volume_usd(h, evidence)) is not None]
    return sum(own) if len(own) >= LEAST_SUMMED else None


def totals(evidence: Evidence) -> list[Doubt]:
    """Doubt totals over exchanges that the venues read do not come near."""
    interest = [
        held * price
        for h in evidence.venues
        if (held := open_interest_now(h)) is not None and (price := venue_price(h)) is not None
    ]
    summed = {
        "open_interest": sum(interest) if len(interest) >= LEAST_SUMMED else None,
        "volume_24h": _traded_usd(evidence),
    }
    found = []
    for harvest in evidence.others:
        for row in harvest.of(Total):
            own = summed.get(row.what)
            if own and not 1 / QUOTED_TIMES < row.usd / own < QUOTED_TIMES:
                what = row.what.replace("_24h", " of 24 hours").replace("_", " ")
                told = f"its {what} of {row.usd:,.4g} USD is {row.usd / own:.3g} times the sum of the venues read"
                found.append(Doubt(harvest.name, Figure.TOTALS, told))
    return found


def levels(evidence: Evidence) -> list[Doubt]:
    """Doubt a quoted map of another price, or of more than is open."""
    price = mark_price(evidence.venues)
    held = [v for h in evidence.venues if (v := open_interest_now(h)) is not None]
    found = []
    for harvest in evidence.others:
        rows = harvest.at(Kind.LIQUIDATION_MAP, LiquidationLevel)
        if not rows or price is None:
            continue
        usd, nearest = sum(row.usd for row in rows), min(abs(row.price / price - 1) for row in rows)
        if nearest > PRICE_OFF:
            told = f"its nearest level lies {nearest * 100:.0f} % from the price of {plain(price)}"
            found.append(Doubt(harvest.name, Figure.LEVELS, told))
        elif len(held) >= LEAST_SUMMED and usd > LEVELS_TIMES * sum(held) * price:
            told = f"its levels hold {usd:,.4g} USD, {usd / sum(held) / price:.3g} times all open interest that is read"
            found.append(Doubt(harvest.name, Figure.LEVELS, told))
    return found


def open_interest(evidence: Evidence) -> list[Doubt]:
    """Doubt another service's daily open interest of a venue that the venue's own figures contradict."""
    binance = next((h for h in evidence.venues if h.name == "binance"), None)
    if binance is None:
        return []
    found = []
    for harvest in evidence.others:
        usd = {r.time_ms: r.open_interest_usd for r in harvest.at(Kind.OPEN_INTEREST_DAILY, OpenInterestUsd)}
        days = signals.in_base(usd, daily(binance))
        told = _contradicted(days, binance, evidence.now_ms)
        if told:
            found.append(Doubt(harvest.name, Figure.DAILY_INTEREST, told))
            also = f"{harvest.name} says otherwise, and which is wrong cannot be told: {told}"
            found.append(Doubt(binance.name, Figure.INTEREST, also, left_out=False))
    return found


def _contradicted(days: dict[int, float], binance: Harvest, now_ms: int) -> str:
    """Return where a daily series [base] leaves the venue's own, or jumps."""
    own = in_time(open_interest_history(binance))
    stamps = [row.time_ms for row in own]
    if told := spike(days):
        return told
    before = 0.0
    for day_ms, level in sorted(days.items()):
        day, end_ms = date(day_ms), day_ms + DAY_MS
        if before > 0 and level > 0 and not 1 / JUMP < level / before < JUMP:
            return f"it jumps from {plain(before)} to {plain(level)} coins on {day}"
        before = level
        for row in own[bisect.bisect_left(stamps, end_ms) :][:1] or own[-1:]:
            held = row.open_interest_base
            if abs(row.time_ms - end_ms) <= DAY_MS and held > 0 and not 1 / APART < level / held < APART:
                return f"its {plain(level)} coins on {day} disagree with {binance.name}'s own {plain(held)}"
    now = open_interest_now(binance)
    recent = before > 0 and now_ms - max(days) <= APART_MS + DAY_MS
    if now and recent and not 1 / APART < now / before < APART:
        return f"its last day, {plain(before)} coins, disagrees with {binance.name}'s {plain(now)} of now"
    return ""
