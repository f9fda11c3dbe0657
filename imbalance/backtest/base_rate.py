"""What followed a signal in the history at hand: means alone, without asking whether they are chance."""

from __future__ import annotations

import msgspec
import numpy as np

from imbalance.backtest.outcomes import LEAST_EVENTS, after
from imbalance.market import MarketData
from imbalance.signals.events import Bools
from imbalance.units import DAY_MS

HORIZON_MS = DAY_MS


class Rate(msgspec.Struct, frozen=True):
    """Means over a day after events and after all bars; None where fewer than `LEAST_EVENTS` are a day old."""

    events: int
    history_ms: int
    event_return: float | None
    all_return: float | None
    event_absolute_return: float | None
    all_absolute_return: float | None


def base_rate(market: MarketData, fired: Bools) -> Rate:
    """Return what followed events, and what followed any bar.

    Parameters
    ----------
    fired : at the close of which bars, shape (bars,).
    """
    horizon = max(HORIZON_MS // market.interval_ms, 1)
    moved = (
        after(market.close, horizon, "return") if horizon < market.close.size else np.full(market.close.size, np.nan)
    )
    known = np.isfinite(moved)
    events = moved[known & fired]
    history_ms = market.time_ms.size * market.interval_ms
    if events.size < LEAST_EVENTS:
        return Rate(int(events.size), history_ms, None, None, None, None)
    every = moved[known]
    means = (float(values.mean()) for values in (events, every, np.abs(events), np.abs(every)))
    return Rate(int(events.size), history_ms, *means)
