"""What a bars file tells beside the map, from bars by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.report import bars_sections
from imbalance.units import DAY_MS, HOUR_MS
from tests.support.bars import market, venue

NAN = np.nan


def test_open_interest_is_of_each_venues_last_known_bar():
    count = 26
    falling, short = np.linspace(250, 200, count), np.full(count, NAN)
    falling[-1] = NAN
    short[3:] = np.arange(count - 3) + 10.0
    told = bars_sections.open_interest(
        market(
            [100.0] * count,
            venue("short", count, open_interest=short),
            venue("none", count),
            venue("large", count, open_interest=falling),
            price=50.0,
        )
    )
    large, small = told.venues
    assert (large.name, small.name, told.missing) == ("large", "short", ["none"])
    assert (large.open_interest_base, small.open_interest_base) == (pytest.approx(202), 32)
    assert (large.open_interest_usd, told.total_usd) == (pytest.approx(202 * 50), pytest.approx(234 * 50))
    assert (large.share, small.share) == (pytest.approx(202 / 234), pytest.approx(32 / 234))
    # Its last known bar is the 25th, a day before it the first; the other's is not known a day before.
    assert large.change_24h == pytest.approx(202 / 250 - 1)
    assert small.change_24h is None
    assert told.total_base == pytest.approx(234)
    assert told.change is None


@pytest.mark.parametrize(("before", "change"), [(0.0, None), (10.0, 1.0), (NAN, None), (0.5, 39.0)])
def test_a_change_is_from_what_was_open_a_day_before(before, change):
    interest = np.full(25, 20.0)
    interest[0] = before
    (row,) = bars_sections.open_interest(market([100.0] * 25, venue("okx", 25, open_interest=interest))).venues
    assert row.change_24h == change


def test_of_nothing_there_are_no_shares():
    told = bars_sections.open_interest(market([100.0] * 2, venue("okx", 2, open_interest=0.0)))
    assert (told.venues[0].share, told.total_base) == (0, 0)


def week(count, low, interest=None):
    series = np.full(count, 200.0)
    series[5] = low
    series[7] = low + 1
    both = (
        venue("a", count, open_interest=series),
        venue("b", count, open_interest=100.0 if interest is None else interest),
    )
    return market([100.0] * count, *both, venue("none", count, open_interest=0.0))


def test_a_week_of_all_venues_tells_the_change_from_its_low():
    change = bars_sections.open_interest(week(7 * 24, 50.0)).change
    assert (change.value, change.low_base, change.now_base) == (pytest.approx(300 / 150 - 1), 150, 300)
    assert change.low_date == "2026-01-28"
    assert bars_sections.open_interest(week(7 * 24 - 1, 50.0)).change is None
    # A bar that one venue lacks does not count, though the other is lower there.
    lacking = np.full(7 * 24 + 1, 100.0)
    lacking[5] = NAN
    change = bars_sections.open_interest(week(7 * 24 + 1, 50.0, lacking)).change
    assert change.low_base == 151
    assert bars_sections.open_interest(week(7 * 24, 50.0, lacking[:-1])).change is None


@pytest.mark.parametrize(("low", "told"), [(0.0, None), (0.5, 0.5), (1.0, 1.0)])
def test_there_is_no_change_from_nothing(low, told):
    change = bars_sections.open_interest(week(7 * 24, low, 0.0)).change
    assert (change and change.low_base) == told


@pytest.mark.parametrize(
    ("interval_ms", "bars", "usd"),
    [
        (HOUR_MS, 24, 24.0), (HOUR_MS, 23, None), (HOUR_MS, 30, 24.0), (12 * HOUR_MS, 3, 2.0), (DAY_MS, 3, 1.0),
        (5 * HOUR_MS, 5, 4.0), (2 * DAY_MS, 3, 1.0),
    ],
)  # fmt: skip
def test_a_day_is_summed_at_bar_closes(interval_ms, bars, usd):
    # One coin a bar at 1 USD, but for what lies before the day: that cost 100.
    whole = max(DAY_MS // interval_ms, 1)
    close = [100.0] * (bars - whole) + [1.0] * min(whole, bars)
    told = bars_sections.volume(market(close, venue("okx", bars, volume=1.0), interval_ms=interval_ms))
    assert (told.total_24h_usd, told.missing) == (usd, [] if usd else ["okx"])


def test_a_day_with_a_hole_is_missing_and_one_before_it_is_not():
    hole = np.ones(25)
    for at, usd in ((0, 24.0), (1, None), (24, None)):
        volumes = hole.copy()
        volumes[at] = NAN
        assert bars_sections.volume(market([1.0] * 25, venue("okx", 25, volume=volumes))).total_24h_usd == usd


def test_volumes_are_at_each_bars_close():
    close = np.linspace(100, 123, 24)
    told = bars_sections.volume(market(close, venue("a", 24, volume=2.0), venue("b", 24, volume=1.0), venue("c", 24)))
    assert told.total_24h_usd == pytest.approx(3 * close.sum())
    assert [row.volume_24h_usd for row in told.venues] == [
        pytest.approx(2 * close.sum()),
        pytest.approx(close.sum()),
        None,
    ]
    assert (told.month, told.missing) == ("2026-01", ["c"])


def test_liquidations_need_both_sides():
    count = 30
    told = bars_sections.liquidations(
        market(
            [10.0] * count,
            venue("both", count, long_liquidations=2.0, short_liquidations=1.0),
            venue("long", count, long_liquidations=2.0),
            venue("short", count, short_liquidations=2.0),
            venue("too", count, long_liquidations=0.0, short_liquidations=5.0),
        )
    )
    assert (told.of, told.missing) == (["both", "too"], ["long", "short"])
    assert (told.long_usd, told.short_usd, told.usd) == (480, 240 + 1200, 480 + 240 + 1200)
    assert {(row.start, row.to) for row in told.observed} == {("2026-01-28T06:00:00Z", "2026-01-29T06:00:00Z")}
    none = bars_sections.liquidations(market([10.0] * count, venue("okx", count)))
    assert (none.usd, none.long_usd, none.short_usd, none.missing) == (None, None, None, ["okx"])
