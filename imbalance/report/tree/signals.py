"""What the market says beside its map: signals with their evidence, checklists, and what followed signals before."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState

State = Literal["met", "not met", "unknown"]
Evidence = dict[str, float | str | None]


class BaseRate(msgspec.Struct):
    """What followed a signal in the history at hand; `text` says so in words, and that there is none.

    `events` is null where the bars do not tell when it fired.
    Returns are fractions over `horizon`; those of all bars stand beside those after events. They are null where there
    are too few events.
    """

    signal: str
    events: int | None
    history_days: float
    horizon: str
    event_return: float | None
    all_return: float | None
    event_absolute_return: float | None
    all_absolute_return: float | None
    text: str


class Reading(msgspec.Struct, kw_only=True):
    """A signal: its value, what it rests on, where that is from and of when, and one plain sentence.

    `value` and `unit` are empty of a signal that is no number. `evidence` holds the figures that the sentence rests on,
    by name with unit. `age_s` is how old the newest of them is. `base_rate` is null where the signal has no events.
    """

    id: str
    label: str
    value: float | None
    unit: str
    text: str
    evidence: Evidence
    source: str
    as_of: str
    age_s: float
    kind: Literal["observed", "estimated", "quoted"] = "observed"
    base_rate: BaseRate | None = None


class SweepEvent(msgspec.Struct, kw_only=True):
    """A sweep in the bars: the levels broken, how far price went, and when it closed back.

    `side` is the side whose clusters lie there: longs below supports, shorts above resistances. `cleared_share` is the
    share of spans as long, in the month before, with less of that side liquidated, `cleared` whether it is at least
    0.9. Of the range at whose end it is, `range_top` is the other end, `range_days` the age, and `range_crossings` how
    often daily closes crossed its middle. `map_usd` is what the map of before the break held between level and extreme,
    with its 90 % range. `spring` tells whether it is one, null where it may be. All are null where they are not known.
    """

    side: Literal["long", "short"]
    broken: str
    reclaimed: str
    levels: list[float]
    level_days: list[str]
    extreme: float
    close: float
    cleared_share: float | None
    cleared: bool | None
    liquidated_base: float | None
    interest_change: float | None
    range_top: float | None
    range_days: float | None
    range_crossings: int | None
    spring: bool | None
    map_usd: float | None = None
    map_usd_low: float | None = None
    map_usd_high: float | None = None


class Condition(msgspec.Struct):
    """A condition of a checklist and what it rests on."""

    id: str
    label: str
    state: State
    text: str
    evidence: Evidence


class Checklist(msgspec.Struct):
    """The conditions of a squeeze of a side: shorts in a rally, longs in a fall."""

    id: Literal["rally", "fall"]
    label: str
    squeezed: Literal["long", "short"]
    met: int
    not_met: int
    unknown: int
    conditions: list[Condition]
    text: str
    base_rate: BaseRate


class SignalsReport(Head, kw_only=True):
    """``imbalance.signals/1``; `risks` are those that no data here can see."""

    price: float
    signals: list[Reading]
    sweeps: list[SweepEvent]
    checklists: list[Checklist]
    risks: list[str]
    sources: list[SourceState]
    gaps: list[Gap]


class StudiedMarket(msgspec.Struct):
    """Bars that a signal was looked for in, and how often it fired; `in_part` firings rest on less than all it asks."""

    symbol: str
    place: str
    interval: str
    start: str = msgspec.field(name="from")
    to: str
    bars: int
    events: int
    in_part: int
    fired: list[str]


class StudiedOutcome(msgspec.Struct, kw_only=True):
    """What followed on one market over one horizon, against all bars: fractions, `low` to `high` a 90 % range.

    `newey_west_p` is by regression with correlated errors, `placebo_p` the share of moved dates that do as well, both
    of this row alone; `adjusted_p` is that of Romano and Wolf over all outcomes, horizons and markets. All are null
    where there are too few events. `evidence` asks for the last to be at most 0.05.
    """

    name: str
    symbol: str
    horizon: str
    outcome: Literal["return", "absolute return", "realised volatility"]
    events: int
    event_mean: float | None
    all_mean: float
    difference: float | None
    low: float | None
    high: float | None
    newey_west_p: float | None
    placebo_p: float | None
    adjusted_p: float | None
    evidence: bool


class StudyVerdict(msgspec.Struct):
    """Whether anything followed that chance does not explain; null where there are too few events to tell."""

    evidence: bool | None
    text: str


class BacktestReport(Head, kw_only=True):
    """``imbalance.backtest/1``."""

    signal: str
    meaning: str
    verdict: StudyVerdict
    markets: list[StudiedMarket]
    outcomes: list[StudiedOutcome]
    sources: list[SourceState]
    gaps: list[Gap]
