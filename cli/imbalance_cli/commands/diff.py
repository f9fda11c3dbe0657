"""What changed between two reports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imbalance_cli import completion, context
from imbalance_cli.commands.run import write
from imbalance_cli.formats import Format, chosen


def diff(
    reports: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REPORT] [REPORT]",
            help="The earlier, the later: each a JSON file, or a time up to which the last one stored counts.",
        ),
    ] = None,
    *,
    symbol: Annotated[
        str | None, typer.Option(metavar="COIN", help="Coin of stored reports.", autocompletion=completion.coins)
    ] = None,
    format_: Annotated[Format | None, typer.Option("--format", "-f", help="How to write the answer.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer to a file.")
    ] = None,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Print the schema of the JSON.")] = False,
) -> None:
    """Compare a report with an earlier one: by default the last two stored."""
    from imbalance import comparing
    from imbalance.errors import UsageError
    from imbalance_cli.render import render, schema

    if json_schema:
        write(schema("diff"), output)
        return
    names = reports or []
    if len(names) > 2:  # noqa: PLR2004  an earlier and a later one
        raise UsageError(f"{len(names)} reports given: two can be compared")
    kind = chosen("diff", output, Format.JSON if json_ else format_, Format.TABLE)
    document = comparing.diff(os.environ.get("IMBALANCE_DB"), symbol.upper() if symbol else None, names)
    screen = context.screen(width=None, color=None, ascii_only=False, to_file=output is not None)
    write(render(document, Format(kind), screen), output)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("diff")(diff)
