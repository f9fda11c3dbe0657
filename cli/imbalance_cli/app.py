"""Where the program starts; `main` is the only place that turns an error into an exit code."""

from __future__ import annotations

import os
import sys

# What is imported before signals are handled can only end with a traceback: as little as possible.
from imbalance_cli import process

HELP_COLUMNS = 80
NAGIOS = "--nagios"
COMPLETING = "_IMBALANCE_COMPLETE"  # a shell asks for completions, and gives no words


def program() -> None:
    """Run the command line as a process of its own, which ends with it."""
    process.own = True
    main()
    process.leave()


def main() -> None:
    """Run the command line; whoever calls it goes on where nothing went wrong."""
    process.end_on_signals()
    process.complete_streams()
    known = _known_answer(sys.argv[1:])
    code = _print(known) if known else _ended()
    if NAGIOS in sys.argv:
        from imbalance_cli import exits

        code = exits.nagios(code)
    try:
        sys.stderr.flush()
    except (OSError, ValueError):  # what could not be said is nobody's error
        process.forget(sys.stderr)
    if code:
        process.forget(sys.stdout)
        sys.exit(code)


def _known_answer(words: list[str]) -> str:
    """Return what is printed for words that ask for the version or the help, empty for others.

    Both are known before anything is loaded; the help is written by ``python -m tests.man``, for 80 columns and more.
    """
    if words == ["--version"]:
        from imbalance import __version__

        return f"imbalance {__version__}\n"
    asked = words in (["--help"], ["-h"]) or (not words and COMPLETING not in os.environ)
    if asked and process.columns() >= HELP_COLUMNS:
        with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as stream:  # noqa: PTH118, PTH120, PTH123  pathlib takes longer to load than all this
            return stream.read()
    return ""


def _print(text: str) -> int:
    """Print an answer that is known before anything is loaded."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return 141  # as everywhere; what names it is not loaded
    except OSError as error:
        sys.stderr.write(f"imbalance: cannot write the answer: {error.strerror}\n")
        return 2
    return 0


def _ended() -> int:
    """Run a command and return its exit code; every error is told on the way."""
    import gc

    # The process is short: looking for garbage, also while it loads, costs more than it would free, and threads for
    # small sums more than they bring.
    gc.disable()

    from imbalance.errors import ImbalanceError
    from imbalance_cli.context import say, say_all
    from imbalance_cli.exits import ClosedPipeError, Exit, code_of

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _run()
        sys.stdout.flush()
        gc.freeze()  # what is left goes with the process: its last look for garbage would go through all of it
    except ImbalanceError as error:
        _tell_nagios(error.message)
        say(f"imbalance: {error.message}")
        say_all(error.hint, indent="  ")
        return code_of(error)
    except (BrokenPipeError, ClosedPipeError):
        return Exit.BROKEN_PIPE
    except OSError as error:
        # The system's trouble, such as a full disk behind stdout: whoever caused it reads what it is.
        place = "" if error.filename is None else f" {error.filename}"
        told = f"the system refused{place}: {error.strerror or error}"
        _tell_nagios(told)
        say(f"imbalance: {told}")
        return Exit.USAGE
    except MemoryError as error:
        _tell_nagios("there is not enough memory for this")
        say(f"imbalance: there is not enough memory for this{f': {error}' if str(error) else ''}")
        say("  Ask for less at once: a shorter --lookback, a longer --interval, fewer --columns and --bins.")
        return Exit.USAGE
    except Exception as error:  # noqa: BLE001  a bug of ours, told as one
        _tell_nagios(f"a bug: {type(error).__name__}")
        if "--debug" in sys.argv:
            import traceback

            say_all(traceback.format_exc())
            return Exit.BUG
        say(f"imbalance: a bug: {type(error).__name__}: {error}")
        say("  Run again with --debug, and with --record DIR to keep the inputs; please report both.")
        return Exit.BUG
    return code


def _tell_nagios(reason: str) -> None:
    """Answer that nothing is known, where a monitor asks: it shows the first line of stdout alone."""
    if NAGIOS in sys.argv:
        from imbalance_cli.safe import line

        _print(line(f"IMBALANCE UNKNOWN - {reason}").replace("|", "/") + "\n")


def _run() -> int:
    """Let Typer parse and run; its own errors, which repeat arguments, are told like all others."""
    import io

    import typer

    from imbalance_cli.commands import named, whole
    from imbalance_cli.context import say_all
    from imbalance_cli.exits import Exit

    words = sys.argv[1:]
    asked = whole() if COMPLETING in os.environ or not words else named(words[0])
    try:
        code = asked(prog_name="imbalance", standalone_mode=False)
    except typer.TyperException as error:
        told = io.StringIO()
        # All that Typer raises can show itself, though their common class does not say so.
        error.show(told)  # type: ignore[attr-defined]
        _tell_nagios(told.getvalue().rstrip("\n").rpartition("\n")[2].removeprefix("Error: "))
        say_all(told.getvalue())
        return error.exit_code
    except SystemExit as ended:  # Typer's end of a completion, or of a pipe that was closed
        return Exit.BROKEN_PIPE if ended.code else 0
    return code if isinstance(code, int) else 0
