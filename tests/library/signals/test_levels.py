"""Swing levels and the days that they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.signals.levels import Days, Level, days_of, joined, swing_levels
from imbalance.units import DAY_MS, HOUR_MS

START_MS = 1_704_067_200_000


def days(*lows, start_ms=START_MS):
    time_ms = start_ms + np.arange(len(lows), dtype=np.int64) * DAY_MS
    return Days(time_ms, np.array(lows) + 2.0, np.array(lows, dtype=float), np.array(lows) + 1.0)


def test_a_swing_low_is_below_three_days_before_and_not_above_three_after():
    assert swing_levels(days(5, 4, 3, 1, 2, 3, 4)) == [Level(1.0, START_MS + 3 * DAY_MS, START_MS + 7 * DAY_MS)]
    # Equal lows: the first is the level. One before that is as low, or one after that is lower, and there is none.
    assert [level.day_ms for level in swing_levels(days(5, 4, 3, 1, 1, 3, 4, 5, 6))] == [START_MS + 3 * DAY_MS]
    assert swing_levels(days(5, 4, 1, 1, 2, 3, 4)) == []
    assert swing_levels(days(5, 4, 3, 1, 2, 3, 0.9)) == []
    assert swing_levels(days(5, 4, 3, 1, 2, 3)) == []


def test_a_missing_day_near_it_leaves_no_level():
    whole = days(5, 4, 3, 1, 2, 3, 4)
    late = Days(np.where(np.arange(7) > 4, whole.time_ms + DAY_MS, whole.time_ms), whole.high, whole.low, whole.close)
    assert swing_levels(late) == []


def test_days_that_bars_fill_in_part_are_left_out():
    hours = np.arange(-5, 48 + 7, dtype=np.int64) * HOUR_MS + START_MS
    values = np.arange(hours.size, dtype=float)
    found = days_of(hours, HOUR_MS, values + 1, values - 1, values)
    assert found.time_ms.tolist() == [START_MS, START_MS + DAY_MS]
    assert found.low.tolist() == [4.0, 28.0]
    assert found.high.tolist() == [29.0, 53.0]
    assert found.close.tolist() == [28.0, 52.0]
    assert days_of(hours[:0], HOUR_MS, values[:0], values[:0], values[:0]).time_ms.size == 0


def test_days_of_bars_take_the_place_of_candles():
    found = joined(days(1, 2, 3), days(9, 9, start_ms=START_MS + 2 * DAY_MS))
    assert found.low.tolist() == [1.0, 2.0, 9.0, 9.0]
    assert np.diff(found.time_ms).tolist() == [DAY_MS] * 3


@pytest.mark.parametrize("seed", range(5))
def test_levels_are_what_a_plain_reading_finds(seed):
    lows = np.round(np.random.default_rng(seed).normal(0, 3, 60))
    plain = [
        i
        for i in range(3, 57)
        if all(lows[i] < lows[j] for j in range(i - 3, i)) and all(lows[i] <= lows[j] for j in range(i + 1, i + 4))
    ]
    assert [(level.day_ms - START_MS) // DAY_MS for level in swing_levels(days(*lows))] == plain
