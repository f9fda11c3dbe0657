"""What every document has, and what it says of its sources."""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["live", "replay", "bars", "store"]


Band = tuple[float, float]


class Range(msgspec.Struct):
    """A figure with its 90 % range."""

    value: float
    low: float
    high: float


class Gap(msgspec.Struct):
    """What is not there, and why; what sums leave out because of it. What is never there, on any day, is `usual`."""

    source: str
    what: str
    message: str
    hint: str = ""
    failed: bool = True
    usual: bool = False


class Kept(msgspec.Struct):
    """What a source was not asked for again: its answer to an earlier run still stands."""

    what: str
    as_of: str


class SourceState(msgspec.Struct):
    """How a source fared in this run; `kept` are answers to an earlier one that this one rests on."""

    name: str
    title: str
    status: Literal["ok", "partial", "failed", "doubtful", "stale", "not open", "unlisted", "skipped"]
    requests: int
    latency_ms: float | None
    newest: str | None
    message: str
    hint: str
    last_good: str | None = None
    clock_ahead_s: float | None = None
    budget_used: float | None = None
    kept: list[Kept] = []


class Capability(msgspec.Struct):
    """What a source gives and how far back: an empty text where it gives none of it."""

    name: str
    title: str
    needs: str
    open_interest: str
    open_interest_history: str
    candles: str
    funding: str
    liquidations: str
    margin_tiers: str
    other: list[str]


class Head(msgspec.Struct, kw_only=True):
    """What every document starts with; `notes` holds what must be read before any figure."""

    schema: str
    version: str
    mode: Mode
    scenario: str | None
    symbol: str
    as_of: str
    notes: list[str] = []


class SourcesReport(Head, kw_only=True):
    """``imbalance.sources/1``; `sources` is empty unless they were probed."""

    capabilities: list[Capability]
    sources: list[SourceState]
    gaps: list[Gap]
