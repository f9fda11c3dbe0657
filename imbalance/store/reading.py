"""Reading back: which series there are, what is known of them, and a series as arrays."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.types import Text

from imbalance.store import schema
from imbalance.store.rows import Series
from imbalance.store.spans import Gap, Span

Arrays = dict[str, npt.NDArray[Any]]
MOST_NAMED = 500  # in one query: no database takes any number of values


def all_series(connection: Connection, **of: str | int) -> dict[int, Series]:
    """Return the series that have the given source, venue, symbol and so on, by their number."""
    table = schema.SERIES
    query = select(table.c.id, *(table.c[name] for name in schema.IDENTITY)).order_by(
        *(table.c[name] for name in schema.IDENTITY)
    )
    for name, value in of.items():
        query = query.where(table.c[name] == value)
    return {number: Series(*identity) for number, *identity in connection.execute(query)}


def arrays(
    connection: Connection,
    number: int,
    data: str,
    names: Sequence[str] = (),
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    learned_by_ms: int | None = None,
) -> Arrays:
    """Return the rows of a series in order of time, a column a name, each of shape (rows,).

    Times are int64, figures float64 with NaN where there is none, texts objects.

    Parameters
    ----------
    number : of the series.
    data : the table that its rows are in.
    names : the columns wanted; all, where none is named.
    start_ms, end_ms : only rows from one to before the other.
    learned_by_ms : only rows that were learned by then.
    """
    table = schema.DATA[data]
    columns = [c for c in table.columns if c.name in names or (not names and c.name != "series")]
    query = select(*columns).where(table.c.series == number).order_by(*table.primary_key.columns)
    if start_ms is not None:
        query = query.where(table.c.time_ms >= start_ms)
    if end_ms is not None:
        query = query.where(table.c.time_ms < end_ms)
    if learned_by_ms is not None:
        query = query.where(table.c.learned_ms <= learned_by_ms)
    found = connection.execute(query).cursor
    if found is None:
        raise ValueError("a query without rows to read")
    # The driver's own rows: those of the library, made one by one, take three times as long.
    by_column = list(zip(*found.fetchall(), strict=True)) or [()] * len(columns)
    return {c.name: _array(c, values) for c, values in zip(columns, by_column, strict=True)}


def _array(column: Any, values: tuple[Any, ...]) -> npt.NDArray[Any]:  # noqa: ANN401  a column of any type
    if isinstance(column.type, Text):
        return np.array(values, dtype=object)
    return np.array(values, dtype=np.int64 if column.name in schema.TIMES else np.float64)


def extent(connection: Connection, number: int, data: str) -> tuple[int, int] | None:
    """Return the moments of a series' first and last row [ms]; None where it has none."""
    table = schema.DATA[data]
    query = select(func.min(table.c.time_ms), func.max(table.c.time_ms)).where(table.c.series == number)
    first, last = connection.execute(query).one()
    return None if first is None else (first, last)


def known(connection: Connection, number: int) -> list[Span]:
    """Return what is known of a series, in order."""
    return known_of(connection, [number])[number]


def known_of(connection: Connection, numbers: Iterable[int]) -> dict[int, list[Span]]:
    """Return what is known of each series, in order."""
    found: dict[int, list[Span]] = {number: [] for number in numbers}
    for number, *span in _of(connection, schema.SPANS, list(found), ("from_ms", "to_ms", "learned_ms")):
        found[number].append(Span(*span))
    return found


def missing(connection: Connection, number: int) -> list[Gap]:
    """Return what was asked for of a series and is missing, in order."""
    return missing_of(connection, [number])[number]


def missing_of(connection: Connection, numbers: Iterable[int]) -> dict[int, list[Gap]]:
    """Return what was asked for of each series and is missing, in order."""
    found: dict[int, list[Gap]] = {number: [] for number in numbers}
    for number, *gap in _of(connection, schema.GAPS, list(found), ("from_ms", "to_ms", "why", "learned_ms")):
        found[number].append(Gap(*gap))
    return found


def _of(
    connection: Connection, table: Table, numbers: Sequence[int], names: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    columns = [table.c.series, *(table.c[name] for name in names)]
    for i in range(0, len(numbers), MOST_NAMED):
        query = select(*columns).where(table.c.series.in_(numbers[i : i + MOST_NAMED]))
        yield from map(tuple, connection.execute(query.order_by(table.c.series, table.c.from_ms)))


def ended_ms(connection: Connection, **of: str | int) -> dict[Series, int]:
    """Return until when each of the series that have the given source, data and so on was known last [ms]."""
    table = schema.SPANS
    query = select(table.c.series, func.max(table.c.to_ms)).group_by(table.c.series)
    last = {row[0]: row[1] for row in connection.execute(query)}
    return {one: last[number] for number, one in all_series(connection, **of).items() if number in last}


def report(connection: Connection, name: str, symbol: str, until_ms: int) -> tuple[int, bytes] | None:
    """Return the newest stored document of a schema and coin up to a moment, with its own [ms]; None where none is."""
    table = schema.REPORTS
    query = select(table.c.as_of_ms, table.c.document).where(
        table.c.schema == name, table.c.symbol == symbol, table.c.as_of_ms <= until_ms
    )
    row = connection.execute(query.order_by(table.c.as_of_ms.desc()).limit(1)).first()
    return None if row is None else (row[0], zlib.decompress(row[1]))


def reports(connection: Connection, symbol: str) -> list[tuple[str, int, bytes]]:
    """Return the stored documents of a coin by age: schema, moment [ms] and JSON."""
    table = schema.REPORTS
    query = select(table.c.schema, table.c.as_of_ms, table.c.document).where(table.c.symbol == symbol)
    rows = connection.execute(query.order_by(table.c.as_of_ms, table.c.schema))
    return [(name, as_of_ms, zlib.decompress(document)) for name, as_of_ms, document in rows]
