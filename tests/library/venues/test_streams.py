"""What streams say: recorded messages worked out by hand, damage, refusals and heartbeats; never a wrong number."""

from __future__ import annotations

import copy
import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance.errors import ParseError
from imbalance.records import Contract, Instrument, Liquidation
from imbalance.units import Side
from imbalance.venues import VENUES
from imbalance.venues.streams import STREAMS
from imbalance.wire.streams import WHAT
from tests.library.venues.test_parsers import damaged, leaves
from tests.support.fuzz import mutated
from tests.support.streams import SHAPES, SYMBOLS, UNIT, Order, answer, frame, frames

AT_MS = 1_789_670_297_212
MADE = [Order("long", 80_000.0, 0.5, AT_MS, "7"), Order("short", 80_010.0, 0.25, AT_MS + 1, "8")]


def listed(venue, symbol, size=1.0, multiplier=1.0, usd=None, contract=Contract.LINEAR):
    one = Instrument(venue, symbol, symbol[:3], "USDT", contract, size, multiplier, contract_size_usd=usd)
    return {symbol: one}


def own(venue):
    """Return the listing of the contract that the loopback server speaks of."""
    inverse = venue in {"binance_coinm", "deribit"}
    usd = {"binance_coinm": 100.0, "deribit": 1.0}.get(venue)
    contract = Contract.INVERSE if inverse else Contract.LINEAR
    return listed(venue, SYMBOLS[venue], 1.0 if usd else UNIT.get(venue, 1.0), usd=usd, contract=contract)


def encoded(venue, message):
    raw = frame(venue, message)
    return raw if isinstance(raw, bytes) else raw.encode()


def told(venue, body, listing):
    """Return the orders of a message."""
    return [order for _one, order in STREAMS[venue].parse(encoded(venue, json.loads(body)), listing).rows]


def test_every_stream_is_of_a_venue_and_only_hyperliquid_has_none():
    assert {v.name for v in VENUES} - set(STREAMS) == {"hyperliquid"}
    assert set(STREAMS) == set(SHAPES)
    assert all(name == stream.source and stream.host.startswith("wss://") for name, stream in STREAMS.items())


# A recorded or documented message, the contract that it is of, and what it says: time, side, price, coins.
RECORDED = [
    ("binance", "binance/ws_forceOrder.1.json", listed("binance", "BTCUSDT"),
     [(1791565602120, "long", 82651.90, 0.190)]),
    ("binance", "binance/ws_forceOrder.3.json", listed("binance", "AINUSDT"),
     [(1791435150342, "long", 0.0387407, 1861.0)]),
    ("binance", "binance/ws_forceOrder.6.json", listed("binance", "BTCUSDT"),
     [(1584059031421, "short", 4706.04, 0.014)]),
    ("binance", "binance/ws_forceOrder_doc.1.json", listed("binance", "BTCUSDT"),
     [(1568014460893, "long", 9910.0, 0.014)]),
    # Three contracts of 100 USD.
    ("binance_coinm", "binance/ws_forceOrder_coinm.1.json",
     listed("binance_coinm", "BTCUSD_200925", usd=100.0, contract=Contract.INVERSE),
     [(1594622954021, "long", 9352.7, 300 / 9352.7)]),
    ("bybit", "bybit/ws_allLiquidation.1.json", listed("bybit", "BTCUSDT"),
     [(1791565600992, "long", 82396.90, 0.006), (1791565601058, "long", 82394.30, 0.038)]),
    ("bybit", "bybit/ws_allLiquidation.4.json", listed("bybit", "PIPPINUSDT"),
     [(1740480207110, "short", 0.02456, 2846.0)]),
    # 8.55 contracts of 0.01 coins.
    ("okx", "okx/ws_liquidation-orders.1.json", listed("okx", "BTC-USDT-SWAP", 0.01),
     [(1791565600771, "long", 82655.7, 0.0855)]),
    ("okx", "okx/ws_liquidation-orders.3.json", listed("okx", "CNPY-USDT-SWAP", 1.0),
     [(1789669898955, "short", 0.4162, 2137.0)]),
    # An order of -124 sold: a long.
    ("gate", "gate/ws_public_liquidates.1.json", listed("gate", "BTC_USD", 0.0001),
     [(1541486601123, "long", 215.1, 0.0124)]),
    # 13.70319 USDT at 0.1649.
    ("bitget", "bitget/ws_liquidation_v3.1.json", listed("bitget", "APEUSDT"),
     [(1777358886549, "long", 0.1649, 83.1)]),
    ("bitget", "bitget/ws_liquidation_v3.1.json", listed("bitget", "IPUSDT"),
     [(1777358876983, "long", 0.500280739469, 286.5)]),
    ("htx", "htx/ws_liquidation_orders.1.json", listed("htx", "ETH-USDT", 0.01),
     [(1789670297212, "short", 2446.26, 5.0)]),
    ("htx", "htx/ws_liquidation_orders.2.json", listed("htx", "BTC-USDT", 0.001),
     [(1608226502284, "long", 23350.5, 0.227)]),
    # 1,120 USD, sold by the taker who was liquidated.
    ("deribit", "deribit/ws_trades_liquidation.1.json",
     listed("deribit", "BTC-PERPETUAL", usd=1.0, contract=Contract.INVERSE),
     [(1584058044032, "long", 4469.5, 1120 / 4469.5)]),
    ("kraken", "kraken_futures/ws_trade_liquidation.1.json", listed("kraken", "PI_XRPUSD"),
     [(1593561965283, "long", 0.1736, 12000.0)]),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "name", "listing", "expected"), RECORDED)
def test_recorded_messages(venue, name, listing, expected, samples):
    found = told(venue, (samples / name).read_bytes(), listing)
    assert [(o.time_ms, o.position.value, o.price, pytest.approx(o.quantity_base, rel=1e-9)) for o in found] == expected


@pytest.mark.parametrize("venue", STREAMS)
def test_both_sides_come_out_in_coins(venue):
    found = [
        order
        for one in frames(venue, MADE)
        for _instrument, order in STREAMS[venue].parse(one if isinstance(one, bytes) else one.encode(), own(venue)).rows
    ]
    assert [(o.time_ms, o.position, o.price) for o in found] == [
        (AT_MS, Side.LONG, 80_000.0), (AT_MS + 1, Side.SHORT, 80_010.0),
    ]  # fmt: skip
    assert [o.quantity_base for o in found] == [pytest.approx(0.5), pytest.approx(0.25)]
    numbered = {"deribit": ["7T", "8T"], "kraken": ["7", "8"]}
    assert [o.order_id for o in found] == numbered.get(venue, ["", ""])


@pytest.mark.parametrize("venue", STREAMS)
def test_contracts_that_were_not_chosen_are_left_out(venue):
    for one in frames(venue, MADE):
        assert not STREAMS[venue].parse(one if isinstance(one, bytes) else one.encode(), {}).rows


@pytest.mark.parametrize("venue", ["binance", "bybit", "bitget"])
def test_a_thousand_coins_that_are_counted_as_one(venue):
    shib = listed(venue, "1000SHIBUSDT", 1000.0, 1000.0)
    message = SHAPES[venue]([Order("long", 0.02, 5.0, AT_MS)], "1000SHIBUSDT")[0]
    (order,) = told(venue, json.dumps(message), shib)
    assert order.price == pytest.approx(0.00002)
    assert order.quantity_base == pytest.approx(5000.0)


def test_deribit_marks_makers_too():
    (message,) = SHAPES["deribit"](MADE[:1], SYMBOLS["deribit"])
    row = message["params"]["data"][0]
    for mark, sides in (("M", ["short"]), ("MT", ["long", "short"])):
        row["liquidation"] = mark
        assert [o.position.value for o in told("deribit", json.dumps(message), own("deribit"))] == sides
    del row["liquidation"]
    assert told("deribit", json.dumps(message), own("deribit")) == []
    row["instrument_name"] = "BTC_USDC-PERPETUAL"
    row["liquidation"] = "T"
    linear = listed("deribit", "BTC_USDC-PERPETUAL")
    (order,) = told("deribit", json.dumps(message), linear)
    assert order.quantity_base == row["amount"]


def test_binance_tells_its_two_kinds_of_contracts_apart():
    (message,) = SHAPES["binance"](MADE[:1], SYMBOLS["binance"])
    order = message["data"]["o"]
    for mark, many in ((1, 1), (2, 0), (None, 1)):
        order.pop("st", None)
        if mark is not None:
            order["st"] = mark
        assert len(told("binance", json.dumps(message), own("binance"))) == many
    # The documents show the mark beside the order.
    order.pop("st", None)
    message["data"]["st"] = 2
    assert told("binance", json.dumps(message), own("binance")) == []
    # Nothing of it was filled: nobody was liquidated.
    del message["data"]["st"]
    assert told("binance", json.dumps(message | {"data": {"e": "forceOrder", "o": order | {"z": "0", "ap": "0"}}}),
                own("binance")) == []  # fmt: skip


def test_gate_says_when_in_seconds_or_milliseconds():
    (message,) = SHAPES["gate"](MADE[:1], SYMBOLS["gate"])
    row = message["result"][0]
    for stamps, expected in (
        ({"time": AT_MS}, AT_MS),
        ({"time": AT_MS // 1000}, AT_MS // 1000 * 1000),
        ({"time": AT_MS // 1000, "time_ms": AT_MS}, AT_MS),
    ):
        (order,) = told("gate", json.dumps(message | {"result": [row | {"time": None} | stamps]}), own("gate"))
        assert order.time_ms == expected
    # One alone stood there without a list.
    assert len(told("gate", json.dumps(message | {"result": row}), own("gate"))) == 1
    with pytest.raises(ParseError, match="is no time"):
        told("gate", json.dumps(message | {"result": [row | {"time": 12}]}), own("gate"))


def test_htx_must_agree_with_itself():
    (message,) = SHAPES["htx"](MADE[:1], SYMBOLS["htx"])
    message["data"][0]["amount"] *= 2
    with pytest.raises(ParseError, match="not volume x contract size") as caught:
        told("htx", json.dumps(message), own("htx"))
    assert caught.value.path == "$.data[0].amount"


@pytest.mark.parametrize("venue", STREAMS)
def test_damage_is_told_with_its_place_and_never_a_wrong_number(venue):
    whole = SHAPES[venue](MADE[:1], SYMBOLS[venue])[0]
    true = told(venue, json.dumps(whole), own(venue))
    errors = 0
    for path in leaves(whole):
        for value in (KeyError, "NaN", -1, 1e300, {"x": []}, ""):
            if (venue, path[-1], value) == ("gate", "size", -1):
                continue  # an order that sells one contract
            body = damaged(copy.deepcopy(whole), path, value)
            try:
                found = told(venue, json.dumps(body), own(venue))
            except ParseError as error:
                errors += 1
                assert (error.source, error.endpoint) == (venue, WHAT)
                assert error.path.startswith("$")
            else:
                # A number may be another's (an order's own), but figures are those that were sent or none.
                plain = [(o.time_ms, o.position, o.price, o.quantity_base) for o in found]
                assert plain in ([(o.time_ms, o.position, o.price, o.quantity_base) for o in true], []), (path, value)
    assert errors >= 8


def survives(venue, seed):
    """Parse a mutated message; True where it was read."""
    body = mutated(json.dumps(SHAPES[venue](MADE, SYMBOLS[venue])[0]).encode(), seed)
    try:
        heard = STREAMS[venue].parse(gzip.compress(body) if venue == "htx" else body, own(venue))
    except ParseError:
        return False
    for _one, order in heard.rows:
        assert isinstance(order, Liquidation)
        assert 0 < order.price < 1e12
        assert 0 < order.quantity_base < 1e30
    return True


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(sorted(STREAMS)), st.integers(0, 2**32))
def test_a_mutated_message_is_read_or_refused(venue, seed):
    assert survives(venue, seed) in {True, False}


def test_a_bomb_is_not_unpacked():
    with pytest.raises(ParseError, match="too large"):
        STREAMS["htx"].parse(gzip.compress(b"[" + b" " * 10_000_000), {})
    for cut in (gzip.compress(b"{}")[:-4], b"{}", b"", zlib.compress(b"{}")):
        with pytest.raises(ParseError):
            STREAMS["htx"].parse(cut, {})


def parsed(venue, message):
    return STREAMS[venue].parse(encoded(venue, message), own(venue))


@pytest.mark.parametrize("venue", [v for v, s in STREAMS.items() if s.subscribe])
def test_all_that_is_asked_is_acknowledged(venue):
    instruments = [Instrument(venue, f"C{i}", f"C{i}", "USDT", Contract.LINEAR) for i in range(120)]
    asked = STREAMS[venue].subscribe(instruments, AT_MS)
    due = sum(one.acknowledged for one in asked)
    assert due > 0
    heard = [parsed(venue, message) for one in asked for message in answer(venue, one.text)]
    assert sum(one.acknowledged for one in heard) == due
    assert not any(one.refused for one in heard)
    # Venues that have a topic a contract are asked for each, the others for all.
    if STREAMS[venue].most:
        assert all(sum(f'{i.symbol}"' in one.text or f"{i.symbol}." in one.text for one in asked) == 1
                   for i in instruments)  # fmt: skip
        assert STREAMS[venue].subscribe([], AT_MS)[1:] == []


@pytest.mark.parametrize("venue", STREAMS)
def test_heartbeats_are_no_orders_and_count_for_no_subscription(venue):
    if STREAMS[venue].beat:
        for message in answer(venue, STREAMS[venue].beat(AT_MS)):
            heard = parsed(venue, message)
            assert (heard.rows, heard.acknowledged, heard.refused, heard.reply) == ((), 0, "", "")


@pytest.mark.parametrize(
    ("venue", "message", "why"),
    [
        ("bybit", {"success": False, "ret_msg": "error:handler not found", "op": "subscribe"}, "handler not found"),
        ("okx", {"event": "error", "code": "60012", "msg": "Illegal request"}, "Illegal request (code 60012)"),
        ("gate", {"channel": "futures.public_liquidates", "event": "subscribe",
                  "error": {"code": 2, "message": "unknown contract"}}, "unknown contract (code 2)"),
        ("bitget", {"event": "error", "code": "30001", "msg": "no topic"}, "no topic (code 30001)"),
        ("bitget", {"event": "error", "code": 30001, "msg": "no topic"}, "no topic (code 30001)"),
        ("htx", {"op": "sub", "err-code": 2002, "err-msg": "invalid topic"}, "invalid topic (code 2002)"),
        ("htx", {"op": "close", "ts": 1}, "close (code 0)"),
        ("deribit", {"jsonrpc": "2.0", "id": 2, "error": {"code": 10028, "message": "too_many_requests"}},
         "too_many_requests (code 10028)"),
        ("kraken", {"event": "alert", "message": "Bad request"}, "Bad request"),
        ("binance", {"error": {"code": 2, "msg": "Invalid request"}, "id": 1}, "Invalid request"),
    ],
)  # fmt: skip
def test_refusals_in_the_venues_words(venue, message, why):
    assert why in parsed(venue, message).refused


def test_what_must_be_answered_is():
    assert json.loads(parsed("htx", {"op": "ping", "ts": "1789670297217"}).reply) == {
        "op": "pong", "ts": "1789670297217",
    }  # fmt: skip
    assert json.loads(parsed("htx", {"ping": 1789670297217}).reply) == {"pong": 1789670297217}
    test = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
    assert json.loads(parsed("deribit", test).reply)["method"] == "public/test"
    test["params"]["type"] = "heartbeat"
    assert parsed("deribit", test).reply == ""


def test_subscribing_twice_at_htx_is_harmless(samples):
    heard = parsed("htx", json.loads((samples / "htx/ws_sub_ack.1.json").read_bytes()))
    assert (heard.acknowledged, heard.refused) == (1, "")


def test_kraken_brings_its_newest_trades_first():
    (trade,) = SHAPES["kraken"](MADE[:1], SYMBOLS["kraken"])
    fill = trade | {"type": "fill", "uid": "x"}
    snapshot = {"feed": "trade_snapshot", "product_id": SYMBOLS["kraken"], "trades": [fill, trade]}
    assert [o.order_id for _one, o in parsed("kraken", snapshot).rows] == ["7"]
    assert parsed("kraken", fill).rows == []
    with pytest.raises(ParseError, match="is no side") as caught:
        parsed("kraken", snapshot | {"trades": [fill, trade | {"side": "both"}]})
    assert caught.value.path == "$.trades[1].side"


def test_one_side_alone_makes_no_sense_at_okx(samples):
    message = json.loads((samples / "okx/ws_liquidation-orders.1.json").read_bytes())
    message["data"][0]["details"][0]["side"] = "buy"
    with pytest.raises(ParseError, match="no 'long' position is closed by a 'buy' order") as caught:
        parsed("okx", message)
    assert caught.value.path == "$.data[0].details[0].posSide"
    message["data"][0]["details"][0]["posSide"] = "net"
    ((_listed, order),) = parsed("okx", message).rows
    assert order.position is Side.SHORT
