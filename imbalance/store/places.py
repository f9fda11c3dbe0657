"""Where a store lies, and every trouble with one in a sentence that names it; no database library is needed for it."""

from __future__ import annotations

from pathlib import Path

from imbalance.errors import NoStoreError, StoreBusyError, StoreError

NONE, MAKE = "there is no store yet", "A live run makes one: imbalance report BTC."
POSTGRES = ("postgresql://", "postgres://")
_BUSY = "another process is writing to it"
# https://www.postgresql.org/docs/current/errcodes-appendix.html: class 08 is of connections, as are these.
ENDED = frozenset({"57P01", "57P02", "57P03"})  # by whoever runs it, by a crash, not yet ready
# A lock or an answer that took too long, another transaction in the way: the same may be asked for once more.
_LATE = frozenset({"55P03", "57014", "40001", "40P01"})
_OF_CONNECTIONS = frozenset({"OperationalError", "InterfaceError"})  # as PEP 249 names them
_ENDED = "its server ended the connection"
_REASONS = {
    "database is locked": _BUSY,
    "canceling statement due to lock timeout": _BUSY,
    "terminating connection": _ENDED,
    "server closed the connection": _ENDED,
    "the connection is lost": _ENDED,
    "attempt to write a readonly database": "it may not be written to",
    "unable to open database file": "it cannot be opened there",
    "database or disk is full": "the disk is full",
    "disk I/O error": "the disk refused",
    "file is not a database": "it is no SQLite database, or a damaged one",
    "database disk image is malformed": "it is damaged",
}


def default_file() -> Path:
    """Return where the store lies unless IMBALANCE_DB says otherwise."""
    import platformdirs

    return platformdirs.user_data_path("imbalance") / "history.db"


def is_server(address: str | None) -> bool:
    """Tell whether an address is that of a PostgreSQL database."""
    return bool(address) and str(address).startswith(POSTGRES)


def file_of(address: str | None, *, make: bool = False) -> Path:
    """Return the file of a store; the user's own where no address is given.

    Raises
    ------
    StoreError
        If the address cannot be one, or there is no file and none is to be made.
    """
    if address and "://" in address:
        raise StoreError("IMBALANCE_DB is neither a file nor postgresql://...")
    if address and "\0" in address:
        raise StoreError("IMBALANCE_DB is no name of a file")
    file = Path(address).expanduser() if address else default_file()
    try:
        if file.exists() and not file.is_file():
            raise StoreError(f"the store {file}: it is no regular file")
        if not make and not file.exists():
            raise NoStoreError(f"the store {file}: {NONE}", MAKE)
    except OSError as error:
        raise StoreError(f"the store {file}: {error.strerror}") from None
    return file


def trouble(place: str, error: Exception) -> StoreError:
    """Return what a database said as a sentence that names the store."""
    if isinstance(error, StoreError):
        if error.message.startswith("the store "):
            return error
        return type(error)(f"the store {place}: {error.message}", error.hint)
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    known = next((reason for words, reason in _REASONS.items() if words in said), said)
    late = getattr(cause, "sqlstate", None) in _LATE
    kind = StoreBusyError if late or known is _BUSY or _is_away(cause) else StoreError
    return kind(f"the store {place}: {known}")


def _is_away(cause: object) -> bool:
    """Tell whether a server ended the connection or cannot be reached: not its verdict on what was asked of it."""
    state = getattr(cause, "sqlstate", "")
    if state is None:
        # Of what the server said nothing of, a value that the driver refuses is no trouble with the connection.
        return any(kind.__name__ in _OF_CONNECTIONS for kind in type(cause).__mro__)
    return state[:2] == "08" or state in ENDED
