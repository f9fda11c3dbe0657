"""HTX's stream of linear swaps: every frame is gzipped; `direction` is the closing ORDER's, so a sell closed a long.

The server pings every five seconds and hangs up on who does not answer with the same stamp, text or number. Subscribing
twice is harmless (code 2014).
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import msgspec

from imbalance.errors import ParseError
from imbalance.records import Liquidation
from imbalance.venues.htx import NAME, SIDES
from imbalance.wire.decode import Amount, Price, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

GZIP = 16 + zlib.MAX_WBITS
MOST_BYTES = 4_000_000  # no true message has as many; a small one may be a bomb
SUBSCRIBED = {0, 2014}


class _Row(msgspec.Struct):
    contract_code: str
    direction: str
    price: Price
    created_at: TimeMs
    volume: Amount
    amount: Price | None = None


class _Message(msgspec.Struct, rename={"err_code": "err-code", "err_msg": "err-msg"}):
    op: str | None = None
    ts: Any = None
    ping: Any = None
    err_code: int = 0
    err_msg: str = ""
    data: list[_Row] = []


def parse(body: bytes, listing: Listing) -> Heard:
    """Read liquidation_orders: coins at bankruptcy prices, which must be as many as the contracts."""
    message = decode(_unpacked(body), _Message, NAME, WHAT)
    if message.op == "ping":
        return Heard(reply=json.dumps({"op": "pong", "ts": message.ts}))
    if message.ping is not None:
        return Heard(reply=json.dumps({"pong": message.ping}))
    if message.op in {"close", "error"} or message.err_code not in SUBSCRIBED:
        return Heard(refused=f"{message.err_msg or message.op} (code {message.err_code})")
    if message.op != "notify":
        return Heard(acknowledged=int(message.op == "sub"))
    rows = []
    for i, row in enumerate(message.data):
        require(row.direction in SIDES, f"{row.direction!r} is no side", NAME, WHAT, f"$.data[{i}].direction")
        listed = listing.get(row.contract_code)
        if listed is None:
            continue
        base = listed.base_of(row.volume) if row.amount is None else row.amount
        fits = base > 0 and abs(listed.base_of(row.volume) - base) <= 1e-3 * base + 1e-9
        require(fits, "not volume x contract size", NAME, WHAT, f"$.data[{i}].amount")
        rows.append((listed, Liquidation(row.created_at, SIDES[row.direction], row.price, base)))
    return Heard(rows)


def _unpacked(body: bytes) -> bytes:
    unpack = zlib.decompressobj(GZIP)
    try:
        plain = unpack.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise ParseError(NAME, WHAT, f"not gzipped: {error}") from None
    if unpack.unconsumed_tail or not unpack.eof:
        raise ParseError(NAME, WHAT, "too large, or its end is missing")
    return plain


HTX = Stream(
    NAME,
    "wss://api.hbdm.com",
    "/linear-swap-notification",
    parse,
    delay_ms=1000,
    subscribe=lambda _instruments, _now_ms: [
        Subscription(json.dumps({"op": "sub", "cid": "1", "topic": "public.*.liquidation_orders"}))
    ],
    is_pinged=False,
    silence_s=30.0,
)
