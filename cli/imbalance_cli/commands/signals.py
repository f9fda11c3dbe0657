"""Signals, and what followed them before."""

from __future__ import annotations

import typer

from imbalance_cli import working
from imbalance_cli.commands.run import run
from imbalance_cli.options import NOT_ASKING, STUDY, WORK, shared
from imbalance_cli.settings import Settings


@shared(bars=True)
def signals(settings: Settings) -> None:
    """Read every signal with its evidence, and the squeeze checklists."""
    run("signals", settings)


@shared(symbol=False, without=NOT_ASKING, own=STUDY | WORK)
def backtest(settings: Settings) -> None:
    """Study what followed a signal, and whether chance explains it."""
    from imbalance.coin_by_coin import backtest as studied

    several = settings.every_coin or len(settings.symbols) > 1 or len(settings.files) > 1
    run("backtest", settings, use_case=working.coin_by_coin(studied, settings, several=several))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("signals")(signals)
    app.command("backtest")(backtest)
