"""What a source gave in a run: plain data that fetching fills and everything after it reads."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec

from imbalance.errors import DoubtfulError, SourceError
from imbalance.records import Candle, Covered, Instrument
from imbalance.wire import Kind, Record, Source
from imbalance.wire.answers import Answer

R = TypeVar("R", bound=msgspec.Struct)
DAILY = frozenset({Kind.DAILY_CANDLES, Kind.MONTHLY_CANDLES, Kind.OPEN_INTEREST_DAILY, Kind.LIQUIDATION_DAILY})


class Figure(StrEnum):
    """What may be doubted by itself; the name is the one that gaps show."""

    ALL = "figures"
    PRICES = "ticker"
    STATISTICS = "contract statistics"
    CANDLES = "candles"
    DAILY_CANDLES = "daily candles"
    INDEX = "index price"
    INTEREST = "open interest"
    DAILY_INTEREST = "daily open interest"
    VOLUME = "volume"
    SIZES = "open interest and volume"
    LIQUIDATIONS = "liquidations"
    DAILY_LIQUIDATIONS = "daily liquidations"
    LEVELS = "liquidation map"
    TOTALS = "totals over exchanges"
    FUNDING = "funding"
    SENTIMENT = "sentiment"
    COMMITMENTS = "commitments of traders"
    HOLDERS = "long-term holders"
    LONG_SHORT = "long/short ratios"
    LADDER = "margin tiers"
    POSITIONS = "positions"
    ORDER_BOOK = "order book"
    CLOCK = "time"


class Known(msgspec.Struct, frozen=True):
    """What was read of a series before, and need not be asked for again.

    `records` cover the `spans` (from, to); `left` are the spans that are still to be asked for.
    """

    records: list[Record]
    spans: list[tuple[int, int]]
    left: list[tuple[int, int]]

    def holds(self, row: Record) -> bool:
        """Whether a record lies in what was read before."""
        time_ms = getattr(row, "time_ms", None)
        return time_ms is not None and any(from_ms <= time_ms < to_ms for from_ms, to_ms in self.spans)


# By source, the contract's symbol, and what it is of.
Memory = dict[tuple[str, str, Kind], Known]


class Harvest(msgspec.Struct):
    """What one source gave: records by endpoint kind, what failed, and what is kept but `doubted`.

    `known` is what of the records was read before, in an earlier run; `asked_ms` is the start of the span asked for.
    `kept` are answers to an earlier run that stand in for such that were not asked for again, `answers` those of this
    run that may do so later.
    """

    source: Source
    instrument: Instrument | None = None
    listed: tuple[str, ...] = ()
    records: dict[Kind, list[Record]] = {}
    typed: dict[type, list[Record]] = {}
    failures: list[SourceError] = []
    doubted: list[SourceError] = []
    requests: int = 0
    received_bytes: int = 0
    latency_ms: float | None = None
    elapsed_s: float = 0.0
    clock_ahead_s: float | None = None
    budget_used: float | None = None
    ordered: dict[tuple[type, Kind | None], list[Record]] = {}
    known: dict[Kind, Known] = {}
    asked_ms: int | None = None
    kept: list[Answer] = []
    answers: list[Answer] = []

    def keep(self, kind: Kind, rows: Sequence[Record]) -> None:
        """Keep the records of an endpoint."""
        self.records.setdefault(kind, []).extend(rows)
        self.ordered = {}
        if kind not in DAILY:
            types = set(map(type, rows))
            for type_ in types:
                own = rows if len(types) == 1 else [row for row in rows if type(row) is type_]
                self.typed.setdefault(type_, []).extend(own)

    def join(self, kind: Kind, known: Known) -> None:
        """Put what was read before in front of what is new, unless there is a hole between the two."""
        new = self.records.get(kind, [])
        covered = [row.time_ms for row in new if type(row) is Covered]
        if covered and min(covered) > known.spans[-1][1]:
            return
        self.forget({kind})
        self.keep(kind, [*known.records, *(row for row in new if not known.holds(row))])
        self.known[kind] = known

    def forget(self, kinds: Collection[Kind], types: Collection[type] = ()) -> None:
        """Forget the records of some endpoints and of some types."""
        self._keep_only(
            {
                kind: [row for row in rows if type(row) not in types]
                for kind, rows in self.records.items()
                if kind not in kinds
            }
        )

    def change(self, type_: type[R], change: Callable[[R], R]) -> None:
        """Replace each record of a type."""
        self._keep_only(
            {kind: [change(row) if type(row) is type_ else row for row in rows] for kind, rows in self.records.items()}
        )

    def _keep_only(self, records: dict[Kind, list[Record]]) -> None:
        self.records, self.typed, self.ordered = {}, {}, {}
        for kind, rows in records.items():
            self.keep(kind, rows)

    def copied(self) -> Harvest:
        """Return a harvest of its own with the same records."""
        return msgspec.structs.replace(
            self,
            records=dict(self.records),
            typed=dict(self.typed),
            failures=[],
            doubted=[],
            ordered=self.ordered,  # until either keeps other records, what is put in order for one is so for both
        )

    def stand_in(self, answer: Answer) -> None:
        """Keep what an earlier run was answered in place of asking again."""
        self.keep(answer.kind, answer.records)
        self.kept.append(answer)

    def why_left_out(self, figure: str) -> str:
        """Return why a figure of this source is left out as doubtful; empty where it is not."""
        return next((e.reason for e in self.failures if isinstance(e, DoubtfulError) and e.endpoint == figure), "")

    def why_doubted(self, figure: str) -> str:
        """Return what is said of a figure that is kept; empty where nothing is."""
        return next((e.reason for e in self.doubted if e.endpoint == figure), "")

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def unlisted(self) -> bool:
        """Whether the venue answered but does not list the coin."""
        return self.source.is_venue and self.instrument is None and bool(self.listed)

    def of(self, kind: type[R]) -> list[R]:
        """Return all records of a type, but for the daily series, which `at` gives."""
        return list(self.typed.get(kind, []))  # type: ignore[arg-type]

    def at(self, kind: Kind, type_: type[R]) -> list[R]:
        """Return the records of one endpoint kind."""
        rows = self.records.get(kind, [])
        return [r for r in rows if type(r) is type_]  # records have no subtypes

    def in_time(self, type_: type[R], kind: Kind | None = None) -> list[R]:
        """Return records of a type, of one endpoint kind where given, by time, each time once (pages may touch).

        They are put in order when they are first asked for.
        """
        if (type_, kind) not in self.ordered:
            rows = self.of(type_) if kind is None else self.at(kind, type_)
            self.ordered[type_, kind] = in_time(rows)
        return self.ordered[type_, kind]  # type: ignore[return-value]

    @property
    def candles(self) -> list[Candle]:
        """The bars asked for, in order of time."""
        return self.in_time(Candle, Kind.CANDLES)


def in_time(rows: Sequence[R]) -> list[R]:
    """Return records by time, each time once (pages may touch)."""
    times_ms = [row.time_ms for row in rows]  # type: ignore[attr-defined]
    if all(map(operator.lt, times_ms, times_ms[1:])):
        return list(rows)
    by_time = dict(zip(times_ms, rows, strict=True))
    return [by_time[time_ms] for time_ms in sorted(by_time)]
