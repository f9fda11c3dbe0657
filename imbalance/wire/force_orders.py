"""Binance's force orders, which its two kinds of contracts tell in one shape: pure reading, units left to them.

At most one order a second and symbol is told, the latest. Orders carry `st` in them or beside them since 2026: 1 for
USD-margined, 2 for coin-margined contracts; the streams of the whole market mix the two.
"""

from __future__ import annotations

import msgspec

from imbalance.units import Side
from imbalance.wire.decode import Amount, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard

PATH = "/market/stream?streams=!forceOrder@arr"
POSITIONS = {"SELL": Side.LONG, "BUY": Side.SHORT}


class Order(msgspec.Struct):
    """An order: `z` is what was filled of it and `ap` at what average price; `S` is the order's side."""

    s: str
    S: str
    ap: Amount
    z: Amount
    T: TimeMs
    st: int | None = None


class _Data(msgspec.Struct):
    e: str | None = None
    o: msgspec.Raw = msgspec.Raw()
    st: int | None = None


class _Trouble(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Message(msgspec.Struct):
    data: _Data | None = None
    e: str | None = None
    o: msgspec.Raw = msgspec.Raw()
    st: int | None = None
    error: _Trouble | None = None


def read(body: bytes, source: str, kind: int) -> tuple[Order | None, Heard]:
    """Return the order of a message where it has one of a kind (`st`) that was filled; else what else it says."""
    message = decode(body, _Message, source, WHAT)
    if message.error is not None:
        return None, Heard(refused=message.error.msg or f"code {message.error.code}")
    data = message.data or message
    root = "$.data.o" if message.data else "$.o"
    if data.e != "forceOrder":
        return None, Heard()
    require(bool(bytes(data.o)), "a force order without an order", source, WHAT, root)
    order = decode(bytes(data.o), Order, source, WHAT, root)
    if (order.st or data.st or kind) != kind or not order.z:
        return None, Heard()
    require(order.S in POSITIONS, f"{order.S!r} is no side", source, WHAT, f"{root}.S")
    require(order.ap > 0, "filled at no price", source, WHAT, f"{root}.ap")
    return order, Heard()
