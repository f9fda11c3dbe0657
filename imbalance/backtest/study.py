"""The event study: what followed a signal on one or more markets, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imbalance.backtest import chance
from imbalance.backtest.outcomes import LEAST_EVENTS, OUTCOMES, Outcome, after, horizons
from imbalance.market import MarketData
from imbalance.signals.events import Firings
from imbalance.units import DAY_MS

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
    too few events: `newey_west_p` and `placebo_p` are of this one alone, `adjusted_p` for all that are studied with it.
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
        return self.adjusted_p <= LEVEL


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
    tests = dict(zip(map(id, enough), _tested(markets, enough, draws, seed), strict=True))
    return [_result(case, tests.get(id(case), _UNTESTED)) for case in cases]


class _Tests(NamedTuple):
    low: float
    high: float
    newey_west_p: float
    placebo_p: float
    adjusted_p: float


_UNTESTED = _Tests(*(np.nan,) * 5)


def _tested(markets: Sequence[Studied], cases: Sequence[_Case], draws: int, seed: int) -> list[_Tests]:
    """Return how chance explains each case: by resampled blocks, and by dates moved alike in all cases."""
    if not cases:
        return []
    found = np.array([chance.difference(case.values, case.fired) for case in cases])
    drawn = chance.drawn_differences(_tables(markets, cases), BLOCK_DAYS, draws, seed)
    low, high = np.nanquantile(drawn, [LOW, HIGH], axis=0)
    # One part of each market's time: markets that begin together are moved together.
    parts = np.random.default_rng(seed).random(draws)
    moved = [
        chance.placebo(case.values, case.fired, 1 + (parts * (case.values.size - 1)).astype(np.int64)) for case in cases
    ]
    adjusted = chance.romano_wolf(found, np.stack(moved, axis=1))
    return [
        _Tests(
            float(low[k]),
            float(high[k]),
            chance.newey_west(case.values, case.fired, case.bars),
            chance.share_as_far(float(found[k]), moved[k]),
            float(adjusted[k]),
        )
        for k, case in enumerate(cases)
    ]


def _result(case: _Case, tests: _Tests) -> Result:
    known = np.isfinite(case.values)
    event_mean = float(case.values[case.fired & known].mean()) if _events(case) else np.nan
    all_mean = float(case.values[known].mean())
    head = (case.symbol, case.horizon_ms, case.outcome, _events(case), event_mean, all_mean, event_mean - all_mean)
    return Result(*head, *tests)


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
