"""Markets made by hand, bar by bar."""

from __future__ import annotations

import numpy as np

from imbalance.market import MarketData, VenueBars
from imbalance.records import Contract, Feed
from imbalance.units import HOUR_MS

START_MS = 1_769_558_400_000  # 2026-01-28T00:00:00Z


def venue(name, bars, **series):
    """Return a venue whose series are not known where they are not given."""
    names = ("volume", "taker_buy", "open_interest", "long_liquidations", "short_liquidations")
    made = {f"{n}_base": np.broadcast_to(np.array(series.get(n, np.nan), dtype=float), (bars,)) for n in names}
    return VenueBars(name, Contract.LINEAR, Feed.UNKNOWN, **made)


def market(close, *venues, interval_ms=HOUR_MS, price=None, start_ms=START_MS):
    """Return a market of these closes, a dollar of range around each."""
    close = np.array(close, dtype=float)
    time_ms = start_ms + interval_ms * np.arange(close.size)
    last = float(close[-1]) if price is None else price
    return MarketData("BTC", interval_ms, time_ms, close, close + 1, close - 1, close, last, venues)
