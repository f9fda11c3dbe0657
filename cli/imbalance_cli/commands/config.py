"""The configuration file: show, path, init."""

from __future__ import annotations

import os

import typer

from imbalance import files
from imbalance.errors import UsageError
from imbalance_cli import configuration, safe
from imbalance_cli.context import answer

app = typer.Typer(help="Show, locate or create the configuration file.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show() -> None:
    """Print every setting as it applies now, without flags."""
    for name, value in configuration.filled({}).items():
        answer(safe.line(f"{name} = {'-' if value is None else value}") + "\n")


@app.command("path")
def path_() -> None:
    """Print where the configuration file is looked for."""
    answer(safe.line(str(configuration.path())) + "\n")


@app.command()
def init() -> None:
    """Write a commented configuration file, unless there is one."""
    file = configuration.path()
    if os.path.lexists(file):
        raise UsageError(f"{file} is already there", "Edit it, or remove it first.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, configuration.TEMPLATE.encode(), mode=files.PRIVATE)  # addresses hold passwords
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    answer(safe.line(str(file)) + "\n")


def add_to(group: typer.Typer) -> None:
    """Register the group of commands."""
    group.add_typer(app, name="config")
