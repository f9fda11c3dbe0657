"""What every reading command does: ask the service, tell gaps on stderr, render, write."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from imbalance import files
from imbalance.errors import StoreError, UsageError
from imbalance_cli import context, process
from imbalance_cli.formats import Format, Picture, chosen
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    from imbalance.collect import Options
    from imbalance.report.tree import Document
    from imbalance.wire.harvest import Harvest


def run(
    command: str,
    settings: Settings,
    judged: Callable[[Document], bool] | None = None,
    use_case: Callable[[Options, int], Document] | None = None,
) -> None:
    """Run one reading command from options to written answer, which is all where nothing judges it.

    `judged` sees it first and tells whether to write it.

    Parameters
    ----------
    use_case : what makes the document of bars that are known, from the options and the moment [ms]; where there is
        none, the command's own asks the sources.
    """
    from imbalance.report.tree import ClustersReport, HeatmapReport, ValidateReport
    from imbalance_cli.render import render, schema

    kind = chosen(command, settings.output, settings.asked_format, settings.format)
    if settings.output is not None:
        require_writable(settings.output, settings)
    if settings.json_schema:
        write(schema(command), settings.output)
        return
    screen = settings.screen(to_file=settings.output is not None)
    now_ms = context.now_ms()
    harvests: list[Harvest] = []
    unread: list[StoreError] = []
    if use_case is not None:
        document = use_case(_options(settings, unread.append), now_ms)
    else:
        document = _ask(command, settings, now_ms, harvests.append, unread.append, through_time=kind is Format.HTML)
    if not settings.quiet:
        tell(document, kind, settings)
    if isinstance(kind, Picture) and isinstance(document, HeatmapReport | ClustersReport | ValidateReport):
        from imbalance_cli.render.picture import to_picture

        write(to_picture(document, kind, dark=settings.dark), settings.output)
    elif isinstance(kind, Format) and (judged is None or judged(document)):
        write(render(document, kind, screen), settings.output)
    if harvests and _stores(settings):
        _save(harvests, document, now_ms, settings, unread)
    if judged is None:
        process.leave()


def _stores(settings: Settings) -> bool:
    """Whether a run has to do with local history: only one over the network has."""
    return not (settings.no_store or settings.replay or settings.bars)


def _save(
    harvests: list[Harvest], document: Document, now_ms: int, settings: Settings, unread: list[StoreError]
) -> None:
    """Save what a live run read; that history cannot be had now is told in one line, and no reason to fail."""
    from imbalance import history

    told = {error.message: "not read" for error in unread}
    try:
        history.save(os.environ.get("IMBALANCE_DB"), harvests, document, now_ms)
    except StoreError as error:
        told[error.message] = "neither read nor saved" if error.message in told else "not saved"
    if told and not settings.quiet:
        context.say(f"imbalance: note: {'; '.join(f'{what}: {message}' for message, what in told.items())}")


def _ask(
    command: str,
    settings: Settings,
    now_ms: int,
    ended: Callable[[Harvest], None],
    unread: Callable[[StoreError], None],
    *,
    through_time: bool,
) -> Document:
    from imbalance import service
    from imbalance.fetch.settings import SourceSettings

    call: Callable[..., Any] = {
        "report": service.report,
        "check": service.check,
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
        "signals": service.signals,
    }[command]
    options = msgspec.structs.replace(_options(settings, unread), through_time=through_time)
    with _progress(settings) as told:

        def done(harvest: Harvest) -> None:
            told(harvest)
            ended(harvest)

        document: Document = call(options, SourceSettings.from_environment(), now_ms, done)
    return document


def _options(settings: Settings, unread: Callable[[StoreError], None]) -> Options:
    """Return what the library is asked with, and local history where the run has to do with it."""
    options = settings.service()
    if not _stores(settings):
        return options
    from imbalance.remembered import History

    return msgspec.structs.replace(options, history=History(os.environ.get("IMBALANCE_DB"), unread))


@contextlib.contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[Harvest], None]]:
    """Show a spinner on stderr while sources answer; only at a terminal."""
    offline = settings.replay or settings.bars or settings.as_of
    if settings.quiet or offline or not sys.stderr.isatty():
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


def tell(document: Document, kind: Format | Picture, settings: Settings) -> None:
    """Write the notes and what failed, and under --verbose each source's part, to stderr.

    What is missing or doubted today is written too where the answer itself does not tell it.
    """
    from imbalance.report import words
    from imbalance.wire.harvest import Figure
    from imbalance_cli.render import states_gaps

    if not _shown(document, kind, settings):
        for note in document.notes:
            context.say(f"imbalance: note: {note}")
        told = isinstance(kind, Format) and states_gaps(document, kind)
        for gap in document.gaps:
            if gap.failed or gap.what == Figure.CLOCK or not (told or gap.usual):
                context.say(f"imbalance: gap: {gap.source} {gap.what}: {words.sentences(gap.message, gap.hint)}")
    if not settings.verbose:
        return
    for source in getattr(document, "sources", []):
        latency = "" if source.latency_ms is None else f", first answer after {source.latency_ms:.0f} ms"
        asked = words.counted(source.requests, "request")
        kept = "".join(f"; {one.what} as of {one.as_of}" for one in source.kept)
        context.say(f"{source.name}: {source.status}, {asked}{latency}, newest {source.newest or '-'}{kept}")
    for venue in getattr(document, "venues", []):
        notes = "; ".join(venue.notes)
        context.say(
            f"{venue.name}: bars of {venue.interval} from {venue.start} to {document.as_of}"
            + (f"; {notes}" if notes else "")
        )


def _shown(document: Document, kind: Format | Picture, settings: Settings) -> bool:
    """Tell whether the answer puts the same notes and gaps on the same terminal."""
    from imbalance_cli.render import states_gaps

    return (
        settings.output is None
        and isinstance(kind, Format)
        and states_gaps(document, kind)
        and sys.stdout.isatty()
        and sys.stderr.isatty()
    )


def require_writable(output: Path, settings: Settings) -> None:
    """Raise a `UsageError` where the answer could not be written, or would take the place of what the run rests on."""
    try:
        files.require_writable(output)
        target = os.path.realpath(output)
        known = {os.path.realpath(place): option for option, place in _rests_on(settings)}
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    if target in known and (output.is_file() or not output.exists()):
        raise UsageError(f"--output {output} would take the place of {known[target]}", "Name another file.")


def _rests_on(settings: Settings) -> Iterator[tuple[str, str | Path]]:
    """Yield the files and folders that a run reads or makes, each with its option."""
    from imbalance.fetch.recording import INDEX

    own = [("--bars", file) for file in (settings.bars, *settings.files)]
    for option, file in (*own, ("--addresses", settings.addresses)):
        if file is not None:
            yield option, file
    for option, folder in (("--replay", settings.replay), ("--record", settings.record)):
        if folder is not None:
            yield option, Path(folder)
            yield option, Path(folder) / INDEX


def write(answer: str | bytes, output: Path | None) -> None:
    """Write the answer to stdout or to a file."""
    content = answer.encode() if isinstance(answer, str) else answer
    if output is None:
        context.answer(content.decode())
        return
    try:
        files.write(output, content)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
