"""Random numbers: the same everywhere, and as random as they should be."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine.random_numbers import normal, resampled, uniform


def test_the_stream_is_the_promised_one_of_python():
    draw = random.Random("7 assumptions").random  # noqa: S311  no secret
    assert uniform("7 assumptions", 2, 3).ravel().tolist() == [draw() for _ in range(6)]
    # As the first machine gave them: another would tell another range of the same market.
    assert uniform("0 days", 2).tolist() == [0.8041873295198048, 0.8056646896047501]


def test_other_seeds_and_other_purposes_give_other_numbers():
    each = [uniform(seed, 5).tolist() for seed in ("0 days", "1 days", "0 impact")]
    assert len({tuple(one) for one in each}) == 3
    assert uniform("0 days", 5).tolist() == each[0]


def test_normal_numbers_have_the_moments_and_tails_of_the_normal():
    z = normal("3 test", 40_000, 2)
    assert z.shape == (40_000, 2)
    assert np.isfinite(z).all()
    assert z.mean(axis=0) == pytest.approx([0, 0], abs=0.02)
    assert np.cov(z.T) == pytest.approx(np.eye(2), abs=0.03)
    assert (z**4).mean(axis=0) == pytest.approx([3, 3], abs=0.15)
    shares = [(z < at).mean() for at in (-1.6449, -0.6745, 0.0, 0.6745, 1.6449)]
    assert shares == pytest.approx([0.05, 0.25, 0.5, 0.75, 0.95], abs=0.005)


@given(draws=st.integers(1, 6), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_each_draw_is_as_many_as_there_are(draws, size, seed):
    times = resampled(f"{seed} days", draws, size)
    drawn = (uniform(f"{seed} days", draws, size) * size).astype(int)
    assert times.shape == (draws, size)
    assert times.tolist() == [[row.tolist().count(i) for i in range(size)] for row in drawn]


def test_each_thing_is_drawn_as_often_as_the_others():
    times = resampled("5 days", 4_000, 10)
    assert (times.sum(axis=1) == 10).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(10), abs=0.06)
    assert times.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.1)
