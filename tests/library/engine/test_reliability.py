"""How often intervals held, by size of what was predicted."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.engine.validate import reliability
from imbalance.engine.walk import Walk


def walk(predicted, observed):
    """Return a walk of both sides whose intervals reach from half to twice the prediction."""
    bars = predicted.shape[1]
    empty = np.zeros((2, bars))
    return Walk(
        observed=observed,
        predicted=predicted,
        low=predicted / 2,
        high=predicted * 2,
        move=empty,
        path_null=empty,
        fixed=empty,
        day=np.arange(bars) // 24,
        base_features=np.zeros((2, bars, 1)),
        printed=np.array([0]),
        fits=[],
        members=predicted[None],
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.999, 1.0])
def test_bars_predicted_to_print_nothing_are_one_class_and_the_rest_are_fifths(share):
    g = np.random.default_rng(5)
    predicted = g.lognormal(0, 1, (2, 400)) * (g.random((2, 400)) >= share)
    observed = predicted * g.lognormal(0, 0.5, predicted.shape) + (g.random(predicted.shape) < 0.1)
    classes = reliability(walk(predicted, observed))
    test = slice(int(400 * 0.35), None)
    nothing, rest = predicted[:, test] == 0, predicted[:, test] > 0
    assert sum(c.cases for c in classes) == predicted[:, test].size
    empty = [c for c in classes if c.predicted_high_usd == 0]
    assert [c.cases for c in empty] == ([nothing.sum()] if nothing.any() else [])
    if empty:
        above = observed[:, test][nothing] > 0
        assert (empty[0].below, empty[0].inside, empty[0].above) == pytest.approx((0, 1 - above.mean(), above.mean()))
    assert len(classes) - len(empty) == min(5, rest.sum())
    spans = [(c.predicted_low_usd, c.predicted_high_usd) for c in classes]
    assert spans == sorted(spans)
    assert all(low > 0 for low, _high in spans[len(empty) :])
    assert all(c.below + c.inside + c.above == pytest.approx(1) for c in classes)
    cases = np.array([c.cases for c in classes])
    for name, values in (("predicted_usd", predicted), ("observed_usd", observed)):
        assert cases @ [getattr(c, name) for c in classes] == pytest.approx(values[:, test].sum())
    assert all(c.observed_low_usd <= c.observed_usd <= c.observed_high_usd for c in classes if c.cases > 20)


def test_a_class_is_the_mean_of_its_bars():
    # Of 200 bars 70 only train; the predictions of the rest rise by 1 a bar, and a tenth more is seen.
    rising = np.tile(np.arange(1.0, 201.0), (2, 1))
    classes = reliability(walk(rising, 1.1 * rising))
    assert [c.cases for c in classes] == [52] * 5
    means = 71 + 12.5 + 26 * np.arange(5)
    assert [c.predicted_usd for c in classes] == pytest.approx(means)
    assert [c.observed_usd for c in classes] == pytest.approx(1.1 * means)
