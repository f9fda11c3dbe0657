"""Live runs save what they read, after the answer; nothing about the store stops one, and `db` looks after it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from concurrent.futures import Future

import imbalance_cli.app
import pytest
from imbalance_cli import context

from imbalance import read_bars, readings
from imbalance.collect import Options, collect
from imbalance.fetch.settings import SourceSettings
from imbalance.records import VenueLiquidations
from imbalance.remembered import History
from imbalance.store import loading, opening, reading, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import HOUR_MS
from imbalance.wire import Kind
from tests.support.exchange import NOW_MS, Exchange

KEYS = dict.fromkeys(("IMBALANCE_COINGLASS_KEY", "IMBALANCE_CRYPTOQUANT_KEY", "IMBALANCE_COINALYZE_KEY"), "k")


@pytest.fixture(scope="module")
def exchange():
    with Exchange(nearest=True) as running:
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
        "holders", "ratios",
    }  # fmt: skip
    assert all(first.values())
    assert file.stat().st_mode & 0o077 == 0
    again = imbalance("report", "-f", "text")[1]
    # What is stored has more to say of one figure.
    mood = "Extreme Fear"
    assert again.replace(f"{mood}, lowest of the 30 days known", mood) == out != again
    assert imbalance("report", "-f", "text")[1] == again
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


def test_what_was_not_asked_for_again_is_told_with_its_time(imbalance, monkeypatch):
    assert "as of" not in imbalance("fear-greed", "-f", "text", "-v")[2]
    monkeypatch.setattr(context, "now_ms", lambda: NOW_MS + 5 * 60_000)
    _code, out, err = imbalance("fear-greed", "--json", "-v")
    assert "fear_greed: ok, 0 requests, newest 2026-01-30T00:00:00Z; sentiment as of 2026-01-30T12:00:00Z\n" in err
    assert json.loads(out)["sources"][0]["kept"] == [{"what": "sentiment", "as_of": "2026-01-30T12:00:00Z"}]
    anew = imbalance("fear-greed", "--json", "--no-store")[1]
    assert (json.loads(anew)["sources"][0]["kept"], json.loads(anew)["sources"][0]["requests"]) == ([], 1)


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
        "import atexit, sys; sys.argv = ['imbalance', 'report', '--replay', 'article', '-f', 'text']\n"
        "of_a_store = 'sqlalchemy', 'imbalance.store'\n"
        "atexit.register(lambda: print(sorted(m for m in sys.modules if m.startswith(of_a_store))))\n"
        "from imbalance_cli.app import program; program()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


FEW = ("--venue", "binance", "--venue", "okx", "-f", "json")


def asked(exchange, imbalance, *words):
    exchange.asked.clear()
    answer = imbalance(*words)
    return [path.rpartition("/")[2] for _source, path, _query in exchange.asked], answer


def test_a_second_report_asks_for_what_is_new(imbalance, exchange):
    first, (_code, before, _err) = asked(exchange, imbalance, "clusters", *FEW)
    second, (code, after, err) = asked(exchange, imbalance, "clusters", *FEW)
    assert (code, err) == (0, "")
    assert (first.count("history-candles"), second.count("history-candles")) == (10, 1)
    assert (first.count("klines"), second.count("klines")) == (2, 1)
    # No level is due before the next quarter of an hour.
    assert (first.count("openInterestHist"), second.count("openInterestHist")) == (6, 0)
    told = [json.loads(answer) for answer in (before, after)]
    for document in told:
        del document["sources"]
    assert told[0] == told[1]
    assert asked(exchange, imbalance, "clusters", "--no-store", *FEW)[0].count("klines") == 2


def test_a_recording_holds_all_that_it_needs(imbalance, exchange, home):
    imbalance("clusters", *FEW)
    again, (_code, live, _err) = asked(exchange, imbalance, "clusters", "--record", str(home / "kept"), *FEW)
    assert again.count("klines") == 2
    replayed = json.loads(imbalance("clusters", "--replay", str(home / "kept"), *FEW)[1])
    assert replayed["map"] == json.loads(live)["map"]


def test_a_store_that_another_writes_to_is_read(imbalance, exchange, file):
    imbalance("clusters", *FEW)
    held = _locked(file)
    paths, (code, _out, err) = asked(exchange, imbalance, "clusters", *FEW)
    held.close()
    assert (code, err) == (0, f"imbalance: note: not saved: the store {file}: another process is writing to it\n")
    assert paths.count("klines") == 1


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_no_database, "it is no SQLite database, or a damaged one"),
        (_newer, "it has schema 99, which is newer than this program's (1)"),
        (_not_writable, "it is no regular file"),
    ],
)
def test_a_report_goes_on_without_a_store_that_cannot_be_read(damage, told, imbalance, exchange, file):
    imbalance("fear-greed")
    damage(file)
    paths, (code, _out, err) = asked(exchange, imbalance, "clusters", *FEW)
    assert (code, err) == (0, f"imbalance: note: neither read nor saved: the store {file}: {told}\n")
    assert paths.count("klines") == 2


def test_a_source_that_fails_is_not_told_from_what_it_said_before(imbalance, exchange):
    imbalance("clusters", *FEW)
    exchange.faults["okx"] = "500"
    try:
        told = json.loads(imbalance("clusters", *FEW)[1])
    finally:
        exchange.faults.clear()
    assert [venue["name"] for venue in told["venues"]] == ["binance"]


def test_the_past_is_told_as_it_was_known(imbalance, exchange, monkeypatch):
    moment = ("--as-of", "2026-01-30T12:00:00Z")
    assert imbalance("clusters", *moment, *FEW)[0] == 2
    live = json.loads(imbalance("clusters", *FEW)[1])
    paths, (code, before, _err) = asked(exchange, imbalance, "clusters", *moment, *FEW)
    told = json.loads(before)
    assert (code, paths, told["mode"], told["as_of"]) == (0, [], "store", "2026-01-30T12:00:00Z")
    assert [venue["name"] for venue in told["venues"]] == [venue["name"] for venue in live["venues"]]
    # The mark price is not kept: it is the last close.
    assert told["price"] == pytest.approx(live["price"], rel=1e-3)
    # What is read an hour later changes nothing; what had not been learned is not known.
    monkeypatch.setattr(context, "now_ms", lambda: NOW_MS + HOUR_MS)
    imbalance("clusters", *FEW)
    assert imbalance("clusters", *moment, *FEW)[1] == before
    code, _out, err = imbalance("clusters", "--as-of", "2026-01-30T11:59:00Z", *FEW)
    assert (code, "nothing of BTC that was known at 2026-01-30T11:59:00Z is stored" in err) == (3, True)
    for words in (("--no-store",), ("--replay", "article"), ("--record", "x")):
        assert imbalance("clusters", *moment, *words, *FEW)[0] == 2
    assert imbalance("clusters", "--as-of", "2026-02-30T12:00:00Z", *FEW)[0] == 2
    assert "is yet to come" in imbalance("clusters", "--as-of", "2026-02-20T12:00:00Z", *FEW)[2]


def _alternating(days, until_ms):
    """Return an order of a coin an hour, of one side and then of the other."""
    hours = range(24 * days)
    return [(until_ms - hour * HOUR_MS, "long" if hour % 2 else "short", 1.0) for hour in hours]


def _seen(days, until_ms):
    """Return orders that make up what the scenario's aggregator saw of Binance."""
    found = collect(Options(replay="article"), SourceSettings({}), 0, {Kind.VENUE_LIQUIDATIONS}).harvests
    rows = [row for h in found for row in h.of(VenueLiquidations) if row.venue == "binance"]
    late = [row for row in rows if until_ms - days * 24 * HOUR_MS <= row.time_ms < until_ms]
    sides = [(row.time_ms, side, getattr(row, f"{side}_usd")) for row in late for side in ("long", "short")]
    return [(time_ms, side, usd / 80_000.0) for time_ms, side, usd in sides if usd]


def _recorded(file, days, until_ms, orders=_alternating):
    """Store what a recording of Binance's stream would."""
    series = Series("liquidations", "binance", "binance", "BTC", "BTCUSDT", "linear")
    plain = {"price": 80_000.0, "order_id": "", "nth": 0}
    rows = [
        plain | {"time_ms": time_ms, "position": side, "quantity_base": quantity}
        for time_ms, side, quantity in orders(days, until_ms)
    ]
    with opening.opened(str(file), make=True) as store, store.writing() as connection:
        batch = Batch(series, rows, [(until_ms - days * 24 * HOUR_MS, until_ms)])
        writing.save(connection, [batch], until_ms)


@pytest.mark.parametrize(("days", "calibrates"), [(6, False), (28, True)])
def test_the_map_calibrates_on_what_was_recorded(days, calibrates, imbalance, file, monkeypatch):
    monkeypatch.delenv("IMBALANCE_COINALYZE_KEY")
    imbalance("fear-greed")
    _recorded(file, days, NOW_MS - 60_000, _seen)
    told = json.loads(imbalance("clusters", "--venue", "binance", "-f", "json")[1])
    assert any("as recorded here" in note for note in told["venues"][0]["notes"]) == calibrates
    assert told["model"]["calibrated"] == calibrates


def test_a_recorded_day_is_told_where_it_is_whole(imbalance, file):
    imbalance("fear-greed")
    _recorded(file, 2, NOW_MS - 60_000)
    told = json.loads(imbalance("liquidations", "--venue", "binance", "-f", "json")[1])
    [row] = [row for row in told["liquidations"]["observed"] if row["source"] == "binance"]
    assert (row["whole_day"], row["long_usd"], row["short_usd"]) == (True, 12 * 80_000.0, 12 * 80_000.0)
    assert not any(gap["source"] == "binance" for gap in told["gaps"])


def test_a_recording_that_has_stopped_tells_no_day(imbalance, file):
    imbalance("fear-greed")
    _recorded(file, 2, NOW_MS - 3 * 60_000)
    told = json.loads(imbalance("liquidations", "--venue", "binance", "-f", "json")[1])
    assert [row for row in told["liquidations"]["observed"] if row["source"] == "binance"] == []


def test_a_folder_of_months_is_read_as_one_file(imbalance, home):
    pytest.importorskip("pyarrow")
    imbalance("clusters", *FEW)
    file, folder = home / "bars.csv", home / "kept"
    assert imbalance("db", "export", "-o", str(file))[:2] == (0, f"{file}: 5,760 rows\n")
    for words in ((), ("--all",)):
        assert imbalance("db", "export", "-o", str(folder), *words)[:2] == (0, f"{folder}: 5,760 rows\n")
    assert sorted(str(place.relative_to(folder)) for place in folder.rglob("*.parquet")) == [
        "symbol=BTC/month=2025-12/bars.parquet",
        "symbol=BTC/month=2026-01/bars.parquet",
    ]
    assert _arrays(read_bars(folder, symbol="BTC")) == _arrays(read_bars(file, symbol="BTC"))
    early = "2026-01-10T00:00:00Z"
    assert imbalance("clusters", "--bars", str(folder), "--as-of", early, *FEW[-2:])[0] == 0
    code, _out, err = imbalance("clusters", "ETH", "--bars", str(folder))
    assert (code, f"{folder}: nothing of ETH: it holds BTC" in err) == (2, True)
    assert imbalance("db", "export", "--all", "-o", str(file))[0] == 2
    assert imbalance("db", "export", "ETH", "-o", str(folder))[0] == 3
    (folder / "symbol=BTC" / "month=2026-01" / "bars.parquet").write_bytes(b"PAR1 not")
    assert "month=2026-01/bars.parquet: damaged Parquet" in imbalance("clusters", "--bars", str(folder))[2]


def _arrays(market):
    """Return all that a market holds, in a form that can be compared."""
    venues = [(v.name, v.contract, *(getattr(v, name).tobytes() for name in SERIES)) for v in market.venues]
    return market.time_ms.tobytes(), market.close.tobytes(), venues


SERIES = ("path", "volume_base", "taker_buy_base", "open_interest_base", "long_liquidations_base")


def test_a_figure_is_told_against_all_that_is_stored(imbalance, file):
    imbalance("fear-greed")
    moods = [
        {"time_ms": NOW_MS - 12 * HOUR_MS - day * 24 * HOUR_MS, "value": 10.0 if day == 99 else 50.0, "label": "x"}
        for day in range(31, 150)
    ]
    with opening.opened(str(file)) as store, store.writing() as connection:
        batch = Batch(Series("sentiment", "fear_greed", interval_ms=24 * HOUR_MS), moods)
        writing.save(connection, [batch], NOW_MS)
    for words in ((), ("--as-of", "2026-01-30T12:00:00Z")):
        told = json.loads(imbalance("report", *FEW, *words)[1])
        [row] = [row for row in told["metrics"] if row["id"] == "fear_greed"]
        assert row["significance"] == "Extreme Fear, lowest since October 2025"
    assert "lowest" not in imbalance("report", "--no-store", *FEW)[1]


def test_open_interest_beyond_the_reach_of_an_exchange_comes_from_the_store(exchange, file, home):
    days, step_ms = 60, HOUR_MS // 4
    start_ms = NOW_MS - days * 24 * HOUR_MS
    times = range(start_ms, NOW_MS, step_ms)
    rows = [{"time_ms": t, "open_interest_base": 90_000.0, "open_interest_usd": None} for t in times]
    series = Series("open_interest", "binance", "binance", "BTC", "BTCUSDT", "linear", interval_ms=step_ms)
    file.parent.mkdir(parents=True)
    with opening.opened(str(file), make=True) as store, store.writing() as connection:
        writing.save(connection, [Batch(series, rows, [(start_ms, NOW_MS)])], NOW_MS)
    exchange.asked.clear()
    options = Options(venues=("binance",), lookback_ms=days * 24 * HOUR_MS, history=History(str(file)))
    [harvest] = collect(options, exchange.settings, NOW_MS, {Kind.OPEN_INTEREST_HISTORY, Kind.OPEN_INTEREST}).harvests
    found = readings.open_interest_history(harvest)
    assert (found[0].time_ms, found[-1].time_ms) == (start_ms, NOW_MS)
    assert [row.time_ms for row in found] == list(range(start_ms, NOW_MS + 1, step_ms))
    assert sum(path.endswith("openInterestHist") for _source, path, _query in exchange.asked) == 1


def test_a_store_that_does_not_answer_is_not_waited_for(exchange, file, monkeypatch):
    monkeypatch.setattr(loading, "recalling", lambda *_given: Future())
    told = []
    options = Options(venues=("binance",), timeout_s=1.0, history=History(str(file), told.append))
    [harvest] = collect(options, exchange.settings, NOW_MS, {Kind.CANDLES}).harvests
    assert len(harvest.candles) == 2880
    assert [str(error) for error in told] == ["the store did not answer within 0.3 s"]


def test_days_are_asked_for_once_a_day(imbalance, exchange, monkeypatch):
    def daily(words):
        exchange.asked.clear()
        told = json.loads(imbalance("report", *FEW, *words)[1])
        return told["volume"], [
            query for source, _path, query in exchange.asked if source in FEW and "=1d" in query.lower()
        ]

    first, many = daily(())
    again, none = daily(())
    assert (len(many), none) == (4, [])
    # Today is what its bars add up to.
    assert again["total_month_usd"] == pytest.approx(first["total_month_usd"])
    monkeypatch.setattr(context, "now_ms", lambda: NOW_MS + 13 * HOUR_MS)
    assert len(daily(())[1]) == len(many)


def test_rows_that_cannot_be_cost_one_line(imbalance, exchange, file):
    imbalance("liquidations", *FEW)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as store:
        store.execute("UPDATE liquidations SET position = 'sideways'")
    code, _out, err = imbalance("liquidations", *FEW)
    assert (code, err.count("\n")) == (0, 1)
    assert f"not read: the store {file}: it holds what cannot be: 'sideways'" in err
    assert imbalance("clusters", "--as-of", "2026-01-30T12:00:00Z", *FEW)[0] in {2, 3}
