"""Signals, and what followed them before."""

from __future__ import annotations

import typer

from imbalance_cli.commands.run import run
from imbalance_cli.options import NOT_ASKING, STUDY, shared
from imbalance_cli.settings import Settings


@shared(bars=True)
def signals(settings: Settings) -> None:
    """Read every signal with its evidence, and the squeeze checklists."""
    run("signals", settings)


@shared(symbol=False, without=NOT_ASKING, own=STUDY)
def backtest(settings: Settings) -> None:
    """Study what followed a signal, and whether chance explains it."""
    run("backtest", settings)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("signals")(signals)
    app.command("backtest")(backtest)
