"""Holes in a series at their limits."""

from __future__ import annotations

import pytest

from imbalance.doubts import series
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import OpenInterest
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, doubted, flat, other, reasons, venue


def without(rows, *missing):
    return [row for i, row in enumerate(rows) if i not in missing]


@pytest.mark.parametrize(
    ("count", "missing", "told"),
    [
        # A fiftieth of them may be missing, but no three in a row.
        (50, (20,), ""),
        (49, (20,), "1 of 49 rows are missing"),
        (100, (20, 40), ""),
        (99, (20, 40), "2 of 99 rows are missing"),
        (99, (20, 21), "2 of 99 rows are missing, 2 of them after 2026-01-27T04:00:00Z"),
        (500, (20, 21), ""),
        (500, (20, 21, 22), "3 of 500 rows are missing, 3 of them after 2026-01-10T11:00:00Z"),
        (1, (), ""),
        (2, (), ""),
    ],
)
def test_rows_that_are_missing_inside_a_series(count, missing, told):
    rows = without(flat(count), *missing)
    assert reasons(series.holes, [venue(0, Kind.CANDLES, rows)]) == [told] * bool(told)
    assert doubted(series.holes, [venue(0, Kind.CANDLES, rows)]) == [(VENUES[0].name, False)] * bool(told)
    history = [OpenInterest(row.time_ms, 1.0) for row in rows]
    assert reasons(series.holes, [venue(0, Kind.OPEN_INTEREST_HISTORY, history)]) == [told] * bool(told)


def test_stamps_that_are_a_little_off_leave_no_hole():
    rows = [OpenInterest(NOW_MS + i * HOUR_MS + i % 2 * HOUR_MS // 10, 1.0) for i in range(9)]
    assert not reasons(series.holes, [venue(0, Kind.OPEN_INTEREST_HISTORY, rows)])


@pytest.mark.parametrize(("late_ms", "told"), [(DAY_MS, False), (DAY_MS + HOUR_MS, True)])
def test_a_series_that_begins_a_day_after_the_bars(late_ms, told):
    start_ms = NOW_MS - 90 * HOUR_MS
    late = flat(90 - late_ms // HOUR_MS)
    history = [OpenInterest(row.time_ms, 1.0) for row in late]
    said = ["begins at 2026-01-27T19:00:00Z, where the bars begin at 2026-01-26T18:00:00Z"] * told
    assert flat(90)[0].time_ms == start_ms
    assert reasons(series.holes, [venue(0, Kind.CANDLES, flat(90), OPEN_INTEREST_HISTORY=history)]) == said
    assert reasons(series.holes, [venue(0, Kind.CANDLES, late), venue(1, Kind.CANDLES, flat(90))]) == said
    alone = venue(0, Kind.OPEN_INTEREST_HISTORY, history)
    assert not reasons(series.holes, [alone, venue(1, Kind.CANDLES, flat(90))])


def test_days_of_this_month_and_the_one_before():
    days = flat(61, MIDNIGHT_MS + DAY_MS, DAY_MS)
    assert days[0].time_ms == MIDNIGHT_MS - 60 * DAY_MS  # 1 December
    assert not reasons(series.holes, [venue(0, Kind.DAILY_CANDLES, days)])
    for missing, told in ((40, "29 of 30 days of 2026-01"), (20, "30 of 31 days of 2025-12")):
        said = f"{told} are there: no part of that month's volume"
        assert reasons(series.holes, [venue(0, Kind.DAILY_CANDLES, without(days, missing))]) == [said]
    # At midnight the new day has not begun.
    until = venue(0, Kind.DAILY_CANDLES, days[:-1])
    assert not reasons(series.holes, [until], now_ms=MIDNIGHT_MS)
    assert reasons(series.holes, [until], now_ms=MIDNIGHT_MS + 1)


@pytest.mark.parametrize(("kind", "told"), [("TOTALS", True), ("LIQUIDATIONS", False)])
def test_an_answer_without_rows(kind, told):
    harvests = [other(FEAR_GREED, **{kind: []})]
    assert reasons(series.holes, harvests) == ["the answer holds no rows"] * told
    assert doubted(series.holes, harvests) == [(FEAR_GREED.name, False)] * told
