"""A file is read without the database library, and told of in the same words where it is not what it should be."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from imbalance.errors import NoStoreError, StoreBusyError, StoreError
from imbalance.store import asking, layout, opening, reading, schema, writing
from imbalance.store.rows import Batch
from tests.library.store.test_store import MINUTES, candle

MINUTE_MS = 60_000
RECALLING = """
import sys
from imbalance.store import loading
from imbalance.units import DAY_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind
ask = Ask("BTC", DAY_MS, 0, DAY_MS, MINUTE_MS)
found = loading.recalling(sys.argv[1], VENUES, ask, frozenset(Kind)).result()
print(len(found.memory), "sqlalchemy" in sys.modules)
"""


@pytest.fixture
def file(tmp_path):
    address = str(tmp_path / "history.db")
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, [Batch(MINUTES, [candle(m) for m in range(4)], [(0, 4 * MINUTE_MS)])], 9 * MINUTE_MS)
    return address


def read(address):
    with asking.reading(address, 0.05) as reader:
        return reading.all_series(reader)


def test_a_file_is_read_alike_and_without_the_library(file):
    with opening.opened(file) as store, store.reading() as connection:
        assert read(file) == reading.all_series(connection)
    with asking.reading(file, 0.05) as reader:
        assert isinstance(reader, sqlite3.Connection)
    told = subprocess.run([sys.executable, "-c", RECALLING, file], capture_output=True, text=True, check=True)
    assert told.stdout == f"{int(MINUTES.source == MINUTES.venue)} False\n"


def test_a_reader_sees_the_store_as_it_was_when_it_began(file):
    with asking.reading(file, 0.05) as reader:
        before = reading.extent(reader, 1, "candles")
        with opening.opened(file) as store, store.writing() as connection:
            writing.save(connection, [Batch(MINUTES, [candle(9)])], 9 * MINUTE_MS)
        assert reading.extent(reader, 1, "candles") == before
    with asking.reading(file, 0.05) as reader:
        assert reading.extent(reader, 1, "candles") != before


def changed(file, statement):
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE imbalance_store SET version = version + 1", "newer than this program's"),
        ("UPDATE imbalance_store SET version = version - 1", "an older one"),
        ("DELETE FROM imbalance_store", "it says no version of its schema"),
        ("DROP TABLE imbalance_store", "tables of other programs"),
    ],
)
def test_another_schema_is_refused(file, statement, told):
    changed(file, statement)
    with pytest.raises(StoreError, match=told) as error:
        read(file)
    assert error.value.message.startswith(f"the store {file}: ")


def test_what_is_no_store_is_refused_and_nothing_is_made(tmp_path):
    with pytest.raises(NoStoreError, match="there is no store yet"):
        read(str(tmp_path / "none.db"))
    assert not any(tmp_path.iterdir())
    (tmp_path / "text.db").write_text("no database at all, " * 100)
    with pytest.raises(StoreError, match="it is no SQLite database, or a damaged one"):
        read(str(tmp_path / "text.db"))
    with pytest.raises(StoreError, match="it is no regular file"):
        read(str(tmp_path))
    (tmp_path / "empty.db").touch()
    with pytest.raises(NoStoreError):
        read(str(tmp_path / "empty.db"))
    for address in ("mysql://x", "a\0b"):
        with pytest.raises(StoreError, match="IMBALANCE_DB is"):
            read(address)


def test_damage_that_is_come_upon_while_reading_names_the_store(file):
    changed(file, "DROP TABLE spans")
    with pytest.raises(StoreError, match=f"the store {file}: no such table"), asking.reading(file, 0.05) as reader:
        reading.known(reader, 1)


def test_a_store_that_another_process_holds_is_busy(file):
    changed(file, "PRAGMA journal_mode = DELETE")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusyError, match="another process is writing to it"):
        read(file)
    holder.close()


def test_the_layout_is_what_the_tables_are():
    assert set(layout.ROWS) == set(schema.DATA)
    for name, table in schema.DATA.items():
        own = layout.ROWS[name]
        assert own.columns == tuple(column.name for column in table.columns)
        assert own.key == tuple(column.name for column in table.primary_key.columns)
        assert set(own.maybe) == {column.name for column in table.columns if column.nullable}
