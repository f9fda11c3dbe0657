"""The result of the engine: a map with its draws, and the figures read off it."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine.clusters import find_clusters, mass_between, narrowest_band
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.quantiles import quantiles

Floats = npt.NDArray[np.float64]

LOW, HIGH = 0.05, 0.95
BAND_SHARE = 0.8
SIDE_NAMES: tuple[Literal["long"], Literal["short"]] = ("long", "short")


class Range(msgspec.Struct, frozen=True):
    """A figure with its 90 % range."""

    value: float
    low: float
    high: float


class SideRisk(msgspec.Struct, frozen=True):
    """Forced mass of a side in a span [USD], its range, what is exposed there and the narrowest 80 % band."""

    usd: float
    low: float
    high: float
    exposed_usd: float
    band: tuple[float, float] | None


class Risk(msgspec.Struct, frozen=True):
    """Both sides in a span, their ratio, and the ratio that the price path alone implies."""

    low_price: float
    high_price: float
    long: SideRisk
    short: SideRisk
    ratio: Range | None
    path_implied_ratio: float | None
    lift: Range | None
    comparable: bool

    @property
    def heavier(self) -> Literal["long", "short"] | None:
        """The heavier side, or None where the ratio's range contains 1 or the history is too short to compare."""
        if not self.comparable or self.ratio is None or self.ratio.low <= 1 <= self.ratio.high:
            return None
        return "short" if self.ratio.value > 1 else "long"


class Cluster(msgspec.Struct, frozen=True):
    """A run of prices around a local peak of one side's forced mass."""

    side: Literal["long", "short"]
    low: float
    high: float
    peak: float
    usd: float
    usd_low: float
    usd_high: float
    exposed_usd: float
    distance: float


class VenueAudit(msgspec.Struct, frozen=True):
    """Exposed positions of a venue against its open interest [base]."""

    name: str
    open_interest_base: float
    long_exposed_base: float
    short_exposed_base: float


class Audit(msgspec.Struct, frozen=True):
    """What became of what was opened, as shares of it, and the exposed positions left."""

    venues: tuple[VenueAudit, ...]
    swept_share: float
    closed_share: float
    unexplained_share: float

    def total(self, field: str) -> float:
        """Return the sum of a field over venues."""
        return float(sum(getattr(v, field) for v in self.venues))


class Model(msgspec.Struct, frozen=True):
    """How the map was made: scales with ranges, assumptions, and the one that dominates the range."""

    name: str
    calibrated: bool
    printed_share: Range | None
    capture: dict[str, Range]
    forced_share: Range
    assumptions: dict[str, str]
    dominant_uncertainty: str


class LiquidationMap(msgspec.Struct, frozen=True):
    """Forced and exposed liquidations by price.

    Attributes
    ----------
    price : the price that distances are from [USD].
    log_edges : bin edges as log distance from it, shape (bins + 1,).
    forced : shape (sides, bins) [USD]; exposed likewise.
    draws : forced mass under draws of the assumptions, shape (draws, sides, bins).
    path_implied : what a constant opening flow along the same path gives, shape (sides, bins), any scale.
    path_draws : the same under the paired draws, shape (draws, sides, bins).
    weights : forced share of what is opened, by side, distance cell and class of life, shape (sides, cells * classes).
    opened : what positions count for in it by side and opening day, as in `engine.lean`, shape (sides, days + 1).
    comparable : whether the history is long enough to say which side is heavier.
    """

    symbol: str
    as_of_ms: int
    price: float
    log_edges: Floats
    forced: Floats
    exposed: Floats
    draws: Floats
    path_implied: Floats
    path_draws: Floats
    weights: Floats
    opened: Floats
    model: Model
    audit: Audit
    comparable: bool

    @property
    def edges(self) -> Floats:
        """Bin edges [USD], rising, shape (bins + 1,)."""
        return np.asarray(self.price * np.exp(self.log_edges))

    def bounds(self, side: int) -> tuple[Floats, Floats]:
        """Return low and high of each bin of a side [USD], shape (bins,)."""
        low, high = quantiles(self.draws[:, side], LOW, HIGH)
        return np.minimum(low, self.forced[side]), np.maximum(high, self.forced[side])

    def window(self, pct: float) -> Risk:
        """Return the risk from ``price (1 - pct/100)`` to ``price (1 + pct/100)``."""
        return self.band(self.price * (1 - pct / 100), self.price * (1 + pct / 100))

    def band(self, low_price: float, high_price: float) -> Risk:
        """Return the risk between two prices; a side that lies wholly beyond it is 0 there."""
        low, high = math.log(low_price / self.price), math.log(high_price / self.price)

        def mass(values: Floats) -> Floats:
            return mass_between(self.log_edges, values, low, high)

        forced, exposed = mass(self.forced), mass(self.exposed)
        draws = mass(self.draws)
        sides = []
        for s in (LONG, SHORT):
            bounds = quantiles(draws[:, s], LOW, HIGH)
            run = narrowest_band(self.log_edges, self.forced[s], low, high, BAND_SHARE)
            sides.append(
                SideRisk(
                    usd=float(forced[s]),
                    low=float(min(bounds[0], forced[s])),
                    high=float(max(bounds[1], forced[s])),
                    exposed_usd=float(exposed[s]),
                    band=None if run is None else (self.price * math.exp(run[0]), self.price * math.exp(run[1])),
                )
            )
        path, path_draws = mass(self.path_implied), mass(self.path_draws)
        ratio = _ratio(forced, draws)
        path_ratio = _ratio(path, path_draws)
        lift = None
        if ratio is not None and path_ratio is not None:
            each = _quotients(draws) / _quotients(path_draws)
            lift = range_of(ratio.value / path_ratio.value, each)
        return Risk(
            low_price,
            high_price,
            sides[LONG],
            sides[SHORT],
            ratio,
            path_ratio.value if path_ratio else None,
            lift,
            self.comparable,
        )

    def held(self, side: int, low_price: float, high_price: float) -> float:
        """Return what a side holds between two prices [USD]."""
        low, high = math.log(low_price / self.price), math.log(high_price / self.price)
        return float(mass_between(self.log_edges, self.forced[side], low, high))

    def ratio_between(
        self, above: tuple[float, float], below: tuple[float, float]
    ) -> tuple[float | None, float | None]:
        """Return short mass in one band over long mass in another: forced, and by the path alone."""

        def one(masses: Floats) -> float | None:
            sums = [
                float(mass_between(self.log_edges, masses[side], *(math.log(p / self.price) for p in band)))
                for side, band in ((SHORT, above), (LONG, below))
            ]
            return sums[0] / sums[1] if sums[1] > 0 else None

        return one(self.forced), one(self.path_implied)

    def clusters(self, most: int = 3) -> list[Cluster]:
        """Return up to `most` clusters a side, heaviest first."""
        found = []
        for s in (LONG, SHORT):
            for first, last, peak in find_clusters(self.forced[s], most):
                run = slice(first, last + 1)
                low, high = quantiles(self.draws[:, s, run].sum(axis=1), LOW, HIGH)
                usd = float(self.forced[s, run].sum())
                middle = (self.log_edges[peak] + self.log_edges[peak + 1]) / 2
                found.append(
                    Cluster(
                        side=SIDE_NAMES[s],
                        low=float(self.edges[first]),
                        high=float(self.edges[last + 1]),
                        peak=float(self.price * math.exp(middle)),
                        usd=usd,
                        usd_low=float(min(low, usd)),
                        usd_high=float(max(high, usd)),
                        exposed_usd=float(self.exposed[s, run].sum()),
                        distance=float(math.exp(middle) - 1),
                    )
                )
        return sorted(found, key=lambda c: -c.usd)


def _quotients(masses: Floats) -> Floats:
    out = np.full(masses.shape[0], np.nan)
    np.divide(masses[:, SHORT], masses[:, LONG], out=out, where=masses[:, LONG] > 0)
    return out


def _ratio(masses: Floats, draws: Floats) -> Range | None:
    if masses[LONG] <= 0 or masses[SHORT] <= 0:
        return None
    return range_of(float(masses[SHORT] / masses[LONG]), _quotients(draws))


def range_of(value: float, draws: Floats) -> Range:
    """Return a figure with the 5 % and 95 % quantiles of its finite draws, widened to hold it."""
    known = draws[np.isfinite(draws)]
    if known.size == 0:
        return Range(value, value, value)
    low, high = quantiles(known, LOW, HIGH)
    return Range(value, float(min(low, value)), float(max(high, value)))
