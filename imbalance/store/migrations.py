"""From the schema that a store has to the one of this program: forward only, all or nothing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, inspect, select

from imbalance.errors import StoreError
from imbalance.store import schema, timescale

# Step n, counted from 1, turns schema n into schema n + 1; a new store starts with the newest.
STEPS: tuple[Callable[[Connection], None], ...] = ()


def version_of(connection: Connection) -> int | None:
    """Return the schema that a store has; None where there is no store yet.

    Raises
    ------
    StoreError
        If the database is someone else's.
    """
    names = set(inspect(connection).get_table_names())
    if schema.STORE.name in names:
        found = connection.execute(select(schema.STORE.c.version)).scalar()
        if found is None:
            raise StoreError("it says no version of its schema: it is damaged")
        return int(found)
    if names & set(schema.METADATA.tables):
        raise StoreError("it has tables of other programs under names that a store uses")
    return None


def require_known(version: int) -> None:
    """Raise a `StoreError` for a schema that is newer than this program's."""
    if version > schema.VERSION:
        raise StoreError(
            f"it has schema {version}, which is newer than this program's ({schema.VERSION})", "Update imbalance."
        )


def migrate(connection: Connection) -> tuple[int | None, int]:
    """Make the tables, or bring those that are there to the newest schema; return the schema before and after.

    Raises
    ------
    StoreError
        If the schema is newer than this program's.
    """
    before = version_of(connection)
    if before is None:
        schema.METADATA.create_all(connection)
        connection.execute(schema.STORE.insert().values(version=schema.VERSION))
        timescale.spread(connection)
        return None, schema.VERSION
    require_known(before)
    for step in STEPS[before - 1 :]:
        step(connection)
    if before < schema.VERSION:
        connection.execute(schema.STORE.update().values(version=schema.VERSION))
    # The extension may be younger than the tables.
    timescale.spread(connection)
    return before, schema.VERSION
