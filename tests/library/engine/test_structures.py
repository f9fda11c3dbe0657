"""Structures of lives: the clock, features, likelihood, mixture and levels, against plain loops; nothing peeks."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import (
    assimilate,
    calibrate,
    clock,
    cohorts,
    density,
    ensemble,
    features,
    flows,
    likelihood,
    ranges,
    solver,
)
from imbalance.engine.assumptions import Assumptions, Lives, Structure
from imbalance.engine.margin import LONG, SHORT, price_at_distance
from imbalance.engine.walk import walk as predict
from imbalance.path import PricePath
from tests.library.engine.test_engine import HOUR_MS, mapped, venue, walk
from tests.support.features import apart, standing_and_own

TWO = Lives(np.array([30.0, 2.0, 0.3]), np.array([0.6, 0.4, 1.0]), np.array([1.0, 1.0, 0.0]), np.array([0, 0, 1]))


def test_activity_is_turnover_over_its_mean_so_far_and_knows_nothing_later():
    _path, volume, interest = walk(60)
    rows = np.stack([volume, volume / 3]), np.stack([interest, interest[::-1] * 2])
    found = clock.activity(*rows, 0.6)
    closed = sum(flows.opened(v, w, 0, 0.6)[1] for v, w in zip(*rows, strict=True))
    turnover = closed / rows[1].sum(axis=0)
    slow = [min(turnover[t] / turnover[: t + 1].mean(), clock.MOST_ACTIVITY) for t in range(1, 60)]
    assert found[1:] == pytest.approx(slow)
    assert clock.activity(*(r[:, :37] for r in rows), 0.6) == pytest.approx(found[:37])
    assert (clock.activity(*(np.full((1, 9), np.nan) for _ in range(2)), 0.6) == 1).all()


def test_wall_time_and_activity_time_differ_by_the_power_alone():
    speed = np.array([1.0, 4.0, 0.25, 0.0])
    found = clock.exponents(np.array([2.0, 2.0, 1.0]), np.array([0.0, 1.0, 0.5]), speed, 0.5)
    assert found == pytest.approx(np.array([[0, 1, 2, 3], [0, 4, 4.25, 4.25], [0, 1, 1.25, 1.25]]))


def made(path, volume, interest, lives=TWO, days_a_bar=1.0):
    speed = clock.activity(volume[None], interest[None], 0.6)
    return cohorts.build(path, volume[None], interest[None], days_a_bar, lives, speed, 0.6)


# With 30 a day and a bar a day, exponents pass a segment every few bars.
@pytest.mark.parametrize("inverse", [False, True])
def test_features_are_what_loops_make(inverse, monkeypatch):  # noqa: C901 (plain loops are the point)
    monkeypatch.setattr(features, "SEGMENT", 45.0)
    monkeypatch.setattr(features, "FADED", 45.0)
    bars, points, cells = 30, 2, 5
    path, volume, interest = walk(bars, seed=3, sd=0.03)
    built, edges = made(path, volume, interest), density.distance_edges(cells)
    bucket = np.arange(bars) // 4
    x = standing_and_own(path, built, edges, bucket, points, np.zeros(1, int), 3, inverse=inverse)[0][0]
    slow, opened = np.zeros_like(x), built.opened[0]
    width = np.log(path.high / path.low)
    for side in (LONG, SHORT):
        for i in range(cells):
            for c in range(built.birth.size):
                for j in range(points):
                    u = math.modf((built.phase[c] * points + j + 0.5) * density.GOLDEN)[0]
                    entry = built.entry_low[c] + (built.entry_high[c] - built.entry_low[c]) * (j + 0.5) / points
                    distance = np.array(edges[i] * (edges[i + 1] / edges[i]) ** u)
                    level = float(price_at_distance(entry, distance, side, inverse=inverse))

                    def past(extreme, level=level, side=side):
                        return extreme <= level if side == LONG else extreme >= level

                    alive = 1.0
                    if past(built.seen_low[c] if side == LONG else built.seen_high[c]):
                        alive = 0.0 if past(built.seen_close[c]) else 0.5
                    worth, born = 1.0 if inverse else level, built.birth[c]
                    row = path.low if side == LONG else path.high
                    hit = next((t for t in range(born + 1, bars) if past(row[t])), None)
                    if hit is not None:
                        for k in range(3):
                            fade = math.exp(built.clock[k, born] - built.clock[k, hit - 1])
                            scale = built.scale[0, TWO.structure[k], hit - 1]
                            slow[side, bucket[hit], i, k] += alive * opened[k, c] * fade * scale * worth / points
                    if c < bars:
                        before = slice(max(c - 3, 0), c)
                        usual = width[before].mean() if c else 0.0
                        flow = opened[:2, before].sum() / max(c - before.start, 1)
                        flow *= math.sqrt(width[c] / usual) if usual > 0 else 1.0
                        for m in range(2):
                            own = (1 - alive) * worth * flow * built.scale[0, m, max(c - 1, 0)] / points
                            slow[side, bucket[c], i, 3 + m] += own
    assert x == pytest.approx(slow, rel=1e-9, abs=1e-6)
    assert (x.sum(axis=(0, 1, 2)) > 0).all()


def test_merged_cohorts_leave_what_their_bars_leave_and_span_their_range():
    path, volume, interest = walk(50, seed=4)
    built = made(path, volume, interest, days_a_bar=1 / 24)
    few = built.merged(4)
    assert few.birth[:13].tolist() == [3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47, 49]
    assert few.birth.size == 13 + built.birth.size - 50
    assert few.left_at_end().sum(axis=2) == pytest.approx(built.left_at_end().sum(axis=2))
    assert (few.entry_low[1], few.entry_high[1]) == (path.low[4:8].min(), path.high[4:8].max())
    assert (few.seen_low[12], few.seen_high[12], few.seen_close[12]) == (
        path.low[48:].min(),
        path.high[48:].max(),
        path.close[49],
    )
    assert built.merged(1) is built


# At 2.5 % a day price ranges over half of 0.5 % in 5.6 minutes, over half of 1.155 % in half an hour.
@pytest.mark.parametrize(
    ("nearest", "runs"), [(0.005, [(1, 1), (3, 1), (12, 1)]), (0.01155, [(3, 1), (12, 2)]), (0.017, [(12, 3)])]
)
def test_cohorts_are_merged_only_where_distance_is_far_beyond_their_range(nearest, runs):
    edges = nearest * 2.0 ** np.arange(4)
    found = features.merging(edges, 288)
    assert [(every, part.stop - part.start) for every, part in found] == runs
    assert features.merging(edges, 24) == [(1, slice(0, 3))]


def test_merging_changes_little_and_nothing_later_is_seen_through_it(monkeypatch):
    path, volume, interest = walk(288 * 6, seed=5, sd=0.0015)
    built, edges = made(path, volume, interest, days_a_bar=1 / 288), density.distance_edges(14)
    bucket = np.arange(288 * 6) // 12
    x = standing_and_own(path, built, edges, bucket, 1, np.zeros(1, int), 288)[0]
    bars = 288 * 4 + 7
    cut = made(path.until(bars), volume[:bars], interest[:bars], days_a_bar=1 / 288)
    short = standing_and_own(path.until(bars), cut, edges, bucket[:bars], 1, np.zeros(1, int), 288)[0]
    assert short[:, :, :-1] == pytest.approx(x[:, :, : short.shape[2] - 1], rel=1e-9, abs=1e-6)
    monkeypatch.setattr(features, "USUAL_RANGE", 1e3)
    exact = standing_and_own(path, built, edges, bucket, 1, np.zeros(1, int), 288)[0]
    near, far = slice(0, 5), slice(5, 9)
    assert x[..., near, :] == pytest.approx(exact[..., near, :])
    sums, whole = (v[..., far, :3].sum(axis=(0, 2, 3)) for v in (x, exact))
    assert sums == pytest.approx(whole, rel=0.2)
    assert (sums != whole).all()
    assert x[..., 3:] == pytest.approx(exact[..., 3:])


def test_only_what_has_faded_to_nothing_is_left_out_of_features(monkeypatch):
    path, volume, interest = walk(60, seed=3, sd=0.03)
    built, edges = made(path, volume, interest), density.distance_edges(5)
    arguments = path, built, edges, np.arange(60), 2, np.zeros(1, int), 3
    monkeypatch.setattr(features, "FADED", features.SEGMENT)
    whole = standing_and_own(*arguments)[0]
    monkeypatch.setattr(features, "FADED", 6.0)
    short = standing_and_own(*arguments)[0]
    assert (short <= whole * (1 + 1e-12)).all()
    left_out = (whole - short)[..., :3]
    assert (left_out > 0.5 * whole[..., :3]).any()
    # No more than e^-6 of all that was ever opened, at any price.
    assert left_out.sum(axis=2).max() < math.exp(-6) * built.opened.sum() * path.high.max() * built.scale.max()


def test_only_what_has_faded_to_nothing_is_left_out_of_the_map(monkeypatch):
    path, volume, interest = walk(60, seed=3, sd=0.03)
    built, edges = made(path, volume, interest), density.distance_edges(5)
    left = built.left_at_end()[0]
    first = [density._first_that_matters(row) for row in left]
    assert 60 > first[0] > first[1] > first[2] == 1  # nothing but the old inventory opens in the first bar
    arguments = path, built, left, edges, float(path.close[-1]), 2
    short = density.mass_basis(*arguments)
    monkeypatch.setattr(density, "LEAST_LEFT", 0.0)
    assert short == pytest.approx(density.mass_basis(*arguments), rel=1e-12, abs=1e-15 * short.max())


@given(st.integers(2, 38), st.sampled_from(["volume", "interest"]))
def test_of_a_bar_its_features_know_nothing_but_its_path(bar, which):
    path, volume, interest = walk(40, seed=6, sd=0.03)
    edges, bucket = density.distance_edges(6), np.arange(40)
    one = standing_and_own(path, made(path, volume, interest), edges, bucket, 3, np.zeros(1, int), 5)[0]
    (volume if which == "volume" else interest)[bar] *= 7
    other = standing_and_own(path, made(path, volume, interest), edges, bucket, 3, np.zeros(1, int), 5)[0]
    assert other[:, :, : bar + 1] == pytest.approx(one[:, :, : bar + 1], rel=1e-9)


@given(st.floats(0, 100), st.floats(0.1, 100), st.floats(0.1, 10), st.floats(0.5, 5))
def test_the_score_of_the_quasi_likelihood_is_the_heeded_residual(y, mean, floor, phi):
    step = 1e-5 * mean
    q = likelihood.quasi_likelihood(np.array(y), np.array([mean - step, mean + step]), np.array(floor), phi)
    u = likelihood.attention(np.array(mean), np.array(floor))
    assert float(np.diff(q)[0]) / (2 * step) == pytest.approx(u * (y - mean) / (mean * phi), rel=1e-4, abs=1e-6)


def test_one_burst_bends_a_robust_fit_less(monkeypatch):
    g = np.random.default_rng(3)
    x = g.gamma(0.5, 1, (1, 2000, 4)) * 1e6
    true = np.array([0.1, 0.2, 0.3, 0.4])
    y = g.poisson(x[0] @ true / 1e4)[None] * 1e4
    burst = y.copy().astype(float)
    burst[0, np.argmax(x[0, :, 0])] *= 60
    day = np.repeat(np.arange(40), 50)

    def moved():
        fits = [calibrate.fit(x, v.astype(float), true[:, None], np.array([True]), day, 0, 0) for v in (y, burst)]
        return np.abs(np.log(fits[1].weights / fits[0].weights)).max()

    monkeypatch.setattr(likelihood, "FLOOR_SHARE", 1.0)
    robust = moved()
    monkeypatch.setattr(likelihood, "FLOOR_SHARE", 1e9)
    assert robust < 0.8 * moved()


def test_what_one_distance_of_a_class_shows_tells_of_its_others():
    g = np.random.default_rng(4)
    x = np.zeros((1, 2000, 2, 2))
    x[:, :, 0] = g.gamma(0.5, 1, (1, 2000, 2)) * 1e6
    prior, scale = np.array([[0.2, 0.1], [0.3, 0.4]]), np.array([3.0, 0.5])
    y = g.poisson(x[0, :, 0] @ (prior[0] * scale) / 1e4)[None] * 1e4
    fit = calibrate.fit(x.reshape(1, 2000, 4), y.astype(float), prior, np.array([True]), np.arange(2000) // 50, 0, 0)
    assert (fit.weights.reshape(2, 2) / prior) == pytest.approx(np.stack([scale, scale]), rel=0.1)


def test_a_few_days_evidence_does_not_decide_between_structures():
    few = ensemble.parts(np.array([1.0, 3.0]), np.array([5.0, 0.0]))
    assert few == pytest.approx([np.exp(0.5) / (np.exp(0.5) + 3), 3 / (np.exp(0.5) + 3)])


@given(st.integers(1, 40), st.integers(0, 1000))
def test_levels_are_what_a_loop_finds_from_what_came_before(rows, seed):
    seen, told = np.random.default_rng(seed).gamma(0.3, 2.0, (2, 2, rows))
    level, spread = assimilate.side_levels(seen, told, 0.5)
    fade = 0.5 ** (0.5 / 3)  # days
    a, b = np.zeros(2), np.zeros(2)
    for t in range(rows + 1):
        common = (20 + a[LONG] + a[SHORT]) / (20 + b[LONG] + b[SHORT])
        own = [(40 + a[side]) / (40 + common * b[side]) for side in (LONG, SHORT)]
        assert level[LONG, t] == pytest.approx(common * math.sqrt(own[LONG] / own[SHORT]))
        assert level[SHORT, t] == pytest.approx(common * math.sqrt(own[SHORT] / own[LONG]))
        assert spread[0, t] == pytest.approx((20 + a.sum()) ** -0.5)
        assert spread[1, t] == pytest.approx(math.sqrt(1 / (10 + a[LONG]) + 1 / (10 + a[SHORT])) / 2)
        if t < rows:
            a, b = a * fade + seen[:, t], b * fade + told[:, t]


def test_levels_near_one_without_events():
    assert (assimilate.side_levels(np.zeros((2, 5)), np.zeros((2, 5)), 1.0)[0] == 1).all()


def sampled(rows=960, seed=2):
    """Return a sample whose liquidations the first structure's classes made, and default weights."""
    g = np.random.default_rng(seed)
    x = g.gamma(0.3, 1e6, (1, 2, rows, 4, 5))
    weights = np.full((4, 3), 0.1)
    y = np.einsum("vsrdk,dk->vsr", x[..., :2], weights[:, :2] * 1.5) * g.gamma(2, 0.5, (1, 2, rows))
    return ensemble.Sample(apart(x, TWO), y, np.arange(rows) // 24, np.array([True])), weights


def test_the_structure_that_made_the_data_gets_the_mixture():
    sample, prior = sampled()
    weight = np.array([0.5, 0.5])
    _fits, parts = ensemble.walk_forward(sample, prior, weight, TWO, 0, 0)
    assert parts[0] > 0.95
    assert parts.sum() == pytest.approx(1)
    none = msgspec.structs.replace(sample, y=np.full_like(sample.y, np.nan))
    fits, parts = ensemble.walk_forward(none, prior, np.array([3.0, 1.0]), TWO, 0, 0)
    assert fits is None
    assert parts == pytest.approx([0.75, 0.25])


def test_lives_lie_side_by_side():
    a = Assumptions(structures=(Structure(), Structure(hazard_a_day=(1.0,), share=(1.0,), leverage=(9.0,))))
    lives = a.lives()
    assert lives.slices() == [slice(0, 4), slice(4, 5)]


def test_on_wall_time_only_lives_and_shares_differ():
    short = Structure(hazard_a_day=(1.0,), share=(1.0,), leverage=(9.0,))
    lives, which = Assumptions(structures=(Structure(), short, Structure(clock_exponent=1.0), short)).on_wall_time()
    assert which == [0, 1, 0, 1]
    assert lives.hazard_a_day.tolist() == [*Structure().hazard_a_day, 1.0]
    assert lives.structure.tolist() == [0, 0, 0, 0, 1]
    assert lives.exponent.tolist() == [0.0] * 5


def pressed(bars, seed=2):
    path, volume, interest = walk(bars, seed=seed)
    fall, rise = np.log(path.open / path.low), np.log(path.high / path.open)
    return path, venue("a", volume, interest, fall * interest / 50, rise * interest / 50, complete=True)


def test_a_side_that_prints_more_lately_weighs_more():
    path, row = pressed(24 * 30)
    late = np.where(np.arange(24 * 30) >= 24 * 27, 3.0, 1.0)
    more = msgspec.structs.replace(row, long_liquidations=row.long_liquidations * late)
    one, other = mapped(path, [row]), mapped(path, [more])
    assert other.window(10).ratio.value < 0.9 * one.window(10).ratio.value
    assert other.window(10).lift.value < one.window(10).lift.value


def test_the_mirror_market_has_the_mirror_level():
    path, row = pressed(24 * 20)
    opens, high, low, close = path
    mirrored = PricePath(*(1e4 / p for p in (opens, low, high, close)))
    swapped = msgspec.structs.replace(
        row, long_liquidations=row.short_liquidations, short_liquidations=row.long_liquidations
    )
    one, other = mapped(path, [row]), mapped(mirrored, [swapped])
    assert one.window(5).ratio.value * other.window(5).ratio.value == pytest.approx(1, abs=0.15)


def test_nothing_later_than_a_bar_touches_its_prediction():
    path, row = pressed(24 * 12)
    time_ms, bar = np.arange(24 * 12, dtype=np.int64) * HOUR_MS, 24 * 9 + 7
    names = ("volume", "open_interest", "long_liquidations", "short_liquidations")
    later = np.where(np.arange(24 * 12) >= bar, 5.0, 1.0)
    other = msgspec.structs.replace(row, **{n: getattr(row, n) * later for n in names})
    # Default weights know today's open interest of several venues; of one they know nothing.
    one, changed = (predict(time_ms, HOUR_MS, path, [r], Assumptions()) for r in (row, other))
    assert changed.predicted[:, : bar + 1] == pytest.approx(one.predicted[:, : bar + 1], rel=1e-9, nan_ok=True)
    assert (changed.predicted[:, bar + 1 :] != one.predicted[:, bar + 1 :]).any()


def test_one_step_from_the_maximum_is_what_refitting_on_resampled_days_finds():
    sample, prior = sampled(rows=24 * 60)
    x, y, day = sample.flat(0)
    before = ensemble.own_prior(prior, TWO, TWO.slices()[0])
    fit = calibrate.fit(x, y, before, sample.complete, day, 200, 1)
    days, g = 60, np.random.default_rng(5)
    refits = []
    for _ in range(40):
        one_side = np.concatenate([24 * d + np.arange(24) for d in g.choice(days, days)])
        drawn = (2 * one_side[:, None] + np.arange(2)).ravel()
        again = np.repeat(np.arange(days), 48)
        refits.append(calibrate.fit(x[:, drawn], y[:, drawn], before, sample.complete, again, 0, 0).weights)
    seen = x[0].sum(axis=0)
    assert np.std(np.log(fit.draws @ seen)) == pytest.approx(np.std(np.log(np.array(refits) @ seen)), rel=0.4)
    assert np.log(fit.draws @ seen).mean() == pytest.approx(np.log(fit.weights @ seen), abs=0.05)


def test_every_block_is_judged_by_fits_of_the_rows_before_it(monkeypatch):
    sample, prior = sampled(rows=480)
    sample.y[:, 1, 30:50] = np.nan
    monkeypatch.setattr(solver, "BLOCK_VALUES", 1200)
    told, evidence = [], ensemble.evidence
    rows = {float(v): t for t, v in enumerate(sample.y[0, 0])}

    def same(found, alone):
        for one, other in zip(found, alone, strict=True):
            for name, value in msgspec.structs.asdict(other).items():
                assert getattr(one, name) == pytest.approx(value, rel=1e-9), name

    def judged(found, part):
        here = [rows[float(v)] for v in part.y[0, 0]]
        same(found, ensemble.fit(sample.rows(slice(0, here[0])), prior, TWO, 0, 0))
        told.extend(here)
        return evidence(found, part)

    monkeypatch.setattr(ensemble, "evidence", judged)
    found, _parts = ensemble.walk_forward(sample, prior, np.array([0.5, 0.5]), TWO, 20, 3)
    assert told == list(range(160, 480))
    same(found, ensemble.fit(sample, prior, TWO, 20, 3))


def test_fits_know_nothing_before_anything_was_printed():
    sample, prior = sampled(rows=480)
    sample.y[:, :, :100] = 0.0
    found = ensemble.fits(sample, prior, TWO, [0, 96, 192, 480], 0, 0)
    assert [f is None for f in found] == [True, True, False, False]


def test_resampling_moves_no_weight_on_average():
    sample, prior = sampled(rows=24 * 30)
    x, y, day = sample.flat(0)
    # What is seldom seen is held by the prior, whose pull no day's score may be counted against.
    seldom = x * np.array([1.0, 1.0, 0.02] * 4)
    fit = calibrate.fit(seldom, y, 5 * ensemble.own_prior(prior, TWO, TWO.slices()[0]), sample.complete, day, 2000, 1)
    moves = np.log(fit.draws / fit.weights)
    assert (np.abs(moves.mean(axis=0)) < 4 * moves.std(axis=0) / math.sqrt(2000) + 1e-9).all()


def test_few_events_leave_a_sides_level_open(monkeypatch):
    path, row = pressed(24 * 20)

    def spread():
        risk = mapped(path, [row]).window(10).ratio
        return math.log(risk.high / risk.low)

    monkeypatch.setattr(ranges, "MOVES", (0.0, 0.0))
    open_still = spread()
    monkeypatch.setattr(assimilate, "PRIOR_EVENTS", 1e9)
    assert open_still > 1.2 * spread()


@pytest.mark.parametrize(("moved", "times"), [(0.1, 0.3**2), (0.35, 0.25), (0.7, 1.0), (0.735, 1.05**2), (3.0, 1.1**2)])
def test_the_more_the_data_moved_the_prior_the_less_the_form_is_sure(moved, times):
    a, z = Assumptions(), np.eye(9)[[2, 3, 5]]
    log = np.log(ranges._form(a, z, moved))
    middle = (density.log_edges()[1:] + density.log_edges()[:-1]) / 2
    far, near = np.argmin(np.abs(middle - 0.2)), np.argmin(np.abs(middle - 0.05))
    common, side, nearer = (times * sd for sd in a.structure_log_sd)
    assert log[:, LONG, far] == pytest.approx([common, side, 0.0])
    assert log[:, SHORT, far] == pytest.approx([common, 0.0, 0.0])
    assert log[2, LONG, near] == pytest.approx(nearer * np.log(0.15 / middle[near]))


def test_each_member_is_the_model_that_has_its_structure_alone():
    path, row = pressed(24 * 12)
    time_ms, whole = np.arange(24 * 12, dtype=np.int64) * HOUR_MS, Assumptions()
    found = predict(time_ms, HOUR_MS, path, [row], whole)
    assert found.members.shape == (2, 2, 24 * 12)
    for structure, member in zip(whole.structures, found.members, strict=True):
        alone = predict(time_ms, HOUR_MS, path, [row], Assumptions(structures=(structure,)))
        assert np.isfinite(member).sum() > 300
        assert member == pytest.approx(alone.predicted, rel=1e-9, nan_ok=True)
        assert (alone.members[0] == alone.predicted)[np.isfinite(member)].all()
    assert np.nanmax(np.abs(found.members[0] / found.members[1] - 1)) > 0.01
