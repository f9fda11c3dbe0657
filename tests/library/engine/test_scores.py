"""Scores: regressions that see the past alone, and no row counts for more than five deviations."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.engine import frozen, scores
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.random_numbers import resampled
from imbalance.engine.validate import scored
from imbalance.engine.walk import Refit, Walk
from imbalance.path import PricePath
from imbalance.report import tree
from imbalance.report.phrases import trial_verdict


def rows(seed=0, size=60):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(size, 3))
    return features, features @ [1.0, -2.0, 0.5] + 3.0 + generator.normal(scale=0.1, size=size)


def test_walk_ridge_is_ridge_on_the_rows_before():
    features, target = rows()
    found = scores.walk_ridge(features, target, 20, 10)
    assert np.isnan(found[:20]).all()
    for start in range(20, 60, 10):
        past = features[:start]
        a = (past - past.mean(axis=0)) / (past.std(axis=0) + 1e-9)
        # With centred features the free constant is the mean; the rest is the penalised least squares.
        weights = np.linalg.inv(a.T @ a + scores.RIDGE * np.eye(3)) @ a.T @ (target[:start] - target[:start].mean())
        now = (features[start : start + 10] - past.mean(axis=0)) / (past.std(axis=0) + 1e-9)
        assert found[start : start + 10] == pytest.approx(now @ weights + target[:start].mean())


def test_a_row_far_away_is_predicted_as_one_at_five_deviations():
    features, target = rows()
    past = features[:40]
    predicted = []
    for deviations in (4.0, 5.0, 6.0, 1000.0):
        changed = features.copy()
        changed[45, 1] = past[:, 1].mean() + deviations * past[:, 1].std()
        predicted.append(scores.walk_ridge(changed, target, 40, 20)[45])
    four, five, six, far = predicted
    assert six == pytest.approx(five)
    assert far == pytest.approx(five)
    assert abs(four - five) > 1


def test_what_comes_later_moves_no_prediction():
    features, target = rows()
    found = scores.walk_ridge(features, target, 20, 10)
    later = target.copy()
    later[40:] = 99.0
    assert scores.walk_ridge(features, later, 20, 10)[:40] == pytest.approx(found[:40], nan_ok=True)


def test_bounds_of_a_mean_are_those_of_days_drawn_whole():
    generator = np.random.default_rng(3)
    day = np.repeat([4, 4, 7, 9, 12, 30], [3, 2, 40, 1, 12, 7])
    values = generator.lognormal(0, 1, day.size)
    low, high = scores.mean_bounds(values, day, 4000, 0)
    slow = [values[rows].mean() for rows in scores.day_blocks(day, 4000, 1)]
    assert (low, high) == pytest.approx(np.quantile(slow, [0.05, 0.95]), rel=0.03)
    assert low < values.mean() < high
    assert scores.mean_bounds(np.ones(9), np.arange(9), 50, 0) == (1.0, 1.0)


def test_one_day_has_no_bounds():
    assert scores.mean_bounds(np.arange(5.0), np.full(5, 3), 50, 0) == (None, None)


def trial(days, members=2, rows_a_day=60):
    """Return a walk of one structure's own prediction and one of no use, over days of bars."""
    generator = np.random.default_rng(8)
    shape = (2, days * rows_a_day)
    move = generator.lognormal(0, 1, shape)
    flow = generator.lognormal(0, 1, shape)
    observed = 1e5 * move * flow * generator.lognormal(0, 0.2, shape)
    return Walk(
        observed=observed,
        predicted=1e5 * move * flow,
        low=0 * observed,
        high=2 * observed,
        move=move,
        path_null=1e5 * move,
        fixed=np.ones(shape),
        day=np.arange(shape[1]) // rows_a_day,
        base_features=np.log(move)[..., None],
        printed=np.array([0]),
        fits=[],
        members=np.stack([1e5 * move * flow, 1e5 * generator.lognormal(0, 1, shape)])[:members],
    )


def test_members_are_scored_as_the_model_is():
    rows, inside, tested = scored(trial(20))
    found = {row.name: row for row in rows}
    assert list(found) == ["move alone", "model", "member 1", "member 2", "path null", "fixed leverages"]
    assert msgspec.structs.replace(found["member 1"], name="model") == found["model"]
    assert found["model"].over_null == pytest.approx(found["model"].r2_gain - found["path null"].r2_gain)
    assert 0 < found["model"].over_null_low < found["model"].over_null < found["model"].over_null_high
    assert found["member 2"].r2_gain < 0.1 * found["model"].r2_gain
    assert abs(found["member 2"].partial_spearman) < 0.1
    assert found["model"].partial_spearman > 0.8
    assert (found["path null"].over_null, found["path null"].over_null_low) == (None, None)
    assert (inside, tested) == (1.0, 780)


# A third only trains: of 8 days of which 200 bars and more are known, 5.2 are tested.
@pytest.mark.parametrize(("days", "ranged"), [(6, False), (8, True)])
def test_gains_over_few_days_have_no_interval(days, ranged):
    for row in scored(trial(days, members=0))[0][1:]:
        assert row.r2_gain is not None
        assert (row.r2_gain_low is not None) is (row.r2_gain_high is not None) is ranged
        assert row.name == "path null" or (row.over_null_low is not None) is ranged


@pytest.mark.parametrize(
    ("over", "low", "high", "beats", "told"),
    [
        (0.032, 0.022, 0.041, True, "On this market the map beats its path: R2 over it +0.032"),
        (0.010, -0.002, 0.021, False, "On this market the map cannot be told from its path: R2 over it +0.010"),
        (-0.02, -0.031, -0.004, False, "On this market the map does worse than its path: R2 over it -0.020"),
        (0.032, None, None, None, "cannot be told from fewer than 5 days: R2 over it +0.032."),
        (None, None, None, None, "Too few bars were both predicted and observed to score the map."),
    ],
)
def test_one_sentence_says_whether_the_map_beats_its_path(over, low, high, beats, told):
    score = tree.MethodScore("model", 0.8, 0.5, 0.1, 0.05, 0.15, over, low, high)
    found = trial_verdict(score if over is not None else None, 5)
    assert found.beats_path is beats
    assert told in found.text
    assert (low is None) or f"(90 % {low:+.3f} to {high:+.3f})." in found.text


def test_the_level_error_is_of_a_maps_sum_before_any_scale(monkeypatch):
    # Each side of the one map holds 10 bands; longs hold twice what was seen, shorts four times.
    seen = np.full(10, 3e6)
    cases = iter([np.stack([seen * times, seen, seen, np.ones(10)]) for times in (2.0, 4.0)])
    monkeypatch.setattr(frozen, "_maps", lambda *_rest: np.zeros((2, 2, 1)))
    monkeypatch.setattr(frozen, "_crossed", lambda *_rest: next(cases))
    refit = Refit(24, np.ones((1, 1)), np.ones(1), np.ones((1, 2)), np.ones(1), np.ones((2, 1)))
    held = msgspec.structs.replace(trial(2), fits=[refit])
    path = PricePath(*np.ones((4, 120)))
    (row,) = frozen.frozen_scores(3_600_000, path, [], Assumptions(), held, [1.0])
    floor = frozen.FLOOR_USD
    level = [np.log((times * 3e7 + floor) / (3e7 + floor)) for times in (2, 4)]
    assert row.level_ln_error == pytest.approx(np.mean(level))
    assert (row.maps, row.bands) == (1, 20)
    # One scale takes thrice the sum down to the sum: bands are off by two thirds and by four thirds.
    bands = [abs(np.log((times / 3 * 3e6 + floor) / (3e6 + floor))) for times in (2, 4)]
    assert row.ln_error == pytest.approx(np.mean(bands))


def test_kept_maps_of_members_and_of_the_path_are_scored_over_the_same_bands():
    seen = np.arange(1.0, 31.0) * 1e6
    case = np.stack([seen, 2 * seen, seen[::-1], np.full(30, 5.0), seen, np.ones(30)])
    row = frozen._scored(3.0, 7, [case])
    assert row is not None
    assert [o.name for o in row.others] == ["member 1", "member 2", "path null"]
    assert [row.spearman, *(o.spearman for o in row.others)] == pytest.approx([1.0, 1.0, -1.0, 0.0])
    assert (row.ln_error, row.others[0].ln_error) == pytest.approx((0.0, 0.0))
    assert row.others[1].ln_error > 0.5
    assert frozen._scored(3.0, 7, [case[:, : frozen.LEAST_BANDS - 1]]) is None
    assert frozen._scored(3.0, 7, [case[:, : frozen.LEAST_BANDS]]) is not None


def test_a_gain_is_the_share_of_the_variance_that_errors_lose():
    # Squared errors fall from 8 to 2, of a target whose squares about its mean sum to 2.
    assert scores.gain(np.array([4.0, 4.0]), np.array([1.0, 1.0]), np.array([0.0, 2.0])) == pytest.approx(3.0)


def test_the_partial_correlation_is_of_what_a_cubic_in_the_moves_rank_leaves():
    g = np.random.default_rng(4)
    move = g.lognormal(0, 1, 80)
    observed, predicted = move * g.lognormal(0, 0.5, 80), move * g.lognormal(0, 0.5, 80)
    rank = {name: values.argsort().argsort() + 1.0 for name, values in (("m", move), ("o", observed), ("p", predicted))}
    left = [rank[name] - np.polyval(np.polyfit(rank["m"], rank[name], 3), rank["m"]) for name in "op"]
    found = scores.partial_spearman(observed, predicted, move)
    assert found == pytest.approx(np.corrcoef(*left)[0, 1])
    assert 0 < abs(found) < 0.9 * scores.spearman(observed, predicted)


def test_days_are_drawn_whole_and_as_many_as_there_are():
    day = np.array([3, 3, 5, 9, 9, 9])
    rows = {3: [0, 1], 5: [2], 9: [3, 4, 5]}
    times = resampled("7 days", 5, 3).tolist()
    expected = [[i for d, n in zip(rows, row, strict=True) for i in rows[d] for _ in range(n)] for row in times]
    assert [block.tolist() for block in scores.day_blocks(day, 5, 7)] == expected


def test_bounds_of_a_mean_are_quantiles_of_ratios_of_sums():
    day, values = np.array([3, 3, 5, 9, 9, 9]), np.array([1.0, 4.0, 2.0, 8.0, 0.0, 5.0])
    times = resampled("7 days", 40, 3)
    means = [(t @ [5.0, 2.0, 13.0]) / (t @ [2, 1, 3]) for t in times]
    assert scores.mean_bounds(values, day, 40, 7) == pytest.approx(tuple(np.quantile(means, [0.05, 0.95])))


def test_of_a_target_that_does_not_vary_a_gain_is_finite():
    assert scores.gain(np.array([2.0]), np.array([1.0]), np.array([5.0])) == pytest.approx(1e12)
    small = np.array([0.0, 2e-5])
    assert scores.gain(np.array([4e-10]), np.array([1e-10]), small) == pytest.approx(1.5)


def test_a_feature_that_does_not_vary_predicts_nothing():
    features, target = rows()
    found = scores.walk_ridge(np.column_stack([features, np.full(60, 3.0)]), target, 20, 10)
    assert found[20:] == pytest.approx(scores.walk_ridge(features, target, 20, 10)[20:])
    assert scores.correlation(1e-13 * features[:, 0], target) == 0
    assert scores.correlation(1e-11 * features[:, 0], target) == pytest.approx(
        scores.correlation(features[:, 0], target), rel=1e-6
    )
