"""The health of each source."""

from __future__ import annotations

import typer

from imbalance_cli.commands.run import run
from imbalance_cli.options import Settings, shared


@shared()
def sources(settings: Settings) -> None:
    """Check every source: status, latency, what a failure means."""
    run("sources", settings)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("sources")(sources)
