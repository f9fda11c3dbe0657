"""The command group: one short module a command, each parsing, calling the service and rendering.

Command modules import Typer and options alone; the library loads when a command runs.
"""

from __future__ import annotations

import copy
import importlib
from typing import Annotated

import typer

from imbalance import __version__
from imbalance_cli.context import answer

# Which commands each module holds, in the order of the help.
MODULES: dict[str, tuple[str, ...]] = {
    "figures": (
        "report",
        "clusters",
        "heatmap",
        "cascade",
        "validate",
        "open-interest",
        "volume",
        "liquidations",
        "fear-greed",
    ),
    "signals": ("signals", "backtest"),
    "positions": ("positions",),
    "sources": ("sources",),
    "collect": ("collect",),
    "scan": ("scan",),
    "map_history": ("map-history",),
    "check": ("check",),
    "watch": ("watch",),
    "explain": ("explain",),
    "diff": ("diff",),
    "backfill": ("backfill",),
    "config": ("config",),
    "db": ("db",),
}

_group = typer.Typer(
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


@_group.callback(invoke_without_command=True)
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


def whole() -> typer.Typer:
    """Return the group of all commands."""
    return _of(list(MODULES))


def named(word: str) -> typer.Typer:
    """Return the group with the command of this name alone, and whole where there is none.

    To load the modules of all commands, and to make their options, takes longer than many a command runs.
    """
    holder = next((module for module, words in MODULES.items() if word in words), None)
    if holder is None:
        return whole()
    group = _of([holder])
    group.registered_commands = [command for command in group.registered_commands if command.name == word]
    return group


def _of(modules: list[str]) -> typer.Typer:
    group = copy.copy(_group)
    group.registered_commands, group.registered_groups = [], []
    for module in modules:
        importlib.import_module(f"{__name__}.{module}").add_to(group)
    return group
