"""The command group; `main` is the only place that turns an error into an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from imbalance import __version__
from imbalance.errors import ImbalanceError
from imbalance_cli.commands import config, figures, sources
from imbalance_cli.context import say
from imbalance_cli.exits import Exit, code_of

app = typer.Typer(
    name="imbalance",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 data missing, 4 data too old, 5 a source failed under --strict.",
)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"imbalance {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001  its callback acts
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """If price moves: who gets liquidated, how much, and on which side is it lopsided?

    Reads public market data from the exchanges, without a key, and estimates a range for the longs and shorts
    that would be force-closed at each price.
    """
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


figures.add_to(app)
sources.add_to(app)
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"imbalance {__version__}\n")
        return
    try:
        app()
    except ImbalanceError as error:
        say(f"imbalance: {error.message}")
        if error.hint:
            say(f"  {error.hint}")
        sys.exit(code_of(error))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout at exit and would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.BROKEN_PIPE)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        say(f"imbalance: a bug: {type(error).__name__}: {error}")
        say("  Run again with --debug, and with --record DIR to keep the inputs; please report both.")
        sys.exit(Exit.BUG)
