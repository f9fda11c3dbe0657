"""What a side's positions count for by opening day: against plain loops, mirrored, without events; nothing peeks."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import assimilate, density, features
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.walk import walk as predict
from tests.library.engine.test_engine import HOUR_MS, mapped, walk
from tests.library.engine.test_structures import made, pressed
from tests.support.features import standing_and_own

K = assimilate.PRIOR_EVENTS


def drawn(days, ages, seed):
    g = np.random.default_rng(seed)
    older = g.dirichlet(np.ones(ages + 1), (2, days))[..., 1:]
    return g.gamma(1.0, 4.0, (2, days)), g.gamma(1.0, 4.0, (2, days)), older


def opened_on(day, age, ages, days):
    return day - age if age < ages and day >= age else days


@given(days=st.integers(1, 9), ages=st.integers(1, 5), seed=st.integers(0, 99))
def test_multipliers_are_what_loops_find(days, ages, seed):
    observed, predicted, older = drawn(days, ages, seed)
    seen, expected = np.full((2, days + 1), K), np.full((2, days + 1), K)
    for side, day, age in np.ndindex(2, days, ages + 1):
        share = 1 - older[side, day].sum() if age == 0 else older[side, day, age - 1]
        seen[side, opened_on(day, age, ages, days)] += share * observed[side, day]
        expected[side, opened_on(day, age, ages, days)] += share * predicted[side, day]
    level = seen / expected
    found = assimilate.opening_days(observed, predicted, older)
    assert found[LONG] == pytest.approx(np.sqrt(level[LONG] / level[SHORT]))
    assert found[LONG] * found[SHORT] == pytest.approx(np.ones(days + 1))
    times = assimilate.by_opening_day(found, older)
    for side, day in np.ndindex(2, days):
        parts = [1 - older[side, day].sum(), *older[side, day]]
        mean = sum(p * found[side, opened_on(day, age, ages, days)] for age, p in enumerate(parts))
        assert times[side, day] == pytest.approx(mean)


def test_the_mirror_market_has_the_mirror_multipliers_and_no_events_move_nothing():
    observed, predicted, older = drawn(6, 4, 1)
    found = assimilate.opening_days(observed, predicted, older)
    assert assimilate.opening_days(observed[::-1], predicted[::-1], older[::-1]) == pytest.approx(found[::-1])
    none = np.zeros_like(observed)
    assert (assimilate.opening_days(none, none, older) == 1).all()
    assert assimilate.opening_days(observed, observed, older) == pytest.approx(np.ones((2, 7)))


def test_what_both_sides_have_in_common_moves_nothing():
    observed, predicted, older = (np.stack([part[0], part[0]]) for part in drawn(6, 4, 1))
    assert (observed != predicted).all()
    assert assimilate.opening_days(observed, predicted, older) == pytest.approx(np.ones((2, 7)))


def test_few_events_move_less_than_many():
    older = np.zeros((2, 1, 3))
    few, many = (
        assimilate.opening_days(np.array([[2 * n], [n]]), np.full((2, 1), n), older)[LONG, 0] for n in (1.0, 1e6)
    )
    assert 1 < few < 1.1
    assert many == pytest.approx(2**0.5, rel=1e-3)


def test_cohorts_count_for_what_their_day_does_and_old_inventory_for_the_last():
    path, volume, interest = walk(50)
    cohorts = made(path, volume, interest)
    found = np.array([[2.0, 3.0, 5.0], [0.5, 1 / 3, 0.2]])
    times = assimilate.of_cohorts(found, np.arange(50) // 24, cohorts)
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
    monkeypatch.setattr(assimilate, "opening_days", lambda seen, *_: np.ones((2, seen.shape[1] + 1)))
    even = mapped(path, [row])
    lean = np.array([[1.1], [1 / 1.1]])
    monkeypatch.setattr(assimilate, "opening_days", lambda seen, *_: np.tile(lean, seen.shape[1] + 1))
    monkeypatch.setattr(assimilate, "by_opening_day", lambda _found, older: np.ones(older.shape[:2]))
    leaning = mapped(path, [row])
    assert leaning.forced == pytest.approx(even.forced * lean)
    assert leaning.draws == pytest.approx(even.draws * lean)
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
