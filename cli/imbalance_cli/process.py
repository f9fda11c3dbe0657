"""The process itself: how it ends when it is told to, and streams that were closed before it began.

It is loaded before signals are handled, so that it loads next to nothing.
"""

from __future__ import annotations

import io
import os
import signal
import sys

TYPE_CHECKING = False  # as type checkers know it, without loading typing
if TYPE_CHECKING:
    from types import FrameType
    from typing import TextIO

# Interrupted, told to end, or the terminal has gone (which not every system can tell).
ENDING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
BY_SIGNAL = 128  # what shells add a signal's number to
HIDDEN_CURSOR_BACK = "\x1b[?25h"
WITHOUT_TERMINAL = 80  # columns

own = False  # whether the process is the command's, so that nobody goes on after it


def end_on_signals() -> None:
    """End at once, and without a traceback, where the user interrupts, the terminal goes or the system asks to end.

    An exception in place of this would be lost wherever Python swallows one, and tell of it at length.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    # It may not be loaded yet, or be half loaded: then nothing was written.
    drop = getattr(sys.modules.get("imbalance.files"), "drop_unfinished", None)
    if drop is not None:
        drop()
    told = "interrupted\n" if number == signal.SIGINT else "ended\n"
    try:  # noqa: SIM105  what would say it shorter is not loaded
        os.write(2, ((HIDDEN_CURSOR_BACK if os.isatty(2) else "") + told).encode())
    except OSError:  # nobody listens
        pass
    os._exit(BY_SIGNAL + number)


def complete_streams() -> None:
    """Put something behind streams that were closed: the next file opened would take their place.

    To a closed stdout nothing can be written, which is told where something is; stderr and stdin are nobody's error.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as we run
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # Under PYTHONUNBUFFERED a text is one write, of which the system may take a part and nobody the rest.
        sys.stdout = open(1, "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115  for as long as we run
    # A letter that the terminal's encoding lacks is written as its number.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def forget(stream: TextIO) -> None:
    """Let nothing more be flushed to a stream: where writing failed once, Python would complain once more at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return


def columns() -> int:
    """Return how wide the terminal is, as Typer finds out."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size().columns or WITHOUT_TERMINAL
    except (OSError, ValueError):
        return WITHOUT_TERMINAL


def leave() -> None:
    """End a process of our own here, with code 0, unless something is still to be done, as by threads: then return.

    What is in memory goes with the process: to free it piece by piece before takes as long as to draw a report.
    """
    import atexit

    if not own:
        return

    left = getattr(atexit, "_ncallbacks", None)  # not promised; without it Python ends as it does
    threads = sys.modules.get("threading")
    if left is None or left() or (threads is not None and threads.active_count() > 1):
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(0)
