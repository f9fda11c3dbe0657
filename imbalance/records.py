"""Typed records: what every source's answers are turned into.

Quantities are in base coin and USD, times in epoch milliseconds UTC, rates are fractions.
A field that a source does not publish is None, never zero.
"""

from __future__ import annotations

import enum

import msgspec

from imbalance.units import Side

SETTLED = "settled"  # which series of fundings that were paid are, beside those of running periods


class Contract(enum.StrEnum):
    """How a contract settles: linear in USD, inverse in the coin."""

    LINEAR = "linear"
    INVERSE = "inverse"


class Feed(enum.StrEnum):
    """How much of its liquidations a venue prints."""

    COMPLETE = "complete"
    CENSORED = "censored"
    UNKNOWN = "unknown"


class Instrument(msgspec.Struct, frozen=True):
    """A contract as listed.

    `contract_size_base` coins make one contract (1 where the venue counts coins). `price_multiplier`
    coins are what one quoted price buys (1000 for ``1000SHIBUSDT``). A coin-settled contract is `contract_size_usd`.
    `lot_base` is the least step of an order.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    contract: Contract
    contract_size_base: float = 1.0
    price_multiplier: float = 1.0
    max_leverage: float | None = None
    funding_interval_hours: float | None = None
    contract_size_usd: float | None = None
    lot_base: float | None = None

    def base_of(self, contracts: float) -> float:
        """Return a size in the venue's unit as base coins."""
        return contracts * self.contract_size_base

    def price_of(self, quoted: float) -> float:
        """Return a quoted price as USD for one base coin."""
        return quoted / self.price_multiplier

    def candle(
        self,
        time_ms: int,
        opened: float,
        high: float,
        low: float,
        closed: float,
        volume: float,
        volume_usd: float | None = None,
        taker_buy: float | None = None,
    ) -> Candle:
        """Return a bar of quoted prices and of sizes in the venue's unit."""
        many, size = self.price_multiplier, self.contract_size_base
        taker_buy_base = None if taker_buy is None else taker_buy * size
        return Candle(
            time_ms, opened / many, high / many, low / many, closed / many, volume * size, volume_usd, taker_buy_base
        )


class Ticker(msgspec.Struct, frozen=True):
    """State of a contract now; each venue fills what its endpoint publishes."""

    time_ms: int | None = None
    last_price: float | None = None
    mark_price: float | None = None
    index_price: float | None = None
    volume_24h_base: float | None = None
    volume_24h_usd: float | None = None
    change_24h: float | None = None


class Funding(msgspec.Struct, frozen=True):
    """Funding of the running period, as a fraction for each `interval_hours`."""

    rate: float
    time_ms: int | None = None
    next_time_ms: int | None = None
    interval_hours: float | None = None


class SettledFunding(msgspec.Struct, frozen=True):
    """Funding that was paid, as a fraction for the `interval_hours` before `time_ms`, which is a whole minute."""

    time_ms: int
    rate: float
    interval_hours: float | None = None


class FundingInterval(msgspec.Struct, frozen=True):
    """Hours between fundings, where a source publishes them apart from the rate."""

    hours: float


class OpenInterest(msgspec.Struct, frozen=True):
    """Open interest, one side, at a moment."""

    time_ms: int
    open_interest_base: float
    open_interest_usd: float | None = None


class OpenInterestUsd(msgspec.Struct, frozen=True):
    """Open interest that is published in USD alone, at a moment or the end of a day."""

    time_ms: int
    open_interest_usd: float


class Candle(msgspec.Struct, frozen=True):
    """A bar; `time_ms` is its open. Each trade counts once in the volumes."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    volume_usd: float | None = None
    taker_buy_base: float | None = None


class LongShort(msgspec.Struct, frozen=True):
    """Share of longs among accounts or positions; `kind` says among which."""

    time_ms: int
    kind: str
    long_share: float


class Liquidation(msgspec.Struct, frozen=True):
    """One liquidation order; `position` is the side that was liquidated.

    `order_id` is the venue's own, empty where it has none: an order that stands on two pages has the same on both.
    """

    time_ms: int
    position: Side
    price: float
    quantity_base: float
    order_id: str = ""


class LaterStage(msgspec.Struct, frozen=True):
    """A trade of a later stage of a default, after the liquidation: the same position may be in both."""

    time_ms: int
    stage: str
    price: float
    quantity_base: float


class LiquidationSum(msgspec.Struct, frozen=True):
    """Liquidations of a bucket that starts at `time_ms`, by liquidated side."""

    time_ms: int
    long_usd: float
    short_usd: float


class VenueLiquidations(msgspec.Struct, frozen=True):
    """What an aggregator saw liquidated on a venue in a bucket that starts at `time_ms`; empty buckets are left out."""

    time_ms: int
    venue: str
    long_usd: float
    short_usd: float
    bucket_ms: int


class Position(msgspec.Struct, frozen=True):
    """A position of a known account; its liquidation price is the venue's own, None where it has none."""

    time_ms: int
    side: Side
    quantity_base: float
    notional_usd: float
    entry_price: float | None
    liquidation_price: float | None
    leverage: float
    margin: str


class Covered(msgspec.Struct, frozen=True):
    """The answer holds all liquidations printed from `time_ms` on: it may not reach back a whole day."""

    time_ms: int


class Unread(msgspec.Struct, frozen=True):
    """There is more of this than was read: sums of it are lower bounds."""


class Total(msgspec.Struct, frozen=True):
    """A figure that another service sums over exchanges; `what` is open_interest or volume_24h."""

    what: str
    usd: float


class Commitments(msgspec.Struct, frozen=True):
    """A weekly report of a futures contract: positions by group of traders, in contracts of `units` coins.

    `groups` maps a group to (long, short, spread).
    """

    time_ms: int
    contract: str
    units: float
    open_interest: float
    groups: dict[str, tuple[float, float, float]]


class Holders(msgspec.Struct, frozen=True):
    """Activity of old coins on a day, as the source measures it; `what` names the measure."""

    time_ms: int
    what: str
    value: float


class ContractStats(msgspec.Struct, frozen=True):
    """A bucket of a venue's own statistics (Gate): open interest, taker volumes and liquidations."""

    time_ms: int
    mark_price: float
    open_interest_base: float
    long_liquidations_base: float
    short_liquidations_base: float
    long_liquidations_usd: float
    short_liquidations_usd: float
    taker_buy_base: float | None = None
    taker_sell_base: float | None = None


class OrderBook(msgspec.Struct, frozen=True):
    """Resting orders, best first: (price, base)."""

    time_ms: int | None
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class MarginTier(msgspec.Struct, frozen=True):
    """A step of a maintenance ladder.

    Maintenance margin is notional x `rate` - `deduction_usd`; bounds are in base coin where the venue
    counts contracts, else in USD.
    """

    floor: float
    cap: float
    rate: float
    max_leverage: float
    deduction_usd: float = 0.0
    bounds_in_base: bool = False


class Sentiment(msgspec.Struct, frozen=True):
    """A value of the Fear & Greed index (0-100) with the publisher's word for it."""

    time_ms: int
    value: int
    label: str


class LiquidationLevel(msgspec.Struct, frozen=True):
    """A level of another service's liquidation map (unit as the service gives it, taken as USD)."""

    price: float
    usd: float
