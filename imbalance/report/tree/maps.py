"""The map: by price, through time, and beside positions of known accounts."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Band, Gap, Head, Range, SourceState


class Venue(msgspec.Struct):
    """A venue in the map."""

    name: str
    open_interest_base: float | None
    open_interest_usd: float | None
    interval: str
    start: str = msgspec.field(name="from")
    liquidation_feed: str
    notes: list[str]


class Model(msgspec.Struct):
    """How the map was made."""

    name: str
    calibrated: bool
    printed_share: Range | None
    capture: dict[str, Range]
    forced_share: Range
    assumptions: dict[str, str]
    dominant_uncertainty: str
    history_days: float


class Map(msgspec.Struct):
    """Forced and exposed liquidations by price bin [USD]."""

    edges: list[float]
    long_usd: list[float]
    short_usd: list[float]
    long_usd_low: list[float]
    long_usd_high: list[float]
    short_usd_low: list[float]
    short_usd_high: list[float]
    long_exposed_usd: list[float]
    short_exposed_usd: list[float]


class SideRisk(msgspec.Struct):
    """Forced liquidations of a side, what is exposed, and the narrowest band with 80 % of the forced.

    All are null where a span lies wholly beyond the map, and nothing is known of it.
    """

    usd: float | None
    low: float | None
    high: float | None
    exposed_usd: float | None
    band: Band | None


class Risk(msgspec.Struct, kw_only=True):
    """Both sides between two prices, their ratio, and what the price path alone implies.

    `note` says why a side is 0 there, and that a span reaches beyond the map.
    """

    long: SideRisk
    short: SideRisk
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    heavier: Literal["short", "long"] | None
    path_implied_ratio: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    note: str = ""


class WindowRisk(Risk, kw_only=True):
    """Risk within a share of the price."""

    window_pct: float


class BandRisk(Risk, kw_only=True):
    """Risk between two prices asked for."""

    low: float
    high: float


class Cluster(msgspec.Struct):
    """A run of prices around a peak of forced liquidations."""

    side: Literal["long", "short"]
    low: float
    high: float
    peak: float
    usd: float
    usd_low: float
    usd_high: float
    exposed_usd: float
    distance_pct: float


class VenueAudit(msgspec.Struct):
    """Exposed positions of a venue against its open interest."""

    name: str
    open_interest_base: float
    long_exposed_base: float
    short_exposed_base: float


class Audit(msgspec.Struct):
    """Exposed positions against open interest, and what became of the rest."""

    open_interest_base: float
    long_exposed_base: float
    short_exposed_base: float
    swept_share: float
    closed_share: float
    unexplained_share: float
    venues: list[VenueAudit]


class MapRow(msgspec.Struct):
    """Forced liquidations of a side between two round prices; `from_price_usd` sums from the price out to this row.

    `largest` marks the row that holds most of the side's largest cluster.
    """

    side: Literal["long", "short"]
    low: float
    high: float
    usd: float
    usd_low: float
    usd_high: float
    from_price_usd: float
    largest: bool


class ClustersReport(Head, kw_only=True):
    """``imbalance.clusters/1``."""

    price: float
    venues: list[Venue]
    model: Model
    map: Map
    risk: WindowRisk
    windows: list[WindowRisk]
    bands: list[BandRisk]
    clusters: list[Cluster]
    rows: list[MapRow]
    audit: Audit
    sources: list[SourceState]
    gaps: list[Gap]


class Path(msgspec.Struct):
    """Prices [USD] of the bars, or of spans of several where there are many, by the end of each."""

    time: list[str]
    low: list[float]
    high: list[float]
    close: list[float]


class HeatmapReport(Head, kw_only=True):
    """``imbalance.heatmap/1``: forced liquidations [USD] by column of time (its end) and bin of price."""

    interval: str
    calibrated: bool
    forced_share: Range
    time: list[str]
    price: list[float]
    edges: list[float]
    long_usd: list[list[float]]
    short_usd: list[list[float]]
    path: Path
    sources: list[SourceState]
    gaps: list[Gap]


class HeldPosition(msgspec.Struct):
    """A position of a known account; null where the venue gives no price."""

    side: Literal["long", "short"]
    quantity_base: float
    notional_usd: float
    entry_price: float | None
    liquidation_price: float | None
    distance_pct: float | None
    leverage: float
    margin: str


class PositionsMap(msgspec.Struct):
    """Positions by liquidation price [USD: coins at that price], on the edges of the map."""

    edges: list[float]
    long_usd: list[float]
    short_usd: list[float]


class PositionsWindow(msgspec.Struct):
    """What was read within a share of the price, and what the model holds there for the whole market."""

    window_pct: float
    long_usd: float
    short_usd: float
    model_long: SideRisk
    model_short: SideRisk


class DistanceShare(msgspec.Struct):
    """Shares of notional whose liquidation price lies so far from the price, in per cent of it.

    Read: of a side's positions; model: of open interest, exposed there. `high_pct` is null for the rest: farther, or
    without a liquidation price. A share is null where there is nothing that it could be of.
    """

    low_pct: float
    high_pct: float | None
    long_read_share: float | None
    long_model_share: float | None
    short_read_share: float | None
    short_model_share: float | None


class PositionsReport(Head, kw_only=True):
    """``imbalance.positions/1``."""

    price: float
    accounts: int
    holding: int
    without_liquidation_price: int
    long_notional_usd: float
    short_notional_usd: float
    positions: list[HeldPosition]
    map: PositionsMap
    windows: list[PositionsWindow]
    distances: list[DistanceShare]
    sources: list[SourceState]
    gaps: list[Gap]
