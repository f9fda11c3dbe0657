"""Binance USD-M's stream: at most one order a second and symbol; a SELL closed a long, sizes are coins."""

from __future__ import annotations

from imbalance.records import Liquidation
from imbalance.venues.binance import NAME
from imbalance.wire import force_orders
from imbalance.wire.streams import Heard, Listing, Stream

USD_MARGINED = 1


def parse(body: bytes, listing: Listing) -> Heard:
    """Read forceOrder: what was filled, at its average price."""
    order, heard = force_orders.read(body, NAME, USD_MARGINED)
    listed = listing.get(order.s) if order else None
    if order is None or listed is None:
        return heard
    side = force_orders.POSITIONS[order.S]
    return Heard([(listed, Liquidation(order.T, side, listed.price_of(order.ap), listed.base_of(order.z)))])


BINANCE = Stream(NAME, "wss://fstream.binance.com", force_orders.PATH, parse, delay_ms=1000)
