"""The map through time at a terminal: which cell and which shade, from a few columns by hand."""

from __future__ import annotations

import numpy as np
import pytest
from imbalance_cli.context import Screen
from imbalance_cli.render import blocks

from imbalance.report import tree
from tests.support.maps import HEAD, MOMENT

LEVELS = {
    "long": np.array([[0.0, 0.25, 0.5, 0.75, 1.0], [0.0] * 5, [0.1] * 5]),
    "short": np.array([[0.0] * 5, [0.0, 0.25, 0.5, 0.75, 1.0], [0.1] * 5]),
}
NOWHERE = np.full(5, 9)


def document(long, short, price, edges, **changes):
    times = [f"2026-01-{i + 1:02d}T00:00:00Z" for i in range(len(price))]
    given = {
        "schema": "imbalance.heatmap/1",
        "interval": "1d",
        "calibrated": True,
        "forced_share": tree.Range(0.3, 0.1, 0.9),
        "time": times,
        "price": price,
        "edges": edges,
        "long_usd": long,
        "short_usd": short,
        "path": tree.Path(times, price, price, price),
    }
    return tree.HeatmapReport(**{**HEAD, **given, **changes})


def rows_of(shown, **screen):
    """Return the rows of the picture alone, from the highest price down."""
    text = blocks.to_blocks(shown, Screen(**{"width": 80, "color": False, "ascii": False, **screen}))
    return [
        line for line in text.splitlines() if line[:9].strip() and line[:9].strip()[0].isdigit() and line[9:10] == " "
    ]


def test_letters_tell_four_steps_of_each_side():
    # The top row first; where both sides hold as much it is told as longs.
    assert blocks._letters(LEVELS, NOWHERE) == ["", " -+sS", " .:lL"]
    # The price stands before what is there, in the row that it is in.
    assert blocks._letters(LEVELS, np.array([0, 1, 2, 1, 0])) == ["  o", " o+oS", "o.:lo"]


def test_half_blocks_hold_two_rows_each():
    level = {"long": np.arange(8).reshape(4, 2) / 7, "short": np.zeros((4, 2))}
    at = np.array([9, 1])
    first, second = blocks._half_blocks(level, at, hue=False)
    assert first == (
        "\x1b[38;2;201;201;201m\x1b[48;2;134;134;134m\u2580\x1b[38;2;235;235;235m\x1b[48;2;168;168;168m\u2580\x1b[0m"
    )
    assert second == ("\x1b[38;2;67;67;67m\x1b[48;2;0;0;0m\u2580\x1b[38;2;255;255;255m\x1b[48;2;34;34;34m\u2580\x1b[0m")


@pytest.mark.parametrize(
    ("long", "short", "color"),
    [
        (1.0, 0.0, "235;58;58"), (0.0, 1.0, "58;117;235"), (0.5, 0.5, "118;29;29"), (0.0, 0.0, "0;0;0"),
        (0.2, 0.4, "23;47;94"),
    ],
)  # fmt: skip
def test_longs_are_red_and_shorts_blue(long, short, color):
    level = {"long": np.array([[long]]), "short": np.array([[short]])}
    assert blocks._color(level, np.array([1]), 0, 0, hue=True) == color
    assert blocks._color(level, np.array([0]), 0, 0, hue=True) == "255;255;255"
    grey = blocks._color(level, np.array([1]), 0, 0, hue=False)
    assert set(grey.split(";")) == {str(round(235 * max(long, short)))}


def test_a_column_of_the_screen_is_the_last_of_those_that_it_stands_for():
    values = np.arange(7)[:, None] * np.ones(4)
    for columns, last in ((3, [1, 3, 6]), (7, [0, 1, 2, 3, 4, 5, 6]), (1, [6])):
        shrunk = blocks._shrunk(values, [100, 110, 120, 130, 140], np.array([100.0, 120, 140]), columns)
        assert shrunk.tolist() == [[2 * i for i in last]] * 2
    # Bins that are cut are shared in proportion, and nothing is lost.
    shrunk = blocks._shrunk(np.array([[8.0, 4.0]]), [100, 110, 120], np.array([100.0, 105, 120]), 1)
    assert shrunk[:, 0].tolist() == [4, 8]


def test_a_scale_says_what_its_first_and_last_marks_stand_for():
    # Of letters: an eighth and seven eighths of 1.2 powers of ten below the most; of shades: all of them, and none.
    assert blocks._scale(1e6, letters=True) == "USD a cell: - . 89.1K, S L 708K"
    assert blocks._scale(1e6, letters=False) == "USD a cell: dark 63.1K, bright 1.0M"


FINE = np.exp(np.linspace(np.log(100), np.log(200), 25)).tolist()  # one bin for each of the 24 rows of letters


def cells(columns, by_cell):
    table = np.zeros((columns, 24))
    for at, usd in by_cell.items():
        table[at] = usd
    return table.tolist()


def test_marks_stand_at_their_time_and_price():
    # Column 0: the most at the bottom; column 1: half of the scale at the top; column 2: the whole scale less.
    longs = cells(3, {(0, 0): 1e6, (2, 5): 1e6 * 10**-1.2})
    shorts = cells(3, {(1, 23): 1e6 * 10**-0.6, (2, 12): 1e6 * 10**-0.3})
    rows = rows_of(document(longs, shorts, [150.0, 101.0, 199.0], FINE))
    assert len(rows) == 24
    marks = {23 - i: row[10:] for i, row in enumerate(rows) if row[10:].strip()}
    assert marks == {23: " +o", 14: "o", 12: "  s", 0: "Lo"}
    assert rows[0].startswith("   194.31 ")
    assert rows[-1].startswith("   100.00 ")


@pytest.mark.parametrize(("price", "row"), [(90.0, 0), (100.0, 0), (150.0, 14), (200.0, 23), (250.0, 23)])
def test_a_price_beyond_the_map_stands_at_its_end(price, row):
    nothing = cells(1, {})
    rows = rows_of(document(nothing, nothing, [price], FINE))
    assert [23 - i for i, text in enumerate(rows) if "o" in text[10:]] == [row]
    assert not any(text[10:].strip(" o") for text in rows)


def test_columns_fill_the_screen_and_are_no_more_than_there_are():
    many, few = (document(cells(n, {}), cells(n, {}), [150.0] * n, FINE, time=[MOMENT] * n) for n in (300, 12))
    for width in (40, 41, 80):
        text = blocks.to_blocks(many, Screen(width, color=False, ascii=False))
        assert max(map(len, text.splitlines())) == width
        assert "o" * (width - 10) in text
        ends = text.splitlines()[-1]
        assert len(ends) == width
        assert ends.endswith("to 2026-01-30 12:00 UTC")
        if width >= 44 + 10:
            assert ends[10:21] == "2026-01-30 "
    assert "o" * 12 in blocks.to_blocks(few, Screen(80, color=False, ascii=False))
    assert "o" * 13 not in blocks.to_blocks(few, Screen(80, color=False, ascii=False))


def test_colours_have_two_rows_a_line(monkeypatch):
    shown = document(cells(1, {(0, 0): 1.0}), cells(1, {}), [199.0], FINE)
    for told, hue in (("truecolor", True), ("24bit", True), ("", False), ("8bit", False)):
        monkeypatch.setenv("COLORTERM", told)
        text = blocks.to_blocks(shown, Screen(80, color=True, ascii=False))
        lines = [line for line in text.splitlines() if "\x1b" in line]
        assert len(lines) == 24
        assert ("235;58;58" in lines[-1]) is hue
        assert ("235;235;235" in lines[-1]) is not hue
        assert "255;255;255" in lines[0]
        # A line is told by the lower end of its two rows.
        assert lines[-1].startswith("   100.00 ")
        assert lines[0].startswith("   194.31 ")
    assert "\x1b" not in blocks.to_blocks(shown, Screen(80, color=True, ascii=True))
    assert "s S shorts" in blocks.to_blocks(shown, Screen(80, color=True, ascii=True))
    assert "shorts above" in blocks.to_blocks(shown, Screen(80, color=True, ascii=False))


def test_a_map_of_nothing_has_a_scale_of_a_dollar():
    text = blocks.to_blocks(document(cells(1, {}), cells(1, {}), [150.0], FINE), Screen(80, color=False, ascii=False))
    assert "USD a cell: - . 0.089, S L 0.71" in text
