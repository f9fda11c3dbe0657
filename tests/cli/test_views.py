"""What screens say, sentence by sentence, on documents made by hand."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format, Picture
from imbalance_cli.render import reading_views, render, source_views, trial_views
from imbalance_cli.render.parts import Bars, Line, Table
from imbalance_cli.render.picture import to_picture
from imbalance_cli.render.terminal import to_terminal as render_blocks
from msgspec import structs

from imbalance import service
from imbalance.collect import Options
from imbalance.engine.density import REACH_LOG
from imbalance.errors import MissingDataError
from imbalance.fetch.settings import SourceSettings
from imbalance.report import phrases, tree
from tests.cli.test_formats import invoke

MOMENT = "2026-01-30T12:00:00Z"
HEAD = {"version": "0", "mode": "live", "scenario": None, "symbol": "BTC", "as_of": MOMENT, "sources": [], "gaps": []}


def lines_of(blocks):
    return [block.text for block in blocks if isinstance(block, Line)]


def seen(source, *, whole_day=True, quoted=False):
    return tree.ObservedLiquidations(
        source, 1e6, 2e6, "2026-01-29T12:00:59Z", MOMENT, "unknown", whole_day=whole_day, quoted=quoted
    )


def liquidations(observed, of, missing):
    usd = 3e6 * len(of) if of else None
    section = tree.Liquidations(usd, usd, usd, of, observed, missing, None)
    return tree.LiquidationsReport(schema="imbalance.liquidations/1", liquidations=section, **HEAD)


def test_times_of_a_table_are_month_day_hour_and_minute():
    table = reading_views.liquidations(liquidations([seen("okx")], ["okx"], []))[0]
    names = [column.name for column in table.columns]
    assert [table.rows[0][names.index(name)] for name in ("from", "to")] == ["01-29 12:00", "01-30 12:00"]
    state = tree.SourceState("okx", "OKX", "ok", 1, 5.0, MOMENT, "", "", last_good="2026-01-28T07:06:05Z")
    table = source_views.sources([state], MOMENT)[0]
    assert table.rows[0][[column.name for column in table.columns].index("Last good")] == "01-28 07:06"


def test_a_feed_that_lacks_part_of_the_day_is_told_once():
    document = liquidations([seen("okx"), seen("kraken", whole_day=False)], ["okx"], ["binance", "kraken"])
    assert lines_of(reading_views.liquidations(document)) == [
        "Best available 24 h total: 3.0M obs (okx)",
        "Covers less than 24 h, not in any total: kraken",
        "No full-day feed from: binance",
    ]


@pytest.mark.parametrize("source", ["coinglass", "coinalyze"])
def test_what_another_service_published_is_quoted(source):
    document = liquidations([seen("okx"), seen(source, quoted=True)], [source], [])
    table, best = reading_views.liquidations(document)[:2]
    assert [row[0].endswith("(quoted)") for row in table.rows] == [False, True]
    assert "3.0M quoted (Coin" in best.text


def validate(inside, reliability=()):
    score = tree.MethodScore("model", 0.8, 0.5, *[None] * 6)
    return tree.ValidateReport(
        schema="imbalance.validate/1",
        venues=[],
        verdict=phrases.trial_verdict(score, 5),
        bars_tested=300,
        inside_range_share=inside,
        reliability=list(reliability),
        methods=[score],
        members=[],
        horizons=[],
        bars=[],
        **HEAD,
    )


@pytest.mark.parametrize(
    ("inside", "told"),
    [(0.64, "too narrow"), (0.84, "too narrow"), (0.9, ""), (0.949, ""), (0.97, "too wide"), (None, "")],
)
def test_ranges_that_do_not_hold_what_they_say_are_told(inside, told):
    for kind in (Format.TABLE, Format.TEXT, Format.MARKDOWN):
        text = render(validate(inside), kind, Screen(200, color=False, ascii=False))
        assert ("The 90 % ranges are" in text) is bool(told)
        assert not told or f"{told} here: they held {inside * 100:.0f} %." in text


def test_classes_of_small_amounts_can_be_told_apart():
    classes = [
        tree.Reliability(low, high, 9, 0.0, 1.0, 0.0, (low + high) / 2, high, *bounds)
        for low, high in ((0, 0), (2e-10, 2e-9), (0.0012, 0.21), (0.22, 3.4))
        for bounds in [(None, None) if high < 1 else (1.2, 5e3)]
    ]
    table = next(b for b in trial_views.validation(validate(0.9, classes)) if isinstance(b, Table) and len(b.rows) == 4)
    assert [row[0] for row in table.rows] == ["0", "<0.001", "0.0012-0.21", "0.22-3.4"]
    assert [row[2] for row in table.rows] == ["0", "<0.001", "0.11", "1.8"]
    assert [row[3] for row in table.rows] == ["0", "<0.001", "0.21", "3.4 (1.2-5.0K)"]


def test_a_cascade_says_where_the_map_ends():
    document = service.cascade(Options(replay="article"), SourceSettings(), 0, lambda _h: None)
    ends = [f"{abs(np.expm1(way * REACH_LOG)) * 100:.0f} %" for way in (-1, 1)]
    told = " ".join(lines_of(trial_views.cascade(document)))
    assert f"the map itself ends {ends[0]} below and {ends[1]} above the price" in told


def test_a_probe_says_what_is_wrong_and_what_to_do_in_two_sentences():
    states = [
        tree.SourceState(
            "okx", "OKX", "failed", 1, None, None, "not available here (451)", "Leave it out with --venue."
        ),
        tree.SourceState("gate", "Gate", "ok", 1, None, None, "", ""),
    ]
    table = source_views.sources(states, MOMENT)[0]
    assert [row[-1] for row in table.rows] == ["not available here (451). Leave it out with --venue.", ""]
    assert table.kept == (0,)


@pytest.mark.parametrize(
    ("terminals", "args", "twice"),
    [
        ((True, True), (), False),
        ((True, False), (), True),
        ((False, True), (), True),
        ((True, True), ("-f", "text"), True),
        ((True, True), ("-f", "csv"), False),
    ],
)
def test_a_failure_is_on_stderr_unless_the_terminal_shows_it_already(terminals, args, twice, monkeypatch, capsys):
    for name, terminal in zip(("stdout", "stderr"), terminals, strict=True):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda terminal=terminal: terminal)
    # The recording holds no bars of five minutes.
    line = ["open-interest", "--replay", "article", "--interval", "5m", "--width", "200", "--no-color", *args]
    invoke(*line)
    out, err = capsys.readouterr()
    assert ("imbalance: gap: binance open interest history: " in err) is twice
    assert ("open interest history" in out) is ("text" not in args)
    assert ("left out of sums" in out) is ("text" in args)
    invoke(*line, "-q")
    assert not capsys.readouterr().err


def test_gaps_of_a_heatmap_are_under_it(monkeypatch, capsys):
    invoke("heatmap", "--replay", "article-keyless", "--width", "60", "--columns", "5", "--bins", "5", "-q")
    assert capsys.readouterr().out.splitlines()[-1] == "gap: Coinalyze: not in the recording"


def test_what_is_never_there_is_one_line_unless_all_is_asked_for():
    document = service.liquidations(Options(replay="article-keyless"), SourceSettings(), 0, lambda _h: None)
    brief, full = (
        render(document, Format.TABLE, Screen(200, color=False, ascii=False, full=full)) for full in (False, True)
    )
    assert "gap:" not in brief
    assert "No liquidations over REST: binance, bybit, hyperliquid, binance_coinm; not in the recording:" in brief
    assert full.count("\ngap: ") == len(document.gaps)


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100])
def test_which_side_of_a_map_is_which_is_said_at_every_width(width):
    bars = Bars(82_512.0, [], [])
    drawn = render_blocks([bars], Screen(width, color=False, ascii=False))
    assert "▲ shorts, ▼ longs" in drawn
    assert len(drawn.rstrip("\n")) == width


@pytest.mark.parametrize("color", [False, True])
def test_a_map_through_time_says_what_its_marks_stand_for(color):
    document = service.heatmap_report(Options(replay="article-keyless"), SourceSettings(), 0, lambda _h: None)
    lines = render(document, Format.TABLE, Screen(40, color=color, ascii=False)).splitlines()
    told = re.fullmatch(r"USD a cell: (?:dark|- \.) ([\d.]+)M, (?:bright|S L) (\d+)M", lines[2])
    most = max(sum(column) for side in (document.long_usd, document.short_usd) for column in side)
    assert 0 < float(told[1]) < float(told[2]) < most / 1e6
    assert all(len(line) <= 40 for line in lines[:4])
    # What it sums is what it covers, which is less than the whole map.
    text = render(document, Format.TEXT, Screen(80, color=color, ascii=False))
    assert f"forced between {document.edges[0]:,.0f} and {document.edges[-1]:,.0f}, last column" in text


def drawn(document, kind=Picture.SVG, *, dark=False):
    return to_picture(document, kind, dark=dark)


def texts_of(svg):
    return re.findall(r"<!-- (.*?) -->", svg.decode(), re.DOTALL)


def test_a_validation_is_drawn_with_what_it_has():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    scored = {"r2_gain": 0.16, "r2_gain_low": 0.14, "r2_gain_high": 0.18}
    methods = [
        tree.MethodScore("move alone", 0.7, *[None] * 7),
        tree.MethodScore("model", 0.8, 0.5, **scored, over_null=0.03, over_null_low=0.02, over_null_high=0.04),
        tree.MethodScore("member 1", 0.7, 0.4, 0.1, *[None] * 5),
    ]
    classes = [
        tree.Reliability(0, 0, 9, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 3.0),
        tree.Reliability(1, 3, 9, 0.0, 1.0, 0.0, 2.0, 1.5, None, None),
        tree.Reliability(3, 9, 9, 0.0, 1.0, 0.0, 6.0, 7.5, 0.0, 9.0),
    ]
    document = structs.replace(
        validate(0.9, classes),
        methods=methods,
        verdict=phrases.trial_verdict(methods[1], 5),
        horizons=[tree.HorizonScore(3.0, 51, 700, 0.44, 0.2, 0.63, 0.66, [])],
    )
    told = texts_of(drawn(document))
    assert {"BTC validation, 2026-01-30 12:00 UTC (live)", document.verdict.text} <= set(told)
    assert {"Scores", "Reliability", "Maps kept"} <= set(told)
    assert {"model", "rank 0.800", "member 1", "rank 0.700"} <= set(told)
    assert "move alone" not in told
    assert {"3 d, 51 maps", "|ln error| 0.63", "level 0.66"} <= set(told)
    assert drawn(document, Picture.PNG, dark=True).startswith(b"\x89PNG")
    assert b"#11151a" in drawn(document, dark=True)
    assert b"#11151a" not in drawn(document)
    bare = texts_of(drawn(structs.replace(document, horizons=[], reliability=classes[:1])))
    assert not {"Reliability", "Maps kept"} & set(bare)
    with pytest.raises(MissingDataError, match="Too few bars"):
        drawn(structs.replace(document, methods=[], verdict=phrases.trial_verdict(None, 5)))


def test_a_validation_without_scores_says_so_and_nothing_else():
    document = structs.replace(validate(None), methods=[], verdict=phrases.trial_verdict(None, 5))
    (line,) = trial_views.validation(document)
    assert (line.text, line.style) == (document.verdict.text, "warn")


def test_the_verdict_of_a_validation_stands_first_and_members_are_told():
    member = tree.Member("member 1", 0.5, [20.0, 8.0], 1.0, [0.1, 1.0], [0.6, 0.4], 1.0, 0.25)
    document = structs.replace(validate(0.9), members=[member])
    told = lines_of(trial_views.validation(document))
    assert told[0] == document.verdict.text
    assert "The model mixes member 1 (clock 0.5, leverage 20/8) 25 %." in told


def test_a_validation_is_written_to_a_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    file = tmp_path / "scores.svg"
    invoke("validate", "--replay", "article", "-q", "--dark", "-o", str(file))
    assert b"#11151a" in file.read_bytes()
