"""Quantiles against numpy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose

from imbalance.engine.quantiles import quantiles


@given(
    arrays(np.float64, array_shapes(max_dims=3, max_side=6), elements=st.floats(-1e9, 1e9)),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_they_are_those_of_numpy(values: np.ndarray, levels: list[float]) -> None:
    assert_allclose(quantiles(values, *levels), np.quantile(values, levels, axis=0), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("level", "value"), [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (1.0, 4.0)])
def test_by_hand(level: float, value: float) -> None:
    assert quantiles(np.array([4.0, 1.0, 3.0, 2.0]), level) == [value]
