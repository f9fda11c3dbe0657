"""`signals` and `backtest` as a user runs them: every format, own bars and stored ones, and what cannot be."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import imbalance_cli.app
import msgspec
import numpy as np
import pytest

from imbalance.report import tree
from imbalance.store import opening, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS, iso, parse_time_ms
from tests.support.walks import START_MS, history, walk


@pytest.fixture
def imbalance(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["imbalance", *map(str, words)])
        code = 0
        try:
            imbalance_cli.app.main()
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return run


COLUMNS = (
    "time,venue,open,high,low,close,volume_base,taker_buy_base,open_interest_base,"
    "long_liquidations_base,short_liquidations_base"
)


def write(file, market, *, interest=True, volume_base=100.0):
    venue = market.venues[0]
    rows = zip(
        market.time_ms, market.open, market.high, market.low, market.close, venue.open_interest_base,
        venue.long_liquidations_base, venue.short_liquidations_base, strict=True,
    )  # fmt: skip
    traded = volume_base * (1 + np.sin(np.arange(market.time_ms.size)) / 10)
    lines = [
        f"{iso(int(t))},binance,{o},{h},{low},{c},{traded[i]},,{oi if interest else ''},{long},{short}"
        for i, (t, o, h, low, c, oi, long, short) in enumerate(rows)
    ]
    file.write_text("\n".join([COLUMNS, *lines]) + "\n")
    return file


@pytest.fixture
def bars(tmp_path):
    return write(tmp_path / "sol.csv", walk(6, 60))


def test_signals_of_own_bars_say_what_they_do_not_know(imbalance, bars):
    code, out, _err = imbalance("signals", "SOL", "--bars", bars, "--json")
    assert code == 0
    found = json.loads(out)
    msgspec.convert(found, tree.SignalsReport)
    assert (found["mode"], found["symbol"]) == ("bars", "SOL")
    ids = {s["id"] for s in found["signals"]}
    assert {"drawdown", "quadrant_24h", "sweep", "spring", "sweep_high", "upthrust", "liquidations_24h"} <= ids
    assert not {"fear_greed", "funding_8h", "quoted_bands", "month_volume"} & ids
    states = {c["id"]: c["state"] for c in found["checklists"][0]["conditions"]}
    assert states["extreme_sentiment"] == states["holders"] == "unknown"
    assert found["sweeps"]


@pytest.mark.parametrize("kind", ["table", "markdown", "html"])
def test_every_signal_with_events_is_told_with_how_many_and_that_they_are_too_few(imbalance, bars, kind):
    _code, out, _err = imbalance("signals", "SOL", "--bars", bars, "-f", kind, "--width", "100")
    found = json.loads(imbalance("signals", "SOL", "--bars", bars, "--json")[1])
    rates = [s["base_rate"] for s in found["signals"] if s["base_rate"]]
    few = ", ".join(f"{r['signal']} {r['events']}" for r in rates if r["event_return"] is None)
    assert few
    assert f"too few events to say in 60 days of bars ({few})" in " ".join(out.split())


def test_sweeps_of_another_year_are_told_with_it(imbalance, tmp_path):
    market = walk(6, 60)
    old = msgspec.structs.replace(
        market, time_ms=market.time_ms - market.time_ms[-1] + parse_time_ms("2026-01-20T00:00:00Z")
    )
    _code, out, _err = imbalance("signals", "SOL", "--bars", write(tmp_path / "old.csv", old), "--width", "120")
    rows = re.findall(r"^(?:lows|highs) +(\S+) \S+ +(\S+) ", out, re.MULTILINE)
    assert {len(time) for row in rows for time in row} == {5, 10}
    assert all(time[:5] == "2025-" for row in rows for time in row if len(time) == 10)


@pytest.mark.parametrize("kind", ["table", "text", "markdown", "csv"])
def test_signals_in_every_format(imbalance, bars, kind):
    code, out, _err = imbalance("signals", "SOL", "--bars", bars, "-f", kind, "--width", "80")
    assert code == 0
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert {r["section"] for r in rows} >= {"signals", "sweeps", "checklists", "risks"}
        (fall,) = [r for r in rows if r["name"] == "drawdown" and r["field"] == "value"]
        assert (fall["unit"], fall["kind"], fall["source"]) == ("fraction", "observed", "binance")
        assert float(fall["value"]) <= 0
        states = {r["name"]: r["value"] for r in rows if r["section"] == "checklists" and r["field"] == "state"}
        assert len(states) == 8
        assert states["rally.extreme_sentiment"] == "unknown"
        sweeps = {r["name"] for r in rows if r["section"] == "sweeps"}
        assert len(sweeps) > 1
        assert any(r["name"] == "sweep" and r["field"] == "base_rate.text" for r in rows)
        return
    assert "conditions of a rally that squeezes shorts" in " ".join(out.split())
    if kind == "text":
        assert len(out.splitlines()) <= 10
        assert max(map(len, out.splitlines())) <= 100
    else:
        assert "Price since its high" in out
        assert "No figure here tells of news" in " ".join(out.split())
    if kind == "table":
        assert max(map(len, out.splitlines())) <= 80


def test_a_study_on_own_bars_needs_no_open_interest(imbalance, tmp_path):
    one, other = (
        write(tmp_path / f"{name}.csv", walk(seed, 60), interest=False) for name, seed in (("a", 1), ("eth", 2))
    )
    code, out, err = imbalance("backtest", "sweep", "BTC", "--bars", one, "--bars", other, "--json")
    left_out = "nothing is told of 7d: no whole number of its 1h bars, or longer than a tenth of these 1,440"
    assert (code, err) == (0, "".join(f"imbalance: note: {symbol}: {left_out}\n" for symbol in ("BTC", "ETH")))
    found = json.loads(out)
    msgspec.convert(found, tree.BacktestReport)
    assert (found["schema"], found["mode"], found["symbol"]) == ("imbalance.backtest/1", "bars", "BTC ETH")
    assert [m["symbol"] for m in found["markets"]] == ["BTC", "ETH"]
    assert {(m["bars"], m["interval"]) for m in found["markets"]} == {(1440, "1h")}
    assert all(len(m["fired"]) == m["events"] > 0 for m in found["markets"])
    assert found["verdict"]["text"].startswith("No evidence")
    assert {o["horizon"] for o in found["outcomes"]} == {"1h", "4h", "12h", "1d", "3d"}


@pytest.mark.parametrize("kind", ["table", "text", "markdown", "csv"])
def test_a_study_in_every_format(imbalance, bars, kind):
    code, out, _err = imbalance("backtest", "sweep", "SOL", "--bars", bars, "-f", kind)
    assert code == 0
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert any(r["section"] == "outcomes" and r["name"] == "SOL return 1d" for r in rows)
        assert any(r["section"] == "verdict" and r["field"] == "text" for r in rows)
    else:
        assert "No evidence: too few events of sweep to tell anything (SOL" in " ".join(out.split())


def test_bars_after_a_moment_do_not_count(imbalance, bars):
    early = iso(START_MS + 30 * DAY_MS)
    whole = json.loads(imbalance("backtest", "sweep", "SOL", "--bars", bars, "--json")[1])["markets"][0]
    part = json.loads(imbalance("backtest", "sweep", "SOL", "--bars", bars, "--as-of", early, "--json")[1])
    assert part["as_of"] == early
    assert part["markets"][0]["fired"] == [t for t in whole["fired"] if t <= early]
    assert 0 < part["markets"][0]["events"] < whole["events"]


def test_what_cannot_be_studied_is_told(imbalance, bars):
    for words, code, told, hint in (
        (["sweap"], 2, "no signal 'sweap' that has events", "Did you mean sweep?"),
        (["xyz"], 2, "no signal 'xyz' that has events", "There are sweep, sweep-high"),
        (["rally", "SOL", "--bars", bars], 3, "rally needs the Fear & Greed index and funding", "Live runs store"),
        (["sweep", "A", "B", "--bars", bars], 2, "2 coins for 1 files of bars", "one --bars for each"),
        (["sweep", "--bars", bars, "--bars", bars], 2, "two of the markets have the same name", "Name the coin"),
        (["sweep"], 2, "there is no store yet", "A live run makes one"),
        (["sweep", "--bars", bars, "--replay", "article"], 2, "No such option: --replay", ""),
    ):
        found, out, err = imbalance("backtest", *words)
        assert (found, out) == (code, ""), words
        assert told in err
        assert hint in err


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a store with 70 days of hourly bars of BTC, the index and funding."""
    own = history(6, 70)
    market, venue = own.market, own.market.venues[0]
    candle = Series("candles", "binance", "binance", "BTC", "BTCUSDT", "linear", interval_ms=HOUR_MS)
    names = ("open", "high", "low", "close")
    candles = [
        {"time_ms": int(t), **dict(zip(names, map(float, row), strict=True)), "volume_base": 9.0}
        | {"volume_usd": None, "taker_buy_base": None}
        for t, *row in zip(market.time_ms, *(getattr(market, name) for name in names), strict=True)
    ]
    interest = [
        {"time_ms": int(t) + HOUR_MS, "open_interest_base": float(v), "open_interest_usd": None}
        for t, v in zip(market.time_ms, venue.open_interest_base, strict=True)
    ]
    mood = [
        {"time_ms": int(t), "value": float(v), "label": "x"}
        for t, v in zip(own.mood.time_ms, own.mood.values, strict=True)
    ]
    funding = [
        {"time_ms": int(t), "rate": float(v) / 2, "interval_hours": 4.0, "next_time_ms": None}
        for t, v in zip(own.funding.time_ms, own.funding.values, strict=True)
    ]
    file = tmp_path / "history.db"
    with opening.opened(str(file), make=True) as opened, opened.writing() as connection:
        batches = [
            Batch(candle, candles),
            Batch(candle._replace(data="open_interest", interval_ms=HOUR_MS), interest),
            Batch(Series("sentiment", "fear_greed", interval_ms=DAY_MS), mood),
            Batch(candle._replace(data="funding", interval_ms=0), funding),
        ]
        writing.save(connection, batches, int(market.as_of_ms))
    monkeypatch.setenv("IMBALANCE_DB", str(file))
    return own


def test_a_study_on_stored_bars_knows_what_is_stored_beside_them(imbalance, store):
    from imbalance.signals.events import DEFINITIONS

    for signal in ("fear", "rally", "new-shorts"):
        code, out, err = imbalance("backtest", signal, "--interval", "1h", "--json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert (found["mode"], found["markets"][0]["place"]) == ("store", "the local history")
        venue = msgspec.structs.replace(
            store.market.venues[0], long_liquidations_base=np.full(1680, np.nan),
            short_liquidations_base=np.full(1680, np.nan),
        )  # fmt: skip
        bare = msgspec.structs.replace(store, market=msgspec.structs.replace(store.market, venues=(venue,)))
        fired = DEFINITIONS[signal].detect(bare).fired
        closes = [iso(int(t)) for t in bare.close_ms[fired]]
        assert found["markets"][0]["fired"] == closes
        assert closes


def test_a_live_run_takes_base_rates_from_the_longer_history(imbalance, tmp_path, monkeypatch):
    from imbalance_cli import context

    from tests.support.exchange import NOW_MS, Exchange

    quarter_ms = HOUR_MS // 4
    own = walk(3, 70)
    series = Series("candles", "binance", "binance", "BTC", "BTCUSDT", "linear", interval_ms=quarter_ms)
    rows = [
        {"time_ms": int(START_MS + i * quarter_ms), "open": c, "high": c * 1.001, "low": c * 0.999, "close": c}
        | {"volume_base": 1.0, "volume_usd": None, "taker_buy_base": None}
        for i, c in enumerate(map(float, own.close))
    ]
    file = tmp_path / "long.db"
    with opening.opened(str(file), make=True) as opened, opened.writing() as connection:
        writing.save(connection, [Batch(series, rows)], NOW_MS)
    monkeypatch.setattr(context, "now_ms", lambda: NOW_MS)
    with Exchange() as exchange:
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("IMBALANCE_DB", str(file))
        days = []
        for left_alone in (["--no-store"], []):
            code, out, _err = imbalance("signals", "BTC", "--json", *left_alone)
            assert code == 0
            rates = {s["id"]: s["base_rate"] for s in json.loads(out)["signals"] if s["base_rate"]}
            days.append(rates["sweep"]["history_days"])
    assert days == [30, pytest.approx(own.close.size / 96)]


def test_stored_bars_that_are_not_there(imbalance, store):
    code, _out, err = imbalance("backtest", "fear", "ETH", "--interval", "1h")
    assert code == 3
    assert "no 1h bars of ETH are stored" in err
    assert imbalance("backtest", "fear", "--interval", "1h", "--as-of", "2020-01-01")[0] == 3
    assert store.market.symbol == "BTC"


def test_the_store_is_the_past_that_figures_are_held_against(store, monkeypatch):
    import os

    from imbalance import history as local

    past = local.past(os.environ["IMBALANCE_DB"], "BTC")
    assert past.mood.values.tolist() == store.mood.values.tolist()
    assert past.funding_8h["binance"].values == pytest.approx(store.funding.values)
    assert past.accounts_long == {}
    assert local.past(os.environ["IMBALANCE_DB"], "ETH").funding_8h == {}
    assert local.past("/nowhere/at/all.db", "BTC").mood.values.size == 0
