"""What is measured after a bar."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.backtest.base_rate import base_rate
from imbalance.backtest.outcomes import LEAST_EVENTS, OUTCOMES, after, horizons
from imbalance.units import DAY_MS, HOUR_MS
from tests.support.walks import walk

CLOSE = np.array([100.0, 110.0, 99.0, 99.0, 120.0])


def test_outcomes_are_of_the_bars_after():
    steps = np.diff(np.log(CLOSE))
    assert after(CLOSE, 2, "return")[:3] == pytest.approx([steps[i] + steps[i + 1] for i in range(3)])
    assert after(CLOSE, 2, "absolute return")[:3] == pytest.approx([abs(steps[i] + steps[i + 1]) for i in range(3)])
    rooted = [np.hypot(steps[i], steps[i + 1]) for i in range(3)]
    assert after(CLOSE, 2, "realised volatility")[:3] == pytest.approx(rooted)
    for outcome in OUTCOMES:
        assert np.isnan(after(CLOSE, 2, outcome)[3:]).all()
        assert np.isnan(after(CLOSE, 5, outcome)).all()
        assert np.isnan(after(CLOSE, 9, outcome)).all()
    assert np.isnan(after(CLOSE, 1, "realised volatility")).all()


def test_horizons_are_whole_bars_and_a_tenth_of_all_at_most():
    assert horizons(HOUR_MS, 1680) == [1, 4, 12, 24, 72, 168]
    assert horizons(HOUR_MS, 1679) == [1, 4, 12, 24, 72]
    assert horizons(DAY_MS, 1000) == [1, 3, 7]
    assert horizons(4 * HOUR_MS, 1000) == [1, 3, 6, 18, 42]


def test_a_base_rate_needs_events_that_are_a_day_old():
    market = walk(0, 30)
    fired = np.zeros(market.close.size, dtype=bool)
    fired[: LEAST_EVENTS - 1] = True
    fired[-24:] = True
    few = base_rate(market, fired)
    assert (few.events, few.event_return, few.history_ms) == (LEAST_EVENTS - 1, None, 30 * DAY_MS)
    fired[LEAST_EVENTS - 1] = True
    found = base_rate(market, fired)
    moved = np.log(market.close[24:] / market.close[:-24])
    assert found.events == LEAST_EVENTS
    assert found.event_return == pytest.approx(moved[:LEAST_EVENTS].mean())
    assert found.all_return == pytest.approx(moved.mean())
    assert found.event_absolute_return == pytest.approx(np.abs(moved[:LEAST_EVENTS]).mean())
    assert found.all_absolute_return == pytest.approx(np.abs(moved).mean())
