"""Signals as events: nothing later changes one, the sides are mirror images, and what is not known fires nothing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imbalance_cli.options import EVENTS
from msgspec.structs import replace

from imbalance.market import frozen
from imbalance.signals.checklist import RECENT_MS
from imbalance.signals.events import DEFINITIONS, History, lacking, rolling_percentile, rolling_z
from imbalance.signals.past import NONE, Series
from imbalance.units import DAY_MS, HOUR_MS
from tests.support.walks import START_MS, cut, history, mirrored, of_prices

MIRRORS = {
    "sweep": "sweep-high", "spring": "upthrust", "new-longs": "new-shorts", "short-covering": "long-exit",
    "fear": "greed", "rally": "fall",
}  # fmt: skip


def test_the_command_line_names_every_signal():
    assert tuple(DEFINITIONS) == EVENTS


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(2, 70 * 24), st.sampled_from(sorted(DEFINITIONS)))
def test_what_comes_later_changes_no_firing(seed, bars, name):
    whole, detect = history(seed, 70), DEFINITIONS[name].detect
    end_ms = int(whole.close_ms[bars - 1])
    known = [Series(s.time_ms[s.time_ms <= end_ms], s.values[s.time_ms <= end_ms]) for s in (whole.mood, whole.funding)]
    before = History(cut(whole.market, bars), *known)
    assert detect(before).fired.tolist() == detect(whole).fired[:bars].tolist()


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(MIRRORS)))
def test_every_signal_is_the_mirror_of_its_other_side(seed, name):
    own = history(seed, 70)
    other = History(
        mirrored(own.market),
        Series(own.mood.time_ms, 100 - own.mood.values),
        Series(own.funding.time_ms, -own.funding.values),
    )
    fired = DEFINITIONS[name].detect(own).fired
    assert fired.tolist() == DEFINITIONS[MIRRORS[name]].detect(other).fired.tolist()


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_every_signal_fires_on_some_walk(name):
    assert any(DEFINITIONS[name].detect(history(seed, 70)).fired.any() for seed in range(60))


def test_what_a_signal_needs_is_told():
    own = history(0)
    bare = msgspec.structs.replace(
        own.market.venues[0], open_interest_base=frozen(np.full(own.market.close.size, np.nan))
    )
    alone = History(msgspec.structs.replace(own.market, venues=(bare,)))
    assert lacking(alone, DEFINITIONS["sweep"]) == []
    assert lacking(alone, DEFINITIONS["rally"]) == ["the Fear & Greed index", "open interest", "funding"]
    assert lacking(own, DEFINITIONS["rally"]) == []
    # One figure is known, however little it tells.
    once = replace(own, mood=Series(own.mood.time_ms[:1], own.mood.values[:1]))
    assert lacking(once, DEFINITIONS["fear"]) == []
    paid_once = replace(own, funding=Series(own.funding.time_ms[:1], own.funding.values[:1]))
    assert lacking(paid_once, DEFINITIONS["rally"]) == []
    for name in ("fear", "new-longs", "rally"):
        assert not DEFINITIONS[name].detect(alone).fired.any()


def test_sweeps_that_cleared_nothing_do_not_fire_and_unknown_ones_are_counted():
    own = history(3)
    venue = own.market.venues[0]

    def fired(liquidated):
        rows = frozen(np.full(own.market.close.size, liquidated))
        market = msgspec.structs.replace(
            own.market, venues=(msgspec.structs.replace(venue, long_liquidations_base=rows),)
        )
        found = DEFINITIONS["sweep"].detect(History(market))
        return int(found.fired.sum()), found.in_part

    many, in_part = fired(np.nan)
    assert many == in_part > 0
    # Equal everywhere: half of the spans as long are below, which clears nothing; those of the first week are unknown.
    assert fired(1.0)[0] == fired(1.0)[1] < many


def test_fear_fires_once_at_its_bound_and_not_when_old():
    time_ms = START_MS + np.arange(4, dtype=np.int64) * DAY_MS
    market = of_prices(*np.zeros((4, 10 * 24)), None, None, None)

    def places(*values):
        return np.flatnonzero(DEFINITIONS["fear"].detect(History(market, Series(time_ms, np.array(values)))).fired)

    assert places(30.0, 25.0, 24.0, 60.0).tolist() == [23]
    assert places(30.0, 26.0, 30.0, 60.0).size == 0
    # The last value is of now for two days and no longer.
    state = Series(time_ms, np.array([60.0, 60.0, 60.0, 10.0])).at(History(market).close_ms, 2 * DAY_MS)
    assert np.flatnonzero(state == 10.0).tolist() == list(range(71, 119))
    assert np.isnan(NONE.at(time_ms, DAY_MS)).all()


@pytest.mark.parametrize("seed", range(3))
def test_rolling_scores_are_those_of_plain_windows(seed):
    g = np.random.default_rng(seed)
    values = g.normal(0, 0.01, 80)
    values[g.integers(0, 80, 8)] = np.nan
    found, ranks = rolling_z(values, 20, 3), rolling_percentile(values, 20, 5)
    for i in range(80):
        past = values[max(i - 2 - 20, 0) : max(i - 2, 0)]
        past = past[np.isfinite(past)]
        if np.isnan(values[i]) or past.size < 10:
            assert np.isnan(found[i])
        else:
            assert found[i] == pytest.approx((values[i] - past.mean()) / past.std())
        near = [v for v in values[max(i - 20, 0) : i] if np.isfinite(v)]
        if np.isnan(values[i]) or len(near) < 5:
            assert np.isnan(ranks[i])
        else:
            assert ranks[i] == sum(v < values[i] for v in near) / len(near)


def test_ties_count_by_half_in_a_rank():
    values = np.array([1.0, 2.0, 2.0, np.nan, 2.0, 1.0, 3.0])
    assert rolling_percentile(values, 4, 2)[2:].tolist() == pytest.approx([0.75, np.nan, 4 / 6, 0.0, 1.0], nan_ok=True)


@pytest.mark.parametrize(("z", "fires"), [(0.999, False), (1.0, True)])
def test_a_change_of_a_day_stands_out_from_one_deviation_on(monkeypatch, z, fires):
    own = history(3)
    monkeypatch.setattr("imbalance.signals.events.rolling_z", lambda values, *_window: np.full(values.size, z))
    assert bool(DEFINITIONS["new-longs"].detect(own).fired.any()) is fires


@pytest.mark.parametrize(("after_ms", "known"), [(-1, False), (0, True), (DAY_MS - 1, True), (DAY_MS, False)])
def test_a_figure_is_of_now_from_when_it_was_known_until_it_is_old(after_ms, known):
    one = Series(np.array([START_MS]), np.array([5.0]))
    assert np.isfinite(one.at(np.array([START_MS + after_ms]), DAY_MS)).tolist() == [known]


def test_the_checklist_through_time_asks_for_all_three():
    # A month of calm with rising open interest, then a level swept.
    n, day = 60 * 24, 24
    lows = np.zeros(n)
    lows[20 * day] = -0.02
    lows[50 * day] = -0.03
    interest = np.linspace(1000, 2000, n)
    market = of_prices(np.zeros(n), np.full(n, 0.01), lows, np.zeros(n), interest, None, None)
    days_ms = START_MS + np.arange(61, dtype=np.int64) * DAY_MS
    falling = Series(days_ms, -np.arange(61) * 1e-5)
    fear, calm = (Series(days_ms, np.full(61, value)) for value in (20.0, 50.0))

    def fired(mood, funding):
        return np.flatnonzero(DEFINITIONS["rally"].detect(History(market, mood, funding)).fired).tolist()

    assert fired(fear, falling) == [50 * day]
    assert fired(calm, falling) == []
    assert fired(fear, Series(days_ms, np.arange(61) * 1e-5)) == []
    # Fear that comes within three days of the sweep counts, later not.
    assert RECENT_MS == 3 * DAY_MS
    for hours, places in ((72, [50 * day + 72]), (73, [])):
        late_ms = days_ms[50] + (hours + 1) * HOUR_MS
        mood = Series(np.array([days_ms[49], late_ms, late_ms + DAY_MS]), np.array([50.0, 20.0, 20.0]))
        assert fired(mood, falling) == places
