"""TimescaleDB, where a PostgreSQL database has it: the largest tables lie in chunks of time, and old chunks are packed.

The tables stay what they are to whoever reads or writes them. Functions as documented for TimescaleDB 2.13 and later at
https://www.tigerdata.com/docs/reference/timescaledb/hypertables/create_hypertable and beside it.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from imbalance.units import DAY_MS

# Those that grow by the minute; chunks of others would hold a few rows each.
LARGE = ("candles", "open_interest", "ratios", "liquidations", "liquidation_sums")
CHUNK_MS = 30 * DAY_MS
# Live runs write again what is of up to 200 days ago, and to write into what is packed it must be unpacked.
PACKED_AFTER_MS = 7 * CHUNK_MS
# The edition under Apache's licence has chunks, and packs none.
PACKS = "timescale"
NOW = """
CREATE OR REPLACE FUNCTION imbalance_now_ms() RETURNS BIGINT LANGUAGE SQL STABLE
AS 'SELECT (extract(epoch FROM now()) * 1000)::BIGINT'
"""


def schema_of(connection: Connection) -> str | None:
    """Return the schema, quoted, of the extension's functions in a database; None where it has none."""
    if connection.dialect.name != "postgresql":
        return None
    found = "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
    name: str | None = connection.execute(text(found + "WHERE extname = 'timescaledb'")).scalar()
    return name


def hypertables(connection: Connection) -> frozenset[str]:
    """Return the store's tables that lie in chunks."""
    if schema_of(connection) is None:
        return frozenset()
    names = "SELECT hypertable_name FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema()"
    return frozenset(connection.execute(text(names)).scalars())


def spread(connection: Connection) -> None:
    """Lay the largest tables in chunks, with what they hold, and have old ones packed where the edition can.

    Does nothing where the extension is not, and nothing to a table that lies in chunks.
    """
    own = schema_of(connection)
    left = [name for name in LARGE if name not in hypertables(connection)]
    if own is None or not left:
        return
    connection.exec_driver_sql(NOW)
    for name in left:
        _execute(connection, in_chunks(own, name))
    # Known as soon as one of its functions was called.
    edition = connection.execute(text("SELECT current_setting('timescaledb.license', true)")).scalar()
    for name in left if edition == PACKS else ():
        _execute(connection, packed(own, name))


def in_chunks(own: str, name: str) -> tuple[str, ...]:
    """Return the statements that lay a table in chunks; `own` is the schema of the extension's functions."""
    span = f"{own}.by_range('time_ms', CAST({CHUNK_MS} AS BIGINT))"
    return (
        # The key begins with the series, as all queries do: an index of the time alone would never be used.
        f"SELECT {own}.create_hypertable('{name}', {span}, create_default_indexes => false, migrate_data => true)",
        # What is old cannot be told of whole numbers without it.
        f"SELECT {own}.set_integer_now_func('{name}', 'imbalance_now_ms')",
    )


def packed(own: str, name: str) -> tuple[str, ...]:
    """Return the statements that have a table's old chunks packed, each series by itself in order of time."""
    order = "timescaledb.compress_segmentby = 'series', timescaledb.compress_orderby = 'time_ms'"
    return (
        f"ALTER TABLE {name} SET (timescaledb.compress, {order})",
        f"SELECT {own}.add_compression_policy('{name}', compress_after => CAST({PACKED_AFTER_MS} AS BIGINT))",
    )


def _execute(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
