"""First passage against a look at one bar after the other, from every start and at every level."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.engine import passage


@pytest.mark.parametrize("bars", [1, 2, 3, 4, 7, 8, 9, 16, 21])
def test_the_first_bar_at_or_below_a_level_is_found(bars):
    # Few different lows, so that a level is often just touched.
    low = np.random.default_rng(bars).integers(1, 6, bars).astype(float)
    start, level = (v.ravel() for v in np.meshgrid(np.arange(bars + 1), np.arange(0.0, 7.0, 0.5), indexing="ij"))
    slow = [next((t for t in range(s, bars) if low[t] <= v), bars) for s, v in zip(start, level, strict=True)]
    later = np.array([min(low[s:], default=np.inf) for s in start])
    assert passage.hits(level, start, passage.block_minima(low), later).tolist() == slow
    assert passage.suffix_low(low).tolist() == [min(low[t + 1 :], default=np.inf) for t in range(bars)]


def test_minima_are_of_blocks_that_double_and_end_inside():
    tables = passage.block_minima(np.array([4.0, 2.0, 3.0, 1.0, 5.0]))
    none = -np.inf
    assert [t.tolist() for t in tables] == [
        [4, 2, 3, 1, 5, none],
        [2, 2, 1, 1, none, none],
        [1, 1, none, none, none, none],
    ]
    assert [len(passage.block_minima(np.ones(n))) for n in (1, 2, 3, 4, 7, 8)] == [1, 2, 2, 3, 3, 4]
