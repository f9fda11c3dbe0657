"""How far a long run is: a bar at a terminal, a line now and then elsewhere, always on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from imbalance_cli import context, safe

if TYPE_CHECKING:
    from imbalance.backfill.reading import Outcome

EVERY_S = 10.0


class Counted:
    """Counts units and rows, and tells what went wrong as it happens."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.many = self.ended = self.rows = self.failed = 0
        self.started = time.monotonic()

    def planned(self, many: int) -> None:
        """Take note of so many more units to come."""
        self.many += many

    def done(self, outcome: Outcome) -> None:
        """Take note of what became of one."""
        self.ended += 1
        self.rows += outcome.rows
        if outcome.error is not None:
            self.failed += 1
            if not self.quiet:
                self.say(f"imbalance: {outcome.error.message}")

    def say(self, line: str) -> None:
        """Write a line to stderr."""
        context.say(line)

    def line(self) -> str:
        """Return how far it is, how fast, and how long it will take."""
        took_s = max(time.monotonic() - self.started, 1e-9)
        left_s = took_s / max(self.ended, 1) * (self.many - self.ended)
        failed = f", {self.failed} failed" if self.failed else ""
        rate = f"{self.rows / took_s:,.0f} rows a second"
        return (
            f"{self.ended:,} of {self.many:,} files and pages{failed}; {self.rows:,} rows, {rate}; {clock(left_s)} left"
        )


class Lined(Counted):
    """Writes a line now and then."""

    def __init__(self) -> None:
        super().__init__(quiet=False)
        self._told = self.started

    def done(self, outcome: Outcome) -> None:
        """Take note of what became of one."""
        super().done(outcome)
        if time.monotonic() - self._told >= EVERY_S:
            self._told = time.monotonic()
            self.say(f"imbalance: {self.line()}")


class Drawn(Counted):
    """Draws a bar."""

    def __init__(self, draw: Callable[[int, int, str], None], say: Callable[[str], None]) -> None:
        super().__init__(quiet=False)
        self._draw, self._say = draw, say

    def planned(self, many: int) -> None:
        """Take note of so many more units to come."""
        super().planned(many)
        self._draw(self.ended, self.many, "")

    def done(self, outcome: Outcome) -> None:
        """Take note of what became of one."""
        super().done(outcome)
        self._draw(self.ended, self.many, self.line())

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._say(safe.line(line))


def clock(seconds: float) -> str:
    """Return a span as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextlib.contextmanager
def following(*, quiet: bool) -> Iterator[Counted]:
    """Follow a run: with a bar at a terminal, with lines elsewhere, in silence where that is asked for."""
    if quiet:
        yield Counted(quiet=True)
        return
    if not sys.stderr.isatty():
        followed = Lined()
        yield followed
        if followed.many:
            context.say(f"imbalance: {followed.line()}")
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("", total=None)

        def draw(ended: int, many: int, line: str) -> None:
            bar.update(task, completed=ended, total=many or None, description=line)

        yield Drawn(draw, lambda line: console.print(line, markup=False, soft_wrap=True))
