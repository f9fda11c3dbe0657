"""What a round of watching saw."""

from __future__ import annotations

import msgspec

from imbalance.report.tree.checks import CheckedFigure
from imbalance.report.tree.common import Gap, Head, SourceState


class Moved(msgspec.Struct):
    """A figure that reads otherwise than a round before; null where it was or is missing."""

    name: str
    unit: str
    before: float | str | None
    after: float | str | None


class WatchReport(Head, kw_only=True):
    """``imbalance.watch/1``: the figures of a round, and which of them changed `since` the round before."""

    verdict: str
    figures: list[CheckedFigure]
    since: str | None
    changes: list[Moved]
    sources: list[SourceState]
    gaps: list[Gap]
