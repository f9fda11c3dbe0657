"""Budgets that all runs share: never more than allowed in any period, whoever asks."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from imbalance.collect import Options, chosen
from imbalance.errors import MissingDataError
from imbalance.fetch import budget
from imbalance.fetch.budget import Budgets, shared_file
from imbalance.service import report
from tests.support.exchange import NOW_MS, SOURCES, Exchange


@pytest.fixture
def clock(monkeypatch):
    now = [1_000_000.0]
    monkeypatch.setattr("imbalance.fetch.budget.time.time", lambda: now[0])
    return now


@pytest.mark.parametrize("late", [0.0, 3.0, 25.0])
def test_no_window_ever_holds_more_than_is_allowed(late, clock, tmp_path):
    """However long an answer takes, the exchange sees its request at some moment between."""
    budgets, generator = Budgets(tmp_path / "b.db"), random.Random(1)  # noqa: S311
    seen, flying = [], []
    for _ in range(1500):
        number, wait = budgets.reserve("x", 3.0, 50.0, 10.0)
        if number:
            answer = clock[0] + generator.random() * late
            seen.append(clock[0] + generator.random() * (answer - clock[0]))
            flying.append((answer, number))
        clock[0] += min(max(wait, 0.05), 0.3)
        for answer, known in [f for f in flying if f[0] <= clock[0]]:
            budgets.answered(known, 10.0)
            flying.remove((answer, known))
    assert len(seen) > 30
    for start in seen:
        assert 3.0 * sum(start <= at < start + 10.0 for at in seen) <= 50.0


def test_the_wait_told_is_enough_and_not_more(clock, tmp_path):
    budgets = Budgets(tmp_path / "b.db")
    for _ in range(9):
        number, _wait = budgets.reserve("x", 1.0, 10.0, 60.0)
        budgets.answered(number, 60.0)
        clock[0] += 1
    _none, wait = budgets.reserve("x", 1.0, 10.0, 60.0)
    assert wait == pytest.approx(51, abs=0.01)
    clock[0] += wait - 0.5
    assert budgets.reserve("x", 1.0, 10.0, 60.0)[1] > 0
    clock[0] += 0.6
    assert budgets.reserve("x", 1.0, 10.0, 60.0)[0]
    assert budgets.reserve("other", 1.0, 10.0, 60.0)[0]


def test_what_the_exchange_counts_and_asks_is_heeded(clock, tmp_path):
    mine, other = Budgets(tmp_path / "b.db"), Budgets(tmp_path / "b.db")
    mine.told("x", 2200.0, 60.0)
    mine.told("x", 1000.0, 60.0)
    assert other.used("x") == 2200
    assert other.reserve("x", 10.0, 2400.0, 60.0)[1] == pytest.approx(60)
    mine.pause("y", 30.0)
    mine.pause("y", 5.0)
    assert other.reserve("y", 1.0, 100.0, 60.0)[1] == other.paused_s("y") == pytest.approx(30)


def test_where_others_leave_no_room_nothing_is_known_and_one_looks_again(tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "BUSY_S", 0.02)
    budgets, other = Budgets(tmp_path / "b.db"), sqlite3.connect(tmp_path / "b.db", isolation_level=None)
    budgets.told("x", 70.0, 60.0)
    budgets.pause("x", 30.0)
    other.execute("BEGIN IMMEDIATE")
    assert (budgets.used("x"), budgets.paused_s("x")) == (0.0, 0.0)
    assert budgets.reserve("y", 1.0, 100.0, 60.0) == (0, budget.LOOK_AGAIN_S)
    other.execute("COMMIT")
    assert budgets.used("x") == 70
    assert budgets.paused_s("x") > 29


def test_what_a_killed_process_left_counts_for_its_period_alone(tmp_path):
    file = tmp_path / "b.db"
    code = (
        "import os, sys; from pathlib import Path; from imbalance.fetch.budget import Budgets;"
        "b = Budgets(Path(sys.argv[1])); [b.reserve('x', 1.0, 10.0, 0.2) for _ in range(9)]; os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(file)], check=False).returncode == -9
    budgets = Budgets(file)
    _none, wait = budgets.reserve("x", 1.0, 10.0, 0.2)
    assert 0 < wait < 0.21
    time.sleep(0.25)
    assert budgets.reserve("x", 1.0, 10.0, 0.2)[0]


def test_a_file_that_cannot_be_used_is_no_reason_to_fail(tmp_path):
    (tmp_path / "damaged.db").write_bytes(b"this is no database" * 100)
    (tmp_path / "folder").write_text("a file where a folder should be")
    for file in (tmp_path / "damaged.db", tmp_path / "folder" / "b.db", None):
        budgets = Budgets(file)
        assert budgets.reserve("x", 1.0, 10.0, 60.0)[0]
        assert budgets.used("x") == 1


def place(budgets):
    return budgets._store.execute("PRAGMA database_list").fetchone()[2]


def test_a_damaged_file_is_made_anew_and_shared_again(tmp_path):
    file = tmp_path / "b.db"
    file.write_bytes(b"this is no database" * 100)
    first, second = Budgets(file), Budgets(file)
    first.pause("x", 9.0)
    assert second.paused_s("x") > 8


def test_all_who_start_at_once_share_the_file(tmp_path):
    for turn in range(20):
        file, gate, found = tmp_path / f"{turn}.db", threading.Barrier(10), []

        def start(file=file, gate=gate, found=found):
            gate.wait()
            budgets = Budgets(file)
            found.append(place(budgets))
            budgets.close()

        threads = [threading.Thread(target=start) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 10
        assert all(found), "one of them has a budget of its own"


def test_a_disk_that_fills_up_leaves_a_budget_of_ones_own(tmp_path):
    budgets = Budgets(tmp_path / "b.db")
    pages = budgets._store.execute("PRAGMA page_count").fetchone()[0]
    budgets._store.execute(f"PRAGMA max_page_count = {pages}")
    granted = sum(bool(budgets.reserve("x" * 200, 1.0, 1000.0, 60.0)[0]) for _ in range(950))
    assert 850 <= granted <= 950
    budgets.pause("y", 5.0)
    assert budgets.paused_s("y") > 4


def test_attempts_that_reach_no_server_use_up_nothing(home):
    """Three reports in a row, every address refusing: none of them leaves anything that the next must wait for."""
    for _ in range(3):
        with Exchange(dict.fromkeys(SOURCES, "refused")) as exchange, pytest.raises(MissingDataError):
            report(Options(timeout_s=60.0), exchange.settings, NOW_MS, lambda _h: None)
        rows = sqlite3.connect(shared_file()).execute(
            "SELECT budget FROM asked WHERE until > ? OR flown_by > 0", (time.time(),)
        )
        assert rows.fetchall() == []


@pytest.mark.parametrize("fault", ["reset", "garbage", "never"])
def test_attempts_that_may_have_reached_the_server_count(fault, home):
    with Exchange(dict.fromkeys(SOURCES, fault)) as exchange, pytest.raises(MissingDataError):
        report(Options(venues=("kraken",), timeout_s=0.5), exchange.settings, NOW_MS, lambda _h: None)
    held = Budgets(shared_file())
    assert held.used(f"kraken {exchange.settings['IMBALANCE_KRAKEN_URL']} ") >= 1


class Counting(Exchange):
    """Counts weight as the sources' budgets say, tells Binance's, and bans whoever asks for more."""

    def __init__(self):
        super().__init__()
        self.lock, self.seen, self.banned = threading.Lock(), {}, []
        self.sources = {s.name: s for s in chosen(())}

    async def _answer(self, writer, source, path, query):
        endpoint = self._endpoint(source, path, query)
        budget = endpoint.budget or self.sources[source].budget
        key, now = (source, endpoint.path if endpoint.budget else ""), time.monotonic()
        with self.lock:
            window = [(at, w) for at, w in self.seen.get(key, []) if at > now - budget.period_s]
            window.append((now, endpoint.weight))
            self.seen[key] = window
            used = sum(w for _at, w in window)
            if used > budget.weight:
                self.banned.append(key)
        return await super()._answer(writer, source, path, query)

    def _endpoint(self, source, path, query):
        """Return the endpoint that a request is of; of several that it may be the heaviest."""
        posted = json.loads(query) if query.startswith("{") else None
        kind = None
        if posted is not None:
            daily = posted.get("req", {}).get("interval") == "1d"
            kind = "daily candles" if daily else "candles" if "req" in posted else "instruments"
        fits = [
            e
            for e in self.sources[source].endpoints
            if path.startswith(e.path.split("{")[0]) and ("{" in e.path or e.path == path) and kind in {None, e.name}
        ]
        return max(fits, key=lambda e: e.weight)


def test_ten_reports_at_once_trip_no_limit(home):
    with Counting() as exchange:
        command = [
            sys.executable,
            "-c",
            "from imbalance_cli.app import program; program()",
            "report",
            "-f",
            "text",
            "-q",
        ]
        keys = {f"IMBALANCE_{s.name.upper()}_KEY": "k" for s in exchange.sources.values() if s.key_header}
        places = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
        environment = {"PATH": "/usr/bin:/bin", **exchange.environment, **keys, **places}
        runs = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(10)
        ]
        codes = {run.wait(120) for run in runs}
        for run in runs:
            run.stdout.close()
            run.stderr.close()
        asked = len(exchange.asked)
    assert not exchange.banned
    assert asked > 500
    assert codes <= {0, 3}


def test_no_pause_is_longer_than_the_longest_ban(clock, tmp_path):
    budgets = Budgets(tmp_path / "b.db")
    budgets.pause("x", 9e99)
    assert budgets.paused_s("x") == 3 * 86_400
    budgets.pause("y", 60.0)
    clock[0] += 20
    assert budgets.paused_s("y") == pytest.approx(40)
