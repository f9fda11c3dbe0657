"""Parsers on recorded answers of the real venues: the numbers, worked out by hand from the units tables."""

from __future__ import annotations

import pytest

from imbalance.errors import KeyRefusedError, ParseError, RateLimitedError, RefusedError
from imbalance.providers import coinglass, cryptoquant, fear_greed
from imbalance.records import Contract, Funding, Instrument, LiquidationLevel, OpenInterest, OpenInterestUsd, Ticker
from imbalance.units import Side
from imbalance.venues import binance, bybit, gate, okx
from imbalance.wire import Ask


def ask(venue="x", symbol="BTCUSDT", size=1.0):
    listed = Instrument(venue, symbol, symbol[:3], "USDT", Contract.LINEAR, size)
    return Ask(symbol[:3], 0, 0, 0, 900_000, listed)


@pytest.fixture
def read(samples):
    return lambda name: (samples / name).read_bytes()


def test_binance(read):
    rows = binance.parse_candles(read("binance/klines.2.json"), ask())
    first = rows[0]
    assert (first.time_ms, first.open, first.high, first.low, first.close) == (
        1789658100000,
        76318.4,
        76424.3,
        76255.0,
        76358.7,
    )
    assert (first.volume_base, first.volume_usd, first.taker_buy_base) == (730.432, 55778532.9802, 420.15)
    assert binance.parse_open_interest(read("binance/openInterest.1.json"), ask()) == [
        OpenInterest(1589437530011, 10659.509)
    ]
    (row,) = binance.parse_open_interest_history(read("binance/openInterestHist.2.json"), ask())
    assert (row.time_ms, row.open_interest_base, row.open_interest_usd) == (
        1642179900000,
        75375.617,
        3248828883.7125144,
    )
    ticker, funding = binance.parse_mark_price(read("binance/premiumIndex.3.json"), ask())
    assert ticker == Ticker(1597370495002, mark_price=11793.63104562, index_price=11781.8049597)
    assert funding == Funding(0.00038246, 1597370495002, 1597392000000)
    listed = {i.symbol: i for i in binance.parse_instruments(read("binance/exchangeInfo.1.json"), ask())}
    assert listed["BTCUSDT"].base == "BTC"
    (interval,) = binance.parse_funding_intervals(read("binance/fundingInfo.1.json"), ask(symbol="LPTUSDT"))
    assert interval.hours == 4
    book = binance.parse_order_book(read("binance/depth.2.json"), ask(symbol="SUSHIUSDT"))[0]
    assert book.bids[:2] == ((7.611, 6.0), (7.608, 161.0))
    account = next(e for e in binance.BINANCE.endpoints if e.label == "long/short ratio (accounts)")
    (ratio,) = account.parse(read("binance/globalLongShortAccountRatio.2.json"), ask())
    assert (ratio.time_ms, ratio.long_share) == (1726790400000, 0.4558)


def test_binance_refusals(read):
    unknown = binance.refusal(400, read("binance/error_-1121.1.json"), "x")
    assert isinstance(unknown, RefusedError)
    assert "Invalid symbol" in str(unknown)
    assert isinstance(binance.refusal(429, read("binance/error_429.1.json"), "x"), RateLimitedError)


def test_okx(read):
    asked = ask("okx", "BTC-USDT-SWAP", 0.01)
    assert okx.parse_open_interest(read("okx/open-interest.1.json"), asked) == [
        OpenInterest(1789147120395, 27600.2194000001204, 2146320021.55324936285784)
    ]
    (ticker,) = okx.parse_ticker(read("okx/tickers.1.json"), asked)
    assert (ticker.last_price, ticker.volume_24h_base) == (77769.5, 110381.4949)
    assert ticker.change_24h == pytest.approx(77769.5 / 77128.4 - 1)
    taker = okx.parse_taker_volume(read("okx/taker-volume-contract.1.json"), asked)
    assert (taker[-1].sell_base, taker[-1].buy_base) == (30042511.27575, 20515873.0071200021)
    (funding,) = okx.parse_funding(read("okx/funding-rate.3.json"), asked)
    assert (funding.rate, funding.interval_hours) == (0.000079238688534, 8.0)
    liquidated = okx.parse_liquidations(read("okx/liquidation-orders.1.json"), asked)
    assert liquidated[-1].position is Side.LONG
    assert (liquidated[-1].price, liquidated[-1].quantity_base) == (77032.6, pytest.approx(0.0356))
    tiers = okx.parse_margin_tiers(read("okx/position_tiers.4.json"), asked)
    assert [(t.cap, t.rate, t.deduction_usd) for t in tiers[:3]] == [(10, 0.004, 0), (50, 0.005, 0), (200, 0.0075, 0)]
    listed = {i.symbol: i for i in okx.parse_instruments(read("okx/instruments_swap.1.json"), asked)}
    assert (listed["BTC-USDT-SWAP"].contract_size_base, listed["ETH-USDT-SWAP"].contract_size_base) == (0.01, 0.1)
    assert "BTC-USD-SWAP" not in listed


def test_okx_refusals(read):
    assert isinstance(okx.refusal(200, read("okx/error_50011.1.json"), "x"), RateLimitedError)
    with pytest.raises(RefusedError, match="51001"):
        okx.parse_open_interest(read("okx/error_51001.1.json"), ask("okx"))


def test_an_example_that_repeats_a_stamp_is_refused(read):
    with pytest.raises(ParseError, match="newest first") as caught:
        okx.parse_candles(read("okx/candles.1.json"), ask("okx"))
    assert caught.value.path == "$.data[1][0]"


def test_bybit(read):
    ticker, funding, interest = bybit.parse_ticker(read("bybit/tickers.1.json"), ask("bybit"))
    assert (ticker.mark_price, ticker.change_24h) == (77766.70, 0.008413)
    assert interest.open_interest_base == 26631.431
    assert funding.interval_hours == 8
    rows = bybit.parse_open_interest_history(read("bybit/open_interest.2.json"), ask("bybit"))
    assert rows[-1] == OpenInterest(1780963200000, 31955346.0)
    old = bybit.parse_open_interest_history(read("bybit/open_interest.1.json"), ask("bybit"))
    assert old[-1].open_interest_base == 461134384.0 / 2
    tiers = bybit.parse_margin_tiers(read("bybit/risk_limit.3.json"), ask("bybit"))
    assert [(t.cap, t.rate, t.max_leverage) for t in tiers] == [(300_000, 0.0033, 150), (2_000_000, 0.005, 100)]
    assert tiers[1].deduction_usd == pytest.approx(300_000 * (0.005 - 0.0033))
    deducted = bybit.parse_margin_tiers(read("bybit/risk_limit.1.json"), ask("bybit", "0GUSDT"))
    assert (deducted[1].deduction_usd, deducted[2].deduction_usd) == (50, 70)
    (ratio,) = bybit.parse_long_short(read("bybit/account_ratio.1.json"), ask("bybit"))
    assert ratio.long_share == 0.5707
    listed = {i.symbol: i for i in bybit.parse_instruments(read("bybit/instruments.1.json"), ask())}
    assert (listed["BTCUSDT"].max_leverage, listed["BTCUSDT"].funding_interval_hours) == (150, 8)
    with pytest.raises(RefusedError, match="10001"):
        bybit.parse_ticker(read("bybit/error_10001.1.json"), ask("bybit"))


def test_gate(read):
    asked = ask("gate", "BTC_USDT", 0.0001)
    rows = gate.parse_contract_stats(read("gate/contract_stats.1.json"), asked)
    assert rows[0].time_ms == 1789658100000
    assert rows[0].open_interest_base == pytest.approx(652621356 * 0.0001 / 2)
    assert rows[0].taker_buy_base == pytest.approx(153.495)
    (old,) = gate.parse_contract_stats(read("gate/contract_stats.3.json"), asked)
    assert (old.taker_buy_base, old.mark_price) == (None, 0.34619)
    listed = gate.parse_instruments(read("gate/contracts.1.json"), asked)
    assert (listed[0].symbol, listed[0].contract_size_base, listed[0].funding_interval_hours) == ("BTC_USDT", 0.0001, 8)
    assert "Candlestick too long ago" in str(gate.refusal(400, read("gate/error_CANDLE_TOO_LONG_AGO.1.json"), "x"))


def test_fear_greed(read):
    rows = fear_greed.parse_sentiment(read("alternative_me/fng.3.json"), ask())
    assert (rows[-1].value, rows[-1].label, rows[-1].time_ms) == (69, "Greed", 1789430400000)
    assert rows[-2].value == 57


def test_coinglass(read):
    first = coinglass.parse_liquidation_sums(read("coinglass/liquidation_aggregated_history.1.json"), ask())[0]
    assert (first.time_ms, first.long_usd, first.short_usd) == (1658966400000, 5916885.14234, 12969583.87632)
    levels = coinglass.parse_liquidation_map(read("coinglass/liquidation_map.1.json"), ask())
    assert levels == [LiquidationLevel(48935.0, 1579370.77)]
    with pytest.raises(KeyRefusedError, match="API key missing"):
        coinglass.parse_liquidation_map(read("coinglass/error_401.1.json"), ask())
    assert isinstance(coinglass.refusal(200, read("coinglass/error_429.1.json"), "x"), RateLimitedError)


def test_cryptoquant(read):
    rows = cryptoquant.parse_open_interest(read("cryptoquant/open-interest.1.json"), ask())
    assert rows == [OpenInterestUsd(1789516800000, 9400120345.5), OpenInterestUsd(1789603200000, 9321456789.12)]
    assert isinstance(cryptoquant.refusal(401, read("cryptoquant/error_401.1.json"), "x"), KeyRefusedError)
