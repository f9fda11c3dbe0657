"""Figures read off a map against the same summed bin by bin and draw by draw."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from imbalance.engine.clusters import find_clusters, mass_between, narrowest_band
from imbalance.engine.liquidation_map import Range, range_of
from imbalance.engine.margin import LONG, SHORT
from tests.library.engine.test_engine import mapped, venue, walk

DRAWS = 21


def lopsided(shift=1.0):
    """Return a map of random mass on both sides, of which some draws have no longs."""
    path, volume, interest = walk(60)
    made = mapped(path, [venue("a", volume, interest, bars=60)])
    g = np.random.default_rng(3)
    half = made.forced.shape[1] // 2

    def one_sided(mass):
        mass[..., LONG, half:] = 0.0
        mass[..., SHORT, :half] = 0.0
        return mass

    forced, path_implied = (one_sided(g.gamma(0.3, 1e6, made.forced.shape)) for _ in range(2))
    draws, path_draws = (shift * m * g.lognormal(0, 0.4, (DRAWS, 2, 1)) for m in (forced, path_implied))
    draws[:3, LONG] = 0.0
    path_draws[3, LONG] = 0.0
    return msgspec.structs.replace(
        made, forced=forced, exposed=2 * forced, draws=draws, path_implied=path_implied, path_draws=path_draws
    )


def ranged(value, draws):
    low, high = np.quantile(draws, [0.05, 0.95])
    return pytest.approx(tuple(float(v) for v in (value, min(low, value), max(high, value))))


@pytest.mark.parametrize("shift", [1.0, 9.0, 0.1])
def test_a_bands_figures_are_sums_over_bins_and_quantiles_over_draws(shift):
    made = lopsided(shift)
    low_price, high_price = made.price * 0.931, made.price * 1.052
    low, high = math.log(0.931), math.log(1.052)
    risk = made.band(low_price, high_price)

    def inside(mass):
        return mass_between(made.log_edges, mass, low, high)[()]

    for side, row in ((LONG, risk.long), (SHORT, risk.short)):
        assert (row.usd, row.low, row.high) == ranged(inside(made.forced[side]), inside(made.draws[:, side]))
        assert row.exposed_usd == pytest.approx(inside(made.exposed[side]))
        run = narrowest_band(made.log_edges, made.forced[side], low, high, 0.8)
        assert row.band == pytest.approx(tuple(made.price * math.exp(v) for v in run))
    forced, implied = (inside(m[SHORT]) / inside(m[LONG]) for m in (made.forced, made.path_implied))
    each, path_each = (
        [inside(d[SHORT]) / inside(d[LONG]) if inside(d[LONG]) > 0 else math.nan for d in draws]
        for draws in (made.draws, made.path_draws)
    )
    lifts = [a / b for a, b in zip(each, path_each, strict=True) if math.isfinite(a / b)]
    assert len(lifts) == DRAWS - 4
    assert msgspec.structs.astuple(risk.ratio) == ranged(forced, each[3:])
    assert risk.path_implied_ratio == pytest.approx(implied)
    assert msgspec.structs.astuple(risk.lift) == ranged(forced / implied, lifts)
    assert (risk.low_price, risk.high_price, risk.comparable) == (low_price, high_price, made.comparable)
    assert made.window(4) == made.band(made.price * 0.96, made.price * 1.04)
    for side in (LONG, SHORT):
        lows, highs = made.bounds(side)
        q = np.quantile(made.draws[:, side], [0.05, 0.95], axis=0)
        np.testing.assert_allclose(lows, np.minimum(q[0], made.forced[side]))
        np.testing.assert_allclose(highs, np.maximum(q[1], made.forced[side]))
    assert made.edges == pytest.approx(made.price * np.exp(made.log_edges))


@pytest.mark.parametrize("empty", [LONG, SHORT])
def test_sides_without_mass_have_no_ratio(empty):
    made = lopsided()
    sides = np.array([[0.0], [1.0]] if empty == LONG else [[1.0], [0.0]])
    risk = msgspec.structs.replace(made, forced=made.forced * sides).window(5)
    assert (risk.ratio, risk.lift) == (None, None)
    assert risk.path_implied_ratio == made.window(5).path_implied_ratio
    risk = msgspec.structs.replace(made, path_implied=made.path_implied * sides).window(5)
    assert (risk.path_implied_ratio, risk.lift) == (None, None)
    assert risk.ratio == made.window(5).ratio
    # The smallest of masses is one.
    tiny = msgspec.structs.replace(made, forced=made.forced * (1e-9 + sides)).window(5)
    assert tiny.ratio is not None
    above, below = (made.price, made.price * 1.05), (made.price * 0.95, made.price)
    few = msgspec.structs.replace(made, forced=made.forced * 1e-9)
    assert few.ratio_between(above, below) == pytest.approx(made.ratio_between(above, below))


@pytest.mark.parametrize("shift", [1.0, 9.0, 0.1])
def test_clusters_of_both_sides_are_sums_over_their_runs(shift):
    made = lopsided(shift)
    found, expected = made.clusters(4), []
    for side, name in ((LONG, "long"), (SHORT, "short")):
        for first, last, peak in find_clusters(made.forced[side], 4):
            usd = made.forced[side, first : last + 1].sum()
            middle = made.log_edges[peak] + 0.00125
            expected.append(
                (
                    name,
                    *(made.price * math.exp(v) for v in (made.log_edges[first], made.log_edges[last + 1], middle)),
                    usd,
                    *np.quantile(made.draws[:, side, first : last + 1].sum(axis=1), [0.05, 0.95]),
                    made.exposed[side, first : last + 1].sum(),
                    math.exp(middle) - 1,
                )
            )
    assert len(found) == 8
    for cluster, row in zip(found, sorted(expected, key=lambda r: -r[4]), strict=True):
        name, low, high, peak, usd, usd_low, usd_high, exposed, distance = row
        assert cluster.side == name
        assert (cluster.low, cluster.high, cluster.peak) == pytest.approx((low, high, peak))
        assert (cluster.usd, cluster.exposed_usd, cluster.distance) == pytest.approx((usd, exposed, distance))
        assert (cluster.usd_low, cluster.usd_high) == pytest.approx((min(usd_low, usd), max(usd_high, usd)))
    assert len(made.clusters()) == 6


def test_a_range_is_of_finite_draws_and_holds_its_value():
    draws = np.array([np.nan, *range(101), np.inf])
    assert msgspec.structs.astuple(range_of(50.0, draws)) == (50, 5, 95)
    assert msgspec.structs.astuple(range_of(2.0, draws)) == (2, 2, 95)
    assert msgspec.structs.astuple(range_of(99.0, draws)) == (99, 5, 99)
    assert range_of(3.0, draws[:1]) == Range(3.0, 3.0, 3.0)
    assert range_of(3.0, np.array([7.0])) == Range(3.0, 3.0, 7.0)
