"""How old each kind of figure may be, on the hour, and what is said of one that is older."""

from __future__ import annotations

import pytest

from imbalance.doubts import ages
from imbalance.doubts.evidence import Evidence
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import LongShort
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, iso
from imbalance.wire import Kind
from tests.support.harvests import NOW_MS, other

# How often each is made anew, and how late it comes.
MOST_MS = {
    Kind.TICKER: 15 * MINUTE_MS,
    Kind.MARK_PRICE: 15 * MINUTE_MS,
    Kind.OPEN_INTEREST: 15 * MINUTE_MS,
    Kind.ORDER_BOOK: 15 * MINUTE_MS,
    Kind.LONG_SHORT: 6 * HOUR_MS,
    Kind.LIQUIDATION_SUMS: 12 * HOUR_MS,
    Kind.VENUE_LIQUIDATIONS: 36 * HOUR_MS,
    Kind.CONTRACT_STATS: 48 * HOUR_MS,
    Kind.SENTIMENT: 2 * DAY_MS,
    Kind.OPEN_INTEREST_DAILY: 3 * DAY_MS,
    Kind.LIQUIDATION_DAILY: 3 * DAY_MS,
    Kind.HOLDERS: 4 * DAY_MS,
    Kind.COMMITMENTS: 14 * DAY_MS,
}
LEFT_OUT = {
    Kind.SENTIMENT: False,
    Kind.COMMITMENTS: False,
    Kind.HOLDERS: False,
    Kind.OPEN_INTEREST_DAILY: True,
    Kind.LIQUIDATION_DAILY: True,
    Kind.LONG_SHORT: True,
    Kind.ORDER_BOOK: True,
}


def aged(kind, age_ms):
    """Return a source whose newest figure is so old; one before it is older."""
    rows = [LongShort(NOW_MS - age - int(age_ms), "accounts", 0.5) for age in (99 * DAY_MS, 0)]
    return other(FEAR_GREED, **{kind.name: rows})


def old(kind, age_ms):
    return [(d.reason, d.left_out) for d in ages.old(Evidence([aged(kind, age_ms)], "X", NOW_MS))]


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_a_figure_is_old_beyond_its_age(kind):
    assert not old(kind, MOST_MS[kind])
    ((_told, left_out),) = old(kind, MOST_MS[kind] + 1)
    assert left_out == LEFT_OUT[kind]


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(LEFT_OUT)))
def test_what_other_stages_hold_to_its_time_is_not_told_twice(kind):
    assert not old(kind, 99 * DAY_MS)


@pytest.mark.parametrize(
    ("kind", "age_ms", "age"),
    [
        (Kind.ORDER_BOOK, 18 * MINUTE_MS, "0.3 hours"),
        (Kind.LONG_SHORT, 7 * HOUR_MS, "7 hours"),
        (Kind.LONG_SHORT, 47 * HOUR_MS, "47 hours"),
        (Kind.LONG_SHORT, 48 * HOUR_MS, "2 days"),
        (Kind.SENTIMENT, 5.5 * DAY_MS, "5 days"),
    ],
)
def test_an_age_is_told_in_hours_below_two_days(kind, age_ms, age):
    assert [told for told, _ in old(kind, age_ms)] == [f"its newest is of {iso(NOW_MS - int(age_ms))}, {age} old"]


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_a_figure_of_a_day_ahead_is_yet_to_come(kind):
    assert not old(kind, -DAY_MS)
    told = f"its newest is of {iso(NOW_MS + DAY_MS)}, which is yet to come"
    assert old(kind, -DAY_MS - 1) == [(told, True)]


@pytest.mark.parametrize("kind", MOST_MS)
@pytest.mark.parametrize("ahead_s", [None, 0.0, 10.0, -3600.0])
def test_a_figure_is_stale_by_the_source_s_own_clock(kind, ahead_s):
    most_ms = MOST_MS[kind] - 1000 * (ahead_s or 0.0)
    for age_ms, told in ((most_ms, ""), (most_ms + 1, f"its newest {kind} is of {iso(NOW_MS - int(most_ms) - 1)}")):
        harvest = aged(kind, age_ms)
        harvest.clock_ahead_s = ahead_s
        assert ages.stale(harvest, NOW_MS) == told


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(MOST_MS)))
def test_what_has_no_age_is_never_stale(kind):
    assert not ages.stale(aged(kind, 99 * DAY_MS), NOW_MS)
