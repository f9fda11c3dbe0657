"""Order books held against their venue: its price, its volume, and one side against the other."""

from __future__ import annotations

from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.doubts.sizes import day_volume_usd
from imbalance.doubts.thresholds import (
    BOOK_LEAST_VOLUME,
    BOOK_REACH,
    BOOK_SIDES,
    BOOK_VOLUME,
    BOOK_WITHIN,
    MARK_OFF,
)
from imbalance.readings import venue_price
from imbalance.records import OrderBook
from imbalance.units import plain
from imbalance.wire.harvest import Figure, Harvest

Levels = tuple[tuple[float, float], ...]


def books(evidence: Evidence) -> list[Doubt]:
    """Doubt order books that lack a side, are crossed, of another price, or of sizes that cannot be."""
    found = []
    for harvest in evidence.venues:
        for book in harvest.of(OrderBook)[-1:]:
            told = _lacking(book) or _price(harvest, book)
            if told:
                found.append(Doubt(harvest.name, Figure.ORDER_BOOK, told))
            else:
                found += _sizes(harvest, book, day_volume_usd(harvest, evidence))
    return found


def _lacking(book: OrderBook) -> str:
    lacking = [
        name for name, levels in (("bids", book.bids), ("asks", book.asks)) if not any(size for _price, size in levels)
    ]
    return f"it holds no {' and no '.join(lacking)}" if lacking else ""


def _price(harvest: Harvest, book: OrderBook) -> str:
    bid, ask, price = book.bids[0][0], book.asks[0][0], venue_price(harvest)
    if bid >= ask:
        return f"its best bid of {plain(bid)} is not below its best ask of {plain(ask)}"
    middle = (bid + ask) / 2
    if price is None or abs(middle / price - 1) <= MARK_OFF:
        return ""
    return f"its middle of {plain(middle)} is {middle / price:.3g} times the venue's price of {plain(price)}"


def _sizes(harvest: Harvest, book: OrderBook, volume_usd: float | None) -> list[Doubt]:
    middle = (book.bids[0][0] + book.asks[0][0]) / 2
    reach = min(BOOK_WITHIN, *(abs(levels[-1][0] / middle - 1) for levels in (book.bids, book.asks)))
    bids, asks = _usd(book.bids, middle, BOOK_WITHIN), _usd(book.asks, middle, BOOK_WITHIN)
    if volume_usd:
        share = (bids + asks) / volume_usd
        told = f"its {bids + asks:,.4g} USD within {BOOK_WITHIN * 100:g} % are {share:.2g} of its volume of 24 hours"
        if share > BOOK_VOLUME:
            return [Doubt(harvest.name, Figure.ORDER_BOOK, told)]
        if share < BOOK_LEAST_VOLUME:
            return [Doubt(harvest.name, Figure.ORDER_BOOK, told, left_out=False)]
    bids, asks = _usd(book.bids, middle, reach), _usd(book.asks, middle, reach)
    if reach < BOOK_REACH or max(bids, asks) <= BOOK_SIDES * min(bids, asks):
        return []
    told = f"within {reach * 100:.2f} % its bids are {bids:,.4g} USD, its asks {asks:,.4g} USD"
    return [Doubt(harvest.name, Figure.ORDER_BOOK, told, left_out=False)]


def _usd(levels: Levels, middle: float, within: float) -> float:
    return sum(price * size for price, size in levels if abs(price / middle - 1) <= within)
