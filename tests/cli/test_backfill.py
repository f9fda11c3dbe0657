"""The command: what it prints, what it writes to stderr, how it ends."""

from __future__ import annotations

import json
import sys

import imbalance_cli.app
import pytest
from imbalance_cli import context, progress
from imbalance_cli.progress import Counted, Drawn, Lined, clock

from imbalance.backfill.reading import Outcome
from imbalance.backfill.units import file_unit
from imbalance.dumps import binance
from imbalance.dumps.binance import METRICS, USD_M, File
from imbalance.units import DAY_MS
from tests.library.backfill.world import ANSWERS, NOW_MS, SINCE_MS, variables
from tests.support import archive
from tests.support.archive import Archive

SINCE = "2025-03-08"


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    archive.fill(folder, SINCE_MS, NOW_MS, interval="15m", coin_m=False)
    return folder


@pytest.fixture
def server(dumps):
    with Archive(dumps, dict(ANSWERS)) as running:
        yield running


@pytest.fixture
def imbalance(monkeypatch, capsys, server, tmp_path):
    for name, value in variables(server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IMBALANCE_DB", str(tmp_path / "history.db"))
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


def test_a_run_prints_what_was_read_and_how_fast_on_stderr(imbalance):
    code, out, err = imbalance("backfill", "btc", "--since", SINCE, "-x", "binance")
    assert code == 0
    assert "BTC backfill" in out
    assert "rows stored" in out
    assert "rows a second" in err
    assert "0:00 left" in err
    code, out, err = imbalance("backfill", "btc", "--since", SINCE, "-x", "binance", "--quiet")
    assert (code, err) == (0, "")
    code, out, _err = imbalance("db", "info", "--json")
    rows = {(s["source"], s["data"], s["interval"]): s["rows"] for s in json.loads(out)["series"]}
    assert rows["binance", "candles", "15m"] == 4 * 96 + 48


def test_a_dry_run_in_each_format(imbalance, tmp_path):
    words = ("backfill", "--since", SINCE, "-x", "binance", "--dry-run")
    _code, out, err = imbalance(*words, "--json")
    document = json.loads(out)
    assert (document["schema"], document["dry_run"], document["place"]) == ("imbalance.backfill/1", True, None)
    assert err == ""
    units = sum(series["units"] for series in document["series"])
    code, out, _err = imbalance(*words)
    assert code == 0
    assert "requests to make; nothing was read" in out
    assert "dry run" in out
    _code, out, _err = imbalance(*words, "--format", "csv")
    assert len(out.splitlines()) > len(document["series"]) / 2
    _code, out, _err = imbalance(*words, "--format", "markdown")
    assert "| Series" in out
    _code, out, _err = imbalance(*words, "--format", "text")
    assert str(units) or out
    assert not (tmp_path / "history.db").exists()


def test_what_fails_is_told_and_counts_under_strict(imbalance, server):
    server.faults["metrics-2025-03-09.zip"] = "cut"
    code, out, err = imbalance("backfill", "--since", SINCE, "-x", "binance", "--strict")
    assert (code, out) == (5, "")
    told = "binance_archive BTCUSDT-metrics-2025-03-09.zip: its SHA-256 is not that of its .CHECKSUM"
    assert told in err
    server.faults.clear()
    code, _out, err = imbalance("backfill", "--since", SINCE, "-x", "binance", "--strict")
    assert (code, told in err) == (0, False)
    code, out, _err = imbalance("backfill", "--since", SINCE, "-x", "binance")
    assert code == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--since", "yesterday"), 2, "--since 'yesterday' is neither ISO-8601"),
        (("--since", SINCE, "--interval", "7m"), 2, "--interval '7m' is not one of"),
        (("--since", "2030-01-01"), 2, "--since is in the future"),
        ((), 2, "Missing option '--since'"),
        (("--since", SINCE, "--from", "/nowhere/at/all"), 2, "there is no such folder"),
        (("--since", SINCE, "-x", "binanse"), 2, "no venue 'binanse'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(imbalance, words, code, told):
    ended, out, err = imbalance("backfill", "BTC", *words)
    assert (ended, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_a_folder_is_read(imbalance, dumps, server):
    code, out, _err = imbalance("backfill", "--since", SINCE, "--from", str(dumps), "--json")
    assert code == 0
    assert server.asked == []
    assert {series["unit"] for series in json.loads(out)["series"]} == {"file"}
    code, out, _err = imbalance("backfill", "--since", SINCE, "--from", str(dumps))
    assert "Nothing is missing since 2025-03-08." in out


def test_progress_counts_units_rows_and_failures():
    told = Counted(quiet=True)
    told.planned(4)
    file = File(USD_M, METRICS, "BTCUSDT", "2025-03-08")
    unit = file_unit(file, binance.instrument_of(USD_M, "BTCUSDT"), binance.ARCHIVE)
    told.done(Outcome(unit, rows=1152))
    told.done(Outcome(unit, error=binance.refusal(403, b"", "x")))
    told.started -= 10
    assert told.line().startswith("2 of 4 files and pages, 1 failed; 1,152 rows, 115 rows a second; 0:1")


def test_lines_and_bars_tell_the_same(monkeypatch, capsys):
    unit = file_unit(
        File(USD_M, METRICS, "BTCUSDT", "2025-03-08"), binance.instrument_of(USD_M, "BTCUSDT"), binance.ARCHIVE
    )
    drawn, said = [], []
    bar = Drawn(lambda *state: drawn.append(state), said.append)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    lines = Lined()
    for told in (bar, lines):
        told.planned(2)
        told.done(Outcome(unit, rows=7))
        told.done(Outcome(unit, error=binance.refusal(403, b"", "[bold]x\x1b[2J")))
    assert [state[:2] for state in drawn] == [(0, 2), (1, 2), (2, 2)]
    assert drawn[-1][2].startswith("2 of 2 files and pages, 1 failed; 7 rows")
    [failure] = said
    assert "[bold]x" in failure
    assert "\x1b" not in failure
    err = capsys.readouterr().err
    assert [line.startswith("imbalance: ") for line in err.splitlines()] == [True] * 3
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (DAY_MS / 1000, "24:00:00")]
)
def test_time_left_as_a_clock(seconds, text):
    assert clock(seconds) == text
