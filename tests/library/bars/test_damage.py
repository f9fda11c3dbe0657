"""A hundred ways in which a bars file can be damaged, each with what must be said of it; all in one process."""

from __future__ import annotations

import bz2
import datetime as dt
import decimal
import gzip
import io
import os
import zipfile

import numpy as np
import pandas as pd
import pytest

from imbalance.bars import source
from imbalance.errors import BarsError, MissingDataError
from imbalance.reader import read_bars
from tests.library.test_market import HEAD, HOUR, START, rows

COLUMNS = HEAD.split(",")
PRICES = ("open", "high", "low", "close")
QUANTITIES = COLUMNS[6:]


def text(table=None, head=HEAD, sep=","):
    table = rows() if table is None else table
    return sep.join(head.split(",")) + "\n" + "".join(sep.join(map(str, r)) + "\n" for r in table)


def cell(row, column, value, table=None):
    table = rows() if table is None else table
    table[row][COLUMNS.index(column)] = value
    return text(table)


def lines(change):
    found = text().splitlines()
    return "\n".join(change(found)) + "\n"


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.csv", text())
    return stream.getvalue()


def two_venues(change):
    return text(rows(venue="a") + [change(r) for r in rows(venue="b")])


# Each yields (name, content, error, what the message must hold).


def odd_cells():
    for value, told in (
        ("abc", "not a number"), ("inf", "not finite"), ("-1", "negative"), ("1e400", "not finite"),
        ('"1,5"', "a comma in a number"), ("1.5.2", "not a number"), ("0x10", "not a number"),
        ("12 USD", "not a number"), ("True", "not a number"),
    ):  # fmt: skip
        for column in ("close", "volume_base", "open_interest_base", "long_liquidations_base"):
            yield f"{column} {value}", cell(7, column, value), BarsError, f"line 9, column {column}: {told}"
    for column in PRICES:
        yield f"{column} empty", cell(7, column, ""), BarsError, f"line 9, column {column}: a price must be above zero"
        yield f"{column} nan", cell(7, column, "nan"), BarsError, f"line 9, column {column}: a price must be above zero"
        yield f"{column} zero", cell(7, column, 0), BarsError, f"line 9, column {column}: a price must be above zero"


def impossible_quantities():
    for column, value in (("volume_base", 1e308), ("open_interest_base", 1e308), ("long_liquidations_base", 1e308)):
        for row in (0, 7, 59):
            told = f"line {row + 2}, column {column}: 1e+308 cannot be true"
            yield f"{column} 1e308 in {row}", cell(row, column, value), BarsError, told
    for row, value in ((0, 1e-308), (7, 1e-308), (59, 1e-308), (7, 1e6), (59, 1e6), (7, 0.9), (59, 0.9), (7, 0)):
        told = f"line {row + 2}, column open_interest_base: {value:.6g} cannot be true"
        yield f"interest {value} in {row}", cell(row, "open_interest_base", value), BarsError, told
    yield (
        "volume of another unit",
        cell(7, "volume_base", 57_000),
        BarsError,
        "line 9, column volume_base: 57000 cannot",
    )
    yield (
        "more liquidated than open",
        cell(7, "short_liquidations_base", 2000),
        BarsError,
        "short_liquidations_base: 2000",
    )


def impossible_prices():
    for name, value in (("high", 1e6), ("high", 1e308)):
        yield f"{name} {value}", cell(7, name, value), BarsError, f"line 9, column {name}: {value:.6g} cannot be true"
    yield "low 0.1", cell(7, "low", 0.1), BarsError, "line 9, column low: 0.1 cannot be true: the closes around it are"
    for factor in (1e-3, 1 / 30, 30, 1e3):
        for row in (1, 30, 58):
            table = rows()
            table[row][2:6] = [v * factor for v in table[row][2:6]]
            yield f"bar times {factor:g} at {row}", text(table), BarsError, f"line {row + 2}, column open"
    yield (
        "one venue in another coin",
        two_venues(lambda r: [*r[:2], *(v / 30 for v in r[2:6]), *r[6:]]),
        BarsError,
        ("line 2, column close: venues differ more than 5 times"),
    )
    marked = HEAD + ",mark_high,mark_low"
    for mark, told in (((0, 0), "mark_high: a price"), ((5, 9), "mark_high: below mark_low"), ((9e3, 99), "mark_high")):
        table = [[*r, *(mark if i == 7 else ("", ""))] for i, r in enumerate(rows())]
        yield f"marks {mark}", text(table, marked), BarsError, f"line 9, column {told}"


def odd_times_and_words():
    for name, value, told in (
        ("epoch seconds", START // 1000 + 7 * 3600, "epoch seconds"), ("empty", "", "empty"),
        ("nan", "nan", "neither"), ("word", "noon", "neither"), ("american", "01/31/2024 10:00", "neither"),
        ("year 9999", "9999-01-01", "outside"),
        ("shortened", "1.70006E+12", "1.70006E+12 holds 6 digits of 13: shortened"),
        ("1e30", "1e30", "outside"), ("infinite", "inf", "outside"), ("negative", "-5", "outside"),
        ("duplicate", START + 6 * HOUR, "this venue and time occur twice"),
        ("off the grid", START + 7 * HOUR + 60_000, "2023-11-15T05:01:00Z of v is off the 1h grid"),
    ):  # fmt: skip
        yield f"time {name}", cell(7, "time", value), BarsError, f"line 9, column time: {told}"
    yield "venue empty", cell(7, "venue", " "), BarsError, "line 9, column venue: empty"
    for column, good, bad in (("contract", "linear", "quanto"), ("liquidation_feed", "complete", "some")):
        table = [[*r, bad if i == 7 else good] for i, r in enumerate(rows())]
        yield f"{column} unknown", text(table, f"{HEAD},{column}"), BarsError, f"line 9, column {column}: not one of"
    table = [[*r, "inverse" if i == 7 else "linear"] for i, r in enumerate(rows())]
    yield "contract changes", text(table, f"{HEAD},contract"), BarsError, "line 9, column contract: differs"


def other_units():
    def half(column, factor):
        at = COLUMNS.index(column)
        return text([[*r[:at], r[at] * factor, *r[at + 1 :]] if i >= 30 else r for i, r in enumerate(rows())])

    def whole(factor, *columns):
        return lambda r: [v * factor if COLUMNS[i] in columns else v for i, v in enumerate(r)]

    for factor in (10, 0.1, 50_000):
        yield (
            f"open interest x{factor} from here",
            half("open_interest_base", factor),
            BarsError,
            "line 32, column open_interest_base",
        )
    yield "liquidations in USD", half("long_liquidations_base", 300), BarsError, "more than was traded in its bar"
    usd = two_venues(whole(1e8, "open_interest_base"))
    yield "open interest in USD", usd, BarsError, "line 62, column open_interest_base: volume of a day at b is 1.85e-08"
    usd = text([whole(1e4, "volume_base")(r) for r in rows()])
    yield "volume in USD", usd, BarsError, "column open_interest_base: volume of a day at v is"
    for factor in (0.85, 4.2):
        euro = two_venues(whole(factor, *PRICES))
        yield f"prices x{factor}", euro, BarsError, f"line 62, column close: b is at {factor} times the price of a"
    yield "one venue by two names", text(rows(venue="Gate") + rows(venue="gate")), BarsError, "line 62, column venue"


def totals(seen, of, prices="last"):
    """Return a last row of sums or means, with a time and prices that are possible."""
    columns = list(zip(*seen, strict=True))
    paid = seen[-1][2:6] if prices == "last" else [sum(c) / len(c) for c in columns[2:6]]
    return [max(columns[0]) + HOUR, seen[-1][1], *paid, *(of(c) for c in columns[6:])]


def rows_that_sum_others():
    def mean(column):
        return sum(column) / len(column)

    both = sorted(rows(venue="a") + [[*r[:6], *(3 * v for v in r[6:])] for r in rows(venue="b")])
    for name, seen in (("one venue", rows()), ("two venues", both), ("few rows", rows(6))):
        for prices in ("last", "mean"):
            sums = text([*seen, totals(seen, sum, prices)])
            yield f"totals, {name}, {prices} prices", sums, BarsError, "is the sum of the"
    total = [*totals(both, sum)[:1], "total", *totals(both, sum)[2:]]
    yield (
        "totals by a name of their own",
        text([*both, total]),
        BarsError,
        "line 122, column open_interest_base: 247080",
    )
    seen = [[*r[:8], r[8] * 0.05, r[9] * 0.1, r[10] * 0.1] for r in rows()]
    sums = text([*seen, totals(seen, sum)])
    yield (
        "totals where much is traded",
        sums,
        BarsError,
        "line 62, column open_interest_base: 3088.5 is the sum of the 60",
    )
    near = text([*seen, totals(seen[3:], sum)])
    yield (
        "totals of most rows",
        near,
        BarsError,
        "line 62, column open_interest_base: 2938.35 cannot be true: the bars before",
    )
    means = text([*rows(), totals(rows(), mean)])
    yield "means", means, BarsError, "line 62, column open_interest_base: 1029.5 is the mean of the 60 rows before"


def venues_that_repeat_others():
    g = np.random.default_rng(5)
    a = [[*r[:6], *(v * x for v, x in zip(r[6:], g.uniform(0.9, 1.1, 5), strict=True))] for r in rows(venue="a")]
    b = [[*r[:6], *(v * x for v, x in zip(r[6:], g.uniform(0.9, 1.1, 5), strict=True))] for r in rows(venue="b")]
    both = [
        [*x[:1], "all", *x[2:6], *(i + j for i, j in zip(x[6:], y[6:], strict=True))] for x, y in zip(a, b, strict=True)
    ]
    told = "column venue: all is the sum of the other venues in every bar"
    yield "a venue of all", text(a + b + both), BarsError, f"line 122, {told}"
    twin = [[r[0], "Binance USD-M", *r[2:]] for r in a]
    yield "one venue by two names, whole", text(a + b + twin), BarsError, "repeats"


def clocks_that_differ():
    for bars, told in ((8, "8 h"), (-8, "8 h"), (1, "1 h")):
        shifted = [[r[0] + bars * HOUR, "b", *r[2:6], r[6] * 2, *r[7:]] for r in rows(90)]
        late = "b move as those of a" if bars > 0 else "a move as those of b"
        table = text(rows(90, venue="a") + shifted)
        yield f"shifted by {bars} h", table, BarsError, f"column time: closes of {late} did {told} before (correlation"


def wicks():
    for factor, row in ((15, 30), (15, 1), (9, 59)):
        table = rows()
        table[row][3] *= factor
        told = (
            f"line {row + 2}, column high: {table[row][3]:.6g} cannot be true: its open and close and the bars beside"
        )
        yield f"a high of {factor} times in {row}", text(table), BarsError, told
    table = rows()
    table[30][4] /= 40
    yield "a low of a fortieth", text(table), BarsError, "line 32, column low"
    a, b = rows(venue="a"), [[*r[:6], r[6] * 2, *r[7:]] for r in rows(venue="b")]
    b[30][3] *= 5
    yield "a high that others lack", text(a + b), BarsError, "line 92, column high: 4"


def liquidations_in_usd():
    for price, factor in ((1, 100.0), (60, 60.0)):
        table = [[*r[:2], *(v * price / 100 for v in r[2:6]), *r[6:]] for r in rows()]
        for r in table:
            r[9], r[10] = 0.005 * factor * r[6], 0.006 * factor * r[6]
        told = "column short_liquidations_base: with the other side 0.66 of what was traded in 24 bars up to here"
        told = told if factor == 60.0 else "column short_liquidations_base"
        yield f"liquidations in USD at {price}", text(table), BarsError, told


def uneven_grids():
    days = rows(50, venue="b")[::24]
    told = "bars of different lengths: 1h (a); 1d (b)"
    yield "three days among hours", text(rows(50, venue="a") + days), BarsError, told
    mixed = text(rows(venue="a") + rows(300, venue="b", step=HOUR // 12))
    yield "two lengths, two venues", mixed, BarsError, "bars of different lengths: 5m (b); 1h (a)"
    late = text(rows() + rows(24, start=START + 60 * HOUR, step=HOUR // 12))
    yield "two lengths, one venue", late, BarsError, "column time: bars of v have two lengths, 1h and, from here, 5m"
    yield (
        "half are missing",
        text(rows()[:20] + rows()[50:]),
        BarsError,
        "30 of 60 bars of 1h are missing, the most from",
    )
    yield "a hole of years", text(rows() + rows(3, start=START + 40_000 * HOUR)), BarsError, "are missing"
    yield "one bar", text(rows(1)), BarsError, "one bar time only"


def lines_that_keep_their_numbers():
    yield "blank lines", lines(lambda x: [x[0], "", *x[1:8], "", x[8].replace("v", ""), *x[9:]]), BarsError, "line 11, "
    yield "comments", "# mine\n" + cell(7, "close", "x").replace("\n", "\n# a\n", 3), BarsError, "line 13, column close"
    quoted = [[r[0], '"two\nlines"', *r[2:]] for r in rows()]
    yield "quoted newlines", cell(7, "close", "x", quoted), BarsError, "line 16, column close"
    yield "windows lines", cell(7, "close", "x").replace("\n", "\r\n"), BarsError, "line 9, column close"


def commas_that_may_part_thousands():
    whole = [[*r[:2], *(round(v * 1000) for v in r[2:6]), *r[6:]] for r in rows()]
    for column in ("close", "open_interest_base"):
        at = COLUMNS.index(column)
        table = [[f'"{v:,}"' if i == at and v >= 1000 else v for i, v in enumerate(r)] for r in whole]
        yield f"thousands in {column}", text(table), BarsError, f"column {column}: a comma in a number that may part"
    table = [[*r[:8], '"1,234,567"' if i == 7 else r[8], *r[9:]] for i, r in enumerate(whole)]
    yield "millions in one cell", text(table), BarsError, "line 9, column open_interest_base: a comma in a number"


def odd_text():
    yield "short row", lines(lambda x: [*x[:8], x[8].rsplit(",", 1)[0], *x[9:]]), BarsError, "line 9: 10 cells where"
    yield (
        "long row",
        lines(lambda x: [*x[:8], x[8] + ",1", *x[9:]]),
        BarsError,
        "line 9: 12 cells where the header has 11",
    )
    yield "cut off", text()[:-9], BarsError, "line 61: 9 cells"
    yield (
        "open quote",
        lines(lambda x: [*x[:8], '"' + x[8], *x[9:]]),
        BarsError,
        "line 9: a quote is opened and never closed",
    )
    yield "no header", "\n".join(text().splitlines()[1:]), BarsError, "line 1: no header but"
    yield (
        "wrong names",
        text(head=HEAD.replace("volume_base", "vol")),
        BarsError,
        "no column volume_base; found columns: time",
    )
    yield "a name twice", text(head=HEAD.replace("low", "high")), BarsError, "line 1: column high occurs twice"
    yield "one line", "{'no': 1}".strip("{}"), BarsError, "line 1: no comma, semicolon, tab or | parts columns in: 'no'"
    yield "blanks for commas", text(sep=" "), BarsError, "line 1: no comma, semicolon, tab or | parts columns in:"
    yield "header only", HEAD + "\n", BarsError, "a header and no rows"
    yield "nothing", b"", BarsError, "the file is empty"
    yield "blanks", b"\n \n\n", BarsError, "the file is empty"
    yield "a line without an end", b"time," + b"9" * 200_000, BarsError, "line 1: a cell is too long"
    yield "a line of megabytes", b"time," + b"9" * (2 << 20), BarsError, "line 1: longer than 1 MiB"
    page = "<html><head><title>404</title></head><body>Not found, sorry</body></html>"
    for name, content, what in (
        ("an HTML page", f"<!DOCTYPE html>\n{page}\n", "an HTML page"), ("a page of one line", page, "an HTML page"),
        ("blanks and a page", f"\n\n  {page.upper()}", "an HTML page"), ("XML", '<?xml version="1.0"?>\n<a/>', "XML"),
    ):  # fmt: skip
        yield name, content, BarsError, f"a.csv: this is {what}"
    for content in ('[{"time": 1, "venue": "a"}]', '{"time":1,"venue":"a"}\n{"time":2,"venue":"a"}\n'):
        yield f"JSON, {content[0]}", content, BarsError, "line 1: JSON, not a table"
    yield "a title", "Binance BTCUSDT\n" + text(), BarsError, "line 1: no header (a column time is not named)"
    yield "sep=", "sep=,\n" + text(), BarsError, "line 1: no header (a column time is not named)"


def odd_bytes():
    yield "binary", b"\x00\x01\x02", BarsError, "binary data"
    yield "latin 1", text().encode().replace(b",v,", b",\xe9,", 3), BarsError, "line 2: not UTF-8 text"
    yield "half of UTF-16", text().encode("utf-16")[:-1], BarsError, "not UTF-16 text"
    yield "a ZIP", zipped(), BarsError, "a ZIP archive"
    yield "bzip2", bz2.compress(text().encode()), BarsError, "a bzip2 file"
    packed = gzip.compress(text().encode())
    yield "gzip cut off", packed[:-30], BarsError, "cut off"
    yield "gzip cut in its head", packed[:5], BarsError, "gzip"
    yield "gzip damaged", packed[:40] + bytes(20) + packed[60:], BarsError, "gzip"
    yield "gzip of nothing", gzip.compress(b""), BarsError, "the file is empty"


def odd_parquet():
    yield "Parquet cut off", parquet()[:-30], BarsError, "damaged Parquet"
    yield "Parquet by its first bytes", b"PAR1 and more", BarsError, "damaged Parquet"
    yield "Parquet, a bad cell", parquet(close=bad_close), BarsError, "row 8, column close: a price must be above zero"
    yield "Parquet, nested", parquet(close=lambda s: [[v] for v in s]), BarsError, "row 1, column close: not a number"
    yield (
        "Parquet, words",
        parquet(close=lambda s: [{"v": v} for v in s]),
        BarsError,
        "row 1, column close: not a number",
    )
    yield "Parquet, flags", parquet(volume_base=lambda s: [True] * len(s)), BarsError, "row 1, column volume_base"
    yield "Parquet, nested times", parquet(time=lambda s: [[v] for v in s]), BarsError, "row 1, column time"


def missing_open_interest():
    for value in ("", 0):
        table = [[*r[:8], value, *r[9:]] for r in rows()]
        yield f"open interest {value!r} throughout", text(table), MissingDataError, "no open interest: it is empty or 0"
    table = [[*r[:8], r[8] if i < 40 else 0, *r[9:]] for i, r in enumerate(rows())]
    yield "open interest ends", text(table), MissingDataError, "ends at 0 at every venue"


def bad_close(series):
    values = list(series)
    values[7] = -0.0
    return values


def parquet(**changes):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(rows(), columns=COLUMNS)
    for name, change in changes.items():
        frame[name] = change(frame[name])
    stream = io.BytesIO()
    frame.to_parquet(stream)
    return stream.getvalue()


CASES = [
    case
    for kind in (
        odd_cells,
        impossible_quantities,
        impossible_prices,
        odd_times_and_words,
        other_units,
        rows_that_sum_others,
        venues_that_repeat_others,
        clocks_that_differ,
        wicks,
        liquidations_in_usd,
        uneven_grids,
        lines_that_keep_their_numbers,
        commas_that_may_part_thousands,
        odd_text,
        odd_bytes,
        odd_parquet,
        missing_open_interest,
    )
    for case in kind()
]


@pytest.mark.parametrize(("content", "error", "told"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_damage_is_told_with_its_place(tmp_path, content, error, told):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error) as caught:
        read_bars(path)
    assert type(caught.value) is error
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)
    assert "\n" not in caught.value.message


def test_there_are_a_hundred_of_them():
    assert len(CASES) >= 100


def assert_same(tmp_path, content, name="b.csv"):
    plain, other = tmp_path / "a.csv", tmp_path / name
    plain.write_text(text())
    other.write_bytes(content if isinstance(content, bytes) else content.encode())
    one, two = read_bars(plain), read_bars(other)
    assert (one.close == two.close).all()
    assert (one.time_ms == two.time_ms).all()
    for series in ("volume_base", "open_interest_base", "long_liquidations_base"):
        assert (getattr(one.venues[0], series) == getattr(two.venues[0], series)).all()


def test_what_only_looks_odd_is_read(tmp_path):
    headers = [HEAD.upper(), HEAD.replace(",", " , "), HEAD.replace("_", " ").title(), HEAD.replace("_", "-")]
    for head in headers:
        assert_same(tmp_path, text(head=head))
    for separator in ";\t|":
        assert_same(tmp_path, text(sep=separator))
        assert_same(tmp_path, text(sep=separator).replace(".", ","))
    assert_same(tmp_path, text([[f"{r[0] / 1e12:.12f}e+12", *r[1:]] for r in rows()]))
    assert_same(tmp_path, text().encode("utf-8-sig"))
    assert_same(tmp_path, text().encode("utf-16"))
    assert_same(tmp_path, "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in text().splitlines()))
    assert_same(tmp_path, "# from my own store\n\n" + text().replace("\n", "\n\n").replace(",", " , "))
    assert_same(tmp_path, text().replace("\n", "\r\n"))
    assert_same(tmp_path, gzip.compress(text().encode()), "b.csv")
    assert_same(tmp_path, text(), "b.csv.gz")


def stamps(series):
    return pd.to_datetime(series, unit="ms", utc=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"time": lambda s: stamps(s).dt.tz_convert("Asia/Tokyo")},
        {"time": lambda s: stamps(s).dt.tz_localize(None)},
        {"time": lambda s: stamps(s).dt.strftime("%Y-%m-%dT%H:%M:%SZ")},
        {"venue": lambda s: s.astype("category"), "close": lambda s: s.astype("float64")},
        {"volume_base": lambda s: s.astype("Int64"), "open_interest_base": lambda s: s.astype("category")},
        {"volume_base": lambda s: [decimal.Decimal(int(v)) for v in s]},
    ],
)
def test_parquet_of_any_type_is_read(tmp_path, changes):
    assert_same(tmp_path, parquet(**changes), "b.parquet")


def test_days_as_dates_are_read(tmp_path):
    pytest.importorskip("pyarrow")
    first = dt.date(2024, 1, 1)
    frame = pd.DataFrame(rows(), columns=COLUMNS)
    frame["time"] = [first + dt.timedelta(days=i) for i in range(len(frame))]
    frame["long_liquidations_base"] = frame["long_liquidations_base"].astype("Int64").mask(frame.index == 3)
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    market = read_bars(path)
    assert market.interval_ms == 24 * HOUR
    assert np.isnan(market.venues[0].long_liquidations_base[3])


def test_places_that_are_no_files_are_told(tmp_path, monkeypatch):
    with pytest.raises(BarsError, match="a directory"):
        read_bars(tmp_path)
    with pytest.raises(BarsError, match="no such file"):
        read_bars(tmp_path / "none")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(BarsError, match="the file is empty"):
            read_bars(tmp_path / "pipe")
    path = tmp_path / "a.csv"
    path.write_text(text())
    monkeypatch.setattr(source, "LONGEST_LINE", 300)
    monkeypatch.setattr(source, "MOST_BYTES", 2000)
    with pytest.raises(BarsError, match="unpacked"):
        read_bars(path)


def test_a_young_coin_a_crash_and_an_idle_market_pass(tmp_path):
    table = rows(120)
    for i, r in enumerate(table):
        r[8] = max(i - 10, 0) ** 4 / 1e3  # from nothing to a hundred thousand
        r[6] = 0 if i % 3 else 200 * (1 + 300 * (i == 80))
        r[7], r[9], r[10] = "", "", ""
    table[30][4] /= 10  # a crash within the bar
    table[31][3] *= 2
    for r in table[60:]:
        r[2:6] = [v * 1e-4 for v in r[2:6]]  # and worth nothing from here
    table[60][2], table[60][3] = table[59][5], table[59][5]
    path = tmp_path / "a.csv"
    path.write_text(text(table))
    assert read_bars(path).time_ms.size == 120
