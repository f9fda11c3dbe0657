"""Reading back: which series there are, what is known of them, and a series as arrays."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imbalance.store.asking import Reader, each, is_server, marks, rows
from imbalance.store.layout import IDENTITY, ROWS, TEXTS, TIMES
from imbalance.store.rows import Series
from imbalance.store.spans import Gap, Span

Arrays = dict[str, npt.NDArray[Any]]
MOST_NAMED = 500  # in one query: no database takes any number of values
_NAMES = ", ".join(IDENTITY)
_STORED = f"""WITH own AS (SELECT * FROM series WHERE ({_NAMES}) IN (VALUES {{}}))
SELECT id, NULL AS from_ms, NULL AS to_ms, NULL AS why, NULL AS learned_ms, {_NAMES} FROM own
UNION ALL SELECT id, from_ms, to_ms, NULL, learned_ms, {_NAMES} FROM own JOIN spans ON series = id
UNION ALL SELECT id, from_ms, to_ms, why, learned_ms, {_NAMES} FROM own JOIN gaps ON series = id"""
# In two thirds of a server's time, and in no words that SQLite knows.
_STORED_ASIDE = f"""SELECT id, from_ms, to_ms, why, learned_ms, {_NAMES} FROM series LEFT JOIN LATERAL (
SELECT from_ms, to_ms, NULL AS why, learned_ms FROM spans WHERE series = id
UNION ALL SELECT from_ms, to_ms, why, learned_ms FROM gaps WHERE series = id
) AS noted ON true WHERE ({_NAMES}) IN (VALUES {{}})"""


def all_series(reader: Reader, **of: str | int) -> dict[int, Series]:
    """Return the series that have the given source, venue, symbol and so on, by their number."""
    wanted = " AND ".join(f"{name} = ?" for name in of) or "1 = 1"
    names = ", ".join(IDENTITY)
    found = rows(reader, f"SELECT id, {names} FROM series WHERE {wanted} ORDER BY {names}", [*of.values()])
    return {number: Series(*identity) for number, *identity in found}


def arrays(
    reader: Reader,
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
    layout = ROWS[data]
    columns = [name for name in layout.columns if name in names or (not names and name != "series")]
    bounds = {"series = ?": number, "time_ms >= ?": start_ms, "time_ms < ?": end_ms, "learned_ms <= ?": learned_by_ms}
    given = {bound: value for bound, value in bounds.items() if value is not None}
    query = f"SELECT {_quoted(columns)} FROM {data} WHERE {' AND '.join(given)} ORDER BY {_quoted(layout.key)}"
    kinds = {name: _kind(name) for name in columns}
    if is_server(reader):
        from imbalance.store import columns as of_server

        return of_server.columns(reader, query, [*given.values()], kinds)
    # Straight from the driver into the array: rows as objects would take three times as long.
    table = np.fromiter(each(reader, query, [*given.values()]), [*kinds.items()])
    return {name: np.ascontiguousarray(table[name]) for name in columns}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _kind(name: str) -> type:
    if name in TEXTS:
        return object
    return np.int64 if name in TIMES else np.float64


def extent(reader: Reader, number: int, data: str) -> tuple[int, int] | None:
    """Return the moments of a series' first and last row [ms]; None where it has none."""
    [(first, last)] = rows(reader, f"SELECT min(time_ms), max(time_ms) FROM {data} WHERE series = ?", [number])
    return None if first is None else (first, last)


def learned(reader: Reader, number: int, data: str, start_ms: int, end_ms: int) -> tuple[int, int | None]:
    """Return how many rows a series has from one moment to before another, and when the latest was learned [ms]."""
    query = f"SELECT count(*), max(learned_ms) FROM {data} WHERE series = ? AND time_ms >= ? AND time_ms < ?"
    [(many, last)] = rows(reader, query, [number, start_ms, end_ms])
    return many, last


def known(reader: Reader, number: int) -> list[Span]:
    """Return what is known of a series, in order."""
    return known_of(reader, [number])[number]


def known_of(reader: Reader, numbers: Iterable[int]) -> dict[int, list[Span]]:
    """Return what is known of each series, in order."""
    found: dict[int, list[Span]] = {number: [] for number in numbers}
    for number, *span in _of(reader, "spans", list(found), "from_ms, to_ms, learned_ms"):
        found[number].append(Span(*span))
    return found


def missing(reader: Reader, number: int) -> list[Gap]:
    """Return what was asked for of a series and is missing, in order."""
    return missing_of(reader, [number])[number]


def missing_of(reader: Reader, numbers: Iterable[int]) -> dict[int, list[Gap]]:
    """Return what was asked for of each series and is missing, in order."""
    found: dict[int, list[Gap]] = {number: [] for number in numbers}
    for number, *gap in _of(reader, "gaps", list(found), "from_ms, to_ms, why, learned_ms"):
        found[number].append(Gap(*gap))
    return found


class Stored(NamedTuple):
    """A series' number, and what is known and missing of it, in no order."""

    number: int
    known: list[Span]
    missing: list[Gap]


def stored(reader: Reader, series: Sequence[Series]) -> dict[Series, Stored]:
    """Return what is stored of those of some series that there are, asked for at once."""
    query = _STORED_ASIDE if is_server(reader) else _STORED
    found: dict[Series, Stored] = {}
    for i in range(0, len(series), MOST_NAMED):
        own = series[i : i + MOST_NAMED]
        wanted = ", ".join([marks(len(IDENTITY))] * len(own))
        for number, from_ms, to_ms, why, learned_ms, *identity in rows(
            reader, query.format(wanted), [value for one in own for value in one]
        ):
            one = found.setdefault(Series(*identity), Stored(number, [], []))
            if why is not None:
                one.missing.append(Gap(from_ms, to_ms, why, learned_ms))
            elif from_ms is not None:
                one.known.append(Span(from_ms, to_ms, learned_ms))
    return found


def _of(reader: Reader, table: str, numbers: Sequence[int], names: str) -> Iterator[tuple[Any, ...]]:
    for i in range(0, len(numbers), MOST_NAMED):
        own = numbers[i : i + MOST_NAMED]
        noted = f"{table} WHERE series IN {marks(len(own))}"
        yield from rows(reader, f"SELECT series, {names} FROM {noted} ORDER BY series, from_ms", own)


def ended_ms(reader: Reader, **of: str | int) -> dict[Series, int]:
    """Return until when each of the series that have the given source, data and so on was known last [ms]."""
    last = dict(rows(reader, "SELECT series, max(to_ms) FROM spans GROUP BY series"))
    return {one: last[number] for number, one in all_series(reader, **of).items() if number in last}


def report(reader: Reader, name: str, symbol: str, until_ms: int) -> tuple[int, bytes] | None:
    """Return the newest stored document of a schema and coin up to a moment, with its own [ms]; None where none is."""
    query = """SELECT as_of_ms, document FROM reports WHERE "schema" = ? AND symbol = ? AND as_of_ms <= ?
               ORDER BY as_of_ms DESC LIMIT 1"""
    found = rows(reader, query, [name, symbol, until_ms])
    return (found[0][0], zlib.decompress(found[0][1])) if found else None


def reports(reader: Reader, symbol: str) -> list[tuple[str, int, bytes]]:
    """Return the stored documents of a coin by age: schema, moment [ms] and JSON."""
    query = """SELECT "schema", as_of_ms, document FROM reports WHERE symbol = ? ORDER BY as_of_ms, "schema" """
    found = rows(reader, query, [symbol])
    return [(name, as_of_ms, zlib.decompress(document)) for name, as_of_ms, document in found]
