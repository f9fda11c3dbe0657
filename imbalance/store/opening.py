"""Opening a store: where it lies, one writer at a time, and every trouble told in a sentence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from imbalance import files
from imbalance.errors import NoStoreError, StoreError
from imbalance.store import engines, migrations, places, schema
from imbalance.store.rows import Series

WAIT_S = 5.0
SECRETS = ("password", "sslpassword")  # which an address may end with


class Store:
    """A store that is open for reading and writing in transactions; `place` names it without a password."""

    def __init__(self, engine: Engine, place: str) -> None:
        self.engine = engine
        self.place = place

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees the store as it is now, whatever is written meanwhile.

        Raises
        ------
        StoreError
            Naming the store, if it cannot be read or has another schema.
        """
        whole: dict[str, Any] = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._told(), self.engine.connect().execution_options(**whole) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that no other writer shares; all of it is stored when it ends, or nothing.

        Raises
        ------
        StoreError
            Naming the store, if it cannot be written to, or others write to it for longer than one waits.
        """
        begins = {engines.BEGINS: engines.WRITES}
        with self._told(), self.engine.connect().execution_options(**begins) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def saving(self, series: Iterable[Series]) -> Iterator[Connection]:
        """Open a transaction as `writing` does, for what `store.writing` does to these series, and reports, alone.

        In PostgreSQL who writes other series is not waited for, others are when something is first asked for, and what
        was wrong may be told at the end.

        Raises
        ------
        StoreError
            As `writing` does.
        """
        begins: dict[str, Any] = {engines.BEGINS: engines.WRITES, engines.ONLY: engines.locks_of(series)}
        if not self.is_sqlite:
            # The driver's own beginnings and ends would each be a trip to the server.
            begins["isolation_level"] = "AUTOCOMMIT"
        with (
            self._told(),
            self.engine.connect().execution_options(**begins) as connection,
            engines.together(connection),
            connection.begin(),
            engines.sent(connection),
        ):
            yield connection

    @contextlib.contextmanager
    def apart(self) -> Iterator[Connection]:
        """Open a connection outside of any transaction, for the upkeep that allows none."""
        begins = {engines.BEGINS: engines.APART, "isolation_level": "AUTOCOMMIT"}
        with self._told(), self.engine.connect().execution_options(**begins) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        with _told(self.place, self.engine):
            yield


@contextlib.contextmanager
def opened(address: str | None = None, *, wait_s: float = WAIT_S, make: bool = False) -> Iterator[Store]:
    """Open a store of the newest schema, and close it at the end.

    Parameters
    ----------
    address : a file or ``postgresql://...``; the user's data folder where None or empty.
    wait_s : how long to wait for other writers [s].
    make : make one that is not there, and bring an older one forward.

    Raises
    ------
    StoreError
        If there is none, it is damaged or someone else's, or its schema is another.
    """
    store = connected(address, wait_s=wait_s, make=make)
    try:
        with store.reading() as connection:
            version = migrations.version_of(connection)
            with _told(store.place, store.engine):
                _require_newest(version, make=make)
        if make and version != schema.VERSION:
            with store.writing() as connection:
                migrations.migrate(connection)
        yield store
    finally:
        store.close()


def _require_newest(version: int | None, *, make: bool) -> None:
    if version is not None:
        migrations.require_known(version)
    if make:
        return
    if version is None:
        raise NoStoreError(places.NONE, places.MAKE)
    if version < schema.VERSION:
        raise StoreError(f"it has schema {version}, an older one", "Bring it forward with: imbalance db migrate.")


def connected(address: str | None, *, wait_s: float = WAIT_S, make: bool = False) -> Store:
    """Return a store of whatever schema.

    Raises
    ------
    StoreError
        If the address cannot be one, or there is no file and none is to be made.
    """
    if address and places.is_server(address):
        return _postgres(address, wait_s)
    file = places.file_of(address, make=make)
    try:
        return _sqlite(file, wait_s, make=make, own=not address)
    except OSError as error:
        raise StoreError(f"the store {file}: {error.strerror}") from None


def _sqlite(file: Path, wait_s: float, *, make: bool, own: bool) -> Store:
    if not file.exists():
        if own:
            files.private_folder(file.parent)
        # SQLite gives the files beside it the same mode.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, files.PRIVATE))

    return Store(engines.of_file(file, wait_s, make=make), str(file))


def _postgres(address: str, wait_s: float) -> Store:
    try:
        url = make_url(address)
        engine = engines.of_server(url, wait_s)
    except (ArgumentError, ValueError):
        raise StoreError("IMBALANCE_DB is no address of a PostgreSQL database: postgresql://USER@HOST/NAME") from None
    except ImportError:
        raise StoreError(
            "PostgreSQL needs psycopg, which is not installed", "Install it with: pip install 'imbalance[postgres]'."
        ) from None
    return Store(engine, url.difference_update_query(SECRETS).render_as_string(hide_password=True))


@contextlib.contextmanager
def _told(place: str, engine: Engine) -> Iterator[None]:
    """Turn every trouble with the database into a sentence that names the store."""
    driver = engine.dialect.loaded_dbapi.Error
    try:
        yield
    except (StoreError, SQLAlchemyError, driver) as error:
        raise places.trouble(place, error) from None
