"""How far chance explains a difference of means: bootstrap over blocks, Newey-West, placebo dates, Romano-Wolf."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imbalance.errors import UsageError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def require_library() -> None:
    """Raise a `UsageError` where the libraries of statistics are not installed."""
    try:
        import arch.bootstrap  # noqa: F401
        import statsmodels.api  # noqa: F401
    except ImportError:
        raise UsageError(
            "backtest needs arch and statsmodels, which are not installed",
            "Install them with: pip install 'imbalance[backtest]'.",
        ) from None


def difference(outcome: Floats, fired: Bools) -> float:
    """Return the mean of an outcome after events, less that after all bars; NaN without an event it is known of."""
    known = np.isfinite(outcome)
    if not (fired & known).any():
        return np.nan
    return float(outcome[fired & known].mean() - outcome[known].mean())


def newey_west(outcome: Floats, fired: Bools, lags: int) -> float:
    """Return the two-sided p-value of the difference of means, with errors that overlapping horizons correlate.

    Regression of the outcome on a constant and whether the bar is an event, with the covariance of Newey and West
    (Econometrica 55, 1987), Bartlett weights; t distribution.

    Parameters
    ----------
    outcome, fired : shape (bars,); NaN where not known.
    lags : bars over which errors correlate: the horizon.
    """
    import statsmodels.api as sm

    known = np.isfinite(outcome)
    design = np.column_stack([np.ones(known.sum()), fired[known].astype(np.float64)])
    fit = sm.OLS(outcome[known], design).fit(cov_type="HAC", cov_kwds={"maxlags": lags}, use_t=True)
    return float(fit.pvalues[1])


def placebo(outcome: Floats, fired: Bools, moves: Ints) -> Floats:
    """Return the differences of placebo dates, shape (draws,); NaN where nothing is known after them.

    Placebo dates are the events' own, all moved by one span of time, around the end: what lies between two of them
    stays as it is, and so does everything about the market but that they are the events'.

    Parameters
    ----------
    moves : by how many bars, shape (draws,).
    """
    events, mean = np.flatnonzero(fired), np.nanmean(outcome)
    out = np.full(moves.size, np.nan)
    for draw, move in enumerate(moves):
        values = outcome[(events + move) % outcome.size]
        values = values[np.isfinite(values)]
        if values.size:
            out[draw] = values.mean() - mean
    return out


def share_as_far(found: float, drawn: Floats) -> float:
    """Return the share of draws that are as far from 0 as what was found, itself among them; NaN of nothing."""
    if np.isnan(found):
        return np.nan
    return float((1 + np.sum(~(np.abs(drawn) < abs(found)))) / (1 + drawn.size))


def by_day(day: Ints, days: Ints, outcome: Floats, fired: Bools) -> Floats:
    """Return of each day the sum over events, how many, the sum over all bars, and how many, shape (days, 4).

    Parameters
    ----------
    day : of each bar, shape (bars,).
    days : the days wanted, rising, shape (days,).
    """
    known = np.isfinite(outcome)
    at = np.searchsorted(days, day)
    values = np.where(known, outcome, 0.0)
    columns = (values * fired, (known & fired).astype(np.float64), values, known.astype(np.float64))
    return np.stack([np.bincount(at, column, minlength=days.size) for column in columns], axis=1)


def drawn_differences(tables: Floats, block_days: int, draws: int, seed: int) -> Floats:
    """Return the differences of means of markets made of blocks of days, shape (draws, hypotheses).

    The stationary bootstrap of Politis and Romano (J. Am. Stat. Assoc. 89, 1994): blocks of random length, the same
    days for all hypotheses, so that what moves together stays together. A draw without an event gives NaN.

    Parameters
    ----------
    tables : of `by_day`, shape (hypotheses, days, 4).
    block_days : mean length of a block.
    """
    from arch.bootstrap import StationaryBootstrap

    days = tables.shape[1]
    drawn: Any = StationaryBootstrap(block_days, np.arange(days), seed=np.random.default_rng(seed))
    counts = np.stack([np.bincount(data[0], minlength=days) for data, _kw in drawn.bootstrap(draws)])
    sums = np.einsum("bd,hdc->bhc", counts.astype(np.float64), tables, optimize=True)
    out = np.full(sums.shape[:2], np.nan)
    held = (sums[:, :, 1] > 0) & (sums[:, :, 3] > 0)
    out[held] = sums[held][:, 0] / sums[held][:, 1] - sums[held][:, 2] / sums[held][:, 3]
    return out


def romano_wolf(found: Floats, drawn: Floats) -> Floats:
    """Return p-values adjusted for all hypotheses at once, shape (hypotheses,).

    The step-down of Romano and Wolf (J. Am. Stat. Assoc. 100, 2005; Stat. Probab. Lett. 113, 2016) on differences over
    their spread among the draws: the chance that, none of the hypotheses left being true, one would look as good. Draws
    are of the null itself: of a bootstrap about what was found, blocks of a fortnight are too few in a year or two for
    its tails (17 % of studies without anything to find found something, where placebo dates keep to the 5 % asked for).

    Parameters
    ----------
    found : the differences, shape (hypotheses,); NaN where there is none, which has p-value NaN.
    drawn : the same of each placebo, moved alike in all hypotheses, shape (draws, hypotheses).
    """
    out = np.full(found.size, np.nan)
    spread = np.array([np.std(column[np.isfinite(column)]) if np.isfinite(column).any() else 0 for column in drawn.T])
    usable = np.flatnonzero(np.isfinite(found) & (spread > 0))
    score = np.abs(found[usable]) / spread[usable]
    null = np.abs(drawn[:, usable]) / spread[usable]
    # A placebo of which nothing is known might have looked like anything.
    null[np.isnan(null)] = np.inf
    order = np.argsort(-score, kind="stable")
    highest = 0.0
    for place, one in enumerate(order):
        best = null[:, order[place:]].max(axis=1)
        highest = max(highest, (1 + np.sum(best >= score[one])) / (1 + drawn.shape[0]))
        out[usable[one]] = highest
    return out
