"""What local history holds."""

from __future__ import annotations

from typing import Literal

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


class FilledSeries(msgspec.Struct):
    """What was, or in a dry run would be, read of some series; `units` are files or pages, `spans` their times.

    Units may touch, so that a row counts twice. `missing` ones are not there at the source, `failed` ones went wrong,
    and `skipped` ones were not asked for because the source could not be reached.
    """

    data: str
    source: str
    venue: str | None
    instrument: str | None
    what: str | None
    interval: str | None
    unit: Literal["file", "page"]
    units: int
    requests: int
    rows: int
    missing: int
    failed: int
    skipped: int
    spans: list[KnownSpan]


class BackfillReport(Head, kw_only=True):
    """``imbalance.backfill/1``; `place` names the store without a password, null where a dry run found none."""

    since: str
    dry_run: bool
    place: str | None
    series: list[FilledSeries]
    sources: list[SourceState]
    gaps: list[Gap]


class DbReport(Head, kw_only=True):
    """``imbalance.db/1``; `place` names the store without a password."""

    place: str
    schema_version: int
    size_bytes: int
    reports: int
    series: list[StoredSeries]
    sources: list[SourceState]
    gaps: list[Gap]
