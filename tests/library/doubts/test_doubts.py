"""Every edit of a body ends with its figure left out or doubted by name, or does not matter."""

from __future__ import annotations

import json
import tarfile
from types import SimpleNamespace

import msgspec
import pytest

from imbalance.collect import market_of
from imbalance.doubts import examine, sizes
from imbalance.records import Instrument, OpenInterest, Ticker
from imbalance.report import metrics, sections
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.conftest import SHARED
from tests.support.edits import (
    Scenario,
    below,
    exchanged,
    figures,
    given,
    moved,
    named,
    rows,
    scaled,
    shifted,
)
from tests.support.exchange import NOW_MS

# Where each venue tells a figure: part of the path, part of the query, names or columns.
INTEREST = {
    "binance": [
        ("/openInterest", "", "openInterest"),
        ("/openInterestHist", "", "sumOpenInterest", "sumOpenInterestValue"),
    ],
    "binance_coinm": [
        ("/dapi/v1/openInterest", "", "openInterest"),
        ("/openInterestHist", "", "sumOpenInterest", "sumOpenInterestValue"),
    ],
    "bybit": [
        ("/tickers", "", "openInterest", "openInterestValue", "singleOpenInterest"),
        ("/open-interest", "", "openInterest", "singleOpenInterest"),
    ],
    "okx": [("/public/open-interest", "", "oi", "oiCcy", "oiUsd"), ("open-interest-history", "", 1, 2, 3)],
    "gate": [("/tickers", "", "total_size"), ("/contract_stats", "", "open_interest", "open_interest_usd")],
    "bitget": [("/ticker", "", "holdingAmount")],
    "hyperliquid": [("/info", "metaAndAssetCtxs", "openInterest")],
    "htx": [("/swap_open_interest", "", "volume", "amount", "value"), ("his_open_interest", "", "volume", "value")],
    "deribit": [("book_summary", "", "open_interest")],
    "kraken": [("/tickers", "", "openInterest"), ("/open-interest", "", "data")],
}
VOLUME = {
    "binance": [("/ticker/24hr", "", "volume", "quoteVolume"), ("/klines", "", 5, 7, 9, 10)],
    "binance_coinm": [("/ticker/24hr", "", "volume"), ("/klines", "", 5, 7, 9, 10)],
    "bybit": [("/tickers", "", "volume24h", "turnover24h"), ("/kline", "", 5, 6)],
    "okx": [("/market/ticker", "", "vol24h", "volCcy24h"), ("/history-candles", "", 5, 6, 7)],
    "gate": [
        ("/tickers", "", "volume_24h", "volume_24h_base", "volume_24h_quote"),
        ("/candlesticks", "", "v", "sum"),
    ],
    "bitget": [("/ticker", "", "baseVolume", "quoteVolume"), ("/candles", "", 5, 6)],
    "hyperliquid": [("/info", "metaAndAssetCtxs", "dayNtlVlm", "dayBaseVlm"), ("/info", "candleSnapshot", "v")],
    "htx": [
        ("/swap_open_interest", "", "trade_amount", "trade_volume", "trade_turnover"),
        ("/kline", "", "vol", "amount", "trade_turnover"),
    ],
    "deribit": [("book_summary", "", "volume", "volume_usd"), ("chart_data", "", "volume", "cost")],
    "kraken": [("/tickers", "", "vol24h", "volumeQuote"), ("/trade/", "", "volume")],
}
CANDLES = {
    "binance": ("/klines", "15m", (1, 2, 3, 4)),
    "binance_coinm": ("/klines", "15m", (1, 2, 3, 4)),
    "bybit": ("/kline", "interval=15", (1, 2, 3, 4)),
    "okx": ("/history-candles", "15m", (1, 2, 3, 4)),
    "gate": ("/candlesticks", "15m", ("o", "h", "l", "c")),
    "bitget": ("/candles", "15m", (1, 2, 3, 4)),
    "hyperliquid": ("/info", '"15m"', ("o", "h", "l", "c")),
    "htx": ("/kline", "15min", ("open", "high", "low", "close")),
    "deribit": ("chart_data", "resolution=15", ("open", "high", "low", "close")),
    "kraken": ("/trade/PF_XBTUSD/15m", "", ("open", "high", "low", "close")),
}
LIQUIDATIONS = {
    "okx": ("/liquidation-orders", ("sz",)),
    "gate": ("/contract_stats", ("long_liq_size", "short_liq_size", "long_liq_usd", "short_liq_usd")),
    "bitget": ("/liquidations", ("amount",)),
    "htx": ("/swap_liquidation_orders", ("volume", "amount")),
    "deribit": ("/get_last_trades", ("amount",)),
    "coinglass": ("/aggregated-history", ("aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd")),
    "coinalyze": ("/liquidation-history", ("l", "s")),
}
FUNDING = {
    "binance": ("/premiumIndex", ("lastFundingRate",)),
    "bybit": ("/tickers", ("fundingRate",)),
    "okx": ("/funding-rate", ("fundingRate",)),
    "gate": ("/tickers", ("funding_rate",)),
    "bitget": ("/ticker", ("fundingRate",)),
    "hyperliquid": ("/info", ("funding",)),
    "htx": ("/swap_batch_funding_rate", ("funding_rate",)),
    "deribit": ("book_summary", ("funding_8h",)),
    "kraken": ("/tickers", ("fundingRate",)),
}


FACTORS = (1000, 10, 2, 0.1, 0.001)
# All venues are tried with the largest factor; with the others those that differ in what their bodies tell.
SOME = {"binance", "okx", "gate", "kraken", "coinglass", "coinalyze"}


def factors():
    """Return (what, source, edits) of every figure times every factor: in all bodies, and in that of now alone."""
    found = []
    for factor in FACTORS:
        for what, table in (("open interest", INTEREST), ("volume", VOLUME)):
            for venue, told in table.items():
                edits = [(path, query, scaled(factor, *names)) for path, query, *names in told]
                found.append((f"{what} x{factor:g}", venue, edits))
                if len(edits) > 1 and factor in {2, 0.1}:
                    found.append((f"{what} of now x{factor:g}", venue, edits[:1]))
        for what, table in (("liquidations", LIQUIDATIONS), ("funding", FUNDING)):
            for source, (path, names) in table.items():
                found.append((f"{what} x{factor:g}", source, [(path, "", scaled(factor, *names))]))
        for venue, (path, query, names) in CANDLES.items() if factor in {1000, 2} else ():
            found.append((f"candles x{factor:g}", venue, [(path, query, scaled(factor, *names))]))
    return [case for case in found if case[0].endswith("x1000") or case[1] in SOME]


def lost():
    """Return (what, source, edits) of bars that are not there, or not of now."""
    found = []
    for venue, (path, query, _names) in CANDLES.items():
        third = rows(lambda r: [x for i, x in enumerate(r) if i % 3 != 2])
        found += [
            ("candles, every third missing", venue, [(path, query, third)]),
            ("candles, empty", venue, [(path, query, rows(lambda _r: []))]),
            ("candles, 72 hours old", venue, [(path, query, shifted(-3 * DAY_MS))]),
        ]
    return [case for case in found if case[1] in SOME]


def one(change):
    """Return a change of one row in the middle."""
    return rows(lambda r: [change([x])[0] if i == len(r) - 20 else x for i, x in enumerate(r)])


def without(day):
    """Return a pick of all rows but those of one place."""
    return rows(lambda r: r[:day] + r[day + 1 :])


def others():
    """Return (id, source, edits) of edits that are one of a kind."""
    other = named("BTCUSDT", "ETHUSDT")
    first_half = rows(lambda r: r[: len(r) // 2])
    return [
        (
            "first page empty",
            "binance",
            [("/klines", "startTime=1767182400000&endTime=1768532399999", rows(lambda _r: []))],
        ),
        ("middle page empty", "bybit", [("/kline", "start=1768082400000", rows(lambda _r: []))]),
        ("a page of another price", "okx", [("/history-candles", "after=1767344400000", scaled(3, 1, 2, 3, 4))]),
        (
            "one bar of another price",
            "binance",
            [("/klines", "startTime=1768532400000&endTime=1769774399999", one(scaled(30, 1, 2, 3, 4)))],
        ),
        (
            "first page of open interest empty",
            "binance",
            [("/openInterestHist", "startTime=1767183000000", rows(lambda _r: []))],
        ),
        (
            "a page of open interest x2",
            "binance",
            [("/openInterestHist", "startTime=1768", scaled(2, "sumOpenInterest", "sumOpenInterestValue"))],
        ),
        (
            "open interest, every third missing",
            "kraken",
            [("/analytics", "", rows(lambda r: [x for i, x in enumerate(r) if i % 3 != 2]))],
        ),
        ("statistics end 30 hours ago", "gate", [("/contract_stats", "", shifted(-30 * HOUR_MS))]),
        ("other symbol: mark", "binance", [("/premiumIndex", "", other)]),
        ("other symbol: ticker", "binance", [("/ticker/24hr", "", other)]),
        ("other symbol: open interest", "binance", [("/fapi/v1/openInterest", "", other)]),
        ("other symbol: history", "binance", [("/openInterestHist", "", other)]),
        ("other symbol: ratio", "binance", [("/globalLongShort", "", other)]),
        (
            "other symbol: open interest",
            "binance_coinm",
            [("/dapi/v1/openInterest", "", named("BTCUSD_PERP", "ETHUSD_PERP"))],
        ),
        ("other symbol: history", "binance_coinm", [("/openInterestHist", "", named("BTCUSD", "ETHUSD"))]),
        ("other symbol: candles", "bybit", [("/kline", "", other)]),
        ("other symbol: history", "bybit", [("/open-interest", "", other)]),
        ("other symbol: ticker", "bybit", [("/tickers", "", other)]),
        ("other symbol: book", "bybit", [("/orderbook", "", other)]),
        ("other symbol: ticker", "okx", [("/market/ticker", "", named("BTC-USDT-SWAP", "ETH-USDT-SWAP"))]),
        ("other symbol: mark", "okx", [("/mark-price", "", named("BTC-USDT-SWAP", "ETH-USDT-SWAP"))]),
        (
            "other symbol: open interest",
            "okx",
            [("/public/open-interest", "", named("BTC-USDT-SWAP", "ETH-USDT-SWAP"))],
        ),
        ("other symbol: funding", "okx", [("/funding-rate", "", named("BTC-USDT-SWAP", "ETH-USDT-SWAP"))]),
        ("other symbol: liquidations", "okx", [("/liquidation-orders", "", named("BTC-USDT", "ETH-USDT"))]),
        ("other symbol: ticker", "gate", [("/tickers", "", named("BTC_USDT", "ETH_USDT"))]),
        ("other symbol: ticker", "bitget", [("/ticker", "", other)]),
        ("other symbol: liquidations", "bitget", [("/liquidations", "", other)]),
        ("other symbol: candles", "hyperliquid", [("/info", "candleSnapshot", named("BTC", "ETH"))]),
        (
            "other symbol: candles",
            "htx",
            [("/kline", "", named("market.BTC-USDT.kline.15min", "market.ETH-USDT.kline.15min"))],
        ),
        ("other symbol: history", "htx", [("his_open_interest", "", named("BTC", "ETH"))]),
        ("other symbol: open interest", "htx", [("/swap_open_interest", "", named("BTC-USDT", "ETH-USDT"))]),
        ("other symbol: liquidations", "htx", [("/swap_liquidation", "", named("BTC-USDT", "ETH-USDT"))]),
        ("other symbol: totals", "coinglass", [("/open-interest/exchange-list", "", named("BTC", "ETH"))]),
        ("other symbol: volume", "coinglass", [("/taker-buy-sell", "", named("BTC", "ETH"))]),
        (
            "mark 3 days old, 15 % off",
            "binance",
            [("/premiumIndex", "", shifted(-3 * DAY_MS)), ("/premiumIndex", "", scaled(0.85, "markPrice"))],
        ),
        ("mark 15 % off", "binance", [("/premiumIndex", "", scaled(0.85, "markPrice"))]),
        ("index 30 % off", "binance", [("/premiumIndex", "", scaled(1.3, "indexPrice"))]),
        ("index of a day to come", "fear_greed", [("/fng/", "", shifted(5 * DAY_MS))]),
        ("index 40 days old", "fear_greed", [("/fng/", "", shifted(-40 * DAY_MS))]),
        ("commitments cut to the oldest", "cftc", [("gpe5", "", rows(lambda r: r[-4:]))]),
        ("holders end 20 days ago", "coinmetrics", [("/timeseries", "", rows(lambda r: r[:-20]))]),
        ("a day of the month missing", "binance", [("/klines", "interval=1d", without(-10))]),
        ("a day of the month missing", "okx", [("/history-candles", "1Dutc", without(10))]),
        ("a day x1000 in volume", "binance", [("/klines", "interval=1d", one(scaled(1000, 5, 7, 9, 10)))]),
        ("daily volume x10", "binance", [("/klines", "interval=1d", scaled(10, 5, 7, 9, 10))]),
        ("days of another price", "binance", [("/klines", "interval=1d", scaled(0.5, 1, 2, 3, 4, 7))]),
        (
            "daily history ended 200 days ago",
            "coinglass",
            [("/aggregated-history", "interval=1d", rows(lambda r: r[:-200]))],
        ),
        (
            "hours x10 against the day",
            "coinglass",
            [("/aggregated-history", "interval=4h", scaled(10, *LIQUIDATIONS["coinglass"][1]))],
        ),
        ("hours ended 12 hours ago", "coinglass", [("/aggregated-history", "interval=4h", rows(lambda r: r[:-3]))]),
        ("map x1000", "coinglass", [("/aggregated-map", "", scaled(1000, 1))]),
        ("map of another price", "coinglass", [("/aggregated-map", "", scaled(0.03, 0))]),
        (
            "open interest quoted x1000",
            "coinglass",
            [("/open-interest/exchange-list", "", scaled(1000, "open_interest_usd"))],
        ),
        ("volume quoted x1000", "coinglass", [("/taker-buy-sell", "", scaled(1000, "buy_vol_usd", "sell_vol_usd"))]),
        (
            "daily open interest x1000",
            "cryptoquant",
            [("/market-data/open-interest", "", scaled(1000, "open_interest"))],
        ),
        ("daily open interest x2", "cryptoquant", [("/market-data/open-interest", "", scaled(2, "open_interest"))]),
        (
            "daily open interest ended 20 days ago",
            "cryptoquant",
            [("/market-data/open-interest", "", rows(lambda r: r[20:]))],
        ),
        ("ended 20 days ago", "coinalyze", [("/liquidation-history", "", shifted(-20 * DAY_MS))]),
        ("ended 12 hours ago", "coinalyze", [("/liquidation-history", "", shifted(-12 * HOUR_MS))]),
        ("first half only", "coinalyze", [("/liquidation-history", "", first_half)]),
        ("liquidations empty", "okx", [("/liquidation-orders", "", rows(lambda _r: []))]),
        ("liquidations 25 hours old", "okx", [("/liquidation-orders", "", shifted(-25 * HOUR_MS))]),
        ("liquidations 12 hours old", "okx", [("/liquidation-orders", "", shifted(-12 * HOUR_MS))]),
        ("twelve liquidations", "okx", [("/liquidation-orders", "", rows(lambda r: r[:12]))]),
        ("liquidations empty", "htx", [("/swap_liquidation", "", rows(lambda _r: []))]),
        ("liquidations empty", "bitget", [("/liquidations", "", rows(lambda _r: []))]),
        ("ratios 3 days old", "okx", [("/long-short", "", shifted(-3 * DAY_MS))]),
        ("book of another price", "binance", [("/depth", "", scaled(0.5, 0))]),
        ("book 3 days old", "binance", [("/depth", "", shifted(-3 * DAY_MS))]),
        ("whole venue 72 hours old", "bybit", [("", "", shifted(-3 * DAY_MS))]),
        ("seconds for milliseconds", "binance", [("/fapi/v1/openInterest", "", scaled(0.001, "time"))]),
        (
            "daily open interest x2",
            "bybit",
            [("/open-interest", "1d", scaled(2, "openInterest", "singleOpenInterest"))],
        ),
        ("both sides taken for one", "bybit", [("/tickers", "", scaled(2, "singleOpenInterest"))]),
        ("value of another price", "bybit", [("/tickers", "", scaled(2, "openInterestValue"))]),
        ("value of another price", "okx", [("/public/open-interest", "", scaled(2, "oiUsd"))]),
        ("coins x2, value as it was", "binance", [("/openInterestHist", "", scaled(2, "sumOpenInterest"))]),
        ("statistics' coins x2, value as it was", "gate", [("/contract_stats", "", scaled(2, "open_interest"))]),
    ]


# Where a side of liquidations is told, by the two names or words for it.
SIDES = {
    "gate": [
        ("/contract_stats", "long_liq_usd", "short_liq_usd"),
        ("/contract_stats", "long_liq_size", "short_liq_size"),
    ],
    "okx": [("/liquidation-orders", "long", "short")],
    "bitget": [("/liquidations", "buy", "sell")],
    "htx": [("/swap_liquidation", "buy", "sell")],
    "deribit": [("/get_last_trades", "buy", "sell")],
    "coinglass": [("/aggregated-history", "aggregated_long_liquidation_usd", "aggregated_short_liquidation_usd")],
    "coinalyze": [("/liquidation-history", "l", "s")],
}
BOOKS = {
    "binance": ("/depth", "bids", "asks"),
    "bybit": ("/orderbook", "b", "a"),
    "okx": ("/books", "bids", "asks"),
}


def contrary():
    """Return (what, source, edits) of signs and sides turned, of books that lack or grow, and of single wicks."""
    found = []
    for venue, (path, names) in FUNDING.items():
        found += [
            ("funding, sign turned", venue, [(path, "", scaled(-1, *names))]),
            ("funding of 0", venue, [(path, "", scaled(0, *names))]),
        ]
    for source, told in SIDES.items():
        found.append(("sides swapped", source, [(path, "", exchanged(*names)) for path, *names in told]))
    for venue, (path, bids, asks) in BOOKS.items():
        found += [
            ("book without bids", venue, [(path, "", given([], bids))]),
            ("book without asks", venue, [(path, "", given([], asks))]),
            ("book empty", venue, [(path, "", given([], bids, asks))]),
            ("book, sides swapped", venue, [(path, "", exchanged(bids, asks))]),
            ("asks below the bids", venue, [(path, "", below(asks, scaled(0.99, 0)))]),
            ("asks x0.001", venue, [(path, "", below(asks, scaled(0.001, 1)))]),
        ]
        found += [(f"book x{factor:g}", venue, [(path, "", scaled(factor, 1))]) for factor in (1000, 10, 0.1, 0.001)]
    for venue, (path, query, (_open, high, low, _close)) in CANDLES.items():
        found += [
            (f"wick x{factor:g}", venue, [(path, query, one(scaled(factor, high if factor > 1 else low)))])
            for factor in (1.9, 1.3, 0.55)
        ]
    for value, word in (
        (60, "Extreme Fear"),
        (26, "Extreme Fear"),
        (70, "Greed"),
        (25, "Extreme Fear"),
        (50, "Neutral"),
    ):
        newest = first({"value": str(value), "value_classification": word})
        found.append((f"index of {value}, {word}", "fear_greed", [("/fng/", "", newest)]))
    return found


def more():
    """Return (what, source, edits) of slips of every kind of body: fields, rows, units and times."""
    contexts = ("/info", "metaAndAssetCtxs")
    empty = rows(lambda _r: [])
    return [
        ("contract size x10", "gate", [("/contracts", "", scaled(10, "quanto_multiplier"))]),
        ("contract size x10", "okx", [("/public/instruments", "", scaled(10, "ctVal"))]),
        ("contract size x10", "htx", [("/swap_contract_info", "", scaled(10, "contract_size"))]),
        ("contract size x0.1", "binance_coinm", [("/exchangeInfo", "", scaled(0.1, "contractSize"))]),
        ("another coin's figures", "hyperliquid", [(*contexts, lambda b: [b[0], b[1][::-1]])]),
        ("figures of a coin missing", "hyperliquid", [(*contexts, lambda b: [b[0], b[1][1:]])]),
        ("mark null", "hyperliquid", [(*contexts, given(None, "markPx"))]),
        ("open interest null", "binance", [("/fapi/v1/openInterest", "", given(None, "openInterest"))]),
        ("open interest 0", "binance", [("/fapi/v1/openInterest", "", given("0", "openInterest"))]),
        ("open interest 0", "bitget", [("/ticker", "", given("0", "holdingAmount"))]),
        ("open interest 0", "hyperliquid", [(*contexts, given("0.0", "openInterest"))]),
        ("open interest 0", "deribit", [("book_summary", "", given(0, "open_interest"))]),
        ("candles newest first", "binance", [("/klines", "15m", rows(lambda r: r[::-1]))]),
        ("candles twice", "hyperliquid", [("/info", '"15m"', rows(lambda r: [x for x in r for _ in (0, 1)]))]),
        ("high and low swapped", "htx", [("/kline", "15min", exchanged("high", "low"))]),
        ("bars without volume", "binance", [("/klines", "15m", scaled(0, 5, 7, 9, 10))]),
        ("volume below 0", "bybit", [("/kline", "interval=15", scaled(-1, 5, 6))]),
        ("bars an hour late", "binance", [("/klines", "15m", shifted(HOUR_MS))]),
        ("bars an hour early", "binance", [("/klines", "15m", shifted(-HOUR_MS))]),
        ("volume 0", "okx", [("/market/ticker", "", given("0", "vol24h", "volCcy24h"))]),
        ("volume null", "deribit", [("book_summary", "", given(None, "volume"))]),
        ("mark below 0", "bybit", [("/tickers", "", scaled(-1, "markPrice"))]),
        ("a number that is none", "bybit", [("/tickers", "", given("abc", "volume24h"))]),
        ("USD alone x0.001", "binance", [("/ticker/24hr", "", scaled(0.001, "quoteVolume"))]),
        ("funding every hour", "binance", [("/fundingInfo", "", given(1, "fundingIntervalHours"))]),
        ("shares swapped", "binance", [("/globalLong", "", exchanged("longAccount", "shortAccount"))]),
        ("ratio 0", "okx", [("/long-short-account-ratio-contract", "", scaled(0, 1))]),
        ("margin tiers empty", "bybit", [("/risk-limit", "", empty)]),
        ("margin rates x10", "gate", [("/risk_limit_tiers", "", scaled(10, "maintenance_rate"))]),
        ("statistics' USD x1000", "gate", [("/contract_stats", "", scaled(1000, "long_liq_usd", "short_liq_usd"))]),
        ("no longs liquidated", "gate", [("/contract_stats", "", given(0, "long_liq_size", "long_liq_usd"))]),
        ("orders' price x100", "okx", [("/liquidation-orders", "", scaled(100, "bkPx"))]),
        ("orders' price x100", "bitget", [("/liquidations", "", scaled(100, "price"))]),
        ("orders twice", "htx", [("/swap_liquidation", "", rows(lambda r: [x for x in r for _ in (0, 1)]))]),
        ("no longs liquidated", "coinalyze", [("/liquidation-history", "", scaled(0, "l"))]),
        (
            "an exchange missing",
            "coinalyze",
            [("/liquidation-history", "", lambda b: [row for row in b if row["symbol"] != "BTCUSDT_PERP.A"])],
        ),
        (
            "exchanges in each other's place",
            "coinalyze",
            [
                (
                    "/liquidation-history",
                    "",
                    lambda b: [x | {"history": y["history"]} for x, y in zip(b, b[1:] + b[:1], strict=True)],
                )
            ],
        ),
        ("hours of 0", "coinglass", [("/aggregated-history", "interval=4h", scaled(0, *LIQUIDATIONS["coinglass"][1]))]),
        ("bought 0", "coinglass", [("/taker-buy-sell", "", given(0, "buy_vol_usd"))]),
        ("one day x0.5", "cryptoquant", [("/market-data/open-interest", "", one(scaled(0.5, "open_interest")))]),
        ("one day x0.5", "bybit", [("/open-interest", "1d", one(scaled(0.5, "openInterest", "singleOpenInterest")))]),
        ("small contracts as large", "cftc", [("gpe5", "", exchanged("133741", "133742"))]),
        ("active supply over supply", "coinmetrics", [("/timeseries", "", exchanged("SplyAct1yr", "SplyCur"))]),
        ("days a day early", "binance", [("/klines", "interval=1d", shifted(-DAY_MS))]),
        ("positions x1000", "hyperliquid", [("/info", "clearinghouse", scaled(1000, "szi", "positionValue"))]),
        # What cannot be told.
        ("funding every 4 hours", "gate", [("/contracts", "", given(14_400, "funding_interval"))]),
        ("ratio x2", "okx", [("/long-short-account-ratio-contract", "", scaled(2, 1))]),
        ("shares swapped", "bybit", [("/account-ratio", "", exchanged("buyRatio", "sellRatio"))]),
        ("tiers x1000", "bitget", [("/query-position-lever", "", scaled(1000, "startUnit", "endUnit"))]),
        ("map x0.01", "coinglass", [("/aggregated-map", "", scaled(0.01, 1))]),
        (
            "open interest quoted x0.5",
            "coinglass",
            [("/open-interest/exchange-list", "", scaled(0.5, "open_interest_usd"))],
        ),
        ("coin days x1000", "cryptoquant", [("/cdd", "", scaled(1000, "cdd"))]),
        ("active supply x0.1", "coinmetrics", [("/timeseries", "", scaled(0.1, "SplyAct1yr"))]),
    ]


def first(fields):
    """Return a change of fields of the first row."""
    return rows(lambda r: [r[0] | fields, *r[1:]])


# What the bodies do not tell: each edit moves a figure, and nothing else in the answers contradicts it.
UNITS = "all bodies of the venue agree, and the turnover of real venues differs by more"
RATE = "rates of real venues differ by more, and are often next to nothing"
BOOK = "the books of real venues hold 0.2 to 29 hundredths of what is traded"
MOOD = "the word is the value's, and real days differ by up to 45"
CANNOT_BE_TOLD = (
    {("open interest x2", venue): UNITS for venue in INTEREST if venue != "binance"}
    | {("volume x2", venue): UNITS for venue in VOLUME}
    | {("open interest x10", "okx"): UNITS, ("volume x0.1", "kraken"): UNITS}
    | {(f"open interest x{factor}", "kraken"): UNITS for factor in ("0.1", "0.001")}
    | {(f"funding x{factor}", venue): RATE for factor in ("2", "0.1", "0.001") for venue in FUNDING}
    | {(f"book x{factor}", venue): BOOK for factor in ("10", "0.1") for venue in BOOKS}
    | {("index of 25, Extreme Fear", "fear_greed"): MOOD, ("index of 50, Neutral", "fear_greed"): MOOD}
    | {
        ("funding every 4 hours", "gate"): RATE,
        ("ratio x2", "okx"): "shares of real days lie between 0.33 and 0.94",
        ("shares swapped", "bybit"): "shares of real days lie between 0.33 and 0.94",
        ("tiers x1000", "bitget"): "the steps of real ladders end anywhere",
        ("map x0.01", "coinglass"): "nothing else tells the size of the quoted levels from below",
        ("open interest quoted x0.5", "coinglass"): "it is of exchanges that are not read too",
        ("coin days x1000", "cryptoquant"): "no second source measures it",
        ("active supply x0.1", "coinmetrics"): "no second source measures it",
    }
    | {("liquidations x2", source): "what one source sees is seldom what another does" for source in LIQUIDATIONS}
)


@pytest.fixture(scope="module")
def scenario():
    return Scenario()


def told_of(run):
    """Return what is said of every source that something is said of."""
    return {(h.name, e.endpoint): e.reason for h in run.harvests for e in (*h.failures, *h.doubted)}


@pytest.mark.parametrize(
    ("what", "source", "edits"),
    [pytest.param(*case, id=f"{case[1]}: {case[0]}") for case in factors() + lost() + others() + contrary() + more()],
)
def test_an_edit_is_doubted_by_name_or_does_not_matter(what, source, edits, scenario):
    run = scenario.edited(source, *edits)
    told = told_of(run)
    named = any(name == source or source in reason for (name, _figure), reason in told.items())
    changes = moved(scenario.figures, figures(run))
    if (what, source) in CANNOT_BE_TOLD:
        return
    assert named or not changes, changes
    assert {g.source for g in sections.gaps(run.harvests, [], frozenset(), run.venues)} >= {
        name for name, _figure in told
    }


def test_a_sound_scenario_is_not_doubted(scenario):
    assert not told_of(scenario.run)


def test_all_venues_old_together_are_told_with_what_is_to_be_doubted(scenario):
    old = [(h.name, ("", "", shifted(-3 * DAY_MS))) for h in scenario.run.harvests if h.source.is_venue]
    harvests = {h.name: h.copied() for h in scenario.run.harvests}
    for name, edit in old:
        harvests[name] = scenario.read(name, edit)
    told = told_of(scenario.judged([h.copied() for h in harvests.values()]))
    assert "not of 2026-01-30T12:00:00Z; nothing here is of now" in told["binance", "time"]
    for ahead_s, which in ((0.0, "the figures are old"), (-3.0 * DAY_MS / 1000, "doubt this machine's clock")):
        live = [msgspec.structs.replace(h.copied(), clock_ahead_s=ahead_s) for h in harvests.values()]
        assert which in told_of(scenario.judged(live))["binance", "time"]


def test_what_is_old_is_shown_with_its_date(scenario):
    run = scenario.edited("fear_greed", ("/fng/", "", shifted(-40 * DAY_MS)))
    mood = sections.sentiment(run.harvests)
    assert (mood.date, mood.value) == ("2025-12-21", 16)
    assert "40 days old" in mood.old
    assert metrics.mood_told(mood).startswith("Extreme Fear on 2025-12-21, not now")


def test_a_doubtful_sum_is_shown_and_is_no_headline(scenario):
    path, names = LIQUIDATIONS["coinglass"]
    run = scenario.edited("coinglass", (path, "", scaled(1000, *names)))
    seen = sections.liquidations(run.harvests, NOW_MS, run.venues)
    assert seen.of == ["coinalyze"]
    assert seen.usd < 1e9
    doubtful = {row.source: row.doubtful for row in seen.observed if row.doubtful}
    assert "of the 3.895e+10 USD traded" in doubtful["coinglass"]


def test_a_month_says_which_venue_lacks_days(scenario):
    run = scenario.edited("binance", ("/klines", "interval=1d", without(-10)))
    volume = sections.volume(run.harvests, 82_512.4, NOW_MS, run.venues)
    assert volume.month_missing == ["binance"]
    (row,) = [row for row in volume.venues if row.name == "binance"]
    assert (row.month_usd, row.days, row.of_days) == (None, 29, 30)


def test_the_next_venue_gives_the_path(scenario):
    path, query, names = CANDLES["binance"]
    third = rows(lambda r: [x for i, x in enumerate(r) if i % 3 != 2])
    for change in (third, scaled(1 / 30, *names)):
        market = market_of(scenario.edited("binance", (path, query, change)))
        assert "path of okx" in market.notes
        assert market.low.min() > 80_000


VENUE_NAMES = {
    "Binance": "binance",
    "Bybit": "bybit",
    "OKX": "okx",
    "Gate": "gate",
    "Bitget": "bitget",
    "HTX": "htx",
    "Hyperliquid": "hyperliquid",
    "Deribit": "deribit",
    "Kraken": "kraken",
}
LARGE = {"BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC", "SUI", "HYPE"}


def pairs():
    """Return by coin what each venue said on one day of 2025, as harvests of prices, volume and open interest."""
    file = SHARED / "data" / "coinglass_pairs_markets_2025-09-02.tar.xz"
    if not file.is_file():
        pytest.skip("the recorded pairs are not here")
    sources = {source.name: source for source in VENUES}
    found = {}
    with tarfile.open(file) as held:
        for member in held:
            rows = json.load(held.extractfile(member)).get("data") or [] if member.name.endswith(".json") else []
            largest = {}
            for row in rows:
                name, (_coin, _, quote) = VENUE_NAMES.get(row["exchange_name"]), row["symbol"].partition("/")
                size = row["open_interest_usd"] or 0
                if name and quote.startswith("USD") and size > largest.get(name, {}).get("open_interest_usd", 0):
                    largest[name] = row
            found[member.name.rpartition("/")[2].removesuffix(".json")] = [
                harvest_of(sources[name], row) for name, row in largest.items() if row["volume_usd"]
            ]
    return found


def harvest_of(source, row):
    price, held = row["current_price"], row["open_interest_usd"]
    harvest = Harvest(source, Instrument(source.name, "X", "X", "USDT", source.contract))
    harvest.keep(Kind.TICKER, [Ticker(NOW_MS, price, price, price, row["volume_usd"] / price, row["volume_usd"])])
    harvest.keep(Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, held / price, held)])
    return harvest


def test_real_venues_are_hardly_ever_left_out():
    seen, left_out = 0, []
    for coin, harvests in pairs().items():
        seen += len(harvests)
        left_out += [(coin, d.source, d.reason) for d in examine(harvests, coin, NOW_MS) if d.left_out]
    assert not [case for case in left_out if case[0] in LARGE]
    assert len(left_out) < 0.02 * seen


@pytest.mark.parametrize(("off", "told"), [(5.9, None), (6.1, False), (19.9, False), (20.1, True)])
@pytest.mark.parametrize("up", [True, False])
def test_turnover_is_told_and_left_out_from_its_thresholds_on(monkeypatch, off, told, up):
    turned = {"a": 2.0, "b": 2.0, "c": 2.0, "odd": 2.0 * off if up else 2.0 / off}
    monkeypatch.setattr(sizes, "open_interest_now", lambda _harvest: 100.0)
    monkeypatch.setattr(sizes, "venue_price", lambda _harvest: 10.0)
    monkeypatch.setattr(sizes, "day_volume_usd", lambda harvest, _evidence: 1000.0 * turned[harvest.name])
    evidence = SimpleNamespace(venues=[SimpleNamespace(name=name) for name in turned])
    found = sizes.turnover(evidence)
    assert [(d.source, d.left_out) for d in found] == ([] if told is None else [("odd", told)])
