"""Gate's stream: orders of all contracts in batches of a second; sizes are contracts.

`size` is that of the liquidation ORDER, by the vendor's words, so that one below 0 sold: a long was liquidated. (In
the REST answers it is the position's, with the opposite sign.) Stamps are milliseconds in `time_ms` or, since
2026-08-20, in `time`, where seconds stood before. A header asks for sizes with decimals.
"""

from __future__ import annotations

import json

import msgspec

from imbalance.records import Liquidation
from imbalance.units import SECOND_MS, Side
from imbalance.venues.gate import NAME
from imbalance.wire.decode import FIRST_MS, LAST_MS, Price, Signed, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

CHANNEL = "futures.public_liquidates"


class _Row(msgspec.Struct):
    contract: str
    price: Price
    size: Signed
    time: int | None = None
    time_ms: int | None = None


class _Trouble(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct):
    channel: str = ""
    event: str = ""
    result: msgspec.Raw = msgspec.Raw()
    error: _Trouble | None = None


def parse(body: bytes, listing: Listing) -> Heard:
    """Read public_liquidates: a batch of orders, or one alone."""
    message = decode(body, _Message, NAME, WHAT)
    if message.channel != CHANNEL:
        return Heard()
    if message.error is not None:
        return Heard(refused=f"{message.error.message} (code {message.error.code})")
    if message.event != "update":
        return Heard(acknowledged=int(message.event == "subscribe"))
    bare = bytes(message.result)
    require(bool(bare), "no orders", NAME, WHAT, "$.result")
    found = (
        decode(bare, list[_Row], NAME, WHAT, "$.result")
        if bare.startswith(b"[")
        else [decode(bare, _Row, NAME, WHAT, "$.result")]
    )
    rows = []
    for i, row in enumerate(found):
        time_ms = _stamp_ms(row, f"$.result[{i}]")
        require(row.size != 0, "an order of no size", NAME, WHAT, f"$.result[{i}].size")
        if row.contract in listing:
            listed = listing[row.contract]
            side = Side.LONG if row.size < 0 else Side.SHORT
            rows.append((listed, Liquidation(time_ms, side, row.price, listed.base_of(abs(row.size)))))
    return Heard(rows)


def _stamp_ms(row: _Row, path: str) -> int:
    stamp = row.time_ms or row.time or 0
    found = stamp if stamp >= FIRST_MS else stamp * SECOND_MS
    require(FIRST_MS <= found < LAST_MS, f"{stamp} is no time", NAME, WHAT, f"{path}.time")
    return found


def _said(now_ms: int, channel: str, **more: object) -> str:
    return json.dumps({"time": now_ms // SECOND_MS, "channel": channel, **more})


GATE = Stream(
    NAME,
    "wss://fx-ws.gateio.ws",
    "/v4/ws/usdt",
    parse,
    delay_ms=1000,
    subscribe=lambda _instruments, now_ms: [
        Subscription(_said(now_ms, CHANNEL, event="subscribe", payload=["!all"])),
    ],
    beat=lambda now_ms: _said(now_ms, "futures.ping"),
    headers=(("X-Gate-Size-Decimal", "1"),),
)
