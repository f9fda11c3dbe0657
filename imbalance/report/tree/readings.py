"""What was read from venues and providers, and the documents of one reading each."""

from __future__ import annotations

import msgspec

from imbalance.report.tree.common import Gap, Head, SourceState


class VenueOpenInterest(msgspec.Struct):
    """Open interest of a venue, one side.

    Where that is open (`disputed` says why), `open_interest_base_low` is what it is if the venue counts both.
    """

    name: str
    open_interest_base: float
    open_interest_usd: float
    share: float | None
    change_24h: float | None
    disputed: str = ""
    open_interest_base_low: float | None = None


class Concentration(msgspec.Struct):
    """How open interest is spread over the venues in `of`; `hhi` is the sum of squared shares."""

    of: list[str]
    largest: str
    largest_share: float
    hhi: float


class QuotedTotal(msgspec.Struct):
    """Another service's total over exchanges, as it publishes it [USD]."""

    source: str
    usd: float


class OpenInterestChange(msgspec.Struct):
    """Change of open interest since its low, in base coin."""

    value: float
    low_base: float
    low_date: str
    now_base: float
    of: str
    source: str


class OpenInterest(msgspec.Struct):
    """Open interest over venues; `missing` lists selected venues that sums lack.

    The lower totals are those if venues whose counting is open count both sides; null where there are none.
    """

    total_base: float
    total_usd: float
    venues: list[VenueOpenInterest]
    missing: list[str]
    change: OpenInterestChange | None
    concentration: Concentration | None = None
    quoted: list[QuotedTotal] = []
    total_base_low: float | None = None
    total_usd_low: float | None = None


class VenueVolume(msgspec.Struct):
    """Traded volume of a venue; the month is the calendar month of `as_of`, so far.

    A month's volume is null where one of its `of_days` is not among the `days` that were read.
    """

    name: str
    volume_24h_usd: float | None
    volume_24h_base: float | None
    month_usd: float | None
    previous_month_usd: float | None
    days: int | None = None
    of_days: int | None = None


class Volume(msgspec.Struct):
    """Traded volume over venues; a total lacks `missing` venues, that of the month `month_missing` ones."""

    month: str
    total_24h_usd: float | None
    total_month_usd: float | None
    venues: list[VenueVolume]
    missing: list[str]
    quoted: list[QuotedTotal] = []
    month_missing: list[str] = []


class ObservedLiquidations(msgspec.Struct):
    """What one source saw liquidated from `from` to `to`, and what its feed shows of all there were.

    Under `lower_bound` it printed more in that time than was read. `later_stages_usd` is what it marks as later stages
    of defaults (assignments, terminations): in no sum.
    `quoted` tells a sum that another service published of the exchanges from what an exchange published itself.
    `doubtful` says why it cannot be true; empty where nothing speaks against it.
    """

    source: str
    long_usd: float
    short_usd: float
    start: str = msgspec.field(name="from")
    to: str
    feed: str
    prints: str = ""
    whole_day: bool = True
    lower_bound: bool = False
    later_stages_usd: float | None = None
    quoted: bool = False
    doubtful: str = ""


class LargestSince(msgspec.Struct):
    """The last day whose liquidations were at least as large; null where none is in the history."""

    date: str | None
    history_from: str
    source: str


class Liquidations(msgspec.Struct):
    """Observed liquidations: each source's own sum; `usd` is of the sources in `of`."""

    usd: float | None
    long_usd: float | None
    short_usd: float | None
    of: list[str]
    observed: list[ObservedLiquidations]
    missing: list[str]
    largest_since: LargestSince | None


class Sentiment(msgspec.Struct):
    """The Fear & Greed index: the publisher's number and word; `old` says how old where it is not today's."""

    value: int
    label: str
    date: str
    week_ago: int | None
    source: str
    old: str = ""


class VenueFunding(msgspec.Struct):
    """Funding of a venue's running period."""

    name: str
    rate: float
    interval_hours: float | None
    rate_8h: float | None
    next_time: str | None


class Funding(msgspec.Struct):
    """Funding, weighted by open interest, per 8 hours."""

    rate_8h: float | None
    venues: list[VenueFunding]


class GroupPositions(msgspec.Struct):
    """A group of traders in CME futures [base coin]; `net_change_base` is over the last week."""

    name: str
    long_base: float
    short_base: float
    spread_base: float
    net_base: float
    net_change_base: float | None


class Institutional(msgspec.Struct):
    """CME futures, standard and micro, by the CFTC's weekly report [base coin, one side]."""

    date: str
    open_interest_base: float
    open_interest_usd: float
    change_week: float | None
    groups: list[GroupPositions]
    source: str


class HolderActivity(msgspec.Struct):
    """Activity of coins held long: the newest day, and the same a month before."""

    measure: str
    value: float
    month_ago: float | None
    date: str
    source: str


class OpenInterestReport(Head, kw_only=True):
    """``imbalance.open-interest/1``."""

    price: float
    open_interest: OpenInterest
    sources: list[SourceState]
    gaps: list[Gap]


class VolumeReport(Head, kw_only=True):
    """``imbalance.volume/1``."""

    volume: Volume
    sources: list[SourceState]
    gaps: list[Gap]


class LiquidationsReport(Head, kw_only=True):
    """``imbalance.liquidations/1``."""

    liquidations: Liquidations
    sources: list[SourceState]
    gaps: list[Gap]


class SentimentReport(Head, kw_only=True):
    """``imbalance.fear-greed/1``."""

    sentiment: Sentiment
    sources: list[SourceState]
    gaps: list[Gap]
