"""The limits within which a body is believed: just inside each it is read, just outside refused."""

from __future__ import annotations

import itertools
import json

import msgspec
import pytest

from imbalance.errors import ParseError, RateLimitedError
from imbalance.providers import cftc, coinalyze, coinglass, coinmetrics, cryptoquant
from imbalance.records import Contract, Covered, Instrument, Liquidation, Unread
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.venues import binance, binance_coinm, bitget, bybit, deribit, gate, htx, hyperliquid, kraken, okx
from imbalance.wire import Ask, Kind
from tests.library.venues.test_parsers import SOURCES

NOW = 1_769_774_400_000
BAR = 900_000


def ask(symbol="BTCUSDT", size=1.0, **more):
    listed = Instrument("x", symbol, "BTC", "USDT", Contract.LINEAR, size, **more)
    return Ask("BTC", NOW, NOW - DAY_MS, NOW, BAR, listed)


def read(parse, body, asked=None):
    """Return what comes of a body, None where it is refused."""
    try:
        return parse(json.dumps(body).encode(), asked or ask())
    except ParseError:
        return None


def kline(taker="5", close=NOW + 1, volume="5"):
    return [NOW, "100", "110", "90", "105", volume, close, "500", 9, taker, "250", "0"]


def test_binance_takers_buy_no_more_than_is_traded_and_bars_end_after_they_begin():
    for row, fine in (
        (kline(), True),
        (kline("5.0001"), False),
        (kline(close=NOW), False),
        (kline(close=NOW + 1), True),
    ):
        assert (read(binance.parse_candles, [row]) is not None) is fine
    (candle,) = read(binance.parse_candles, [kline("4")])
    assert (candle.volume_base, candle.volume_usd, candle.taker_buy_base) == (5, 500, 4)


def test_binance_funds_every_8_hours_unless_it_says_otherwise():
    body = [{"symbol": "LPTUSDT", "fundingIntervalHours": 4}]
    assert read(binance.parse_funding_intervals, body)[0].hours == 8
    assert read(binance.parse_funding_intervals, body, ask("LPTUSDT"))[0].hours == 4


def books(bids, asks):
    rows = {"bids": [[str(p), "2"] for p in bids], "asks": [[str(p), "2"] for p in asks]}
    four = {side: [[*row, "0", "1"] for row in levels] for side, levels in rows.items()}
    yield binance.parse_order_book, rows | {"T": NOW}
    yield bybit.parse_order_book, {"retCode": 0, "result": {"b": rows["bids"], "a": rows["asks"], "ts": NOW}}
    yield okx.parse_order_book, {"code": "0", "data": [four | {"ts": str(NOW)}]}


@pytest.mark.parametrize(
    ("bids", "asks", "fine"),
    [
        ([99, 98, 97], [101, 102, 103], True),
        ([99], [101], True),
        ([99, 99], [101, 102], False),
        ([98, 99], [101, 102], False),
        ([99, 98], [101, 101], False),
        ([99, 98], [102, 101], False),
        ([99, 98, 98], [101, 102], False),
        ([99, 98], [101, 102, 102], False),
    ],
)
def test_books_are_best_first_and_no_price_occurs_twice(bids, asks, fine):
    for parse, body in books(bids, asks):
        found = read(parse, body)
        assert (found is not None) is fine
        if fine:
            assert [price for price, _size in found[0].bids] == bids
            assert [price for price, _size in found[0].asks] == asks


@pytest.mark.parametrize(
    ("parse", "body", "status"),
    [
        (bybit.refusal, {"retCode": 10006, "retMsg": "Too many visits"}, 429),
        (bybit.refusal, {"retCode": 10000, "retMsg": "Server Timeout"}, 503),
        (bybit.refusal, {"retCode": 10016, "retMsg": "Server error"}, 503),
        (bybit.refusal, {"retCode": 10001, "retMsg": "params error"}, 200),
        (bybit.refusal, {"retCode": 10007, "retMsg": "else"}, 200),
        (okx.refusal, {"code": "50011", "msg": "Too Many Requests"}, 429),
        (okx.refusal, {"code": "50001", "msg": "busy"}, 503),
        (okx.refusal, {"code": "50013", "msg": "busy"}, 503),
        (okx.refusal, {"code": "50026", "msg": "busy"}, 503),
        (okx.refusal, {"code": "51001", "msg": "no such instrument"}, 200),
        (bitget.refusal, {"code": "429", "msg": "slower"}, 429),
        (bitget.refusal, {"code": "403", "msg": "no"}, 403),
        (bitget.refusal, {"code": "40034", "msg": "no such parameter"}, 400),
        (deribit.refusal, {"error": {"code": 10028, "message": "too_many_requests"}}, 429),
        (deribit.refusal, {"error": {"code": 13020, "message": "not_found"}}, 200),
        (htx.refusal, {"status": "error", "err_code": 1, "err_msg": "too many requests"}, 429),
        (htx.refusal, {"status": "error", "err-code": "too-many-requests", "err-msg": "x"}, 429),
        (htx.refusal, {"code": 1347, "msg": "too wide"}, 200),
        (coinglass.refusal, {"code": "401", "msg": "no key"}, 401),
        (coinglass.refusal, {"code": "403", "msg": "plan"}, 401),
        (coinglass.refusal, {"code": "429", "msg": "slower"}, 429),
        (coinglass.refusal, {"code": "500", "msg": "oh"}, 503),
        (coinglass.refusal, {"code": "400", "msg": "what"}, 400),
    ],
)
def test_an_error_in_an_answer_with_status_200_stands_for_the_status_it_means(parse, body, status):
    found = parse(200, json.dumps(body).encode(), "x")
    assert found.status == status
    assert isinstance(found, RateLimitedError) is (status == 429)


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        (bybit.refusal, {"retCode": 0}),
        (okx.refusal, {"code": "0"}),
        (bitget.refusal, {"code": "00000"}),
        (htx.refusal, {"status": "ok"}),
        (htx.refusal, {"code": 200}),
        (coinglass.refusal, {"code": "0"}),
        (deribit.refusal, {"result": []}),
        (kraken.refusal, {"result": "success"}),
        (kraken.refusal, {"errors": [{"severity": "W", "msg": "partial"}]}),
        (gate.refusal, []),
        (binance.refusal, {"code": 1, "msg": "x"}),
        (binance_coinm.refusal, {"code": 1, "msg": "x"}),
    ],
)
def test_a_status_still_counts_where_the_body_says_all_is_well(parse, body):
    raw = json.dumps(body).encode()
    assert parse(200, raw, "x") is None
    assert parse(503, raw, "x").status == 503


def bybit_interest(single, both):
    row = {"openInterest": str(both), "timestamp": str(NOW)}
    row |= {} if single is None else {"singleOpenInterest": str(single)}
    return {"retCode": 0, "result": {"symbol": "BTCUSDT", "list": [row]}}


@pytest.mark.parametrize(
    ("single", "both", "found"),
    [
        (None, 100_000, 50_000),
        (50_000, 100_000, 50_000),
        (50_049, 100_000, 50_049),  # off by 98, a thousandth is 100
        (50_051, 100_000, None),
        (49_951, 100_000, 49_951),
        (49_949, 100_000, None),
        (6, 10, 6),  # off by 2, which rounding alone may be
        (6.1, 10, None),
        (4, 10, 4),
        (3.9, 10, None),
    ],
)
def test_bybit_one_side_is_half_of_both(single, both, found):
    rows = read(bybit.parse_open_interest_history, bybit_interest(single, both))
    assert (None if rows is None else rows[0].open_interest_base) == found


def bybit_ticker(**more):
    row = {
        "symbol": "BTCUSDT", "lastPrice": "100", "indexPrice": "101", "markPrice": "102", "price24hPcnt": "-0.05",
        "volume24h": "7", "turnover24h": "700", "openInterest": "10", "fundingRate": "0.0001",
        "nextFundingTime": str(NOW + HOUR_MS),
    }  # fmt: skip
    return {"retCode": 0, "time": NOW, "result": {"list": [row | more]}}


def test_bybit_value_is_of_the_side_that_is_counted():
    _ticker, _funding, interest = read(bybit.parse_ticker, bybit_ticker(openInterestValue="1000"))
    assert (interest.open_interest_base, interest.open_interest_usd) == (5, 500)
    given = bybit_ticker(openInterestValue="1000", singleOpenInterest="6")
    assert read(bybit.parse_ticker, given)[2].open_interest_usd == 600
    assert read(bybit.parse_ticker, bybit_ticker())[2].open_interest_usd is None
    assert read(bybit.parse_ticker, bybit_ticker(openInterest="0", openInterestValue="0"))[2].open_interest_usd is None
    assert len(read(bybit.parse_ticker, bybit_ticker(symbol="ETHUSDT"))) == 0


def bybit_listing(**more):
    row = {
        "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC",
        "quoteCoin": "USDT", "leverageFilter": {"maxLeverage": "150"}, "fundingInterval": 240,
    }  # fmt: skip
    return {"retCode": 0, "result": {"list": [row | more]}}


def test_bybit_counts_funding_intervals_in_minutes():
    (listed,) = read(bybit.parse_instruments, bybit_listing())
    assert (listed.max_leverage, listed.funding_interval_hours) == (150, 4)
    unknown = bybit_listing(leverageFilter={"maxLeverage": "0"}, fundingInterval=0)
    (listed,) = read(bybit.parse_instruments, unknown)
    assert (listed.max_leverage, listed.funding_interval_hours) == (None, None)
    for change in ({"contractType": "LinearFutures"}, {"quoteCoin": "USDC"}, {"status": "PreLaunch"}):
        assert read(bybit.parse_instruments, bybit_listing(**change)) == []


def bybit_tiers(*steps):
    rows = [
        {
            "symbol": "BTCUSDT", "riskLimitValue": str(limit), "maintenanceMargin": str(mm), "initialMargin": str(im),
            "maxLeverage": str(lev), "mmDeduction": ded,
        }
        for limit, mm, im, lev, ded in steps
    ]  # fmt: skip
    return read(bybit.parse_margin_tiers, {"retCode": 0, "result": {"list": rows}})


def test_bybit_margins_are_per_cent_where_they_do_not_fit_the_leverage_as_fractions():
    # Initial margin times leverage is about 1: from a half to twice that is believed, not those themselves.
    for im, lev, rate in (
        (0.01, 100, 0.005), (1, 100, 0.00005), (0.0199, 100, 0.005), (0.0201, 100, None), (0.0051, 100, 0.005),
        (0.0049, 100, None), (0.51, 100, 0.00005), (0.49, 100, None), (0.02, 100, None), (0.0078125, 64, None),
    ):  # fmt: skip
        found = bybit_tiers((1e6, 0.005, im, lev, ""))
        assert (None if found is None else found[0].rate) == (None if rate is None else pytest.approx(rate)), im


def test_bybit_deductions_follow_from_the_steps_within_a_twentieth_and_a_dollar():
    # 1,000,000 x (0.010 - 0.005) = 5,000: of the larger of the two a twentieth, and one more for rounding.
    for told, fine in (("", True), ("5000", True), ("5264", True), ("5265", False), ("4749", True), ("4748", False)):
        found = bybit_tiers((1e6, 0.005, 0.01, 100, ""), (2e6, 0.01, 0.02, 50, told))
        assert (found is not None) is fine, told
        if fine:
            assert found[1].deduction_usd == pytest.approx(float(told or 5000))
    # The next step goes on from what was told: 5,100 + 2,000,000 x 0.01.
    found = bybit_tiers(
        (1e6, 0.005, 0.01, 100, ""), (2e6, 0.01, 0.02, 50, "5100"), (3e6, 0.02, 0.04, 25, "")
    )  # fmt: skip
    assert [(t.floor, t.cap, t.deduction_usd) for t in found] == [
        (0, 1e6, 0), (1e6, 2e6, 5100), (2e6, 3e6, pytest.approx(25_100)),
    ]  # fmt: skip


def test_bybit_shares_of_accounts_make_one_but_for_rounding():
    def rows(buy, sell):
        row = {"symbol": "BTCUSDT", "buyRatio": str(buy), "sellRatio": str(sell), "timestamp": str(NOW)}
        return read(bybit.parse_long_short, {"retCode": 0, "result": {"list": [row]}})

    for sell, fine in ((0.4, True), (0.404, True), (0.406, False), (0.396, True), (0.394, False)):
        assert (rows(0.6, sell) is not None) is fine
    assert rows(0.6, 0.4)[0].long_share == 0.6


def okx_tiers(*steps, lot=0.01):
    rows = [
        {"minSz": str(low), "maxSz": str(high), "mmr": str(rate), "maxLever": "10", "instFamily": "BTC-USDT"}
        for low, high, rate in steps
    ]
    return read(okx.parse_margin_tiers, {"code": "0", "data": rows}, ask("BTC-USDT-SWAP", 0.01, lot_base=0.01 * lot))


def test_okx_steps_start_where_the_one_below_ends_or_a_lot_above():
    for start, fine in ((1000, True), (1000.01, True), (1000.02, False), (999.99, False), (1001, False)):
        found = okx_tiers((0, 1000, 0.004), (start, 5000, 0.005))
        assert (found is not None) is fine, start
        if fine:
            assert [(t.floor, t.cap) for t in found] == [(0, 10), (10, 50)]
            assert all(t.bounds_in_base for t in found)


def test_okx_funding_interval_is_from_one_to_the_next():
    def rows(later):
        row = {
            "instId": "BTC-USDT-SWAP",
            "fundingRate": "0.0001",
            "fundingTime": str(NOW),
            "nextFundingTime": str(later),
        }
        return read(okx.parse_funding, {"code": "0", "data": [row]}, ask("BTC-USDT-SWAP"))

    assert rows(NOW + 4 * HOUR_MS)[0].interval_hours == 4
    assert rows(NOW) is None
    assert rows(NOW + 1) is not None


def test_okx_ratios_of_longs_to_shorts_become_the_share_of_longs():
    endpoint = next(e for e in SOURCES["okx"].endpoints if e.kind is Kind.LONG_SHORT)
    body = {"code": "0", "data": [[str(NOW), "3"], [str(NOW - HOUR_MS), "0.25"]]}
    assert [row.long_share for row in read(endpoint.parse, body)] == [0.2, 0.75]


def okx_orders(count, at_ms=NOW):
    rows = [{"side": "sell", "posSide": "long", "bkPx": "100", "sz": "1", "ts": str(at_ms - i)} for i in range(count)]
    return {"code": "0", "data": [{"instFamily": "BTC-USDT", "details": rows}]}


def test_okx_a_full_page_reaches_back_to_its_oldest_row_and_no_further():
    asked = ask("BTC-USDT-SWAP", 0.01)
    for count, reached in ((0, NOW - DAY_MS), (99, NOW - DAY_MS), (100, NOW - 99)):
        assert read(okx.parse_liquidations, okx_orders(count), asked)[-1] == Covered(reached)
    follow = SOURCES["okx"].endpoint(Kind.LIQUIDATIONS).following
    for at_ms, more in ((NOW, True), (NOW - DAY_MS + 100, True), (NOW - DAY_MS + 99, False)):
        page = follow(json.dumps(okx_orders(100, at_ms)).encode(), asked)
        assert (page is not None) is more
        assert not more or dict(page)["after"] == str(at_ms - 99)
    # Two of one moment are in order.
    twice = okx_orders(2)
    twice["data"][0]["details"][1]["ts"] = str(NOW)
    assert read(okx.parse_liquidations, twice, asked) is not None
    twice["data"][0]["details"][1]["ts"] = str(NOW + 1)
    assert read(okx.parse_liquidations, twice, asked) is None


def bitget_orders(count, at_ms=NOW, cursor="9", amounts=("0.5",), step_ms=1):
    rows = [
        {"symbol": "BTCUSDT", "side": "sell", "price": "100", "amount": amounts[i % len(amounts)],
         "ts": str(at_ms - i * step_ms)}
        for i in range(count)
    ]  # fmt: skip
    return {"code": "00000", "data": {"list": rows, "cursor": cursor}}


BITGET = ask(lot_base=0.1)


def test_bitget_a_full_page_reaches_back_to_its_oldest_row_and_no_further():
    listed = msgspec.structs.replace(BITGET.listed, symbol="XUSDT")
    assert listed.symbol not in bitget.KNOWN_LOTS
    asked = msgspec.structs.replace(BITGET, instrument=listed)

    def body(*given, **more):
        return json.loads(json.dumps(bitget_orders(*given, **more)).replace("BTCUSDT", "XUSDT"))

    for count, reached in ((0, NOW - 3 * DAY_MS), (99, NOW - 3 * DAY_MS), (100, NOW - 99)):
        assert read(bitget.parse_liquidations, body(count), asked)[-1] == Covered(reached)
    follow = SOURCES["bitget"].endpoint(Kind.LIQUIDATIONS).following
    for given, more in (
        (body(99), False), (body(100), True), (body(100, cursor=""), False),
        (body(100, NOW - DAY_MS + 99), True), (body(100, NOW - DAY_MS + 98), False),
    ):  # fmt: skip
        assert (follow(json.dumps(given).encode(), asked) is not None) is more
    assert read(bitget.parse_liquidations, body(2, step_ms=0), asked) is not None
    assert read(bitget.parse_liquidations, body(2, step_ms=-1), asked) is None
    # Nine of ten whole lots tell the unit, eight do not.
    nine, eight = ["0.5"] * 9 + ["0.55"], ["0.5"] * 8 + ["0.55"] * 2
    assert read(bitget.parse_liquidations, body(10, amounts=nine), asked) is not None
    assert read(bitget.parse_liquidations, body(10, amounts=eight), asked) is None
    # From 1e8 lots on digits tell nothing: so many coins would be whole lots as well.
    for amount, coins in (("9999999.9", 9_999_999.9), ("10000000", 100_000)):
        assert read(bitget.parse_liquidations, body(1, amounts=[amount]), asked)[0].quantity_base == coins


def test_bitget_reads_no_liquidations_without_a_lot():
    assert read(bitget.parse_liquidations, bitget_orders(1), ask()) is None
    known = read(bitget.parse_liquidations, bitget_orders(1, amounts=("0.0003",)), ask(lot_base=5.0))
    assert known[0].quantity_base == 0.0003


def test_bitget_deductions_keep_maintenance_continuous():
    steps = ((0, 100, 0.01), (100, 200, 0.02), (200, 300, 0.04))
    rows = [
        {"symbol": "BTCUSDT", "startUnit": str(a), "endUnit": str(b), "leverage": "10", "keepMarginRate": str(rate)}
        for a, b, rate in steps
    ]
    found = read(bitget.parse_margin_tiers, {"code": "00000", "data": rows})
    assert [t.deduction_usd for t in found] == pytest.approx([0, 1, 5])
    for below, above in itertools.pairwise(found):
        at = above.floor
        assert at * below.rate - below.deduction_usd == pytest.approx(at * above.rate - above.deduction_usd)


def gate_stats(interest_usd, rows=1):
    row = {
        "mark_price": 100, "open_interest": 1000, "long_liq_size": 1, "short_liq_size": 2, "long_liq_usd": 1,
        "short_liq_usd": 2, "open_interest_usd": interest_usd,
    }  # fmt: skip
    return [row | {"time": NOW // 1000 + 3600 * i} for i in range(rows)]


def test_gate_value_is_open_interest_at_the_mark_within_a_tenth_and_a_dollar():
    asked = ask("BTC_USDT", 0.01)  # 1,000 contracts of 0.01 at 100: 1,000 USD
    for usd, fine in (
        (1000, True),
        (1101, True),
        (899, True),
        (1100.9, True),
        (1101.1, False),
        (899.1, True),
        (898.9, False),
        (None, True),
    ):
        assert (read(gate.parse_contract_stats, gate_stats(usd), asked) is not None) is fine, usd
    (row,) = read(gate.parse_contract_stats, gate_stats(1000), asked)
    assert (row.open_interest_base, row.long_liquidations_base, row.short_liquidations_base) == (5, 0.01, 0.02)


@pytest.mark.parametrize(("late_ms", "buckets"), [(-1, 1), (0, 2), (3_599_999, 2), (3_600_000, 3)])
def test_a_bucket_of_gate_counts_when_it_has_ended(late_ms, buckets):
    asked = ask("BTC_USDT", 0.01)
    rows = gate_stats(1000, 3)
    ended = msgspec.structs.replace(asked, now_ms=NOW + 2 * HOUR_MS + late_ms)
    assert len(read(gate.parse_contract_stats, rows, ended)) == buckets


def test_gate_asks_on_where_it_got_fewer_buckets_than_it_asked_for():
    follow = SOURCES["gate"].endpoint(Kind.CONTRACT_STATS).following
    start = NOW - 10 * HOUR_MS
    asked = msgspec.structs.replace(ask("BTC_USDT", 0.01), start_ms=start, interval_ms=HOUR_MS)
    begin = start // 1000

    def after(count, step=3600):
        rows = [row | {"time": begin + i * step} for i, row in enumerate(gate_stats(1000, count))]
        page = follow(json.dumps(rows).encode(), asked)
        return None if page is None else (int(dict(page)["from"]), int(dict(page)["limit"]))

    assert after(3, step=0) is None
    begin -= 5 * 3600
    assert after(2) is None  # before what was asked for
    begin += 5 * 3600
    # Ten were asked for, of which the last may still be filling.
    assert after(1) is None  # no step can be told
    assert after(2) == (begin + 2 * 3600, 8)
    assert after(7) == (begin + 7 * 3600, 3)
    assert after(8) == (begin + 8 * 3600, 2)
    assert after(9) is None
    assert after(10) is None
    # Of 1,100 hours, 1,000 a request, what is left is that of the request that the answer is of.
    asked = msgspec.structs.replace(asked, start_ms=NOW - 1100 * HOUR_MS)
    begin = asked.start_ms // 1000
    assert after(990) == (begin + 990 * 3600, 10)
    begin += 999 * 3600
    assert after(2) == (begin + 2 * 3600, 99)
    begin += 3600
    assert after(2) == (begin + 2 * 3600, 98)


def gate_order(**more):
    row = {"contract": "BTC_USDT", "size": "100", "order_size": "-60", "left": "-20", "fill_price": "50"}
    return [row | {"time": NOW // 1000} | more]


def test_gate_orders_close_a_part_of_a_position_and_fill_in_part():
    asked = ask("BTC_USDT", 0.01)
    long, _covered = read(gate.parse_liquidations, gate_order(), asked)
    assert long == Liquidation(NOW, Side.LONG, 50, pytest.approx(0.4))
    turned = {"size": "-100", "order_size": "60", "left": "20"}
    assert read(gate.parse_liquidations, gate_order(**turned), asked)[0].position is Side.SHORT
    for change, fine in (
        ({"order_size": "-100"}, True), ({"order_size": "-101"}, False), ({"order_size": "0", "left": "0"}, False),
        ({"left": "-60"}, True), ({"left": "-61"}, False), ({"left": "0"}, True), ({"left": "1"}, False),
        ({"size": "0"}, False), ({"size": "1", "order_size": "-1", "left": "0"}, True),
        ({"order_size": None}, True), ({"order_size": None, "left": "-100"}, True),
    ):  # fmt: skip
        assert (read(gate.parse_liquidations, gate_order(**change), asked) is not None) is fine, change
    assert read(gate.parse_liquidations, gate_order(order_size=None), asked)[0].quantity_base == pytest.approx(0.8)
    part = {"size": "0.5", "order_size": "-0.5", "left": "0"}
    assert read(gate.parse_liquidations, gate_order(**part), asked)[0].position is Side.LONG
    same = gate_order() * 2
    assert read(gate.parse_liquidations, same, asked) is not None
    same[1] = same[1] | {"time": NOW // 1000 + 1}
    assert read(gate.parse_liquidations, same, asked) is None
    assert read(gate.parse_liquidations, gate_order() * 999, asked)[0] != Unread()
    assert read(gate.parse_liquidations, gate_order() * 1000, asked)[0] == Unread()
    assert read(gate.parse_liquidations, [], asked) == [Covered(NOW - DAY_MS)]


def test_gate_counts_funding_intervals_in_seconds():
    row = {"name": "BTC_USDT", "quanto_multiplier": "0.0001", "in_delisting": False, "leverage_max": "100"}
    for seconds, hours in ((28_800, 8), (3600, 1), (0, None)):
        (listed,) = read(gate.parse_instruments, [row | {"funding_interval": seconds}])
        assert (listed.funding_interval_hours, listed.max_leverage) == (hours, 100)
    assert read(gate.parse_instruments, [row | {"funding_interval": 1, "leverage_max": "0"}])[0].max_leverage is None
    for change in ({"in_delisting": True}, {"name": "BTC_USD"}, {"quanto_multiplier": "0"}):
        assert read(gate.parse_instruments, [row | {"funding_interval": 1} | change]) == []


def test_gate_deductions_follow_from_the_steps_within_a_twentieth_and_a_dollar():
    def ladder(told):
        steps = ((1000, 0.01, 0), (2000, 0.02, told), (3000, 0.04, None))
        rows = [
            {"risk_limit": str(cap), "maintenance_rate": str(rate), "leverage_max": "10", "deduction": ded}
            for cap, rate, ded in steps
        ]
        return read(gate.parse_margin_tiers, rows)

    bare = {"risk_limit": "1000", "maintenance_rate": "0.01", "leverage_max": "10"}
    assert read(gate.parse_margin_tiers, [bare])[0].deduction_usd == 0
    # 1,000 x 0.01 = 10, and then 2,000 x 0.02 more.
    for told, fine in ((None, True), (10, True), (11.5, True), (11.6, False), (8.5, True), (8.4, False)):
        found = ladder(told)
        assert (found is not None) is fine, told
        if fine:
            second = 10 if told is None else told
            assert [t.deduction_usd for t in found] == pytest.approx([0, second, second + 40])
            assert [(t.floor, t.cap) for t in found] == [(0, 1000), (1000, 2000), (2000, 3000)]


def htx_candle(**more):
    row = {"id": NOW // 1000, "open": 100, "high": 110, "low": 90, "close": 105, "vol": 4000, "amount": 4.0}
    return {
        "status": "ok",
        "ts": NOW,
        "ch": "market.BTC-USDT.kline.15min",
        "data": [row | {"trade_turnover": 400} | more],
    }


def test_htx_coins_are_contracts_of_their_size():
    asked = ask("BTC-USDT", 0.001)
    (candle,) = read(htx.parse_candles, htx_candle(), asked)
    assert (candle.time_ms, candle.volume_base, candle.volume_usd) == (NOW, 2, 200)
    # 4,000 contracts of 0.001: within a thousandth and a contract of the coins.
    for amount, fine in ((4.0049, True), (4.0052, False), (3.9951, True), (3.9949, False)):
        assert (read(htx.parse_candles, htx_candle(amount=amount), asked) is not None) is fine, amount
    for channel, fine in (
        ("market.ETH-USDT.kline.15min", False),
        ("market.ETH-USDT", False),
        ("market", True),
        (None, True),
        ("", True),
    ):
        assert (read(htx.parse_candles, htx_candle() | {"ch": channel}, asked) is not None) is fine

    def interest(amount):
        row = {"contract_code": "BTC-USDT", "volume": 4_000_000, "amount": amount, "value": 400_000}
        return read(htx.parse_open_interest, {"status": "ok", "ts": NOW, "data": [row]}, asked)

    # Within a millionth and a contract: 0.004 + 0.001.
    for amount, fine in ((4000, True), (4000.0049, True), (4000.0051, False), (3999.9951, True), (3999.9949, False)):
        assert (interest(amount) is not None) is fine, amount
    assert (interest(4000)[0].open_interest_base, interest(4000)[0].open_interest_usd) == (2000, 200_000)

    def order(amount):
        row = {"contract_code": "BTC-USDT", "direction": "sell", "volume": 4000, "price": 100, "created_at": NOW}
        body = {"code": 200, "ts": NOW, "data": [row | {"amount": amount, "query_id": 7}]}
        return read(htx.parse_liquidations, body, asked)

    for amount, fine in ((4, True), (4.0039, True), (4.0041, False), (3.9961, True), (3.9959, False)):
        assert (order(amount) is not None) is fine, amount
    assert order(4)[0] == Liquidation(NOW, Side.LONG, 100, 4, "7")


def test_htx_past_open_interest_is_in_coins_of_both_sides():
    def rows(kind, *stamps):
        ticks = [{"volume": 10, "amount_type": kind, "ts": at} for at in stamps]
        body = {"status": "ok", "ts": NOW, "data": {"symbol": "BTC", "tick": ticks}}
        return read(htx.parse_open_interest_history, body, ask("BTC-USDT", 0.001))

    assert [(r.time_ms, r.open_interest_base) for r in rows(2, NOW, NOW - 5)] == [(NOW - 5, 5), (NOW, 5)]
    assert rows(1, NOW) is None
    assert rows(3, NOW) is None
    assert rows(2, NOW, NOW) is None


def test_htx_lists_what_trades_alone():
    row = {"symbol": "BTC", "contract_code": "BTC-USDT", "contract_size": 0.001, "contract_status": 1}
    for change, count in (({}, 1), ({"contract_status": 3}, 0), ({"contract_status": 2}, 0),
                          ({"contract_type": "quarter"}, 0), ({"contract_code": "BTC-USDT-260130"}, 0)):  # fmt: skip
        body = {"status": "ok", "ts": NOW, "data": [row | change]}
        assert len(read(htx.parse_instruments, body)) == count


def htx_day(gone=(), running=True, now=NOW + 5 * MINUTE_MS):
    first = -(-now // BAR) * BAR - DAY_MS
    stamps = [first + i * BAR for i in range(96 if running else 95)]
    rows = [htx_candle(id=at // 1000, open=100 + i, close=101 + i, high=300)["data"][0] for i, at in enumerate(stamps)]
    body = htx_candle() | {"data": [row for i, row in enumerate(rows) if i not in gone]}
    return read(htx.parse_ticker, body, msgspec.structs.replace(ask("BTC-USDT", 0.001), now_ms=now))


def test_htx_a_day_is_its_96_bars_or_none():
    (ticker,) = htx_day()
    assert (ticker.volume_24h_base, ticker.volume_24h_usd) == (96 * 2, 96 * 200)
    assert (ticker.last_price, ticker.change_24h) == (196, pytest.approx(0.96))
    (ticker,) = htx_day(running=False)  # the running bar may not be there yet
    assert ticker.volume_24h_base == 95 * 2
    for gone in (0, 1, 50, 94):
        assert htx_day(gone=(gone,)) == []
    # As a bar begins the one before it is the last of the day.
    (ticker,) = htx_day(now=NOW)
    assert ticker.volume_24h_base == 96 * 2
    assert htx_day(gone=(95,), now=NOW) == []
    assert htx_day(gone=(0,), now=NOW) == []


def test_htx_walks_back_within_the_window_of_the_oldest_row():
    follow = SOURCES["htx"].endpoint(Kind.LIQUIDATIONS).following
    row = {"contract_code": "BTC-USDT", "direction": "sell", "volume": 1, "amount": 0.001, "price": 1}

    def after(*rows):
        data = [row | {"created_at": at, "query_id": number} for at, number in rows]
        page = follow(json.dumps({"code": 200, "ts": NOW, "data": data}).encode(), ask("BTC-USDT", 0.001))
        return None if page is None else {k: int(v) for k, v in page if k in {"from_id", "start_time", "end_time"}}

    start, window = NOW - DAY_MS, 2 * HOUR_MS
    assert after() is None
    for at, number in ((start, 0), (start + window - 1, 0), (start + window, 1), (NOW - 1, 11)):
        first = start + number * window
        assert after((at, 5)) == {"from_id": 5, "start_time": first, "end_time": first + window - 1}
    assert after((NOW - 1, 9), (NOW - 2, 4), (NOW - 3, 6))["from_id"] == 4


def kraken_listing(**more):
    level = {"initialMargin": 0.02, "maintenanceMargin": 0.01, "numNonContractUnits": 0}
    row = {"symbol": "PF_XBTUSD", "tradeable": True, "contractSize": 1, "marginLevels": [level]}
    return {"result": "success", "instruments": [row | more]}


def test_kraken_sizes_are_coins_and_margins_parts_of_a_whole():
    (listed,) = read(kraken.parse_instruments, kraken_listing())
    assert (listed.base, listed.funding_interval_hours) == ("BTC", 1)
    assert read(kraken.parse_instruments, kraken_listing(contractSize=10)) is None
    assert read(kraken.parse_instruments, kraken_listing(tradeable=False)) == []
    assert read(kraken.parse_instruments, kraken_listing(symbol="PI_XBTUSD")) == []

    def ladder(*margins, floors=(0, 500, 2000)):
        levels = [
            {"initialMargin": im, "maintenanceMargin": mm, "numNonContractUnits": floor}
            for (im, mm), floor in zip(margins, floors, strict=False)
        ]
        return read(kraken.parse_margin_tiers, kraken_listing(marginLevels=levels), ask("PF_XBTUSD"))

    found = ladder((0.02, 0.01), (0.04, 0.02), (1, 0.5))
    assert [(t.floor, t.cap, t.rate, t.max_leverage) for t in found] == [
        (0, 500, 0.01, 50), (500, 2000, 0.02, 25), (2000, 1e12, 0.5, 1),
    ]  # fmt: skip
    assert ladder((0.02, 0.01), (1.01, 0.5)) is None
    assert read(kraken.parse_margin_tiers, kraken_listing(), ask("PF_ETHUSD")) == []


def test_kraken_funding_is_in_dollars_a_coin_and_change_in_per_cent():
    row = {"symbol": "PF_XBTUSD", "markPrice": 200, "openInterest": 5, "fundingRate": 1, "change24h": -4}
    asked = ask("PF_XBTUSD")
    ticker, interest, funding = read(kraken.parse_ticker, {"result": "success", "tickers": [row]}, asked)
    assert (ticker.change_24h, interest.open_interest_base) == (-0.04, 5)
    assert (funding.rate, funding.interval_hours) == (0.005, 1)
    bare = {k: v for k, v in row.items() if k in {"symbol", "markPrice", "openInterest"}}
    (ticker, _interest) = read(kraken.parse_ticker, {"result": "success", "tickers": [bare]}, asked)
    assert ticker.change_24h is None
    for lacking in ("markPrice", "openInterest"):
        part = {k: v for k, v in row.items() if k != lacking}
        assert read(kraken.parse_ticker, {"result": "success", "tickers": [part]}, asked) == []


def kraken_trades(*rows):
    history = [{"price": 100, "time": "2026-01-30T11:00:00.000Z", "size": "2"} | row for row in rows]
    return {"result": "success", "history": history}


ELEVEN = NOW - HOUR_MS


def test_kraken_what_cannot_be_counted_makes_a_lower_bound():
    asked = ask("PF_XBTUSD")
    for row, kinds in (
        ({"type": "liquidation", "side": "sell"}, ["Liquidation"]), ({"type": "fill", "side": "sell"}, []),
        ({"side": "sell"}, ["Unread"]), ({"type": "liquidation"}, ["Unread"]),
        ({"type": "liquidation", "side": "buy", "size": None}, ["Unread"]),
        ({"type": "assignment", "side": "buy"}, ["LaterStage"]), ({"type": "termination"}, ["LaterStage"]),
        ({"type": "assignment", "size": None}, []),
    ):  # fmt: skip
        *found, covered = read(kraken.parse_liquidations, kraken_trades(row), asked)
        assert [type(r).__name__ for r in found] == kinds, row
        assert covered == Covered(ELEVEN)
    assert read(kraken.parse_liquidations, kraken_trades({"side": "left"}), asked) is None
    assert read(kraken.parse_liquidations, kraken_trades(), asked) == [Covered(NOW)]


def test_kraken_walks_back_a_day_and_stays_in_the_moment_where_trades_have_names():
    follow = SOURCES["kraken"].endpoint(Kind.LIQUIDATIONS).following

    def after(*rows):
        page = follow(json.dumps(kraken_trades(*rows)).encode(), ask("PF_XBTUSD"))
        return None if page is None else dict(page)["lastTime"]

    assert after() is None
    assert after({}) == "2026-01-30T11:00:00.000Z"
    assert after({"uid": "a"}) == "2026-01-30T11:00:00.001Z"
    assert after({}, {"time": "2026-01-30T10:00:00.500Z"}) == "2026-01-30T10:00:00.500Z"
    assert after({"time": "2026-01-29T12:00:00.001Z"}) is not None
    assert after({"time": "2026-01-29T12:00:00.000Z"}) is None


def kraken_series(*stamps, more=False):
    return {"result": {"timestamp": list(stamps), "data": [str(i + 1) for i in range(len(stamps))], "more": more}}


def test_kraken_a_bucket_counts_at_its_end_once_that_has_come():
    asked = ask("PF_XBTUSD")  # a day of quarters: buckets of 15 minutes
    last = NOW // 1000 - 900
    rows = read(kraken.parse_open_interest_history, kraken_series(last - 900, last, last + 900), asked)
    assert [(r.time_ms, r.open_interest_base) for r in rows] == [(NOW - BAR, 1), (NOW, 2)]
    body = kraken_series(last)
    for values, fine in (([5, 7, 4, 6], True), ([5, 5, 4, 6], False), ([5, 7, 6, 6], False)):
        body["result"]["data"] = [values]
        found = read(kraken.parse_open_interest_history, body, asked)
        assert (found is not None) is fine
        assert not fine or found[0].open_interest_base == 6
    follow = SOURCES["kraken"].endpoint(Kind.OPEN_INTEREST_HISTORY).following
    page = follow(json.dumps(kraken_series(last - 900, last, more=True)).encode(), asked)
    assert dict(page)["since"] == str(last + 1)
    for body in (kraken_series(last), kraken_series(more=True)):
        assert follow(json.dumps(body).encode(), asked) is None


DERIBIT = msgspec.structs.replace(
    ask("BTC-PERPETUAL"),
    instrument=Instrument("deribit", "BTC-PERPETUAL", "BTC", "USD", Contract.INVERSE, contract_size_usd=1.0),
)


def deribit_trades(*rows, more=False):
    base = {
        "timestamp": NOW - 5, "price": 100, "amount": 50, "direction": "sell", "instrument_name": "BTC-PERPETUAL",
        "trade_id": "7",
    }  # fmt: skip
    return {"result": {"trades": [base | row for row in rows], "has_more": more}}


def test_deribit_marks_who_was_liquidated():
    for mark, way, sides in (
        ("T", "sell", [Side.LONG]), ("T", "buy", [Side.SHORT]), ("M", "sell", [Side.SHORT]), ("M", "buy", [Side.LONG]),
        ("MT", "sell", [Side.LONG, Side.SHORT]), (None, "sell", []),
    ):  # fmt: skip
        body = deribit_trades({"liquidation": mark, "direction": way})
        *found, covered = read(deribit.parse_liquidations, body, DERIBIT)
        assert [row.position for row in found] == sides
        assert all((row.quantity_base, row.price) == (0.5, 100) for row in found)
        assert covered == Covered(NOW - DAY_MS)
    for fault in ({"liquidation": "X"}, {"direction": "left"}, {"instrument_name": "ETH-PERPETUAL"}):
        assert read(deribit.parse_liquidations, deribit_trades(fault), DERIBIT) is None
    body = deribit_trades({}, {"timestamp": NOW - 9}, {"timestamp": NOW - 7}, more=True)
    assert read(deribit.parse_liquidations, body, DERIBIT) == [Covered(NOW - 9)]
    follow = SOURCES["deribit"].endpoint(Kind.LIQUIDATIONS).following
    assert dict(follow(json.dumps(body).encode(), DERIBIT))["end_timestamp"] == str(NOW - 9)
    for done in (deribit_trades({}), deribit_trades(more=True)):
        assert follow(json.dumps(done).encode(), DERIBIT) is None


def test_deribit_open_interest_is_dollars_or_coins():
    row = {
        "instrument_name": "BTC-PERPETUAL", "base_currency": "BTC", "quote_currency": "USD", "mark_price": 50,
        "open_interest": 1000, "volume": 3, "creation_timestamp": NOW, "price_change": 2, "funding_8h": 0.001,
    }  # fmt: skip
    body = {"result": [row, row | {"instrument_name": "BTC-30JAN26"}, row | {"instrument_name": "BTC_USD-PERPETUAL"}]}
    inverse, linear = read(deribit.parse_instruments, body)
    assert (inverse.contract, inverse.contract_size_usd, inverse.funding_interval_hours) == (Contract.INVERSE, 1, 8)
    assert (linear.contract, linear.contract_size_usd, linear.funding_interval_hours) == (Contract.LINEAR, None, 8)
    for listed, base, usd in ((inverse, 20, 1000), (linear, 1000, None)):
        asked = msgspec.structs.replace(DERIBIT, instrument=listed)
        ticker, interest, funding = read(deribit.parse_ticker, body, asked)
        assert (interest.open_interest_base, interest.open_interest_usd) == (base, usd)
        assert (ticker.change_24h, funding.rate, funding.interval_hours) == (0.02, 0.001, 8)


def hyperliquid_body(number=None, tables=(), leverage=40):
    asset = {"name": "BTC", "maxLeverage": leverage} | ({} if number is None else {"marginTableId": number})
    context = {"funding": "0.0001", "openInterest": "5", "dayNtlVlm": "7", "markPx": "100", "oraclePx": "101"}
    return [{"universe": [asset], "marginTables": list(tables)}, [context | {"prevDayPx": "80", "dayBaseVlm": "9"}]]


def test_hyperliquid_maintenance_is_half_the_initial_margin():
    asked = ask("BTC")
    steps = [{"lowerBound": "0", "maxLeverage": 40}, {"lowerBound": "150000000", "maxLeverage": 20}]
    tables = [[56, {"marginTiers": steps}], [51, {"marginTiers": steps[:1]}]]
    found = read(hyperliquid.parse_margin_tiers, hyperliquid_body(56, tables), asked)
    assert [(t.floor, t.cap, t.rate, t.max_leverage) for t in found] == [
        (0, 150e6, 0.0125, 40), (150e6, 1e12, 0.025, 20),
    ]  # fmt: skip
    assert [t.deduction_usd for t in found] == [0, pytest.approx(150e6 * 0.0125)]
    # A number below 50 that is in no table is the most leverage of a single step.
    for number, leverage, rate in (
        (49, 49, 1 / 98),
        (40, 40, 1 / 80),
        (50, 50, None),
        (40, 20, None),
        (None, 40, 1 / 80),
    ):
        found = read(hyperliquid.parse_margin_tiers, hyperliquid_body(number, tables, leverage), asked)
        if number is None:
            assert found is None
            found = read(hyperliquid.parse_margin_tiers, hyperliquid_body(None, (), leverage), asked)
        assert (None if found is None else [t.rate for t in found]) == (None if rate is None else [rate])
    assert read(hyperliquid.parse_margin_tiers, hyperliquid_body(7, (), 40), asked)[0].rate == 1 / 80
    assert read(hyperliquid.parse_margin_tiers, hyperliquid_body(56, tables), ask("ETH")) == []


def test_hyperliquid_reads_the_coins_own_figures():
    ticker, interest, funding = read(hyperliquid.parse_ticker, hyperliquid_body(), ask("BTC"))
    assert (ticker.mark_price, ticker.index_price, ticker.change_24h) == (100, 101, 0.25)
    assert (ticker.volume_24h_base, ticker.volume_24h_usd, interest.open_interest_base) == (9, 7, 5)
    assert (funding.rate, funding.interval_hours) == (0.0001, 1)
    for lacking in ("markPx", "openInterest"):
        body = hyperliquid_body()
        body[1][0][lacking] = None
        assert read(hyperliquid.parse_ticker, body, ask("BTC")) == []
    body = hyperliquid_body()
    body[1] *= 2
    assert read(hyperliquid.parse_ticker, body, ask("BTC")) is None


COIN = msgspec.structs.replace(
    ask("BTCUSD_PERP"),
    instrument=Instrument("binance_coinm", "BTCUSD_PERP", "BTC", "USD", Contract.INVERSE, contract_size_usd=100.0),
)


def coin_kline(base, taker="0", low="80", high="100", contracts="1000", taken="0"):
    return [[NOW, "90", high, low, "90", contracts, NOW + 1, base, 1, taken, taker, "0"]]


@pytest.mark.parametrize(
    ("base", "fine"),
    # 1,000 contracts of 100 USD at 80 to 100: 1,000 to 1,250 coins, give or take 2 % and a contract at the low, 1.25.
    [("1000", True), ("1250", True), ("978.8", True), ("978.7", False), ("1276.2", True), ("1276.3", False)],
)
def test_coins_of_binance_are_contracts_at_the_bars_prices(base, fine):
    found = read(binance_coinm.parse_candles, coin_kline(base), COIN)
    assert (found is not None) is fine
    if fine:
        assert (found[0].volume_base, found[0].volume_usd, found[0].taker_buy_base) == (float(base), 100_000, 0)


def test_coins_that_takers_bought_are_no_more_than_were_traded():
    for base, taker, fine in (("1100", "1100", True), ("1100", "1100.1", False), ("1100", "1099", True)):
        found = read(binance_coinm.parse_candles, coin_kline(base, taker, taken="1000"), COIN)
        assert (found is not None) is fine
    assert read(binance_coinm.parse_candles, coin_kline("1100", "500", taken="1000"), COIN) is None


def test_contracts_of_binance_are_worth_100_dollars():
    row = {"symbol": "BTCUSD_PERP", "lastPrice": "90", "volume": "7", "priceChangePercent": "-3", "closeTime": NOW}
    (ticker,) = read(binance_coinm.parse_ticker, [row], COIN)
    assert (ticker.volume_24h_usd, ticker.change_24h) == (700, -0.03)
    (interest,) = read(binance_coinm.parse_open_interest, {"openInterest": "7", "time": NOW}, COIN)
    assert interest.open_interest_usd == 700
    row = {"sumOpenInterest": "7", "sumOpenInterestValue": "8", "timestamp": NOW, "pair": "BTCUSD"}
    (past,) = read(binance_coinm.parse_open_interest_history, [row], COIN)
    assert (past.open_interest_base, past.open_interest_usd) == (8, 700)
    assert read(binance_coinm.parse_open_interest_history, [row | {"pair": "ETHUSD"}], COIN) is None
    listed = {
        "symbol": "BTCUSD_PERP", "contractType": "PERPETUAL", "contractStatus": "TRADING", "contractSize": 100,
        "baseAsset": "BTC", "quoteAsset": "USD",
    }  # fmt: skip
    (found,) = read(binance_coinm.parse_instruments, {"symbols": [listed]})
    assert (found.contract_size_usd, found.funding_interval_hours) == (100, 8)
    for change in ({"contractType": "CURRENT_QUARTER"}, {"contractStatus": "PENDING"}):
        assert read(binance_coinm.parse_instruments, {"symbols": [listed | change]}) == []


COT = {
    "report_date_as_yyyy_mm_dd": "2026-01-27T00:00:00.000", "cftc_contract_market_code": "133741",
    "open_interest_all": "100", "contract_market_name": "BITCOIN",
    "dealer_positions_long_all": "10", "dealer_positions_short_all": "20", "dealer_positions_spread_all": "1",
    "asset_mgr_positions_long": "20", "asset_mgr_positions_short": "10", "asset_mgr_positions_spread": "2",
    "lev_money_positions_long": "30", "lev_money_positions_short": "40", "lev_money_positions_spread": "3",
    "other_rept_positions_long": "20", "other_rept_positions_short": "10", "other_rept_positions_spread": "4",
    "nonrept_positions_long_all": "10", "nonrept_positions_short_all": "10",
}  # fmt: skip
TUESDAY = 1_769_472_000_000


def test_commitments_of_both_sides_add_up_to_open_interest_give_or_take_one():
    late = msgspec.structs.replace(ask(), now_ms=TUESDAY + 7 * DAY_MS)
    (row,) = read(cftc.parse_commitments, [COT], late)
    assert row.groups["other reportable"] == (20, 10, 4)
    assert row.groups["not reportable"] == (10, 10, 0)
    for name in ("nonrept_positions_long_all", "nonrept_positions_short_all"):
        for value, fine in ((9, True), (8.9, False), (11, True), (11.1, False)):
            assert (read(cftc.parse_commitments, [COT | {name: str(value)}], late) is not None) is fine, (name, value)
    assert read(cftc.parse_commitments, [COT, COT], late) is None
    assert read(cftc.parse_commitments, [COT | {"cftc_contract_market_code": "133LM1"}], late) is None
    assert read(cftc.parse_commitments, [COT | {"contract_market_name": "MICRO BITCOIN"}], late) is None


def test_commitments_are_known_from_friday_half_past_eight_in_the_evening_on():
    known = TUESDAY + 3 * DAY_MS + 20 * HOUR_MS + 30 * MINUTE_MS  # 15:30 in New York in winter
    for now, count in ((known - 1, 0), (known, 1)):
        assert len(read(cftc.parse_commitments, [COT], msgspec.structs.replace(ask(), now_ms=now))) == count


def test_eight_weeks_of_each_contract_are_asked_for():
    (page,) = SOURCES["cftc"].endpoints[0].pages(ask())
    assert dict(page)["$limit"] == "16"
    assert SOURCES["cftc"].endpoints[0].reach == "2018; 8 weeks read"
    assert SOURCES["cftc"].endpoints[0].pages(msgspec.structs.replace(ask(), base="SOL")) == []
    # CME's contract specifications: 5 and 0.1 bitcoin, 50 and 0.1 ether.
    assert cftc.UNITS == {"133741": 5, "133742": 0.1, "146021": 50, "146022": 0.1}
    for base, codes in (("BTC", "'133741','133742'"), ("ETH", "'146021','146022'")):
        (page,) = SOURCES["cftc"].endpoints[0].pages(msgspec.structs.replace(ask(), base=base))
        assert codes in dict(page)["$where"]


def test_coinalyze_is_asked_for_the_shortest_buckets_of_which_1500_cover_the_span():
    endpoint = SOURCES["coinalyze"].endpoint(Kind.VENUE_LIQUIDATIONS)
    market = Instrument("binance", "BTCUSDT_PERP.A", "BTC", "USDT", Contract.LINEAR)
    for hours, told, step in ((1500, "1hour", HOUR_MS), (1501, "4hour", 4 * HOUR_MS), (6000, "4hour", 4 * HOUR_MS),
                              (6001, "daily", DAY_MS), (99_999, "daily", DAY_MS)):  # fmt: skip
        asked = msgspec.structs.replace(ask(), start_ms=NOW - hours * HOUR_MS, listings=(market,))
        page = dict(endpoint.pages(asked)[0])
        assert (page["interval"], page["symbols"]) == (told, "BTCUSDT_PERP.A")
        assert (int(page["from"]), int(page["to"])) == (asked.start_ms // 1000, NOW // 1000)
        # The bucket that ends now is whole, the one after it still fills.
        ends = [NOW - step, NOW, NOW + 1000]
        history = [{"t": (end - step) // 1000, "l": 5, "s": 7} for end in ends]
        rows = read(coinalyze.parse_liquidations, [{"symbol": "BTCUSDT_PERP.A", "history": history}], asked)
        assert [row.time_ms + row.bucket_ms for row in rows] == ends[:2]
        assert {(row.venue, row.long_usd, row.short_usd, row.bucket_ms) for row in rows} == {("binance", 5, 7, step)}
    assert read(coinalyze.parse_liquidations, [{"symbol": "X", "history": []}], asked) is None


def test_coinalyze_markets_are_perpetuals_in_dollars_tethers_before_others():
    row = {"symbol": "a", "exchange": "A", "base_asset": "BTC", "quote_asset": "USDC", "is_perpetual": True}
    usdt, usd = {"symbol": "b", "quote_asset": "USDT"}, {"symbol": "c", "quote_asset": "USD"}
    for rows, symbols in (
        ([{}], ["a"]), ([{}, usdt], ["b"]), ([usdt, {}], ["b"]), ([{}, {"symbol": "z"}], ["a"]),
        ([{}, usd], ["a"]), ([{"is_perpetual": False}], []),
        ([{"margined": "COIN"}], []), ([{"quote_asset": "EUR"}], []), ([{"exchange": "Z"}], []),
        ([{}, {"symbol": "d", "exchange": "6"}], ["d", "a"]),
    ):  # fmt: skip
        body = [row | {"margined": "STABLE"} | change for change in rows]
        assert [listed.symbol for listed in read(coinalyze.parse_instruments, body)] == symbols


def test_days_of_cryptoquant_are_whole_and_occur_once():
    def rows(*dates):
        data = [{"date": date, "open_interest": i} for i, date in enumerate(dates)]
        return read(cryptoquant.parse_open_interest, {"result": {"data": data}})

    assert [row.open_interest_usd for row in rows("2026-01-30", "2026-01-29", "2026-01-31")] == [1, 0, 2]
    assert rows("2026-01-30 12:00:00") is None
    assert rows("2026-01-30", "2026-01-29", "2026-01-30") is None
    assert rows("2026-01-30", "2026-01-30") is None
    interest, holders = SOURCES["cryptoquant"].endpoints
    for endpoint, days in ((interest, 200), (holders, 35)):
        assert dict(endpoint.pages(ask())[0])["limit"] == str(days)
        assert endpoint.reach == f"{days} d read"


def test_coinglass_takers_share_is_of_the_whole_within_a_thousandth():
    for ratio, fine in (
        (None, True),
        (60, True),
        (60.1, True),
        (60.09, True),
        (60.11, False),
        (59.91, True),
        (59.89, False),
    ):
        body = {"code": "0", "data": {"buy_vol_usd": 600, "sell_vol_usd": 400, "buy_ratio": ratio, "symbol": "BTC"}}
        found = read(coinglass.parse_volume, body)
        assert (found is not None) is fine, ratio
        assert not fine or found[0].usd == 1000


def test_coinglass_sums_are_of_the_last_24_hours_and_1000_days():
    sums, daily = (SOURCES["coinglass"].endpoint(k) for k in (Kind.LIQUIDATION_SUMS, Kind.LIQUIDATION_DAILY))
    four = 4 * HOUR_MS
    for endpoint, step, rows, reach in ((sums, four, 6, "24 h read"), (daily, DAY_MS, 1000, "1,000 d")):
        page = dict(endpoint.pages(ask())[0])
        assert (int(page["limit"]), endpoint.reach) == (rows, reach)
        end = NOW // step * step
        assert (int(page["start_time"]), int(page["end_time"])) == (end - rows * step, end)


def test_dormant_supply_is_what_has_not_moved_in_a_year():
    def rows(active, supply, time="2026-01-29T00:00:00.000000000Z"):
        row = {"asset": "btc", "time": time, "SplyAct1yr": active, "SplyCur": supply}
        return read(coinmetrics.parse_holders, {"data": [row]})

    assert rows("25", "100")[0].value == 0.75
    assert rows("100", "100")[0].value == 0
    assert rows("100.1", "100") is None
    assert rows(None, "100") == rows("25", None) == []
    (page,) = SOURCES["coinmetrics"].endpoints[0].pages(ask())
    assert (dict(page)["start_time"], dict(page)["page_size"]) == ("2025-12-26", "100")  # 35 days before
    for status, kind, name in ((403, "forbidden", "NotOpenError"), (401, "unauthorized", "NotOpenError"),
                               (403, "else", "BlockedError"), (400, "forbidden", "RefusedError")):  # fmt: skip
        body = json.dumps({"error": {"type": kind, "message": "no"}}).encode()
        assert type(coinmetrics.refusal(status, body, "x")).__name__ == name


@pytest.mark.parametrize("source", ["coinalyze", "cryptoquant"])
def test_a_key_is_refused_with_401_or_403(source):
    for status, name in (
        (401, "KeyRefusedError"),
        (403, "KeyRefusedError"),
        (400, "RefusedError"),
        (404, "RefusedError"),
    ):
        found = SOURCES[source].refusal(status, b"{}", "x")
        assert (type(found).__name__, found.status) == (name, status)
    assert SOURCES[source].refusal(200, b"{}", "x") is None


LISTINGS = [
    (
        binance.parse_instruments,
        lambda row: {"symbols": [row]},
        {
            "symbol": "1000SHIBUSDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "1000SHIB",
            "quoteAsset": "USDT",
        },
        ({"contractType": "CURRENT_QUARTER"}, {"status": "SETTLING"}, {"quoteAsset": "USDC"}),
    ),
    (
        bitget.parse_instruments,
        lambda row: {"code": "00000", "data": [row]},
        {
            "symbol": "1000SHIBUSDT",
            "baseCoin": "1000SHIB",
            "quoteCoin": "USDT",
            "symbolType": "perpetual",
            "symbolStatus": "normal",
            "sizeMultiplier": "0.5",
            "maxLever": "75",
            "fundInterval": "4",
        },
        ({"symbolType": "delivery"}, {"symbolStatus": "off"}, {"quoteCoin": "USDC"}),
    ),
    (
        okx.parse_instruments,
        lambda row: {"code": "0", "data": [row]},
        {
            "instId": "SHIB-USDT-SWAP",
            "ctType": "linear",
            "settleCcy": "USDT",
            "state": "live",
            "ctVal": "500",
            "ctMult": "2",
            "ctValCcy": "SHIB",
            "lever": "50",
            "lotSz": "0.5",
        },
        ({"ctType": "inverse"}, {"settleCcy": "USDC"}, {"state": "suspend"}),
    ),
]


@pytest.mark.parametrize(("parse", "body", "row", "others"), LISTINGS, ids=["binance", "bitget", "okx"])
def test_only_perpetuals_in_tethers_that_trade_are_listed(parse, body, row, others):
    (listed,) = read(parse, body(row))
    assert (listed.base, listed.contract_size_base) == ("SHIB", 1000)
    assert listed.lot_base in (None, 500)
    for change in others:
        assert read(parse, body(row | change)) == []


def test_bitget_knows_no_leverage_of_0():
    _parse, body, row, _others = LISTINGS[1]
    assert read(bitget.parse_instruments, body(row))[0].max_leverage == 75
    assert read(bitget.parse_instruments, body(row | {"maxLever": "0"}))[0].max_leverage is None


def test_changes_in_per_cent_become_fractions():
    row = {"symbol": "BTCUSDT", "lastPrice": "90", "volume": "7", "quoteVolume": "600", "priceChangePercent": "-3"}
    (ticker,) = read(binance.parse_ticker, row | {"closeTime": NOW})
    assert (ticker.change_24h, ticker.volume_24h_base, ticker.volume_24h_usd) == (-0.03, 7, 600)
    gates = {
        "contract": "BTC_USDT", "last": "9", "mark_price": "8", "index_price": "7", "total_size": "600",
        "volume_24h": "50", "volume_24h_quote": "4", "change_percentage": "-3", "funding_rate": "0.1",
    }  # fmt: skip
    ticker, funding, interest = read(gate.parse_ticker, [gates], ask("BTC_USDT", 0.01))
    assert (ticker.change_24h, ticker.volume_24h_base, interest.open_interest_base) == (-0.03, 0.5, 3)
    assert funding.rate == 0.1
    row = {"instId": "BTC-USDT-SWAP", "last": "120", "open24h": "100", "ts": NOW, "volCcy24h": "5"}
    (ticker,) = read(okx.parse_ticker, {"code": "0", "data": [row]}, ask("BTC-USDT-SWAP"))
    assert (ticker.change_24h, ticker.volume_24h_base) == (pytest.approx(0.2), 5)


def test_bitget_refuses_a_page_that_is_whole_lots_in_both_units():
    listed = msgspec.structs.replace(BITGET.listed, symbol="XUSDT")
    asked = msgspec.structs.replace(BITGET, instrument=listed)

    def rows(*amounts):
        body = json.dumps(bitget_orders(len(amounts), amounts=amounts)).replace("BTCUSDT", "XUSDT")
        return read(bitget.parse_liquidations, json.loads(body), asked)

    # Of 0.1 coins all are whole; at 100 a coin 10 USDT are a lot as well.
    assert rows(*["0.5"] * 10) is not None
    assert rows(*["0.5"] * 19, "10") is not None
    assert rows(*["0.5"] * 5, *["10"] * 5) is None
    assert rows("10") is None
    # Without any lot nothing tells, even where sizes are whole numbers.
    none = msgspec.structs.replace(listed, lot_base=None)
    body = json.loads(json.dumps(bitget_orders(1, amounts=("5",))).replace("BTCUSDT", "XUSDT"))
    assert read(bitget.parse_liquidations, body, msgspec.structs.replace(BITGET, instrument=none)) is None


def test_a_fault_is_named_by_its_place_in_the_row():
    for body, path in (
        (coin_kline("900"), "$[0][7]"),
        (coin_kline("1100", "500", taken="1000"), "$[0][10]"),
        (coin_kline("1100", "1100.1", taken="1000"), "$[0][10]"),
    ):
        with pytest.raises(ParseError) as caught:
            binance_coinm.parse_candles(json.dumps(body).encode(), COIN)
        assert caught.value.path == path


def test_bybit_lists_what_is_behind_the_cursor():
    follow = SOURCES["bybit"].endpoint(Kind.INSTRUMENTS).following
    body = bybit_listing()
    assert follow(json.dumps(body).encode(), ask()) is None
    body["result"]["nextPageCursor"] = "here"
    page = dict(follow(json.dumps(body).encode(), ask()))
    assert (page["category"], page["limit"], page["cursor"]) == ("linear", "1000", "here")


def test_hyperliquid_counts_some_coins_in_thousands():
    names = {"BTC": ("BTC", 1), "kPEPE": ("PEPE", 1000), "KAS": ("KAS", 1), "kFoo": ("kFoo", 1), "PkX": ("PkX", 1)}
    body = hyperliquid_body()
    body[0]["universe"] = [{"name": name, "maxLeverage": 10} for name in names]
    body[1] *= len(names)
    listed = read(hyperliquid.parse_instruments, body)
    assert {row.symbol: (row.base, row.contract_size_base) for row in listed} == names
    assert all(row.price_multiplier == row.contract_size_base for row in listed)
    assert {(row.max_leverage, row.funding_interval_hours) for row in listed} == {(10, 1)}
    body[0]["universe"][0]["isDelisted"] = True
    assert [row.symbol for row in read(hyperliquid.parse_instruments, body)] == list(names)[1:]


def test_hyperliquid_positions_are_long_above_zero():
    held = {"coin": "BTC", "szi": "-2", "positionValue": "200", "leverage": {"type": "cross", "value": 5}}
    body = {"assetPositions": [{"position": held | {"entryPx": "110", "liquidationPx": "130"}}], "time": NOW}
    (row,) = read(hyperliquid.parse_positions, body, ask("BTC"))
    assert (row.side, row.quantity_base, row.notional_usd, row.leverage) == (Side.SHORT, 2, 200, 5)
    assert (row.entry_price, row.liquidation_price) == (110, 130)
    for size, side in (("0.5", Side.LONG), ("1", Side.LONG), ("-0.5", Side.SHORT)):
        body["assetPositions"][0]["position"]["szi"] = size
        assert read(hyperliquid.parse_positions, body, ask("BTC"))[0].side is side
    body["assetPositions"][0]["position"]["szi"] = "0"
    assert read(hyperliquid.parse_positions, body, ask("BTC")) is None
    assert read(hyperliquid.parse_positions, body, ask("ETH")) == []
