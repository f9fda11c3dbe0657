"""The thresholds that bars are held against, each with its reason.

Beyond `LIMITS` a cell cannot be true. They are wide: what a crash, a young coin or an idle market shows passes; what a
slipped unit, a wrong column or an overflow makes does not. Beyond `DOUBTS` it can, but is told. "Measured" is hourly
bars of BTC and ETH since 2019 and of five coins on four venues from March to November 2025, with the crash of 10
October among them; daily bars and liquidations of seven coins since 2020; and bars of simulated markets.
"""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """A threshold and why it stands where it does."""

    value: float
    reason: str


LIMITS = {
    "jump": Limit(500.0, "half of 1,000, the smallest slip of unit, so that noise hides none"),
    "price and back": Limit(20.0, "no perpetual's close was ever a twentieth of those before and after it"),
    "volume over open interest": Limit(10.0, "a launch or a crash turns open interest over a few times a bar, not ten"),
    "liquidations over open interest": Limit(1.0, "only positions that were open can be liquidated"),
    "liquidations over open interest, in a day": Limit(5.0, "new ones are opened meanwhile; measured: 2.3 at most"),
    "step of open interest": Limit(8.0, "in one bar that stays: larger ones are wrong units, unless they were traded"),
    "step over volume": Limit(2.0, "a trade changes open interest by its own size at most; a venue may count it late"),
    "liquidations over volume": Limit(1.5, "liquidations are trades of their bar, or are stamped a bar apart"),
    "turnover of a day": Limit(1e-4, "volume over open interest; a thousandth of a quiet market's: other units"),
    "turnover of a day, most": Limit(1e3, "volume over open interest; ten times the wildest launches': other units"),
    "high over the bars beside it": Limit(8.0, "and over its own open and close; measured: 2.3 at most, since 2019"),
    "low under the bars beside it": Limit(25.0, "likewise; on 10 October 2025 coins fell to a fifth within an hour"),
    "high over other venues": Limit(4.0, "of the same bar, and over its own open and close; measured: 1.1 at most"),
    "liquidations of a day over volume": Limit(0.5, "of one venue; measured: 0.33 at most, 99.9 % of days below 0.16"),
    "last over all before": Limit(4.0, "of open interest and of volume together; measured: 1.1, and 5.8 for volume"),
    "mark over traded": Limit(3.0, "a mark price follows an index that the trades follow"),
    "venues apart": Limit(5.0, "arbitrage keeps one coin's closes within a few per cent, in a crash within half"),
    "venues apart throughout": Limit(1.05, "999 of 1,000 venues lie within at any moment: else another quote or coin"),
    "closes move together": Limit(0.8, "the correlation at another lag; measured: 0.23 at most, 0.95 at the same time"),
    "closes move apart": Limit(0.4, "the correlation at the same time; measured in any 24 bars: 0.61 at least"),
    "largest price": Limit(1e12, "USD; no coin is worth a trillion"),
    "smallest price": Limit(1e-15, "USD; a thousandth of the cheapest coins' ticks"),
    "largest value": Limit(1e15, "USD; ten times the world's yearly product in one cell"),
    "smallest open interest": Limit(1e-6, "USD; less than any venue's smallest order"),
}
DOUBTS = {
    "high beyond the bars beside it": Limit(2.5, "and beyond its own open and close; measured: 2.3 at most"),
    "low beyond the bars beside it": Limit(2.5, "likewise; measured: 2.2 at most"),
    "high beyond other venues": Limit(1.5, "of the same bar, likewise; measured: 1.1 at most"),
    "low beyond other venues": Limit(2.0, "likewise; measured: 1.4 at most, in the crash of 10 October 2025"),
    "liquidations of a day over volume": Limit(0.16, "of one venue; measured: 99.9 % of days lie below"),
    "liquidations of a week over volume": Limit(0.1, "of one venue; measured: 0.06 at most"),
    "liquidations over volume, least": Limit(1e-6, "in a week or more; in a single day 99 % of 1,502 pairs had 8e-6"),
    "turnover, least": Limit(0.005, "volume of a day over open interest; 99.9 % of 3,123 pairs had 0.009"),
    "turnover, most": Limit(60.0, "likewise; 99.9 % had less than 42"),
    "turnover over that of other venues": Limit(
        20.0, "either way; beyond in 0.7 % of cases, none of them a large coin"
    ),
    "step of price": Limit(1.6, "from close to close of bars shorter than a day; measured: 1.28 at most"),
    "step of price, in a day": Limit(4.0, "likewise, of longer bars; measured: 3.04 at most"),
    "open off the close before": Limit(
        0.7, "over the bar's own move, in the middle of all bars; measured: 0.12 at most"
    ),
    "bars without a range": Limit(0.5, "of those that traded; measured: 0.01 at most"),
    "closes move together": Limit(0.4, "of two venues, the least correlation; measured in any 24 bars: 0.61 at least"),
    "step of open interest": Limit(1.5, "in one bar that traded less than half of it; measured: 1.1 at most"),
    "moved untraded": Limit(0.02, "of the bars in which open interest changes, at no volume; measured: none"),
    "open interest unknown": Limit(0.2, "of the bars between the first and the last where it is known"),
    "volume unknown": Limit(0.2, "of all bars"),
    "bars missing": Limit(0.02, "of a venue's own, as of a live venue's rows"),
    "few bars": Limit(0.1, "of the market's"),
    "bars alike": Limit(24.0, "of open interest or price in a row, or of all cells; measured: 2 at most"),
}


def limit(name: str) -> float:
    """Return the threshold beyond which a cell cannot be true."""
    return LIMITS[name].value


def doubtful(name: str) -> float:
    """Return the threshold beyond which bars are doubted."""
    return DOUBTS[name].value
