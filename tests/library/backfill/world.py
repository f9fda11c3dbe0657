"""A small world behind one loopback server: Binance's archive, and APIs that answer what they are asked."""

from __future__ import annotations

from imbalance.backfill import run
from imbalance.errors import NoStoreError
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import PROVIDERS
from imbalance.store import opening, reading, upkeep
from imbalance.units import HOUR_MS, INTERVALS_MS
from imbalance.venues import VENUES
from tests.support.archive import day, open_interest_at, price_at

NOW_MS = day("2025-03-12") + 12 * HOUR_MS
SINCE_MS = day("2025-03-08")
NAMES = [source.name for source in (*VENUES, *PROVIDERS)]
USD_M = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
        }
    ]
}
COIN_M = {
    "symbols": [
        {
            "symbol": "BTCUSD_PERP",
            "contractType": "PERPETUAL",
            "contractStatus": "TRADING",
            "contractSize": 100,
            "baseAsset": "BTC",
            "quoteAsset": "USD",
        }
    ]
}
BYBIT = {
    "retCode": 0,
    "result": {
        "list": [
            {
                "symbol": "BTCUSDT",
                "contractType": "LinearPerpetual",
                "status": "Trading",
                "baseCoin": "BTC",
                "quoteCoin": "USDT",
                "leverageFilter": {"maxLeverage": "100"},
                "fundingInterval": 480,
            }
        ]
    },
}
PERIODS = {"5min": "5m", "15min": "15m", "30min": "30m", "1h": "1h", "4h": "4h", "1d": "1d"}


def steps(first_ms, last_ms, step_ms):
    return range(-(-first_ms // step_ms) * step_ms, last_ms + 1, step_ms)


def klines(query):
    step_ms = INTERVALS_MS[query["interval"]]
    found = []
    for t in steps(int(query["startTime"]), int(query["endTime"]), step_ms):
        p = price_at(t)
        found.append([t, p, p + 5, p - 5, p + 1, "10", t + step_ms - 1, 10 * p, 5, "4", 4 * p, "0"])
    return found


def statistics(query):
    return [
        {"symbol": "BTCUSDT", "sumOpenInterest": open_interest_at(t), "sumOpenInterestValue": 1e9, "timestamp": t}
        for t in steps(int(query["startTime"]), int(query["endTime"]), INTERVALS_MS["5m"])
    ]


def ratios(query):
    return [
        {"symbol": "BTCUSDT", "longAccount": "0.6", "shortAccount": "0.4", "timestamp": t}
        for t in steps(int(query["startTime"]), int(query["endTime"]), INTERVALS_MS["5m"])
    ]


def fundings(query):
    return [
        {"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingTime": t + 4}
        for t in steps(int(query["startTime"]), int(query["endTime"]), 8 * HOUR_MS)
    ]


def newest_first(rows):
    return {"retCode": 0, "result": {"symbol": "BTCUSDT", "list": rows[::-1]}}


def bybit_interest(query):
    step_ms = INTERVALS_MS[PERIODS[query["intervalTime"]]]
    times = steps(int(query["startTime"]), int(query["endTime"]), step_ms)
    return newest_first(
        [{"openInterest": str(2 * open_interest_at(t)), "timestamp": str(t)} for t in times][-int(query["limit"]) :]
    )


def bybit_bars(query):
    step_ms = INTERVALS_MS[{"D": "1d", "60": "1h"}.get(query["interval"], query["interval"] + "m")]
    return newest_first(
        [
            [str(t), *map(str, (price_at(t), price_at(t) + 5, price_at(t) - 5, price_at(t), 3, 9))]
            for t in steps(int(query["start"]), int(query["end"]), step_ms)
        ]
    )


def bybit_ratios(query):
    times = steps(int(query["startTime"]), int(query["endTime"]), INTERVALS_MS[PERIODS[query["period"]]])
    return newest_first(
        [{"symbol": "BTCUSDT", "buyRatio": "0.6", "sellRatio": "0.4", "timestamp": str(t)} for t in times]
    )


def bybit_fundings(query):
    times = steps(int(query["startTime"]), int(query["endTime"]), 8 * HOUR_MS)
    return newest_first([{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(t)} for t in times])


def mood(_query):
    rows = [
        {"value": "40", "value_classification": "Fear", "timestamp": str(t // 1000)}
        for t in range(day("2025-02-20"), NOW_MS, INTERVALS_MS["1d"])
    ]
    return {"data": rows[::-1], "metadata": {"error": None}}


GATE = [
    {
        "name": "BTC_USDT",
        "quanto_multiplier": "0.0001",
        "in_delisting": False,
        "leverage_max": "100",
        "funding_interval": 28_800,
    }
]


def gate_statistics(query):
    step_s = INTERVALS_MS[query["interval"]] // 1000
    first = int(query["from"])
    times = [first + i * step_s for i in range(int(query["limit"])) if (first + i * step_s) * 1000 <= NOW_MS]
    return [
        {
            "time": t,
            "mark_price": 60_000,
            "open_interest": 20_000 * open_interest_at((t + step_s) * 1000),
            "long_liq_size": 10_000,
            "short_liq_size": 0,
            "long_liq_usd": 60_000,
            "short_liq_usd": 0,
        }
        for t in times
    ]


def gate_orders(query):
    """One order an hour, half past, a long of one coin."""
    times = steps(int(query["from"]) * 1000 - HOUR_MS // 2, int(query["to"]) * 1000 - HOUR_MS // 2, HOUR_MS)
    return [
        {
            "contract": "BTC_USDT",
            "size": 10_000,
            "order_size": -10_000,
            "fill_price": "60000",
            "left": 0,
            "time": (t + HOUR_MS // 2) // 1000,
        }
        for t in times
    ][::-1]


def gate_bars(query):
    step_ms = INTERVALS_MS[query["interval"]]
    return [
        {"t": t // 1000, "o": price_at(t), "h": price_at(t), "l": price_at(t), "c": price_at(t), "v": 5, "sum": "30"}
        for t in steps(int(query["from"]) * 1000, int(query["to"]) * 1000, step_ms)
    ]


def gate_fundings(query):
    times = steps(int(query["from"]) * 1000, int(query["to"]) * 1000, 8 * HOUR_MS)
    return [{"t": t // 1000 + 1, "r": "0.0001"} for t in times][::-1]


ANSWERS = {
    "/fapi/v1/exchangeInfo": lambda _query: USD_M,
    "/dapi/v1/exchangeInfo": lambda _query: COIN_M,
    "/fapi/v1/klines": klines,
    "/fapi/v1/fundingRate": fundings,
    "/futures/data/openInterestHist": statistics,
    "/futures/data/globalLongShortAccountRatio": ratios,
    "/futures/data/topLongShortAccountRatio": ratios,
    "/futures/data/topLongShortPositionRatio": ratios,
    "/v5/market/instruments-info": lambda _query: BYBIT,
    "/v5/market/open-interest": bybit_interest,
    "/v5/market/kline": bybit_bars,
    "/v5/market/account-ratio": bybit_ratios,
    "/v5/market/funding/history": bybit_fundings,
    "/futures/usdt/contracts": lambda _query: GATE,
    "/futures/usdt/contract_stats": gate_statistics,
    "/futures/usdt/liq_orders": gate_orders,
    "/futures/usdt/candlesticks": gate_bars,
    "/futures/usdt/funding_rate": gate_fundings,
    "/fng/": mood,
    "/resource/gpe5-46if.json": lambda _query: [],
    "/timeseries/asset-metrics": lambda _query: {"data": []},
}


def variables(url):
    """Return the addresses of all sources, all of them one server."""
    return {f"IMBALANCE_{name.upper()}_URL": url for name in (*NAMES, "binance_archive")}


class Told:
    """Keeps what a run tells."""

    def __init__(self):
        self.many, self.outcomes = 0, []

    def planned(self, many):
        self.many += many

    def done(self, outcome):
        self.outcomes.append(outcome)


def fill(server, file, *, now_ms=NOW_MS, told=None, **given):
    """Run a backfill of bitcoin; return its document."""
    request = run.Request(**{"symbol": "BTC", "since_ms": SINCE_MS, "venues": ("binance",)} | given)
    settings = SourceSettings(variables(server.url) if server else {})
    return run.backfill(str(file), request, settings, now_ms, told or Told())


def stored(file):
    """Return the rows, known spans and gaps of every series by (venue or source, data, what, interval)."""
    try:
        return _stored(file)
    except NoStoreError:
        return {}


def _stored(file):
    with opening.opened(str(file)) as store:
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            return {
                (one.venue or one.source, one.data, one.what, one.interval_ms): (
                    reading.arrays(connection, number, one.data),
                    [span[:2] for span in reading.known(connection, number)],
                    [gap[:3] for gap in reading.missing(connection, number)],
                )
                for number, one in reading.all_series(connection).items()
            }
