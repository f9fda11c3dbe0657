"""Maps of the past, to Parquet, on all cores or on a cluster."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import typer

from imbalance.errors import MissingDataError, UsageError
from imbalance.units import DAY_MS, HOUR_MS
from imbalance_cli import context, values
from imbalance_cli.commands.run import write
from imbalance_cli.formats import Format
from imbalance_cli.options import BARS, JOB, shared
from imbalance_cli.settings import Settings


@shared(symbol=False, own=JOB | {"bars": BARS["bars"]})
def map_history(settings: Settings) -> None:
    """Map every day or hour of a folder of bars into -o FOLDER, as Parquet."""
    from imbalance_cli.render import render, schema

    if settings.json_schema:
        write(schema("map-history"), None)
        return
    if settings.bars is None or settings.output is None:
        raise UsageError("map-history reads a folder and fills one", "Give --bars FOLDER and -o FOLDER.")
    step_ms = values.span_ms("--every", settings.step)
    if step_ms not in {HOUR_MS, DAY_MS}:
        raise UsageError(f"--every {settings.step}: maps are made every 1h or 1d")
    if settings.cluster is not None and settings.jobs is not None:
        raise UsageError("--jobs is of this machine, --cluster of others: give one")
    from imbalance import jobs
    from imbalance.map_history import map_history as made

    options = settings.service()
    with _progress(settings) as done:
        document = made(
            settings.bars,
            settings.output,
            [symbol.upper() for symbol in settings.symbols],
            step_ms=step_ms,
            warm_up_ms=options.lookback_ms,
            run=jobs.local(settings.jobs) if settings.cluster is None else jobs.cluster(settings.cluster),
            now_ms=context.now_ms(),
            done=done,
        )
    kind = settings.asked_format or settings.format
    screen = context.screen(
        width=settings.width, color=settings.color, ascii_only=settings.ascii, to_file=False, full=settings.verbose
    )
    write(render(document, Format(kind), screen), None)
    failed = [p for p in document.partitions if p.state == "failed"]
    if failed:
        raise MissingDataError(
            f"{len(failed)} of {len(document.partitions)} partitions could not be made",
            f"{failed[0].symbol} {failed[0].month}: {failed[0].why}",
        )


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr as partitions end; only at a terminal."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda _tasks: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, markup=False, highlight=False)
    with Progress(console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("months", total=None)
        yield lambda tasks: bar.update(task, total=tasks, advance=1)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("map-history")(map_history)
