"""Kraken Futures' trades: those of type liquidation, of linear contracts in coins; `side` is the taker's.

The taker is who was liquidated, so a sell closed a long. Subscribing brings the newest trades before the first new one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from imbalance.records import Instrument, Liquidation
from imbalance.venues.kraken import NAME, SIDES
from imbalance.wire.decode import Price, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

FEED = "trade"
NAMES_A_MESSAGE = 50


class _Trade(msgspec.Struct):
    product_id: str
    time: TimeMs
    price: Price
    qty: Price
    side: str
    uid: str
    type: str = ""


class _Message(msgspec.Struct):
    feed: str | None = None
    event: str | None = None
    message: str = ""
    product_ids: list[str] = []
    trades: list[_Trade] = []


def parse(body: bytes, listing: Listing) -> Heard:
    """Read the feed of trades and the snapshot that comes before it."""
    message = decode(body, _Message, NAME, WHAT)
    if message.event in {"error", "alert", "subscribed_failed"}:
        return Heard(refused=message.message or message.event)
    if message.event is not None:
        done = message.event == "subscribed" and message.feed == FEED
        return Heard(acknowledged=len(message.product_ids) if done else 0)
    if message.feed == "trade_snapshot":
        trades = [(f"$.trades[{i}]", trade) for i, trade in enumerate(message.trades)]
    elif message.feed == FEED:
        trades = [("$", decode(body, _Trade, NAME, WHAT))]
    else:
        return Heard()
    rows = []
    for path, trade in trades:
        require(trade.side in SIDES, f"{trade.side!r} is no side", NAME, WHAT, f"{path}.side")
        listed = listing.get(trade.product_id.upper())
        if trade.type == "liquidation" and listed is not None:
            rows.append((listed, Liquidation(trade.time, SIDES[trade.side], trade.price, trade.qty, trade.uid)))
    return Heard(rows)


def _subscribe(instruments: Sequence[Instrument], _now_ms: int) -> list[Subscription]:
    names = [one.symbol for one in instruments]
    parts = [names[i : i + NAMES_A_MESSAGE] for i in range(0, len(names), NAMES_A_MESSAGE)]
    return [
        Subscription(json.dumps({"event": "subscribe", "feed": FEED, "product_ids": part}), len(part)) for part in parts
    ]


KRAKEN = Stream(NAME, "wss://futures.kraken.com", "/ws/v1", parse, delay_ms=100, subscribe=_subscribe, most=400)
