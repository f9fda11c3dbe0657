"""Markets drawn at random for properties of signals, whole, cut, and in the mirror."""

from __future__ import annotations

import msgspec
import numpy as np

from imbalance.market import SERIES, MarketData, VenueBars, frozen
from imbalance.records import Contract, Feed
from imbalance.signals.events import History
from imbalance.signals.past import Series
from imbalance.units import DAY_MS, HOUR_MS

START_MS = 1_704_067_200_000  # 2024-01-01


def walk(seed: int, days: int = 45, start_ms: int = START_MS, hours: int = 0) -> MarketData:
    """Return hourly bars of a random walk in a range, with open interest and liquidations in its extremes."""
    g = np.random.default_rng(seed)
    n = days * 24 + hours
    log = np.cumsum(g.standard_t(4, n) * 0.006)
    log = 0.06 * np.sin(log / 0.06)
    opens = np.concatenate([[0.0], log[:-1]])
    high = np.maximum(opens, log) + np.abs(g.normal(0, 0.004, n))
    low = np.minimum(opens, log) - np.abs(g.normal(0, 0.004, n))
    interest = 1000 * np.exp(np.cumsum(g.normal(0, 0.004, n)))
    # What is liquidated grows fast with how far price goes, up to where it would be more than there is.
    long, short = (np.exp(np.minimum(800 * move, 8)) / 1000 for move in (opens - low, high - opens))
    return of_prices(opens, high, low, log, interest, long, short, start_ms)


def of_prices(opens, high, low, close, interest, long, short, start_ms=START_MS, interval_ms=HOUR_MS) -> MarketData:
    """Return a market of one venue; prices are given as logs around 100."""
    time_ms = start_ms + np.arange(len(close), dtype=np.int64) * interval_ms
    path = [frozen(100 * np.exp(np.asarray(row, dtype=float))) for row in (opens, high, low, close)]
    nothing = frozen(np.full(len(close), np.nan))
    venue = VenueBars(
        "binance", Contract.LINEAR, Feed.CENSORED, frozen(np.ones(len(close))), nothing,
        *(nothing if row is None else frozen(row) for row in (interest, long, short)),
    )  # fmt: skip
    return MarketData("BTC", interval_ms, time_ms, *path, price=float(path[3][-1]), venues=(venue,))


def cut(market: MarketData, bars: int) -> MarketData:
    """Return the first bars of a market."""
    venue = market.venues[0]
    rows = {name: frozen(getattr(venue, name)[:bars]) for name in SERIES}
    path = {name: frozen(getattr(market, name)[:bars]) for name in ("open", "high", "low", "close")}
    venue = msgspec.structs.replace(venue, **rows)
    price = float(path["close"][-1])
    return msgspec.structs.replace(market, time_ms=market.time_ms[:bars], venues=(venue,), price=price, **path)


def mirrored(market: MarketData) -> MarketData:
    """Return the market in which price rises where it falls here, and shorts are what longs are here."""
    venue = market.venues[0]
    opens, high, low, close = (frozen(10_000 / getattr(market, name)) for name in ("open", "low", "high", "close"))
    venue = msgspec.structs.replace(
        venue,
        long_liquidations_base=venue.short_liquidations_base,
        short_liquidations_base=venue.long_liquidations_base,
    )
    path = {"open": opens, "high": high, "low": low, "close": close}
    return msgspec.structs.replace(market, venues=(venue,), price=float(close[-1]), **path)


def history(seed: int, days: int = 45) -> History:
    """Return a walk with an index and funding beside it."""
    g = np.random.default_rng(seed + 1)
    market = walk(seed, days)
    mood_ms = START_MS + np.arange(days + 1, dtype=np.int64) * DAY_MS
    funding_ms = START_MS + np.arange(3 * days, dtype=np.int64) * 8 * HOUR_MS
    mood = np.clip(np.round(50 + np.cumsum(g.normal(0, 12, days + 1))), 5, 95)
    return History(market, Series(mood_ms, mood), Series(funding_ms, g.normal(0, 1e-4, 3 * days)))
