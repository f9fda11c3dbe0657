"""Where the program starts; `main` is the only place that turns an error into an exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

from imbalance import __version__
from imbalance.errors import ImbalanceError


def _forget_stdout() -> None:
    """Let nothing be flushed to stdout at exit: where writing failed once, Python would complain once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"imbalance {__version__}\n")
        return
    # The process is short: looking for garbage costs more than it would free.
    gc.disable()
    from imbalance_cli.context import say
    from imbalance_cli.exits import ClosedPipeError, Exit, code_of

    try:
        from imbalance_cli.commands import app

        app(prog_name="imbalance")
    except ImbalanceError as error:
        say(f"imbalance: {error.message}")
        if error.hint:
            say(f"  {error.hint}")
        _forget_stdout()
        sys.exit(code_of(error))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except (BrokenPipeError, ClosedPipeError):
        _forget_stdout()
        sys.exit(Exit.BROKEN_PIPE)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"imbalance: a bug: {type(error).__name__}: {error}")
        say("  Run again with --debug, and with --record DIR to keep the inputs; please report both.")
        sys.exit(Exit.BUG)
