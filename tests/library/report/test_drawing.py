"""Pictures by what stands in them: where marks lie, how far axes reach, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from imbalance.report import drawing, drawing_scores, mapping, tree
from tests.support.maps import HEAD, MOMENT, in_dollars

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.dates import date2num

NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)
EDGES = np.array([80.0, 90, 100, 110, 120])
PATH = (np.array([95.0, 97, 99]), np.array([101.0, 103, 105]), np.array([98.0, 100, 102]))
SMALLEST_SHOWN = 1e6 * 10**-1.5


def heatmap(longs, shorts, columns=2, path=PATH, edges=EDGES):
    figure, theme = drawing.canvas(dark=False)
    times = [NOON + timedelta(hours=6 * i) for i in range(columns)]
    moments = [NOON + timedelta(hours=3 * i) for i in range(len(path[0]))]
    drawing.draw_heatmap(figure, theme, times, edges, longs, shorts, moments, path, "3h")
    return figure


def told(columns=2, most=1e6):
    longs, shorts = np.zeros((columns, 4)), np.zeros((columns, 4))
    longs[-1] = [most, most / 2, 0, 0]
    shorts[0] = [0, 0, most * 10**-1.5, most * 10**-1.4]
    shorts[-1] = [0, 0, most / 4, most / 8]
    return longs, shorts


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def test_a_picture_is_wide_enough_for_a_page():
    figure, _theme = drawing.canvas(dark=True)
    assert (figure.get_size_inches() * figure.dpi).tolist() == [1440, 840]


def test_a_heading_says_how_far_to_trust_a_map():
    figure, theme = drawing.canvas(dark=False)
    drawing.title(figure, theme, "$BTC$ map", MOMENT, "live", tree.Range(0.31, 0.12, 0.88))
    text = figure.get_suptitle()
    assert text.startswith("$BTC$ map, 2026-01-30 12:00 UTC (live)\nestimated: 31 % (12-88 %) of open positions would")
    assert not figure._suptitle.get_parse_math()  # a coin's name is no formula
    assert figure._suptitle.get_fontsize() == 10
    assert drawing.HEAD > drawing.SMALL > drawing.SMALLEST >= 8  # legible in a page of text
    assert drawing.THIN < drawing.MARKED < 1.5  # matplotlib's own, of data


@pytest.mark.parametrize(("value", "label"), [(1e5, "100,000"), (99_999.5, "99,999.5"), (1_234_567.8, "1,234,568")])
def test_prices_on_an_axis(value, label):
    assert drawing._price(value) == label


def test_a_bin_is_told_by_its_height():
    assert drawing._bin_percent(np.array([100.0, 101.0, 105.0])) == "1 %"
    assert drawing._bin_percent(np.array([100.0, 100.25])) == "0.25 %"
    assert drawing._bin_percent(100 * np.exp([0, 0.0984, 0.5])) == "9.8 %"


@pytest.mark.parametrize(("high", "labelled"), [(500.0, False), (500.1, True)])
def test_a_wide_axis_of_prices_has_labels_at_2_and_5_alone(high, labelled):
    figure, _theme = drawing.canvas(dark=False)
    axes = figure.subplots()
    drawing._price_axis(axes, 100.0, high)
    ticks = axes.yaxis.get_minor_locator().tick_values(100.0, 900.0)
    assert ({round(tick) for tick in ticks if 100 < tick < 900} == {200, 500}) is labelled
    assert axes.get_ylim() == (100.0, high)
    assert axes.get_yscale() == "log"


def test_cells_lie_between_the_ends_of_their_columns_and_the_edges_of_their_bins():
    figure = heatmap(*told())
    axes, profile = figure.axes[:2]
    shorts, longs = (c for c in axes.collections if isinstance(c, QuadMesh))
    ends = date2num([NOON - timedelta(hours=6), NOON, NOON + timedelta(hours=6)])
    for mesh in (shorts, longs):
        assert mesh.get_coordinates()[0, :, 0].tolist() == pytest.approx(ends)
        assert mesh.get_coordinates()[:, 0, 1].tolist() == EDGES.tolist()
        assert (mesh.norm.vmin, mesh.norm.vmax) == (pytest.approx(SMALLEST_SHOWN), 1e6)
        assert mesh.get_rasterized()
    # What is less than the scale reaches, or just as much, is not drawn.
    assert np.ma.getmaskarray(shorts.get_array()).tolist() == [[True] * 2, [True] * 2, [True, False], [False, False]]
    assert np.ma.getmaskarray(longs.get_array()).sum() == 6
    assert axes.get_xlim() == pytest.approx((ends[0], ends[-1]))
    assert axes.get_ylim() == (80, 120)
    assert axes.get_gridspec().get_width_ratios() == (8, 1)
    assert profile.get_ylim() == axes.get_ylim()


def test_what_stands_now_is_at_the_right():
    _axes, profile = (figure := heatmap(*told())).axes[:2]
    bars = [(p.get_y(), p.get_height(), p.get_width()) for p in profile.patches if p.get_width()]
    assert bars == [(100, 10, 250_000), (110, 10, 125_000), (80, 10, 1e6), (90, 10, 500_000)]
    (now,) = profile.lines
    assert set(now.get_ydata()) == {102}
    assert now.get_linewidth() == drawing.MARKED
    assert profile.get_title() == "now"
    assert [bar.get_ylabel() for bar in figure.axes[2:]] == [f"{name} in a bin of 12 %" for name in ("shorts", "longs")]


def test_a_column_alone_is_a_day_wide_and_nothing_at_all_has_a_scale():
    figure = heatmap(*told(1), columns=1)
    assert np.ptp(figure.axes[0].get_xlim()) == pytest.approx(1)
    nothing = np.zeros((2, 4))
    mesh = heatmap(nothing, nothing).axes[0].collections[0]
    assert (mesh.norm.vmin, mesh.norm.vmax) == (pytest.approx(10**-1.5), 1)


def test_the_price_is_drawn_with_its_range():
    axes = heatmap(*told()).axes[0]
    close = lines_of(axes)["close"]
    assert close.get_ydata().tolist() == [98, 100, 102]
    assert close.get_linewidth() == drawing.THIN
    (range_,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    assert range_.get_linewidth().tolist() == [0]  # an outline would widen it
    assert range_.get_alpha() < 0.5  # what lies beneath is to be seen
    heights = range_.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (95, 105)


def test_sides_are_named_in_the_corners_that_they_are_liquidated_in():
    axes = heatmap(*told()).axes[0]
    upper, lower = sorted(axes.texts, key=lambda text: -text.get_position()[1])
    assert upper.get_text().startswith("shorts")
    assert lower.get_text().startswith("longs")
    # At the left, within the axes, and clear of their ends.
    for text, low, high in ((upper, 0.9, 0.98), (lower, 0.01, 0.1)):
        assert text.get_position()[0] <= 0.02
        assert low < text.get_position()[1] < high
        assert text.get_fontsize() == drawing.SMALL
        assert text.get_bbox_patch().get_alpha() == 0.8


def test_colour_scales_are_short_and_labelled_at_1_2_and_5():
    figure = heatmap(*told())
    figure.canvas.draw()
    axes, _profile, *scales = figure.axes
    for scale in scales:
        assert scale.get_position().height < axes.get_position().height / 2
        ticks = scale.yaxis.get_major_locator().tick_values(1e5, 9e5)
        assert {round(t / 1e5, 6) for t in ticks if 1e5 <= t <= 9e5} == {1, 2, 5}
    # The narrow panel has room for three labels.
    for most in np.linspace(1e6, 1e7, 19):
        panel = heatmap(*told(most=most)).axes[1]
        low, high = panel.get_xlim()
        assert len([t for t in panel.get_xticks() if low <= t <= high]) <= 3


def drawn_map(found):
    figure, theme = drawing.canvas(dark=False)
    drawing.draw_map(figure, theme, mapping.map_(found), found.price)
    return figure.axes


def test_a_map_shows_a_fifth_of_the_price_to_each_side():
    # Draws are half, all and twice: their 95 % quantile is 1.9 times.
    for inner, outer in (({90: 2.0}, {79: 50.0}), ({80: 2.0}, {79: 50.0}), ({79: 0.0, 95: 2.0}, {60: 50.0})):
        axes, sums = drawn_map(in_dollars(inner | outer, {119: 1.0, 120: 60.0}))
        assert axes.get_ylim() == pytest.approx((80, 120))
        assert axes.get_xlim() == pytest.approx((0, 2.0 * 1.9 * 1.05))
        assert sums.get_xlim() == pytest.approx((0, 2.0 * 1.05))
    axes, sums = drawn_map(in_dollars({79: 50.0}, {119: 1.0, 120: 60.0}))
    assert axes.get_xlim() == pytest.approx((0, 1.9 * 1.05))
    assert axes.get_gridspec().get_width_ratios() == (2, 1)
    assert sums.get_ylim() == axes.get_ylim()
    for panel in drawn_map(in_dollars()):
        assert panel.get_xlim() == (0, 1)


def test_sums_grow_from_the_price_outward():
    found = in_dollars({90: 3.0, 95: 2.0}, {105: 4.0, 110: 5.0}, 85, 115)
    axes, sums = drawn_map(found)
    lines = lines_of(sums)
    short, long = lines["shorts"].get_xydata(), lines["longs"].get_xydata()
    assert short[0].tolist() == [4, 106]
    assert short[-1].tolist() == [9, 115]
    assert long[-1].tolist() == [2, 95]
    assert long[0].tolist() == [5, 85]
    assert long[long[:, 1] == 91].tolist() == [[2, 91]]
    assert long[long[:, 1] == 90].tolist() == [[5, 90]]
    # Bars fill their bins, ranges go through their middles.
    assert {(p.get_y(), p.get_height()) for p in axes.patches if p.get_width() == 4} == {(105, 1)}
    shorts, longs = axes.collections
    for area, at, high in ((shorts, 110.5, 9.5), (longs, 90.5, 5.7)):
        corners = area.get_paths()[0].vertices
        assert max(corners[corners[:, 1] == at][:, 0]) == pytest.approx(high)
        assert (corners[:, 1].min(), corners[:, 1].max()) == (85.5, 114.5)
        assert area.get_linewidth().tolist() == [0]
        assert area.get_alpha() < 0.5
    for panel in (axes, sums):
        (price,) = (line for label, line in lines_of(panel).items() if label == "price 100.00")
        assert set(price.get_ydata()) == {100}
        assert price.get_linewidth() == drawing.MARKED
        low, high = panel.get_xlim()
        assert 3 <= len([t for t in panel.get_xticks() if low <= t <= high]) <= 6
        assert all(text.get_fontsize() == 8 for text in panel.get_legend().get_texts())
        assert panel.get_legend().get_frame().get_alpha() == 0.8


METHODS = [
    tree.MethodScore("move", 0.5, None, None, None, None, None, None, None),
    tree.MethodScore("path", 0.6, 0.3, 0.02, None, None, None, None, None),
    tree.MethodScore("half", 0.6, 0.3, 0.03, 0.01, None, None, None, None),
    tree.MethodScore("model", 0.712, 0.4, 0.05, 0.01, 0.09, 0.03, 0.01, 0.05),
]
CLASSES = [
    tree.Reliability(0, 0, 9, 0, 1, 0, 0.0, 5.0, 1.0, 9.0),
    tree.Reliability(0, 1, 9, 0, 1, 0, 5.0, 0.0, 0.0, 0.0),
    tree.Reliability(0, 1, 9, 0, 1, 0, 0.2, 3.0, 1.0, 5.0),
    tree.Reliability(1, 99, 9, 0, 1, 0, 10.0, 30.0, None, 50.0),
    tree.Reliability(99, 999, 9, 0, 1, 0, 500.0, 400.0, 300.0, 700.0),
]
HORIZONS = [
    tree.HorizonScore(1, 30, 60, 0.5, 0.4, 0.71, 0.82, []),
    tree.HorizonScore(3, 10, 50, 0.6, -0.2, 0.7, 0.8, []),
]


def scores(methods=METHODS, classes=(), horizons=()):
    figure, theme = drawing.canvas(dark=False)
    drawing_scores.draw_scores(
        figure,
        theme,
        tree.ValidateReport(
            schema="imbalance.validate/1", venues=[], verdict=tree.TrialVerdict(True, ""), bars_tested=300,  # noqa: FBT003
            inside_range_share=0.9, reliability=list(classes), methods=list(methods), members=[],
            horizons=list(horizons), bars=[], **HEAD,
        ),
    )  # fmt: skip
    return {axes.get_title(): axes for axes in figure.axes}


def test_a_panel_is_drawn_for_each_part_that_there_is():
    assert list(scores()) == ["Scores"]
    assert list(scores(classes=CLASSES)) == ["Scores", "Reliability"]
    assert list(scores(horizons=HORIZONS)) == ["Scores", "Maps kept"]
    assert list(scores(classes=CLASSES, horizons=HORIZONS)) == ["Scores", "Reliability", "Maps kept"]
    assert list(scores(classes=CLASSES[:2])) == ["Scores"]  # nothing of both on an axis of logarithms
    for panel in scores(classes=CLASSES, horizons=HORIZONS).values():
        assert panel.get_axisbelow() is True
        assert panel.title.get_fontsize() == drawing.HEAD
        assert panel.xaxis.get_gridlines()[0].get_alpha() == 0.3


def test_scores_stand_one_below_the_other_with_ranges_where_there_are():
    axes = scores()["Scores"]
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert points == [(0.02, 0), (0.03, 1), (0.05, 2)]
    (range_,) = (line for line in axes.lines if line.get_marker() == "|")
    assert range_.get_xydata().tolist() == [[0.01, 2], [0.09, 2]]
    colors = [line.get_color() for line in axes.lines if line.get_marker() == "o"]
    assert colors[0] == colors[1] != colors[2] == range_.get_color()
    assert axes.yaxis_inverted()
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "path\nrank 0.600",
        "half\nrank 0.600",
        "model\nrank 0.712",
    ]
    assert axes.get_yticklabels()[0].get_fontsize() == drawing.SMALL
    nothing = axes.lines[-1]
    assert set(nothing.get_xdata()) == {0}
    assert nothing.get_linewidth() == drawing.THIN


def test_reliability_is_of_classes_that_have_both_and_from_a_dollar_on():
    axes = scores(classes=CLASSES)["Reliability"]
    lines = lines_of(axes)
    assert lines["mean of a class (90 %)"].get_xydata().tolist() == [[1, 3], [10, 30], [500, 400]]
    assert lines["as predicted"].get_xydata().tolist() == [[1, 1], [500, 500]]
    assert lines["as predicted"].get_linewidth() == drawing.THIN
    ranges = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "_"]
    assert ranges == [[[1, 1], [1, 5]], [[500, 300], [500, 700]]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert all(text.get_fontsize() == drawing.SMALLEST for text in axes.get_legend().get_texts())


def test_maps_kept_stand_in_pairs():
    axes = scores(horizons=HORIZONS)["Maps kept"]
    bars = [(round(p.get_x(), 9), round(p.get_x() + p.get_width(), 9), p.get_height()) for p in axes.patches]
    assert bars == [(-0.4, 0, 0.5), (0.6, 1, 0.6), (0, 0.4, 0.4), (1, 1.4, -0.2)]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "1 d, 30 maps\n|ln error| 0.71\nlevel 0.82",
        "3 d, 10 maps\n|ln error| 0.70\nlevel 0.80",
    ]
    assert axes.get_xticklabels()[0].get_fontsize() == drawing.SMALLEST
    assert set(axes.lines[0].get_ydata()) == {0}
    assert axes.lines[0].get_linewidth() == drawing.THIN
    assert all(text.get_fontsize() == drawing.SMALLEST for text in axes.get_legend().get_texts())


def test_panels_of_a_map_have_room_for_six_labels():
    for usd in (1e6, 1.7e6, 2.9e6, 4.8e6, 6e6 / 1.05 * 1.00001, 8.1e6):
        for panel in drawn_map(in_dollars({90: usd}, {110: usd})):
            low, high = panel.get_xlim()
            assert 3 <= len([t for t in panel.get_xticks() if low <= t <= high]) <= 6


def test_the_line_of_what_is_predicted_spans_what_was_observed_too():
    means = ((10.0, 2.0), (20.0, 90.0), (15.0, 30.0))
    rows = [tree.Reliability(0, 1, 9, 0, 1, 0, *pair, None, None) for pair in means]
    line = lines_of(scores(classes=rows)["Reliability"])["as predicted"]
    assert line.get_xydata().tolist() == [[2, 2], [90, 90]]
