"""Binance COIN-M's stream: at most one order a second and symbol; a SELL closed a long, sizes are contracts of USD."""

from __future__ import annotations

from imbalance.records import Liquidation
from imbalance.venues.binance_coinm import NAME
from imbalance.wire import force_orders
from imbalance.wire.streams import Heard, Listing, Stream

COIN_MARGINED = 2


def parse(body: bytes, listing: Listing) -> Heard:
    """Read forceOrder: the contracts that were filled, in coins at their average price."""
    order, heard = force_orders.read(body, NAME, COIN_MARGINED)
    listed = listing.get(order.s) if order else None
    if order is None or listed is None or listed.contract_size_usd is None:
        return heard
    base = order.z * listed.contract_size_usd / order.ap
    return Heard([(listed, Liquidation(order.T, force_orders.POSITIONS[order.S], order.ap, base))])


BINANCE_COINM = Stream(NAME, "wss://dstream.binance.com", force_orders.PATH, parse, delay_ms=1000)
