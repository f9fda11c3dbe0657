"""What a side's positions count for by opening day: against plain loops, mirrored, without events; nothing peeks."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import density, features, lean
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.walk import walk as predict
from imbalance.path import PricePath
from tests.library.engine.test_engine import HOUR_MS, mapped, walk
from tests.library.engine.test_structures import made, pressed
from tests.support.features import standing_and_own

EVEN = np.zeros(6)


def drawn(days, ages, seed):
    g = np.random.default_rng(seed)
    older = g.dirichlet(np.ones(ages + 1), (2, days))[..., 1:]
    return g.gamma(1.0, 4.0, (2, days)), g.gamma(1.0, 4.0, (2, days)), older


def opened_on(day, age, ages, days):
    return day - age if age < ages and day >= age else days


def shares(older, side, day):
    return [1 - older[side, day].sum(), *older[side, day]]


def log_posterior(x, observed, predicted, older, trended):
    """What is to be at its maximum, by plain loops."""
    days, ages = older.shape[1:]
    when = [*range(days), -ages]
    cov = [[lean.LOG_SD**2 * np.exp(-abs(a - b) / lean.MEMORY_DAYS) for a in when] for b in when]
    off = x - lean.FOLLOWING * np.append(trended, 0.0)
    total = -off @ np.linalg.solve(cov, off) / 2
    for side, day in np.ndindex(2, days):
        sign = 1 if side == LONG else -1
        mean = sum(
            predicted[side, day] * part * np.exp(sign * x[opened_on(day, age, ages, days)])
            for age, part in enumerate(shares(older, side, day))
        )
        total += observed[side, day] * np.log(mean) - mean
    return total


@given(days=st.integers(1, 9), ages=st.integers(1, 5), seed=st.integers(0, 99))
def test_nothing_near_is_likelier_than_what_is_found(days, ages, seed):
    observed, predicted, older = drawn(days, ages, seed)
    trended = np.random.default_rng(seed).normal(0, 1, days)
    found = lean.opening_days(observed, predicted, older, trended)
    assert found[LONG] * found[SHORT] == pytest.approx(np.ones(days + 1))
    x = np.log(found[LONG])
    best = log_posterior(x, observed, predicted, older, trended)
    for step in (*np.eye(days + 1), np.ones(days + 1)):
        for size in (-0.04, 0.04):
            assert log_posterior(x + size * step, observed, predicted, older, trended) < best + 1e-3
    times = lean.by_opening_day(found, older)
    for side, day in np.ndindex(2, days):
        parts = shares(older, side, day)
        mean = sum(p * found[side, opened_on(day, age, ages, days)] for age, p in enumerate(parts))
        assert times[side, day] == pytest.approx(mean)


def test_the_mirror_market_has_the_mirror_multipliers():
    observed, predicted, older = drawn(6, 4, 1)
    trended = np.linspace(-2, 1, 6)
    found = lean.opening_days(observed, predicted, older, trended)
    assert lean.opening_days(observed[::-1], predicted[::-1], older[::-1], -trended) == pytest.approx(found[::-1])


def test_without_events_what_was_opened_follows_the_trend_alone():
    _observed, predicted, older = drawn(6, 4, 1)
    none, trended = np.zeros_like(predicted), np.linspace(-2, 1, 6)
    assert (lean.opening_days(none, none, older, EVEN) == 1).all()
    assert lean.opening_days(predicted, predicted, older, EVEN) == pytest.approx(np.ones((2, 7)))
    found = lean.opening_days(none, none, older, trended)
    assert found[LONG] == pytest.approx(np.exp(lean.FOLLOWING * np.append(trended, 0)))


def test_what_both_sides_have_in_common_moves_nothing():
    observed, predicted, older = (np.stack([part[0], part[0]]) for part in drawn(6, 4, 1))
    assert (observed != predicted).all()
    assert lean.opening_days(observed, predicted, older, EVEN) == pytest.approx(np.ones((2, 7)))


def test_few_events_move_less_than_many():
    older = np.zeros((2, 1, 3))
    few, many = (
        lean.opening_days(np.array([[2 * n], [n]]), np.full((2, 1), n), older, np.zeros(1))[LONG, 0] for n in (0.5, 1e4)
    )
    assert 1 < few < 1.05
    # Where 2 n of longs were seen and n of shorts, n predicted of each, the likeliest has e^x - e^-x = 1.
    assert many == pytest.approx((1 + 5**0.5) / 2, rel=1e-3)


def test_days_lean_as_their_neighbours_do():
    observed, predicted = np.full((2, 9), 5.0), np.full((2, 9), 5.0)
    observed[LONG, 4] = 50.0
    x = np.log(lean.opening_days(observed, predicted, np.zeros((2, 9, 30)), np.zeros(9))[LONG])
    assert (np.diff(x[:5]) > 0).all()
    assert (np.diff(x[4:9]) < 0).all()
    assert x[5] / x[4] > 0.3
    assert x[8] > 0
    assert abs(x[9]) < 1e-6


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_however_the_days_contradict_each_other_what_is_found_is_likelier_than_the_start(size):
    g = np.random.default_rng(3)
    older = g.dirichlet(np.ones(31), (2, 60))[..., 1:]
    seen, foreseen, trended = g.gamma(0.2, size, (2, 60)), g.gamma(0.5, size, (2, 60)), g.normal(0, 1, 60)
    x = np.log(lean.opening_days(seen, foreseen, older, trended)[LONG])
    start = lean.FOLLOWING * np.append(trended, 0)
    assert log_posterior(x, seen, foreseen, older, trended) > log_posterior(start, seen, foreseen, older, trended)


def moving(close):
    close = np.array(close, dtype=float)
    return PricePath(close, close, close, close)


@given(seed=st.integers(0, 50), a_day=st.sampled_from([1, 4, 24]))
def test_the_trend_is_what_loops_find(seed, a_day):
    close = np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, 5 * a_day + a_day // 2)))
    day = np.arange(close.size) // a_day
    decay = 0.5 ** (1 / (lean.TREND_HALF_LIFE_DAYS * a_day))
    moved, square, size = 0.0, 0.0, []
    for t in range(close.size):
        step = np.log(close[t] / close[t - 1]) if t else 0.0
        moved, square = moved * decay + step, square + step**2
        usual = np.sqrt(square / max(t, 1) / (1 - decay**2))
        size.append(np.clip(moved / usual, -lean.MOST_TREND, lean.MOST_TREND) if usual else 0.0)
    expected = [np.mean([s for s, d in zip(size, day, strict=True) if d == which]) for which in range(day[-1] + 1)]
    assert lean.trend(moving(close), a_day, day) == pytest.approx(expected)


def test_the_trend_knows_nothing_later_and_is_bounded():
    close = np.exp(np.random.default_rng(2).normal(0, 0.01, 96).cumsum())
    later = np.append(close[:72], close[72:] * 3)
    day = np.arange(96) // 24
    found, other = (lean.trend(moving(prices), 24, day) for prices in (close, later))
    assert found[:3].tolist() == other[:3].tolist()
    assert other[3] > found[3]
    rising = lean.trend(moving(np.append(np.full(72, 1.0), np.exp(np.arange(240)))), 24, np.arange(312) // 24)
    assert rising.max() == pytest.approx(lean.MOST_TREND)
    assert (lean.trend(moving(np.ones(96)), 24, day) == 0).all()
    assert lean.trend(moving(1 / close), 24, day) == pytest.approx(-found)
    spread = lean.trend(moving(close), 1, np.arange(96) * 3)
    assert spread[::3] == pytest.approx(lean.trend(moving(close), 1, np.arange(96)))
    assert (spread[1::3] == 0).all()


def test_cohorts_count_for_what_their_day_does_and_old_inventory_for_the_last():
    path, volume, interest = walk(50)
    cohorts = made(path, volume, interest)
    found = np.array([[2.0, 3.0, 5.0], [0.5, 1 / 3, 0.2]])
    times = lean.of_cohorts(found, np.arange(50) // 24, cohorts)
    assert times[LONG, :50].tolist() == [2.0] * 24 + [3.0] * 24 + [5.0] * 2
    assert (times[LONG, 50:] == 5.0).all()
    assert times[SHORT] == pytest.approx(1 / times[LONG])


@pytest.mark.parametrize("every", [1, 3])
def test_features_by_age_are_those_of_the_cohorts_of_a_day(every, monkeypatch):
    monkeypatch.setattr(features, "merging", lambda edges, _a_day: [(every, slice(0, edges.size - 1))])
    monkeypatch.setattr(features, "AGES", 3)
    path, volume, interest = walk(60)
    cohorts, edges, day = made(path, volume, interest), density.distance_edges(6), np.arange(60) // 6
    rest = (edges, day, 3, np.zeros(1, int), 6)
    found, ages = standing_and_own(path, cohorts, *rest, day=day)
    classes = cohorts.clock.shape[0]
    assert ages.sum(axis=5).transpose(0, 1, 4, 2, 3) == pytest.approx(found[..., :classes])
    for when in range(10):
        of_day = np.append(day, np.full(cohorts.birth.size - 60, -9)) == when
        alone = msgspec.structs.replace(cohorts, opened=cohorts.opened * of_day)
        one = standing_and_own(path, alone, *rest)[0][..., :classes]
        for later in range(when, min(when + 3, 10)):
            assert ages[..., later, later - when] == pytest.approx(one[:, :, later])
    assert ages[..., 3].sum() > 0
    none = standing_and_own(path, cohorts, *rest)[1]
    assert none.size == 0


def test_the_map_counts_what_was_opened_and_leaves_exposed_alone(monkeypatch):
    path, row = pressed(24 * 20)
    alone = mapped(path, [row])
    assert alone.opened.shape == (2, 21)
    assert (alone.opened != 1).any()
    monkeypatch.setattr(lean, "opening_days", lambda seen, *_: np.ones((2, seen.shape[1] + 1)))
    even = mapped(path, [row])
    longs = np.array([[1.1], [1 / 1.1]])
    monkeypatch.setattr(lean, "opening_days", lambda seen, *_: np.tile(longs, seen.shape[1] + 1))
    monkeypatch.setattr(lean, "by_opening_day", lambda _found, older: np.ones(older.shape[:2]))
    leaning = mapped(path, [row])
    assert leaning.forced == pytest.approx(even.forced * longs)
    assert leaning.draws == pytest.approx(even.draws * longs)
    assert leaning.path_implied == pytest.approx(even.path_implied)
    assert leaning.audit == even.audit
    assert (leaning.exposed >= even.exposed).all()


def test_a_day_whose_longs_die_more_leaves_more_of_them_to_die():
    path, row = pressed(24 * 24)
    found = mapped(path, [row])
    late = np.arange(24 * 24) >= 24 * 22
    more = msgspec.structs.replace(row, long_liquidations=row.long_liquidations * np.where(late, 4.0, 1.0))
    other = mapped(path, [more])
    assert other.opened[LONG, 20:24].mean() > found.opened[LONG, 20:24].mean() + 0.02


def test_kept_maps_know_of_opening_days_nothing_that_comes_later():
    path, row = pressed(24 * 12)
    time_ms, bar = np.arange(24 * 12, dtype=np.int64) * HOUR_MS, 24 * 9
    names = ("volume", "open_interest", "long_liquidations", "short_liquidations")
    later = np.where(np.arange(24 * 12) >= bar, 5.0, 1.0)
    other = msgspec.structs.replace(row, **{n: getattr(row, n) * later for n in names})
    one, changed = (predict(time_ms, HOUR_MS, path, [r], Assumptions()).fits for r in (row, other))
    for fit, again in zip(one, changed, strict=True):
        same = again.opened.shape == fit.opened.shape and again.opened == pytest.approx(fit.opened, rel=1e-9)
        assert same == (fit.first <= bar)


def test_a_moment_is_told_the_same_by_what_is_kept_and_by_the_map():
    # The last whole day's kept map rests on the same events as the map of that moment, but for the days left out.
    path, row = pressed(24 * 14)
    time_ms = np.arange(24 * 14, dtype=np.int64) * HOUR_MS
    kept = predict(time_ms, HOUR_MS, path, [row], Assumptions()).fits[-1]
    names = ("volume", "open_interest", "long_liquidations", "short_liquidations")
    past = msgspec.structs.replace(row, **{n: getattr(row, n)[: kept.first] for n in names})
    assert mapped(path.until(kept.first), [past]).opened == pytest.approx(kept.opened, abs=0.02)
