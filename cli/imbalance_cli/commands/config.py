"""The configuration file: show, path, init."""

from __future__ import annotations

import sys

import typer

from imbalance.errors import UsageError
from imbalance_cli import configuration

app = typer.Typer(help="Show, find or start the configuration file.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show() -> None:
    """Print every setting as it applies now, without flags."""
    for name, value in configuration.filled({}).items():
        sys.stdout.write(f"{name} = {'-' if value is None else value}\n")


@app.command("path")
def path_() -> None:
    """Print where the configuration file is looked for."""
    sys.stdout.write(f"{configuration.path()}\n")


@app.command()
def init() -> None:
    """Write a commented configuration file, unless there is one."""
    file = configuration.path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(configuration.TEMPLATE)
    except FileExistsError:
        raise UsageError(f"{file} is already there", "Edit it, or remove it first.") from None
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    sys.stdout.write(f"{file}\n")
