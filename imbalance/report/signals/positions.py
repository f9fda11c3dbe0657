"""Signals of price and of what is open: the fall, who opened in it, what it costs to hold, and who holds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imbalance.readings import ticker
from imbalance.records import LongShort
from imbalance.report import tree, words
from imbalance.report.bars_sections import FROM_BARS
from imbalance.report.signals.rates import rate_of
from imbalance.report.signals.read import Past, Read, reading
from imbalance.signals.past import Series, percentile
from imbalance.signals.quadrant import moved
from imbalance.signals.sided import total
from imbalance.units import DAY_MS, median, parse_time_ms
from imbalance.wire.harvest import in_time

NO_PAST = "none of its past is stored to compare with"


def against(past: Series | None, now: float) -> float | None:
    """Return the percentile of a figure among its past, as a share; None where too little is known."""
    return None if past is None else percentile(past.values, now)


def place(share: float | None) -> str:
    """Return a percentile in words."""
    return NO_PAST if share is None else f"higher than {share * 100:.0f} % of its own past"


def drawdown(read: Read) -> list[tree.Reading]:
    """Return the fall since the highest close of the bars."""
    p = read.price
    side = "below" if p.change_since_high < 0 else "above"
    text = (
        f"Price {words.price(p.mark)} is {abs(p.change_since_high) * 100:.1f} % {side} its highest close, "
        f"{words.price(p.high)} {p.days_since_high:.0f} days ago; the low of these bars is {words.price(p.low)}"
    )
    evidence: tree.Evidence = {
        "price_usd": p.mark,
        "high_usd": p.high,
        "high_time": p.high_time,
        "days_since_high": p.days_since_high,
        "low_usd": p.low,
    }
    label = "Price since its high"
    return [
        reading(read, "drawdown", label, p.change_since_high, "fraction", text, evidence, read.path_source, read.at_ms)
    ]


def quadrant(read: Read) -> list[tree.Reading]:
    """Return what open interest says of the last day's move."""
    market = read.market
    interest = total([v.open_interest_base for v in market.venues], market.interval_ms)
    found = moved(market.close, interest, max(DAY_MS // market.interval_ms, 1))
    if found is None:
        return []
    name = found.name or "neither stands out"
    scores = [f"{z:+.1f}" if z is not None else words.MISSING for z in (found.price_z, found.interest_z)]
    text = (
        f"In 24 h price changed {words.fraction(float(np.expm1(found.price)))} (z {scores[0]}), open interest "
        f"{words.fraction(float(np.expm1(found.interest)))} in coins (z {scores[1]}): {name}"
    )
    evidence: tree.Evidence = {
        "price_change": float(np.expm1(found.price)),
        "open_interest_change": float(np.expm1(found.interest)),
        "price_z": found.price_z,
        "open_interest_z": found.interest_z,
        "quadrant": found.name,
    }
    rate = rate_of(read.history, found.name.replace(" ", "-")) if found.name else None
    id_, label, source = "quadrant_24h", "Price and interest, 24 h", read.interest_sources
    return [reading(read, id_, label, None, "", text, evidence, source, market.as_of_ms, base_rate=rate)]


def interest_in_decline(read: Read) -> list[tree.Reading]:
    """Return the change of open interest since the high: whether positions were added into the decline."""
    market, high_ms = read.market, parse_time_ms(read.price.high_time)
    interest = total([v.open_interest_base for v in market.venues], market.interval_ms)
    at = int(np.searchsorted(market.time_ms, high_ms))
    before, now = float(interest[at]), float(interest[-1])
    if at >= interest.size - 1 or not (before > 0 and now > 0) or read.price.change_since_high >= 0:
        return []
    change = now / before - 1
    told = "positions were added into the decline" if change > 0 else "positions left in the decline"
    text = (
        f"Open interest changed {words.fraction(change)} in coins while price fell "
        f"{-read.price.change_since_high * 100:.1f} %: {told}, each with a long and a short"
    )
    evidence: tree.Evidence = {
        "open_interest_at_high_base": before,
        "open_interest_now_base": now,
        "price_change": read.price.change_since_high,
        "since": read.price.high_time,
    }
    label = "Interest in the decline"
    source, of_ms = read.interest_sources, market.as_of_ms
    return [reading(read, "open_interest_in_decline", label, change, "fraction", text, evidence, source, of_ms)]


def interest_change(read: Read) -> list[tree.Reading]:
    """Return the change of open interest since its low."""
    c = read.interest.change
    if c is None:
        return []
    bars = c.source == FROM_BARS
    where, by = ("", "") if bars else (f" on {c.of}", f", by {words.name(c.source)}")
    text = (
        f"Open interest{where} is {words.coins(c.now_base)} {read.market.symbol}, {words.fraction(c.value, 0)} "
        f"from the low of {c.low_date} ({words.coins(c.low_base)}{by})"
    )
    evidence: tree.Evidence = {
        "now_base": c.now_base,
        "low_base": c.low_base,
        "low_date": c.low_date,
        "of": c.of,
        "low_source": c.source,
    }
    label = f"Open interest {'decrease' if c.value < 0 else 'increase'}"
    source = c.of if c.source == c.of else f"{c.of}, {c.source}"
    source = read.interest_sources if bars else source
    return [reading(read, "open_interest_change", label, c.value, "fraction", text, evidence, source, read.at_ms)]


def funding(read: Read, past: Mapping[str, Series]) -> list[tree.Reading]:
    """Return funding, with each venue's against its own past."""
    f = read.funding
    rates = {v.name: v.rate_8h for v in f.venues if v.rate_8h is not None}
    if f.rate_8h is None or not rates:
        return []
    places = {name: against(past.get(name), rate) for name, rate in rates.items()}
    first = next(iter(rates))
    payer = "shorts pay longs" if f.rate_8h < 0 else "longs pay shorts"
    text = (
        f"Funding is {words.fraction(f.rate_8h, 3)} per 8 h by open interest: {payer}; "
        f"{first}'s {words.fraction(rates[first], 3)}: {place(places[first])}"
    )
    evidence: tree.Evidence = {f"rate_8h_{name}": rate for name, rate in rates.items()}
    evidence |= {f"percentile_{name}": share for name, share in places.items()}
    return [
        reading(read, "funding_8h", "Funding, 8 h", f.rate_8h, "fraction", text, evidence, ", ".join(rates), read.at_ms)
    ]


def basis(read: Read) -> list[tree.Reading]:
    """Return how far the perpetuals' mark prices are from the index."""
    found = {}
    for harvest in read.harvests:
        row = ticker(harvest)
        if harvest.source.is_venue and row.mark_price and row.index_price:
            found[harvest.name] = row.mark_price / row.index_price - 1
    if not found:
        return []
    middle = median(found.values())
    side = "below" if middle < 0 else "above"
    # No source here gives a basis of before, and the store keeps none.
    text = f"Perpetuals trade {abs(middle) * 100:.3f} % {side} the index in the middle of {len(found)}; {NO_PAST}"
    evidence: tree.Evidence = {f"basis_{name}": value for name, value in found.items()}
    source = ", ".join(found)
    return [reading(read, "basis", "Basis", middle, "fraction", text, evidence, source, read.at_ms)]


def accounts(read: Read, past: Mapping[str, Series]) -> list[tree.Reading]:
    """Return each venue's share of accounts that are long, against its own past."""
    found = []
    for harvest in read.harvests:
        rows = in_time([r for r in harvest.of(LongShort) if r.kind == "accounts"])
        if not rows:
            continue
        last = rows[-1]
        share = against(past.get(harvest.name), last.long_share)
        text = f"{last.long_share * 100:.0f} % of accounts on {harvest.name} are net long; {place(share)}"
        ratio = last.long_share / (1 - last.long_share) if last.long_share < 1 else None
        evidence: tree.Evidence = {"long_share": last.long_share, "long_short_ratio": ratio, "percentile": share}
        id_, label = f"long_accounts_{harvest.name}", f"Accounts long, {harvest.name}"
        found.append(reading(read, id_, label, last.long_share, "fraction", text, evidence, harvest.name, last.time_ms))
    return found


def readings(read: Read, past: Past) -> list[tree.Reading]:
    """Return all of them, in the order in which they are told."""
    return [
        *drawdown(read),
        *quadrant(read),
        *interest_in_decline(read),
        *interest_change(read),
        *funding(read, past.funding_8h),
        *basis(read),
        *accounts(read, past.accounts_long),
    ]
