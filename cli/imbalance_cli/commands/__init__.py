"""The command group: one short module a command, each parsing, calling the service and rendering.

Command modules import Typer and options alone; the library loads when a command runs.
"""

from __future__ import annotations

import copy
from typing import Annotated

import typer

from imbalance import __version__
from imbalance_cli.commands import (
    backfill,
    check,
    collect,
    config,
    db,
    diff,
    explain,
    figures,
    map_history,
    positions,
    scan,
    signals,
    sources,
    watch,
)
from imbalance_cli.context import answer

app = typer.Typer(
    name="imbalance",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 data missing, 4 data too old, 5 a source failed under --strict, "
    "10 a condition is true.",
)


def _version(value: bool) -> None:
    if value:
        answer(f"imbalance {__version__}\n")
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
        answer(context.get_help() + "\n")


figures.add_to(app)
signals.add_to(app)
positions.add_to(app)
sources.add_to(app)
collect.add_to(app)
scan.add_to(app)
map_history.add_to(app)
check.add_to(app)
watch.add_to(app)
explain.add_to(app)
diff.add_to(app)
backfill.add_to(app)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")


def named(word: str) -> typer.Typer:
    """Return the group with the command of this name alone, and whole where there is none.

    To make the options of all commands takes longer than many a command runs.
    """
    commands = [command for command in app.registered_commands if command.name == word]
    groups = [group for group in app.registered_groups if group.name == word]
    if not commands and not groups:
        return app
    alone = copy.copy(app)
    alone.registered_commands, alone.registered_groups = commands, groups
    return alone
