"""Saving: whole batches at once, the same rows as often as one likes, in any order."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Dialect,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg

from imbalance.store import engines, reading, schema
from imbalance.store.layout import ROWS, TEXTS, TIMES
from imbalance.store.rows import Batch, Block, Series
from imbalance.store.spans import Gap, Span, left, union

OWN = ("series", "learned_ms", "confirmed_ms")  # what a whole batch shares

_Noted = Mapping[int, Sequence[Span]] | Mapping[int, Sequence[Gap]]


def save(connection: Connection, batches: Iterable[Batch], learned_ms: int) -> int:
    """Write batches into an open transaction; return how many rows they had.

    A row has the values of the reading that is newest, whatever the order in which readings are saved, and keeps when
    these were first learned.

    Parameters
    ----------
    learned_ms : when all this was read [ms].
    """
    batches = list(batches)
    found = _stored(connection, [batch.series for batch in batches])
    for batch in batches:
        if batch.rows:
            names = [name for name in ROWS[batch.series.data].columns if name not in OWN]
            columns = {name: [row[name] for row in batch.rows] for name in names}
            _upsert(connection, batch.series.data, columns, found[batch.series].number, learned_ms)
    _note(connection, found, [batch for batch in batches if batch.known or batch.missing], learned_ms)
    return sum(len(batch.rows) for batch in batches)


def extend(connection: Connection, series: Sequence[Series], from_ms: int, to_ms: int, learned_ms: int) -> None:
    """Let a span of many series that goes on reach further: as `save` would, and fast where nothing is in its way.

    Parameters
    ----------
    series : of one source, and of the same data.
    from_ms, to_ms : where the span of all of them begins, and how far it reaches by now [ms].
    """
    spans, gaps = schema.SPANS, schema.GAPS
    engines.require_locked(connection, series)
    wanted, alike = set(series), {"data": series[0].data, "source": series[0].source}
    numbers = {n: one for n, one in reading.all_series(connection, **alike).items() if one in wanted}
    own = list(numbers)
    later = spans.alias()
    grown = (
        spans.update()
        .where(
            spans.c.series.in_(own),
            spans.c.from_ms == from_ms,
            spans.c.to_ms <= to_ms,
            ~exists().where(later.c.series == spans.c.series, later.c.from_ms > from_ms),
            ~exists().where(gaps.c.series == spans.c.series, gaps.c.to_ms > spans.c.to_ms),
        )
        .values(to_ms=to_ms, learned_ms=learned_ms)
    )
    connection.execute(grown)
    known = reading.known_of(connection, own)
    there = {numbers[n] for n in own if any(span.from_ms <= from_ms and span.to_ms >= to_ms for span in known[n])}
    save(connection, [Batch(one, [], [(from_ms, to_ms)]) for one in series if one not in there], learned_ms)


def save_columns(connection: Connection, block: Block, learned_ms: int) -> int:
    """Write a block into an open transaction, as `save` writes batches; return how many rows it had."""
    found = _stored(connection, [block.series])
    many = len(block.columns["time_ms"])
    if many:
        _upsert(connection, block.series.data, block.columns, found[block.series].number, learned_ms)
    _note(connection, found, [Batch(block.series, [], block.known, block.missing)], learned_ms)
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


def _stored(connection: Connection, series: Iterable[Series]) -> dict[Series, reading.Stored]:
    """Return what is stored of series; those that there are none of yet are given a number."""
    wanted = list(dict.fromkeys(series))
    engines.require_locked(connection, wanted)
    found = reading.stored(connection, wanted)
    if new := [one for one in wanted if one not in found]:
        # Nothing is returned for them: their numbers are asked for at once.
        connection.execute(schema.SERIES.insert().inline(), [one._asdict() for one in new])
        found |= reading.stored(connection, new)
    return found


def _insert(dialect: str, table: Table) -> Any:  # noqa: ANN401  the two dialects' inserts have no class in common
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _upsert(
    connection: Connection, data: str, columns: Mapping[str, Sequence[Any]], number: int, learned_ms: int
) -> None:
    """Write rows of a series in the way that is fastest with each driver; of a key that comes twice the first stays."""
    table, dialect, many = schema.DATA[data], connection.dialect.name, len(columns["time_ms"])
    own = dict(zip(OWN, (number, learned_ms, learned_ms), strict=True))
    whole = {c.name: [own[c.name]] * many if c.name in own else columns[c.name] for c in table.columns}
    if dialect == "sqlite":
        connection.exec_driver_sql(_statement(table, dialect), list(zip(*whole.values(), strict=True)))
        return
    # A column each, as one statement, which may not meet a key twice: row by row takes five times as long.
    keys = zip(*(whole[c.name] for c in table.primary_key if c.name not in own), strict=True)
    first = {key: i for i, key in reversed([*enumerate(keys)])}
    if len(first) < many:
        whole = {name: [values[i] for i in sorted(first.values())] for name, values in whole.items()}
    arrays = tuple(_array(name, values) for name, values in whole.items())
    connection.exec_driver_sql(_statement(table, dialect), arrays)


def _array(name: str, values: Sequence[Any]) -> str | list[Any]:
    """Return a column as the driver takes it; figures written out here, as it looks at each for what to quote."""
    return list(values) if name in TEXTS else f"{{{msgspec.json.encode(values)[1:-1].decode()}}}"


@functools.cache
def _statement(table: Table, dialect: str) -> str:
    """Return the statement that writes rows: the newest values stay, and when these were first learned."""
    insert = _insert(dialect, table)
    new, old = insert.excluded, table.c
    newer, earlier = new.confirmed_ms > old.confirmed_ms, new.learned_ms < old.learned_ms
    given = [c for c in table.columns if not c.primary_key]
    values = {c.name: case((newer, new[c.name]), else_=c) for c in given}
    same = and_(true(), *(new[c.name].is_not_distinct_from(c) for c in given if c.name not in TIMES))
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
    connection: Connection, found: Mapping[Series, reading.Stored], batches: Sequence[Batch], learned_ms: int
) -> None:
    """Add to what is known and missing of series; what became known is missing no more."""
    by_series: dict[Series, list[Batch]] = {}
    for batch in batches:
        by_series.setdefault(batch.series, []).append(batch)
    known, missing, all_known, all_missing = {}, {}, {}, {}
    for one, own in by_series.items():
        number, known[number], missing[number] = found[one]
        new = [Span(*span, learned_ms) for batch in own for span in batch.known]
        lost = [Gap(*gap, learned_ms) for batch in own for gap in sorted(batch.missing)]
        all_known[number] = union([*known[number], *new])
        all_missing[number] = left([*missing[number], *lost], all_known[number])
    _change(connection, schema.SPANS, known, all_known)
    _change(connection, schema.GAPS, missing, all_missing)


def _change(connection: Connection, table: Table, before: _Noted, after: _Noted) -> None:
    """Make the rows of series what they are to be; those that stay as they are, most of many, are not written."""
    was, now = ({(number, row) for number, rows in side.items() for row in rows} for side in (before, after))
    gone = {(number, row.from_ms) for number, row in was} - {(number, row.from_ms) for number, row in now}
    if gone:
        one = and_(table.c.series == bindparam("own"), table.c.from_ms == bindparam("at"))
        connection.execute(delete(table).where(one), [{"own": n, "at": from_ms} for n, from_ms in sorted(gone)])
    if changed := sorted(now - was):
        rows = [row._asdict() | {"series": number} for number, row in changed]
        connection.execute(_noting(table, connection.dialect.name), rows)


@functools.cache
def _noting(table: Table, dialect: str) -> Any:  # noqa: ANN401  as `_insert` returns
    """Return the statement that writes spans or gaps over those that begin where they do."""
    insert = _insert(dialect, table)
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=["series", "from_ms"], set_=rest)
