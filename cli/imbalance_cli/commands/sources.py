"""What the sources give and how they are."""

from __future__ import annotations

import typer

from imbalance_cli.commands.run import run
from imbalance_cli.options import PROBE, shared
from imbalance_cli.settings import Settings


@shared(own=PROBE)
def sources(settings: Settings) -> None:
    """Show what each source gives; --probe asks how it is."""
    run("sources", settings)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("sources")(sources)
