"""Harvests to sections: open interest, volume, liquidations, funding, sentiment, prices, and how sources fared."""

from imbalance.report.sections.activity import liquidations, volume
from imbalance.report.sections.conditions import funding, market_price, sentiment
from imbalance.report.sections.interest import open_interest
from imbalance.report.sections.sources import gaps, newest_ms, states

__all__ = [
    "funding",
    "gaps",
    "liquidations",
    "market_price",
    "newest_ms",
    "open_interest",
    "sentiment",
    "states",
    "volume",
]
