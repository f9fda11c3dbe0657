"""The connection that an open store keeps: used again, and given up where it leads nowhere any more."""

from __future__ import annotations

import shutil

import pytest

from imbalance.errors import StoreBusyError, StoreError
from imbalance.store import engines, opening, reading, upkeep, writing
from tests.library.store.writer import BATCH, SERIES, batch, write
from tests.support import postgres


def save(store, at):
    with store.saving([SERIES]) as connection:
        writing.save(connection, [batch(at)], at)


def stored(address):
    with opening.opened(address) as store:
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            [number] = reading.all_series(connection)
            return reading.arrays(connection, number, SERIES.data, ("time_ms",))["time_ms"].tolist()


def times(*numbers):
    return [row["time_ms"] for at in numbers for row in batch(at).rows]


def lent(store):
    """Return the connection that the next transaction has."""
    with store.reading() as connection:
        return connection.connection.driver_connection


def test_transactions_one_after_the_other_share_a_connection(address):
    with opening.opened(address, make=True) as store:
        first = lent(store)
        save(store, 0)
        with store.apart():
            pass
        save(store, 1)
        assert lent(store) is first
        with store.reading(), store.writing() as connection:
            # Whoever writes does not wait for whoever reads.
            writing.save(connection, [batch(2)], 2)
    assert stored(address) == times(0, 1, 2)


def test_a_file_that_was_replaced_is_written_to_and_not_the_one_that_is_gone(tmp_path):
    address, copy = str(tmp_path / "history.db"), tmp_path / "copy.db"
    write(address, 0)
    shutil.copy(address, copy)
    with opening.opened(address) as store:
        save(store, 1)
        for beside in ("-wal", "-shm"):
            (tmp_path / f"history.db{beside}").unlink()
        copy.replace(address)
        save(store, 2)
    assert stored(address) == times(0, 2)


def test_what_is_saved_into_a_file_that_was_removed_is_not_taken_for_stored(tmp_path):
    address = tmp_path / "history.db"
    write(str(address), 0)
    with opening.opened(str(address)) as store:
        address.unlink()
        with pytest.raises(StoreError, match=r"^the store .*history\.db: "):
            save(store, 1)


@pytest.fixture
def shared(server):
    if server is None:
        pytest.skip("no PostgreSQL is at hand")
    with postgres.apart(server, "ended") as address:
        yield address


def test_a_connection_that_the_server_ended_meanwhile_is_opened_anew(shared):
    with opening.opened(shared, make=True) as store:
        save(store, 0)
        before = lent(store)
        assert postgres.end_connections(shared) >= 1
        save(store, 1)
        assert lent(store) is not before
    assert stored(shared) == times(0, 1)


@pytest.mark.parametrize(("later_s", "asked"), [(0, 0), (engines.SURE_S - 0.001, 0), (engines.SURE_S, 1)])
def test_a_connection_that_was_used_a_moment_ago_is_not_asked_whether_it_is_there(shared, monkeypatch, later_s, asked):
    now_s, pings = [100.0], []
    monkeypatch.setattr(engines.time, "monotonic", lambda: now_s[0])
    with opening.opened(shared, make=True) as store:
        save(store, 0)
        monkeypatch.setattr(store.engine.dialect, "do_ping", pings.append)
        now_s[0] += later_s
        save(store, 1)
        assert len(pings) == asked
    assert stored(shared) == times(0, 1)


def interrupted(store, address, *, alone, more):
    """Save, but let the server end the connection before that is stored, with `more` to be written or not."""
    with store.saving([SERIES]) if alone else store.writing() as connection:
        writing.save(connection, [batch(1)], 1)
        assert postgres.end_connections(address) >= 1
        if more:
            writing.save(connection, [batch(2)], 2)


@pytest.mark.parametrize("more", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_a_transaction_that_the_server_ends_is_not_stored_and_may_be_tried_again(shared, alone, more):
    with opening.opened(shared, make=True) as store:
        save(store, 0)
        with pytest.raises(StoreBusyError, match="its server ended the connection"):
            interrupted(store, shared, alone=alone, more=more)
        assert stored(shared) == times(0)
        save(store, 1)
    assert stored(shared) == times(0, 1)


def test_the_connection_closes_with_the_store(address, tmp_path):
    with opening.opened(address, make=True) as store:
        save(store, 0)
        mine = lent(store)
    if address.startswith("postgresql"):
        assert mine.closed
    else:
        # The last one that closes tidies up.
        assert list(tmp_path.iterdir()) == [tmp_path / "history.db"]
        assert len(stored(address)) == BATCH
