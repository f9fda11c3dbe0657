"""A feed that ended is told from a market in which nothing was liquidated for a while."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.liquidated import silent

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
