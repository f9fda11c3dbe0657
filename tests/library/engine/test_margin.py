"""Margin and leverage by hand."""

from __future__ import annotations

import itertools
import math
import statistics

import msgspec
import numpy as np
import pytest

from imbalance.engine import density, margin
from imbalance.engine.assumptions import Assumptions, Structure
from imbalance.engine.leverage import distance_weights, prior_weights
from tests.library.engine.test_engine import CAP, DEDUCTION, RATE, venue


@pytest.mark.parametrize(
    ("side", "inverse", "price"), [(0, False, 80), (1, False, 120), (0, True, 100 / 1.2), (1, True, 125)]
)
def test_a_distance_of_a_fifth_is_a_price(side, inverse, price):
    found = margin.price_at_distance(np.array([100.0]), np.array([0.2]), side, inverse=inverse)
    assert found == pytest.approx([price])


def test_ten_times_at_a_rate_of_a_fiftieth_is_liquidated_four_fiftieths_off():
    # Equity of a tenth of the entry falls to 2 % of the price at (1 - 0.1) / (1 - 0.02).
    assert margin.distance_of_leverage([10.0, 4.0], 0.02) == pytest.approx([1 - 0.9 / 0.98, 1 - 0.75 / 0.98])
    assert margin.leverage_at_distance(np.array([1 - 0.9 / 0.98]), 0.02) == pytest.approx([10.0])


def share(low, high, median, sd, cap):
    """Return the share of a log-normal, cut to 1 to `cap`, between two leverages."""
    of = statistics.NormalDist(math.log(median), sd)
    low, high = max(low, 1.0), min(max(high, 1.0), cap)
    return (of.cdf(math.log(high)) - of.cdf(math.log(low))) / (of.cdf(math.log(cap)) - of.cdf(0.0))


@pytest.mark.parametrize(("median", "sd", "rate", "cap"), [(10.0, 1.0, 0.005, 125.0), (3.0, 0.4, 0.02, 20.0)])
def test_shares_by_distance_are_those_of_the_cut_log_normal(median, sd, rate, cap):
    edges = density.distance_edges(14)
    leverage = [1 / (1 - (1 - d) * (1 - rate)) for d in edges]
    expected = [share(min(far, cap), min(near, cap), median, sd, cap) for near, far in itertools.pairwise(leverage)]
    assert distance_weights(edges, median, sd, rate, cap) == pytest.approx(expected)


def test_default_weights_are_those_of_each_venues_ladder_by_what_is_open():
    a = Assumptions(
        structures=(
            Structure((1.0, 2.0), (0.5, 0.5), (12.0, 3.0), leverage_log_sd=0.7),
            Structure((1.0,), (1.0,), (30.0,)),
        ),
        typical_notional_usd=1e6,
        distances=6,
    )
    laddered = msgspec.structs.replace(
        venue("b"), cap_usd=CAP, rate=RATE * 4, deduction_usd=DEDUCTION * 4, most_leverage=40.0
    )
    rows, interest = [venue("a"), laddered], np.array([[9.0, 1.0, np.nan], [np.nan, 7.0, 3.0]])
    edges = density.distance_edges(6)
    # A million lies in the third bracket: 2.6 % less what the brackets below cost less.
    rates = 0.005, 0.026 - 4 * (300_000 * 0.001 + 800_000 * 0.0015) / 1e6
    expected = np.zeros((6, 3))
    for part, rate, cap in zip((0.25, 0.75), rates, (125.0, 40.0), strict=True):
        for k, (median, sd) in enumerate(((12.0, 0.7), (3.0, 0.7), (30.0, 1.0))):
            expected[:, k] += part * distance_weights(edges, 1.5 * median, sd, rate, cap)
    assert prior_weights(a, rows, interest, edges, 1.5) == pytest.approx(expected)
    # Where nothing is open anywhere, ladders count alike.
    for nothing in (np.zeros((2, 3)), np.full((2, 3), np.nan)):
        alike = sum(prior_weights(a, [row], np.ones((1, 1)), edges, 1.0) for row in rows) / 2
        assert prior_weights(a, rows, nothing, edges, 1.0) == pytest.approx(alike)
    # Of one whose open interest is not known nothing counts.
    alone = prior_weights(a, rows, np.array([[np.nan] * 3, [np.nan, 7.0, 3.0]]), edges, 1.0)
    assert alone == pytest.approx(prior_weights(a, rows[1:], np.ones((1, 1)), edges, 1.0))
    tiny = prior_weights(a, rows, interest * 1e-9, edges, 1.5)
    assert tiny == pytest.approx(expected)
