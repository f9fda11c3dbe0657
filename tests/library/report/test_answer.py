"""The answer that stands first, and the rows of the map beneath it."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import render

from imbalance.collect import Options, collect, market_of
from imbalance.engine.clusters import mass_between
from imbalance.errors import UsageError
from imbalance.fetch.settings import SourceSettings
from imbalance.library import liquidation_map
from imbalance.report import cascading, phrases, tree
from imbalance.report.mapping import band, nice_step, rows, window
from imbalance.service import MAP_KINDS, report

SIDE = tree.SideRisk(0.0, 0.0, 0.0, 0.0, None)


def risk(**changes):
    given = {
        "window_pct": 15.0,
        "long": msgspec.structs.replace(SIDE, usd=2.5e9),
        "short": msgspec.structs.replace(SIDE, usd=1.2e9),
        "ratio": 0.48,
        "ratio_low": 0.31,
        "ratio_high": 0.78,
        "heavier": "long",
        "path_implied_ratio": 0.57,
        "lift": 0.84,
        "lift_low": 0.58,
        "lift_high": 1.2,
    }
    return tree.WindowRisk(**{**given, **changes})


def cluster(side, usd, distance_pct):
    return tree.Cluster(side, 90.0, 95.0, 92.0, usd, usd, usd, usd, distance_pct)


def test_it_says_which_side_is_heavier_and_by_how_much():
    told = phrases.verdict(risk(), [])
    assert (told.heavier, told.beyond_path) == ("long", False)
    assert told.text.startswith(
        "Longs are heavier: est. 2.5B of longs, 1.2B of shorts would be force-closed within 15 %."
    )
    assert "Any market after such a move would look alike (short : long 0.48; price path implies 0.57)." in told.text
    assert phrases.verdict(risk(heavier=None), []).text.startswith("No side is clearly heavier: est. 2.5B")


@pytest.mark.parametrize(
    ("lift", "ends", "side", "times"), [(2.0, (1.5, 3.0), "shorts", "2.0"), (0.5, (0.3, 0.8), "longs", "2.0")]
)
def test_more_than_the_path_is_told_by_the_side_that_holds_it(lift, ends, side, times):
    told = phrases.verdict(risk(lift=lift, lift_low=ends[0], lift_high=ends[1]), [])
    assert told.beyond_path
    assert f"more than such a move explains: {times} times the weight on {side}" in told.text


def test_a_range_that_touches_one_is_not_more_than_the_path():
    for ends in ((1.0, 2.0), (0.5, 1.0)):
        assert not phrases.verdict(risk(lift_low=ends[0], lift_high=ends[1]), []).beyond_path


def test_the_nearest_of_the_large_clusters_is_named_and_a_small_one_is_not():
    found = [cluster("long", 10e6, -1.0), cluster("long", 60e6, -4.0), cluster("long", 100e6, -9.0)]
    told = phrases.verdict(risk(), [*found, cluster("short", 5e6, 3.0)]).text
    assert told.endswith("Nearest large clusters: longs 90-95 (-4 %, 60.0M), shorts 90-95 (+3 %, 5.0M).")


def test_without_history_no_side_is_called_heavier():
    told = phrases.verdict(risk(), [], comparable=False)
    assert (told.heavier, told.beyond_path) == (None, False)
    assert "heavier" not in told.text


@given(st.floats(1e-9, 1e9), st.integers(2, 40))
def test_steps_are_round_and_few(span, most):
    step = nice_step(span, most)
    assert span / step <= most * (1 + 1e-6)
    digits = f"{step:.3e}".split("e")[0].rstrip("0").rstrip(".")
    assert digits in {"1", "2", "2.5", "5"}


@pytest.mark.parametrize("share", [0.02, 0.07, 0.15, 0.3])
def test_rows_join_from_the_price_outward_and_hold_all_that_lies_there(share):
    found = liquidation_map(market_of(collect(Options(replay="article"), SourceSettings(), 0, MAP_KINDS)))
    for side, name in enumerate(("long", "short")):
        laid = rows(found, share, name)
        near, far = ("low", "high") if name == "short" else ("high", "low")
        assert getattr(laid[0], near) == found.price
        assert all(getattr(b, near) == getattr(a, far) for a, b in itertools.pairwise(laid))
        assert all(r.usd_low <= r.usd <= r.usd_high for r in laid)
        assert laid[-1].from_price_usd == pytest.approx(sum(r.usd for r in laid))
        end = np.log(getattr(laid[-1], far) / found.price)
        assert abs(getattr(laid[-1], far) / found.price - 1) >= share * 0.95
        total = mass_between(found.log_edges, found.forced[side], min(end, 0.0), max(end, 0.0))
        assert laid[-1].from_price_usd == pytest.approx(float(total))
        assert sum(r.largest for r in laid) <= 1


@pytest.mark.parametrize("share", [0.02, 0.07, 0.15, 0.3])
def test_the_row_that_is_marked_holds_the_most_of_the_largest_cluster(share):
    found = liquidation_map(market_of(collect(Options(replay="article"), SourceSettings(), 0, MAP_KINDS)))
    for side, name in enumerate(("long", "short")):
        largest = next(c for c in found.clusters(1) if c.side == name)
        ends = np.log(np.array([largest.low, largest.high]) / found.price)
        laid = rows(found, share, name)
        held = []
        for row in laid:
            low, high = np.log(np.array([row.low, row.high]) / found.price)
            cut = max(low, ends[0]), min(high, ends[1])
            held.append(float(mass_between(found.log_edges, found.forced[side], *cut)) if cut[0] < cut[1] else 0.0)
        marked = [i for i, row in enumerate(laid) if row.largest]
        assert marked == ([int(np.argmax(held))] if sum(held) >= largest.usd / 2 else [])


@pytest.mark.parametrize("scenario", ["article", "article-keyless"])
def test_a_report_fits_one_screen_until_all_is_asked_for(scenario):
    document = report(Options(replay=scenario), SourceSettings(), 0, lambda _h: None)
    lines = render(document, Format.TABLE, Screen(80, color=False, ascii=False)).splitlines()
    assert len(lines) <= 39  # and the next prompt
    assert "heavier" in lines[2]
    full = render(document, Format.TABLE, Screen(80, color=False, ascii=False, full=True)).splitlines()
    assert len(full) > len(lines)
    assert any(line.startswith("audit") for line in full)
    text = render(document, Format.TEXT, Screen(80, color=False, ascii=False)).splitlines()
    assert len(text) <= 10
    assert all(len(line) <= 100 for line in text)


@pytest.mark.parametrize("share", [0.3, 0.8, 0.99, 0.999999])
def test_rows_end_with_the_map_and_a_band_beyond_it_says_so(share):
    market = market_of(collect(Options(replay="article"), SourceSettings(), 0, MAP_KINDS))
    found = liquidation_map(market)
    lows, highs = (row.low for row in rows(found, share, "long")), (row.high for row in rows(found, share, "short"))
    assert min(lows) >= found.edges[0]
    assert max(highs) <= found.edges[-1]
    above, below, inside = (band(found, *ends) for ends in ((1.7e5, 1.8e5), (1e4, 2e4), (8e4, 9e4)))
    assert (above.short.usd, above.long.usd, below.long.usd, below.short.usd) == (None, 0, None, 0)
    assert all("not known" in span.note for span in (above, below, window(found, 60)))
    assert (inside.note, window(found, 20).note) == ("", "")
    assert "(the map ends at 54,215 and 125,581: " in phrases.verdict(window(found, 60), []).text
    with pytest.raises(UsageError, match="cannot be told: the map ends at"):
        cascading.sections(market, found, (), -0.39, None)


def test_no_row_is_a_sliver_and_all_but_a_sliver_of_the_window_is_in_rows():
    found = liquidation_map(market_of(collect(Options(replay="article"), SourceSettings(), 0, MAP_KINDS)))
    for share in np.linspace(0.02, 0.3, 57):
        step = nice_step(found.price * share, 6)
        for side, far in (("long", 1 - share), ("short", 1 + share)):
            laid = rows(found, share, side)
            assert min(row.high - row.low for row in laid) >= 0.05 * step * (1 - 1e-9)
            end, slack = found.price * far, 0.05 * step * (1 + 1e-9)
            if side == "long":
                assert laid[-1].low <= end + slack
                assert laid[-1].high > end
            else:
                assert laid[-1].high >= end - slack
                assert laid[-1].low < end
            assert found.price in (laid[0].low, laid[0].high)
