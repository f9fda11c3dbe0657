"""The report as typed data. Fractions are fractions, times ISO-8601 ending in Z, a missing value is null.

Documents are flat: the head, then the sections. `clusters` is the map alone; `report` adds the market's
other gauges; the small commands carry one section each.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["live", "replay", "bars"]
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


class SourceState(msgspec.Struct):
    """How a source fared in this run."""

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
    """Forced liquidations of a side, what is exposed, and the narrowest band with 80 % of the forced."""

    usd: float
    low: float
    high: float
    exposed_usd: float
    band: Band | None


class Risk(msgspec.Struct, kw_only=True):
    """Both sides between two prices, their ratio, and what the price path alone implies."""

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


class WindowRisk(Risk, kw_only=True):
    """Risk within a share of the price."""

    window_pct: float


class BandRisk(Risk, kw_only=True):
    """Risk between two prices asked for; `note` says why a side is 0 there."""

    low: float
    high: float
    note: str = ""


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

    `largest` marks the row that holds the peak of the side's largest cluster.
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
    sources: list[SourceState] = []
    gaps: list[Gap] = []


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


class Price(msgspec.Struct):
    """The price now and where it comes from."""

    mark: float
    index: float | None
    change_24h: float | None
    high: float
    high_time: str
    low: float
    change_since_high: float
    days_since_high: float


class Quoted(msgspec.Struct):
    """Another service's published figure, and our own for the very same band."""

    source: str
    value: float
    band: Band | None
    own_value: float | None
    own_low: float | None
    own_high: float | None
    own_exposed: float | None
    path_implied_ratio: float | None = None


class Metric(msgspec.Struct, kw_only=True):
    """A row of the metrics table.

    `kind` tells what was read from what the model estimates; `quoted_from` names the service where what was read is
    its published sum over exchanges, and none of the exchanges' own figures. `detail` is what `significance` leaves
    out.
    """

    id: str
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: Literal["usd", "fraction", "index", "ratio"]
    significance: str
    kind: Literal["observed", "estimated"]
    source: str
    as_of: str
    band: Band | None = None
    quoted: list[Quoted] = []
    quoted_from: str | None = None
    detail: str = ""


class Signal(msgspec.Struct):
    """Another gauge of the market, in a number and words.

    Gauges of one `group` are told in one line, each by its `name`; one without a group is told on request alone.
    """

    id: str
    label: str
    value: float | None
    unit: str
    text: str
    group: str = ""
    name: str = ""


class Verdict(msgspec.Struct):
    """What the map says of the sides; `beyond_path` tells whether it says more than the price path does."""

    heavier: Literal["short", "long"] | None
    beyond_path: bool
    text: str


class Report(ClustersReport, kw_only=True):
    """``imbalance.report/1``."""

    open_interest: OpenInterest
    volume: Volume
    liquidations: Liquidations
    sentiment: Sentiment | None
    funding: Funding
    institutional: Institutional | None
    holders: list[HolderActivity]
    market_price: Price
    metrics: list[Metric]
    signals: list[Signal]
    verdict: Verdict


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


class SourcesReport(Head, kw_only=True):
    """``imbalance.sources/1``; `sources` is empty unless they were probed."""

    capabilities: list[Capability]
    sources: list[SourceState]
    gaps: list[Gap]


class MethodScore(msgspec.Struct):
    """Scores of one way to predict a bar's liquidations; gains are of R2, with 90 % day-block intervals."""

    name: str
    spearman: float
    partial_spearman: float | None
    r2_gain: float | None
    r2_gain_low: float | None
    r2_gain_high: float | None
    over_null: float | None
    over_null_low: float | None
    over_null_high: float | None


class Reliability(msgspec.Struct):
    """Bars of a class of predictions, smallest first: shares observed below, inside and above their 90 % interval."""

    predicted_low_usd: float
    predicted_high_usd: float
    cases: int
    below: float
    inside: float
    above: float


class HorizonScore(msgspec.Struct):
    """Scores of maps kept for some days, by 1 % bands of price that were crossed.

    `width_spearman` is what the width crossed alone reaches: a map without any shape.
    """

    days: float
    maps: int
    bands: int
    spearman: float
    width_spearman: float
    ln_error: float


class BarPrediction(msgspec.Struct):
    """What a bar was predicted to print on a side, with a 90 % prediction interval, and what it printed.

    `time` is the bar's open in epoch ms, as a bars file and its scorers join it, `time_utc` the same in ISO-8601.
    """

    time: int
    time_utc: str
    side: Literal["long", "short"]
    observed_usd: float
    predicted_usd: float
    predicted_low_usd: float
    predicted_high_usd: float


class ImpactLaw(msgspec.Struct):
    """A cascade under one impact law; null where the law's data are missing.

    `push_needed` and `carried` are shares: of the price, and of the way to the target. `beyond_day`: whether the cost
    is more than a day's volume, which no law was made for.
    """

    name: str
    reach: Range | None
    push_needed: Range | None
    carried: Range | None
    cost_usd: Range | None
    reproduction: Range | None
    beyond_day: bool | None = None


class CascadeReport(Head, kw_only=True):
    """``imbalance.cascade/1``."""

    price: float
    target: float
    shock: float
    side: Literal["long", "short"]
    forced: Range
    exposed_usd: float
    volume_day_usd: float | None
    volatility_day: float | None
    laws: list[ImpactLaw]
    assumptions: dict[str, str]
    sources: list[SourceState] = []
    gaps: list[Gap] = []


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
    sources: list[SourceState] = []
    gaps: list[Gap] = []


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
    sources: list[SourceState]
    gaps: list[Gap]


class ValidateReport(Head, kw_only=True):
    """``imbalance.validate/1``."""

    venues: list[Venue]
    bars_tested: int
    inside_range_share: float | None
    reliability: list[Reliability]
    methods: list[MethodScore]
    horizons: list[HorizonScore]
    bars: list[BarPrediction]
    sources: list[SourceState] = []
    gaps: list[Gap] = []


Document = (
    Report
    | ClustersReport
    | OpenInterestReport
    | VolumeReport
    | LiquidationsReport
    | SentimentReport
    | SourcesReport
    | ValidateReport
    | CascadeReport
    | HeatmapReport
    | PositionsReport
)

SCHEMAS: dict[str, type[Head]] = {
    "report": Report,
    "clusters": ClustersReport,
    "open-interest": OpenInterestReport,
    "volume": VolumeReport,
    "liquidations": LiquidationsReport,
    "fear-greed": SentimentReport,
    "sources": SourcesReport,
    "validate": ValidateReport,
    "cascade": CascadeReport,
    "heatmap": HeatmapReport,
    "positions": PositionsReport,
}


def schema_name(command: str) -> str:
    """Return the schema's name, as the documents carry it."""
    return f"imbalance.{command}/1"
