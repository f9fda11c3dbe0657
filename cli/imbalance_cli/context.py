"""Streams, terminal and clock: everything about the outside that rendering needs to know."""

from __future__ import annotations

import os
import sys
import time

import msgspec

from imbalance.errors import UsageError
from imbalance_cli import safe
from imbalance_cli.exits import ClosedPipeError
from imbalance_cli.process import WITHOUT_TERMINAL, columns

NARROWEST = 40
WIDEST = 200  # more is filled with nothing


class Screen(msgspec.Struct, frozen=True):
    """How to draw: columns, colour, whether only ASCII may be used, and whether all there is is shown."""

    width: int
    color: bool
    ascii: bool
    full: bool = False


def screen(*, width: int | None, color: bool | None, ascii_only: bool, to_file: bool, full: bool = False) -> Screen:
    """Return the screen of this run: options first, then the environment, then the terminal.

    NO_COLOR (any value but empty), FORCE_COLOR (any value but empty and 0) and TERM=dumb are honoured.
    """
    dumb = os.environ.get("TERM", "") == "dumb"
    terminal = sys.stdout.isatty() and not to_file
    if color is None:
        forced = os.environ.get("FORCE_COLOR", "")
        if os.environ.get("NO_COLOR"):
            color = False
        elif forced:
            color = forced != "0"
        else:
            color = terminal and not dumb
    if width is None:
        width = columns() if terminal else WITHOUT_TERMINAL
    encoding = "utf-8" if to_file else (sys.stdout.encoding or "ascii")
    return Screen(min(max(width, NARROWEST), WIDEST), color, ascii_only or dumb or not _carries(encoding), full)


def _carries(encoding: str) -> bool:
    try:
        "█─÷".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def now_ms() -> int:
    """Return the time now in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def answer(text: str) -> None:
    """Write to stdout what was asked for.

    Raises
    ------
    ClosedPipeError
        If its reader has gone.
    UsageError
        If it cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ClosedPipeError from None
    except OSError as error:
        raise UsageError(f"cannot write the answer to stdout: {error.strerror}") from None


def say(message: str) -> None:
    """Write a line to stderr, whatever it repeats; a closed stderr is nobody's error."""
    try:
        sys.stderr.write(safe.line(message) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def say_all(text: str, indent: str = "") -> None:
    """Write the lines of a text to stderr."""
    for line in text.rstrip("\n").split("\n") if text else []:
        say(indent + line)
