"""A feed that ended is told from a market in which nothing was liquidated for a while."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imbalance.liquidated import UNLIKELY, last_day, silent
from imbalance.records import Covered, Liquidation, Unread
from imbalance.report import sections
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.support.exchange import NOW_MS

HOURS = 24


@pytest.mark.parametrize("events", [1, 2, 3, 5, 10, 40, 400])
def test_events_at_random_are_seldom_taken_for_a_feed_that_ended(events):
    generator = np.random.default_rng(events)
    days = [set(generator.integers(0, HOURS, events).tolist()) for _ in range(2000)]
    assert np.mean([silent(filled, HOURS) for filled in days]) <= 0.01


def test_a_feed_that_ended_is_told_once_enough_is_missing():
    assert silent(set(range(12)), HOURS)
    assert silent(set(range(18)), HOURS)
    assert not silent(set(range(22)), HOURS)
    assert not silent({3}, HOURS)


@pytest.mark.parametrize(("steps", "held"), [(16, 3), (17, 8), (18, 6), (20, 5), (25, 4)])
def test_a_silence_is_held_against_the_exact_chance_of_one(steps, held):
    """All ways to fill some steps, counted one by one; two runs of more than half cannot both be there."""
    ways = list(itertools.combinations(range(steps), held))
    longest = [max(b - a - 1 for a, b in itertools.pairwise((-1, *places, steps))) for places in ways]
    for run in range(steps // 2 + 1, steps - held + 1):
        chance = sum(other >= run for other in longest) / len(ways)
        assert silent(set(ways[longest.index(run)]), steps) == (chance < UNLIKELY)


def feed(hours):
    """Return a feed whose answer says that it covers the day, with an order in each of some hours of it."""
    harvest = Harvest(next(v for v in VENUES if v.name == "okx"))
    orders = [Liquidation(NOW_MS - DAY_MS + h * HOUR_MS + 1, Side.LONG, 100.0, 2.0) for h in hours]
    harvest.keep(Kind.LIQUIDATIONS, [*orders, Covered(NOW_MS - DAY_MS)])
    return harvest


def test_a_feed_that_ended_at_noon_is_no_whole_day():
    day = last_day(feed(range(12)), NOW_MS)
    assert (day.long_usd, day.short_usd, day.whole) == (2400.0, 0.0, False)
    assert (day.first_ms, day.last_ms) == (NOW_MS - DAY_MS + 1, NOW_MS - DAY_MS + 11 * HOUR_MS + 2)
    assert "okx" not in sections.liquidations([feed(range(12))], NOW_MS, []).of


def test_a_feed_with_rows_all_day_is_a_whole_one():
    day = last_day(feed(range(24)), NOW_MS)
    assert (day.long_usd, day.whole, day.first_ms, day.last_ms) == (4800.0, True, NOW_MS - DAY_MS, NOW_MS)


def test_an_order_on_two_pages_counts_once_and_an_unread_page_makes_a_lower_bound():
    harvest = feed(range(24))
    twice = [Liquidation(NOW_MS - HOUR_MS, Side.SHORT, 100.0, 1.0, "7")] * 2
    harvest.keep(Kind.LIQUIDATIONS, [*twice, Unread()])
    day = last_day(harvest, NOW_MS)
    assert (day.short_usd, day.whole, day.lower_bound) == (100.0, False, True)
