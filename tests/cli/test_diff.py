"""Two reports compared: what changed, by how much, and nothing where the two are of different things."""

from __future__ import annotations

import csv
import io
import json
import sys

import imbalance_cli.app
import msgspec
import pytest
from imbalance_cli import context
from imbalance_cli.render.change_views import changes as blocks_of_changes
from imbalance_cli.render.change_views import figure

from imbalance.report import tree
from imbalance.report.changes import changes
from imbalance.store import opening, writing
from imbalance.units import HOUR_MS, iso
from tests.support.maps import HEAD

NOW_MS = 1_769_774_400_000
REPLAY = ("report", "--replay", "article", "--json")


@pytest.fixture
def imbalance(monkeypatch, capsys):
    monkeypatch.setattr(context, "now_ms", lambda: NOW_MS)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["imbalance", *words])
        code = 0
        try:
            imbalance_cli.app.main()
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def content():
    from imbalance.collect import Options
    from imbalance.fetch.settings import SourceSettings
    from imbalance.service import report

    document = report(Options(replay="article"), SourceSettings({}), NOW_MS, lambda _harvest: None)
    return msgspec.json.encode(document)


@pytest.fixture
def report(content):
    """A report of its own for each test, to be changed."""
    return msgspec.json.decode(content, type=tree.Report)


def other(content):
    return msgspec.json.decode(content, type=tree.Report)


def by_name(before, after):
    return {change.name: change for change in changes(before, after)[0]}


def test_a_report_is_as_it_was(report, content):
    found, new, gone = changes(report, other(content))
    assert (new, gone) == ([], [])
    assert {change.change for change in found} <= {0.0, None}
    assert {"price", "short_liquidation_risk", "fear_greed", "open_interest_okx", "short_2", "funding_8h"} <= {
        change.name for change in found
    }


def test_a_change_is_told_with_its_share_and_range(report, content):
    later = other(content)
    later.price = report.price * 1.25
    [risk] = [m for m in later.metrics if m.id == "long_liquidation_risk"]
    low, high = risk.low, risk.high
    for value, inside in ((low, True), (high, True), (low * 0.999, False), (high * 1.001, False)):
        risk.value = value
        found = by_name(report, later)["long_liquidation_risk"]
        assert (found.after, found.low, found.high, found.inside) == (value, low, high, inside)
    price = by_name(report, later)["price"]
    assert (price.change, price.relative) == pytest.approx((report.price / 4, 0.25))
    assert price.inside is None


def test_sums_of_different_sources_are_not_compared(report, content):
    later = other(content)
    later.open_interest.venues.pop()
    later.open_interest.total_base *= 0.5
    later.liquidations.of = ["okx"]
    later.open_interest.change.low_date = "2025-11-01"
    later.risk.window_pct = 10.0
    later.volume.month = "2026-02"
    found = by_name(report, later)
    for name in (
        "open_interest", "liquidations_24h", "open_interest_change", "long_liquidation_risk", "month_volume",
    ):  # fmt: skip
        assert found[name].change is None
        assert found[name].note.startswith("not compared: ")
    assert found["long_2"].change == 0.0
    assert changes(report, later)[2] == [f"Open interest, {report.open_interest.venues[-1].name}"]
    assert changes(later, report)[1] == changes(report, later)[2]


def test_what_is_missing_is_no_change(report, content):
    later = other(content)
    [mood] = [m for m in later.metrics if m.id == "fear_greed"]
    mood.value = None
    found = by_name(report, later)["fear_greed"]
    assert (found.before, found.after, found.change, found.relative) == (16.0, None, None, None)
    assert by_name(later, report)["fear_greed"].change is None


def test_a_change_from_nothing_has_no_share(report, content):
    later = other(content)
    report.signals[0].value = 0.0
    later.signals[0].value = 0.5
    found = by_name(report, later)[report.signals[0].id]
    assert (found.change, found.relative) == (0.5, None)


def compared(*moved, new=(), gone=()):
    sides = [tree.Compared(iso(NOW_MS - i * HOUR_MS), "live", "0", place) for i, place in ((1, "a"), (0, "b"))]
    return blocks_of_changes(
        tree.DiffReport(
            schema="imbalance.diff/1", before=sides[0], after=sides[1], changes=list(moved), new=list(new),
            gone=list(gone), **HEAD,
        )
    )  # fmt: skip


def moved(label, unit, before, after, change=None, relative=None, **more):
    return tree.Change(label, label, unit, more.pop("kind", "observed"), before, after, change, relative, **more)


@pytest.mark.parametrize(
    ("share", "told"), [(0.01, "1.0 %"), (-0.01, "-1.0 %"), (0.0099, "0.990 %"), (-0.00012, "-0.012 %")]
)
def test_small_shares_have_more_digits(share, told):
    assert figure(share, "fraction").lstrip("+") == told


def test_changes_on_a_screen():
    head, table, new, gone, same, note = compared(
        moved("Price", "price", 100.0, 110.0, 10.0, 0.1),
        moved("Forced", "usd", 2e9, 1e9, -1e9, -0.5, kind="estimated", low=1.5e9, high=3e9, inside=False),
        moved("Lost", "usd", 2e9, None, kind="estimated"),
        moved("Other", "usd", 2e9, 1e9, low=0.5e9, high=3e9, inside=True, note="not compared: now without okx"),
        moved("Funding", "fraction", 0.0001, 0.0004, 0.0003, 3.0),
        moved("Share", "fraction", 0.25, 0.26, 0.01, 0.04),
        moved("Mood", "index", 16.0, 20.0, 4.0, 0.25),
        moved("Ratio", "ratio", 0.0, 0.5, 0.5, None),
        moved("Coins", "base", 123_500.0, 123_000.0, -500.0, -0.004),
        moved("Same", "usd", 1.0, 1.0, 0.0, 0.0),
        moved("Never", "usd", None, None),
        new=["A", "B"],
        gone=["C"],
    )
    assert head.text == "From 01-30 11:00 UTC (a) to 01-30 12:00 UTC (b)"
    assert table.rows == [
        ["Price", "100.00", "110.00", "+10, +10.0 %", "", ""],
        ["Forced", "2.0B", "1.0B est", "-1.0B, -50.0 %", "1.5B-3.0B", "outside"],
        ["Lost", "2.0B", "-", "-", "", ""],
        ["Other", "2.0B", "1.0B", "not compared: now without okx", "500M-3.0B", "inside"],
        ["Funding", "+0.010 %", "+0.040 %", "+0.030 points", "", ""],
        ["Share", "+25.0 %", "+26.0 %", "+1.0 points", "", ""],
        ["Mood", "16", "20", "+4", "", ""],
        ["Ratio", "0", "0.5", "+0.5", "", ""],
        ["Coins", "123,500", "123,000", "-500, -0.4 %", "", ""],
    ]
    assert (table.styles, table.kept) == (["", "warn", "", "dim", "", "", "", "", ""], (1,))
    assert [(c.right, c.wrap, c.drop) for c in table.columns] == [
        (False, False, 0), (True, False, 0), (True, False, 0), (False, True, 0), (True, False, 2), (False, False, 1),
    ]  # fmt: skip
    assert [line.text for line in (new, gone, same)] == ["New: A, B", "Gone: C", "1 figure unchanged"]
    assert note.text.startswith("Outside: ")
    still = [moved(name, "usd", 1.0, 1.0, 0.0, 0.0) for name in "ab"]
    assert [line.text for line in compared(*still)[2:3]] == ["2 figures unchanged"]
    assert len(compared(moved("Price", "price", 1.0, 2.0, 1.0, 1.0))) == 3


def test_files_are_compared_in_every_format(imbalance, content, home):
    later = other(content)
    later.price *= 1.1
    later.as_of = iso(NOW_MS + HOUR_MS)
    one, two = home / "one.json", home / "two.json"
    one.write_bytes(content)
    two.write_bytes(msgspec.json.encode(later))
    code, out, err = imbalance("diff", str(one), str(two))
    assert (code, err) == (0, "")
    assert "BTC changes" in out
    assert "+8,251.24, +10.0 %" in " ".join(out.split())
    assert "unchanged" in out
    told = json.loads(imbalance("diff", str(one), str(two), "--json")[1])
    assert (told["schema"], told["as_of"], told["before"]["place"]) == (
        "imbalance.diff/1",
        "2026-01-30T13:00:00Z",
        str(one),
    )
    [price] = [c for c in told["changes"] if c["name"] == "price"]
    assert price["relative"] == pytest.approx(0.1)
    rows = list(csv.DictReader(io.StringIO(imbalance("diff", str(one), str(two), "-f", "csv")[1])))
    assert [float(r["value"]) for r in rows if (r["name"], r["field"]) == ("price", "relative")] == [pytest.approx(0.1)]
    assert "| Price" in imbalance("diff", str(one), str(two), "-f", "markdown")[1]
    text = imbalance("diff", str(one), str(two), "-f", "text")[1]
    assert len(text.splitlines()) <= 10
    assert imbalance("diff", str(one), str(two), "-o", str(home / "x.md"))[0] == 0
    assert (home / "x.md").read_text().startswith("#")
    assert '"imbalance.diff/1"' not in imbalance("diff", "--json-schema")[1]


def stored(home, *moments, symbol="BTC", content=b""):
    with opening.opened(str(home / "history.db"), make=True) as store, store.writing() as connection:
        for moment_ms in moments:
            document = other(content)
            document.as_of, document.symbol = iso(moment_ms), symbol
            document.price += (moment_ms - NOW_MS) / HOUR_MS
            json_ = msgspec.json.encode(document)
            writing.save_report(connection, document.schema, symbol, moment_ms, moment_ms, json_)


def test_the_last_two_that_are_stored_are_the_default(imbalance, content, home, monkeypatch):
    monkeypatch.setenv("IMBALANCE_DB", str(home / "history.db"))
    assert imbalance("diff")[0] == 2
    stored(home, NOW_MS, content=content)
    code, _out, err = imbalance("diff")
    assert (code, "no report of BTC but the one of 2026-01-30T12:00:00Z is stored" in err) == (3, True)
    stored(home, NOW_MS + HOUR_MS, NOW_MS + 3 * HOUR_MS, content=content)
    stored(home, NOW_MS, NOW_MS + HOUR_MS, symbol="ETH", content=content)
    for words, hours in (
        ((), 2.0),
        (("2026-01-30T13:30Z",), 2.0),
        (("2026-01-30T12:00:00Z",), 3.0),
        (("2026-01-30T12:00Z", "2026-01-30T14:00Z"), 1.0),
        (("2026-01-30T14:00Z", "2026-01-30T12:00Z"), -1.0),
        (("--symbol", "eth"), 1.0),
    ):
        told = json.loads(imbalance("diff", *words, "--json")[1])
        [price] = [c for c in told["changes"] if c["name"] == "price"]
        assert price["change"] == pytest.approx(hours)
    (home / "r.json").write_bytes(content)
    told = json.loads(imbalance("diff", str(home / "r.json"), "--json")[1])
    assert (told["before"]["place"], told["after"]["place"]) == (
        str(home / "r.json"),
        "local history, 2026-01-30T15:00:00Z",
    )


def test_what_is_no_report_is_told(imbalance, content, home):
    good, bad = home / "good.json", home / "bad.json"
    good.write_bytes(content)
    for written, told in (
        (b"{}", "no report of this version"),
        (b"\xff\xfe", "no report of this version"),
        (content.replace(b"imbalance.report/1", b"imbalance.clusters/1"), "not a report but imbalance.clusters/1"),
        (content.replace(b'"symbol":"BTC"', b'"symbol":"ETH"'), "is of ETH, not of BTC"),
    ):
        bad.write_bytes(written)
        code, out, err = imbalance("diff", str(good), str(bad))
        assert (code, out, told in err) == (2, "", True)
    assert "No such file" in imbalance("diff", str(good), str(home / "none.json"))[2]
    assert "neither a file nor a time" in imbalance("diff", "yesterday")[2]
    assert imbalance("diff", str(good), str(good), str(good))[0] == 2
    assert imbalance("diff", str(good), str(good), "-o", str(home / "x.png"))[0] == 2
