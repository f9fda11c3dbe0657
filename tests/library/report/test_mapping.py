"""Rows, windows and bands of maps in which every figure is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from imbalance.report import mapping
from imbalance.units import DAY_MS, HOUR_MS
from tests.support import bars
from tests.support.maps import by_hand, in_dollars

TENS = (50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150)
SIDES = {"long": [1, 2, 3, 4, 5, 0, 0, 0, 0, 0], "short": [0, 0, 0, 0, 0, 6, 7, 8, 9, 10]}


def tens(**changes):
    return by_hand(SIDES["long"], SIDES["short"], TENS, **changes)


def ends_of(found, share, side):
    return [(round(row.low, 6), round(row.high, 6)) for row in mapping.rows(found, share, side)]


@pytest.mark.parametrize(
    ("span", "step"),
    [(6, 1), (6.1, 2), (12, 2), (12.1, 2.5), (15, 2.5), (15.1, 5), (30, 5), (30.1, 10), (60, 10), (61, 20), (0.6, 0.1)],
)
def test_six_rows_are_cut_by_the_least_round_step_that_will_do(span, step):
    assert mapping.nice_step(span, 6) == pytest.approx(step)


def test_a_side_has_at_most_six_rows_of_round_prices():
    found = in_dollars({90: 5.0}, {110: 5.0}, 40, 160)
    assert ends_of(found, 0.30, "short") == [(100, 105), (105, 110), (110, 115), (115, 120), (120, 125), (125, 130)]
    # A seventh row of 5 would be one too many.
    assert ends_of(found, 0.31, "short") == [(100, 110), (110, 120), (120, 130), (130, 140)]
    assert ends_of(found, 0.30, "long") == [(95, 100), (90, 95), (85, 90), (80, 85), (75, 80), (70, 75)]
    # A price between round ones: rows go on from the next.
    found = in_dollars({}, {}, 60, 200, price=127.0)
    assert ends_of(found, 0.15, "short") == [(127, 130), (130, 135), (135, 140), (140, 145), (145, 150)]
    assert ends_of(found, 0.15, "long") == [(125, 127), (120, 125), (115, 120), (110, 115), (105, 110)]


def test_a_rest_of_a_twentieth_of_a_row_is_worth_none():
    found = in_dollars({}, {}, 60, 200, price=128.0)
    # Rows of 10; the windows end half a dollar beyond 160 and 90, to the last bit, or a little more.
    assert ends_of(found, 32.5 / 128, "short")[-1] == (150, 160)
    assert ends_of(found, 32.75 / 128, "short")[-1] == (160, 170)
    assert ends_of(found, 38.5 / 128, "long")[-1] == (90, 100)
    assert ends_of(found, 38.75 / 128, "long")[-1] == (80, 90)


def test_a_sliver_beside_the_price_is_part_of_the_next_row():
    for price, first in ((119.5, [(119.5, 120), (120, 130)]), (119.75, [(119.75, 130), (130, 140)])):
        assert ends_of(in_dollars({}, {}, 60, 200, price=price), 0.3, "short")[:2] == first
    for price, first in ((120.5, [(120, 120.5), (110, 120)]), (120.25, [(110, 120.25), (100, 110)])):
        assert ends_of(in_dollars({}, {}, 60, 200, price=price), 0.3, "long")[:2] == first


@pytest.mark.parametrize(("last", "rows"), [(120.4, [(119.75, 120)]), (130, [(119.75, 130)])])
def test_a_sliver_that_is_all_there_is_stays(last, rows):
    found = by_hand([0, 0], [0, 0], [90, 119.75, last], price=119.75)
    assert ends_of(found, 0.3, "short") == rows


def test_rows_end_where_the_map_does():
    found = in_dollars({}, {}, 83, 117)
    assert ends_of(found, 0.3, "short")[-1] == (115, 117)
    assert ends_of(found, 0.3, "long")[-1] == (83, 85)


def test_rows_hold_what_lies_in_them_and_sum_from_the_price_outward():
    near, far = mapping.rows(tens(), 0.12, "short")[:1], mapping.rows(tens(), 0.4, "long")
    assert (near[0].side, near[0].low, near[0].high) == ("short", 100, 102)
    assert [row.usd for row in far] == pytest.approx([5, 4, 3, 2])
    assert [row.from_price_usd for row in far] == pytest.approx([5, 9, 12, 14])
    assert [(row.usd_low / row.usd, row.usd_high / row.usd) for row in far] == [pytest.approx((0.55, 1.9))] * 4


def test_the_largest_cluster_is_marked_from_half_of_it_in_rows_on():
    # One cluster, 118 to 122; rows of 5 to 120 hold half of it, rows to 115 none, and rows to 125 all.
    found = in_dollars({}, {119: 10.0, 120: 10.0})
    for share, marked in ((0.15, []), (0.2, [(115, 120)]), (0.25, [(115, 120)])):
        laid = mapping.rows(found, share, "short")
        assert [(round(row.low), round(row.high)) for row in laid if row.largest] == marked
    found = in_dollars({}, {119: 10.0, 120: 11.0})
    assert not any(row.largest for row in mapping.rows(found, 0.2, "short"))
    assert not any(row.largest for row in mapping.rows(found, 0.2, "long"))
    found = in_dollars({80: 10.0, 79: 10.0})
    assert [round(row.low) for row in mapping.rows(found, 0.2, "long") if row.largest] == [80]


def test_a_window_lies_as_many_per_cent_to_each_side():
    risk = mapping.window(tens(), 20)
    assert (risk.window_pct, risk.long.usd, risk.short.usd) == (20, pytest.approx(9), pytest.approx(13))
    assert (risk.long.exposed_usd, risk.short.exposed_usd) == (pytest.approx(36), pytest.approx(52))
    assert risk.ratio == pytest.approx(13 / 9)
    assert (risk.path_implied_ratio, risk.lift) == (pytest.approx(13 / 9), pytest.approx(1))
    assert risk.note == ""


def test_a_band_beyond_the_map_is_not_known_from_its_edge_on():
    found = tens()
    first, last = float(found.edges[0]), float(found.edges[-1])
    for low, high in ((last, 160.0), (160.0, 170.0)):
        assert mapping.band(found, low, high).short == mapping.tree.SideRisk(None, None, None, None, None)
        assert mapping.band(found, low, high).long.usd == 0
    for low, high in ((40.0, first), (30.0, 40.0)):
        assert mapping.band(found, low, high).long == mapping.tree.SideRisk(None, None, None, None, None)
        assert mapping.band(found, low, high).short.usd == 0
    assert mapping.band(found, np.nextafter(last, 0), 160.0).short.usd is not None
    assert mapping.band(found, 40.0, np.nextafter(first, 99)).long.usd is not None


def test_what_reaches_to_the_edge_of_a_map_is_within_it():
    found = tens()
    first, last = float(found.edges[0]), float(found.edges[-1])
    assert mapping.beyond_map(found, first, last) == ""
    for low, high in ((np.nextafter(first, 0), last), (first, np.nextafter(last, 999))):
        assert mapping.beyond_map(found, low, high).startswith("the map ends at 50 and 150.00")


def test_a_band_that_begins_at_the_price_has_one_side():
    found = tens()
    assert mapping.band(found, 100.0, 110.0).note.startswith("above the price shorts alone")
    assert mapping.band(found, 90.0, 100.0).note.startswith("below the price longs alone")
    assert mapping.band(found, 99.9, 100.1).note == ""


def test_a_map_is_told_to_the_cent():
    told = mapping.map_(by_hand([1.2345, 0], [0, 9.8765], [90, 100, 110]))
    assert (told.long_usd, told.short_usd) == ([1.23, 0], [0, 9.88])
    assert (told.long_exposed_usd, told.short_exposed_usd) == ([4.94, 0], [0, 39.51])
    assert told.edges == [90, 100, 110]


def test_distances_of_clusters_are_in_per_cent():
    (told,) = mapping.clusters(in_dollars({}, {120: 10.0}))
    assert told.distance_pct == pytest.approx((np.sqrt(120 * 121) / 100 - 1) * 100)
    assert told.side == "short"


@pytest.mark.parametrize(("history_ms", "told"), [(DAY_MS, ["only 24 bars of 1h"]), (DAY_MS + HOUR_MS, [])])
def test_a_day_of_history_is_too_short(history_ms, told):
    found = mapping.short_history(SimpleNamespace(history_ms=history_ms, interval_ms=HOUR_MS))
    assert [text.split(" are known")[0] for text in found] == told


def test_venues_are_told_at_what_is_known_last():
    known = bars.venue("okx", 5, open_interest=[np.nan, 10, 15, 20, np.nan])
    market = bars.market([100, 101, 102, 102, 103], known, bars.venue("gate", 5))
    okx, gate = mapping.venues(market)
    assert (okx.open_interest_base, okx.open_interest_usd) == (20, 20 * 103)
    assert (okx.start, okx.interval) == ("2026-01-28T01:00:00Z", "1h")
    assert (gate.open_interest_base, gate.open_interest_usd) == (None, None)
    assert gate.start == "2026-01-28T00:00:00Z"
    (gap,) = mapping.left_out(market)
    assert (gap.source, gap.what, gap.failed) == ("gate", "open interest", False)


def test_sections_of_a_map():
    market = bars.market([100] * 36, bars.venue("okx", 36, open_interest=1000.0))
    told = mapping.sections(market, tens(), 30.3, [(90.0, 110.0)])
    assert told["model"].history_days == 1.5
    assert [window.window_pct for window in told["windows"]] == [2, 5, 10, 15, 20]
    assert told["risk"].window_pct == 30.3
    assert [row.high for row in told["rows"] if row.side == "short"] == pytest.approx(
        [110, 120, 130]
    )  # six of 5 would end at 30 %
    assert [(b.long.usd, b.short.usd) for b in told["bands"]] == [(pytest.approx(5), pytest.approx(6))]
    doubts = bars.market([100, 100, 100], bars.venue("okx", 3, open_interest=1e12))
    assert [(gap.what, gap.failed) for gap in mapping.doubted(doubts)] == [("volume", False)]
