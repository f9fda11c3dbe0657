"""Harvests to prices, funding and sentiment."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance import signals
from imbalance.market import MarketData
from imbalance.readings import funding_8h, ticker
from imbalance.records import Sentiment as SentimentRecord
from imbalance.report import tree
from imbalance.units import DAY_MS, iso, median
from imbalance.wire.harvest import Figure, Harvest

WEEK = 7


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
        rows = harvest.in_time(SentimentRecord)
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
        index=median(indexes) if indexes else None,
        change_24h=market.price / closes[-1 - day] - 1 if len(closes) > day else None,
        high=high,
        high_time=iso(top_ms),
        low=float(market.low.min()),
        change_since_high=change,
        days_since_high=(market.as_of_ms - top_ms) / DAY_MS,
    )
