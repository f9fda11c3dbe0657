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


@pytest.mark.parametrize(("low", "told"), [(0.0, None), (-1.0, None), (0.5, (19.0, 1, 0.5)), (1.0, (9.0, 1, 1.0))])
def test_there_is_no_change_from_nothing(low, told):
    assert signals.change_since_low(10.0, {1: low, 2: 50.0}) == told


def test_a_month_ends_where_the_next_begins():
    december = [day(i) for i in range(-31, 0)]
    assert signals.month_days([*december, day(0)], 2025, 12, JANUARY + 9 * DAY_MS) == (31, 31)
    assert signals.month_volume_usd([*december, day(0)], 2025, 12, JANUARY + 9 * DAY_MS) == 3100
    # A day that has begun counts as one of those that the month has had.
    for until, days in ((JANUARY + DAY_MS, 1), (JANUARY + DAY_MS + 1, 2), (JANUARY + 2 * DAY_MS, 2), (JANUARY + 1, 1)):
        assert signals.month_days([day(0), day(1), day(2)], 2026, 1, until)[1] == days
    assert signals.month_days([day(0), day(1)], 2026, 1, JANUARY + DAY_MS) == (1, 1)
    assert signals.month_days([day(i) for i in range(28)], 2026, 2, JANUARY + 60 * DAY_MS) == (0, 28)
    assert signals.month_days([day(31)], 2026, 2, JANUARY + 60 * DAY_MS) == (1, 28)


def test_candles_without_volume_in_usd_count_at_their_own_price_beside_others():
    days = [day(0, usd=7.0), day(1, usd=None, base=3.0)]
    assert signals.month_volume_usd(days, 2026, 1, JANUARY + 2 * DAY_MS) == pytest.approx(7 + 290)


@pytest.mark.parametrize(
    ("at", "this", "before"),
    [
        (JANUARY, (2026, 1), (2025, 12)), (JANUARY - 1, (2025, 12), (2025, 11)),
        (JANUARY + 31 * DAY_MS, (2026, 2), (2026, 1)), (JANUARY + 31 * DAY_MS - 1, (2026, 1), (2025, 12)),
    ],
)  # fmt: skip
def test_the_month_before_january_is_december(at, this, before):
    assert signals.months(at) == (this, before)


def test_a_day_that_ends_at_the_moment_is_before_it():
    days = [LiquidationSum(i * DAY_MS, 10.0 * i, 5.0) for i in range(3)]
    assert signals.largest_since(25.0, days, 3 * DAY_MS) == (2 * DAY_MS, 0)
    assert signals.largest_since(25.0, days, 3 * DAY_MS - 1) == (None, 0)
    assert signals.largest_since(25.1, days, 3 * DAY_MS) == (None, 0)
    assert signals.largest_since(5.0, days, DAY_MS) == (0, 0)
    assert signals.largest_since(5.0, days, DAY_MS - 1) is None


@pytest.mark.parametrize(
    ("pairs", "mean"), [([(1.0, 0.0)], None), ([(3.0, 0.5)], 3.0), ([(1.0, 1.0), (3.0, 3.0)], 2.5)]
)
def test_a_mean_without_weight_is_none(pairs, mean):
    assert signals.weighted(pairs) == mean


def test_depth_reaches_to_the_last_bit():
    # Dyadic: an eighth below 64 is 56, above it 72.
    assert signals.depth_usd([(63.0, 1.0), (56.0, 2.0), (55.0, 9.0)], 64.0, 0.125) == 63 + 112
    assert signals.depth_usd([(63.0, 1.0), (56.0, 2.0)], 64.0, 0.125) == 63 + 112
    assert signals.depth_usd([(65.0, 1.0), (72.0, 2.0)], 64.0, 0.125) == 65 + 144
    assert signals.depth_usd([(63.0, 1.0), (56.1, 2.0)], 64.0, 0.125) is None
    assert signals.depth_usd([], 64.0, 0.125) is None


def test_a_fall_is_from_the_highest_close_wherever_it_is():
    assert signals.drawdown([1, 2, 3], [30.0, 20.0, 10.0], 15.0) == (-0.5, 1, 30.0)
    assert signals.drawdown([1, 2, 3], [10.0, 20.0, 30.0], 45.0) == (0.5, 3, 30.0)
