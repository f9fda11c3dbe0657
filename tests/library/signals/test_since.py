"""Since when a figure was not as large: nothing is said across a gap or a change of what is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.signals.since import Since, months, previous, unbroken

VALUES = st.integers(0, 5).map(float)
HISTORIES = st.dictionaries(st.integers(0, 14), st.tuples(VALUES, st.sampled_from("aaab")), max_size=14)


def brute(value, history, before, *, smaller):
    """Look at every day by itself: from the last on, each must be there, and of the same."""
    if before - 1 not in history:
        return None
    chains = [
        range(first, before)
        for first in range(before)
        if all(t in history and history[t][1] == history[before - 1][1] for t in range(first, before))
    ]
    hits = [t for t in chains[0] if (history[t][0] <= value if smaller else history[t][0] >= value)]
    return Since(max(hits, default=None), chains[0][0])


@given(VALUES, HISTORIES, st.integers(1, 16), st.booleans())
def test_the_search_finds_what_looking_at_each_day_finds(value, history, before, smaller):
    expected = brute(value, history, before, smaller=smaller)
    assert previous(value, unbroken(history, before, 1), smaller=smaller) == expected


def days(*values, of="x"):
    return {10 * i: (float(v), of) for i, v in enumerate(values)}


@pytest.mark.parametrize(("before", "known"), [(49, 4), (50, 5), (59, 5), (60, 0)])
def test_the_last_whole_step_must_be_there(before, known):
    assert len(unbroken(days(5, 4, 3, 2, 1), before, 10)) == known


def test_a_gap_ends_the_search():
    history = days(9, 1, 1, 1)
    assert previous(5.0, unbroken(history, 40, 10)) == Since(0, 0)
    del history[10]
    assert previous(5.0, unbroken(history, 40, 10)) == Since(None, 20)


def test_another_definition_ends_the_search():
    history = days(9, 1, 1, 1)
    history[0] = (9.0, "y")
    assert previous(5.0, unbroken(history, 40, 10)) == Since(None, 10)


def test_equal_counts_as_reached_and_the_last_is_named():
    history = days(2, 5, 5, 1)
    assert previous(5.0, unbroken(history, 40, 10)) == Since(20, 0)
    assert previous(1.5, unbroken(history, 40, 10), smaller=True) == Since(30, 0)
    assert previous(0.5, unbroken(history, 40, 10), smaller=True) == Since(None, 0)
    assert previous(1.0, []) is None


def test_months_that_lack_a_day_are_no_months():
    january, day_ms = 1_767_225_600_000, 86_400_000
    every = [(january + i * day_ms, 1.0) for i in range(-31, 31 + 28)]
    newest_first = every[::-1]
    assert months(newest_first) == [
        (january + 31 * day_ms, 28.0),
        (january, 31.0),
        (january - 31 * day_ms, 31.0),
    ]
    assert [first for first, _sum in months(newest_first[1:-1])] == [january]
