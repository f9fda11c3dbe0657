"""The commands that read figures: report, clusters, open-interest, volume, liquidations, fear-greed."""

from __future__ import annotations

import msgspec
import typer

from imbalance.errors import UsageError
from imbalance_cli import context, working
from imbalance_cli.commands.run import run
from imbalance_cli.options import CELLS, COIN, COINS, DRAWING, HORIZON, PUSH, WORK, shared
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


@shared(symbol=False, bars=True, own=COINS | HORIZON | DRAWING | WORK)
def validate(settings: Settings) -> None:
    """Score the map, walking forward, against observed liquidations."""
    if not settings.every_coin and len(settings.symbols) <= 1 and settings.cluster is None:
        run("validate", msgspec.structs.replace(settings, symbol="".join(settings.symbols) or "BTC"))
        return
    if settings.replay or settings.record or (settings.no_store and not settings.bars):
        raise UsageError("several coins are validated on stored bars, or on --bars FOLDER", "Give --bars FOLDER.")
    from imbalance.coin_by_coin import validate as validated

    run("validate-coins", settings, use_case=working.coin_by_coin(validated, settings, several=True))


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
