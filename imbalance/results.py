"""What the library returns: the engine's results, with a short print, as tables and as pictures."""

from __future__ import annotations

import dataclasses
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from imbalance.engine import heatmap as engine_heatmap
from imbalance.engine import liquidation_map as engine_map
from imbalance.engine.margin import LONG, SHORT
from imbalance.report import drawing, mapping, phrases, words
from imbalance.units import interval_name, iso

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from imbalance.market import Ints

PRINTED_WINDOW_PCT = 15.0
PRINTED_COLUMNS = 100
WHERE = "from bars"


class LiquidationMap(engine_map.LiquidationMap):
    """Forced and exposed liquidations by price; `window`, `band` and `clusters` read it, `draws` carry its ranges.

    Attributes
    ----------
    price : the price that distances are from [USD].
    edges : of the bins [USD], rising, shape (bins + 1,).
    forced, exposed : what would be force-closed, and what is open, shape (sides, bins) [USD]; longs come first.
    draws : forced mass under draws of the assumptions, shape (draws, sides, bins).
    model, audit : how it was made, and what became of what was opened.
    """

    def __repr__(self) -> str:
        """Return the answer in a few lines."""
        risk = mapping.window(self, PRINTED_WINDOW_PCT)
        told = phrases.verdict(risk, mapping.clusters(self), comparable=self.comparable)
        made = "calibrated" if self.model.calibrated else "not calibrated: the prior's ranges"
        return "\n".join(
            [
                f"LiquidationMap {self.symbol} {words.price(self.price)}, {iso(self.as_of_ms)}, {made}",
                words.unglued(textwrap.fill(words.glued(told.text), PRINTED_COLUMNS)),
                f"{self.edges.size - 1} bins from {words.price(self.edges[0])} to {words.price(self.edges[-1])}",
            ]
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row a bin: its prices, and of each side forced mass, its 90 % range and what is exposed [USD]."""
        import pandas as pd

        columns = {"low": self.edges[:-1], "high": self.edges[1:]}
        for name, side in (("long", LONG), ("short", SHORT)):
            low, high = self.bounds(side)
            columns |= {f"{name}_usd": self.forced[side], f"{name}_usd_low": low, f"{name}_usd_high": high}
            columns[f"{name}_exposed_usd"] = self.exposed[side]
        return pd.DataFrame(columns)

    def plot(self, *, dark: bool = False) -> Figure:
        """Draw the map with its ranges and its sum from the price outward.

        Raises
        ------
        UsageError
            If matplotlib is not installed.
        """
        figure, theme = drawing.canvas(dark=dark)
        drawing.draw_map(figure, theme, mapping.map_(self), self.price)
        forced = mapping.range_(self.model.forced_share)
        drawing.title(figure, theme, f"{self.symbol} liquidation map", iso(self.as_of_ms), WHERE, forced)
        return figure


@dataclasses.dataclass(frozen=True, repr=False)
class LiquidationHeatmap(engine_heatmap.LiquidationHeatmap):
    """Forced liquidations by price through time.

    Attributes
    ----------
    symbol : base coin.
    time_ms : end of each column, shape (columns,).
    edges : price bins [USD], rising, shape (bins + 1,).
    long_usd, short_usd : forced mass standing at a column's end, shape (columns, bins).
    price : close at a column's end, shape (columns,).
    path_time_ms, path : the price path bar by bar, or in spans where there are many bars, and their ends.
    interval_ms : length of the bars.
    forced_share : of the open positions at a price, the share that would be force-closed there.
    """

    interval_ms: int
    forced_share: engine_map.Range

    def __repr__(self) -> str:
        """Return what it holds in two lines."""
        ends = (words.price(self.edges[0]), words.price(self.edges[-1]))
        return (
            f"LiquidationHeatmap {self.symbol}, {iso(int(self.time_ms[0]))} to {iso(int(self.time_ms[-1]))}, "
            f"bars of {interval_name(self.interval_ms)}\n"
            f"{self.time_ms.size} columns x {self.edges.size - 1} bins from {ends[0]} to {ends[1]}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row a column and bin: when, between which prices, and what stood there of each side [USD]."""
        import pandas as pd

        columns, bins = self.long_usd.shape
        return pd.DataFrame(
            {
                "time": np.repeat(pd.to_datetime(self.time_ms, unit="ms", utc=True), bins),
                "low": np.tile(self.edges[:-1], columns),
                "high": np.tile(self.edges[1:], columns),
                "long_usd": self.long_usd.ravel(),
                "short_usd": self.short_usd.ravel(),
            }
        )

    def plot(self, *, dark: bool = False) -> Figure:
        """Draw the map through time, with the price and, at the right, what stands now.

        Raises
        ------
        UsageError
            If matplotlib is not installed.
        """
        figure, theme = drawing.canvas(dark=dark)
        path = (self.path.low, self.path.high, self.path.close)
        drawing.draw_heatmap(
            figure,
            theme,
            _moments(self.time_ms),
            self.edges,
            self.long_usd,
            self.short_usd,
            _moments(self.path_time_ms),
            path,
            interval_name(self.interval_ms),
        )
        what, forced = f"{self.symbol} liquidations through time", mapping.range_(self.forced_share)
        drawing.title(figure, theme, what, iso(int(self.time_ms[-1])), WHERE, forced)
        return figure


def _moments(time_ms: Ints) -> list[datetime]:
    return [datetime.fromtimestamp(t / 1000, UTC) for t in time_ms.tolist()]


def result(found: engine_map.LiquidationMap) -> LiquidationMap:
    """Return the engine's map as the library gives it."""
    return LiquidationMap(**{f.name: getattr(found, f.name) for f in dataclasses.fields(found)})
