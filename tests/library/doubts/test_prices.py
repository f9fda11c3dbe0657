"""Prices at their limits: marks, bars and days of a venue against the others' and its own."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.doubts import prices
from imbalance.doubts.evidence import Evidence
from imbalance.records import Candle, Ticker
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, doubted, flat, reasons, venue


def marked(*marks, **more):
    return [venue(i, Kind.TICKER, [Ticker(NOW_MS, mark_price=mark, **more)]) for i, mark in enumerate(marks)]


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ([119.9, 100.0, 100.0], ""),
        ([120.1, 100.0, 100.0], "its price of 120.1 is 1.2 times that of the other venues"),
        ([150.0, 50.0, 50.0], "its price of 150 is 3 times that of the other venues"),
        ([80.1, 100.0, 100.0], ""),
        ([79.9, 100.0, 100.0], "its price of 79.9 is 0.799 times that of the other venues"),
        ([300.0, 100.0], ""),
        ([300.0, 100.0, None], ""),
    ],
)
def test_a_price_is_within_a_fifth_of_the_middle(marks, told):
    assert reasons(prices.marks, marked(*marks)) == [told] * bool(told)


@pytest.mark.parametrize(("index", "times"), [(109.9, ""), (110.1, "1.1"), (90.1, ""), (89.9, "0.899"), (None, "")])
def test_an_index_is_within_a_tenth_of_its_mark(index, times):
    said = index and f"its index of {index:g} is {times} times its mark"
    harvests = marked(100.0, index_price=index)
    assert reasons(prices.marks, harvests) == [said] * bool(times)
    assert [d.figure for d in prices.marks(Evidence(harvests, "X", NOW_MS))] == [Figure.INDEX] * bool(times)
    assert not reasons(prices.marks, marked(None, index_price=index))


def among(rows, count=3, bars=None):
    """Return a venue with bars among others whose price is 100."""
    others = flat(100) if bars is None else bars
    return [venue(0, Kind.CANDLES, rows), *(venue(i, Kind.CANDLES, others) for i in range(1, count))]


def with_bar(at, count=100, **cells):
    rows = flat(count)
    rows[at] = msgspec.structs.replace(rows[at], **cells)
    return rows


APART = "{} of its {} bars are of another price than the other venues': {} times theirs at {}"


@pytest.mark.parametrize(
    ("rows", "told", "left_out"),
    [
        # One bar beyond 1.2 is told, one beyond 1.6 left out, up or down, close or wick.
        (with_bar(90, high=120.0), "", False),
        (with_bar(90, high=120.1), APART.format(1, 100, "1.2", "2026-01-30T02:00:00Z"), False),
        (with_bar(90, low=83.4), "", False),
        (with_bar(90, low=83.3), APART.format(1, 100, "0.833", "2026-01-30T02:00:00Z"), False),
        (with_bar(90, high=160.0), APART.format(1, 100, "1.6", "2026-01-30T02:00:00Z"), False),
        (with_bar(90, high=160.1), APART.format(1, 100, "1.6", "2026-01-30T02:00:00Z"), True),
        (with_bar(90, low=62.5), APART.format(1, 100, "0.625", "2026-01-30T02:00:00Z"), False),
        (with_bar(90, low=62.4), APART.format(1, 100, "0.624", "2026-01-30T02:00:00Z"), True),
        (with_bar(90, close=170.0, high=180.0), APART.format(1, 100, "1.8", "2026-01-30T02:00:00Z"), True),
        # More than a hundredth of the closes beyond a fifth: of 100 two, of 99 one.
        (with_bar(90, close=84.0), "", False),
        (with_bar(90, close=79.0), APART.format(1, 100, "0.79", "2026-01-30T02:00:00Z"), False),
        (with_bar(90, close=79.0)[1:], APART.format(1, 99, "0.79", "2026-01-30T02:00:00Z"), True),
        (with_bar(90, close=121.0)[1:], APART.format(1, 99, "1.21", "2026-01-30T02:00:00Z"), True),
        (with_bar(90, close=119.0)[1:], "", False),
        ([*flat(50, NOW_MS - 50 * HOUR_MS), *flat(50, price=150.0)],
         APART.format(50, 100, "1.5", "2026-01-28T10:00:00Z"), True),
    ],
)  # fmt: skip
def test_bars_of_another_price(rows, told, left_out):
    said = [d for d in prices.bars(Evidence(among(rows), "X", NOW_MS)) if d.source == VENUES[0].name]
    assert [(d.reason, d.left_out, d.figure) for d in said] == [(told, left_out, Figure.CANDLES)] * bool(told)
    assert not reasons(prices.bars, among(rows, count=2))


def test_a_bar_that_fewer_than_three_have_is_held_against_none():
    rows = with_bar(0, high=999.0)
    assert not reasons(prices.bars, among(rows, bars=flat(99)))
    assert reasons(prices.bars, among(rows, bars=flat(100)))
    assert reasons(prices.bars, [*among(rows), venue(3, Kind.CANDLES, flat(9))])
    assert not reasons(prices.bars, among(flat(9), bars=flat(9, NOW_MS - 9 * HOUR_MS)))


def walking(count, later=0, noise=0.0, end_ms=NOW_MS):
    """Return bars of a price that walks, each `later` bars than it did."""
    steps = np.random.default_rng(5).normal(size=count + 9) * 0.01
    own = np.random.default_rng(6).normal(size=count) * noise
    close = 100 * np.exp(np.cumsum(steps)[4 - later : 4 - later + count] + own)
    return [
        msgspec.structs.replace(row, open=c, high=c, low=c, close=c)
        for row, c in zip(flat(count, end_ms), close.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("count", "later", "minutes"),
    [
        (24, 1, "-60"),
        (24, -1, "+60"),
        (24, 2, "-120"),
        (24, -2, "+120"),
        (24, 3, ""),
        (24, -3, ""),
        (23, 1, ""),
        (24, 0, ""),
    ],
)
def test_bars_that_fit_at_other_times(count, later, minutes):
    harvests = among(walking(count, later), bars=walking(count))
    said = f"its bars fit the other venues' when they are moved by {minutes} min"
    assert reasons(prices.bars, harvests)[:1] == [said] * bool(minutes)
    assert not reasons(prices.bars, harvests[:2])


@pytest.mark.parametrize(("noise", "told"), [(0.004, True), (0.02, False)])
def test_bars_fit_twice_as_well_elsewhere_or_stay(noise, told):
    """The middle of three is the others' own: what is off is what the walk did in an hour, and the noise."""
    own, others = walking(100, 1, noise), walking(100)
    close, middle = (np.log([row.close for row in rows]) for rows in (own, others))
    fits = np.abs(close - middle).mean(), np.abs(close[1:] - middle[:-1]).mean()
    assert (fits[0] > 2 * fits[1]) == told
    assert doubted(prices.bars, among(own, bars=others)) == [(VENUES[0].name, True)] * told


def with_mark(mark, rows, count=3, others=100.0):
    harvests = among(rows, count, flat(100, price=others))
    harvests[0].keep(Kind.TICKER, [Ticker(NOW_MS, mark_price=mark)])
    return harvests


@pytest.mark.parametrize(
    ("mark", "rows", "others", "figure"),
    [
        (109.9, flat(100), 100.0, None),
        (110.1, flat(100), 100.0, Figure.ALL),
        (90.1, flat(100), 100.0, None),
        (89.9, flat(100), 100.0, Figure.ALL),
        # Where the bars are farther from the others than the mark is, it is they.
        (100.0, flat(100, price=115.0), 100.0, Figure.CANDLES),
        (112.0, flat(100, price=88.0), 100.0, Figure.ALL),
        (112.0, flat(100, price=87.0), 100.0, Figure.CANDLES),
        (None, flat(100, price=115.0), 100.0, None),
        # Bars that ended two hours ago are of another time.
        (130.0, flat(100, NOW_MS - 2 * HOUR_MS), 100.0, Figure.ALL),
        (130.0, flat(100, NOW_MS - 3 * HOUR_MS), 100.0, None),
    ],
)
def test_a_mark_against_the_last_close(mark, rows, others, figure):
    harvests = with_mark(mark, rows, others=others)
    found = [d for d in prices.bars(Evidence(harvests, "X", NOW_MS)) if d.source == VENUES[0].name]
    close = rows[-1].close
    said = f"its mark of {mark or 0:g} is {(mark or 0) / close:.3g} times its last close, {close:g}"
    assert [(d.figure, d.reason) for d in found] == [(figure, said)] * (figure is not None)
    # Of two venues none is the middle: the venue is doubted whole.
    alone = [d.figure for d in prices.bars(Evidence(harvests[:2], "X", NOW_MS))]
    assert alone == [Figure.ALL] * (figure is not None)


@pytest.mark.parametrize(("mark", "price", "figure"), [(100.0, 100.0, None), (95.5, 109.0, Figure.CANDLES)])
def test_the_last_close_is_that_of_now(mark, price, figure):
    """In the second bar and in the last but one all venues are at another price."""
    both = [flat(100, price=own) for own in (price, 100.0)]
    for own in both:
        for at in (1, -2):
            own[at] = msgspec.structs.replace(own[at], close=own[at].close * 0.88)
    harvests = among(both[0], bars=both[1])
    harvests[0].keep(Kind.TICKER, [Ticker(NOW_MS, mark_price=mark)])
    assert [d.figure for d in prices.bars(Evidence(harvests, "X", NOW_MS))] == [figure] * (figure is not None)


def test_bars_that_ended_a_moment_ago_are_of_now():
    harvests = with_mark(130.0, flat(100, NOW_MS - 2 * HOUR_MS))
    assert len(prices.bars(Evidence(harvests, "X", NOW_MS))) == 1
    assert not prices.bars(Evidence(harvests, "X", NOW_MS + 1))


def test_a_venue_whose_bars_are_doubted_is_not_doubted_again_by_its_mark():
    assert len(reasons(prices.bars, with_mark(100.0, flat(100, price=300.0)))) == 1


@pytest.mark.parametrize(
    ("close", "times"), [(109.9, ""), (110.1, "1.1"), (90.1, ""), (89.9, "0.899"), (50.0, "0.5"), (300.0, "3")]
)
@pytest.mark.parametrize("step_ms", [HOUR_MS, 15 * MINUTE_MS])
def test_a_day_ends_at_the_close_of_its_bars(close, times, step_ms):
    days = [Candle(MIDNIGHT_MS - i * DAY_MS, 100.0, 100.0, 100.0, 100.0, 1.0) for i in (40, 3, 2)]
    days += [Candle(MIDNIGHT_MS - DAY_MS, close, close, close, close, 1.0)]
    days += [Candle(MIDNIGHT_MS, 500.0, 500.0, 500.0, 500.0, 1.0)]
    bars = flat(60 * HOUR_MS // step_ms, step_ms=step_ms)
    # The bar after the day's last and the one before it are of another price.
    last = next(i for i, row in enumerate(bars) if row.time_ms == MIDNIGHT_MS - step_ms)
    for at in (last - 1, last + 1):
        bars[at] = msgspec.structs.replace(bars[at], close=777.0)
    harvest = venue(0, Kind.DAILY_CANDLES, days, CANDLES=bars)
    said = f"its day of 2026-01-29 ends at {times} times the close of its own bars"
    assert reasons(prices.days, [harvest]) == [said] * bool(times)
    assert not reasons(prices.days, [venue(0, Kind.DAILY_CANDLES, days)])
    # Where the day's last bar lacks nothing is told.
    del bars[last]
    assert not reasons(prices.days, [venue(0, Kind.DAILY_CANDLES, days, CANDLES=bars)])


def test_days_of_another_price_than_the_other_venues():
    days = [flat(9, MIDNIGHT_MS, DAY_MS, price=price) for price in (170.0, 100.0, 100.0)]
    harvests = [venue(i, Kind.DAILY_CANDLES, rows) for i, rows in enumerate(days)]
    said = APART.format(9, 9, "1.7", "2026-01-21T00:00:00Z")
    assert reasons(prices.days, harvests) == [said]
    harvests[0].keep(Kind.CANDLES, flat(60))
    assert reasons(prices.days, harvests) == [said]
