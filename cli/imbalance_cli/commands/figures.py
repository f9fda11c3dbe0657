"""The commands that read figures: report, clusters, open-interest, volume, liquidations, fear-greed."""

from __future__ import annotations

import typer

from imbalance_cli import context
from imbalance_cli.commands.run import run
from imbalance_cli.options import CELLS, COIN, DRAWING, HORIZON, PUSH, shared
from imbalance_cli.settings import Settings


@shared(bars=True)
def report(settings: Settings) -> None:
    """Map the market's liquidations beside its other gauges."""
    run("report", settings)


@shared(bars=True, own=DRAWING)
def clusters(settings: Settings) -> None:
    """Map liquidations by price: risks, bands and clusters."""
    run("clusters", settings)


@shared(bars=True, own=CELLS | DRAWING)
def heatmap(settings: Settings) -> None:
    """Map liquidations through time: at the terminal, or -o map.png."""
    run("heatmap", settings)


@shared(bars=True, own=PUSH)
def cascade(settings: Settings) -> None:
    """Simulate a price shock: liquidations it triggers, how far they carry."""
    run("cascade", settings)


@shared(bars=True, own=HORIZON | DRAWING)
def validate(settings: Settings) -> None:
    """Score the map, walking forward, against observed liquidations."""
    run("validate", settings)


@shared()
def open_interest(settings: Settings) -> None:
    """Read open interest, one side, in coins and USD."""
    run("open-interest", settings)


@shared()
def volume(settings: Settings) -> None:
    """Read traded volume: 24 hours and calendar months."""
    run("volume", settings)


@shared()
def liquidations(settings: Settings) -> None:
    """Read observed liquidations of the last 24 hours, by source."""
    run("liquidations", settings)


@shared(symbol=False, own=COIN)
def fear_greed(settings: Settings) -> None:
    """Read the Crypto Fear & Greed Index."""
    if settings.coin and not settings.quiet:
        context.say(f"imbalance: note: there is one index for all coins; {settings.coin} changes nothing")
    run("fear-greed", settings)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("report")(report)
    app.command("clusters")(clusters)
    app.command("heatmap")(heatmap)
    app.command("cascade")(cascade)
    app.command("validate")(validate)
    app.command("open-interest")(open_interest)
    app.command("volume")(volume)
    app.command("liquidations")(liquidations)
    app.command("fear-greed")(fear_greed)
