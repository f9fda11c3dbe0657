"""What local history holds."""

from __future__ import annotations

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState


class KnownSpan(msgspec.Struct):
    """A span of which all that there was is stored."""

    start: str
    end: str


class MissingSpan(msgspec.Struct):
    """A span that was asked for and is not stored, and why."""

    start: str
    end: str
    why: str


class StoredSeries(msgspec.Struct):
    """Rows of one kind from one source; `interval` is null where they are of moments, `first` and `last` are rows."""

    data: str
    source: str
    venue: str | None
    symbol: str | None
    instrument: str | None
    what: str | None
    interval: str | None
    rows: int
    first: str | None
    last: str | None
    known: list[KnownSpan]
    missing: list[MissingSpan]


class DbReport(Head, kw_only=True):
    """``imbalance.db/1``; `place` names the store without a password."""

    place: str
    schema_version: int
    size_bytes: int
    reports: int
    series: list[StoredSeries]
    sources: list[SourceState]
    gaps: list[Gap]
