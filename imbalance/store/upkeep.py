"""How large a store is, whether it is sound, and making it smaller."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, text

from imbalance.errors import StoreError
from imbalance.store import reading, schema, timescale
from imbalance.store.opening import Store
from imbalance.store.spans import without
from imbalance.units import LAST_MS

MOST_FAULTS = 20


class Extent(NamedTuple):
    """How many rows a series has, and the moments of the first and the last [ms]."""

    rows: int
    first_ms: int
    last_ms: int


def extents(connection: Connection) -> dict[int, Extent]:
    """Return the extent of every series that has rows, by its number."""
    found = {}
    for table in schema.DATA.values():
        moment = table.c.time_ms
        rows = select(table.c.series, func.count(), func.min(moment), func.max(moment)).group_by(table.c.series)
        found.update({number: Extent(*extent) for number, *extent in connection.execute(rows)})
    return found


def many_reports(connection: Connection) -> int:
    """Return how many reports are stored."""
    return connection.execute(select(func.count()).select_from(schema.REPORTS)).scalar_one()


def size_bytes(store: Store, connection: Connection) -> int:
    """Return how much room a store takes, with what stands beside its file."""
    if store.is_sqlite:
        beside = [Path(store.place + end) for end in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in beside if file.is_file())
    own, in_chunks = timescale.schema_of(connection), timescale.hypertables(connection)
    total = 0
    for name in schema.METADATA.tables:
        # Chunks are tables of their own, of which the table itself knows nothing.
        size = f"{own}.hypertable_size" if name in in_chunks else "pg_total_relation_size"
        total += int(connection.execute(text(f"SELECT {size}(to_regclass(:name))"), {"name": name}).scalar() or 0)
    return total


def faults(store: Store) -> list[str]:
    """Return what is wrong with a store, at most so many sentences; nothing where it is sound.

    Raises
    ------
    StoreError
        If it is too damaged to be looked through.
    """
    with store.reading() as connection:
        return list(itertools.islice(_faults(store, connection), MOST_FAULTS))


def _faults(store: Store, connection: Connection) -> Iterator[str]:
    if store.is_sqlite:
        for (told,) in connection.execute(text(f"PRAGMA integrity_check({MOST_FAULTS})")):
            if told != "ok":
                yield " ".join(told.split())
    for table in (*schema.DATA.values(), schema.SPANS, schema.GAPS):
        known = select(schema.SERIES.c.id)
        lost = select(func.count()).select_from(table).where(table.c.series.not_in(known))
        if many := connection.execute(lost).scalar_one():
            yield f"{table.name}: {many} rows of no series"
    every = reading.all_series(connection)
    known_of, missing_of = reading.known_of(connection, every), reading.missing_of(connection, every)
    for number, series in every.items():
        spans, gaps = known_of[number], missing_of[number]
        for name, rows in (("spans", spans), ("gaps", gaps)):
            ends = [ms for row in rows for ms in row[:2]]
            if any(a > b for a, b in itertools.pairwise(ends)) or any(row[0] >= row[1] for row in rows):
                yield f"{name} of {series.source} {series.data}: they overlap or end before they start"
        taken = [span[:2] for span in spans]
        if any([*without(*gap[:2], taken)] != [gap[:2]] for gap in gaps):
            yield f"gaps of {series.source} {series.data}: what is known is said to be missing"


def vacuum(store: Store) -> None:
    """Give room that is no longer used back to the system."""
    with store.apart() as connection:
        if store.is_sqlite:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            return
        for name in schema.METADATA.tables:
            connection.execute(text(f'VACUUM ANALYZE "{name}"'))


def prune(connection: Connection, before_ms: int) -> tuple[int, int]:
    """Remove what is of before a moment [ms]; return how many rows and reports went."""
    rows = 0
    for table in schema.DATA.values():
        rows += connection.execute(delete(table).where(table.c.time_ms < before_ms)).rowcount
    left = extents(connection)
    for number, series in reading.all_series(connection).items():
        # A bar that began before the moment went whole: what is known begins with the first that is left.
        cut_ms = before_ms
        if series.interval_ms:
            cut_ms = left[number].first_ms if number in left else LAST_MS
        for table in (schema.SPANS, schema.GAPS):
            own = table.c.series == number
            connection.execute(delete(table).where(own, table.c.to_ms <= cut_ms))
            connection.execute(table.update().where(own, table.c.from_ms < cut_ms).values(from_ms=cut_ms))
    used = select(schema.SPANS.c.series).union(select(schema.GAPS.c.series))
    empty = [number for number in reading.all_series(connection) if number not in left]
    connection.execute(delete(schema.SERIES).where(schema.SERIES.c.id.in_(empty), schema.SERIES.c.id.not_in(used)))
    reports = connection.execute(delete(schema.REPORTS).where(schema.REPORTS.c.as_of_ms < before_ms)).rowcount
    return rows, reports


def require_sound(store: Store) -> None:
    """Raise a `StoreError` that names what is wrong with a store."""
    found = faults(store)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise StoreError(
            f"the store {store.place} is damaged: {found[0]}{more}",
            "Export what can be read (imbalance db export) and move it away: the next live run makes a new one.",
        )
