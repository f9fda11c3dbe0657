"""The event study: what followed a signal on one or more markets, and whether that is more than chance.

A market is looked at by itself (`part_of`), and what that gives is small, however many bars it has; what chance says of
all of them at once rests on these parts alone (`joined`).
"""

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


class Case(NamedTuple):
    """One outcome at one horizon on one market, without its bars; `tested` where there are events enough."""

    horizon_ms: int
    outcome: Outcome
    events: int
    event_mean: float
    all_mean: float
    tested: Tested | None


class Tested(NamedTuple):
    """What chance is judged by: `chance.newey_west`, the differences of `chance.placebo`, the sums of `by_day`."""

    difference: float
    newey_west_p: float
    placebos: chance.Floats
    by_day: chance.Floats


class Part(NamedTuple):
    """A market's part of a study; `days` are those that its bars are of, shape (days,)."""

    symbol: str
    days: chance.Ints
    cases: list[Case]


def study(markets: Sequence[Studied], *, draws: int = DRAWS, seed: int = 0) -> list[Result]:
    """Return every outcome at every horizon on every market, p-values adjusted for all of them together.

    Parameters
    ----------
    draws : of bootstrap and placebo dates.
    seed : the same one gives the same figures.
    """
    return joined([part_of(one, draws=draws, seed=seed) for one in markets], draws=draws, seed=seed)


def part_of(one: Studied, *, draws: int = DRAWS, seed: int = 0) -> Part:
    """Return every outcome at every horizon on a market; with the same `draws` and `seed` parts may be joined."""
    market, fired = one.market, one.firings.fired
    day = market.time_ms // DAY_MS
    days = np.unique(day)
    # One part of each market's time: markets that begin together are moved together.
    moves = 1 + (np.random.default_rng(seed).random(draws) * (market.close.size - 1)).astype(np.int64)
    cases = []
    for horizon in horizons(market.interval_ms, market.close.size):
        for outcome in OUTCOMES:
            values = after(market.close, horizon, outcome)
            known = np.isfinite(values)
            if not known.any():
                continue
            events = int((fired & known).sum())
            tested = None
            if events >= LEAST_EVENTS:
                tested = Tested(
                    chance.difference(values, fired),
                    chance.newey_west(values, fired, horizon),
                    chance.placebo(values, fired, moves),
                    chance.by_day(day, days, values, fired),
                )
            event_mean = float(values[fired & known].mean()) if events else np.nan
            all_mean = float(values[known].mean())
            cases.append(Case(horizon * market.interval_ms, outcome, events, event_mean, all_mean, tested))
    return Part(market.symbol, days, cases)


def joined(parts: Sequence[Part], *, draws: int = DRAWS, seed: int = 0) -> list[Result]:
    """Return the results of all parts together, in their order; with `draws` and `seed` as of the parts."""
    tested = [(part, case.tested) for part in parts for case in part.cases if case.tested is not None]
    days = np.unique(np.concatenate([part.days for part in parts])) if parts else np.empty(0, np.int64)
    chances = iter(_chances(tested, days, draws, seed))
    return [
        Result(
            part.symbol,
            case.horizon_ms,
            case.outcome,
            case.events,
            case.event_mean,
            case.all_mean,
            case.event_mean - case.all_mean,
            *(_UNTESTED if case.tested is None else next(chances)),
        )
        for part in parts
        for case in part.cases
    ]


class _Chances(NamedTuple):
    low: float
    high: float
    newey_west_p: float
    placebo_p: float
    adjusted_p: float


_UNTESTED = _Chances(*(np.nan,) * 5)


def _chances(tested: Sequence[tuple[Part, Tested]], days: chance.Ints, draws: int, seed: int) -> list[_Chances]:
    """Return how chance explains each case: by resampled blocks, and by dates moved alike in all cases."""
    if not tested:
        return []
    found = np.array([one.difference for _part, one in tested])
    drawn = chance.drawn_differences(_tables(tested, days), BLOCK_DAYS, draws, seed)
    low, high = np.nanquantile(drawn, [LOW, HIGH], axis=0)
    adjusted = chance.romano_wolf(found, np.stack([one.placebos for _part, one in tested], axis=1))
    return [
        _Chances(
            float(low[k]),
            float(high[k]),
            one.newey_west_p,
            chance.share_as_far(one.difference, one.placebos),
            float(adjusted[k]),
        )
        for k, (_part, one) in enumerate(tested)
    ]


def _tables(tested: Sequence[tuple[Part, Tested]], days: chance.Ints) -> chance.Floats:
    """Return the sums by day of each case, over the days of all markets: a day that one lacks is empty there."""
    tables = np.zeros((len(tested), days.size, 4))
    for table, (part, one) in zip(tables, tested, strict=True):
        table[np.searchsorted(days, part.days)] = one.by_day
    return tables
