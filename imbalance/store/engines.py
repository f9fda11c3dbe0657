"""What the two databases need to behave alike: one writer at a time, for whom the others wait so long and no longer.

A store that stays open keeps its connection from one transaction to the next. To open one anew takes longer than to
write what a collector has, and the last connection to an SQLite file that is closed tidies the file up, for which the
other writers wait.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from imbalance.errors import StoreError
from imbalance.store.rows import Series

T = TypeVar("T")
CONNECT_S = 3
FILE = "file"  # which one a connection holds open
USED = "used"  # when a connection to a server was used last, on the clock that never goes back [s]
# For so long a connection that nothing was heard of is taken to be there still: to ask is a trip to the server.
SURE_S = 1.0
# A transaction says by this option how it begins: to read, to write, or (upkeep) not at all.
BEGINS = "imbalance_begins"
READS, WRITES, APART = "BEGIN", "BEGIN IMMEDIATE", ""
COMMIT = "COMMIT"
# The number under which writers of a PostgreSQL store wait for each other, as those of SQLite do for its one lock.
LOCK = 0x1B_A1A9CE
# Those who write a few series alone hold it together, and each of these by a lock that some others may share: a server
# has room for so many locks a connection.
ONLY = "imbalance_only"
LOCKS = 64


def of_file(file: Path, wait_s: float, *, make: bool) -> Engine:
    """Return an engine over an SQLite file; a new one is given the mode in which readers never wait."""

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(file, timeout=wait_s, isolation_level=None, check_same_thread=False)
        try:
            # Asking for the mode that it has takes no lock; changing it takes one.
            if opened.execute("PRAGMA journal_mode").fetchone() != ("wal",) and make:
                _patiently(lambda: opened.execute("PRAGMA journal_mode = WAL"), wait_s)
        except sqlite3.Error:
            opened.close()
            raise
        return opened

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool, pool_size=1)

    @event.listens_for(engine, "connect")
    def note(_opened: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info[FILE] = _identity(file)

    @event.listens_for(engine, "checkout")
    def look(_opened: sqlite3.Connection, record: ConnectionPoolEntry, _lent: object) -> None:
        # A file that was removed or replaced can be written to as long as it is held open, and all that is lost.
        if record.info[FILE] != _identity(file):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        command = connection.get_execution_options().get(BEGINS, READS)
        # The driver's own: whoever waits looks so often that the library's would keep a processor busy.
        opened: Any = connection.connection.driver_connection
        if command == WRITES:
            opened.execute("PRAGMA busy_timeout = 0")
            _patiently(lambda: opened.execute(WRITES), wait_s)
            opened.execute(f"PRAGMA busy_timeout = {round(wait_s * 1000)}")
        elif command:
            opened.execute(command)

    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _patiently(act: Callable[[], T], wait_s: float) -> T:
    """Do what needs a lock soon after it is free; SQLite itself would look for it more and more rarely.

    Raises
    ------
    sqlite3.OperationalError
        If it is not free for longer than one waits.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            # So that those who wait do not all look at the same moments.
            time.sleep(random.uniform(0.001, 0.004))  # noqa: S311  no secret


def of_server(url: URL, wait_s: float) -> Engine:
    """Return an engine over a PostgreSQL database.

    Raises
    ------
    ImportError
        If its driver is not installed.
    """
    # Poolers that lend a connection for one transaction know nothing of statements prepared in another.
    known = {"connect_timeout": CONNECT_S, "application_name": "imbalance", "prepare_threshold": None}
    known |= {"client_encoding": "utf8"}  # whatever a server, a role or the address has it be
    engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_size=1, connect_args=known)

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def note(_opened: object, record: ConnectionPoolEntry) -> None:
        record.info[USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(opened: Any, record: ConnectionPoolEntry, _lent: object) -> None:  # noqa: ANN401  no stub of a driver's own
        # One that the server ended while it was not used is noticed and opened anew.
        if time.monotonic() - record.info[USED] < SURE_S and not _has_news(opened):
            return
        try:
            engine.dialect.do_ping(opened)
        except engine.dialect.loaded_dbapi.Error:
            raise DisconnectionError from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(BEGINS) == WRITES:
            opened: Any = connection.connection.driver_connection
            only = options.get(ONLY)
            if only is not None:
                # The driver begins nothing by itself. What was written before the locks were had must be seen.
                opened.execute(f"{READS} ISOLATION LEVEL READ COMMITTED")
            opened.execute(f"SET LOCAL lock_timeout = {max(round(wait_s * 1000), 1)}")
            if only is None:
                opened.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            else:
                opened.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
                opened.execute("SELECT pg_advisory_xact_lock(%s, of) FROM unnest(%s::int[]) AS of", [LOCK, only])

    return engine


def _has_news(opened: Any) -> bool:  # noqa: ANN401
    """Tell whether a server said something unasked, as it does before it ends a connection, or ended it."""
    if opened.closed:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(opened.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def locks_of(series: Iterable[Series]) -> list[int]:
    """Return the locks of series, rising: whoever takes them in this order waits for nobody who waits for him."""
    return sorted({zlib.crc32(repr(tuple(one)).encode()) % LOCKS for one in series})


def require_locked(connection: Connection, series: Iterable[Series]) -> None:
    """Raise a `RuntimeError` where a transaction that was begun for some series alone is to write others."""
    only = connection.get_execution_options().get(ONLY)
    if only is not None and not set(locks_of(series)) <= set(only):
        raise RuntimeError("series are written that the transaction was not opened for")


@contextlib.contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Let a server be told all of a transaction in few messages: see `letters`."""
    if connection.dialect.name == "sqlite":
        yield
        return
    from imbalance.store import letters

    with letters.gathered(connection.connection.driver_connection):
        yield


@contextlib.contextmanager
def sent(connection: Connection) -> Iterator[None]:
    """Have a server store what it was told `together`, and wait until it has.

    Raises
    ------
    StoreError
        If it has not, as it refused a part before; it says no more than that.
    """
    yield
    if connection.dialect.name == "sqlite":
        return
    opened: Any = connection.connection.driver_connection
    letter = opened.execute(COMMIT)
    letter.send()
    if letter.statusmessage != COMMIT:
        raise StoreError("a part of what was to be saved was refused before")
