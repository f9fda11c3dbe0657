"""OKX's stream: at most one order a second and contract, of all swaps; `posSide` is the liquidated side.

Sizes are contracts, prices those of bankruptcy. In net mode a sale closes a long.
"""

from __future__ import annotations

import json

import msgspec

from imbalance.errors import ParseError
from imbalance.records import Liquidation
from imbalance.units import Side
from imbalance.venues.okx.envelope import NAME
from imbalance.wire.decode import Price, TimeMs, decode
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

CHANNEL = "liquidation-orders"
POSITIONS = {
    ("long", "sell"): Side.LONG,
    ("short", "buy"): Side.SHORT,
    ("net", "sell"): Side.LONG,
    ("net", "buy"): Side.SHORT,
}


class _Detail(msgspec.Struct, rename="camel"):
    side: str
    pos_side: str
    bk_px: Price
    sz: Price
    ts: TimeMs


class _Orders(msgspec.Struct, rename="camel"):
    inst_id: str
    details: list[_Detail]


class _Topic(msgspec.Struct):
    channel: str = ""


class _Message(msgspec.Struct):
    event: str | None = None
    code: str = ""
    msg: str = ""
    arg: _Topic | None = None
    data: list[_Orders] = []


def parse(body: bytes, listing: Listing) -> Heard:
    """Read liquidation-orders, and what OKX says of itself: subscribed, an error, or that it will close."""
    if body == b"pong":
        return Heard()
    message = decode(body, _Message, NAME, WHAT)
    if message.event == "subscribe":
        return Heard(acknowledged=1)
    if message.event == "error":
        return Heard(refused=f"{message.msg} (code {message.code})")
    rows = []
    for g, group in enumerate(message.data):
        listed = listing.get(group.inst_id)
        for i, d in enumerate(group.details):
            side = POSITIONS.get((d.pos_side, d.side))
            if side is None:
                told = f"no {d.pos_side!r} position is closed by a {d.side!r} order"
                raise ParseError(NAME, WHAT, told, f"$.data[{g}].details[{i}].posSide")
            if listed is not None:
                rows.append((listed, Liquidation(d.ts, side, d.bk_px, listed.base_of(d.sz))))
    return Heard(rows)


OKX = Stream(
    NAME,
    "wss://ws.okx.com:8443",
    "/ws/v5/public",
    parse,
    delay_ms=1000,
    subscribe=lambda _instruments, _now_ms: [
        Subscription(json.dumps({"op": "subscribe", "args": [{"channel": CHANNEL, "instType": "SWAP"}]}))
    ],
    beat=lambda _now_ms: "ping",
)
