"""Sums, copies, grids and clocks of bars files at their limits, on tables of a few rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imbalance.bars import clocks, grid, sums
from imbalance.bars.source import RawTable
from imbalance.errors import BarsError
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS

START_MS = 1_700_000_000_000 - 1_700_000_000_000 % DAY_MS  # 2023-11-14


def fault(check, table, *more):
    """Return the place and what is wrong there; empty where nothing is."""
    try:
        check(RawTable("f", table, np.arange(table.index.max() + 1), "row"), table, *more)
    except BarsError as error:
        return str(error).removeprefix("f: row ").removeprefix("f: ")
    return ""


def sized(interest, volume, venue="v"):
    times = START_MS + np.arange(len(interest)) * HOUR_MS
    return pd.DataFrame({"time": times, "venue": venue, "open_interest_base": interest, "volume_base": volume}).astype(
        {"open_interest_base": float, "volume_base": float}
    )


SUMMED = "is the sum of the {} rows before: no bar, but a summary: leave it out"
MEAN = "is the mean of the {} rows before: no bar, but a summary: leave it out"
SIX = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]  # 75 in all, 12.5 in the middle


@pytest.mark.parametrize(
    ("interest", "volume", "said"),
    [
        ([*SIX, 75.0], [*SIX, 3.0], f"6, column open_interest_base: 75 {SUMMED.format(6)}"),
        ([*SIX, 75.00007], [*SIX, 3.0], f"6, column open_interest_base: 75.0001 {SUMMED.format(6)}"),
        ([*SIX, 75.0001], [*SIX, 3.0], ""),
        ([*SIX, 3.0], [*SIX, 75.0], f"6, column volume_base: 75 {SUMMED.format(6)}"),
        # Of five that are above zero a sum is told, of four none.
        ([0.0, *SIX[:5], 60.0], [1.0] * 7, f"6, column open_interest_base: 60 {SUMMED.format(6)}"),
        ([0.0, 0.0, *SIX[:4], 46.0], [1.0] * 7, ""),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 1.5], [9.0] * 6, f"5, column open_interest_base: 1.5 {SUMMED.format(5)}"),
        # Means of both, where more than five values differ.
        ([*SIX, 12.5], [*SIX[::-1], 12.5], f"6, column open_interest_base: 12.5 {MEAN.format(6)}"),
        ([*SIX, 12.50001], [*SIX[::-1], 12.5], f"6, column open_interest_base: 12.5 {MEAN.format(6)}"),
        ([*SIX, 12.50002], [*SIX[::-1], 12.5], ""),
        ([*SIX, 12.5], [*SIX, 12.0], ""),
        ([*SIX[:5], 12.0], [*SIX[:5], 12.0], ""),
        ([10.0, *SIX[:5], 12.0 - 1 / 3], [10.0, *SIX[:5], 12.0 - 1 / 3], ""),
    ],
)
def test_a_last_row_of_totals(interest, volume, said):
    assert fault(sums.check_totals, sized(interest, volume)) == said


LAST = (
    "24, column open_interest_base: {} cannot be true: the bars before hold at most 10; a row of totals: leave it out?"
)


@pytest.mark.parametrize(
    ("before", "interest", "volume", "said"),
    [
        (24, 40.0, 50.0, ""),
        (24, 41.0, 20.0, ""),
        (24, 41.0, 20.1, LAST.format("41")),
        (23, 41.0, 20.1, ""),
    ],
)
def test_a_last_row_of_more_than_four_times_all_before(before, interest, volume, said):
    rows = sized([*[9.0] * (before - 1), 10.0, interest], [*[5.0] * before, volume])
    assert fault(sums.check_totals, rows) == said
    none = sized([*[9.0] * (before - 1), 10.0, interest], [*[0.0] * before, volume])
    assert not fault(sums.check_totals, none)
    little = sized([*[0.09] * (before - 1), 0.1, interest], [*[0.05] * before, volume])
    assert bool(fault(sums.check_totals, little)) == (before == 24)


def test_totals_are_found_in_the_order_of_time_too():
    rows = sized([*SIX, 75.0], [*SIX, 3.0])
    assert fault(sums.check_totals, rows[::-1].reset_index(drop=True)).startswith("0, column open_interest_base: 75")


def walking(seed, count=24, base=50.0):
    return base + np.random.default_rng(seed).integers(1, 40, count).astype(float)


def joined(*tables):
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize(("count", "told"), [(24, True), (23, False)])
def test_a_venue_that_is_the_sum_of_all_others(count, told):
    a, b = walking(1, count), walking(2, count)
    table = joined(sized(a, b, "a"), sized(b, a, "b"), sized(a + b, a + b, "all"))
    said = f"{2 * count}, column venue: all is the sum of the other venues in every bar: leave it out"
    assert fault(sums.check_repeats, table) == said * told
    off = joined(sized(a, b, "a"), sized(b, a, "b"), sized((a + b) * (1 + 2e-6), a + b, "all"))
    assert not fault(sums.check_repeats, off)
    near = joined(sized(a, b, "a"), sized(b, a, "b"), sized((a + b) * (1 + 0.9e-6), a + b, "all"))
    assert fault(sums.check_repeats, near) == said * told


@pytest.mark.parametrize(("count", "values", "told"), [(24, 5, True), (24, 4, False), (23, 5, False)])
def test_a_venue_by_two_names(count, values, told):
    own = 50.0 + np.arange(count) % values
    table = joined(sized(own, own + 1, "a"), sized(own, own + 1, "b"))
    said = f"{count}, column venue: b repeats a in every bar: one venue by two names: leave it out"
    assert fault(sums.check_repeats, table) == said * told
    assert not fault(sums.check_repeats, joined(sized(own, own + 1, "a"), sized(own, own + 2, "b")))
    assert not fault(sums.check_repeats, joined(sized(own, own * np.nan, "a"), sized(own, own * np.nan, "b")))


def at(times, venue="v"):
    return pd.DataFrame({"time": np.array(times, dtype=np.int64), "venue": venue})


def every(count, step_ms, venue="v", start_ms=START_MS):
    return at(start_ms + np.arange(count) * step_ms, venue)


@pytest.mark.parametrize(
    ("tables", "interval_ms"),
    [
        ([every(2, HOUR_MS)], HOUR_MS),
        ([at([START_MS + h * HOUR_MS for h in (0, 1, 2, 5, 8)])], HOUR_MS),
        ([at([START_MS + h * HOUR_MS for h in (0, 3, 6, 7, 8)])], HOUR_MS),
        # A venue of one row has no step; of two alone the distance of their times tells.
        ([every(1, 1), every(1, 1, "w", START_MS + HOUR_MS)], HOUR_MS),
        # Two steps of one length, none shorter, are bars of that length; one alone is a gap.
        ([every(9, HOUR_MS), every(2, DAY_MS, "w")], HOUR_MS),
        ([every(99, HOUR_MS), at([START_MS + h * HOUR_MS for h in (0, 3, 6, 7)], "w")], HOUR_MS),
        # Three in a row that are a tenth of all are a length; two in a row are gaps.
        ([at([START_MS + h * HOUR_MS for h in (*range(20), 21, 23)])], HOUR_MS),
        ([at([START_MS + h * HOUR_MS for h in (*range(29), 30, 32, 34)])], HOUR_MS),
        ([at([START_MS + h * HOUR_MS for h in (0, 2, 4, 5, 7, 9, 10, 12, 14, 15, 17, 19, *range(20, 30))])], HOUR_MS),
        ([every(9, HOUR_MS, start_ms=START_MS + 20 * MINUTE_MS)], HOUR_MS),
    ],
)
def test_the_length_of_bars(tables, interval_ms):
    table = joined(*tables)
    raw = RawTable("f", table, np.arange(len(table)), "row")
    assert grid.interval_of(raw, table) == interval_ms


TWO = "bars of different lengths: 1h (v); {} (w)"
OFF = "9, column time: 2023-11-14T00:30:00Z of w is off the 1h grid"
CHANGED = "{}, column time: bars of v have two lengths, 1h and, from here, 2h"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ([every(1, 1)], "one bar time only (2023-11-14T00:00:00Z); the bar length cannot be told"),
        ([every(99, HOUR_MS), every(3, DAY_MS, "w")], TWO.format("1d")),
        ([every(99, HOUR_MS), every(4, 2 * HOUR_MS, "w")], TWO.format("2h")),
        ([at([START_MS + h * HOUR_MS for h in (*range(20), 21, 23, 25)])], CHANGED.format(19)),
        ([at([START_MS + h * HOUR_MS for h in (*range(28), 29, 31, 33)])], CHANGED.format(27)),
        ([every(9, HOUR_MS), at([START_MS + 30 * MINUTE_MS], "w")], OFF),
    ],
)  # fmt: skip
def test_bars_of_two_lengths_and_off_the_grid(tables, said):
    assert fault(grid.interval_of, joined(*tables)) == said


def closing(moves, venue, first=0):
    close = 1e-3 * np.exp(np.cumsum(moves))  # far from 1, so that a mean of moves is no 0
    times = START_MS + (first + np.arange(len(close))) * HOUR_MS
    return pd.DataFrame({"time": times, "venue": venue, "close": close})


def drifting(count, seed=1):
    return 0.05 + 0.01 * np.random.default_rng(seed).normal(size=count)


LATE = (
    "closes of {} move as those of {} did {} h before (correlation 1.00, at the same time {}): local time, or times of "
    "closes?"
)


@pytest.mark.parametrize("lag", [1, -1, 24, -24, 25, -25])
def test_clocks_that_differ_by_a_day_at_most(lag):
    moves = drifting(140)
    table = joined(closing(moves[30:110], "a", 30), closing(moves[30 - lag : 110 - lag], "b", 30))
    found = fault(clocks.check_clocks, table, HOUR_MS)
    if abs(lag) > 24:
        assert not found
        return
    now = np.corrcoef(moves[31:110], moves[31 - lag : 110 - lag])[0, 1]
    late, early = ("b", "a") if lag > 0 else ("a", "b")
    row = 80 if lag > 0 else 0
    assert found == f"{row}, column time: {LATE.format(late, early, abs(lag), f'{now:.2f}')}"


@pytest.mark.parametrize(("share", "told"), [(0.75, False), (0.85, True)])
def test_closes_that_move_together_at_another_time(share, told):
    moves, other = drifting(141), drifting(141, 5)
    mixed = share * (moves - 0.05) + np.sqrt(1 - share**2) * (other - 0.05)
    assert (np.corrcoef(moves[1:-1], mixed[1:-1])[0, 1] > 0.8) == told
    table = joined(closing(moves[1:], "a"), closing(mixed[:-1], "b"))
    assert bool(fault(clocks.check_clocks, table, HOUR_MS)) == told
    assert not fault(clocks.check_clocks, closing(moves, "a"), HOUR_MS)


def test_closes_that_move_together_at_the_same_time_are_left():
    alike = np.resize([0.01, 0.01, -0.01, -0.01], 81)
    # At the same time they move as at the next but three.
    assert not fault(clocks.check_clocks, joined(closing(alike, "a"), closing(alike, "b")), HOUR_MS)


def test_the_longest_bars_may_differ_by_one():
    moves = drifting(90)
    table = joined(closing(moves[1:], "a"), closing(moves[:-1], "b"))
    for step_ms in (DAY_MS, 2 * DAY_MS):
        stretched = table.assign(time=START_MS + (table["time"] - START_MS) * (step_ms // HOUR_MS))
        assert f"did {step_ms // HOUR_MS} h before" in fault(clocks.check_clocks, stretched, step_ms)
    twice = joined(closing(moves[2:], "a"), closing(moves[:-2], "b"))
    for step_ms, told in ((HOUR_MS, True), (DAY_MS, False), (2 * DAY_MS, False)):
        stretched = twice.assign(time=START_MS + (twice["time"] - START_MS) * (step_ms // HOUR_MS))
        assert bool(fault(clocks.check_clocks, stretched, step_ms)) == told


@pytest.mark.parametrize(("count", "told"), [(26, True), (25, False)])
def test_clocks_are_told_from_24_moves_at_another_time(count, told):
    moves = drifting(count + 1)
    table = joined(closing(moves[1:], "a"), closing(moves[:-1], "b"))
    assert bool(fault(clocks.check_clocks, table, HOUR_MS)) == told


@pytest.mark.parametrize("lag", range(-3, 4))
def test_a_correlation_is_that_of_numpy(lag):
    one, other = drifting(40, 1), drifting(40, 2)
    one[[3, 9]] = other[[4, 20]] = np.nan
    pairs = [(one[i], other[i + lag]) for i in range(40) if 0 <= i + lag < 40]
    known = np.array([pair for pair in pairs if np.isfinite(pair).all()])
    assert clocks.correlation(one, other, lag) == pytest.approx(np.corrcoef(known.T)[0, 1])


@pytest.mark.parametrize(("count", "unknown", "known"), [(24, 0, True), (23, 0, False), (26, 2, True), (26, 3, False)])
def test_a_correlation_needs_24_bars(count, unknown, known):
    one, other = drifting(count, 1), drifting(count, 2)
    one[:unknown] = np.nan
    assert np.isfinite(clocks.correlation(one, other, 0)) == known
    assert np.isfinite(clocks.correlation(np.append(one, 0.1), np.append(other, 0.1), 1)) == known
    assert np.isnan(clocks.correlation(np.ones(30), drifting(30), 0))
