"""Kept maps: what they hold put together venue by venue, what price crossed bar by bar, and how both are scored."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from imbalance.engine import density, frozen, scores
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.clusters import mass_between
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import market_cohorts
from imbalance.engine.leverage import prior_weights
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.venue import DAY_MS, HOUR_MS
from imbalance.engine.walk import Refit, walk
from imbalance.path import PricePath
from tests.library.engine.test_engine import CAP, DEDUCTION, RATE
from tests.library.engine.test_walking import observed_market

A = Assumptions(distances=4)


@pytest.mark.parametrize("interval_ms", [HOUR_MS // 2, 4 * HOUR_MS, DAY_MS])
def test_a_kept_map_is_what_venues_that_print_hold_one_by_one(interval_ms):
    bars, first = 3 * DAY_MS // interval_ms, 2 * DAY_MS // interval_ms
    _time_ms, path, rows = observed_market(interval_ms, bars)
    rows[0] = msgspec.structs.replace(rows[0], cap_usd=CAP / 2, rate=RATE * 5, deduction_usd=DEDUCTION * 2.5)
    g = np.random.default_rng(2)
    fit = Refit(
        first,
        g.gamma(1, 0.1, (3, 4 * 8)),
        np.array([0.4, 1.0]),
        g.uniform(0.5, 2, (3, 2)),
        np.array([0.3, 0.7]),
        g.uniform(0.5, 2, (2, 3)),
    )
    got = frozen._maps(interval_ms, path, rows, np.array([1, 2]), A, fit)
    past = path.until(first)
    short = [msgspec.structs.replace(v, volume=v.volume[:first], open_interest=v.open_interest[:first]) for v in rows]
    cohorts, ones = market_cohorts(past, short, interval_ms, A), np.ones((1, first))
    lone = build(past, ones, ones, interval_ms / DAY_MS, A.lives(), ones[0], A.turnover_share)
    edges, price, points = density.distance_edges(4), path.close[first - 1], 9 if interval_ms > HOUR_MS else 2
    expected = np.zeros((4, 2, density.log_edges().size - 1))
    day = [2 if cohorts.old[c] else birth * interval_ms // DAY_MS for c, birth in enumerate(cohorts.birth)]
    for (v, capture), when in itertools.product(((1, 0.4), (2, 1.0)), range(3)):
        left = cohorts.left_at_end()[v] * np.array([d == when for d in day])
        mass = density.mass_basis(past, cohorts, left, edges, price, points, inverse=rows[v].inverse)[0]
        for way, side in np.ndindex(3, 2):
            weights = fit.weights[way].reshape(4, 8)
            times = capture * fit.level[way, side] * fit.opened[side, when]
            expected[way, side] += times * np.einsum("dkb,dk->b", mass[side], weights)
    mass = density.mass_basis(past, lone, lone.left_at_end()[0], edges, price, points)[0]
    # Ladders are weighted by what is open at that time.
    prior = prior_weights(A, rows, np.stack([v.open_interest[:first] for v in rows]), edges, 1.0)
    expected[3] = np.einsum("sdkb,dk->sb", mass, prior * np.repeat([1.0, 3.0], 4))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * expected.max())


def slow_crossed(path, mass, observed, after, side):
    """Return what bands held, what was seen in them and how much of each was crossed, bar by bar."""
    price = path.close[after.start - 1]
    bands = range(42)
    crossed, seen = np.zeros(42), np.zeros(42)
    depth = 0.0
    for t, usd in zip(range(after.start, after.stop), observed, strict=True):
        way = np.log(path.high[t] / price) if side == SHORT else -np.log(path.low[t] / price)
        if way <= depth:
            continue
        for b in bands:
            width = max(min(way, 0.01 * (b + 1)) - max(depth, 0.01 * b), 0.0)
            crossed[b] += width
            seen[b] += usd * width / (way - depth)
        depth = way
    held = np.zeros((len(mass), 42))
    for b in bands:
        near, far = 0.01 * b, min(depth, 0.01 * (b + 1))
        if far > near:
            low, high = (near, far) if side == SHORT else (-far, -near)
            held[:, b] = mass_between(density.log_edges(), mass, low, high)
    return np.stack([*held, seen, crossed])[:, crossed > 0]


@pytest.mark.parametrize("side", [LONG, SHORT])
@pytest.mark.parametrize("jump", [0.0, 0.6])
def test_what_price_crosses_is_what_bars_one_by_one_give(side, jump):
    g = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(g.normal(0, 0.02, 20)))
    close[15:] *= np.exp(jump if side == SHORT else -jump)  # beyond the map
    path = PricePath(close, close * np.exp(g.uniform(0, 0.02, 20)), close * np.exp(-g.uniform(0, 0.02, 20)), close)
    mass, observed, after = g.gamma(1, 1e6, (2, density.log_edges().size - 1)), g.gamma(1, 1e6, 12), slice(8, 20)
    got = frozen._crossed(path, mass, observed, after, side)
    expected = slow_crossed(path, mass, observed, after, side)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)


def test_bands_of_all_maps_are_scored_together():
    g = np.random.default_rng(5)
    cases = [np.vstack([g.gamma(1, 1e5, (4, n)), g.uniform(0, 0.01, n)]) for n in (13, 0, 12)]
    row = frozen._scored(2.0, 3, cases)
    model, member, null, seen, width = np.hstack(cases)

    def error(held):
        scaled = held * seen.sum() / held.sum()
        return np.mean([abs(np.log((a + 1e4) / (b + 1e4))) for a, b in zip(scaled, seen, strict=True)])

    sums = [(case[0].sum() + 1e4) / (case[3].sum() + 1e4) for case in cases if case.size]
    assert (row.days, row.maps, row.bands) == (2.0, 3, 25)
    assert (row.spearman, row.width_spearman) == pytest.approx(
        (scores.spearman(seen, model), scores.spearman(seen, width))
    )
    assert (row.ln_error, row.level_ln_error) == pytest.approx((error(model), np.mean(np.abs(np.log(sums)))))
    for other, name, held in zip(row.others, ("member 1", "path null"), (member, null), strict=True):
        assert (other.name, other.spearman, other.ln_error) == (
            name,
            pytest.approx(scores.spearman(seen, held)),
            pytest.approx(error(held)),
        )


@pytest.mark.parametrize(
    ("row", "times", "told"), [(0, 0.0, False), (2, 0.0, False), (1, 0.0, True), (0, 1e-9, True), (2, 1e-9, True)]
)
def test_maps_that_hold_nothing_and_bands_in_which_nothing_was_seen_are_not_scored(row, times, told):
    case = np.random.default_rng(5).gamma(1, 1e5, (4, 25))
    case[row] *= times
    assert (frozen._scored(1.0, 1, [case]) is not None) is told


def test_maps_of_every_day_are_followed_over_each_horizon():
    bars, interval_ms = 9 * 6, 4 * HOUR_MS
    time_ms, path, rows = observed_market(interval_ms, bars)
    unknown = np.where(np.arange(bars) == 50, np.nan, 1.0)
    rows = [msgspec.structs.replace(v, long_liquidations=np.nan_to_num(v.long_liquidations) * unknown) for v in rows]
    rows = [msgspec.structs.replace(v, short_liquidations=np.nan_to_num(v.short_liquidations)) for v in rows]
    found = walk(time_ms, interval_ms, path, rows, A)
    assert [fit.first for fit in found.fits] == [30, 36, 42, 48]
    horizons = [0.5, 1.0, 1.25, 2.0, 4.0]
    got = {row.days: row for row in frozen.frozen_scores(interval_ms, path, rows, A, found, horizons)}
    # Of bar 50 nothing is known: no map is followed over it, and none beyond the last bar.
    for days, maps in ((0.5, 3), (1.0, 3), (1.25, 3), (2.0, 2)):
        cases = []
        for fit in found.fits[:maps]:
            after = slice(fit.first, fit.first + round(6 * days))
            mass = frozen._maps(interval_ms, path, rows, found.printed, A, fit)
            cases += [frozen._crossed(path, mass[:, s], found.observed[s, after], after, s) for s in (LONG, SHORT)]
        assert got.get(days) == frozen._scored(days, maps, cases)
    assert got[2.0].maps == 2
    assert 4.0 not in got
