"""The report: the map beside the market's other gauges."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Band
from imbalance.report.tree.maps import ClustersReport, HeatmapReport
from imbalance.report.tree.readings import (
    Funding,
    HolderActivity,
    Institutional,
    Liquidations,
    OpenInterest,
    Sentiment,
    Volume,
)


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


class ReportPage(Report, kw_only=True):
    """A report with the map through time, for a page that draws it."""

    through_time: HeatmapReport
