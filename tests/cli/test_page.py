"""The page: whole by itself, safe whatever it is told, and the same map as everywhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import render
from imbalance_cli.render.page.heat import LEVELS, _levels, _paths, heat

from imbalance.report import tree, words
from tests.cli.test_cli import run

VOID = {"meta"}


class _Reader(HTMLParser):
    """Collects elements, and fails where one is left open or closed twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "report.html"
    assert run("report", "BTC", "--replay", "article", "-o", str(file), check=0).stdout == ""
    return file.read_text(encoding="utf-8")


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(page):
    reader = read(page)
    tags = {tag for tag, _attrs in reader.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed"}
    attributes = {name for _tag, attrs in reader.seen for name in attrs}
    assert not attributes & {"src", "href", "xlink:href"}
    assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|url\(|@import", page)
    assert page.startswith("<!doctype html>\n")


def test_it_says_first_what_it_is_and_holds_map_and_heatmap(page):
    reader = read(page)
    assert "<title>BTC futures imbalance 82,512</title>" in page
    classes = [attrs.get("class") for _tag, attrs in reader.seen]
    assert classes.index("warn") < classes.index("verdict") < classes.index("map") < classes.index("heat")
    assert "synthetic data in the exchanges' formats, not live" in page
    # Each bar tells its range, to the eye and to who cannot see it.
    assert classes.count("tail") == classes.count("value") == page.count("est, 90 % range")


def test_no_end_of_a_range_is_cut_and_all_are_on_one_scale(page):
    drawn = re.findall(
        r"<title>\w+s (\S+) est, 90 % range (\S+?)-(\S+)</title>"
        r'<rect class="value" x="0.00" y="0" width="([\d.]+)" height="10" />'
        r'<rect class="tail" x="([\d.]+)" y="3" width="([\d.]+)"',
        page.replace("></rect>", " />"),
    )
    assert len(drawn) == page.count('class="tail"') > 5
    scales = {"K": 1e3, "M": 1e6, "B": 1e9}
    ends = []
    for *told, value, left, width in drawn:
        usd, low, high = (float(text[:-1]) * scales[text[-1]] for text in told)
        ends.append((float(left) + float(width), high))
        # One scale of all: what is told has two digits at least.
        assert float(value) / usd == pytest.approx(ends[-1][0] / high, rel=0.06)
        assert float(left) / low == pytest.approx(ends[-1][0] / high, rel=0.06)
    assert max(ends)[0] == pytest.approx(100.0, abs=0.02)


def test_numbers_stay_with_their_units_and_spaces_that_set_apart_become_commas(page):
    assert "2026-01-30 12:00 UTC, 16 of 16 sources" in page
    assert "within 15\u00a0%" in page
    assert not re.search(r"<(?:td|p)\b[^>]*>[^<]*\d %", page)


EVIL = "</td></title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;\u202e" + "W" * 300


def test_whatever_names_and_messages_hold_nothing_runs():
    figure = tree.CheckedFigure("ratio", "ratio", EVIL, ranged=True, value=1.0, low=0.5, high=2.0, missing=EVIL)
    document = tree.CheckReport(
        schema="imbalance.check/1", version="0", mode="replay", scenario=EVIL, symbol=EVIL,
        as_of="2026-01-01T00:00:00Z", notes=[EVIL], alert=EVIL, when=EVIL, holds=True, figures=[figure], sources=[],
        gaps=[tree.Gap(EVIL, EVIL, EVIL, EVIL)],
    )  # fmt: skip
    reader = read(render(document, Format.HTML, Screen(80, color=False, ascii=False)))
    assert {tag for tag, _attrs in reader.seen} <= {
        "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "p", "table", "thead", "tbody", "tr",
        "th", "td",
    }  # fmt: skip
    assert {name for _tag, attrs in reader.seen for name in attrs} <= {
        "lang", "charset", "name", "content", "class", "data-label",
    }  # fmt: skip


def test_tables_of_two_columns_and_of_many_are_marked(page):
    assert page.count('<table class="pair">') == 1
    wide = run("cascade", "BTC", "--replay", "article", "-f", "html", check=0).stdout
    assert wide.count('<table class="wide">') == 1


def test_other_commands_write_pages_too(tmp_path):
    for command in ("clusters", "heatmap", "volume", "sources"):
        reader = read(run(command, "BTC", "--replay", "article", "-f", "html", check=0).stdout)
        assert ("figure" in {tag for tag, _attrs in reader.seen}) == (command in {"clusters", "heatmap"})


@given(arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.integers(0, LEVELS)))
def test_paths_cover_each_cell_at_its_level_once(levels):
    drawn = np.zeros_like(levels)
    for level, path in _paths(levels):
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
            cells = drawn[int(y), int(x) : int(x) + int(width)]
            assert not cells.any()
            cells[:] = level
    assert np.array_equal(drawn, levels)


def test_levels_are_those_of_a_logarithmic_scale():
    values = np.array([[1.0, 0.999, 10**-0.1875, 10**-1.5, 10**-1.49, 0.0]])
    assert _levels(values, 1.0).tolist() == [[8, 8, 7, 0, 1, 0]]
    assert not _levels(np.zeros((1, 3)), 0.0).any()


def _heatmap(price: float) -> Element:
    edges = (100 * np.exp(np.linspace(-0.5, 0.5, 101))).tolist()
    nothing = np.zeros((2, 100))
    nothing[:, 20] = 5.0
    frame = {"schema": "imbalance.heatmap/1", "version": "0", "mode": "live", "scenario": None, "symbol": "X"}
    return heat(
        tree.HeatmapReport(
            **frame, as_of="2026-01-01T00:00:00Z", interval="1h", calibrated=False,
            forced_share=tree.Range(0.3, 0.1, 0.9), time=["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"],
            price=[price, price], edges=edges, long_usd=nothing.tolist(), short_usd=nothing.tolist()[::-1],
            path=tree.Path(["2026-01-01T01:00:00Z"], [price], [price], [price]), sources=[], gaps=[],
        )
    )  # fmt: skip


def test_price_stands_where_its_row_is():
    figure = _heatmap(100.0)
    drawing = figure.find("div/svg")
    assert drawing is not None
    rows = float(drawing.attrib["viewBox"].split()[3])
    line = drawing.find("polyline")
    assert line is not None
    at = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    # A fifth up is ln 1.2 = .182, a fifth down -.223: 19 bins of .01 above the price, 23 below.
    assert rows == 42
    assert at == pytest.approx([19.0, 19.0], abs=0.01)
    marks = [span.text or "" for span in figure.findall("div/span")]
    assert figure.attrib["style"] == f"--marks:{max(map(len, marks))}ch"  # there is room for the longest of them


def test_marks_are_the_prices_at_their_heights():
    spans = _heatmap(100.0).findall("div/span")
    tops = [4, 22, 41, 59, 78, 96]
    assert [span.attrib["style"] for span in spans] == [f"top:{top}%" for top in tops]
    # From ln .19 above the price down to -.23, in steps of .42 * .184.
    prices = [100 * np.exp(0.19 - 0.42 * at) for at in np.linspace(0.04, 0.96, 6)]
    assert [span.text for span in spans] == [words.short_price(price) for price in prices]
