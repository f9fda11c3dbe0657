"""Jobs over history: which bars they are of, where they run, and how far they are."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from imbalance.errors import UsageError
from imbalance_cli.settings import Settings

if TYPE_CHECKING:
    from imbalance.collect import Options
    from imbalance.jobs import Runner
    from imbalance.origins import PastBars
    from imbalance.report.tree import Document


def bars_of(settings: Settings) -> PastBars:
    """Return the user's own bars where they are given, else those of the store."""
    from imbalance.origins import OwnBars, StoredBars
    from imbalance.units import INTERVALS_MS

    if settings.bars is not None:
        return OwnBars(settings.bars)
    if settings.no_store:
        raise UsageError("stored bars are meant, and local history is to be left alone", "Give --bars FOLDER.")
    return StoredBars(os.environ.get("IMBALANCE_DB"), INTERVALS_MS[settings.interval])


def runner(settings: Settings) -> Runner:
    """Return where tasks run: on this machine's cores, or on the workers of a cluster."""
    from imbalance import jobs
    from imbalance.store.places import is_server

    if settings.cluster is None:
        return jobs.local(settings.jobs)
    if settings.jobs is not None:
        raise UsageError("--jobs is of this machine, --cluster of others: give one")
    if not (settings.bars or settings.files or is_server(os.environ.get("IMBALANCE_DB"))):
        raise UsageError(
            "--cluster: an SQLite store is a file of this machine, which no worker can read",
            "Set IMBALANCE_DB to a PostgreSQL store, or give --bars.",
        )
    return jobs.cluster(settings.cluster)


def coin_by_coin(
    make: Callable[[Options, int, Runner], Document], settings: Settings, *, several: bool
) -> Callable[[Options, int], Document]:
    """Return a use case whose tasks run on all cores or on a cluster, with a bar; a coin alone is read right here."""
    from imbalance import jobs

    def made(options: Options, now_ms: int) -> Document:
        if not several and settings.cluster is None:
            return make(options, now_ms, jobs.alone)
        run = runner(settings)
        with progress(settings, "coins") as done:
            return make(options, now_ms, jobs.followed(run, done))

    return made


@contextlib.contextmanager
def progress(settings: Settings, what: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr as tasks end; only at a terminal."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda _tasks: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, markup=False, highlight=False)
    with Progress(console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=None)
        yield lambda tasks: bar.update(task, total=tasks, advance=1)
