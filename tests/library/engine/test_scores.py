"""Scores: regressions that see the past alone, and no row counts for more than five deviations."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.engine import scores


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
