"""Deribit's trades: those marked T (the taker was liquidated), M (the maker) or MT are liquidations.

Sizes are USD of inverse contracts and coins of linear ones. The heartbeat is asked for; a test of it must be answered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from imbalance.records import Contract, Instrument, Liquidation
from imbalance.venues.deribit import MAKER, NAME, TAKER
from imbalance.wire.decode import Price, TimeMs, decode, require
from imbalance.wire.streams import WHAT, Heard, Listing, Stream, Subscription

HEARTBEAT_ID, SUBSCRIBE_ID, TEST_ID = 1, 2, 3
HEARTBEAT_S = 10
CHANNELS_A_MESSAGE = 100


class _Trade(msgspec.Struct):
    timestamp: TimeMs
    price: Price
    amount: Price
    direction: str
    instrument_name: str
    trade_id: str
    liquidation: str | None = None


class _Params(msgspec.Struct):
    channel: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Trouble(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Message(msgspec.Struct):
    method: str | None = None
    params: _Params | None = None
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Trouble | None = None


def parse(body: bytes, listing: Listing) -> Heard:
    """Read trades, and answer the heartbeat's tests."""
    message = decode(body, _Message, NAME, WHAT)
    if message.error is not None:
        return Heard(refused=f"{message.error.message} (code {message.error.code})")
    if message.id == SUBSCRIBE_ID:
        channels = decode(bytes(message.result) or b"null", list[str], NAME, WHAT, "$.result")
        return Heard(acknowledged=len(channels))
    params = message.params or _Params()
    if message.method == "heartbeat" and params.type == "test_request":
        return Heard(reply=_asked(TEST_ID, "public/test", {}))
    if message.method != "subscription" or not params.channel.startswith("trades."):
        return Heard()
    trades = decode(bytes(params.data) or b"null", list[_Trade], NAME, WHAT, "$.params.data")
    return Heard([found for i, row in enumerate(trades) for found in _liquidated(row, listing, f"$.params.data[{i}]")])


def _liquidated(row: _Trade, listing: Listing, path: str) -> list[tuple[Instrument, Liquidation]]:
    require(row.direction in TAKER, f"{row.direction!r} is no side", NAME, WHAT, f"{path}.direction")
    if row.liquidation is None or row.instrument_name not in listing:
        return []
    known = row.liquidation in {"T", "M", "MT"}
    require(known, f"{row.liquidation!r} is not T, M or MT", NAME, WHAT, f"{path}.liquidation")
    listed = listing[row.instrument_name]
    base = row.amount / row.price if listed.contract is Contract.INVERSE else row.amount
    return [
        (listed, Liquidation(row.timestamp, sides[row.direction], row.price, base, row.trade_id + letter))
        for letter, sides in (("T", TAKER), ("M", MAKER))
        if letter in row.liquidation
    ]


def _asked(number: int, method: str, params: dict[str, object]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def _subscribe(instruments: Sequence[Instrument], _now_ms: int) -> list[Subscription]:
    channels = [f"trades.{one.symbol}.100ms" for one in instruments]
    parts = [channels[i : i + CHANNELS_A_MESSAGE] for i in range(0, len(channels), CHANNELS_A_MESSAGE)]
    return [
        Subscription(_asked(HEARTBEAT_ID, "public/set_heartbeat", {"interval": HEARTBEAT_S}), acknowledged=0),
        *(Subscription(_asked(SUBSCRIBE_ID, "public/subscribe", {"channels": part}), len(part)) for part in parts),
    ]


DERIBIT = Stream(
    NAME,
    "wss://www.deribit.com",
    "/ws/api/v2",
    parse,
    delay_ms=100,
    subscribe=_subscribe,
    beat=lambda _now_ms: _asked(TEST_ID, "public/test", {}),
    most=400,
)
