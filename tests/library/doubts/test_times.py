"""Dead feeds and clocks at their limits."""

from __future__ import annotations

import pytest

from imbalance.doubts import times
from imbalance.doubts.evidence import Evidence
from imbalance.records import OpenInterest, Ticker
from imbalance.units import HOUR_MS, MINUTE_MS, iso
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.harvests import NOW_MS, flat, reasons, venue

THEN_MS = NOW_MS - 5 * HOUR_MS
LATE = "its newest {} is of {}, that of the other venues of {}"


def marked(place, at_ms=THEN_MS):
    return venue(place, Kind.TICKER, [Ticker(at_ms - HOUR_MS, mark_price=1.0), Ticker(at_ms, mark_price=1.0)])


def held(place, at_ms):
    return venue(place, Kind.OPEN_INTEREST, [OpenInterest(at_ms - HOUR_MS, 1.0), OpenInterest(at_ms, 1.0)])


def barred(place, end_ms, count=9):
    rows = [Ticker(None, mark_price=1.0), Ticker(NOW_MS, last_price=1.0)]
    return venue(place, Kind.CANDLES, flat(count, end_ms), TICKER=rows)


@pytest.mark.parametrize(
    ("feed", "what", "limit_ms"),
    [
        (marked, "mark price", 2 * HOUR_MS),
        (held, "open interest", 2 * HOUR_MS),
        # The end of the newest bar may be one bar before.
        (barred, "bar", 3 * HOUR_MS),
    ],
)
@pytest.mark.parametrize("ahead", [1, -1])
def test_a_feed_is_dead_two_hours_from_the_others(feed, what, limit_ms, ahead):
    others = [marked(1), marked(2)]
    assert not reasons(times.feeds, [feed(0, THEN_MS + ahead * limit_ms), *others])
    at_ms = THEN_MS + ahead * (limit_ms + 1)
    assert reasons(times.feeds, [feed(0, at_ms), *others]) == [LATE.format(what, iso(at_ms), iso(THEN_MS))]
    assert not reasons(times.feeds, [feed(0, at_ms), others[0]])
    assert not reasons(times.feeds, [feed(0, at_ms), others[0], venue(3)])


def test_what_has_the_time_of_the_asking_tells_nothing():
    assert not reasons(times.feeds, [held(0, NOW_MS), marked(1), marked(2)])
    assert not reasons(times.feeds, [barred(0, NOW_MS, count=1), marked(1), marked(2)])
    assert len(reasons(times.feeds, [barred(0, NOW_MS, count=2), marked(1), marked(2)])) == 1


def test_a_venue_s_newest_figure_is_the_one_that_others_are_held_to():
    late = venue(1, Kind.TICKER, [Ticker(NOW_MS - HOUR_MS, mark_price=1.0)])
    late.keep(Kind.OPEN_INTEREST, [OpenInterest(THEN_MS, 1.0)])
    both = [marked(0, NOW_MS - HOUR_MS), late, marked(2, NOW_MS - HOUR_MS)]
    assert reasons(times.feeds, both) == [LATE.format("open interest", iso(THEN_MS), iso(NOW_MS - HOUR_MS))]


def test_others_are_of_the_time_of_their_newest_figures():
    others = [marked(1), marked(2)]
    for harvest in others:
        harvest.keep(Kind.OPEN_INTEREST, [OpenInterest(THEN_MS - 2 * HOUR_MS, 1.0)])
    at_ms = THEN_MS - 2 * HOUR_MS - 1
    assert reasons(times.feeds, [held(0, at_ms), *others]) == [LATE.format("open interest", iso(at_ms), iso(THEN_MS))]


@pytest.mark.parametrize(
    ("step_ms", "count", "still", "traded", "told"),
    [
        # As many bars as six hours hold, and four at least.
        (HOUR_MS, 9, 6, 0, True),
        (HOUR_MS, 6, 6, 0, True),
        (HOUR_MS, 9, 5, 0, False),
        (HOUR_MS, 5, 5, 0, False),
        (HOUR_MS, 9, 6, 1, False),
        (90 * MINUTE_MS, 9, 4, 0, True),
        (90 * MINUTE_MS, 4, 4, 0, True),
        (90 * MINUTE_MS, 9, 3, 0, False),
        (2 * HOUR_MS, 9, 9, 0, False),
        (15 * MINUTE_MS, 30, 24, 0, True),
        (15 * MINUTE_MS, 30, 23, 0, False),
        (15 * MINUTE_MS, 23, 23, 0, False),
    ],
)
def test_bars_that_have_not_moved(step_ms, count, still, traded, told):
    before = flat(count - still, NOW_MS - still * step_ms, step_ms, price=99.0, volume_base=0.0)
    rows = flat(still - traded, NOW_MS - traded * step_ms, step_ms, volume_base=0.0)
    rows += flat(traded, NOW_MS, step_ms, volume_base=0.1)
    said = f"its bars have not moved since {iso(NOW_MS - still * step_ms)}"
    assert reasons(times.feeds, [venue(0, Kind.CANDLES, before + rows)]) == [said] * told


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_few_bars_may_stand_still(count):
    assert not reasons(times.feeds, [venue(0, Kind.CANDLES, flat(count, volume_base=0.0))])


@pytest.mark.parametrize(
    ("step_ms", "count", "still", "told"),
    [
        (HOUR_MS, 7, 7, True),
        (HOUR_MS, 7, 6, True),
        (HOUR_MS, 7, 5, False),
        (HOUR_MS, 6, 6, False),
        (90 * MINUTE_MS, 5, 5, True),
        (2 * HOUR_MS, 9, 9, False),
        (HOUR_MS, 1, 1, False),
        (6 * HOUR_MS, 3, 3, False),
    ],
)
def test_open_interest_that_has_not_moved(step_ms, count, still, told):
    levels = [6.0] * (count - still) + [5.0] * still
    rows = [OpenInterest(NOW_MS - (count - i) * step_ms, level) for i, level in enumerate(levels)]
    said = "its open interest has been 5 for 6 hours"
    assert reasons(times.feeds, [venue(0, Kind.OPEN_INTEREST_HISTORY, rows)]) == [said] * told


OF_ALL = "the newest figures of all venues are of 2026-01-30T09:00:00Z, "
MACHINE = f"{OF_ALL}this machine's clock says 2026-01-30T12:00:00Z; the venues' clocks agree with "


@pytest.mark.parametrize(
    ("ahead_s", "told"),
    [
        ([None] * 3, f"{OF_ALL}not of 2026-01-30T12:00:00Z; nothing here is of now"),
        ([0.0, None, None], f"{MACHINE}this machine's: the figures are old"),
        # An hour behind this machine's they are two hours ahead of the figures.
        ([-3599.0] * 3, f"{MACHINE}this machine's: the figures are old"),
        ([-3600.0] * 3, f"{MACHINE}their figures: doubt this machine's clock"),
        ([-5 * 3600.0] * 3, f"{MACHINE}their figures: doubt this machine's clock"),
        ([-5 * 3600.0 - 1] * 3, f"{MACHINE}this machine's: the figures are old"),
    ],
)
def test_which_clock_is_to_be_doubted(ahead_s, told):
    harvests = [marked(place, NOW_MS - 3 * HOUR_MS) for place in range(3)]
    for harvest, own in zip(harvests, ahead_s, strict=True):
        harvest.clock_ahead_s = own
    (doubt,) = times.clock(Evidence(harvests, "X", NOW_MS))
    assert (doubt.source, doubt.reason, doubt.left_out) == (VENUES[0].name, told, False)
    assert not times.clock(Evidence([venue(0)], "X", NOW_MS))


def test_the_newest_figure_of_each_venue_tells_its_time():
    rows = [barred(0, NOW_MS - HOUR_MS), marked(1, NOW_MS - 9 * HOUR_MS)]
    rows[1].keep(Kind.CANDLES, flat(9, NOW_MS - HOUR_MS))
    assert not reasons(times.clock, rows)
