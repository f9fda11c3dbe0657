"""What a price did after each bar, over horizons from an hour to a week."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from imbalance.units import DAY_MS, HOUR_MS

Floats = npt.NDArray[np.float64]
Outcome = Literal["return", "absolute return", "realised volatility"]
OUTCOMES: tuple[Outcome, ...] = ("return", "absolute return", "realised volatility")
LEAST_EVENTS = 20  # fewer tell nothing that one could bootstrap
HORIZONS_MS = (HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 3 * DAY_MS, 7 * DAY_MS)


def horizons(interval_ms: int, bars: int) -> list[int]:
    """Return the horizons that are whole numbers of bars, in bars; none longer than a tenth of all."""
    whole = [h // interval_ms for h in HORIZONS_MS if h % interval_ms == 0]
    return [h for h in whole if 10 * h <= bars]


def after(close: Floats, horizon: int, outcome: Outcome) -> Floats:
    """Return an outcome of the `horizon` bars after each close, shape (bars,); NaN where they are not over.

    Return: ln(close h bars later / close). Absolute return: its size. Realised volatility: the root of the sum of the
    squared log returns bar by bar, over the horizon and not by year (Andersen et al., Econometrica 71, 2003); of one
    bar it would be the absolute return again, and is left out (NaN).

    Parameters
    ----------
    close : [USD], shape (bars,).
    """
    log = np.log(close)
    out = np.full(close.size, np.nan)
    if outcome == "realised volatility":
        if horizon > 1:
            sums = np.concatenate([[0.0], np.cumsum(np.diff(log) ** 2)])
            out[:-horizon] = np.sqrt(sums[horizon:] - sums[:-horizon])
        return out
    moved = log[horizon:] - log[:-horizon]
    out[:-horizon] = np.abs(moved) if outcome == "absolute return" else moved
    return out
