"""Cohorts against the same built bar by bar, and what they hold where a level is just touched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imbalance.engine import cohorts, density, features, flows
from imbalance.engine.assumptions import Lives
from imbalance.engine.margin import LONG, SHORT
from tests.library.engine.test_engine import LIVES, walk
from tests.support.features import standing_and_own, together

# A structure of two classes on wall time, one of a single class in step with turnover.
TWO = Lives(np.array([30.0, 2.0, 0.3]), np.array([0.6, 0.4, 1.0]), np.array([0.0, 0.0, 1.0]), np.array([0, 0, 1]))
DAYS_A_BAR, OLD = 0.25, 4


def test_cohorts_are_what_bars_one_by_one_build():
    bars = 12
    path, volume, interest = walk(bars, seed=8, sd=0.03)
    late = np.where(np.arange(bars) < 5, np.nan, interest / 3)
    interest[7] = volume[2] = np.nan
    rows = np.stack([volume, volume / 2, volume]), np.stack([interest, late, np.full(bars, np.nan)])
    speed = np.random.default_rng(1).uniform(0.2, 3, bars)
    made = cohorts.build(path, *rows, DAYS_A_BAR, TWO, speed, 0.7, old_points=OLD)
    clock = [
        [
            TWO.hazard_a_day[k] * DAYS_A_BAR * sum(speed[u] ** TWO.exponent[k] for u in range(1, t + 1))
            for t in range(bars)
        ]
        for k in range(3)
    ]
    assert made.clock == pytest.approx(np.array(clock))
    # Of what is there at the first bar, a class holds what it would where opening never changed.
    stock_share = [0.6 / 30 / (0.6 / 30 + 0.4 / 2), 0.4 / 2 / (0.6 / 30 + 0.4 / 2), 1.0]
    assert made.phase.tolist() == [*range(bars), *(100_000_007 + i for i in [*range(OLD)] * 3)]
    assert made.structure.tolist() == [0, 0, 1]
    for prices, name in ((path.low, "low"), (path.high, "high")):
        assert getattr(made, f"entry_{name}")[:bars].tolist() == prices.tolist()
        assert getattr(made, f"seen_{name}")[:bars].tolist() == prices.tolist()
    assert made.seen_close[:bars].tolist() == path.close.tolist()
    spread = cohorts._old_entries(path.close, DAYS_A_BAR, OLD)
    for v, first in enumerate((0, 5, None)):
        held, _first = flows.known_interest(rows[1][v])
        assert made.open_interest[v] == pytest.approx(held)
        old = slice(bars + v * OLD, bars + (v + 1) * OLD)
        start = bars - 1 if first is None else first
        assert made.birth[old].tolist() == [start] * OLD
        for name, entry in (
            ("entry_low", spread),
            ("entry_high", spread),
            ("seen_low", 1),
            ("seen_high", 1),
            ("seen_close", 1),
        ):
            assert getattr(made, name)[old] == pytest.approx(path.open[start] * np.broadcast_to(entry, OLD))
        others = np.delete(made.opened[v], [*range(bars), *range(old.start, old.stop)], axis=1)
        assert (others == 0).all()
        if first is None:
            assert (made.opened[v] == 0).all()
            assert (made.scale[v] == 0).all()
            continue
        opening = flows.opened(rows[0][v], held, first, 0.7)[0]
        stock, opening[first] = opening[first], 0.0
        assert stock == held[first]
        for k in range(3):
            assert made.opened[v, k, :bars] == pytest.approx(TWO.share[k] * opening)
            assert made.opened[v, k, old] == pytest.approx(np.full(OLD, stock_share[k] * stock / OLD))
        for m, classes in enumerate(((0, 1), (2,))):
            for t in range(first, bars):
                left = sum(
                    stock_share[k] * stock * math.exp(clock[k][first] - clock[k][t])
                    + sum(TWO.share[k] * opening[u] * math.exp(clock[k][u] - clock[k][t]) for u in range(t + 1))
                    for k in classes
                )
                assert made.scale[v, m, t] == pytest.approx(held[t] / left)
            assert (made.scale[v, m, :first] == 0).all()
    assert made.birth[:bars].tolist() == list(range(bars))


def test_what_is_left_is_the_open_interest_by_each_structure():
    path, volume, interest = walk(30)
    made = cohorts.build(path, volume[None], interest[None], 0.1, TWO, np.ones(30), 0.7)
    assert made.opened.shape[2] == 30 + 75
    left = made.left_at_end()[0].sum(axis=1)
    assert (left[0] + left[1], left[2]) == pytest.approx((interest[-1], interest[-1]))
    part = made.part(slice(3, 5))
    assert part.birth.tolist() == [3, 4]
    assert part.opened.tolist() == made.opened[:, :, 3:5].tolist()


@pytest.mark.parametrize("every", [2, 3, 40])
def test_neighbours_are_merged_as_they_will_have_faded(every):
    path, volume, interest = walk(11)
    made = cohorts.build(path, volume[None], interest[None], 0.1, TWO, np.ones(11), 0.7, old_points=2)
    few = made.merged(every)
    groups = [range(t, min(t + every, 11)) for t in range(0, 11, every)]
    assert few.birth.tolist() == [*(g[-1] for g in groups), 0, 0]
    for n, group in enumerate(groups):
        for k in range(3):
            faded = sum(made.opened[0, k, t] * math.exp(made.clock[k, t] - made.clock[k, group[-1]]) for t in group)
            assert few.opened[0, k, n] == pytest.approx(faded)
        for name, which in (("entry_low", min), ("entry_high", max), ("seen_low", min), ("seen_high", max)):
            assert getattr(few, name)[n] == which(getattr(made, name)[t] for t in group)
    assert few.opened[:, :, -2:].tolist() == made.opened[:, :, -2:].tolist()
    for name in ("entry_low", "entry_high", "seen_low", "seen_high", "seen_close", "phase"):
        assert getattr(few, name)[-2:].tolist() == getattr(made, name)[-2:].tolist()


@pytest.mark.parametrize("side", [LONG, SHORT])
@pytest.mark.parametrize("now", [False, True])
def test_a_level_that_price_just_touches_is_reached(side, now):
    path, volume, interest = walk(40, sd=1e-4)
    made = cohorts.build(path, volume[None], interest[None], 1.0, LIVES, np.ones(40), 0.7)
    edges, price = density.distance_edges(14), float(path.close[-1])
    held, felt = [], []
    (level,) = (v[8] for i, _who, _price, v in density.entries(made, edges, 1, side) if i == 7)
    for touched in (abs(level), np.nextafter(abs(level), np.inf if side == LONG else -np.inf)):
        if now:
            price = touched
        else:
            path[2 if side == LONG else 1][9] = touched
        alive = np.zeros((2, 14, made.birth.size))
        density.mass_basis(path, made, made.left_at_end()[0], edges, price, 1, alive=alive)
        held.append(alive[side, 7, 8])
        x, _ages = standing_and_own(path, made, edges, np.arange(40), 1, np.zeros(1, dtype=np.intp), 1)
        felt.append(x[0, side, 9, 7, :2].sum())
    assert held == [0.0, 1.0]
    assert now or felt[0] > felt[1] * (1 + 1e-6)


def test_features_of_venues_are_those_of_each_by_its_kind():
    path, volume, interest = walk(30, sd=0.03)
    made = cohorts.build(
        path, np.stack([volume, volume / 2, volume / 3]), np.stack([interest] * 3), 1.0, TWO, np.ones(30), 0.7
    )
    inverse = np.array([True, False, True])
    edges, bucket, day = density.distance_edges(4), np.arange(30) // 2, np.arange(30) // 3
    for wanted in ([2, 1, 0], [1], [0, 2]):
        x, ages = features.standing_and_own(path, made, edges, bucket, 2, np.array(wanted), inverse[wanted], 3, day)
        x = together(x)
        assert x.shape == (len(wanted), 2, 15, 4, 5)
        assert ages.shape == (len(wanted), 2, 4, 3, 10, 31)
        for row, old, v in zip(x, ages, wanted, strict=True):
            one, by_age = standing_and_own(path, made, edges, bucket, 2, [v], 3, inverse=inverse[v], day=day)
            np.testing.assert_allclose(row, one[0])
            np.testing.assert_allclose(old, by_age[0])
