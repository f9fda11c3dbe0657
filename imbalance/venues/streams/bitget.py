"""Bitget's stream: the largest long and the largest short of each contract and second, of all contracts in USDT.

`side` is the position's (buy: a long was liquidated); `amount` is USDT, unlike what the name says elsewhere.
"""

from __future__ import annotations

import json

import msgspec

from imbalance.records import Liquidation
from imbalance.venues.bitget import NAME, SIDES
from imbalance.wire.decode import Price, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

TOPIC = "liquidation"


class _Row(msgspec.Struct):
    symbol: str
    side: str
    price: Price
    amount: Price
    ts: TimeMs


class _Topic(msgspec.Struct):
    topic: str = ""


class _Message(msgspec.Struct):
    event: str | None = None
    code: msgspec.Raw = msgspec.Raw()
    msg: str = ""
    arg: _Topic | None = None
    data: list[_Row] = []


def parse(body: bytes, listing: Listing) -> Heard:
    """Read liquidation: USDT at a price, as coins."""
    if body == b"pong":
        return Heard()
    message = decode(body, _Message, NAME, WHAT)
    if message.event == "error":
        code = bytes(message.code).decode().strip('"')
        return Heard(refused=f"{message.msg} (code {code})")
    if message.event is not None:
        return Heard(acknowledged=int(message.event == "subscribe"))
    rows = []
    for i, row in enumerate(message.data):
        require(row.side in SIDES, f"{row.side!r} is no side", NAME, WHAT, f"$.data[{i}].side")
        if row.symbol in listing:
            listed = listing[row.symbol]
            base = listed.base_of(row.amount / row.price)
            rows.append((listed, Liquidation(row.ts, SIDES[row.side], listed.price_of(row.price), base)))
    return Heard(rows)


BITGET = Stream(
    NAME,
    "wss://ws.bitget.com",
    "/v3/ws/public",
    parse,
    delay_ms=1000,
    subscribe=lambda _instruments, _now_ms: [
        Subscription(json.dumps({"op": "subscribe", "args": [{"instType": "usdt-futures", "topic": TOPIC}]}))
    ],
    beat=lambda _now_ms: "ping",
)
