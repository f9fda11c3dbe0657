"""The tables as they are on disk: what schema 1 is, told a second time. Another schema needs another number."""

from __future__ import annotations

import sqlite3

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from imbalance.store import opening, reading, schema

# By table: what a row is found by, what else it has, and what of that may be missing.
ROW = ("learned_ms", "confirmed_ms")
TABLES = {
    "imbalance_store": ((), ("version",), ()),
    "series": (
        ("id",),
        ("data", "source", "venue", "symbol", "instrument", "contract", "what", "interval_ms"),
        (),
    ),
    "candles": (
        ("series", "time_ms"),
        (*ROW, "open", "high", "low", "close", "volume_base", "volume_usd", "taker_buy_base"),
        ("volume_usd", "taker_buy_base"),
    ),
    "open_interest": (
        ("series", "time_ms"),
        (*ROW, "open_interest_base", "open_interest_usd"),
        ("open_interest_base", "open_interest_usd"),
    ),
    "funding": (
        ("series", "time_ms"),
        (*ROW, "rate", "interval_hours", "next_time_ms"),
        ("interval_hours", "next_time_ms"),
    ),
    "ratios": (("series", "time_ms"), (*ROW, "long_share"), ()),
    "liquidations": (("series", "time_ms", "position", "price", "quantity_base", "order_id", "nth"), ROW, ()),
    "liquidation_sums": (
        ("series", "time_ms"),
        (*ROW, "long_usd", "short_usd", "long_base", "short_base"),
        ("long_usd", "short_usd", "long_base", "short_base"),
    ),
    "sentiment": (("series", "time_ms"), (*ROW, "value", "label"), ()),
    "commitments": (
        ("series", "time_ms", "trader_group"),
        (*ROW, "units", "open_interest", "long", "short", "spread"),
        (),
    ),
    "holders": (("series", "time_ms"), (*ROW, "value"), ()),
    "spans": (("series", "from_ms"), ("to_ms", "learned_ms"), ()),
    "gaps": (("series", "from_ms"), ("to_ms", "why", "learned_ms"), ()),
    "reports": (("schema", "symbol", "as_of_ms"), ("learned_ms", "document"), ()),
}
COUNTED = {"imbalance_store", "series", "reports"}  # of few rows, or large ones: those have a number of their own


def made_by_postgresql():
    """Hold the same tables in the words of the other database against what they are: series alone are counted."""
    for name, table in schema.METADATA.tables.items():
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert ("SERIAL" in made) is (name == "series"), name
        keys = TABLES[name][0]
        assert not keys or f"PRIMARY KEY ({', '.join(keys)})" in made
        for column in table.columns:
            line = next(row for row in made.splitlines() if row.strip().startswith(f"{column.name} "))
            assert ("NOT NULL" in line) is (column.name not in TABLES[name][2]), (name, column.name)


def test_a_new_store_has_the_tables_of_schema_1_and_nothing_in_them(tmp_path):
    file = tmp_path / "history.db"
    with opening.opened(str(file), make=True) as store, store.reading() as connection:
        for data, table in schema.DATA.items():
            found = reading.arrays(connection, 1, data)
            assert set(found) == {column.name for column in table.columns} - {"series"}
            assert all(column.size == 0 for column in found.values())
        assert reading.all_series(connection) == {}
        assert (
            reading.known(connection, 1) == reading.missing(connection, 1) == reading.reports(connection, "BTC") == []
        )
    made_by_postgresql()
    with sqlite3.connect(file) as connection:
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        assert set(made) == set(TABLES)
        for name, (keys, others, missing) in TABLES.items():
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            found = tuple(row[1] for row in sorted(columns, key=lambda row: row[5]) if row[5])
            assert found == keys, name
            assert {row[1] for row in columns if not row[5]} == set(others), name
            assert {row[1] for row in columns if not row[3]} == set(missing), name
            assert "STRICT" in made[name].rpartition(")")[2], name
            assert ("WITHOUT ROWID" in made[name]) is (name not in COUNTED), name
            assert "AUTOINCREMENT" not in made[name]
        assert connection.execute("SELECT version FROM imbalance_store").fetchall() == [(1,)]
        unique = connection.execute("PRAGMA index_list(series)").fetchall()
        assert [row[2] for row in unique] == [1]
    connection.close()
    assert schema.VERSION == 1
