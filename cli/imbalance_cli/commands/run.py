"""What every reading command does: ask the service, tell gaps on stderr, render, write."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance.errors import UsageError
from imbalance.wire.harvest import Figure
from imbalance_cli import context
from imbalance_cli.exits import ClosedPipeError
from imbalance_cli.options import Settings

if TYPE_CHECKING:
    from imbalance.report.tree import Document
    from imbalance.wire.harvest import Harvest


PICTURES = {".png", ".svg"}


def run(command: str, settings: Settings) -> None:
    """Run one reading command from options to written answer."""
    from imbalance.report.tree import HeatmapReport
    from imbalance_cli.render import render, schema

    if settings.json_schema:
        _write(schema(command), settings.output)
        return
    screen = context.screen(
        width=settings.width,
        color=settings.color,
        ascii_only=settings.ascii,
        to_file=settings.output is not None,
    )
    document = _ask(command, settings)
    if not settings.quiet:
        _tell(document, settings)
    if isinstance(document, HeatmapReport) and settings.output is not None and settings.output.suffix in PICTURES:
        from imbalance_cli.render.picture import to_picture

        _write(to_picture(document, settings.output.suffix[1:]), settings.output)
        return
    _write(render(document, settings.format, screen), settings.output)


def _ask(command: str, settings: Settings) -> Document:
    from imbalance import service
    from imbalance.fetch.settings import Settings as SourceSettings

    call: Callable[..., Any] = {
        "report": service.report,
        "clusters": service.clusters,
        "open-interest": service.open_interest,
        "volume": service.volume,
        "liquidations": service.liquidations,
        "fear-greed": service.fear_greed,
        "sources": service.sources,
        "validate": service.validate,
        "cascade": service.cascade,
        "positions": service.positions,
        "heatmap": service.heatmap_report,
    }[command]
    options = settings.service()
    with _progress(settings) as done:
        document: Document = call(options, SourceSettings.from_environment(), context.now_ms(), done)
    return document


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[Harvest], None]]:
    """Show a spinner on stderr while sources answer; only at a terminal."""
    if settings.quiet or settings.replay or settings.bars or not sys.stderr.isatty():
        yield lambda _harvest: None
        return
    from rich.console import Console

    names: list[str] = []
    console = Console(stderr=True, markup=False, highlight=False)
    with console.status("asking the exchanges", spinner="line") as status:

        def done(harvest: Harvest) -> None:
            names.append(harvest.name)
            status.update(f"asking the exchanges; done: {', '.join(names)}")

        yield done


def _tell(document: Document, settings: Settings) -> None:
    """Write the gaps, and under --verbose each source's part, to stderr."""
    for gap in getattr(document, "gaps", []):
        if gap.failed or gap.what == Figure.CLOCK:
            context.say(
                f"imbalance: gap: {gap.source} {gap.what}: {gap.message}" + (f" {gap.hint}" if gap.hint else "")
            )
    if not settings.verbose:
        return
    for source in getattr(document, "sources", []):
        latency = "" if source.latency_ms is None else f", first answer after {source.latency_ms:.0f} ms"
        context.say(
            f"{source.name}: {source.status}, {source.requests} requests{latency}, newest {source.newest or '-'}"
        )
    for venue in getattr(document, "venues", []):
        notes = "; ".join(venue.notes)
        context.say(
            f"{venue.name}: bars of {venue.interval} from {venue.start} to {document.as_of}"
            + (f"; {notes}" if notes else "")
        )


def _write(answer: str | bytes, output: Path | None) -> None:
    """Write the answer to stdout, or to a file that appears whole or not at all."""
    if output is None:
        try:
            sys.stdout.write(answer if isinstance(answer, str) else "")
            sys.stdout.flush()
        except BrokenPipeError:
            raise ClosedPipeError from None
        except OSError as error:
            raise UsageError(f"cannot write the answer: {error.strerror}") from None
        return
    part = None
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        part = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(answer.encode() if isinstance(answer, str) else answer)
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(output)
    except OSError as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
