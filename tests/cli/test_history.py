"""Live runs save what they read, after the answer; nothing about the store stops one, and `db` looks after it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys

import imbalance_cli.app
import pytest
from imbalance_cli import context

from imbalance import read_bars
from imbalance.store import opening, reading
from imbalance.units import HOUR_MS
from tests.support.exchange import NOW_MS, Exchange

KEYS = dict.fromkeys(("IMBALANCE_COINGLASS_KEY", "IMBALANCE_CRYPTOQUANT_KEY", "IMBALANCE_COINALYZE_KEY"), "k")


@pytest.fixture(scope="module")
def exchange():
    with Exchange() as running:
        yield running


@pytest.fixture
def file(home):
    return home / "imbalance" / "history.db"


@pytest.fixture
def imbalance(exchange, monkeypatch, capsys):
    for name, value in (exchange.environment | KEYS).items():
        monkeypatch.setenv(name, value)
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


def series(file):
    with opening.opened(str(file)) as store, store.reading() as connection:
        return {one: len(reading.arrays(connection, n, one.data)["time_ms"]) for n, one in _all(connection)}


def _all(connection):
    return reading.all_series(connection).items()


def test_a_live_report_is_saved_once_however_often_it_runs(imbalance, file):
    code, out, err = imbalance("report", "-f", "text")
    assert (code, err) == (0, "")
    assert out.startswith("BTC ")
    first = series(file)
    assert {one.data for one in first} == {
        "candles", "open_interest", "funding", "liquidations", "liquidation_sums", "sentiment", "commitments",
        "holders",
    }  # fmt: skip
    assert all(first.values())
    assert file.stat().st_mode & 0o077 == 0
    assert imbalance("report", "-f", "text")[1] == out
    assert series(file) == first
    assert imbalance("db", "check") == (0, f"{file}: no damage found\n", "")
    told = json.loads(imbalance("db", "info", "--json")[1])
    assert (told["schema"], told["mode"], told["reports"]) == ("imbalance.db/1", "store", 1)
    assert told["size_bytes"] >= file.stat().st_size
    rows = {(s["data"], s["source"], s["venue"], s["interval"]): s for s in told["series"]}
    bars = rows["candles", "okx", "okx", "15m"]
    assert bars["rows"] == 2880
    assert bars["known"] == [{"start": bars["first"], "end": "2026-01-30T12:00:00Z"}]
    # Orders are known as far back as the answer says it reaches, and not at all where it says that there are more.
    assert rows["liquidations", "okx", "okx", None]["known"][0]["end"] == "2026-01-30T12:00:00Z"
    assert rows["sentiment", "fear_greed", None, "1d"]["symbol"] is None


def test_bars_go_out_as_a_file_for_the_map(imbalance, file, home):
    imbalance("clusters", "-f", "text")
    for name in ("bars.csv", "bars.csv.gz", "bars.parquet"):
        if name.endswith(".parquet"):
            pytest.importorskip("pyarrow")
        out = home / name
        assert imbalance("db", "export", "-o", str(out), "--interval", "15m")[:2] == (0, f"{out}: 28,800 rows\n")
        market = read_bars(out, symbol="BTC")
        assert (market.interval_ms, market.time_ms.size) == (HOUR_MS // 4, 2880)
        assert {"binance", "bybit", "gate", "okx"} <= {v.name for v in market.venues}
    assert imbalance("clusters", "--bars", str(out), "-f", "text")[0] == 0
    code, _out, err = imbalance("db", "export", "-o", str(home / "x.csv"), "--interval", "5m")
    assert (code, "no 5m bars of BTC are stored" in err, "15m" in err) == (3, True, True)
    assert imbalance("db", "export", "ETH", "-o", str(home / "x.csv"))[0] == 3
    assert imbalance("db", "export", "-o", str(home / "x.xlsx"))[0] == 2
    assert imbalance("db", "export", "-o", str(home / "nowhere" / "x.csv"))[0] == 2
    assert not (home / "x.csv").exists()


def test_what_is_left_alone(imbalance, file, home, monkeypatch):
    for words in (
        ("report", "--replay", "article"),
        ("volume", "--no-store"),
        ("sources",),
        ("volume", "--json-schema"),
    ):
        assert imbalance(*words)[0] == 0
    monkeypatch.setenv("IMBALANCE_NO_STORE", "1")
    assert imbalance("volume")[0] == 0
    assert not file.exists()
    assert imbalance("db", "info")[0] == 2
    assert "there is no store yet" in imbalance("db", "check")[2]
    assert not file.exists()


def _locked(file):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def _not_writable(file):
    file.unlink()
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    file.mkdir()


def _no_database(file):
    file.write_bytes(b"this is no database, though it is as long as the head of one would be" * 20)


def _newer(file):
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as store:
        store.execute("UPDATE imbalance_store SET version = 99")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_locked, "another process is writing to it"),
        (_not_writable, "it is no regular file"),
        (_no_database, "it is no SQLite database, or a damaged one"),
        (_newer, "it has schema 99, which is newer than this program's (1)"),
    ],
)
def test_a_store_that_cannot_be_written_costs_one_line(damage, told, imbalance, file):
    _code, out, _err = imbalance("fear-greed")
    held = damage(file)
    assert imbalance("fear-greed") == (0, out, f"imbalance: note: not saved: the store {file}: {told}\n")
    assert imbalance("fear-greed", "-q") == (0, out, "")
    if held is not None:
        held.close()


def test_an_address_that_cannot_be_costs_one_line(imbalance, home, monkeypatch):
    for address, told in (
        ("mysql://here", "IMBALANCE_DB is neither a file nor postgresql://..."),
        ("postgresql://me:secret@127.0.0.1:1/x", "the store postgresql://me:***@127.0.0.1:1/x: "),
        ("postgresql://me:secret@here:port/x", "IMBALANCE_DB is no address of a PostgreSQL database"),
        (str(home / "no" / "folder" / "x.db"), "No such file or directory"),
    ):
        monkeypatch.setenv("IMBALANCE_DB", address)
        code, _out, err = imbalance("fear-greed")
        assert (code, err.count("\n")) == (0, 1)
        assert told in err
        assert "secret" not in err
        assert imbalance("db", "check")[0] == 2


def test_a_full_disk_leaves_the_store_as_it_was(imbalance, file):
    imbalance("fear-greed")
    before = series(file)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limits[1]))
    try:
        code, out, err = imbalance("clusters", "-f", "text")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, err.count("\n"), "not saved" in err) == (0, 1, True)
    assert out
    assert series(file) == before
    assert imbalance("db", "check")[0] == 0


def test_damage_is_found_and_named(imbalance, file):
    imbalance("clusters", "-f", "text")
    imbalance("db", "vacuum")
    with file.open("r+b") as stream:
        stream.seek(-4096, os.SEEK_END)
        stream.write(b"\xa5" * 4096)
    code, out, err = imbalance("db", "check")
    assert (code, out) == (2, "")
    assert f"the store {file}" in err
    assert "damaged" in err
    assert imbalance("fear-greed")[0] == 0


def test_damage_that_no_query_meets_is_found(imbalance, file):
    imbalance("fear-greed")
    imbalance("db", "vacuum")
    with file.open("r+b") as stream:
        stream.seek(36)  # how many pages are free, says the head
        stream.write((7).to_bytes(4, "big"))
    code, _out, err = imbalance("db", "check")
    assert (code, "is damaged" in err) == (2, True)


def test_a_schema_goes_forward_and_never_back(imbalance, file):
    imbalance("fear-greed")
    assert imbalance("db", "migrate") == (0, "schema 1 is the newest\n", "")
    _newer(file)
    code, out, err = imbalance("db", "migrate")
    assert (code, out, "newer than this program's" in err) == (2, "", True)


def test_pruning_leaves_no_claim_about_what_went(imbalance, file):
    imbalance("report", "-f", "text")
    code, out, _err = imbalance("db", "prune", "--older-than", "10d")
    assert (code, "1 reports" in out) == (0, False)
    told = json.loads(imbalance("db", "info", "--json")[1])
    for one in told["series"]:
        if one["interval"] and one["rows"]:
            assert one["first"] >= "2026-01-20T12:00:00Z"
            assert [span["start"] for span in one["known"]][:1] == [one["first"]]
        assert one["rows"] or not one["known"]
    assert imbalance("db", "check")[0] == 0
    assert imbalance("db", "prune", "--older-than", "soon")[0] == 2


def test_a_replay_loads_no_database(home):
    code = (
        "import sys; sys.argv = ['imbalance', 'report', '--replay', 'article', '-f', 'text']\n"
        "from imbalance_cli.app import main; main()\n"
        "print(sorted(m for m in sys.modules if m.startswith(('sqlalchemy', 'imbalance.store'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
