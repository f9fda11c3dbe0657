"""`imbalance collect` from end to end: what is printed, stored and said, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import imbalance_cli.app
import pytest
from imbalance_cli.commands import collect
from imbalance_cli.commands.collect import status_line

from imbalance.collector import running, writer
from imbalance.collector.tally import Tally
from imbalance.store import opening, reading, upkeep
from imbalance.stream import reader
from imbalance.venues.streams import STREAMS
from tests.support.exchange import Exchange
from tests.support.streams import InThread, Order, frames, now_ms

# What a shell starts in the background ignores SIGINT, and so would what the tests start.
COLLECT = [
    sys.executable, "-c",
    ("import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from imbalance_cli.app import program; program()"), "collect",
]  # fmt: skip


@pytest.fixture(scope="module")
def exchange():
    with Exchange() as serving:
        yield serving


@pytest.fixture
def streams():
    with InThread() as serving:
        yield serving


@pytest.fixture
def env(exchange, streams, home):
    return {**os.environ, **exchange.environment, **streams.streams.environment}


@pytest.fixture
def file(home):
    return home / "imbalance" / "history.db"


@pytest.fixture
def imbalance(env, monkeypatch, capsys):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(writer, "FLUSH_S", 0.05)
    monkeypatch.setattr(reader, "wait_s", lambda _attempt, _draw: 0.05)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["imbalance", *words])
        code = 0
        try:
            imbalance_cli.app.main()
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return run


def orders(many, first=0):
    numbers = range(first, first + many)
    return [Order("short" if n % 3 else "long", 80_000.0 + n, 0.01, now_ms(), str(n)) for n in numbers]


def stored(file, data="liquidations"):
    """Return rows, spans and gaps of each venue, in a sound store."""
    found = {}
    with opening.opened(str(file)) as store:
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            for number, one in reading.all_series(connection, data=data).items():
                rows = reading.arrays(connection, number, data)
                found[one.venue] = rows, reading.known(connection, number), reading.missing(connection, number), one
    return found


def collecting(env, *words):
    return subprocess.Popen([*COLLECT, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_one_round(imbalance, file):
    code, out, err = imbalance("collect", "btc", "--once", "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["schema"], document["symbol"], document["saved"]) == ("imbalance.collect/1", "BTC", 0)
    assert {s["name"]: s["status"] for s in document["streams"]} == dict.fromkeys(STREAMS, "up")
    assert all(s["contracts"] == 1 for s in document["streams"])
    assert [gap["source"] for gap in document["gaps"]] == ["hyperliquid"]
    assert err.count("subscribed, 1 contract") == len(STREAMS)
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_collects_until_it_is_asked_to_end_and_loses_nothing(number, env, streams, file):
    with collecting(env, "BTC", "--json") as process:
        for venue in STREAMS:
            streams.do("subscribed", venue)
        for venue in STREAMS:
            streams.do("send", venue, *[f for one in orders(20) for f in frames(venue, [one])])
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    document = json.loads(out)
    assert document["saved"] == 20 * len(STREAMS)
    assert {s["liquidations"] for s in document["streams"]} == {20}
    sums = {round(s["long_usd"] + s["short_usd"], 2) for s in document["streams"]}
    assert sums == {round(sum((80_000 + n) * 0.01 for n in range(20)), 2)}
    assert "bug" not in err
    found = stored(file)
    assert set(found) == set(STREAMS)
    for rows, _known, _missing, one in found.values():
        assert rows["time_ms"].size == 20
        assert (one.symbol, one.what, one.interval_ms) == ("BTC", "stream", 0)
        assert sorted(set(rows["position"])) == ["long", "short"]


def test_killed_and_started_again_it_has_what_was_saved_once_and_says_what_it_missed(env, streams, file):
    sent = [f for one in orders(30) for f in frames("okx", [one])]
    for times in (1, 2):
        with collecting(env, "BTC", "-x", "okx") as process:
            streams.do("subscribed", "okx", times=times)
            streams.do("send", "okx", *sent)
            while many(file, "liquidations") < 30 or many(file, "spans") < times:
                time.sleep(0.1)
                streams.do("send", "okx", *sent[:1])
            process.kill()
            process.communicate()
    rows, known, missing, _one = stored(file)["okx"]
    assert rows["time_ms"].size == 30
    assert [gap.why for gap in missing] == ["it was not collected"]
    assert (known[0].to_ms, known[1].from_ms) == (missing[0].from_ms, missing[0].to_ms)


def many(file, table):
    """Return how many rows a table has, if there is one yet."""
    if not file.exists():
        return 0
    with contextlib.closing(sqlite3.connect(file)) as store:
        try:
            return store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  names of our own
        except sqlite3.OperationalError:
            return 0


def test_what_is_down_is_told_and_stored_as_a_gap(imbalance, streams, file):
    def disturb():
        streams.do("subscribed", "bybit")
        time.sleep(0.8)  # its delay: nothing is certain before
        streams.do("drop", "bybit")

    thread = threading.Thread(target=disturb)
    thread.start()
    code, out, err = imbalance("collect", "BTC", "-x", "bybit", "--for", "1800ms")
    thread.join()
    assert code == 0
    assert "bybit: down: the connection was closed (1012 maintenance)" in err
    assert "BTC liquidations collected" in out
    _rows, known, missing, _one = stored(file)["bybit"]
    assert [gap.why for gap in missing] == ["the connection was closed (1012 maintenance)"]
    assert known[0].to_ms == missing[0].from_ms
    assert known[-1].from_ms == missing[0].to_ms


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "name the coins to collect, or give --all"),
        (("BTC", "--all"), 2, "name the coins to collect, or give --all"),
        (("BTX", "--once"), 2, "no venue lists a perpetual on 'BTX'"),
        (("BTC", "-x", "hyperliquid"), 2, "'hyperliquid' has no stream of liquidations"),
        (("BTC", "-x", "bybitt"), 2, "Did you mean bybit?"),
        (("--all", "--snapshots"), 2, "--snapshots reads each coin by itself"),
        (("BTC", "--for", "soon"), 2, "--for 'soon' is not a duration"),
        (("BTC", "--for", "0s"), 2, "--for must be longer than nothing"),
        (("BTC", "-o", "x.png"), 2, "collect draws no picture"),
        (("BTC", "--replay", "article"), 2, "--replay"),
    ],
)
def test_what_cannot_be_is_refused(words, code, told, imbalance, file):
    got, out, err = imbalance("collect", *words)
    assert (got, out, told in err) == (code, "", True), err
    assert "bug" not in err


def test_without_any_stream_it_fails_and_with_one_it_does_not(imbalance, monkeypatch):
    dead = {f"IMBALANCE_{venue.upper()}_WS_URL": "ws://127.0.0.1:1" for venue in STREAMS if venue != "gate"}
    for name, value in dead.items():
        monkeypatch.setenv(name, value)
    code, out, _err = imbalance("collect", "BTC", "--once", "-q", "--json")
    assert code == 0
    failed = {gap["source"]: gap["failed"] for gap in json.loads(out)["gaps"]}
    assert failed == dict.fromkeys(set(STREAMS) - {"gate"}, True) | {"hyperliquid": False}
    assert imbalance("collect", "BTC", "--once", "--strict", "-q")[0] == 5
    code, out, err = imbalance("collect", "BTC", "--once", "-x", "okx", "-x", "htx", "-q")
    assert (code, out) == (3, "")
    assert "no stream was subscribed" in err
    assert "okx: no connection" in err


def test_a_listing_that_cannot_be_read_is_a_stream_that_is_down(imbalance, monkeypatch):
    monkeypatch.setenv("IMBALANCE_OKX_URL", "http://127.0.0.1:1")
    code, out, _err = imbalance("collect", "BTC", "--once", "-q", "--json", "-x", "okx", "-x", "gate")
    assert code == 0
    states = {s["name"]: (s["status"], s["message"]) for s in json.loads(out)["streams"]}
    assert states["gate"] == ("up", "")
    assert states["okx"][0] == "never up"
    assert "cannot be reached" in states["okx"][1]


@pytest.mark.parametrize("address", ["https://127.0.0.1:1", "127.0.0.1", "ws://", "wss://[::"])
def test_an_address_that_is_none(address, imbalance, monkeypatch):
    monkeypatch.setenv("IMBALANCE_OKX_WS_URL", address)
    code, _out, err = imbalance("collect", "BTC", "--once", "-x", "okx")
    assert code == 2
    assert "IMBALANCE_OKX_WS_URL must be ws://HOST or wss://HOST" in err


def test_a_password_in_an_address_is_not_told(imbalance, monkeypatch):
    monkeypatch.setenv("IMBALANCE_OKX_WS_URL", "ws://me:s3cr3t-word@127.0.0.1:1")
    code, _out, err = imbalance("collect", "BTC", "--once", "-x", "okx")
    assert code == 3
    assert "s3cr3t-word" not in err


def test_one_that_sends_a_password_back_gives_it_not_away(imbalance, streams, monkeypatch):
    """The reason for which the server hangs up is the password."""
    monkeypatch.setenv("IMBALANCE_GATE_WS_URL", f"ws://me:maintenance@127.0.0.1:{streams.streams.port}/gate")

    def disturb():
        streams.do("subscribed", "gate")
        streams.do("drop", "gate")

    thread = threading.Thread(target=disturb)
    thread.start()
    code, out, err = imbalance("collect", "BTC", "-x", "gate", "--for", "700ms", "--json")
    thread.join()
    assert code == 0
    assert "gate: down: the connection was closed (1012 ***)" in err
    assert "maintenance" not in out + err


def test_a_locked_store_is_waited_for_and_nothing_is_lost(imbalance, streams, file, monkeypatch):
    monkeypatch.setattr(running, "WAIT_S", 0.1)
    monkeypatch.setattr(writer, "AGAIN_S", 0.05)
    assert imbalance("collect", "BTC", "-x", "gate", "--once", "-q")[0] == 0

    def disturb():
        streams.do("subscribed", "gate", times=2)
        with sqlite3.connect(file, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            streams.do("send", "gate", *[f for one in orders(50) for f in frames("gate", [one])])
            time.sleep(1)
        other.close()

    thread = threading.Thread(target=disturb)
    thread.start()
    code, out, err = imbalance("collect", "BTC", "-x", "gate", "--for", "1500ms", "--json")
    thread.join()
    assert code == 0
    assert err.count("not saved yet: the store") == 1
    assert err.count("saved again after") == 1
    assert json.loads(out)["saved"] == 50
    assert stored(file)["gate"][0]["time_ms"].size == 50


def test_a_full_disk_ends_it_with_a_reason_and_keeps_what_was_saved(imbalance, streams, file):
    def disturb():
        streams.do("subscribed", "gate")
        for first in range(0, 4000, 200):
            streams.do("send", "gate", *[f for one in orders(200, first) for f in frames("gate", [one])])
            if not first:
                saved()

    def saved():
        """Wait until the first are saved: all at once would be more than the disk takes, and none of them kept."""
        while time.monotonic() < until:
            with (
                contextlib.suppress(sqlite3.Error),
                contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store,
            ):
                if store.execute("SELECT count(*) FROM liquidations").fetchone()[0]:
                    return
            time.sleep(0.02)

    until = time.monotonic() + 15
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    thread = threading.Thread(target=disturb)
    thread.start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        code, out, err = imbalance("collect", "BTC", "-x", "gate", "--for", "20s")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    thread.join()
    assert (code, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert f"the store {file}: the disk" in last
    assert "rows that were received were not saved" in last
    lost = int(last.split(";")[-1].split()[0].replace(",", ""))
    rows = stored(file)["gate"][0]
    assert 0 < rows["time_ms"].size <= 4000 - lost
    # The first of them, without a hole.
    assert sorted(rows["price"].tolist()) == [80_000.0 + n for n in range(rows["time_ms"].size)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(imbalance, home):
    (home / "imbalance").mkdir()
    (home / "imbalance").chmod(0o500)
    code, out, err = imbalance("collect", "BTC", "--once")
    assert (code, out, "Permission denied" in err) == (2, "", True)


def test_a_store_that_is_none(imbalance, file, monkeypatch):
    monkeypatch.setenv("IMBALANCE_DB", "mysql://x")
    assert imbalance("collect", "BTC", "--once")[0] == 2


def test_snapshots_are_of_open_interest_at_the_mark_price(imbalance, file):
    code, out, err = imbalance("collect", "BTC", "--once", "--snapshots", "--json")
    assert code == 0
    assert json.loads(out)["snapshots"] > 5, err
    found = stored(file, "open_interest")
    assert {"binance", "bybit", "okx"} <= set(found)
    for venue, (rows, _known, _missing, one) in found.items():
        assert (one.symbol, one.what, one.interval_ms) == ("BTC", "", 0)
        mark = rows["open_interest_usd"] / rows["open_interest_base"]
        assert mark == pytest.approx(82_500, rel=0.02), venue


@pytest.mark.parametrize("form", ["table", "text", "csv", "markdown"])
def test_the_answer_in_every_form(form, imbalance):
    code, out, _err = imbalance("collect", "BTC", "--once", "-q", "-f", form)
    assert code == 0
    told = [venue for venue in STREAMS if venue in out.replace("\\", "")]
    # Mail from cron is held to ten lines.
    if form == "text":
        assert len(out.splitlines()) <= 10
        assert told[:4] == list(STREAMS)[:4]
    else:
        assert told == list(STREAMS)
    assert all(len(line) <= 100 for line in out.splitlines() if form in {"table", "text"})


def test_the_schema_is_printed_without_collecting(imbalance, file):
    code, out, _err = imbalance("collect", "--json-schema")
    assert code == 0
    assert "CollectedStream" in out
    assert not file.exists()


def test_the_status_in_a_line():
    tallies = [
        Tally("okx", "okx", up=True, lag_s=0.4, gaps=2),
        Tally("gate", "gate", up=False, lag_s=1.26),
        Tally("htx", "htx", up=True),
    ]
    assert status_line(tallies, 12_345, 6.78) == (
        "2 of 3 streams up (down: gate); 6.8 a second; 12,345 saved; lag 1.3 s; gaps: okx 2"
    )
    assert status_line(tallies[2:], 0, 0.0) == "1 of 1 stream up; 0.0 a second; 0 saved"


def test_how_it_goes_is_told_a_minute_apart(monkeypatch):
    now_s, told = [1_000.0], []
    monkeypatch.setattr(collect.time, "monotonic", lambda: now_s[0])
    status = collect._Status(60, told.append)
    tally = Tally("okx", "okx", up=True, liquidations=30)
    for after_s, lines in ((59.9, 0), (60.0, 1), (119.9, 1), (120.0, 2)):
        now_s[0] = 1_000.0 + after_s
        status([tally], 5)
        assert len(told) == lines
    # Thirty in the first minute, none in the second.
    assert told == ["1 of 1 stream up; 0.5 a second; 5 saved", "1 of 1 stream up; 0.0 a second; 5 saved"]
    tally.liquidations = 31
    every = collect._Status(0, told.append)
    every([tally], 6)
    assert told[-1] == "1 of 1 stream up; 31,000.0 a second; 6 saved"


def test_it_ends_soon_where_it_is_asked_to_while_listings_are_read(env):
    with Exchange(delay_s=60) as slow, collecting({**env, **slow.environment}, "BTC") as process:
        while not slow.asked:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=50)
    assert (process.returncode, out) == (3, "")
    assert "no stream was subscribed" in err


def test_a_venue_that_lists_none_of_the_coins_is_left_out(imbalance):
    code, out, _err = imbalance("collect", "BONK", "--once", "-q", "--json", "-x", "gate", "-x", "bybit")
    assert code == 0
    document = json.loads(out)
    assert [s["name"] for s in document["streams"]] == ["bybit"]
    assert [(gap["source"], gap["message"], gap["failed"]) for gap in document["gaps"]] == [
        ("gate", "none of the coins is listed", False)
    ]


def test_a_damaged_store_is_named_and_not_written_to(imbalance, streams, file):
    assert imbalance("collect", "BTC", "--once", "-q")[0] == 0
    imbalance("db", "vacuum")
    before = file.read_bytes()
    file.write_bytes(before[:4096] + b"\xa5" * (len(before) - 4096))
    code, out, err = imbalance("collect", "BTC", "--once", "-q")
    assert (code, out) == (2, "")
    assert f"the store {file}" in err
    assert "bug" not in err
    assert file.read_bytes()[4096:] == b"\xa5" * (len(before) - 4096)
