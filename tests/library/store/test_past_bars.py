"""Jobs over what is stored: the same maps as of the same bars in a folder, made again where the store has changed."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from imbalance import history, jobs
from imbalance.errors import BarsError, MissingDataError, StoreError
from imbalance.map_history import map_history, mapped, tasks
from imbalance.origins import OwnBars, StoredBars
from imbalance.store import bars as stored
from imbalance.store import opening, schema, upkeep, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS
from tests.library.test_map_history import JANUARY_MS, WARM_UP_MS, bars, contents, one_by_one

pytest.importorskip("pyarrow")
FEBRUARY_MS = JANUARY_MS + 31 * DAY_MS


def candles(symbol="AAA", interval_ms=HOUR_MS):
    return Series("candles", "okx", "okx", symbol, f"{symbol}-USDT", "linear", interval_ms=interval_ms)


def batches(symbol, frame):
    names = ["open", "high", "low", "close", "volume_base"]
    rows = [
        {"time_ms": int(time_ms), "volume_usd": None, "taker_buy_base": None} | dict(zip(names, values, strict=True))
        for time_ms, *values in frame[["time", *names]].itertuples(index=False)
    ]
    interest = [
        {"time_ms": int(time_ms) + HOUR_MS, "open_interest_base": value, "open_interest_usd": None}
        for time_ms, value in frame[["time", "open_interest_base"]].itertuples(index=False)
    ]
    one = candles(symbol)
    return [Batch(one, rows), Batch(one._replace(data="open_interest"), interest)]


def put(address, symbol, frame, learned_ms=FEBRUARY_MS):
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, batches(symbol, frame), learned_ms)


@pytest.fixture
def filled(address):
    """Two coins: the last days of January and the first of February."""
    for seed, symbol in enumerate(("AAA", "BBB")):
        put(address, symbol, bars(JANUARY_MS + 28 * DAY_MS, 5 * 24, seed))
    return StoredBars(address, HOUR_MS)


def made(of, into, run=one_by_one, symbols=()):
    return map_history(of, into, symbols, step_ms=DAY_MS, warm_up_ms=WARM_UP_MS, run=run, now_ms=JANUARY_MS)


def states(found):
    return {(p.symbol, p.month): p.state for p in found.partitions}


def test_maps_of_stored_bars_are_those_of_the_same_bars_in_a_folder(filled, tmp_path):
    history.export(filled.address, None, HOUR_MS, tmp_path / "bars")
    told = made(filled, tmp_path / "stored")
    own = made(OwnBars(str(tmp_path / "bars")), tmp_path / "own")
    assert (told.mode, own.mode) == ("store", "bars")
    assert told.partitions == own.partitions
    assert set(states(told).values()) == {"written"}
    parts = [
        {name: content for name, content in contents(tmp_path / place).items() if name != "manifest.json"}
        for place in ("stored", "own")
    ]
    assert parts[0] == parts[1]
    assert len(parts[0]) == 4


def test_processes_read_the_store_themselves(filled, tmp_path):
    made(filled, tmp_path / "here")
    made(filled, tmp_path / "there", jobs.local(2))
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_workers_of_a_cluster_read_the_store_themselves(filled, address, tmp_path):
    distributed = pytest.importorskip("distributed")
    if not address.startswith("postgresql"):
        pytest.skip("an SQLite store is of one machine")
    made(filled, tmp_path / "here", symbols=["AAA"])
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None, memory_limit=0
    ) as cluster:
        made(filled, tmp_path / "there", jobs.cluster(cluster.scheduler_address), ["AAA"])
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_what_has_changed_in_the_store_is_made_again_and_nothing_else(filled, tmp_path):
    into = tmp_path / "maps"
    made(filled, into)
    whole = contents(into)
    kept = {(s, m): "kept" for s in ("AAA", "BBB") for m in ("2026-01", "2026-02")}
    assert states(made(filled, into)) == kept
    # The same figures, read again, are no news.
    put(filled.address, "AAA", bars(JANUARY_MS + 28 * DAY_MS, 5 * 24, 0), FEBRUARY_MS + DAY_MS)
    assert states(made(filled, into)) == kept
    # A figure at the end of February's second day: no map of January is of it.
    changed = bars(JANUARY_MS + 28 * DAY_MS, 5 * 24, 0).iloc[-1:].assign(volume_base=1.0)
    put(filled.address, "AAA", changed, FEBRUARY_MS + 2 * DAY_MS)
    assert states(made(filled, into)) == kept | {("AAA", "2026-02"): "written"}
    assert contents(into) != whole
    # The warm-up of February lies in January.
    with opening.opened(filled.address) as store, store.writing() as connection:
        upkeep.prune(connection, JANUARY_MS + 30 * DAY_MS)
    assert set(states(made(filled, into)).values()) == {"written"}


def test_open_interest_of_a_months_last_close_is_of_that_month(filled):
    def now():
        with opening.opened(filled.address) as store, store.reading() as connection:
            return [
                stored.state(connection, "AAA", HOUR_MS, *span)
                for span in ((JANUARY_MS, FEBRUARY_MS), (FEBRUARY_MS + 1, FEBRUARY_MS + 2 * DAY_MS))
            ]

    january, later = now()
    row = {"time_ms": FEBRUARY_MS, "open_interest_base": 1.0, "open_interest_usd": None}
    with opening.opened(filled.address) as store, store.writing() as connection:
        writing.save(connection, [Batch(candles()._replace(data="open_interest"), [row])], FEBRUARY_MS + DAY_MS)
    assert now()[0] != january
    assert now()[1] == later


def test_other_bars_are_no_part_of_the_state(filled):
    before = [task.state for task in tasks(filled, ["AAA"], DAY_MS, WARM_UP_MS)]
    put(filled.address, "CCC", bars(JANUARY_MS + 28 * DAY_MS, 24))
    with opening.opened(filled.address) as store, store.writing() as connection:
        row = dict.fromkeys(("open", "high", "low", "close", "volume_base"), 100.0)
        row |= {"time_ms": FEBRUARY_MS, "volume_usd": None, "taker_buy_base": None}
        writing.save(connection, [Batch(candles(interval_ms=DAY_MS), [row])], FEBRUARY_MS)
    assert [task.state for task in tasks(filled, ["AAA"], DAY_MS, WARM_UP_MS)] == before
    assert filled.symbols() == ["AAA", "BBB", "CCC"]


def test_only_the_span_is_read(filled, monkeypatch):
    spans = []
    whole = stored.bars

    def spied(connection, symbol, interval_ms, start_ms, end_ms):
        found = whole(connection, symbol, interval_ms, start_ms, end_ms)
        spans.append((start_ms, end_ms, min(found["time"]), max(found["time"])))
        return found

    monkeypatch.setattr(stored, "bars", spied)
    (_january, february) = tasks(filled, ["AAA"], DAY_MS, WARM_UP_MS)
    assert mapped(february).rows
    first_ms = FEBRUARY_MS - WARM_UP_MS
    assert spans == [(first_ms, february.to_ms - HOUR_MS + 1, first_ms, FEBRUARY_MS + 47 * HOUR_MS)]


def test_a_market_of_a_span_is_a_part_of_the_whole(filled):
    whole = history.market(filled.address, "AAA", HOUR_MS, None)
    for from_ms, as_of_ms in ((FEBRUARY_MS, None), (FEBRUARY_MS - 1, FEBRUARY_MS + 3 * HOUR_MS)):
        part = history.market(filled.address, "AAA", HOUR_MS, as_of_ms, from_ms)
        own = (whole.time_ms >= from_ms) & (whole.time_ms + HOUR_MS <= (as_of_ms or FEBRUARY_MS * 2))
        np.testing.assert_array_equal(part.time_ms, whole.time_ms[own])
        np.testing.assert_array_equal(part.venues[0].open_interest_base, whole.venues[0].open_interest_base[own])
    with pytest.raises(MissingDataError, match="no stored bar of AAA opens at or after 2026-02-05"):
        history.market(filled.address, "AAA", HOUR_MS, None, FEBRUARY_MS + 4 * DAY_MS)


def test_a_market_is_of_the_venues_that_are_named(filled, address):
    beside = [
        batch._replace(series=batch.series._replace(source="gate", venue="gate"))
        for batch in batches("AAA", bars(JANUARY_MS + 28 * DAY_MS, 5 * 24, 7))
    ]
    with opening.opened(address) as store, store.writing() as connection:
        writing.save(connection, beside, FEBRUARY_MS)
    assert len(filled.market("AAA", None, None).venues) == 2
    for name, seed in (("okx", 0), ("gate", 7)):
        found = StoredBars(address, HOUR_MS, (name,)).market("AAA", None, None)
        assert [v.name for v in found.venues] == [name]
        np.testing.assert_array_equal(found.close, bars(0, 5 * 24, seed)["close"])
    with pytest.raises(MissingDataError, match="no bars of kraken"):
        StoredBars(address, HOUR_MS, ("kraken",)).market("AAA", None, None)


def test_what_is_not_stored_is_told(filled, address):
    with pytest.raises(MissingDataError, match="no 1h bars of ZZZ are stored"):
        tasks(filled, ["ZZZ"], DAY_MS, DAY_MS)
    with pytest.raises(MissingDataError, match="no 1m bars are stored"):
        tasks(StoredBars(address, HOUR_MS // 60), [], DAY_MS, DAY_MS)
    with opening.opened(address) as store, store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM open_interest")
    with pytest.raises(MissingDataError, match="no open interest of AAA is stored"):
        filled.market("AAA", None, None)
    assert filled.market("AAA", None, None, needs_interest=False).time_ms.size == 120


def test_a_hole_in_a_month_is_told_and_the_others_are_made(filled, tmp_path):
    with opening.opened(filled.address) as store, store.writing() as connection:
        first, last = FEBRUARY_MS + 6 * HOUR_MS, FEBRUARY_MS + 40 * HOUR_MS
        table = schema.DATA["candles"]
        connection.execute(table.delete().where(table.c.time_ms.between(first, last)))
    found = made(filled, tmp_path / "maps", symbols=["AAA"])
    assert states(found) == {("AAA", "2026-01"): "written", ("AAA", "2026-02"): "failed"}
    assert "bars of 1h are missing" in found.partitions[1].why
    with pytest.raises(BarsError, match="are missing"):
        filled.market("AAA", None, None)


def test_a_store_that_is_damaged_meanwhile_fails_that_task_in_a_sentence(tmp_path):
    file = tmp_path / "history.db"
    put(str(file), "AAA", bars(JANUARY_MS + 28 * DAY_MS, 5 * 24))
    of = StoredBars(str(file), HOUR_MS)
    (january, february) = tasks(of, [], DAY_MS, WARM_UP_MS)
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE candles")
    assert mapped(january).content == b""
    assert mapped(february).why.startswith(f"the store {file}: ")
    file.unlink()
    with pytest.raises(StoreError, match="there is no store yet"):
        tasks(of, [], DAY_MS, WARM_UP_MS)


def test_a_store_is_named_with_its_bars(filled, address):
    assert filled.name.startswith("1h bars of ")
    assert ("secret" in filled.name, address.partition("?")[0] in filled.name) == (False, True)
