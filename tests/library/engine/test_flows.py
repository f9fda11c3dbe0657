"""Flows and the clock by hand, and against the same written bar by bar."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imbalance.engine import clock, flows

NAN = math.nan


@pytest.mark.parametrize(
    ("given", "filled", "first"),
    [
        ([NAN, 3, NAN, NAN, 5], [0, 3, 3, 3, 5], 1),
        ([2, NAN], [2, 2], 0),
        ([NAN, NAN], [0, 0], 2),
        ([0, 4, NAN], [0, 4, 4], 0),
    ],
)
def test_unknown_open_interest_is_the_last_known(given, filled, first):
    found, at = flows.known_interest(np.array(given, dtype=float))
    assert (found.tolist(), at) == (filled, first)


@pytest.mark.parametrize(
    ("volume", "interest", "filled"),
    [
        ([4, NAN, 6], [8, 10, 12], [4, 5, 6]),  # half of what is open, as the bar before
        ([4, NAN, NAN], [0, 10, 12], [4, 0, 0]),  # of nothing open no share is known
        ([NAN, 6, NAN], [10, 12, 20], [0, 6, 10]),
        ([4, 5, 6], [1, 1, 1], [4, 5, 6]),
        ([NAN, 3, 0.25, NAN], [1, 1, 0.5, 2], [0, 3, 0.25, 1]),
    ],
)
def test_unknown_volume_is_the_last_known_share_of_what_is_open(volume, interest, filled):
    found = flows.filled_volume(np.array(volume, dtype=float), np.array(interest, dtype=float))
    assert found.tolist() == filled


def slow_flows(volume, interest, first, share):
    """Return contracts opened and closed, bar by bar."""
    opened, closed = [], []
    for t, (traded, held) in enumerate(zip(volume, interest, strict=True)):
        change = held - (interest[t - 1] if t else 0.0)
        opening = max((share * traded + change) / 2, change, 0.0)
        if t < first:
            opening = closing = 0.0
        elif t == first:
            opening, closing = held, 0.0
        else:
            closing = max(opening - change, 0.0)
        opened.append(opening)
        closed.append(closing)
    return opened, closed


@pytest.mark.parametrize("seed", range(20))
def test_flows_are_what_bars_one_by_one_give(seed):
    g = np.random.default_rng(seed)
    volume, interest = g.gamma(0.5, 10, 15), 50 + np.cumsum(g.normal(0, 6, 15))
    first = int(g.integers(0, 17))
    interest[:first] = 0.0
    found = flows.opened(volume, interest, min(first, 15), 0.6)
    for got, twin in zip(found, slow_flows(volume, interest, first, 0.6), strict=True):
        assert got == pytest.approx(twin)


@pytest.mark.parametrize("seed", range(10))
def test_activity_is_turnover_over_its_mean_over_bars_with_open_interest(seed):
    g = np.random.default_rng(seed)
    volume, interest = g.gamma(0.3, 10, (2, 14)), 50 + g.normal(0, 5, (2, 14))
    interest[0, : g.integers(0, 4)] = interest[1, : g.integers(0, 6)] = np.nan
    interest[:, 9] = [0.0, 0.0] if seed % 2 else interest[:, 9]
    closed, held = np.zeros(14), np.zeros(14)
    for traded, row in zip(volume, interest, strict=True):
        known, first = flows.known_interest(row)
        closed += slow_flows(traded, known, first, 0.6)[1]
        held += known
    turnover = [c / h if h > 0 else 0.0 for c, h in zip(closed, held, strict=True)]
    speeds = []
    for t in range(14):
        counted = sum(h > 0 for h in held[: t + 1])
        mean = sum(turnover[: t + 1]) / max(counted, 1)
        speeds.append(min(turnover[t] / mean, 30.0) if held[t] > 0 and mean > 0 else 1.0)
    assert clock.activity(volume, interest, 0.6) == pytest.approx(speeds)


def test_activity_is_the_same_in_any_unit():
    g = np.random.default_rng(3)
    volume, interest = g.gamma(0.3, 10, (2, 14)), 50 + g.normal(0, 5, (2, 14))
    found = clock.activity(volume, interest, 0.6)
    assert clock.activity(volume * 1e-9, interest * 1e-9, 0.6) == pytest.approx(found)
    assert found.max() > 1
