"""The local history: info, check, vacuum, prune, export, migrate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imbalance.errors import UsageError
from imbalance.units import INTERVALS_MS
from imbalance_cli import completion, context, safe, values
from imbalance_cli.formats import Format
from imbalance_cli.options import SYMBOL

app = typer.Typer(help="Look after the local history of live runs.", no_args_is_help=True, rich_markup_mode=None)


def _address() -> str | None:
    return os.environ.get("IMBALANCE_DB")


def _say(text: str) -> None:
    context.answer(safe.line(text) + "\n")


@app.command()
def info(
    *,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to write the answer.")] = Format.TABLE,
    json_: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
) -> None:
    """Show how large it is, and what is known of each series and what is missing."""
    from imbalance import history
    from imbalance_cli.render import render

    document = history.info(_address(), context.now_ms())
    screen = context.screen(width=None, color=None, ascii_only=False, to_file=False)
    context.answer(render(document, Format.JSON if json_ else format_, screen))


@app.command()
def check() -> None:
    """Look it through for damage: exit 2 where there is any."""
    from imbalance import history

    _say(f"{history.check(_address())}: no damage found")


@app.command()
def vacuum() -> None:
    """Give room that is no longer used back to the system."""
    from imbalance import history

    before, after = history.vacuum(_address())
    _say(f"{before:,} bytes before, {after:,} now")


@app.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="SPAN", help="Such as 400d or 52w.")],
) -> None:
    """Remove rows and reports of longer ago than a span."""
    from imbalance import history

    before_ms = context.now_ms() - values.span_ms("--older-than", older_than)
    rows, reports = history.prune(_address(), before_ms)
    _say(f"{rows:,} rows and {reports:,} reports removed; imbalance db vacuum gives their room back")


@app.command()
def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Ends in .csv, .csv.gz or .parquet, or a folder.")
    ],
    symbol: SYMBOL = "BTC",
    interval: Annotated[
        str, typer.Option(metavar="BAR", help="Length of the bars.", autocompletion=completion.intervals)
    ] = "15m",
    *,
    all_: Annotated[bool, typer.Option("--all", help="All coins, into a folder.")] = False,
) -> None:
    """Write the bars of a coin as a file, or as a folder of months, for --bars."""
    from imbalance import history

    if interval not in INTERVALS_MS:
        raise UsageError(f"--interval {interval!r} is not one of {', '.join(INTERVALS_MS)}")
    many = history.export(_address(), None if all_ else symbol.upper(), INTERVALS_MS[interval], output)
    _say(f"{output}: {many:,} rows")


@app.command()
def migrate() -> None:
    """Bring one that an earlier version made to the newest schema."""
    from imbalance import history

    before, after = history.migrate(_address())
    _say(f"schema {after} is the newest" if before == after else f"from schema {before or 0} to {after}")


def add_to(group: typer.Typer) -> None:
    """Register the group of commands."""
    group.add_typer(app, name="db")
