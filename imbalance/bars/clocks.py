"""Clocks of two venues that differ: their closes move together at another lag than none."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.bars.limits import limit
from imbalance.bars.source import RawTable
from imbalance.units import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

LEAST_COMMON = 24


def check_clocks(raw: RawTable, table: pd.DataFrame, interval_ms: int) -> None:
    """Raise a `BarsError` where two venues' closes move together only if one is shifted by up to a day.

    Parameters
    ----------
    raw : for the places of rows.
    table : of `cells.checked`, or some of its rows; its index is that of the rows of `raw`.
    interval_ms : the length of a bar [ms].
    """
    closes = table.pivot_table(index="time", columns="venue", values="close")
    if len(closes.columns) < 2:  # noqa: PLR2004
        return
    whole = np.arange(closes.index.min(), closes.index.max() + interval_ms, interval_ms)
    moves = np.diff(np.log(closes.reindex(whole).to_numpy(dtype=np.float64)), axis=0)
    most = max(DAY_MS // interval_ms, 1)
    for i, j in itertools.combinations(range(len(closes.columns)), 2):
        now = correlation(moves[:, i], moves[:, j], 0)
        if not now < limit("closes move apart"):
            continue
        lags = {lag: correlation(moves[:, i], moves[:, j], lag) for lag in range(-most, most + 1)}
        together = {lag: found for lag, found in lags.items() if found > limit("closes move together")}
        if together:
            lag = max(together, key=lambda lag: together[lag])
            late, early = closes.columns[[j, i] if lag > 0 else [i, j]]
            told = (
                f"closes of {late} move as those of {early} did {abs(lag) * interval_ms / HOUR_MS:.3g} h before "
                f"(correlation {together[lag]:.2f}, at the same time {now:.2f}): local time, or times of closes?"
            )
            raw.fail(int(table.index[table["venue"] == late].min()), "time", told)


def correlation(one: Floats, other: Floats, lag: int) -> float:
    """Return the correlation of `one` with `other` so many bars later; NaN where `LEAST_COMMON` are not known."""
    size = one.size - abs(lag)
    if size < LEAST_COMMON:
        return float("nan")
    early, late = one[max(-lag, 0) :][:size], other[max(lag, 0) :][:size]
    known = np.isfinite(early) & np.isfinite(late)
    early, late = early[known], late[known]
    if early.size < LEAST_COMMON:
        return float("nan")
    early, late = early - early.mean(), late - late.mean()
    spread = float(np.sqrt((early @ early) * (late @ late)))
    return float(early @ late) / spread if spread > 0 else float("nan")
