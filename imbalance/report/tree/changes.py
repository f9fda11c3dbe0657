"""What changed between two reports of a coin."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, Mode, SourceState


class Compared(msgspec.Struct):
    """One of the two reports: of what moment, made how, from where."""

    as_of: str
    mode: Mode
    version: str
    place: str


class Change(msgspec.Struct):
    """A figure in both reports.

    `change` is later less earlier, `relative` that as a share of the earlier; null where a figure is missing or, as
    `note` says, the two are of different things. `low` to `high` is the earlier 90 % range and `inside` whether the
    later figure lies in it; null where it has none.
    """

    name: str
    label: str
    unit: str
    kind: Literal["observed", "estimated"]
    before: float | None
    after: float | None
    change: float | None
    relative: float | None
    low: float | None = None
    high: float | None = None
    inside: bool | None = None
    note: str = ""


class DiffReport(Head, kw_only=True):
    """``imbalance.diff/1``; `new` and `gone` are figures of one of the reports alone."""

    before: Compared
    after: Compared
    changes: list[Change]
    new: list[str]
    gone: list[str]
    sources: list[SourceState]
    gaps: list[Gap]
