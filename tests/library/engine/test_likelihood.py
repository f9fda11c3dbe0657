"""The robust quasi-likelihood against the same written row by row, and where its floors begin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imbalance.engine import likelihood


def rows(seed, days=130, rows_a_day=6, venues=3):
    g = np.random.default_rng(seed)
    shape = (venues, days * rows_a_day)
    observed, mean = g.gamma(0.3, 1e4, shape), g.gamma(2, 1.5e3, shape)
    known = g.random(shape) < 0.8
    return observed, mean, g.uniform(5e3, 5e4, venues), known, np.repeat(np.arange(days), rows_a_day)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_dispersion_is_of_days_of_a_side_all_venues_together(seed):
    observed, mean, floor, known, day = rows(seed)
    sums, expected = {}, 0.0
    for v, r in zip(*np.nonzero(known), strict=True):
        heed = floor[v] / (mean[v, r] + floor[v])
        key = day[r], r % 2
        sums[key] = sums.get(key, 0.0) + heed * (observed[v, r] - mean[v, r])
        expected += heed * mean[v, r]
    squares = np.sort([total**2 for total in sums.values()])
    kept = squares[: math.floor(0.99 * (squares.size - 1)) + 1]  # the largest 1 % are trimmed
    assert squares.size == 260
    assert kept.size == 257
    found = likelihood.dispersion(observed, mean, floor, known, day)
    assert found == pytest.approx(kept.sum() / expected)


def test_where_nothing_is_expected_the_dispersion_is_finite():
    observed, _mean, floor, known, day = rows(1)
    found = likelihood.dispersion(observed * 1e-9, 0 * observed, floor, known, day)
    assert 1 < found < 1e9
    assert likelihood.dispersion(0 * observed, 0 * observed, floor, known, day) == 1


def test_the_floor_is_ten_times_what_a_known_row_prints():
    observed = np.array([[1.0, 5.0, 900.0], [7.0, 7.0, 7.0], [0.0, 0.0, 0.0]])
    known = np.array([[True, True, False], [False, False, False], [True, True, True]])
    assert likelihood.floors(observed, known) == pytest.approx([30.0, 1e-12, 1e-12], rel=1e-12)
    assert likelihood.floors(observed * 1e-12, known)[0] == pytest.approx(30e-12)


@pytest.mark.parametrize(
    ("y", "mean", "floor", "phi"), [(3.0, 2.0, 4.0, 0.5), (0.0, 7.0, 2.0, 3.0), (9.0, 0.5, 0.1, 1.0)]
)
def test_the_quasi_likelihood_is_that_of_its_formula(y, mean, floor, phi):
    q = ((y / floor) * math.log(mean / (mean + floor)) - math.log((mean + floor) / floor)) * floor / phi
    args = np.array([y]), np.array([mean]), np.array([floor]), phi
    assert likelihood.quasi_likelihood(*args) == pytest.approx(q)
    assert likelihood.attention(args[1], args[2]) == pytest.approx(floor / (mean + floor))


def test_what_was_never_expected_is_as_unlikely_as_at_a_billionth_of_the_floor():
    one, same, other = (
        float(likelihood.quasi_likelihood(np.array(8.0), np.array(mean), np.array(4.0), 2.0))
        for mean in (0.0, 4e-9, 5e-9)
    )
    assert one == same == pytest.approx(4 * math.log(1e-9))
    assert other > same
