"""What fits on a screen: rows of the map, tables and titles at the widths where they change."""

from __future__ import annotations

import re

import pytest
from imbalance_cli.context import Screen
from imbalance_cli.render.parts import Bar, Bars, Beside, Column, Line, Table, Title
from imbalance_cli.render.terminal import _block, to_terminal


def drawn(*blocks, width=80, color=False, ascii_only=False):
    return to_terminal(list(blocks), Screen(width, color=color, ascii=ascii_only))


def bar(low, usd, usd_high=None, *, high=None, side="short", largest=False):
    high = low + 10 if high is None else high
    usd_high = usd if usd_high is None else usd_high
    return Bar(low, high, low / 100 - 1, usd, usd / 2, usd_high, 2 * usd, side, largest)


MAP = Bars(100.0, [bar(110.0, 2e6, 4e6), bar(100.0, 6e6, 8e6, largest=True)], [bar(90.0, 3e6, side="long")])
FULL, BRIEF = "◆ largest cluster ──", "◆ largest ──"


def test_a_map_at_sixty_columns():
    # 17 columns are left for bars: the largest takes six tenths of them, tails go to the ends of ranges.
    assert drawn(MAP, width=60).splitlines() == [
        "110.00-120.00   +10.0 %    2.0M  ███▍░░░              4.0M",
        "100.00-110.00    +0.0 %    6.0M  ██████████▎░░░      12.0M ◆",
        "── price 100.00 ──────────── ▲ shorts, ▼ longs; ◆ largest ──",
        "    90-100.00   -10.0 %    3.0M  █████▏               6.0M",
    ]


@pytest.mark.parametrize("width", range(40, 140))
def test_a_row_with_a_mark_fills_the_screen_to_its_end(width):
    rows = drawn(MAP, width=width).splitlines()
    assert len(rows) == 4
    assert len(rows[1]) == width
    assert rows[1].endswith("12.0M ◆")
    assert len(rows[2]) == width
    assert ("%" in rows[1]) is (width >= 47)  # the distance gives way where a bar had less than four columns
    assert ("3.0M-8.0M" in rows[1]) is (width >= 100)
    assert len(rows[0]) == len(rows[1]) - 2


def test_a_number_is_not_cut_where_a_row_is_wider_than_the_screen():
    wide = Bars(1.05e6, [bar(1_100_000.0, 6e6, 8e6, high=1_200_000.0, largest=True)], [])
    row, rule = drawn(wide, width=40).splitlines()
    assert row == "1,100,000-1,200,000    6.0M  ██▍    12.0M ◆"
    assert rule == "── price 1,050,000  ▲ shorts, ▼ longs ──"


def test_the_longest_legend_that_fits_is_told():
    rule = drawn(MAP, width=120).splitlines()[2]
    title = "── price 100.00 "
    told = rule[rule.index(" ▲") :]
    assert told == " ▲ shorts, ▼ longs; right: sum from price; ◆ largest cluster ──"
    full = len(title) + len(told)
    assert drawn(MAP, width=full).splitlines()[2] == title + told
    brief = drawn(MAP, width=full - 1).splitlines()[2]
    assert brief.endswith("─ ▲ shorts, ▼ longs; ◆ largest ──")
    assert len(brief) == full - 1


def test_a_map_without_rows_is_its_price():
    assert drawn(Bars(100.0, [], []), width=40) == "── price 100.00 ─── ▲ shorts, ▼ longs ──\n"


@pytest.mark.parametrize(
    ("usd", "usd_high", "solid", "tail"),
    [
        # Ten columns, six of them for the largest amount, 6: a column is 1.
        (6, 6, "██████", ""), (2.5, 2.5, "██▌", ""), (2.5, 4.4, "██▌", "░"), (2.125, 2.125, "██▏", ""),
        (2, 10, "██", "░░░░░░░░"), (2, 10.4, "██", "░░░░░░░»"), (2, 40, "██", "░░░░░░░»"), (0, 0, "", ""),
        (0.06, 0.06, "", ""), (0.07, 0.07, "▏", ""), (2.1, 2.1, "██▏", ""), (0.9, 1.6, "▉", "░"),
    ],
)  # fmt: skip
def test_bars_are_drawn_to_an_eighth_of_a_column(usd, usd_high, solid, tail):
    assert _block(bar(100.0, usd, usd_high), 6.0, 10, ascii_only=False) == (solid, tail)


@pytest.mark.parametrize(
    ("usd", "usd_high", "solid", "tail"),
    [
        (6, 6, "######", ""),
        (2.4, 4.4, "##", "--"),
        (2, 10, "##", "--------"),
        (2, 10.4, "##", "------->"),
        (0, 0, "", ""),
    ],
)  # fmt: skip
def test_bars_in_ascii_are_whole_columns(usd, usd_high, solid, tail):
    assert _block(bar(100.0, usd, usd_high), 6.0, 10, ascii_only=True) == (solid, tail)


def test_nothing_is_drawn_where_nothing_is_forced():
    for ascii_only in (False, True):
        assert _block(bar(100.0, 0.0, 5.0), 0.0, 10, ascii_only=ascii_only) == ("", "")


ROWS = [["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dd"]]


def heads(*drops, wrap=()):
    return [Column(name, drop=drop, wrap=name in wrap) for name, drop in zip("ABCD", drops, strict=True)]


@pytest.mark.parametrize(
    ("drops", "width", "shown"),
    [
        # 10 + 10 + 10 + 2 and three gaps of 2.
        ((0, 1, 2, 0), 38, "ABCD"), ((0, 1, 2, 0), 37, "ABD"), ((0, 1, 2, 0), 26, "ABD"), ((0, 1, 2, 0), 25, "AD"),
        ((0, 1, 1, 0), 37, "AD"), ((0, 2, 1, 0), 37, "ACD"), ((0, 2, 1, 1), 23, "A"),
    ],
)  # fmt: skip
def test_columns_go_by_their_rank_until_the_rest_fits(drops, width, shown):
    head = drawn(Table(heads(*drops), ROWS), width=width).splitlines()[0]
    assert "".join(head.split()) == shown


def test_text_that_wraps_needs_eighteen_columns():
    table = Table([Column("A"), Column("B", wrap=True, drop=1)], [["aaaaaaaaaa", "b " * 40]])
    assert "B" in drawn(table, width=30).splitlines()[0]
    assert "B" not in drawn(table, width=29).splitlines()[0]


ROWS_OF_TWO = [["okx", "5m", "x"], ["gate", "12345m", ""]]


def test_a_table_as_it_is_drawn():
    table = Table([Column("Name"), Column("Every"), Column("Why")], ROWS_OF_TWO)
    assert drawn(table) == "Name  Every   Why\nokx   5m      x\ngate  12345m\n"
    assert drawn(Table([Column("Name")], [])) == ""


def test_blocks_stand_apart_but_for_the_foot_of_a_table():
    table, foot, line = Table([Column("A")], [["1"]]), Line("foot", "dim"), Line("line")
    assert drawn(table, foot) == "A\n1\nfoot\n"
    assert drawn(table, line) == "A\n1\n\nline\n"
    assert drawn(line, table) == "line\n\nA\n1\n"
    assert drawn(line, line) == "line\nline\n"
    assert drawn(line, foot, line) == "line\nfoot\nline\n"
    assert drawn(table, table) == "A\n1\n\nA\n1\n"
    assert drawn(table, foot, line) == "A\n1\nfoot\nline\n"


def test_a_title_is_one_line_where_two_columns_part_its_ends():
    assert drawn(Title("left", "right"), width=11) == "left  right\n"
    assert drawn(Title("left", "right"), width=10) == "left\nright\n"
    assert drawn(Title("left", "right"), width=14) == "left     right\n"


def test_texts_are_no_markup_and_get_no_colour_of_their_own():
    table = Table([Column("[b]x[/b] :smile: 5")], [["[b]y[/b] :smile: 5"]])
    assert drawn(table) == "[b]x[/b] :smile: 5\n[b]y[/b] :smile: 5\n"
    told = drawn(table, Line("price 5 'x' http://a.b"), color=True)
    assert set(re.findall(r"\x1b\[[0-9;]*m", told)) == {"\x1b[1m", "\x1b[0m"}
    assert "price 5 'x' http://a.b" in told
    assert "\x1b" not in drawn(MAP, table)
    assert "\x1b[94m██" in drawn(MAP, width=60, color=True)


def test_ascii_is_as_wide_as_what_it_stands_for():
    assert drawn(Line("a 日 é"), ascii_only=True) == "a ?? ?\n"
    rows, same = drawn(MAP, width=70, ascii_only=True), drawn(MAP, width=70)
    assert rows.isascii()
    assert [len(row) for row in rows.splitlines()] == [len(row) for row in same.splitlines()]


GAUGES = Table([Column("Gauge"), Column("Reading", wrap=True)], [["Price", "x" * 300]])


@pytest.mark.parametrize(("width", "at"), [(120, 70), (140, 81), (200, 114)])
def test_map_and_gauges_stand_side_by_side_where_there_is_room(width, at):
    rows = drawn(Beside(MAP, GAUGES), width=width).splitlines()
    assert rows[0].index("Gauge") == at
    assert max(map(len, rows)) == width
    assert rows[1][: at - 4].rstrip().endswith("12.0M ◆")
    assert len(rows[1][: at - 4].rstrip()) == at - 4


def test_map_and_gauges_stand_one_below_the_other_where_there_is_none():
    rows = drawn(Beside(MAP, GAUGES), width=119).splitlines()
    assert rows[4] == ""
    assert rows[5].startswith("Gauge")
