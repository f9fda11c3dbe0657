"""Sweeps and springs: by hand at each threshold, against a plain twin, cut anywhere, and in the mirror."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from imbalance.signals.levels import LIVES_MS, Days, Level, swing_levels
from imbalance.signals.sided import sided, steady, total
from imbalance.signals.springs import Spring, interest_change, range_of
from imbalance.signals.sweeps import DEEPEST, RECLAIM_MS, Sweep, cleared_share, sweeps
from imbalance.units import DAY_MS, HOUR_MS, Side
from tests.support.walks import START_MS, cut, mirrored, walk

LEVEL = Level(0.0, START_MS - 10 * DAY_MS, START_MS)


def swept(low, close, level=LEVEL, *more):
    time_ms = START_MS + np.arange(len(low), dtype=np.int64) * HOUR_MS
    return sweeps(time_ms, HOUR_MS, np.array(low, dtype=float), np.array(close, dtype=float), [level, *more])


def test_a_break_and_a_close_above_is_a_sweep():
    assert swept([0.1, -0.01, -0.02, 0.0], [0.2, -0.005, -0.001, 0.001]) == [Sweep(1, 3, -0.02, (LEVEL,))]
    # In one bar; touching is no break, closing at the level no close above; a second break of it is none.
    assert swept([0.1, -0.01], [0.2, 0.01]) == [Sweep(1, 1, -0.01, (LEVEL,))]
    assert swept([0.1, 0.0], [0.2, 0.01]) == []
    assert swept([-0.01, -0.01], [-0.005, 0.0]) == []
    assert len(swept([-0.01, -0.01], [0.01, 0.01])) == 1


def test_depth_and_time_have_bounds():
    hours = RECLAIM_MS // HOUR_MS
    for deep, found in ((DEEPEST - 1e-9, 1), (DEEPEST + 1e-9, 0)):
        assert len(swept([-deep, 0.1], [-0.001, 0.1])) == found
    for bars, found in ((hours - 1, 1), (hours, 0)):
        assert len(swept([-0.01] * bars + [0.1], [-0.001] * bars + [0.1])) == found


def test_a_level_counts_from_when_it_is_known_until_it_is_old():
    young = replace(LEVEL, known_ms=START_MS + HOUR_MS)
    assert swept([-0.01, 0.1], [0.1, 0.1], young) == []
    assert swept([0.1, -0.01], [0.1, 0.1], young)[0].reclaimed == 1
    for age_ms, found in ((LIVES_MS, 0), (LIVES_MS - HOUR_MS, 1)):
        assert len(swept([-0.01], [0.1], replace(LEVEL, day_ms=START_MS - age_ms))) == found


def test_levels_won_back_by_one_close_are_one_sweep():
    upper = replace(LEVEL, price=0.02)
    (one,) = swept([0.01, -0.01, 0.0], [0.015, -0.005, 0.03], LEVEL, upper)
    assert one == Sweep(0, 2, -0.01, (LEVEL, upper))
    first, second = swept([0.01, -0.01, 0.0], [0.015, 0.01, 0.03], LEVEL, upper)
    assert (first.levels, second.levels) == ((LEVEL,), (upper,))


def twin(view):
    """Walk bar by bar, as one would live."""
    standing, pending, found = [], [], []
    levels = sorted(swing_levels(view.days), key=lambda level: level.known_ms)
    for i, time_ms in enumerate(view.time_ms):
        standing += [level for level in levels if level.known_ms <= time_ms and level not in standing]
        broken = [
            level
            for level in standing
            if view.low[i] < level.price
            and time_ms < level.day_ms + LIVES_MS
            and level not in [p for p, _at, _low in pending]
        ]
        pending += [(level, i, np.inf) for level in broken]
        pending = [(level, at, min(low, view.low[i])) for level, at, low in pending]
        back = [
            (level, at)
            for level, at, low in pending
            if view.close[i] > level.price and time_ms < view.time_ms[at] + RECLAIM_MS and low >= level.price - DEEPEST
            and level not in [done for _i, these in found for done, _at in these]
            and not any(view.close[j] > level.price for j in range(at, i))
        ]  # fmt: skip
        found += [(i, back)] if back else []
    return [(i, min(at for _l, at in these), sorted(level for level, _at in these)) for i, these in found]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", list(Side))
def test_sweeps_are_those_of_a_walk_bar_by_bar(seed, side):
    view = sided(walk(seed, 40), side)
    assert [(s.reclaimed, s.broken, list(s.levels)) for s in view.sweeps()] == twin(view)
    assert view.sweeps()


@given(st.integers(0, 2**32 - 1), st.integers(30, 45 * 24), st.sampled_from(list(Side)))
def test_what_comes_later_changes_no_sweep(seed, bars, side):
    whole, before = sided(walk(seed), side), sided(cut(walk(seed), bars), side)
    known = [sweep for sweep in whole.sweeps() if sweep.reclaimed < bars]
    assert before.sweeps() == known
    assert [before.cleared(s) for s in known] == [whole.cleared(s) for s in known]
    assert before.springs(known) == whole.springs(known)


@given(st.integers(0, 2**32 - 1))
def test_highs_are_the_mirror_of_lows(seed):
    market = walk(seed)
    lows, highs = sided(market, Side.LONG), sided(mirrored(market), Side.SHORT)
    one, other = lows.sweeps(), highs.sweeps()
    assert [(s.broken, s.reclaimed) for s in one] == [(s.broken, s.reclaimed) for s in other]
    for a, b in zip(one, other, strict=True):
        assert lows.price(a.extreme) * highs.price(b.extreme) == pytest.approx(10_000)
        assert lows.cleared(a) == highs.cleared(b)
    assert [s.confirmed for s in lows.springs(one)] == [s.confirmed for s in highs.springs(other)]


def test_what_is_cleared_is_held_against_spans_as_long():
    hours = 10 * 24
    liquidated = np.tile([1.0, 3.0], hours // 2)
    liquidated[-2:] = 2.0, 2.5
    # Spans of two hours before hold 4 each; this one 4.5.
    assert cleared_share(liquidated, hours - 2, hours - 1, HOUR_MS) == 1.0
    liquidated[-1] = 2.0
    assert cleared_share(liquidated, hours - 2, hours - 1, HOUR_MS) == 0.5
    assert cleared_share(liquidated, 7 * 24 - 1, 7 * 24, HOUR_MS) is None
    assert cleared_share(liquidated, 7 * 24, 7 * 24, HOUR_MS) is not None
    liquidated[-1] = np.nan
    assert cleared_share(liquidated, hours - 2, hours - 1, HOUR_MS) is None


def test_only_a_month_before_counts():
    liquidated = np.ones(40 * 24)
    liquidated[: 5 * 24] = 100.0
    liquidated[-1] = 50.0
    assert cleared_share(liquidated, 40 * 24 - 1, 40 * 24 - 1, HOUR_MS) == 1.0


def test_an_unknown_hour_of_the_past_leaves_the_rest():
    liquidated = np.ones(20 * 24)
    liquidated[24] = np.nan
    liquidated[-1] = 2.0
    assert cleared_share(liquidated, 20 * 24 - 1, 20 * 24 - 1, HOUR_MS) == 1.0


def month(closes, highs=None, start_ms=START_MS):
    closes = np.array(closes, dtype=float)
    time_ms = start_ms + np.arange(closes.size, dtype=np.int64) * DAY_MS
    return Days(time_ms, closes if highs is None else np.array(highs, dtype=float), closes - 0.01, closes)


def test_a_range_is_old_narrow_and_was_crossed():
    level = Level(0.0, START_MS, START_MS + 4 * DAY_MS)
    sweep = Sweep(0, 0, -0.01, (level,))
    closes = [0.02, 0.12, 0.2, 0.12, 0.05] + [0.05] * 15
    broken_ms = START_MS + 20 * DAY_MS
    found = range_of(sweep, broken_ms, month(closes))
    assert found is not None
    assert (found.bottom, found.top, found.crossings) == (0.0, 0.2, 2)
    for days, held in ((14, True), (13, False)):
        assert (range_of(sweep, START_MS + days * DAY_MS, month(closes)) is not None) is held
    for top, held in ((0.3, True), (0.301, False)):
        wide = [0.02, 0.16, top, 0.16, 0.05] + [0.05] * 15
        assert (range_of(sweep, broken_ms, month(wide)) is not None) is held
    # One crossing is a fall from the top, no range.
    assert range_of(sweep, broken_ms, month([0.2, 0.15, 0.12] + [0.05] * 17)) is None
    # Days after the break do not count.
    assert range_of(sweep, broken_ms, month([*closes, 0.9])).top == 0.2


def test_a_spring_is_confirmed_by_both():
    sweep = Sweep(1, 2, 0.0, (LEVEL,))
    for change, cleared, told in (
        (-0.01, 0.9, True), (-0.01, 0.89, False), (0.0, 0.95, False), (None, 0.95, None), (-0.01, None, None),
        (None, 0.5, False), (0.01, None, False),
    ):  # fmt: skip
        assert Spring(sweep, None, change, cleared).confirmed is told
    assert interest_change(np.array([100.0, np.nan, 90.0]), sweep) == pytest.approx(np.log(0.9))
    assert interest_change(np.array([np.nan, 100.0, 90.0]), sweep) is None
    assert interest_change(np.array([100.0, 90.0]), Sweep(0, 1, 0.0, (LEVEL,))) is None


def test_sums_hold_the_venues_that_were_there_first():
    n = 60
    bars = np.arange(n)
    early, late = np.where(bars < 4, np.nan, 1.0), np.where(bars < 8, np.nan, 5.0)
    found = total([early, late], HOUR_MS)
    # One that lacks more than two of the first 24 hours is left out; the sum begins at that day's last close.
    assert steady([early, late], HOUR_MS) == [True, False]
    assert np.isnan(found[:27]).all()
    assert found[27:].tolist() == [1.0] * (n - 27)
    assert steady([early, np.where(bars < 6, np.nan, 5.0)], HOUR_MS) == [True, True]
    assert steady([early, np.where(bars < 7, np.nan, 5.0)], HOUR_MS) == [True, False]
    # One that ends leaves the sum unknown, and does not leave it.
    ends = total([early, np.where((bars < 4) | (bars > 50), np.nan, 5.0)], HOUR_MS)
    assert ends[27:51].tolist() == [6.0] * 24
    assert np.isnan(ends[51:]).all()
    assert np.isnan(total([np.full(n, np.nan)], HOUR_MS)).all()
    assert total([np.ones(3)], DAY_MS).tolist() == [1.0] * 3


@given(st.integers(0, 2**32 - 1), st.integers(1, 99))
def test_what_comes_later_changes_no_sum(seed, bars):
    g = np.random.default_rng(seed)
    series = [np.where(g.random(100) < 0.03, np.nan, g.random(100)) for _ in range(3)]
    for values in series:
        values[: g.integers(0, 40)] = np.nan
        values[100 - g.integers(0, 40) :] = np.nan
    before = total([values[:bars] for values in series], HOUR_MS)
    assert np.array_equal(before, total(series, HOUR_MS)[:bars], equal_nan=True)
