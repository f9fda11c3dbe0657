"""How far chance explains a difference: formulas by hand, known sizes, planted effects."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from imbalance.backtest import chance
from imbalance.errors import UsageError

G = np.random.default_rng(7)


def spaced(bars, step):
    fired = np.zeros(bars, dtype=bool)
    fired[step::step] = True
    return fired


def test_a_difference_is_of_what_is_known():
    values = np.array([1.0, 5.0, np.nan, 3.0])
    assert chance.difference(values, np.array([False, True, True, False])) == pytest.approx(2.0)
    assert np.isnan(chance.difference(values, np.array([False, False, True, False])))


def test_newey_west_is_the_formula():
    n, lags = 400, 5
    values, fired = np.convolve(G.normal(size=n), np.ones(4), "same"), spaced(n, 9)
    design = np.column_stack([np.ones(n), fired])
    bread = np.linalg.inv(design.T @ design)
    errors = values - design @ (bread @ design.T @ values)
    moments = design * errors[:, None]
    meat = moments.T @ moments
    for lag in range(1, lags + 1):
        cross = moments[lag:].T @ moments[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    error = np.sqrt((bread @ meat @ bread)[1, 1])
    score = (bread @ design.T @ values)[1] / error
    from scipy.stats import t

    assert chance.newey_west(values, fired, lags) == pytest.approx(2 * t.sf(abs(score), n - 2), rel=1e-6)


def test_placebo_dates_keep_their_spacing():
    values = np.zeros(100)
    values[[10, 20, 60]] = 1.0
    values[99] = np.nan
    fired = np.zeros(100, dtype=bool)
    fired[[10, 20]] = True
    mean = 3 / 99
    found = chance.placebo(values, fired, np.array([0, 10, 40, 89, 79]))
    # Around the end: moved by 89, one is not known and the other at 9.
    assert found == pytest.approx([1 - mean, 0.5 - mean, 0.5 - mean, -mean, -mean])
    assert np.isnan(chance.placebo(values, np.arange(100) == 0, np.array([99]))).all()


def test_a_share_holds_what_was_found_itself():
    drawn = np.array([1.0, -2.0, 0.5, np.nan])
    assert chance.share_as_far(-2.0, drawn) == 3 / 5
    assert chance.share_as_far(9.0, drawn[:3]) == 1 / 4
    assert np.isnan(chance.share_as_far(np.nan, drawn))


def test_days_hold_all_that_is_known():
    values = np.array([1.0, np.nan, 3.0, 4.0])
    fired = np.array([True, True, False, True])
    found = chance.by_day(np.array([5, 5, 7, 7]), np.array([5, 6, 7]), values, fired)
    assert found.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0], [4, 1, 7, 2]]


def test_draws_are_around_what_was_found_and_repeat():
    days, per_day = 200, 4
    values, fired = G.normal(size=days * per_day) + 1, spaced(days * per_day, 7)
    values[fired] += 0.5
    day = np.repeat(np.arange(days), per_day)
    table = chance.by_day(day, np.arange(days), values, fired)[None]
    drawn = chance.drawn_differences(table, 10, 150, 1)
    assert drawn.shape == (150, 1)
    assert np.mean(drawn) == pytest.approx(chance.difference(values, fired), abs=0.04)
    assert np.std(drawn) == pytest.approx(1 / np.sqrt(fired.sum()), rel=0.35)
    assert (chance.drawn_differences(table, 10, 150, 1) == drawn).all()
    assert (chance.drawn_differences(table, 10, 150, 2) != drawn).any()


def test_romano_wolf_by_hand():
    null = np.array([[0.1, -0.2], [-0.1, 0.4], [0.3, 0.0], [-0.3, -0.2]])
    found, spread = np.array([0.31, 0.3]), null.std(axis=0)
    score, each = found / spread, np.abs(null) / spread
    assert score[0] > score[1]
    first = (1 + np.sum(each.max(axis=1) >= score[0])) / 5
    second = (1 + np.sum(each[:, 1] >= score[1])) / 5
    assert first == 2 / 5
    assert chance.romano_wolf(found, null) == pytest.approx([first, max(first, second)])
    alone = chance.romano_wolf(np.array([0.31, np.nan]), null)
    assert alone[0] == 1 / 5
    assert np.isnan(alone[1])
    # What nothing is known of might have looked as good.
    null[0, 0] = np.nan
    assert chance.romano_wolf(np.array([9.0, np.nan]), null)[0] == 2 / 5
    assert np.isnan(chance.romano_wolf(np.array([1.0]), np.full((3, 1), np.nan))).all()


def test_adjusted_is_never_below_one_alone_and_keeps_the_order():
    drawn = np.random.default_rng(3).normal(0, 1, (500, 12))
    found = np.random.default_rng(4).normal(0, 1.5, 12)
    adjusted = chance.romano_wolf(found, drawn)
    alone = [chance.romano_wolf(found[[k]], drawn[:, [k]])[0] for k in range(12)]
    assert (adjusted >= np.array(alone)).all()
    order = np.argsort(-np.abs(found) / np.std(drawn, axis=0))
    assert (np.diff(adjusted[order]) >= 0).all()


def test_without_the_libraries_it_says_how_to_install_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    with pytest.raises(UsageError, match="arch and statsmodels") as found:
        chance.require_library()
    assert "imbalance[backtest]" in found.value.hint
