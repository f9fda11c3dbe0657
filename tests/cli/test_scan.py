"""`imbalance scan`: a row a coin in every format, lines as they come, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import json
import sys

import msgspec
import pexpect
import pytest
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import render

from imbalance.report import figures, tree
from tests.cli.test_cli import run
from tests.library.report.test_scanning import row

SCAN = ("scan", "BTC", "NOPE", "--replay", "article")


def document(*rows, **more):
    given = {"ranked": None, "when": None, "sort": None, "unknown": [], "sources": [], "gaps": []} | more
    head = {"schema": "imbalance.scan/1", "version": "v", "mode": "live", "scenario": None, "symbol": "A,B"}
    return tree.ScanReport(**head, as_of="2026-01-30T12:00:00Z", rows=list(rows), **given)


GOOD = row(
    "A",
    price=82512.0,
    heavier="long",
    **{"ratio": 0.43, "ratio.low": 0.19, "ratio.high": 1.0},
    lift=0.76,
    nearest_long_usd=8.6e8,
    nearest_long_distance=-0.028,
    open_interest_usd=2.73e10,
    open_interest_change=0.31,
    funding_rate_8h=-0.000106,
    liquidations_24h_usd=None,
    seen_liquidations_24h_usd=12e6,
)


def drawn(document, width=160, kind=Format.TABLE):
    return render(document, kind, Screen(width, color=False, ascii=True))


def test_a_row_tells_each_figure_and_what_is_missing_is_a_dash():
    told = drawn(document(GOOD, row("B", failed="nobody lists it")))
    a, b = (line.split() for line in told.splitlines() if line[:2] in {"A ", "B "})
    assert " ".join(a) == "A 82,512 long 0.43 0.19-1.0 0.76 860M -2.8 % - 27.3B +31.0 % -0.011 % >12.0M"
    assert b == ["B", "-", "failed", *"-" * 9]
    assert "B: nobody lists it" in told


def test_liquidations_of_all_venues_are_no_lower_bound():
    known = msgspec.structs.replace(GOOD, figures=GOOD.figures | {"liquidations_24h_usd": 13e6})
    assert " 13.0M" in drawn(document(known))
    unseen = msgspec.structs.replace(GOOD, figures=GOOD.figures | {"seen_liquidations_24h_usd": None})
    assert ">" not in drawn(document(unseen))


def test_a_narrow_screen_keeps_the_answer():
    told = drawn(document(GOOD), width=50)
    assert max(map(len, told.splitlines())) <= 50
    assert "0.43" in told
    assert "27.3B" in told


def test_the_choice_is_told():
    told = drawn(document(GOOD, ranked="volume on okx", when="price > 1", sort="-lift", unknown=["C", "D"]))
    assert "the largest by volume on okx; where price > 1; by lift, smallest first" in told
    assert "left out, for it is not known of them: C, D" in told


def test_csv_has_a_line_a_coin_and_a_column_a_figure():
    lines = list(csv.DictReader(io.StringIO(drawn(document(GOOD, row("B", failed="why")), kind=Format.CSV))))
    assert list(lines[0]) == ["symbol", "as_of", *figures.known(), "failed", "missing"]
    assert (lines[0]["symbol"], lines[0]["ratio.low"], lines[0]["liquidations_24h_usd"]) == ("A", "0.19", "")
    assert (lines[1]["failed"], lines[1]["price"]) == ("why", "")


def test_json_is_a_line_a_coin_of_the_schema(tmp_path):
    lines = run(*SCAN, "-f", "json", check=0).stdout.splitlines()
    rows = {r.symbol: r for r in (msgspec.json.decode(line, type=tree.ScanRow) for line in lines)}
    assert set(rows) == {"BTC", "NOPE"}
    assert rows["BTC"].figures["fear_greed"] == 16
    assert "no venue lists" in rows["NOPE"].failed
    run(*SCAN, "--sort", "-symbol", "-o", str(tmp_path / "s.json"), check=0)
    written = [json.loads(line) for line in (tmp_path / "s.json").read_text().splitlines()]
    assert [r["symbol"] for r in written] == ["NOPE", "BTC"]
    schema = json.loads(run("scan", "--json-schema", check=0).stdout)
    assert schema["$ref"] == "#/$defs/ScanRow"


def test_a_page_and_a_condition(tmp_path):
    run(*SCAN, "--when", "ratio < 1", "-o", str(tmp_path / "s.html"), check=0)
    page = (tmp_path / "s.html").read_text()
    assert "<table" in page
    assert "where ratio &lt; 1" in page
    none = run("scan", "BTC", "--replay", "article", "--when", "ratio > 9", "-f", "csv", check=0).stdout
    assert len(none.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("scan", "BTC", "--top", "3"), 2, "give one"),
        (("scan", "--all", "--top", "3"), 2, "give one"),
        (("scan", "--by", "size"), 2, "--by 'size' is not one of open-interest, volume"),
        (("scan", "BTC", "--sort", "nothing"), 2, "is no column"),
        (("scan", "BTC", "--when", "nothing > 1"), 2, "nothing"),
        (("scan", "BTC", "-o", "map.png"), 2, "draws no picture"),
        (("scan", "NOPE", "--replay", "article"), 3, "no coin could be read"),
        (
            ("scan", "BTC", "NOPE", "--replay", "article", "--strict"),
            5,
            "1 of 2 coins failed under --strict",
        ),
    ],
)
def test_what_cannot_be(words, code, told):
    assert told in run(*words, check=code).stderr


def test_at_a_terminal_a_bar_goes_along_and_is_gone_from_the_answer():
    words = ["-m", "imbalance", "scan", "BTC", "--replay", "article", "-f", "csv", "-o", "/dev/null"]
    child = pexpect.spawn(sys.executable, words, dimensions=(24, 100), timeout=60, encoding="utf-8")
    child.expect(pexpect.EOF)
    assert child.before is not None
    assert "coins" in child.before
