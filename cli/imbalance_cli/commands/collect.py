"""Recording of liquidations as the venues print them."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from imbalance.units import iso
from imbalance_cli import context
from imbalance_cli.commands.run import require_writable, write
from imbalance_cli.formats import Format, chosen
from imbalance_cli.options import COLLECT, NOT_COLLECTING, shared
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    from imbalance.collector.running import Watch
    from imbalance.collector.tally import Tally

LOG_EVERY_S = 60


@shared(symbol=False, own=COLLECT, without=NOT_COLLECTING)
def collect(settings: Settings) -> None:
    """Record liquidations from the exchanges' streams in the local history."""
    from imbalance_cli.render import render, schema

    kind = chosen("collect", settings.output, settings.asked_format, settings.format)
    if settings.output is not None:
        require_writable(settings.output, settings)
    if settings.json_schema:
        write(schema("collect"), settings.output)
        return
    options = settings.collection()
    from imbalance.collector import running
    from imbalance.fetch.settings import SourceSettings

    gc.enable()  # unlike other commands it runs for long
    with _watch(settings) as watch:
        document = running.collect(options, SourceSettings.from_environment(), os.environ.get("IMBALANCE_DB"), watch)
    if isinstance(kind, Format):
        screen = settings.screen(to_file=settings.output is not None)
        write(render(document, kind, screen), settings.output)


@contextlib.contextmanager
def _watch(settings: Settings) -> Iterator[Watch]:
    """Show how it goes on stderr: a status line at a terminal, elsewhere a line now and then; all events either way."""
    from imbalance.collector.running import Watch

    if settings.quiet:
        yield Watch()
        return
    if not sys.stderr.isatty():
        yield Watch(_log, _Status(LOG_EVERY_S, _log))
        return
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    with console.status("reading the listings", spinner="line") as status:
        yield Watch(_log, _Status(0, status.update))


def _log(text: str) -> None:
    context.say(f"imbalance: {iso(context.now_ms())} {text}")


class _Status:
    """Tells how it goes, at most once in so many seconds."""

    def __init__(self, every_s: float, tell: Callable[[str], None]) -> None:
        self.every_s = every_s
        self.tell = tell
        self._told_s = self._counted_s = time.monotonic()
        self._counted = 0

    def __call__(self, tallies: Sequence[Tally], saved: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < self.every_s:
            return
        received = sum(one.liquidations for one in tallies)
        rate = (received - self._counted) / max(now_s - self._counted_s, 1e-3)
        self._told_s = self._counted_s = now_s
        self._counted = received
        self.tell(status_line(tallies, saved, rate))


def status_line(tallies: Sequence[Tally], saved: int, rate: float) -> str:
    """Return how it goes in a line: streams that are up and down, rate, rows saved, longest lag, gaps by venue."""
    from imbalance.report import words

    up = sum(one.up for one in tallies)
    down = ", ".join(one.name for one in tallies if not one.up)
    lags = [one.lag_s for one in tallies if one.lag_s is not None]
    gaps = ", ".join(f"{one.name} {one.gaps}" for one in tallies if one.gaps)
    parts = [
        f"{up} of {words.counted(len(tallies), 'stream')} up" + (f" (down: {down})" if down else ""),
        f"{rate:,.1f} a second",
        f"{saved:,} saved",
        f"lag {max(lags):.1f} s" if lags else "",
        f"gaps: {gaps}" if gaps else "",
    ]
    return "; ".join(part for part in parts if part)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("collect")(collect)
