"""The event study: what followed a signal on one or more markets, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbalance.backtest import chance
from imbalance.backtest.outcomes import OUTCOMES, Outcome, after, horizons
from imbalance.market import MarketData
from imbalance.signals.events import Firings
from imbalance.units import DAY_MS

# Fewer events tell nothing that one could bootstrap.
LEAST_EVENTS = 20
# Of a mean block; the longest horizon overlaps its neighbours for a week.
BLOCK_DAYS = 14
DRAWS = 1000
LEVEL = 0.05
LOW, HIGH = 0.05, 0.95


class Studied(NamedTuple):
    """A market and where the signal fired on it."""

    market: MarketData
    firings: Firings


class Result(NamedTuple):
    """One outcome at one horizon on one market: means after events and after all bars, and how chance explains them.

    `difference` is that of the means, `low` to `high` its 90 % range by bootstrap. The p-values are NaN where there are
    too few events. `evidence` asks that both the adjusted one and that of placebo dates are at most `LEVEL`.
    """

    symbol: str
    horizon_ms: int
    outcome: Outcome
    events: int
    event_mean: float
    all_mean: float
    difference: float
    low: float
    high: float
    newey_west_p: float
    placebo_p: float
    adjusted_p: float

    @property
    def evidence(self) -> bool:
        """Whether chance does not explain the difference."""
        return self.adjusted_p <= LEVEL and self.placebo_p <= LEVEL


class _Case(NamedTuple):
    symbol: str
    horizon_ms: int
    outcome: Outcome
    bars: int
    values: chance.Floats
    fired: chance.Bools


def study(markets: Sequence[Studied], *, draws: int = DRAWS, seed: int = 0) -> list[Result]:
    """Return every outcome at every horizon on every market, p-values adjusted for all of them together.

    Parameters
    ----------
    draws : of bootstrap and placebo dates.
    seed : the same one gives the same figures.
    """
    cases = [case for one in markets for case in _cases(one)]
    enough = [case for case in cases if _events(case) >= LEAST_EVENTS]
    found = np.array([chance.difference(case.values, case.fired) for case in enough])
    drawn = chance.drawn_differences(_tables(markets, enough), BLOCK_DAYS, draws, seed) if enough else np.empty((0, 0))
    adjusted = chance.romano_wolf(found, drawn)
    told = {id(case): place for place, case in enumerate(enough)}
    results = []
    for case in cases:
        place = told.get(id(case))
        known = np.isfinite(case.values)
        low, high, newey_west_p, placebo_p, adjusted_p = (np.nan,) * 5
        if place is not None:
            low, high = np.nanquantile(drawn[:, place], [LOW, HIGH])
            newey_west_p = chance.newey_west(case.values, case.fired, case.bars)
            placebo_p = chance.placebo(case.values, case.fired, draws, seed)
            adjusted_p = float(adjusted[place])
        event_mean = float(case.values[case.fired & known].mean()) if _events(case) else np.nan
        all_mean = float(case.values[known].mean())
        head = (case.symbol, case.horizon_ms, case.outcome, _events(case), event_mean, all_mean, event_mean - all_mean)
        results.append(Result(*head, float(low), float(high), newey_west_p, placebo_p, adjusted_p))
    return results


def _events(case: _Case) -> int:
    return int((case.fired & np.isfinite(case.values)).sum())


def _cases(one: Studied) -> list[_Case]:
    market = one.market
    cases = []
    for horizon in horizons(market.interval_ms, market.close.size):
        for outcome in OUTCOMES:
            values = after(market.close, horizon, outcome)
            if np.isfinite(values).any():
                length_ms = horizon * market.interval_ms
                cases.append(_Case(market.symbol, length_ms, outcome, horizon, values, one.firings.fired))
    return cases


def _tables(markets: Sequence[Studied], cases: Sequence[_Case]) -> chance.Floats:
    """Return the sums by day of each case, over the days of all markets: a day that one lacks is empty there."""
    by_symbol = {one.market.symbol: one.market.time_ms // DAY_MS for one in markets}
    days = np.unique(np.concatenate(list(by_symbol.values())))
    return np.stack([chance.by_day(by_symbol[c.symbol], days, c.values, c.fired) for c in cases])
