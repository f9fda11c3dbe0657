"""Look again and again: a report redrawn at a terminal, a line a round elsewhere."""

from __future__ import annotations

import gc
import itertools
import shutil
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import msgspec
import typer

from imbalance.errors import ImbalanceError, UsageError
from imbalance.units import SECOND_MS
from imbalance_cli import context, safe, values
from imbalance_cli.commands.run import run
from imbalance_cli.formats import Format
from imbalance_cli.options import WATCH, shared
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    from imbalance.report.tree import Document, WatchReport

LEAST_S, MOST_S = 10.0, 86_400.0
CLEARED = "\x1b[H\x1b[2J"  # the screen alone: what was scrolled out of it is the user's


@shared(own=WATCH)
def watch(settings: Settings) -> None:
    """Look again and again, and tell what changed."""
    every_s, kind = _asked(settings)
    if settings.json_schema:
        run("watch", settings)
        return
    gc.enable()  # unlike other commands it runs for days
    drawn = kind is Format.TABLE and sys.stdout.isatty()
    seen: list[WatchReport] = []

    def judged(document: Document) -> bool:
        from imbalance.report import checking, tree

        if not isinstance(document, tree.Report):
            raise TypeError(type(document))
        seen[:] = [checking.watched(document, seen[0] if seen else None)]
        context.answer(_screen(document, seen[0], settings) if drawn else _line(seen[0], kind))
        return False

    # What is asked is a report; which format the rounds have is decided here.
    asked = msgspec.structs.replace(settings, asked_format=None, format=Format.TABLE, quiet=settings.quiet or drawn)
    for number in itertools.count(1):
        started = time.monotonic()
        try:
            run("report", asked, judged)
        except UsageError:
            raise
        except ImbalanceError as error:
            # What fails now may answer in the next round.
            context.say(f"imbalance: {error.message}")
        if number == settings.rounds:
            return
        time.sleep(max(started + every_s - time.monotonic(), 0.0))


def _asked(settings: Settings) -> tuple[float, Format]:
    """Return the seconds between looks and how rounds are written."""
    every_s = values.span_ms("--every", settings.every) / SECOND_MS
    if every_s < LEAST_S:
        raise UsageError(f"--every {settings.every}: look every {LEAST_S:g}s at most, for the exchanges' sake")
    if every_s > MOST_S:
        raise UsageError(f"--every {settings.every}: look once a day at least")
    if settings.output is not None:
        raise UsageError("watch writes to stdout alone", "Send it to a file with > FILE.")
    kind = settings.asked_format or settings.format
    if kind not in {Format.TABLE, Format.TEXT, Format.JSON}:
        raise UsageError(f"watch does not write {kind}", "It writes table, text and json.")
    return every_s, kind


def _screen(document: Document, seen: WatchReport, settings: Settings) -> str:
    """Return the report on a cleared screen, and what changed beneath it."""
    from imbalance_cli.render import render
    from imbalance_cli.render.check_views import changed

    screen = settings.screen()
    told = [part for line in changed(seen) for part in textwrap.wrap(safe.line(line.text), screen.width)]
    lines = render(document, Format.TABLE, screen).splitlines()
    rows = shutil.get_terminal_size().lines
    return CLEARED + "".join(f"{line}\n" for line in _fitted(lines, told, rows))


def _fitted(lines: list[str], told: list[str], rows: int) -> list[str]:
    """Return what fits a terminal, the last row left to the cursor: what scrolls away is the head, which says most."""
    room = max(rows - 1 - len(told), 1)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"{len(lines) - room + 1} lines more in a taller window"]
    return [*lines, *told]


def _line(seen: WatchReport, kind: Format) -> str:
    """Return a round as one line: JSON, or words for a log."""
    import msgspec

    from imbalance.report import words
    from imbalance_cli.render.check_views import changed
    from imbalance_cli.render.plain import where

    if kind is Format.JSON:
        return safe.json_text(msgspec.json.encode(safe.document(seen, safe.whole))) + "\n"
    figures = {f.name: words.figure(f.value, f.unit) for f in seen.figures}
    told = ", ".join(f"{name} {figures[name]}" for name in ("price", "ratio", "long_usd", "short_usd", "heavier"))
    changes = "".join(f"; {line.text}" for line in changed(seen))
    return safe.line(f"{seen.as_of} {seen.symbol}{where(seen)} {told}{changes}") + "\n"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("watch")(watch)
