"""Many coins beside each other."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec
import typer

from imbalance.errors import StrictError, UsageError
from imbalance_cli import context, safe
from imbalance_cli.commands.run import require_writable, tell, write
from imbalance_cli.formats import Format, chosen
from imbalance_cli.options import SCAN, shared
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    from imbalance.report.tree import ScanReport, ScanRow

    Told = Callable[[ScanRow | None, int], None]

LARGEST = 10
RANKINGS = ("open-interest", "volume")


@shared(symbol=False, own=SCAN)
def scan(settings: Settings) -> None:
    """Read many coins, a row each: NDJSON as they come with --json."""
    kind = _asked(settings)
    if settings.json_schema:
        from imbalance_cli.render import schema

        write(schema("scan"), settings.output)
        return
    at_once = kind is Format.JSON and settings.output is None and settings.sort is None
    with _progress(settings) as told:

        def done(row: ScanRow | None, coins: int) -> None:
            told(row, coins)
            if at_once and row is not None:
                context.answer(_line(row))

        document = _scanned(settings, done)
    if not settings.quiet:
        tell(document, kind, settings)
    if not at_once:
        _write(document, kind, settings)
    failed = [row for row in document.rows if row.failed]
    if settings.strict and failed:
        how_many = f"{len(failed)} of {len(document.rows)} coins"
        raise StrictError(f"{how_many} failed under --strict, the first: {failed[0].symbol}")


def _asked(settings: Settings) -> Format:
    """Return how the answer is written, after the options were looked through."""
    if sum((bool(settings.symbols), settings.top is not None, settings.all_coins)) > 1:
        raise UsageError("coins, --top and --all are three ways to say which: give one")
    if settings.by not in RANKINGS:
        raise UsageError(f"--by {settings.by!r} is not one of {', '.join(RANKINGS)}")
    kind = chosen("scan", settings.output, settings.asked_format, settings.format)
    if settings.output is not None:
        require_writable(settings.output, settings)
    return Format(kind)


def _scanned(settings: Settings, done: Told) -> ScanReport:
    import gc

    from imbalance.fetch.settings import SourceSettings
    from imbalance.scan import scan as read

    options = settings.service()
    if not settings.symbols and not settings.all_coins:
        options = msgspec.structs.replace(options, top=settings.top or LARGEST)
    # A scan runs long enough for what is let go of to be looked for; what was loaded before it stays.
    gc.freeze()
    gc.enable()
    return read(options, SourceSettings.from_environment(), context.now_ms(), done)


def _line(row: ScanRow) -> str:
    import msgspec

    return safe.json_text(msgspec.json.encode(safe.document(row, safe.whole))) + "\n"


def _write(document: ScanReport, kind: Format, settings: Settings) -> None:
    from imbalance_cli.render import render

    if kind is Format.JSON:
        write("".join(map(_line, document.rows)), settings.output)
        return
    screen = settings.screen(to_file=settings.output is not None)
    write(render(document, kind, screen), settings.output)


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Told]:
    """Show a bar on stderr as coins end; only at a terminal."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda _row, _coins: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, markup=False, highlight=False)
    with Progress(console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("coins", total=None)
        yield lambda _row, coins: bar.update(task, total=coins, advance=1)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("scan")(scan)
