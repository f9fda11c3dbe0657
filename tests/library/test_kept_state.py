"""What a run keeps for the next, damaged by hand: it is made anew or left alone, and stops no run."""

from __future__ import annotations

import os
import sqlite3

import pytest

from imbalance import history, service
from imbalance.collect import Options
from imbalance.fetch import last_good
from imbalance.fetch.budget import SCHEMA, Budgets
from imbalance.fetch.settings import SourceSettings
from imbalance.store import opening, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import HOUR_MS, iso
from tests.support.exchange import NOW_MS, Exchange


@pytest.fixture
def kept(home):
    file = last_good._file()
    file.parent.mkdir(parents=True)
    return file


def test_budgets_count_no_row_that_holds_text(tmp_path):
    file = tmp_path / "budgets.db"
    with sqlite3.connect(file) as store:
        store.executescript(SCHEMA)
        store.execute("INSERT INTO asked (budget, until, weight, flown_by) VALUES ('x', 'never', 'heavy', 'me')")
        store.execute("INSERT INTO asked (budget, until, weight, flown_by) VALUES ('x', 9e9, 1, 'me')")
        store.execute("INSERT INTO paused VALUES ('x', 'never')")
    store.close()
    budgets = Budgets(file)
    assert (budgets.used("x"), budgets.paused_s("x")) == (0, 0)
    assert budgets.reserve("x", 1, 10, 60)[0]
    assert budgets.used("x") == 1
    budgets.close()


@pytest.mark.parametrize("time_ms", [2**63 - 1, -(2**63), 253_402_300_800_000, -1, 1.5, '"x"'])
def test_a_time_that_cannot_be_is_not_known(time_ms, kept):
    kept.write_text(f'{{"gate": {time_ms}}}')
    assert last_good.read() == {}
    last_good.note(["gate"], NOW_MS)
    assert iso(last_good.read()["gate"]).startswith("2026")


def test_a_pipe_in_place_of_the_file_is_not_waited_for(kept):
    os.mkfifo(kept)
    last_good.note(["gate"], NOW_MS)
    assert last_good.read() == {}


def test_when_a_source_last_answered_is_told_of_a_live_run_alone(kept):
    last_good.note(["gate", "okx"], NOW_MS)
    replayed = service.sources(Options(replay="article"), SourceSettings(), NOW_MS, lambda _harvest: None)
    assert {row.last_good for row in replayed.sources} == {None}
    with Exchange() as exchange:
        live = service.sources(Options(probe=True), exchange.settings, NOW_MS, lambda _harvest: None)
    assert {row.name for row in live.sources if row.last_good} >= {"gate", "okx"}


def test_ratios_of_live_runs_go_on_where_a_backfill_ends(tmp_path):
    address = str(tmp_path / "history.db")
    own = Series("ratios", "okx", "okx", "BTC", "X", "linear", "accounts")

    def shares(*hours):
        return [{"time_ms": hour * HOUR_MS, "long_share": hour / 100} for hour in hours]

    backfilled = Batch(own._replace(interval_ms=HOUR_MS), shares(1, 2, 3))
    # A live run read one that was backfilled since, and two that were not.
    live = Batch(own, [{"time_ms": 2 * HOUR_MS, "long_share": 0.9}, *shares(5, 6)])
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, [backfilled, live], NOW_MS)
    found = history.past(address, "BTC").accounts_long["okx"]
    assert found.time_ms.tolist() == [hour * HOUR_MS for hour in (1, 2, 3, 5, 6)]
    assert found.values.tolist() == [0.01, 0.02, 0.03, 0.05, 0.06]
