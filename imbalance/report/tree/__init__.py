"""The report as typed data. Fractions are fractions, times ISO-8601 ending in Z, a missing value is null.

Documents are flat: the head, then the sections. `clusters` is the map alone; `report` adds the market's
other gauges; the small commands carry one section each.
"""

from __future__ import annotations

from imbalance.report.tree.changes import Change, Compared, DiffReport
from imbalance.report.tree.checks import CheckedFigure, CheckReport
from imbalance.report.tree.collected import CollectedStream, CollectReport
from imbalance.report.tree.common import Band, Capability, Gap, Head, Kept, Mode, Range, SourcesReport, SourceState
from imbalance.report.tree.history import BackfillReport, DbReport, FilledSeries, KnownSpan, MissingSpan, StoredSeries
from imbalance.report.tree.jobs import MapHistoryReport, MappedPartition
from imbalance.report.tree.maps import (
    Audit,
    BandRisk,
    Cluster,
    ClustersReport,
    DistanceShare,
    HeatmapReport,
    HeldPosition,
    Map,
    MapRow,
    Model,
    Path,
    PositionsMap,
    PositionsReport,
    PositionsWindow,
    Risk,
    SideRisk,
    Venue,
    VenueAudit,
    WindowRisk,
)
from imbalance.report.tree.readings import (
    Concentration,
    Funding,
    GroupPositions,
    HolderActivity,
    Institutional,
    LargestSince,
    Liquidations,
    LiquidationsReport,
    ObservedLiquidations,
    OpenInterest,
    OpenInterestChange,
    OpenInterestReport,
    QuotedTotal,
    Sentiment,
    SentimentReport,
    VenueFunding,
    VenueOpenInterest,
    VenueVolume,
    Volume,
    VolumeReport,
)
from imbalance.report.tree.rounds import Moved, WatchReport
from imbalance.report.tree.scans import ScanReport, ScanRow
from imbalance.report.tree.signals import (
    BacktestReport,
    BaseRate,
    Checklist,
    Condition,
    Evidence,
    Reading,
    SignalsReport,
    State,
    StudiedMarket,
    StudiedOutcome,
    StudyVerdict,
    SweepEvent,
)
from imbalance.report.tree.summary import Metric, Price, Quoted, Report, ReportPage, Signal, Verdict
from imbalance.report.tree.trials import (
    BarPrediction,
    CascadeReport,
    HorizonScore,
    ImpactLaw,
    KeptScore,
    Member,
    MethodScore,
    Reliability,
    TrialVerdict,
    ValidateCoinsReport,
    ValidatedCoin,
    ValidateReport,
)

__all__ = [
    "SCHEMAS", "Audit", "BackfillReport", "BacktestReport", "Band", "BandRisk", "BarPrediction", "BaseRate",
    "Capability", "CascadeReport", "Change", "CheckReport", "CheckedFigure", "Checklist", "Cluster", "ClustersReport",
    "CollectReport", "CollectedStream", "Compared", "Concentration", "Condition", "DbReport", "DiffReport",
    "DistanceShare", "Document", "Evidence", "FilledSeries", "Funding", "Gap", "GroupPositions", "Head",
    "HeatmapReport", "HeldPosition", "HolderActivity", "HorizonScore", "ImpactLaw", "Institutional", "Kept",
    "KeptScore", "KnownSpan", "LargestSince", "Liquidations", "LiquidationsReport", "Map", "MapHistoryReport", "MapRow",
    "MappedPartition", "Member", "MethodScore", "Metric", "MissingSpan", "Mode", "Model", "Moved",
    "ObservedLiquidations", "OpenInterest", "OpenInterestChange", "OpenInterestReport", "Path", "PositionsMap",
    "PositionsReport", "PositionsWindow", "Price", "Quoted", "QuotedTotal", "Range", "Reading", "Reliability", "Report",
    "ReportPage", "Risk", "ScanReport", "ScanRow", "Sentiment", "SentimentReport", "SideRisk", "Signal",
    "SignalsReport", "SourceState", "SourcesReport", "State", "StoredSeries", "StudiedMarket", "StudiedOutcome",
    "StudyVerdict", "SweepEvent", "TrialVerdict", "ValidateCoinsReport", "ValidateReport", "ValidatedCoin", "Venue",
    "VenueAudit", "VenueFunding", "VenueOpenInterest", "VenueVolume", "Verdict", "Volume", "VolumeReport",
    "WatchReport", "WindowRisk", "schema_name",
]  # fmt: skip

Document = (
    Report
    | ReportPage
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
    | DbReport
    | SignalsReport
    | BacktestReport
    | CollectReport
    | DiffReport
    | CheckReport
    | WatchReport
    | BackfillReport
    | ScanReport
    | MapHistoryReport
    | ValidateCoinsReport
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
    "db": DbReport,
    "signals": SignalsReport,
    "backtest": BacktestReport,
    "collect": CollectReport,
    "diff": DiffReport,
    "check": CheckReport,
    "watch": WatchReport,
    "backfill": BackfillReport,
    "scan": ScanRow,
    "map-history": MapHistoryReport,
    "validate-coins": ValidateCoinsReport,
}


def schema_name(kind: type[Head]) -> str:
    """Return the schema's name, as the documents of a kind carry it."""
    return f"imbalance.{next(command for command, known in SCHEMAS.items() if issubclass(kind, known))}/1"
