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


def placebo(outcome: Floats, fired: Bools, draws: int, seed: int) -> float:
    """Return the share of placebo dates whose difference is as large as that of the events, the events among them.

    Placebo dates are the events' own, all moved by one random span of time, around the end: what lies between two of
    them stays as it is.
    """
    moves = np.random.default_rng(seed).integers(1, outcome.size, draws)
    own, mean = abs(difference(outcome, fired)), np.nanmean(outcome)
    events = np.flatnonzero(fired)
    many = 0
    for move in moves:
        values = outcome[(events + move) % outcome.size]
        values = values[np.isfinite(values)]
        many += not values.size or not abs(values.mean() - mean) < own
    return float((1 + many) / (1 + draws))


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

    The step-down of Romano and Wolf (Econometrica 73, 2005; Stat. Probab. Lett. 113, 2016) on studentised
    differences: the chance that, none of them being true, one of the hypotheses left would look as good.

    Parameters
    ----------
    found : the differences, shape (hypotheses,); NaN where there is none, which has p-value NaN.
    drawn : the same of each draw of the bootstrap, shape (draws, hypotheses).
    """
    out = np.full(found.size, np.nan)
    spread = np.nanstd(drawn, axis=0) if drawn.size else np.full(found.size, np.nan)
    usable = np.flatnonzero(np.isfinite(found) & (spread > 0))
    if not usable.size:
        return out
    score = np.abs(found[usable]) / spread[usable]
    centred = np.nan_to_num(np.abs(drawn[:, usable] - found[usable]) / spread[usable])
    order = np.argsort(-score, kind="stable")
    highest = 0.0
    for place, one in enumerate(order):
        best = centred[:, order[place:]].max(axis=1)
        highest = max(highest, (1 + np.sum(best >= score[one])) / (1 + drawn.shape[0]))
        out[usable[one]] = highest
    return out
