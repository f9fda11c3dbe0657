"""What a collection of liquidations came to."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState
from imbalance.report.tree.history import KnownSpan, MissingSpan


class CollectedStream(msgspec.Struct):
    """One stream, or part of one where a venue has too many contracts for a connection.

    `known` and `missing` are the newest spans of this run, `gaps` and `missing_s` count them all. `lag_s` is between
    the last liquidation and its arrival, by this machine's clock.
    """

    name: str
    venue: str
    status: Literal["up", "down", "never up"]
    contracts: int
    messages: int
    unreadable: int
    liquidations: int
    long_usd: float
    short_usd: float
    lag_s: float | None
    gaps: int
    missing_s: float
    known: list[KnownSpan]
    missing: list[MissingSpan]
    message: str


class CollectReport(Head, kw_only=True):
    """``imbalance.collect/1``; `place` names the store without a password, `saved` counts rows that are stored."""

    place: str
    started: str
    saved: int
    snapshots: int
    streams: list[CollectedStream]
    sources: list[SourceState]
    gaps: list[Gap]
