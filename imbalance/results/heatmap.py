"""The map through time as the library returns it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from imbalance.engine import heatmap as engine_heatmap
from imbalance.engine.liquidation_map import Range
from imbalance.report import mapping, words
from imbalance.results.liquidation_map import WHERE
from imbalance.units import interval_name, iso

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from imbalance.market import Ints


class LiquidationHeatmap(engine_heatmap.LiquidationHeatmap, frozen=True):
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
    forced_share: Range

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
        from imbalance.report import drawing

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
