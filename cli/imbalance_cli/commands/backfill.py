"""Filling the local history with the past."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imbalance.errors import UsageError
from imbalance.units import INTERVALS_MS
from imbalance_cli import completion, context, values
from imbalance_cli.formats import Format
from imbalance_cli.options import SYMBOL


def backfill(
    symbol: SYMBOL = "BTC",
    *,
    since: Annotated[str, typer.Option("--since", metavar="DATE", help="First day to have, such as 2024-01-01.")],
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="BAR",
            help="Length of the bars; days are read beside them.  [default: 15m, of a folder all]",
            autocompletion=completion.intervals,
        ),
    ] = None,
    venue: Annotated[
        list[str] | None,
        typer.Option(
            "--venue",
            "-x",
            metavar="NAME",
            help="Only this venue (repeatable).",
            autocompletion=completion.venues,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Read files of Binance's archive there instead of the network."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be read, and read nothing.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again for what was found missing in earlier runs.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 5 if a file or page fails.")] = False,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to write the answer.")] = Format.TABLE,
    json_: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="On stderr errors alone: no progress, no gaps.")] = False,
) -> None:
    """Fill the local history with the past, from files and APIs."""
    from imbalance.backfill.run import Request, backfill
    from imbalance.fetch.settings import SourceSettings
    from imbalance_cli.progress import following
    from imbalance_cli.render import render

    if interval is not None and interval not in INTERVALS_MS:
        raise UsageError(f"--interval {interval!r} is not one of {', '.join(INTERVALS_MS)}")
    request = Request(
        symbol=symbol.upper(),
        since_ms=values.time_ms(since, "--since"),
        interval=interval,
        venues=tuple(name.lower() for name in venue or ()),
        folder=folder,
        dry_run=dry_run,
        again=again,
        strict=strict,
    )
    with following(quiet=quiet or dry_run) as progress:
        document = backfill(
            os.environ.get("IMBALANCE_DB"), request, SourceSettings.from_environment(), context.now_ms(), progress
        )
    kind = Format.JSON if json_ else format_
    if not quiet and kind is Format.TEXT:
        for gap in document.gaps:
            context.say(f"imbalance: gap: {gap.source} {gap.what}: {gap.message}")
    screen = context.screen(width=None, color=None, ascii_only=False, to_file=False)
    context.answer(render(document, kind, screen))


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("backfill")(backfill)
