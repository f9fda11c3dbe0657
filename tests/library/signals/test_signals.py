"""What is read beside the map."""

from __future__ import annotations

import pytest

from imbalance import signals
from imbalance.records import Candle, LiquidationSum
from imbalance.units import DAY_MS

JANUARY = 1_767_225_600_000  # 2026-01-01


def day(i, usd=100.0, base=1.0):
    return Candle(JANUARY + i * DAY_MS, 90, 110, 80, 100, base, usd)


def test_change_since_low_takes_the_first_of_equal_lows():
    assert signals.change_since_low(131.0, {3: 100.0, 1: 100.0, 2: 120.0}) == (pytest.approx(0.31), 1, 100.0)
    assert signals.change_since_low(1.0, {}) is None


def test_usd_becomes_base_over_that_days_close():
    usd = {JANUARY: 500.0, JANUARY + 9 * DAY_MS: 1.0}
    assert signals.in_base(usd, [day(0)]) == {JANUARY: 5.0}


def test_sums_are_of_days_that_all_have():
    assert signals.sum_by_day([{1: 1.0, 2: 2.0}, {2: 3.0, 3: 4.0}]) == {2: 5.0}
    assert signals.sum_by_day([]) == {}


def test_a_month_with_a_missing_day_is_missing():
    days = [day(i) for i in range(10)]
    until = JANUARY + 10 * DAY_MS
    assert signals.month_volume_usd(days, 2026, 1, until) == 1000.0
    assert signals.month_volume_usd(days[:4] + days[5:], 2026, 1, until) is None
    assert signals.month_volume_usd(days, 2025, 12, until) is None


def test_volume_without_usd_counts_at_the_typical_price():
    days = [day(0, usd=None, base=2.0)]
    assert signals.month_volume_usd(days, 2026, 1, JANUARY + DAY_MS) == pytest.approx(2 * (110 + 80 + 100) / 3)


def test_largest_since_looks_at_whole_days_before():
    days = [LiquidationSum(i * DAY_MS, 10.0 * i, 0.0) for i in range(10)]
    assert signals.largest_since(50.0, days, 5 * DAY_MS) == (None, 0)
    assert signals.largest_since(20.0, days, 5 * DAY_MS) == (4 * DAY_MS, 0)
    assert signals.largest_since(1.0, [], 5 * DAY_MS) is None


def test_depth_is_missing_where_the_book_ends_before():
    assert signals.depth_usd([(99.9, 1.0), (99.5, 2.0)], 100.0, 0.01) is None
    assert signals.depth_usd([(99.9, 1.0), (98.0, 2.0)], 100.0, 0.01) == pytest.approx(99.9)


def test_weighted_mean():
    assert signals.weighted([(1.0, 1.0), (4.0, 2.0)]) == 3.0
    assert signals.weighted([]) is None


def test_drawdown_is_from_the_last_of_equal_highs():
    assert signals.drawdown([1, 2, 3, 4], [10.0, 20.0, 20.0, 15.0], 16.0) == (pytest.approx(-0.2), 3, 20.0)
