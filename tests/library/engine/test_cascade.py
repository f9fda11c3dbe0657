"""Cascades: twins, limits and the words they are told in."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import cascade
from tests.library.engine.test_engine import mapped, venue, walk

X = np.arange(1, 161) * 0.0025


def follow(flow, push, law, scale=1.0):
    return cascade._follow(X, np.asarray(flow, dtype=float), push, law, scale)


def linear(density):
    return lambda flow: np.asarray(flow / density)


def test_without_liquidations_a_push_goes_no_further():
    reach, needed, largest = follow(np.zeros(X.size), 0.05, linear(1.0))
    assert (reach, needed) == (0.05, 0.05)
    assert math.isnan(largest)


def test_an_even_field_and_a_linear_law_have_closed_forms():
    # N = a x and I = N / d: the push p ends where p + a x / d = x, so at p / (1 - R) with R = a / d.
    for ratio in (0.1, 0.5, 0.8):
        reach, needed, largest = follow(ratio * X, 0.05, linear(1.0))
        assert reach == pytest.approx(0.05 / (1 - ratio), rel=1e-6)
        assert needed == pytest.approx(0.05 * (1 - ratio), rel=1e-6)
        assert largest == pytest.approx(ratio, rel=1e-6)


def test_above_one_nothing_stops_it():
    reach, needed, largest = follow(1.5 * X, 0.05, linear(1.0))
    assert reach == X[-1]
    assert needed == 0.0
    assert largest == pytest.approx(1.5)


@given(st.lists(st.floats(0, 1), min_size=160, max_size=160), st.floats(0.01, 0.3), st.floats(0.5, 2))
def test_the_reach_is_what_small_steps_find(mass, push, scale):
    flow = np.cumsum(mass) / 100
    law = linear(1.0)
    reach, needed, _largest = follow(flow, push, law, scale)
    fine = np.linspace(push, X[-1], 20_001)
    stops = fine[push + scale * np.interp(fine, X, flow) <= fine + 1e-12]
    slow = stops[0] if stops.size else X[-1]
    assert reach == pytest.approx(slow, abs=2e-4)
    assert 0 <= needed <= push <= reach + 1e-12


@given(st.floats(1e6, 1e11), st.floats(0.005, 0.2), st.floats(1e3, 1e9))
def test_a_law_and_its_cost_are_inverse(volume, volatility, flow):
    impact, cost = cascade.square_root(volume, volatility)
    assert float(cost(impact(np.array(flow)))) == pytest.approx(flow, rel=1e-9)
    impact, cost = cascade.book_walk(np.array([0.001, 0.004]), np.array([1e6, 9e6]))
    assert float(cost(impact(np.array(flow)))) == pytest.approx(flow, rel=1e-9)


def test_a_thinner_book_carries_further():
    distance, depth = np.array([0.001, 0.01]), np.array([1e6, 2e7])
    (thick, _), (thin, _) = cascade.book_walk(distance, depth), cascade.book_walk(distance, depth * 0.1)
    flow = X * 2e8
    assert follow(flow, 0.02, thin)[0] > follow(flow, 0.02, thick)[0]
    assert follow(flow, 0.02, thin)[1] < follow(flow, 0.02, thick)[1]


@given(
    st.lists(st.tuples(st.floats(1e-4, 0.01), st.floats(1e3, 1e6)), min_size=1, max_size=8),
    st.floats(0, 3),
)
def test_the_book_walk_is_what_eating_the_orders_level_by_level_gives(levels, share):
    steps, sizes = (np.array(column) for column in zip(*levels, strict=True))
    distance, depth = np.cumsum(steps), np.cumsum(sizes)
    impact, _cost = cascade.book_walk(distance, depth)
    flow = share * depth[-1]
    left, gone = flow, 0.0
    for step, size in levels:
        eaten = min(left, size)
        gone += step * eaten / size
        left -= eaten
    # Beyond what is displayed the book goes on as dense as it was on the whole.
    gone += left * distance[-1] / depth[-1]
    assert float(impact(np.array(flow))) == pytest.approx(gone, rel=1e-9, abs=1e-15)


def test_a_push_of_more_than_a_days_volume_is_told_as_such():
    path, volume, interest = walk()
    found = mapped(path, [venue("a", volume, interest)])
    for day_usd in (1e3, 1e6, 1e12):
        law = cascade.square_root(day_usd, 0.03)
        told = cascade.run(found, found.price * 1.1, {"square root": law}, volume_day_usd=day_usd).laws[0]
        assert told.beyond_day == (told.cost_usd.value > day_usd)
    # At Y sigma of a day the law costs a day's volume: beyond it, and not before, where nothing is carried.
    empty = msgspec.structs.replace(found, forced=0 * found.forced, draws=0 * found.draws)
    for push, beyond in ((0.029, False), (0.031, True)):
        law = {"square root": cascade.square_root(1e9, 0.03)}
        assert cascade.run(empty, found.price * (1 + push), law, volume_day_usd=1e9).laws[0].beyond_day is beyond
    assert cascade.run(found, found.price * 1.1, law).laws[0].beyond_day is None


def test_what_a_distance_costs_in_a_book_moves_the_price_by_that_distance():
    impact, cost = cascade.book_walk(np.array([0.001, 0.004, 0.01]), np.array([1e6, 5e6, 9e6]))
    for flow in (3e5, 1e6, 4e6, 9e6, 1e7, 5e8):
        assert cost(impact(np.array([flow]))) == pytest.approx(flow)
