"""The parts of a walk through time, each against a plain loop or a case worked out by hand."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest

from imbalance.engine import assimilate, calibration, density, ensemble, features, lean, ranges
from imbalance.engine import walk as walking
from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.cohorts import build
from imbalance.engine.ensemble import Sample
from imbalance.engine.estimate import market_cohorts
from imbalance.engine.leverage import prior_weights
from imbalance.engine.venue import DAY_MS, HOUR_MS, in_contracts
from imbalance.path import PricePath
from tests.library.engine.test_calibration import counted
from tests.library.engine.test_engine import venue, walk
from tests.library.engine.test_structures import pressed
from tests.support.features import apart, standing_and_own, together

MINUTE_MS = 60_000


def test_a_trailing_mean_is_of_the_bars_before():
    values = np.array([2.0, 4.0, 9.0, 1.0, 5.0])
    # What has none before it: its own value for a state of the market, nothing for a flow.
    assert walking._trailing(values, 2).tolist() == [2.0, 2.0, 3.0, 6.5, 5.0]
    assert features.trailing(values, 2).tolist() == [0.0, 2.0, 3.0, 6.5, 5.0]
    assert features.trailing(np.stack([values, 2 * values]), 9)[1].tolist() == [0.0, 4.0, 6.0, 10.0, 8.0]


def test_what_opens_in_a_bar_goes_with_the_root_of_its_range():
    high, low = np.exp([0.01, 0.01, 0.04, 0.0]), np.ones(4)
    path = PricePath(low, high, low, low)
    found = features.own_bar_flow(np.array([3.0, 5.0, 7.0, 9.0]), path, 2)
    # The third bar is four times as wide as usual, the last has no width at all.
    assert found == pytest.approx([0.0, 3.0, 4.0 * 2.0, 0.0])
    still = features.own_bar_flow(np.ones(3), PricePath(*np.ones((4, 3))), 2)
    assert still.tolist() == [0.0, 1.0, 1.0]  # where nothing moves every bar is as usual


def test_moves_are_from_the_last_close_and_features_know_the_bar_and_the_days_before():
    path, volume, interest = walk(30, seed=4, sd=0.02)
    opens, high, low, close = (np.asarray(p) * f for p, f in zip(path, (1.0, 1.001, 0.999, 1.0), strict=True))
    opens = opens * np.where(np.arange(30) % 3 == 0, 1.004, 0.997)  # opens off the close before, within the extremes
    high, low = np.maximum(high, opens), np.minimum(low, opens)
    move, x = walking._base(PricePath(opens, high, low, close), interest[None], volume[None], 4)
    width = np.log(np.log(high / low) + 5e-4)
    for t in range(1, 30):
        start = max(close[t - 1], opens[t])
        floor = min(close[t - 1], opens[t])
        fall, rise = math.log(start / low[t]), math.log(high[t] / floor)
        assert move[:, t] == pytest.approx([max(fall, 0), max(rise, 0)])

        def before(values, span, t=t):
            return values[max(t - span, 0) : t].mean()

        for side, (mine, other) in enumerate(((fall, rise), (rise, fall))):
            m = math.log(max(mine, 0) + 5e-4)
            state = [before(width, 4), before(width, 20), before(np.log(interest), 4), before(np.log(volume), 4)]
            expected = [m, m**2, m**3, math.log(max(other, 0) + 5e-4), *state, m * state[0]]
            assert x[side, t] == pytest.approx(expected)


def test_a_bar_without_volume_and_open_interest_has_a_state_of_its_own():
    path, volume, interest = walk(5)
    nothing = np.where(np.arange(5) == 1, 0.0, 1.0)
    _move, x = walking._base(path, np.stack([interest * nothing] * 2), (volume * nothing)[None], 1)
    assert x[:, 2, 6:8] == pytest.approx(np.full((2, 2), math.log(1e-9)))
    assert x[0, 3, 6:8] == pytest.approx([math.log(2 * interest[2]), math.log(volume[2])])


@pytest.mark.parametrize(("bars", "bins"), [(14, 0), (15, 1), (29, 1), (30, 2), (119, 7), (120, 8), (400, 8)])
def test_intervals_are_what_predictions_of_that_size_went_on_to_show(bars, bins):
    # Two sides of so many bars before today: 30 cases and more make a class, at most eight of them.
    g = np.random.default_rng(bars)
    predicted, observed = g.lognormal(0, 1, (2, bars + 3)), g.lognormal(0, 1, (2, bars + 3))
    low, high = walking._intervals(observed, predicted, 0, bars)
    assert np.isnan(low[:, :bars]).all()
    if not bins:
        assert np.isnan(low).all()
        return
    p, o = predicted[:, :bars].ravel(), observed[:, :bars].ravel()
    cuts = [np.quantile(p, i / bins) for i in range(1, bins)]
    for side in (0, 1):
        for t in range(bars, bars + 3):
            mine = sum(predicted[side, t] > cut for cut in cuts)
            alike = [b / a for a, b in zip(p, o, strict=True) if sum(a > cut for cut in cuts) == mine]
            share = np.quantile(alike, [0.05, 0.95])
            assert (low[side, t], high[side, t]) == pytest.approx(tuple(predicted[side, t] * share))


def test_intervals_leave_out_what_was_not_predicted_or_not_seen():
    predicted, observed = np.ones((2, 40)), np.ones((2, 40))
    observed[0, :5], predicted[1, :5] = np.nan, 0.0
    for hidden, told in ((0, True), (1, False)):  # 40 cases less ten are 30
        observed[0, 5 : 5 + hidden] = np.nan
        low, _high = walking._intervals(observed, predicted, 0, 20)
        assert np.isfinite(low[:, 20:40]).all() == told


def test_hours_are_sums_of_bars_less_what_is_left_over():
    x = np.arange(7.0)[None, :, None, None, None] * np.ones((1, 1, 2, 1, 2))
    y = np.stack([np.arange(7.0), 10 * np.arange(7.0)])[None]
    y[0, 1, 2] = np.nan
    found = walking._hours(Sample([x], y, np.array([0, 0, 0, 1, 1, 1, 2]), np.array([True])), 2)
    assert found.x[0][0, :, 0, 0, 0].tolist() == [1, 5, 9]
    assert found.y[0, 0].tolist() == [1, 5, 9]
    assert found.y[0, 1, [0, 2]].tolist() == [10, 90]
    assert np.isnan(found.y[0, 1, 1])
    assert found.day.tolist() == [0, 0, 1]


def test_the_first_fit_is_of_five_days_and_the_next_are_a_day_apart():
    path, row = pressed(24 * 8)
    found = walking.walk(np.arange(24 * 8, dtype=np.int64) * HOUR_MS, HOUR_MS, path, [row], Assumptions())
    assert [fit.first for fit in found.fits] == [120, 144, 168]
    assert np.isnan(found.predicted[:, :120]).all()
    assert np.isfinite(found.predicted[:, 120:]).all()
    assert found.day.tolist() == [t // 24 for t in range(24 * 8)]


def test_liquidations_are_summed_by_the_hour_and_known_where_all_its_bars_are():
    bars = 4 * 24 * 12  # twelve days of quarters
    path, volume, interest = walk(bars, sd=0.002)
    long = np.ones(bars)
    long[4 * 24 * 5 + 2] = np.nan
    row = venue("a", volume, interest, long, 2 * np.ones(bars), complete=True, bars=bars)
    time_ms = np.arange(bars, dtype=np.int64) * 15 * MINUTE_MS + 100 * DAY_MS + 30 * MINUTE_MS
    a = Assumptions()
    cohorts, edges = market_cohorts(path, [row], 15 * MINUTE_MS, a), density.distance_edges(a.distances)
    sample, _ages = calibration.hourly(time_ms, 15 * MINUTE_MS, path, [row], cohorts, edges, np.zeros(1, dtype=np.intp))
    # It begins at half past: the first hour has two quarters, so the last has two as well.
    assert sample.y.shape == (1, 2, 24 * 12 + 1)
    assert np.isnan(sample.y[:, :, :48]).all()  # what two days teach is about the guess of the old inventory
    assert np.isfinite(sample.y[0, 1, 48:]).all()
    assert np.flatnonzero(np.isnan(sample.y[0, 0, 48:])).tolist() == [24 * 5 + 1 - 48]
    hour = slice(4 * 60 - 2, 4 * 61 - 2)
    assert sample.y[0, 0, 60] == pytest.approx(path.close[hour].sum())
    assert sample.y[0, 1, 60] == pytest.approx(2 * path.close[hour].sum())
    assert sample.day.tolist() == [t // 24 for t in range(24 * 12 + 1)]
    assert sample.complete.tolist() == [True]
    # Of less than eight days a quarter is left out.
    short = slice(0, 4 * 24 * 4)
    part = venue("a", volume[short], interest[short], long[short], long[short], bars=4 * 24 * 4)
    cohorts = market_cohorts(path.until(4 * 24 * 4), [part], 15 * MINUTE_MS, a)
    sample, _ages = calibration.hourly(
        time_ms[short], 15 * MINUTE_MS, path.until(4 * 24 * 4), [part], cohorts, edges, np.zeros(1, dtype=np.intp)
    )
    assert np.flatnonzero(np.isfinite(sample.y[0, 0]))[0] == 97 // 4


def test_effective_events_are_heeded_and_only_of_what_is_known():
    y, mean = np.array([[[4.0, np.nan]], [[2.0, 6.0]]]), np.array([[[2.0, 8.0]], [[1.0, 3.0]]])
    observed, expected = calibration.effective(y, mean, np.array([2.0, 1.0]), 0.5)
    # Attention f / (mu + f): a half and nothing, a half and a quarter; over a dispersion of a half.
    assert observed.tolist() == [[(4 * 0.5 + 2 * 0.5) / 0.5, 6 * 0.25 / 0.5]]
    assert expected.tolist() == [[(2 * 0.5 + 1 * 0.5) / 0.5, 3 * 0.25 / 0.5]]


def test_parts_of_a_mixture_go_with_weight_and_evidence():
    assert ensemble.parts(np.array([3.0, 1.0]), np.zeros(2)) == pytest.approx([0.75, 0.25])
    assert ensemble.parts(np.array([1.0, 1.0]), np.array([1000.0, 1000.0 - 10 * math.log(4)])) == pytest.approx(
        [0.8, 0.2]
    )


def test_the_models_form_is_a_common_factor_one_a_side_and_one_that_grows_near():
    z = np.zeros((5, 7))
    z[0, 2], z[1, 3], z[2, 4], z[3, 5], z[4, 6] = 1.0, 1.0, 1.0, 1.0, 1.0
    a = Assumptions(structure_log_sd=(0.2, 0.1, 0.3))
    form = np.log(ranges._form(a, z))
    np.testing.assert_allclose(form[0], 0.2)
    one_side = np.array([0.1, 0.0])[:, None] * np.ones(form.shape[2])
    np.testing.assert_allclose(form[1], one_side)
    np.testing.assert_allclose(form[2], one_side[::-1])
    middles = np.abs(density.log_edges()[1:] + density.log_edges()[:-1]) / 2
    # Nothing from the pivot outward, and at the price itself no more than 2.5 deviations.
    near = 0.3 * np.clip(np.log(0.15 / middles), 0.0, 2.5)
    assert near.min() == 0.0
    np.testing.assert_allclose(form[3], [near, 0 * near], atol=1e-15)
    np.testing.assert_allclose(form[4], [0 * near, near], atol=1e-15)
    # The more the data had to move the prior, the wider, by the square, but for what is far beyond the usual.
    for times, wider in ((0.1, 0.09), (0.8, 0.64), (1.05, 1.1025), (1.2, 1.21)):
        np.testing.assert_allclose(np.log(ranges._form(a, z, 0.7 * times)), form * wider, atol=1e-15)


def test_what_is_exposed_has_the_shape_of_the_weights_and_the_priors_totals():
    prior = np.array([[0.2, 0.9, 0.1], [0.4, 0.9, 0.1]])
    weights = np.array([[1.0, 3.0, 0.0], [3.0, 1.0, 0.0]])
    found = ranges.exposed_weights(weights.ravel(), prior, np.array([1.0, 0.5, 1.0])).reshape(2, 3)
    # Totals of 0.6, of no more than 1 (half of the mixture), and none where there is no weight.
    assert found == pytest.approx(np.array([[0.15, 0.375, 0.0], [0.45, 0.125, 0.0]]))


def observed_market(interval_ms, bars):
    """Return bar times, a path and five venues: three that print, one of them complete and in coin, and two silent."""
    path, volume, interest = walk(bars, seed=6, sd=0.01 * math.sqrt(interval_ms / HOUR_MS))
    g = np.random.default_rng(1)
    fall, rise = (
        np.log(a / b) * interest / 50 * g.gamma(0.5, 2.0, bars)
        for a, b in ((path.open, path.low), (path.high, path.open))
    )
    holes = np.where(g.random(bars) < 0.02, np.nan, fall / 2)
    rows = [
        venue("a", volume, interest, bars=bars),
        venue("b", volume / 2, interest / 3, fall, rise),
        msgspec.structs.replace(venue("c", volume, interest[::-1] / 2, holes, rise / 2, complete=True), inverse=True),
        venue("d", volume, interest, 0 * fall, 0 * rise),
        venue("e", volume / 5, interest / 7, rise / 9, np.where(holes > 0, fall, np.nan) / 9),
    ]
    return np.arange(bars, dtype=np.int64) * interval_ms + 100 * DAY_MS, path, rows


def kept_features(path, cohorts, edges, points, rows, printed, a_day, day=None):
    """Return features of venues of both kinds, a bar a bucket, all structures on one axis, and those by day and age."""
    inverse, bucket = np.array([rows[v].inverse for v in printed]), np.arange(path.open.size)
    x, ages = features.standing_and_own(path, cohorts, edges, bucket, points, printed, inverse, a_day, day)
    return together(x), ages


@pytest.mark.parametrize("interval_ms", [HOUR_MS // 2, 4 * HOUR_MS, DAY_MS])
def test_a_walk_is_put_together_day_by_day(interval_ms):
    a, a_day = Assumptions(distances=4), DAY_MS // interval_ms
    bars = 8 * a_day + 1
    time_ms, path, rows = observed_market(interval_ms, bars)
    found = walking.walk(time_ms, interval_ms, path, rows, a)
    lives, edges, printed = a.lives(), density.distance_edges(4), np.array([1, 2, 4])
    prior = prior_weights(a, rows, np.stack([v.open_interest for v in rows]), edges, 1.0)
    cohorts = market_cohorts(path, rows, interval_ms, a)
    points = 9 if interval_ms > HOUR_MS else 2
    day = np.arange(bars) // a_day
    x, ages = kept_features(path, cohorts, edges, points, rows, printed, a_day, day)
    y = np.stack([[rows[v].long_liquidations, rows[v].short_liquidations] for v in printed]) * path.close
    complete, wide = np.array([False, True, False]), 2 if interval_ms < HOUR_MS else 1

    def hours(first, stop):
        """Return the sample of bars summed over hours, a bar alone where bars are longer."""
        cuts = range(first, stop, wide)
        sums = [np.stack([v[:, :, t : t + wide].sum(axis=2) for t in cuts], axis=2) for v in (x, y)]
        return Sample(apart(sums[0], lives), sums[1], day[first:stop:wide] - day[first], complete)

    ways, events = np.full((3, 3, 2, bars), np.nan), np.zeros((3, 2, 2, bars))
    evidence, starts, trended = np.zeros(2), range(5 * a_day, bars, a_day), lean.trend(path, a_day, day)
    for fit, start in zip(found.fits, starts, strict=True):
        fits = ensemble.fit(hours(2 * a_day, start), prior, lives, 0, 0)
        share = np.array([1.0, 3.0]) * np.exp(0.1 * (evidence - evidence.max()))
        share /= share.sum()
        stop = min(start + a_day, bars)
        today = Sample(apart(x[:, :, start:stop], lives), y[:, :, start:stop], day[start:stop], complete)
        each = ensemble.predicted(fits, today)
        assert fit.first == start
        assert fit.share == pytest.approx(share)
        assert fit.capture == pytest.approx(share[0] * fits[0].capture + share[1] * fits[1].capture)
        past = hours(0, start)
        past.y[:, :, : 2 * a_day // wide] = np.nan  # as in the fit
        opened = counted(past, ages[..., : start // a_day, :], fits, share, lives, trended[: start // a_day])[2]
        np.testing.assert_allclose(fit.opened, opened, rtol=1e-6)
        own = [f.weights.reshape(4, 5)[:, :4] for f in fits]
        for got, (one, other) in zip(fit.weights, (share, (1, 0), (0, 1)), strict=True):
            assert got == pytest.approx(np.hstack([one * own[0], other * own[1]]).ravel())
        floor = fits[0].floor * (0.5 if interval_ms < HOUR_MS else 1.0)
        means = (share[0] * each[0] + share[1] * each[1], *each)
        for way, (mean, phi) in enumerate(zip(means, [fits[0].dispersion, *(f.dispersion for f in fits)], strict=True)):
            ways[way, :, :, start:stop] = mean
            heed = np.where(np.isfinite(today.y), floor[:, None, None] / (mean + floor[:, None, None]), 0.0) / phi
            events[way, 0, :, start:stop] = (heed * np.nan_to_num(today.y)).sum(axis=0)
            events[way, 1, :, start:stop] = (heed * mean).sum(axis=0)
        if stop - start == a_day:
            evidence += ensemble.evidence(fits, hours(start, stop))
    for way, got in enumerate((found.predicted, *found.members)):
        level = assimilate.side_levels(events[way, 0], events[way, 1], interval_ms / DAY_MS)[0]
        known = np.isfinite(y)
        expected = np.where(known, ways[way], 0.0).sum(axis=0) * level[:, :-1]
        expected[:, : 5 * a_day] = np.nan
        np.testing.assert_allclose(got, np.where(known.any(axis=0), expected, np.nan), rtol=1e-6)
        for fit in found.fits:
            assert fit.level[way] == pytest.approx(level[:, fit.first])
    seen = np.where(np.isfinite(y), y, 0.0).sum(axis=0)
    np.testing.assert_allclose(found.observed, np.where(np.isfinite(y).any(axis=0), seen, np.nan))
    assert (found.printed.tolist(), found.day.tolist()) == ([1, 2, 4], day.tolist())


@pytest.mark.parametrize("interval_ms", [HOUR_MS // 2, 4 * HOUR_MS, DAY_MS])
def test_baselines_of_a_walk_are_the_path_alone_and_leverages_that_nobody_leaves(interval_ms):
    a, a_day = Assumptions(distances=4), DAY_MS // interval_ms
    bars = 6 * a_day
    time_ms, path, rows = observed_market(interval_ms, bars)
    found = walking.walk(time_ms, interval_ms, path, rows, a)
    lives, edges, bucket = a.lives(), density.distance_edges(4), np.arange(bars)
    points = 9 if interval_ms > HOUR_MS else 2
    prior = prior_weights(a, rows, np.stack([v.open_interest for v in rows]), edges, 1.0)
    ones = np.ones((1, bars))
    lone = build(path, ones, ones, interval_ms / DAY_MS, lives, ones[0], a.turnover_share)
    x = standing_and_own(path, lone, edges, bucket, points, [0], a_day)[0][0]
    null = np.zeros((2, bars))
    for m, (weight, classes) in enumerate(((1.0, range(4)), (3.0, range(4, 8)))):
        for d in range(4):
            null += weight * sum(prior[d, k] * x[:, :, d, k] for k in classes)
            null += weight * sum(prior[d, k] * lives.share[k] for k in classes) * x[:, :, d, 8 + m]
    np.testing.assert_allclose(found.path_null, null, rtol=1e-9)
    # Distances of 5, 10, 20, 25, 50 and 100 times at a maintenance rate of half a per cent.
    distances = [1 - (1 - 1 / leverage) / 0.995 for leverage in (5, 10, 20, 25, 50, 100)]
    shares = [sum(low <= d < high for d in distances) / 6 for low, high in itertools.pairwise(edges)]
    never = Lives(np.array([1e-3]), np.ones(1), np.zeros(1), np.zeros(1, dtype=np.intp))
    contracts = in_contracts(rows, path.close)
    stay = build(path, *contracts, interval_ms / DAY_MS, never, np.ones(bars), 0.6)
    kept, _ages = kept_features(path, stay, edges, points, rows, np.array([1, 2, 4]), a_day)
    assert sum(share > 0 for share in shares) > 2
    fixed = sum(share * kept[:, :, :, d].sum(axis=(0, 3)) for d, share in enumerate(shares))
    np.testing.assert_allclose(found.fixed, fixed, rtol=1e-9)
