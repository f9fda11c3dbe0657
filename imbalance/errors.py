"""One tree for every error the library raises; it imports nothing.

::

    ImbalanceError
    ├── UsageError                 what the caller asked for cannot be
    │   ├── UnknownSymbolError     no venue lists it; carries near names
    │   ├── BarsError              a bars file; names the row
    │   ├── ExpressionError        a condition cannot be read; names the column
    │   └── StoreError             the local history cannot be read or written; names the store
    │       ├── StoreBusyError     others write to it, or the line to its server broke: later it may do
    │       └── NoStoreError       there is none yet
    ├── SourceError                one source failed; names it and the endpoint
    │   ├── ParseError             the body is not what is documented; names the JSON path
    │   ├── RefusedError           the source answered no (HTTP status or error body)
    │   │   ├── BlockedError       403/451: this place or address is refused
    │   │   ├── RateLimitedError   429/418 or the venue's own code
    │   │   ├── KeyRefusedError    a key is missing, wrong or its plan too small
    │   │   └── NotOpenError       the source keeps this from everyone without a key: a gap, no failure
    │   ├── UnreachableError       no connection, or it broke
    │   ├── DeadlineError          no whole answer in time
    │   ├── DamagedError           a file is not what its checksum says, or cannot be unpacked
    │   ├── TooLargeError          more bytes than any true answer has
    │   ├── NotRecordedError       a replay lacks this request
    │   └── DoubtfulError          the figures cannot be true: they are left out
    ├── MissingDataError           what the answer needs is not there
    ├── StaleDataError             what is there is older than allowed
    └── StrictError                a source failed where none may
"""

from __future__ import annotations

SHOWN_CHARACTERS = 120  # a longer text breaks lines, and nothing points into it


class ImbalanceError(Exception):
    """Base of all errors of this library; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImbalanceError):
    """What the caller asked for cannot be."""


class UnknownSymbolError(UsageError):
    """No venue lists the symbol; `near` holds names like it."""

    def __init__(self, symbol: str, near: list[str]) -> None:
        hint = f"Did you mean {', '.join(near)}?" if near else "Use a base coin such as BTC, ETH or SOL."
        super().__init__(f"no venue lists a perpetual on {symbol!r}", hint)
        self.symbol = symbol
        self.near = near


class BarsError(UsageError):
    """A bars file cannot be used; the message names file, row and column."""


class ExpressionError(UsageError):
    """A condition cannot be read; `column`, from 1, is where."""

    def __init__(self, text: str, column: int, message: str, hint: str = "") -> None:
        pointed = f"{text}\n{' ' * (column - 1)}^" if len(text) <= SHOWN_CHARACTERS and text.isprintable() else ""
        super().__init__(f"column {column}: {message}", "\n".join(filter(None, (pointed, hint))))
        self.column = column


class StoreError(UsageError):
    """The local history cannot be read or written; the message names the store."""


class StoreBusyError(StoreError):
    """The local history cannot be written to now: others do for longer than one waits, or its server is away."""


class NoStoreError(StoreError):
    """There is no local history yet."""


class SourceError(ImbalanceError):
    """One source failed."""

    def __init__(self, source: str, endpoint: str, message: str, hint: str = "") -> None:
        super().__init__(f"{source} {endpoint}: {message}", hint)
        self.source = source
        self.endpoint = endpoint
        self.reason = message


class ParseError(SourceError):
    """The body is not what is documented; `path` is the JSON path of the fault."""

    def __init__(self, source: str, endpoint: str, message: str, path: str = "$") -> None:
        super().__init__(source, endpoint, f"unexpected answer at {path}: {message}")
        self.path = path


class RefusedError(SourceError):
    """The source answered no; `status` is the HTTP status."""

    def __init__(self, source: str, endpoint: str, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(source, endpoint, message, hint)
        self.status = status


class BlockedError(RefusedError):
    """HTTP 403 or 451: this place or address is refused."""


class RateLimitedError(RefusedError):
    """Too many requests; `retry_after_s` is what the source asked for, if it did."""

    retry_after_s: float | None = None


class KeyRefusedError(RefusedError):
    """A key is missing, wrong, or its plan does not include the endpoint."""


class NotOpenError(RefusedError):
    """The source keeps this series from everyone without a key; a gap, and no failure."""


class UnreachableError(SourceError):
    """No connection, or it broke."""


class DeadlineError(SourceError):
    """No whole answer before the deadline."""


class DamagedError(SourceError):
    """A file is not what its checksum says, or cannot be unpacked."""


class TooLargeError(SourceError):
    """The body is larger than any true answer."""


class NotRecordedError(SourceError):
    """The recording that is replayed lacks this request."""


class DoubtfulError(SourceError):
    """What the source gave cannot be true, so that it is left out of sums and maps."""


class MissingDataError(ImbalanceError):
    """What the answer needs is not there."""


class StaleDataError(ImbalanceError):
    """What is there is older than `--max-age` allows."""


class StrictError(ImbalanceError):
    """A source failed under `--strict`."""
