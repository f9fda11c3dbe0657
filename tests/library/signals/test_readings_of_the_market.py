"""Percentiles, z-scores, quadrants, spreads, since, and the checklist's conditions: at each bound, both sides."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance import signals
from imbalance.records import Candle
from imbalance.signals.checklist import (
    all_of,
    any_of,
    extreme_sentiment,
    heavier_than_path,
    high_interest,
    holders_wait,
)
from imbalance.signals.concentration import spread
from imbalance.signals.past import LEAST_PAST, percentile, z_score
from imbalance.signals.quadrant import changes, moved, quadrant
from imbalance.units import DAY_MS, Side

DECEMBER_2025, JANUARY_2026 = 1_764_547_200_000, 1_767_225_600_000


def test_a_percentile_counts_ties_by_half_and_needs_a_past():
    past = np.arange(LEAST_PAST, dtype=float)
    assert percentile(past, 5.0) == 5.5 / LEAST_PAST
    assert percentile(past, -1.0) == 0.0
    assert percentile(past, 99.0) == 1.0
    assert percentile(past[1:], 5.0) is None
    assert percentile(np.append(past, np.nan), 5.0) == 5.5 / LEAST_PAST


def test_a_z_score_needs_a_past_that_varies():
    past = np.tile([1.0, 3.0], LEAST_PAST // 2)
    assert z_score(past, 4.0) == pytest.approx(2.0)
    assert z_score(past[1:], 4.0) is None
    assert z_score(np.full(50, 0.1) + 0.2, 0.3) is None


def test_quadrants():
    assert quadrant(0.01, 0.01) == "new longs"
    assert quadrant(0.01, -0.01) == "short covering"
    assert quadrant(-0.01, 0.01) == "new shorts"
    assert quadrant(-0.01, -0.01) == "long exit"


def test_changes_are_log_ratios_of_what_is_known():
    found = changes(np.array([1.0, 2.0, np.nan, 8.0, 0.0, 1.0]), 1)
    assert found[1] == pytest.approx(np.log(2))
    assert np.isnan(found[[0, 2, 3, 4, 5]]).all()
    assert np.isnan(changes(np.ones(3), 3)).all()


def test_a_move_is_told_where_both_stand_out():
    g = np.random.default_rng(1)
    price, interest = (100 * np.exp(np.cumsum(g.normal(0, 0.01, 60))) for _ in range(2))
    price[-1], interest[-1] = price[-2] * 0.9, interest[-2] * 1.1
    found = moved(price, interest, 1)
    assert found.name == "new shorts"
    assert found.price == pytest.approx(np.log(0.9))
    assert found.price_z < -5 < 5 < found.interest_z
    interest[-1] = interest[-2] * np.exp(np.mean(np.diff(np.log(interest[:-1]))))
    assert moved(price, interest, 1).name is None
    assert moved(price, np.where(np.arange(60) == 59, np.nan, interest), 1) is None
    assert moved(price[:1], interest[:1], 1) is None
    short = moved(price[-5:], interest[-5:], 1)
    assert (short.price_z, short.name) == (None, quadrant(short.price, short.interest))


def test_a_move_is_held_against_moves_that_ended_before_it_began():
    g = np.random.default_rng(2)
    price = 100 * np.exp(np.cumsum(g.normal(0, 0.01, 80)))
    price[-5:] *= 2
    past = changes(price, 5)[5:-5]
    assert moved(price, price, 5).price_z == pytest.approx((np.log(price[-1] / price[-6]) - past.mean()) / past.std())


def test_a_spread_is_of_what_there_is():
    found = spread({"b": 1.0, "a": 3.0})
    assert found.shares == {"a": 0.75, "b": 0.25}
    assert found.hhi == 0.625
    assert spread({"a": 0.0}) is None
    assert spread({}) is None


def day(time_ms, usd):
    return Candle(time_ms, 1, 1, 1, 1, 1.0, usd)


def test_a_month_so_far_is_held_against_others_by_the_day():
    december = [day(DECEMBER_2025 + i * DAY_MS, 10.0) for i in range(31)]
    january = [day(JANUARY_2026 + i * DAY_MS, 12.0) for i in range(10)]
    now_ms = JANUARY_2026 + 9 * DAY_MS + DAY_MS // 2
    found = signals.volume_per_day(december + january, now_ms)
    assert found == {(2026, 1): pytest.approx(120 / 9.5), (2025, 12): pytest.approx(10.0)}
    # A month of which a day is missing ends the history.
    assert list(signals.volume_per_day(december[1:] + january, now_ms)) == [(2026, 1)]
    assert signals.volume_per_day(december, now_ms) == {}


def test_unknown_is_neither_met_nor_unmet():
    yes, no, open_ = True, False, None
    alls = [all_of(yes, yes), all_of(yes, open_), all_of(no, open_), all_of()]
    assert alls == ["met", "unknown", "not met", "unknown"]
    anys = [any_of(yes, open_), any_of(no, open_), any_of(no), any_of()]
    assert anys == ["met", "unknown", "not met", "not met"]


@pytest.mark.parametrize(
    ("index", "rally", "fall"),
    [(25, True, False), (26, False, False), (74, False, False), (75, False, True), (None, None, None)],
)
def test_extremes_of_sentiment(index, rally, fall):
    assert extreme_sentiment(index, Side.SHORT) is rally
    assert extreme_sentiment(index, Side.LONG) is fall


def test_high_interest_is_the_top_quarter():
    assert [high_interest(share) for share in (0.75, 0.7499, None)] == [True, False, None]


def test_heavier_is_the_whole_range_of_the_lift():
    assert heavier_than_path(1.01, 2.0, Side.SHORT) is True
    assert heavier_than_path(1.0, 2.0, Side.SHORT) is False
    assert heavier_than_path(0.5, 0.99, Side.LONG) is True
    assert heavier_than_path(0.5, 1.0, Side.LONG) is False
    assert heavier_than_path(None, 2.0, Side.LONG) is None


def test_holders_who_do_not_agree_leave_it_open():
    assert holders_wait([True, None], Side.SHORT) == "met"
    assert holders_wait([False], Side.SHORT) == "not met"
    assert holders_wait([False], Side.LONG) == "met"
    assert holders_wait([True], Side.LONG) == "not met"
    for side in Side:
        assert holders_wait([True, False], side) == holders_wait([], side) == holders_wait([None], side) == "unknown"
