"""A condition held against the market."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState


class CheckedFigure(msgspec.Struct):
    """A figure that may be named: its value, its range where it has one, and why it is `missing` where it is."""

    name: str
    unit: Literal["price", "usd", "base", "fraction", "ratio", "index", "text"]
    about: str
    ranged: bool
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""


class CheckReport(Head, kw_only=True):
    """``imbalance.check/1``.

    `holds` is null where a figure that decides is missing; `figures` are those that the condition names. Without a
    condition (`when` is null) they are all that there are, with no values. `quiet_until` says that what holds was told
    before, and until when it is not told again.
    """

    alert: str | None
    when: str | None
    holds: bool | None
    figures: list[CheckedFigure]
    quiet_until: str | None = None
    sources: list[SourceState]
    gaps: list[Gap]
