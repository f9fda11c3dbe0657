"""The map put to the test, and the price pushed."""

from __future__ import annotations

from typing import Literal

import msgspec

from imbalance.report.tree.common import Gap, Head, Range, SourceState
from imbalance.report.tree.maps import Venue


class MethodScore(msgspec.Struct):
    """Scores of one way to predict a bar's liquidations; gains are of R2, with 90 % day-block intervals.

    Intervals are null where too few days were tested.
    """

    name: str
    spearman: float
    partial_spearman: float | None
    r2_gain: float | None
    r2_gain_low: float | None
    r2_gain_high: float | None
    over_null: float | None
    over_null_low: float | None
    over_null_high: float | None


class Member(msgspec.Struct):
    """A structure of the model's mixture, scored by itself under its name.

    `weight` is its part of the mixture beforehand, and `weight_learnt` that on the last day.
    """

    name: str
    clock_exponent: float
    leverage: list[float]
    leverage_log_sd: float
    lifetime_days: list[float]
    share: list[float]
    weight: float
    weight_learnt: float


class TrialVerdict(msgspec.Struct):
    """Whether the map beats its path on this market; `beats_path` is null where that cannot be told."""

    beats_path: bool | None
    text: str


class Reliability(msgspec.Struct):
    """Bars of a class of predictions, smallest first: shares observed below, inside and above their 90 % interval.

    `predicted_usd` and `observed_usd` are means; the bounds of the latter, a 90 % day-block interval, are null of
    fewer than two days.
    """

    predicted_low_usd: float
    predicted_high_usd: float
    cases: int
    below: float
    inside: float
    above: float
    predicted_usd: float
    observed_usd: float
    observed_low_usd: float | None
    observed_high_usd: float | None


class KeptScore(msgspec.Struct):
    """How maps of one structure, or of the path alone, kept for as long, rank the same bands, and their error."""

    name: str
    spearman: float
    ln_error: float


class HorizonScore(msgspec.Struct):
    """Scores of maps kept for some days, by 1 % bands of price that were crossed.

    `width_spearman` is what the width crossed alone reaches: a map without any shape. `ln_error` is of bands after one
    scale for all, `level_ln_error` of a map's sum over them without any. `others` are the members of the mixture by
    themselves, and the path null.
    """

    days: float
    maps: int
    bands: int
    spearman: float
    width_spearman: float
    ln_error: float
    level_ln_error: float
    others: list[KeptScore]


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
    sources: list[SourceState]
    gaps: list[Gap]


class ValidateReport(Head, kw_only=True):
    """``imbalance.validate/1``."""

    venues: list[Venue]
    verdict: TrialVerdict
    bars_tested: int
    inside_range_share: float | None
    reliability: list[Reliability]
    methods: list[MethodScore]
    members: list[Member]
    horizons: list[HorizonScore]
    bars: list[BarPrediction]
    sources: list[SourceState]
    gaps: list[Gap]


class ValidatedCoin(msgspec.Struct):
    """A coin's validation, without its single bars; what could not be validated says why in `failed`, and has none."""

    symbol: str
    interval: str | None = None
    start: str | None = msgspec.field(name="from", default=None)
    as_of: str | None = None
    venues: list[Venue] = []
    verdict: TrialVerdict | None = None
    bars_tested: int | None = None
    inside_range_share: float | None = None
    reliability: list[Reliability] = []
    methods: list[MethodScore] = []
    members: list[Member] = []
    horizons: list[HorizonScore] = []
    notes: list[str] = []
    gaps: list[Gap] = []
    failed: str = ""

    @property
    def model(self) -> MethodScore | None:
        """The scores of the model itself, where the coin has any."""
        return next((m for m in self.methods if m.name == "model"), None)


class ValidateCoinsReport(Head, kw_only=True):
    """``imbalance.validate-coins/1``: a row a coin."""

    rows: list[ValidatedCoin]
    sources: list[SourceState]
    gaps: list[Gap]
