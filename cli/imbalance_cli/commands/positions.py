"""Real positions of known accounts."""

from __future__ import annotations

import typer

from imbalance_cli.commands.run import run
from imbalance_cli.options import ACCOUNTS, shared
from imbalance_cli.settings import Settings


@shared(own=ACCOUNTS)
def positions(settings: Settings) -> None:
    """Read Hyperliquid accounts: where they are liquidated, beside the map."""
    run("positions", settings)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("positions")(positions)
