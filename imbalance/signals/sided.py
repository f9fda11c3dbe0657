"""A market as one side of it is hit: longs by falling prices, shorts by rising ones, each the mirror of the other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.market import MarketData
from imbalance.records import Candle
from imbalance.signals.levels import REACH_DAYS, Days, days_of, joined, swing_levels
from imbalance.signals.springs import Spring, interest_change, range_of
from imbalance.signals.sweeps import Sweep, cleared_share, sweeps
from imbalance.units import DAY_MS, Side

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# A venue that lacks a tenth of its first day and more is in no sum: the sum would jump where it comes and goes.
LEAST_KNOWN = 0.9


class Sided(msgspec.Struct, frozen=True):
    """Bars with prices as downward log prices of a side, what of that side was liquidated, and open interest [coins].

    Attributes
    ----------
    time_ms : bar opens, steps of `interval_ms`, shape (bars,).
    high, low, close : ln(price) for longs, -ln(price) with high and low exchanged for shorts, shape (bars,).
    days : whole days of the bars, and those known from before them.
    liquidated, interest : [coins], shape (bars,); NaN where not known.
    """

    side: Side
    time_ms: Ints
    interval_ms: int
    high: Floats
    low: Floats
    close: Floats
    days: Days
    liquidated: Floats
    interest: Floats

    def price(self, downward: float) -> float:
        """Return a downward log price in USD, without the last digits, which the logarithm made up."""
        return float(f"{np.exp(downward if self.side is Side.LONG else -downward):.10g}")

    @property
    def knows_levels(self) -> bool:
        """Whether the days known are enough for any level."""
        return self.days.time_ms.size > 2 * REACH_DAYS

    def sweeps(self) -> list[Sweep]:
        """Return the sweeps of the side's levels: supports for longs, resistances for shorts."""
        return sweeps(self.time_ms, self.interval_ms, self.low, self.close, swing_levels(self.days))

    def cleared(self, sweep: Sweep) -> float | None:
        """Return the share of spans as long in which less of the side was liquidated; None where not known."""
        return cleared_share(self.liquidated, sweep.broken, sweep.reclaimed, self.interval_ms)

    def springs(self, found: Sequence[Sweep]) -> list[Spring]:
        """Return those of the sweeps that are at the bottom of a range."""
        ranges = [(sweep, range_of(sweep, int(self.time_ms[sweep.broken]), self.days)) for sweep in found]
        return [
            Spring(sweep, held, interest_change(self.interest, sweep), self.cleared(sweep))
            for sweep, held in ranges
            if held is not None
        ]


def sided(market: MarketData, side: Side, earlier: Sequence[Candle] = ()) -> Sided:
    """Return a market as a side of it is hit.

    Parameters
    ----------
    earlier : daily candles that reach back further than the bars do; those of days that the bars hold are not used.
    """
    high, low, close = _downward(side, market.high, market.low, market.close)
    days = days_of(market.time_ms, market.interval_ms, high, low, close)
    until_ms = int(days.time_ms[0]) if days.time_ms.size else int(market.time_ms[0])
    before = [c for c in earlier if c.time_ms < until_ms]
    columns = (np.array([getattr(c, name) for c in before]) for name in ("high", "low", "close"))
    old = Days(np.array([c.time_ms for c in before], dtype=np.int64), *_downward(side, *columns))
    series = "long_liquidations_base" if side is Side.LONG else "short_liquidations_base"
    return Sided(
        side=side,
        time_ms=market.time_ms,
        interval_ms=market.interval_ms,
        high=high,
        low=low,
        close=close,
        days=joined(old, days),
        liquidated=total([getattr(v, series) for v in market.venues], market.interval_ms),
        interest=total([v.open_interest_base for v in market.venues], market.interval_ms),
    )


def _downward(side: Side, high: Floats, low: Floats, close: Floats) -> tuple[Floats, Floats, Floats]:
    if side is Side.LONG:
        return np.log(high), np.log(low), np.log(close)
    return -np.log(low), -np.log(high), -np.log(close)


def total(series: Sequence[Floats], interval_ms: int) -> Floats:
    """Return the sum of the `steady` series, NaN where one of them is not known, and until which they are is settled.

    Parameters
    ----------
    series : one or more, each of shape (bars,).
    """
    kept = [values for values, held in zip(series, steady(series, interval_ms), strict=True) if held]
    if not kept:
        return np.full(series[0].size, np.nan)
    out = np.asarray(np.sum(kept, axis=0))
    # By the close of the day's last bar all of it is known.
    out[: _settled(series, interval_ms)[1] - 1] = np.nan
    return out


def steady(series: Sequence[Floats], interval_ms: int) -> list[bool]:
    """Return which series are known nearly throughout the first day on which any is: one that comes later is in no sum.

    That is settled once: a sum that took in what comes later, or left out what ends early, would know the future.
    """
    first, end = _settled(series, interval_ms)
    return [first < values.size and bool(np.mean(np.isfinite(values[first:end])) >= LEAST_KNOWN) for values in series]


def _settled(series: Sequence[Floats], interval_ms: int) -> tuple[int, int]:
    """Return from and to which bar it is looked which series are known."""
    known = np.flatnonzero(np.any(np.isfinite(series), axis=0))
    first = int(known[0]) if known.size else series[0].size
    return first, first + max(DAY_MS // interval_ms, 1)
