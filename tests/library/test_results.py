"""What the library returns prints itself, and is a table and a picture."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest

import imbalance
from imbalance.engine.margin import LONG, SHORT
from imbalance.reader import read_bars
from imbalance.report import drawing
from imbalance.report.drawing import amount
from tests.library.test_market import rows, write


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return read_bars(write(tmp_path_factory.mktemp("bars") / "a.csv", rows(100)))


def test_a_map_is_a_table_of_its_bins(market):
    found = imbalance.estimate(market)
    table = found.to_frame()
    assert len(table) == found.edges.size - 1
    assert (table["low"].to_numpy() == found.edges[:-1]).all()
    assert (table["high"].to_numpy() == found.edges[1:]).all()
    for name, side in (("long", LONG), ("short", SHORT)):
        assert (table[f"{name}_usd"] == found.forced[side]).all()
        assert (table[f"{name}_exposed_usd"] == found.exposed[side]).all()
        assert (table[f"{name}_usd_low"] <= table[f"{name}_usd"]).all()
        assert (table[f"{name}_usd"] <= table[f"{name}_usd_high"]).all()
    told = repr(found)
    assert told.startswith(f"LiquidationMap {market.symbol} ")
    assert "would be force-closed within 15 %" in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 100


def test_a_map_through_time_is_a_table_of_its_cells(market):
    found = imbalance.heatmap(market, columns=20, bins=30)
    table = found.to_frame()
    assert len(table) == 20 * 30
    at = table.iloc[7 * 30 + 11]
    assert at["time"].timestamp() * 1000 == found.time_ms[7]
    assert (at["low"], at["high"]) == (found.edges[11], found.edges[12])
    assert (at["long_usd"], at["short_usd"]) == (found.long_usd[7, 11], found.short_usd[7, 11])
    assert "20 columns x 30 bins" in repr(found)


@pytest.mark.parametrize("dark", [False, True])
def test_both_draw_themselves_on_either_ground(market, dark):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    from matplotlib import image

    for found in (imbalance.estimate(market), imbalance.heatmap(market, columns=20, bins=30)):
        stream = io.BytesIO()
        found.plot(dark=dark).savefig(stream, format="png")
        stream.seek(0)
        corner = image.imread(stream)[:3, :3, :3]
        assert np.all(corner < 0.2 if dark else corner > 0.9)


@pytest.mark.parametrize(("low", "high"), [(90.0, 110.0), (90.0, 36_000.0), (1.6e6, 2.4e6), (5e-7, 9e-7)])
def test_labels_of_prices_stand_apart_and_are_plain(low, high):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    figure, _theme = drawing.canvas(dark=False)
    axes = figure.subplots()
    drawing._price_axis(axes, low, high)
    figure.canvas.draw()
    labels = [
        label
        for label in axes.yaxis.get_ticklabels(which="both")
        if label.get_text() and low <= label.get_position()[1] <= high
    ]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
    assert len(boxes) > 1
    assert all(a.y1 <= b.y0 for a, b in itertools.pairwise(boxes))
    assert low < 1 or not any("e" in label.get_text() for label in labels)


@pytest.mark.parametrize(
    ("value", "label"), [(0, "0"), (0.01, "$0.01"), (1.0, "$1"), (1e7, "$10M"), (1.05e6, "$1.1M"), (2e3, "$2K")]
)
def test_amounts_on_an_axis_are_short(value, label):
    assert amount(value) == label
