"""Saving: whole batches at once, the same rows as often as one likes, in any order."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from imbalance.store import reading, schema
from imbalance.store.rows import Batch, Block, Series
from imbalance.store.spans import Gap, Span, left, union


def save(connection: Connection, batches: Iterable[Batch], learned_ms: int) -> int:
    """Write batches into an open transaction; return how many rows they had.

    A row has the values of the reading that is newest, whatever the order in which readings are saved, and keeps when
    these were first learned.

    Parameters
    ----------
    learned_ms : when all this was read [ms].
    """
    many = 0
    for batch in batches:
        series = series_id(connection, batch.series)
        table = schema.DATA[batch.series.data]
        if batch.rows:
            own = {"series": series, "learned_ms": learned_ms, "confirmed_ms": learned_ms}
            names = [c.name for c in table.columns]
            _upsert(connection, table, [tuple(map((row | own).__getitem__, names)) for row in batch.rows])
        _note(connection, series, batch.known, batch.missing, learned_ms)
        many += len(batch.rows)
    return many


def save_columns(connection: Connection, block: Block, learned_ms: int) -> int:
    """Write a block into an open transaction, as `save` writes batches; return how many rows it had."""
    series = series_id(connection, block.series)
    table = schema.DATA[block.series.data]
    many = len(block.columns["time_ms"])
    if many:
        own = {"series": series, "learned_ms": learned_ms, "confirmed_ms": learned_ms}
        columns = [block.columns[c.name] if c.name not in own else [own[c.name]] * many for c in table.columns]
        _upsert(connection, table, list(zip(*columns, strict=True)))
    _note(connection, series, block.known, block.missing, learned_ms)
    return many


def save_report(connection: Connection, name: str, symbol: str, as_of_ms: int, learned_ms: int, json: bytes) -> None:
    """Write a report's JSON; of two of the same moment the later one stays."""
    insert = _insert(connection.dialect.name, schema.REPORTS)
    values = {
        "schema": name,
        "symbol": symbol,
        "as_of_ms": as_of_ms,
        "learned_ms": learned_ms,
        "document": zlib.compress(json),
    }
    new = insert.excluded
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["schema", "symbol", "as_of_ms"],
            set_={"learned_ms": new.learned_ms, "document": new.document},
            where=new.learned_ms >= schema.REPORTS.c.learned_ms,
        ),
        values,
    )


def series_id(connection: Connection, series: Series) -> int:
    """Return the number of a series, which is given one where it has none."""
    same = and_(*(schema.SERIES.c[name] == value for name, value in series._asdict().items()))
    query = select(schema.SERIES.c.id).where(same)
    found = connection.execute(query).scalar()
    if found is None:
        connection.execute(schema.SERIES.insert().values(**series._asdict()))
        found = connection.execute(query).scalar_one()
    return int(found)


def _insert(dialect: str, table: Table) -> Any:  # noqa: ANN401  the two dialects' inserts have no class in common
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _upsert(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of all columns, first to last, each key once, in the way that is fastest with each driver."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.exec_driver_sql(_statement(table, dialect), list(rows))
        return
    # A column each, as one statement: row by row takes five times as long.
    connection.exec_driver_sql(_statement(table, dialect), tuple(map(list, zip(*rows, strict=True))))


@functools.cache
def _statement(table: Table, dialect: str) -> str:
    """Return the statement that writes rows: the newest values stay, and when these were first learned."""
    insert = _insert(dialect, table)
    new, old = insert.excluded, table.c
    newer, earlier = new.confirmed_ms > old.confirmed_ms, new.learned_ms < old.learned_ms
    given = [c for c in table.columns if not c.primary_key]
    values = {c.name: case((newer, new[c.name]), else_=c) for c in given}
    same = and_(true(), *(new[c.name].is_not_distinct_from(c) for c in given if c.name not in schema.TIMES))
    # What a row says now was not known before it said so.
    learned = [(and_(same, earlier), new.learned_ms), (and_(not_(same), newer), new.learned_ms)]
    values["learned_ms"] = case(*learned, else_=old.learned_ms)
    if dialect != "sqlite":
        arrays = [cast(bindparam(c.name), postgresql.ARRAY(c.type)) for c in table.columns]
        rows = select(text("*")).select_from(func.unnest(*arrays))
        insert = insert.from_select([c.name for c in table.columns], rows)
    whole = insert.on_conflict_do_update(
        index_elements=[c.name for c in table.primary_key.columns], set_=values, where=or_(newer, earlier)
    )
    positional: Dialect = (
        sqlite.dialect(paramstyle="qmark") if dialect == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    )
    return str(whole.compile(dialect=positional))


def _note(
    connection: Connection,
    series: int,
    new_known: Sequence[tuple[int, int]],
    new_missing: Sequence[tuple[int, int, str]],
    learned_ms: int,
) -> None:
    """Add to what is known and missing of a series; what became known is missing no more."""
    if not new_known and not new_missing:
        return
    spans, gaps = schema.SPANS, schema.GAPS
    known, missing = reading.known(connection, series), reading.missing(connection, series)
    all_known = union([*known, *(Span(*span, learned_ms) for span in new_known)])
    all_missing = left([*missing, *(Gap(*gap, learned_ms) for gap in sorted(new_missing))], all_known)
    for table, before, after in ((spans, known, all_known), (gaps, missing, all_missing)):
        if before == after:
            continue
        connection.execute(delete(table).where(table.c.series == series))
        if after:
            connection.execute(table.insert(), [row._asdict() | {"series": series} for row in after])
