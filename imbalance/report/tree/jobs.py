"""What a job over history made."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState


class MappedPartition(msgspec.Struct):
    """A coin and a month: its rows, and of how many moments there is no map, and why of the first of them.

    What an earlier run had written is "kept".
    """

    symbol: str
    month: str
    state: Literal["written", "kept", "failed"]
    rows: int
    missing: int
    why: str


class MapHistoryReport(Head, kw_only=True):
    """``imbalance.map-history/1``: what was written where."""

    place: str
    every: str
    partitions: list[MappedPartition]
    sources: list[SourceState]
    gaps: list[Gap]
