"""The last 24 hours of liquidations at their limits, whatever the kind of record."""

from __future__ import annotations

import pytest

from imbalance.liquidated import last_day, silent
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import (
    ContractStats,
    Covered,
    LaterStage,
    Liquidation,
    LiquidationSum,
    Unread,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.wire import Kind
from tests.support.harvests import NOW_MS, other, venue

FROM_MS = NOW_MS - DAY_MS


def order(at_ms, side=Side.LONG, base=2.0, name=""):
    return Liquidation(at_ms, side, 100.0, base, name)


def of_orders(*rows):
    return last_day(venue(0, Kind.LIQUIDATIONS, rows), NOW_MS)


@pytest.mark.parametrize(("at_ms", "usd"), [(FROM_MS, 0.0), (FROM_MS + 1, 200.0), (NOW_MS, 200.0), (NOW_MS + 1, 0.0)])
def test_orders_of_the_last_24_hours(at_ms, usd):
    """An answer that says that it holds all of an hour: other orders in it are of that hour."""
    day = of_orders(order(at_ms), order(NOW_MS - 1, Side.SHORT), Covered(NOW_MS - HOUR_MS), Covered(NOW_MS))
    assert day == (usd, 200.0, NOW_MS - HOUR_MS, NOW_MS, False, False, None)


@pytest.mark.parametrize(
    ("covered", "first_ms", "whole"),
    [
        (FROM_MS + 1, FROM_MS + 1, False),
        (FROM_MS, FROM_MS, True),
        (FROM_MS - HOUR_MS, FROM_MS, True),
    ],
)
def test_an_answer_without_orders_is_of_the_time_that_it_says(covered, first_ms, whole):
    assert of_orders(Covered(NOW_MS), Covered(covered)) == (0.0, 0.0, first_ms, NOW_MS, whole, False, None)
    assert of_orders() is None
    assert of_orders(order(FROM_MS)) is None


def test_an_answer_that_reaches_back_a_day_is_whole_by_its_rows():
    hourly = [order(FROM_MS + 1 + h * HOUR_MS) for h in range(24)]
    assert of_orders(*hourly, Covered(FROM_MS))[2:5] == (FROM_MS, NOW_MS, True)
    assert of_orders(*hourly, Covered(FROM_MS), Covered(NOW_MS))[2:5] == (FROM_MS, NOW_MS, True)
    assert of_orders(*hourly, Covered(FROM_MS + 1))[2:5] == (FROM_MS + 1, NOW_MS, False)
    assert of_orders(*hourly[:12], Covered(FROM_MS))[2:5] == (FROM_MS + 1, FROM_MS + 2 + 11 * HOUR_MS, False)
    assert of_orders(*hourly[12:], Covered(FROM_MS))[2:5] == (
        FROM_MS + 1 + 12 * HOUR_MS,
        FROM_MS + 2 + 23 * HOUR_MS,
        False,
    )
    # An order of now is of the last hour.
    assert of_orders(*hourly[:21], order(NOW_MS))[2:5] == (FROM_MS, NOW_MS, True)
    last = [*hourly[12:], order(NOW_MS)]
    assert of_orders(*last)[2:5] == (FROM_MS + 1 + 12 * HOUR_MS, NOW_MS, False)


def test_orders_with_a_number_count_once_and_those_without_each():
    at_ms = NOW_MS - HOUR_MS
    rows = [order(at_ms, base=base, name=name) for base, name in ((1.0, ""), (2.0, ""), (4.0, "a"), (4.0, "a"))]
    rows += [order(at_ms, Side.SHORT, 8.0, "b")]
    assert of_orders(*rows, Covered(at_ms))[:2] == (700.0, 800.0)


@pytest.mark.parametrize(("at_ms", "usd"), [(FROM_MS, None), (FROM_MS + 1, 750.0), (NOW_MS, 750.0), (NOW_MS + 1, None)])
def test_later_stages_of_the_day_are_told_by_themselves(at_ms, usd):
    day = of_orders(order(NOW_MS - 1), Covered(NOW_MS - HOUR_MS), LaterStage(at_ms, "x", 250.0, 3.0))
    assert (day.long_usd, day.later_stages_usd) == (200.0, usd)


def test_what_was_not_read_makes_a_lower_bound():
    hourly = [order(FROM_MS + 1 + h * HOUR_MS) for h in range(24)]
    assert of_orders(*hourly, Unread())[4:6] == (False, True)
    assert of_orders(*hourly)[4:6] == (True, False)


def counted(hours, bucket_ms=HOUR_MS, shift_ms=0):
    rows = [VenueLiquidations(FROM_MS + h * HOUR_MS + shift_ms, "x", 3.0, 4.0, bucket_ms) for h in hours]
    return last_day(other(COINALYZE, VENUE_LIQUIDATIONS=rows), NOW_MS)


def test_buckets_of_an_aggregator_lie_within_the_day():
    assert counted(range(-5, 30)) == (72.0, 96.0, FROM_MS, NOW_MS, True, False, None)
    # Stamps may be a millisecond off: from the day's begin on, and ending a millisecond after now at most.
    assert counted(range(24), shift_ms=1).long_usd == 72.0
    assert counted(range(24), shift_ms=2).long_usd == 69.0
    assert counted(range(24), shift_ms=-1).long_usd == 69.0
    assert counted([]) is None
    assert counted([-3]) is None
    assert counted(range(12)) == (36.0, 48.0, FROM_MS, FROM_MS + 12 * HOUR_MS, False, False, None)
    assert counted(range(13, 24)) == (33.0, 44.0, FROM_MS + 13 * HOUR_MS, NOW_MS, False, False, None)
    # Buckets of four hours are six steps: five without a row are as chance makes them.
    assert counted([8], 4 * HOUR_MS).whole
    assert counted(range(12), 5 * MINUTE_MS)[3:5] == (FROM_MS + 11 * HOUR_MS + 5 * MINUTE_MS, False)


@pytest.mark.parametrize(
    ("steps", "filled", "told"),
    [
        # Of 40 steps 37 filled, three in a row not: (38 * 1) / C(40, 3) = 0.0038.
        (40, set(range(40)) - {20, 21, 22}, False),
        # Of 90: 88 / 117480 = 0.00075; of 122: 120 / 295240 = 0.000406; of 123: 121 / 302621 = 0.0003998.
        (90, set(range(87)), False),
        (122, set(range(119)), False),
        (123, set(range(120)), True),
        (123, set(range(1, 121)), False),
        # The longest counts: of 300 three at the end and one before, 297 * 297 / 330791175 = 0.00027.
        (300, set(range(297)) - {50}, True),
        # Two in a row are no silence, however few are missing.
        (9999, set(range(9997)), False),
        (24, set(), False),
        (24, set(range(24)), False),
    ],
)
def test_a_silence(steps, filled, told):
    assert silent(filled, steps) == told


def regular(stamps, kind="CONTRACT_STATS"):
    if kind == "CONTRACT_STATS":
        rows = [ContractStats(at_ms, 1.0, 1.0, 9.0, 9.0, 3.0, 4.0) for at_ms in stamps]
        return last_day(venue(0, Kind.CONTRACT_STATS, rows), NOW_MS)
    return last_day(other(FEAR_GREED, LIQUIDATION_SUMS=[LiquidationSum(at_ms, 3.0, 4.0) for at_ms in stamps]), NOW_MS)


def hourly(first, last, ahead_ms=0):
    """Return stamps of the hours from so many to so many hours ago."""
    return [NOW_MS + ahead_ms - h * HOUR_MS for h in range(first, last - 1, -1)]


@pytest.mark.parametrize("kind", ["CONTRACT_STATS", "LIQUIDATION_SUMS"])
@pytest.mark.parametrize(
    ("stamps", "found"),
    [
        # The newest bucket that has ended, and those of 24 hours up to it.
        (hourly(30, 0), (72.0, 96.0, FROM_MS, NOW_MS, True)),
        (hourly(30, 0, 1), (72.0, 96.0, FROM_MS - HOUR_MS + 1, NOW_MS - HOUR_MS + 1, True)),
        (hourly(24, 1), (72.0, 96.0, FROM_MS, NOW_MS, True)),
        (hourly(23, 1), (69.0, 92.0, FROM_MS + HOUR_MS, NOW_MS, False)),
        # A whole bucket that has not come is not the day's; from six hours on nothing is.
        (hourly(30, 2), (72.0, 96.0, FROM_MS - HOUR_MS, NOW_MS - HOUR_MS, False)),
        (hourly(30, 2, 1), (72.0, 96.0, FROM_MS - HOUR_MS + 1, NOW_MS - HOUR_MS + 1, True)),
        (hourly(40, 7), (72.0, 96.0, FROM_MS - 6 * HOUR_MS, NOW_MS - 6 * HOUR_MS, False)),
        (hourly(40, 7, -1), None),
        ([NOW_MS - HOUR_MS], None),
        ([NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS], (6.0, 8.0, NOW_MS - 2 * HOUR_MS, NOW_MS, False)),
        ([NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS], None),
        # The shortest step tells the buckets' length.
        ([s for s in hourly(24, 1) if s != NOW_MS - 9 * HOUR_MS], (69.0, 92.0, FROM_MS, NOW_MS, False)),
        ([NOW_MS - i * DAY_MS // 6 for i in range(9, 0, -1)], (18.0, 24.0, FROM_MS, NOW_MS, True)),
        ([], None),
    ],
)
def test_buckets_that_come_in_any_case(stamps, found, kind):
    day = regular(stamps, kind)
    assert (day and day[:5]) == found
