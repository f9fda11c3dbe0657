"""What to ask a source and how to read its answer: plain data and pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import msgspec

from imbalance.errors import SourceError
from imbalance.records import Contract, Feed, Instrument
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.wire.at_once import AtOnce

Params = tuple[tuple[str, str], ...]
A_MOMENT_MS = 20_000 * DAY_MS  # any that all bars and periods divide
MOST_PAGES = 20
# How long an answer may stand in for the next: contracts and their ladders change on days that are announced; sums of
# 24 hours and the mean of a running period of funding move little within minutes, fewer than a ticker may be old.
LISTED_MS = 6 * HOUR_MS
BRIEF_MS = 12 * MINUTE_MS
Record = msgspec.Struct
_MULTIPLIED = re.compile(r"^(1000+)([A-Z].*)$")


class Kind(StrEnum):
    """What an endpoint gives; one name a series, the same for every source."""

    INSTRUMENTS = "instruments"
    FUNDING_INTERVALS = "funding intervals"
    TICKER = "ticker"
    MARK_PRICE = "mark price"
    INDEX_PRICE = "index price"
    FUNDING = "funding"
    FUNDING_HISTORY = "funding history"
    OPEN_INTEREST = "open interest"
    OPEN_INTEREST_HISTORY = "open interest history"
    OPEN_INTEREST_DAILY = "daily open interest"
    CANDLES = "candles"
    DAILY_CANDLES = "daily candles"
    MONTHLY_CANDLES = "monthly candles"
    LONG_SHORT = "long/short ratios"
    LIQUIDATIONS = "liquidations"
    VENUE_LIQUIDATIONS = "liquidations by venue"
    LIQUIDATION_SUMS = "liquidation sums"
    LIQUIDATION_DAILY = "daily liquidations"
    LIQUIDATION_MAP = "liquidation map"
    CONTRACT_STATS = "contract statistics"
    ORDER_BOOK = "order book"
    MARGIN_TIERS = "margin tiers"
    SENTIMENT = "sentiment"
    TOTALS = "totals over exchanges"
    COMMITMENTS = "commitments of traders"
    HOLDERS = "long-term holders"
    POSITIONS = "positions"


class Ask(msgspec.Struct, frozen=True):
    """What a report needs: the coin, the span and the bar length."""

    base: str
    now_ms: int
    start_ms: int
    end_ms: int
    interval_ms: int
    instrument: Instrument | None = None
    listings: tuple[Instrument, ...] = ()
    accounts: tuple[str, ...] = ()
    whole_ms: int = 0
    known_ms: int = 0

    @property
    def span_ms(self) -> int:
        """The length of the span that the report is of; `start_ms` to `end_ms` may be what is left to ask of it."""
        return self.whole_ms or self.end_ms - self.start_ms

    @property
    def day_ms(self) -> int:
        """From when on liquidations are asked for: a day ago, or since when they are not known already."""
        return max(self.now_ms - DAY_MS, self.known_ms)

    @property
    def listed(self) -> Instrument:
        """The instrument, where the endpoint is only asked once it is known."""
        if self.instrument is None:
            raise ValueError("asked for a contract's data before its listing was read")
        return self.instrument


Pages = Callable[[Ask], Sequence[Params]]


class Budget(msgspec.Struct, frozen=True):
    """Requests (by weight) that a host allows in a period."""

    weight: float
    period_s: float


class Endpoint(msgspec.Struct, frozen=True):
    """One thing to ask.

    `pages` gives the parameters of every request that can be told beforehand (they go out together); `following` gives
    those of the next request from the answer before, where the source can only be walked, from each of `pages` on and
    `most_pages` far. `budget` is the path's own, where the source counts each path apart; it then stands in for the
    source's. `parse` turns a body into records, or raises a `SourceError`; it does nothing else. Names in braces in
    `path` are filled from the parameters. Where `body` is given the rest of them is posted as the JSON it makes.
    `reach` says how far back the series goes. Pages that are `apart` have nothing to do with each other: one that fails
    leaves the others. An endpoint that is `instead_of` a kind is asked only where that kind gave nothing. `step` gives
    the length of its rows [ms] where `pages` keep to the span from `start_ms` to `end_ms`: of such a series only what
    is not known yet need be asked for. `holds` gives how long an answer stands in for the next one [ms], counted from
    the stamp of its newest row, or from when it was asked where rows have none; without it what is asked is of now.
    `at_once` says how all coins are asked for in one request, where they can be.
    """

    kind: Kind
    path: str
    pages: Pages
    parse: Callable[[bytes, Ask], Sequence[Record]]
    following: Callable[[bytes, Ask], Params | None] | None = None
    weight: float = 1.0
    budget: Budget | None = None
    label: str = ""
    body: Callable[[Params], Any] | None = None
    reach: str = ""
    apart: bool = False
    most_pages: int = MOST_PAGES
    instead_of: Kind | None = None
    step: Callable[[Ask], int | None] | None = None
    holds: Callable[[Ask], int] | None = None
    at_once: AtOnce | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.label or self.kind.value

    @property
    def cut_short(self) -> bool:
        """Whether fewer pages are read than there are: asking anew reaches back no further than before."""
        return self.most_pages < MOST_PAGES

    def question(self, ask: Ask) -> str:
        """Return what is asked as it would be at another moment: equal where an answer may stand in for another."""
        span_ms = ask.end_ms - ask.start_ms
        then = {"now_ms": A_MOMENT_MS, "start_ms": A_MOMENT_MS - span_ms, "end_ms": A_MOMENT_MS, "known_ms": 0}
        queries = self.pages(msgspec.structs.replace(ask, **then))
        return "\n".join("?".join((self.name, *self.asked(query))) for query in queries)

    def for_all(self, at_once: AtOnce) -> Endpoint:
        """Return the endpoint that asks for all coins in one request."""
        more = {"path": at_once.path or self.path, "weight": at_once.weight, "at_once": None}
        return msgspec.structs.replace(self, pages=lambda _ask: (at_once.query,), **more)

    def address(self, query: Params) -> tuple[str, Params]:
        """Return the path with its names filled in, and the parameters that are left."""
        path, left = self.path, []
        for name, value in query:
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", value)
            else:
                left.append((name, value))
        return path, tuple(left)

    def asked(self, query: Params) -> tuple[str, str]:
        """Return the path and the text of the rest: a query, or the JSON that is posted. Recordings are kept by it."""
        path, left = self.address(query)
        return path, urlencode(left) if self.body is None else msgspec.json.encode(self.body(left)).decode()


class History(msgspec.Struct, frozen=True):
    """A series that goes further back than a report reads; it is asked for window by window.

    Rows that come one a step are offered in lengths `offered_ms`, `rows` of them in a request; `also_ms` are read
    beside the length that the user's bars divide into. Events (fundings, orders) are asked for in windows of
    `window_ms`, or all at once where that is 0. `first_ms` is when the series begins, `depth_ms` and `depth_rows` how
    much of it is kept; 0 where all is. A window is asked for as if its end were now.
    """

    endpoint: Endpoint
    offered_ms: tuple[int, ...] = ()
    rows: int = 0
    also_ms: tuple[int, ...] = ()
    window_ms: int = 0
    first_ms: int = 0
    depth_ms: int = 0
    depth_rows: int = 0


class Source(msgspec.Struct, frozen=True):
    """A system that is read: its address, its key if it needs one, its endpoints.

    `prints` says what its liquidation feed shows; `disputed` how its open interest is taken where it is open what it
    counts; `used_header` names the header that tells how much of the budget is used; `history` is what a backfill asks.
    """

    name: str
    title: str
    url: str
    endpoints: tuple[Endpoint, ...]
    refusal: Callable[[int, bytes, str], SourceError | None]
    budget: Budget
    is_venue: bool = True
    contract: Contract = Contract.LINEAR
    feed: Feed = Feed.UNKNOWN
    key_header: str = ""
    key_prefix: str = ""
    needs: str = ""
    prints: str = ""
    disputed: str = ""
    used_header: str = ""
    history: tuple[History, ...] = ()

    @property
    def variable(self) -> str:
        """The middle of its environment variables, ``IMBALANCE_<variable>_URL``."""
        return self.name.upper()

    def endpoint(self, kind: Kind) -> Endpoint:
        """Return the first endpoint of a kind."""
        return next(e for e in self.endpoints if e.kind is kind)

    @property
    def lists(self) -> bool:
        """Whether its listing is read before anything else."""
        return any(e.kind is Kind.INSTRUMENTS for e in self.endpoints)


def params(**values: str | int | None) -> Params:
    """Return query parameters in the order given, leaving out those that are None."""
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


def once(**values: str | int) -> Pages:
    """Return `pages` of a single request with fixed parameters."""
    fixed = (params(**values),)
    return lambda _ask: fixed


def windows(start_ms: int, end_ms: int, step_ms: int, limit: int) -> list[tuple[int, int]]:
    """Cut [start, end) into windows of at most `limit` steps, oldest first."""
    span_ms = step_ms * limit
    return [(at, min(at + span_ms, end_ms)) for at in range(start_ms, end_ms, span_ms)]


def coarsest_needed(ask: Ask, periods_ms: Sequence[int], most_rows: int) -> int:
    """Return the finest period, no finer than the bars, that covers the span in `most_rows` rows."""
    fitting = [p for p in periods_ms if p >= ask.interval_ms and ask.span_ms / p <= most_rows]
    return fitting[0] if fitting else periods_ms[-1]


def holding(span_ms: int) -> Callable[[Ask], int]:
    """Return `holds` of an endpoint whose answers stand so long [ms], whatever is asked."""
    return lambda _ask: span_ms


def bar_ms(ask: Ask) -> int:
    """Return the length of the bars asked for, where a venue offers them all."""
    return ask.interval_ms


def dividing(ask: Ask, offered_ms: Sequence[int]) -> int | None:
    """Return the longest bar length on offer that divides the one asked for; None where none does."""
    return max((step for step in offered_ms if ask.interval_ms % step == 0), default=None)


def coins_of(name: str) -> tuple[str, float]:
    """Return (coin, how many of it are counted as one) of a listed base: ``1000SHIB`` is a thousand SHIB."""
    many = _MULTIPLIED.match(name)
    return (many[2], float(many[1])) if many else (name, 1.0)


def best(records: Sequence[Any]) -> Any | None:  # noqa: ANN401  the one record, of whatever kind was asked
    """Return the last record, or None where there is none."""
    return records[-1] if records else None
