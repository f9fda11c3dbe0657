"""What is asked of TimescaleDB, told by a stand-in that notes it; the extension itself is tried nowhere here."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from imbalance import history
from imbalance.store import opening, reading, schema, timescale, upkeep, writing
from imbalance.store.rows import Batch
from imbalance.units import DAY_MS
from tests.library.store.test_store import MINUTES, candle
from tests.library.store.writer import write

psycopg = pytest.importorskip("psycopg")
STAND_IN = Path(__file__).with_name("timescale.sql").read_text()
LARGE = ["candles", "liquidation_sums", "liquidations", "open_interest", "ratios"]
_numbers = itertools.count(1)


@pytest.fixture
def database(server):
    """Give the address of an empty database of its own."""
    if server is None:
        pytest.skip("no PostgreSQL is at hand")
    name = f"chunks{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def install(address, edition):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(STAND_IN)
        if edition is not None:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET timescaledb.license = '{edition}'")


def calls(address):
    with psycopg.connect(address) as connection:
        return [call for (call,) in connection.execute("SELECT call FROM chunks.calls ORDER BY n")]


@pytest.fixture
def altered():
    """Let statements that the extension alone understands be noted, and not reach the server."""
    found = []

    def note(_connection, _cursor, statement, parameters, *_):
        if "SET (timescaledb." not in statement:
            return statement, parameters
        found.append(statement)
        return "SELECT 1", parameters

    event.listen(Engine, "before_cursor_execute", note, retval=True)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def made(name):
    return [
        f"create_hypertable {name} time_ms {30 * DAY_MS} bigint f t",
        f"set_integer_now_func {name} imbalance_now_ms",
    ]


@pytest.mark.parametrize("edition", ["apache", None])
def test_an_edition_that_packs_nothing_lays_the_large_tables_in_chunks(database, edition, altered):
    install(database, edition)
    write(database, 0)
    assert sorted(calls(database)) == sorted(call for name in LARGE for call in made(name))
    assert altered == []


def test_the_other_edition_packs_what_live_runs_write_no_more(database, altered):
    install(database, "timescale")
    write(database, 0)
    packs = [f"add_compression_policy {name} {210 * DAY_MS} bigint" for name in LARGE]
    assert sorted(calls(database)) == sorted([*packs, *(call for name in LARGE for call in made(name))])
    assert sorted(statement.split()[2] for statement in altered) == LARGE
    assert all("compress_segmentby = 'series'" in statement for statement in altered)
    assert all("compress_orderby = 'time_ms'" in statement for statement in altered)


def test_tables_that_are_older_than_the_extension_are_laid_out_by_a_migration_and_once(database, altered):
    write(database, 0)
    install(database, "timescale")
    write(database, 1)
    assert calls(database) == []
    for _ in range(2):
        assert history.migrate(database) == (schema.VERSION, schema.VERSION)
        assert len(calls(database)) == 3 * len(LARGE)
    assert len(altered) == len(LARGE)


def test_without_it_nothing_is_done(database, address):
    for place in (database, address):
        write(place, 0)
        assert history.migrate(place) == (schema.VERSION, schema.VERSION)
        with opening.opened(place) as store, store.reading() as connection:
            assert timescale.schema_of(connection) is None
            assert timescale.hypertables(connection) == frozenset()


def test_the_present_moment_is_that_of_the_clock(database):
    install(database, "apache")
    write(database, 0)
    with psycopg.connect(database) as connection:
        [(late,)] = connection.execute("SELECT imbalance_now_ms() - extract(epoch FROM now()) * 1000").fetchall()
    assert -1 < late < 1


def test_the_size_is_that_of_the_chunks_too(database):
    write(database, 0)
    with opening.opened(database) as store, store.reading() as connection:
        before = upkeep.size_bytes(store, connection)
    install(database, "apache")
    history.migrate(database)
    with opening.opened(database) as store, store.reading() as connection:
        assert upkeep.size_bytes(store, connection) > before + 4 * 900_000


def test_rows_are_saved_and_read_as_in_plain_tables(database):
    install(database, "apache")
    with opening.opened(database, make=True) as store:
        for price in (1.0, 2.0):
            with store.writing() as connection:
                writing.save(connection, [Batch(MINUTES, [candle(1, price)], [(60_000, 120_000)])], round(price))
        with store.reading() as connection:
            assert reading.arrays(connection, 1, "candles")["close"].tolist() == [2.0]
        assert upkeep.faults(store) == []
