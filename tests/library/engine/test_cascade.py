"""Cascades: twins, limits and the words they are told in."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import cascade
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.random_numbers import normal
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


def slow_follow(x, flow, push, impact, scale):
    """Return reach, push needed and the largest reproduction number, point by point."""
    carried = [scale * float(impact(np.array(n))) for n in flow]
    here = float(np.interp(push, x, carried))
    ways = [(push, -here), *((d, d - push - c) for d, c in zip(x, carried, strict=True) if d > push)]
    reach = ways[-1][0]
    for (d0, left0), (d1, left1) in zip([ways[0], *ways], ways, strict=False):
        if left1 >= 0:
            reach = d1 if d0 == d1 else d0 + (d1 - d0) * (0 - left0) / (left1 - left0)
            break
    free = [d - c for d, c in zip(x, carried, strict=True) if d <= push] + [push - here, 0.0]
    grows = [i for i, d in enumerate(x) if flow[i] > 0 and d <= max(reach, push)]
    if len(grows) < 2:
        return reach, min(max(free), push), math.nan
    slope = np.gradient([carried[i] for i in grows], [x[i] for i in grows])
    return reach, min(max(free), push), slope.max()


def shown(seed, first):
    """Return a map of a few draws with mass on both sides from some bins off the price on."""
    path, volume, interest = walk(60)
    made = mapped(path, [venue("a", volume, interest, bars=60)])
    g = np.random.default_rng(seed)
    forced, half = np.zeros_like(made.forced), made.forced.shape[1] // 2
    forced[LONG, : half - first] = g.gamma(0.5, 2e5, half - first)
    forced[SHORT, half + first :] = g.gamma(0.5, 2e5, half - first)
    draws = forced * g.lognormal(0, 0.4, (30, 2, 1))
    return msgspec.structs.replace(made, forced=forced, draws=draws, exposed=3 * forced)


@pytest.mark.parametrize(
    ("move", "law", "first"), [(0.06, 2e9, 0), (-0.06, 2e9, 0), (-0.11, 1.2e8, 6), (0.0151, 1e9, 6)]
)
def test_a_cascade_is_what_points_one_by_one_give(move, law, first):
    made, seed = shown(3, first), 5
    impact, cost = linear(law), linear(1 / law)
    found = cascade.run(made, made.price * (1 + move), {"law": (impact, cost)}, seed, volume_day_usd=law * 0.05)
    side, push, bins = SHORT if move > 0 else LONG, abs(move), made.forced.shape[1] // 2
    # From the price outward: distances at which bins end, and what is liquidated up to there.
    edges = made.log_edges[bins + 1 :] if side == SHORT else made.log_edges[:bins][::-1]
    x = [abs(math.exp(v) - 1) for v in edges]

    def outward(mass):
        return np.cumsum(mass[side, bins:] if side == SHORT else mass[side, :bins][::-1])

    flows = [outward(made.forced), *(outward(d) for d in made.draws)]
    scales = [1.0, *np.exp(0.3 * normal(f"{seed} impact", 30))]
    rows = [slow_follow(x, n, push, impact, s) for n, s in zip(flows, scales, strict=True)]
    reaches, needed, largest = (np.array(column) for column in zip(*rows, strict=True))
    (told,) = found.laws
    prices = made.price * (1 + np.sign(move) * reaches)
    costs = needed / scales * law
    for got, values in (
        (told.reach, prices),
        (told.push_needed, needed),
        (told.carried, 1 - needed / push),
        (told.cost_usd, costs),
        (told.reproduction, largest),
        (found.forced, np.array([np.interp(push, x, n) for n in flows])),
    ):
        if math.isnan(values[0]):  # of one bin no growth is told
            assert got is None
            continue
        low, high = np.nanquantile(values[1:], [0.05, 0.95])
        expected = values[0], min(low, values[0]), max(high, values[0])
        assert msgspec.structs.astuple(got) == pytest.approx(expected, rel=1e-6)
    assert (found.side, told.name) == ("short" if move > 0 else "long", "law")
    assert found.exposed_usd == pytest.approx(3 * np.interp(push, x, flows[0]))
    assert found.target == made.price * (1 + move)
    assert told.beyond_day is bool(costs[0] > law * 0.05)


def test_of_one_bin_no_growth_is_told_and_of_two_it_is():
    flow = np.zeros(X.size)
    flow[7:] = 1.0
    for push, told in ((float(X[7]), False), (float(X[8]), True)):
        assert math.isnan(follow(flow / 1e6, push, linear(1.0))[2]) is not told
    made = shown(3, 6)
    nearest = made.price * math.exp(6.5 * 0.0025)
    assert cascade.run(made, nearest, {"law": (linear(1e15), linear(1e-15))}).laws[0].reproduction is None


def test_a_push_that_ends_where_it_began_is_not_carried():
    # What is liquidated up to the push carries nothing by this law, so it ends at the push itself.
    reach, needed, _largest = follow(X, 0.0501, lambda flow: 0 * flow)
    assert (reach, needed) == (0.0501, 0.0501)
    # It stops exactly where what carries it is used up: a step of a tenth at the third bin beyond.
    step = np.where(X > 0.0551, 0.01, 0.0)
    assert follow(step, 0.05, linear(1.0))[0] == pytest.approx(0.05)
    assert follow(np.where(X > 0.0501, 0.01, 0.0), 0.0501, linear(1.0))[0] > 0.0501
