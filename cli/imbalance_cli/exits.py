"""Exit codes, and what an error says on its way out."""

from __future__ import annotations

import enum

from imbalance import errors


class Exit(enum.IntEnum):
    """What the program's exit code means."""

    DONE = 0
    BUG = 1
    USAGE = 2
    MISSING = 3
    STALE = 4
    STRICT = 5
    TRUE = 10
    INTERRUPTED = 130
    BROKEN_PIPE = 141


CODES: tuple[tuple[type[errors.ImbalanceError], Exit], ...] = (
    (errors.UsageError, Exit.USAGE),
    (errors.StaleDataError, Exit.STALE),
    (errors.StrictError, Exit.STRICT),
    (errors.MissingDataError, Exit.MISSING),
    (errors.SourceError, Exit.MISSING),
)


class ClosedPipeError(Exception):
    """Whoever read the answer went away; Typer would turn the plain error into exit code 1."""


def nagios(code: int) -> int:
    """Return an exit code as Nagios reads it: OK, CRITICAL where a condition is true, UNKNOWN for anything else."""
    return {Exit.DONE: 0, Exit.TRUE: 2}.get(Exit(code), 3)


def code_of(error: errors.ImbalanceError) -> Exit:
    """Return the exit code of an error."""
    return next((code for kind, code in CODES if isinstance(error, kind)), Exit.BUG)
