"""One way to ask either database: plain SQL over SQLite's own driver or over the library's connection."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance.errors import StoreError
from imbalance.store import places
from imbalance.store.layout import VERSION

if TYPE_CHECKING:
    from sqlalchemy import Connection

    Reader = Connection | sqlite3.Connection
else:
    Reader = Any


def rows(reader: Reader, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a query whose values stand at question marks."""
    return list(each(reader, sql, values))


def each(reader: Reader, sql: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
    """Return the driver's own rows of a query one after the other; the library's take three times as long to make."""
    if isinstance(reader, sqlite3.Connection):
        return reader.execute(sql, values)
    driver: Any = reader.connection.driver_connection
    if not is_server(reader):
        return each(driver, sql, values)
    # Figures as the server has them: as text they would be written there and parsed here.
    found: list[tuple[Any, ...]] = driver.cursor(binary=True).execute(sql.replace("?", "%s"), values).fetchall()
    return found


def is_server(reader: Reader) -> bool:
    """Tell whether it is a PostgreSQL server that is asked."""
    return not isinstance(reader, sqlite3.Connection) and reader.dialect.name == "postgresql"


@contextlib.contextmanager
def reading(address: str | None, wait_s: float) -> Iterator[Reader]:
    """Open a transaction that sees a store as it is now; what loads slowly is left out where a file is all that it is.

    Raises
    ------
    StoreError
        Naming the store, if there is none, it cannot be read or has another schema.
    """
    file = None if places.is_server(address) else places.file_of(address)
    plain = _plain(file, wait_s) if file is not None else None
    if plain is None:
        # Whatever is not plainly a store of this schema is looked at by what can tell what it is.
        from imbalance.store.opening import opened

        with opened(address, wait_s=wait_s) as store, store.reading() as connection:
            yield connection
        return
    try:
        yield plain
    except (StoreError, sqlite3.Error) as error:
        raise places.trouble(str(file), error) from None
    finally:
        plain.close()


def _plain(file: Path, wait_s: float) -> sqlite3.Connection | None:
    """Return a transaction over a file that is a store of the newest schema; None where it is not."""
    reader = None
    try:
        reader = sqlite3.connect(file, timeout=wait_s, isolation_level=None)
        reader.execute("BEGIN")
        if reader.execute("SELECT version FROM imbalance_store").fetchall() == [(VERSION,)]:
            return reader
    except sqlite3.Error:
        pass
    if reader is not None:
        reader.close()
    return None


def marks(many: int) -> str:
    """Return so many places of values in brackets."""
    return f"({', '.join('?' * many)})"
