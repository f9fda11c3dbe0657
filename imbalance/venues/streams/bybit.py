"""Bybit's stream: all liquidations in batches of half a second; `S` is the POSITION's side, sizes are coins.

One topic a contract and no other; a name that it does not list fails the whole request.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from imbalance.records import Instrument, Liquidation
from imbalance.units import Side
from imbalance.venues.bybit import NAME
from imbalance.wire.decode import Price, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

TOPIC = "allLiquidation."
NAMES_A_MESSAGE = 50
NAMES_A_CONNECTION = 300  # 21,000 letters are allowed
POSITIONS = {"Buy": Side.LONG, "Sell": Side.SHORT}


class _Row(msgspec.Struct):
    T: TimeMs
    s: str
    S: str
    v: Price
    p: Price


class _Message(msgspec.Struct):
    topic: str | None = None
    data: list[_Row] | None = None
    op: str | None = None
    success: bool | None = None
    ret_msg: str = ""


def parse(body: bytes, listing: Listing) -> Heard:
    """Read allLiquidation: sizes at bankruptcy prices."""
    message = decode(body, _Message, NAME, WHAT)
    if message.op == "subscribe":
        return Heard(acknowledged=1) if message.success else Heard(refused=message.ret_msg or "refused to subscribe")
    if message.topic is None or not message.topic.startswith(TOPIC):
        return Heard()
    require(message.data is not None, "no orders", NAME, WHAT, "$.data")
    rows = []
    for i, row in enumerate(message.data or ()):
        require(row.S in POSITIONS, f"{row.S!r} is no side", NAME, WHAT, f"$.data[{i}].S")
        if row.s in listing:
            listed = listing[row.s]
            order = Liquidation(row.T, POSITIONS[row.S], listed.price_of(row.p), listed.base_of(row.v))
            rows.append((listed, order))
    return Heard(rows)


def _subscribe(instruments: Sequence[Instrument], _now_ms: int) -> list[Subscription]:
    topics = [TOPIC + one.symbol for one in instruments]
    parts = [topics[i : i + NAMES_A_MESSAGE] for i in range(0, len(topics), NAMES_A_MESSAGE)]
    return [Subscription(json.dumps({"op": "subscribe", "args": part})) for part in parts]


BYBIT = Stream(
    NAME,
    "wss://stream.bybit.com",
    "/v5/public/linear",
    parse,
    delay_ms=500,
    subscribe=_subscribe,
    beat=lambda _now_ms: '{"op":"ping"}',
    most=NAMES_A_CONNECTION,
)
