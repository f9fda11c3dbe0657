"""Limits of cells, names and sizes of bars files: what is just inside is read, what is just beyond is told."""

from __future__ import annotations

import datetime as dt

import pytest

from imbalance.bars import source
from imbalance.errors import BarsError
from imbalance.reader import read_bars
from tests.library.test_market import HEAD, HOUR, rows, write

FIRST_MS, LAST_MS = 1_000_000_000_000, 4_102_444_800_000
COLUMNS = HEAD.split(",")


def fault(path):
    """Return what is wrong with a file, without its name; empty where it is read."""
    try:
        read_bars(path)
    except BarsError as error:
        return error.message.removeprefix(f"{path}: ")
    return ""


def timed(path, *times, at=0):
    table = rows(60, start=FIRST_MS + HOUR)
    for i, time in enumerate(times, at):
        table[i][0] = time
    return fault(write(path / "a.csv", table))


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (FIRST_MS, ""),
        (FIRST_MS - 1, "line 2, column time: outside 2001-2100 (epoch milliseconds are expected)"),
        (LAST_MS + 1, "line 2, column time: outside 2001-2100 (epoch milliseconds are expected)"),
        (1_000_000_000, "line 2, column time: epoch seconds, not milliseconds"),
        (4_102_444_800, "line 2, column time: epoch seconds, not milliseconds"),
        (999_999_999, "line 2, column time: outside 2001-2100 (epoch milliseconds are expected)"),
        (4_102_444_801, "line 2, column time: outside 2001-2100 (epoch milliseconds are expected)"),
        ("1.000000000000E+12", ""),
        (
            "1.00000000000E+12",
            "line 2, column time: 1.00000000000E+12 holds 12 digits of 13: shortened, as spreadsheets",
        ),
        ("2001-09-09T01:46:40Z", ""),
        ("2001-09-09T01:46:39Z", "line 2, column time: outside 2001-2100"),
        ("2100-01-01T00:00:01Z", "line 2, column time: outside 2001-2100"),
    ],
)
def test_times_lie_between_2001_and_2100(tmp_path, time, said):
    found = timed(tmp_path, time)
    assert found.startswith(said) if said else "2001" not in found and "line 2" not in found


def test_the_last_time_of_all_is_read(tmp_path):
    table = rows(60, start=LAST_MS - 59 * HOUR)
    assert read_bars(write(tmp_path / "a.csv", table)).time_ms[-1] == LAST_MS
    stamps = [dt.datetime.fromtimestamp(r[0] / 1000, dt.UTC).isoformat() for r in table]
    in_words = [[stamp, *r[1:]] for stamp, r in zip(stamps, table, strict=True)]
    assert read_bars(write(tmp_path / "b.csv", in_words)).time_ms[-1] == LAST_MS


def changed(path, head=HEAD, **cells):
    """Return what is wrong with bars of which the eighth has other cells."""
    names = head.split(",")
    table = [[*r, *[""] * (len(names) - len(r))] for r in rows()]
    for name, value in cells.items():
        table[7][names.index(name)] = value
    return fault(write(path / "a.csv", table, head))


MARKED = f"{HEAD},mark_high,mark_low"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"high": 200.0, "open": 200.0}, ""),
        ({"high": 199.0, "open": 200.0}, "high: below open, low or close"),
        ({"high": 199.0, "close": 200.0}, "high: below open, low or close"),
        ({"low": 50.0, "close": 50.0}, ""),
        ({"low": 51.0, "close": 50.0}, "low: above open or close"),
        ({"low": 51.0, "open": 50.0}, "low: above open or close"),
        ({"low": 0.0}, "low: a price must be above zero"),
        ({"mark_high": 100.0, "mark_low": 100.0}, ""),
        ({"mark_high": 100.0, "mark_low": 100.1}, "mark_high: below mark_low"),
        ({"mark_low": 0}, "mark_low: a price must be above zero"),
        ({"mark_high": 0}, "mark_high: a price must be above zero"),
        # Bars trade 57 coins here, and sums of parts may be rounded.
        ({"taker_buy_base": 57}, ""),
        ({"taker_buy_base": "57.00000005"}, ""),
        ({"taker_buy_base": "57.00000006"}, "taker_buy_base: exceeds volume_base"),
        ({"long_liquidations_base": 0}, ""),
        ({"long_liquidations_base": -0.1}, "long_liquidations_base: negative"),
    ],
)
def test_a_row_agrees_with_itself(tmp_path, cells, said):
    assert changed(tmp_path, MARKED, **cells) == (f"line 9, column {said}" if said else "")


def test_names_of_columns_are_told_up_to_twenty_and_forty_letters(tmp_path):
    for count, more in ((20, ""), (21, ", ...")):
        names = [f"c{i}" for i in range(count - 1)] + ["x" * 41]
        path = write(tmp_path / "a.csv", [["1"] * count], ",".join(names[-1:] + names[:-1]))
        told = ["x" * 40, *names[:-1]][:20]
        assert fault(path).endswith(f"found columns: {', '.join(told)}{more}")


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["1,5", "2,5"], True),
        (["1,500", "2,500"], False),
        (["1,500", "2,5"], True),
        (["0,500", "2,500"], True),
        (["12,345,678", "1,500"], False),
        (["1234,500", "1,500"], True),
    ],
)
def test_commas_that_can_only_be_decimal_are(tmp_path, values, read):
    table = [[r[0], r[1], *[100] * 4, 50, "", 1000, "", ""] for r in rows()]
    for row, value in zip((3, 9), values, strict=True):
        table[row][COLUMNS.index("long_liquidations_base")] = f'"{value}"'
    found = fault(write(tmp_path / "a.csv", table))
    assert ("may part thousands or decimals" not in found) == read


def test_a_word_is_one_throughout_a_venue(tmp_path):
    head = f"{HEAD},contract"
    table = [[*r, "Linear " if i % 2 else ""] for i, r in enumerate(rows())]
    assert read_bars(write(tmp_path / "a.csv", table, head)).venues[0].contract == "linear"
    table[8][-1] = "inverse"
    assert fault(write(tmp_path / "a.csv", table, head)).endswith("contract: differs from the same venue's rows before")


def test_a_gigabyte_and_a_line_of_a_megabyte_are_the_most(tmp_path, monkeypatch):
    assert (source.MOST_BYTES, source.LONGEST_LINE) == (2**30, 2**20)
    path = write(tmp_path / "a.csv", rows())
    size = path.stat().st_size
    for most, said in ((size, ""), (size - 1, "more than 0 GiB unpacked, more than is read")):
        monkeypatch.setattr(source, "MOST_BYTES", most)
        assert fault(path) == said


def test_a_line_without_an_end_is_not_waited_for(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(source, "LONGEST_LINE", 50)
    path = tmp_path / "a.csv"
    longer = "line 1: longer than 0 MiB: no bars file"
    # Two bytes are read beforehand, to see whether they are gzip's.
    for content, said in (
        (b"x" * 49, "line 1: no comma, semicolon, tab or | parts columns in: " + "x" * 40),
        (b"x" * 52, longer),
        (b"x" * 50, longer),
        (b"x" * 49 + b"\n" + b"x" * 9, "line 1: no comma"),
        (b"x" * 49 + b"\r" + b"x" * 9, "line 1: no comma"),
        (b"PAR1" + b"x" * 90, "damaged Parquet"),
        (b"BZh" + b"x" * 90, "not a bars file but a bzip2 file"),
        (b"x" * 20 + b"\0" * 90, "not a bars file but binary data"),
        (b"x" * 49 + b"\n" + b"x" * 20 + b"\0" * 90, "line 1: no comma"),
    ):
        path.write_bytes(content)
        assert fault(path).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a;b\n1;2\n", "no column time, venue"),
        ("a|b,c|d\n", "a header and no rows"),
        ("\n\n{}", "line 3: JSON, not a table"),
        ("# one\n\n[1]", "line 3: JSON, not a table"),
        ("time,venue\n1,2,3\n", "line 2: 3 cells where the header has 2"),
        ("x,y\n1,2,3\n", "line 1: no header (a column time is not named), and longer rows below"),
        ("\n1,2\n", "line 2: no header but numbers"),
        ("\na,a\n1,2\n", "line 2: column a occurs twice"),
        (",,time\n1,2,3\n", "no column venue"),
        ("time\n", "line 1: no comma, semicolon, tab or | parts columns in: time"),
    ],
)
def test_tables_that_are_none(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert fault(path).startswith(said)
