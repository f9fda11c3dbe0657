"""Every edit of a body ends with its figure left out or doubted by name, or does not matter."""

from __future__ import annotations

import pytest

from imbalance.report import sections
from imbalance.units import DAY_MS, HOUR_MS
from tests.support.edits import Scenario, figures, moved, named, rows, scaled, shifted

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
    "binance": ("/premiumIndex", "lastFundingRate"),
    "bybit": ("/tickers", "fundingRate"),
    "okx": ("/funding-rate", "fundingRate"),
    "gate": ("/tickers", "funding_rate"),
    "bitget": ("/ticker", "fundingRate"),
    "hyperliquid": ("/info", "funding"),
    "htx": ("/swap_batch_funding_rate", "funding_rate"),
    "deribit": ("book_summary", "funding_8h"),
    "kraken": ("/tickers", "fundingRate"),
}


def factors(table, factor):
    return {
        venue: [(path, query, scaled(factor, *names)) for path, query, *names in told] for venue, told in table.items()
    }


def cases():
    """Return (id, source, edits) of every edit."""
    found = []
    for factor in (1000, 10, 2, 0.1, 0.001):
        for what, table in (("open interest", INTEREST), ("volume", VOLUME)):
            found += [(f"{what} x{factor:g}", v, edits) for v, edits in factors(table, factor).items()]
            if factor != 10:
                continue
        found += [
            (f"open interest now x{factor:g}", v, edits[:1])
            for v, edits in factors(INTEREST, factor).items()
            if len(edits) > 1
        ]
        found += [(f"volume of 24 h x{factor:g}", v, edits[:1]) for v, edits in factors(VOLUME, factor).items()]
        found += [(f"liquidations x{factor:g}", v, [(p, "", scaled(factor, *n))]) for v, (p, n) in LIQUIDATIONS.items()]
        found += [(f"funding x{factor:g}", v, [(p, "", scaled(factor, n))]) for v, (p, n) in FUNDING.items()]
        found += [(f"candles x{factor:g}", v, [(p, q, scaled(factor, *n))]) for v, (p, q, n) in CANDLES.items()]
    for v, (p, q, _n) in CANDLES.items():
        found += [
            ("candles, every third missing", v, [(p, q, rows(lambda r: [x for i, x in enumerate(r) if i % 3 != 2]))]),
            ("candles, empty", v, [(p, q, rows(lambda _r: []))]),
            ("candles, last 72 hours old", v, [(p, q, shifted(-3 * DAY_MS))]),
        ]
    return found
