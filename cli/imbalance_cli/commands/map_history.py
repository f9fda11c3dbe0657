"""Maps of the past, to Parquet, on all cores or on a cluster."""

from __future__ import annotations

import typer

from imbalance.errors import MissingDataError, UsageError
from imbalance.units import DAY_MS, HOUR_MS
from imbalance_cli import context, values, working
from imbalance_cli.commands.run import write
from imbalance_cli.formats import Format
from imbalance_cli.options import COINS_OF_BARS, EVERY, FOLDERS, NOT_MAPPING, WORK, shared
from imbalance_cli.settings import Settings


@shared(symbol=False, own=COINS_OF_BARS | EVERY | WORK | FOLDERS, without=NOT_MAPPING)
def map_history(settings: Settings) -> None:
    """Map each day or hour of stored or own bars, as Parquet."""
    from imbalance_cli.render import render, schema

    if settings.json_schema:
        write(schema("map-history"), None)
        return
    if settings.output is None:
        raise UsageError(
            "map-history fills a folder", "Give -o FOLDER, and --bars FOLDER unless stored bars are meant."
        )
    step_ms = values.span_ms("--every", settings.step)
    if step_ms not in {HOUR_MS, DAY_MS}:
        raise UsageError(f"--every {settings.step}: maps are made every 1h or 1d")
    from imbalance.map_history import map_history as made

    options = settings.service()
    bars = working.bars_of(settings)
    run = working.runner(settings)
    with working.progress(settings, "months") as done:
        document = made(
            bars,
            settings.output,
            options.symbols,
            step_ms=step_ms,
            warm_up_ms=options.lookback_ms,
            run=run,
            now_ms=context.now_ms(),
            done=done,
        )
    kind = settings.asked_format or settings.format
    screen = settings.screen()
    write(render(document, Format(kind), screen), None)
    failed = [p for p in document.partitions if p.state == "failed"]
    if failed:
        raise MissingDataError(
            f"{len(failed)} of {len(document.partitions)} partitions could not be made",
            f"{failed[0].symbol} {failed[0].month}: {failed[0].why}",
        )


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("map-history")(map_history)
