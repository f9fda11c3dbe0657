"""The map as the library returns it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import msgspec

from imbalance.engine import liquidation_map as engine_map
from imbalance.engine.margin import LONG, SHORT
from imbalance.report import mapping, phrases, words
from imbalance.units import iso

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PRINTED_WINDOW_PCT = 15.0
PRINTED_COLUMNS = 100
WHERE = "from bars"


class LiquidationMap(engine_map.LiquidationMap, frozen=True):
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
        from imbalance.report import drawing

        figure, theme = drawing.canvas(dark=dark)
        drawing.draw_map(figure, theme, mapping.map_(self), self.price)
        forced = mapping.range_(self.model.forced_share)
        drawing.title(figure, theme, f"{self.symbol} liquidation map", iso(self.as_of_ms), WHERE, forced)
        return figure


def result(found: engine_map.LiquidationMap) -> LiquidationMap:
    """Return the engine's map as the library gives it."""
    return LiquidationMap(**msgspec.structs.asdict(found))
