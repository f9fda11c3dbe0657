"""What each source gives and how far back, read off its endpoint table."""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.report import tree
from imbalance.wire import Kind, Source

NOW = "now"
INTEREST = (Kind.OPEN_INTEREST, Kind.TICKER, Kind.CONTRACT_STATS)
HISTORY = (Kind.OPEN_INTEREST_HISTORY, Kind.CONTRACT_STATS, Kind.OPEN_INTEREST_DAILY)
FUNDING = (Kind.FUNDING, Kind.MARK_PRICE, Kind.TICKER)
LIQUIDATIONS = (Kind.LIQUIDATIONS, Kind.CONTRACT_STATS, Kind.VENUE_LIQUIDATIONS, Kind.LIQUIDATION_DAILY)
OTHER = (
    Kind.LONG_SHORT,
    Kind.ORDER_BOOK,
    Kind.LIQUIDATION_MAP,
    Kind.TOTALS,
    Kind.POSITIONS,
    Kind.SENTIMENT,
    Kind.COMMITMENTS,
    Kind.HOLDERS,
)


def capabilities(sources: Sequence[Source]) -> list[tree.Capability]:
    """Return a row a source."""
    return [
        tree.Capability(
            name=s.name,
            title=s.title,
            needs=s.needs,
            open_interest=_reach(s, INTEREST) if s.is_venue else "",
            open_interest_history=_reach(s, HISTORY),
            candles=_reach(s, (Kind.CANDLES,)),
            funding=_reach(s, FUNDING) if s.is_venue else "",
            liquidations=_reach(s, LIQUIDATIONS),
            margin_tiers=_reach(s, (Kind.MARGIN_TIERS,)),
            other=list(
                dict.fromkeys(
                    e.kind.value + (f" ({e.reach})" if e.reach else "") for e in s.endpoints if e.kind in OTHER
                )
            ),
        )
        for s in sources
    ]


def _reach(source: Source, kinds: Sequence[Kind]) -> str:
    """Return how far back the first of these kinds that the source has goes; empty where it has none."""
    return next((e.reach or NOW for kind in kinds for e in source.endpoints if e.kind is kind), "")
