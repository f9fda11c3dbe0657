"""Rows as records again: of the length asked for, or made of shorter ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imbalance.records import Candle, Liquidation, OpenInterest
from imbalance.store.reading import Arrays
from imbalance.units import Side

COLUMNS = {
    "candles": ("time_ms", "open", "high", "low", "close", "volume_base", "volume_usd", "taker_buy_base"),
    "open_interest": ("time_ms", "open_interest_base", "open_interest_usd"),
}


def candles(rows: Arrays) -> list[Candle]:
    """Return rows as bars."""
    return [Candle(*row) for row in zip(*(_plain(rows[name]) for name in COLUMNS["candles"]), strict=True)]


def levels(rows: Arrays) -> list[OpenInterest]:
    """Return rows as open interest; what is known in USD alone is left out."""
    known = np.isfinite(rows["open_interest_base"])
    columns = (_plain(rows[name][known]) for name in COLUMNS["open_interest"])
    return [OpenInterest(*row) for row in zip(*columns, strict=True)]


def liquidations(rows: Arrays) -> list[Liquidation]:
    """Return rows as orders."""
    sides = [Side(position) for position in rows["position"]]
    columns = (rows[name].tolist() for name in ("price", "quantity_base", "order_id"))
    return [Liquidation(*row) for row in zip(rows["time_ms"].tolist(), sides, *columns, strict=True)]


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    """Return a column with None where a figure is missing."""
    plain: list[Any] = values.tolist()
    absent = np.flatnonzero(values != values)  # noqa: PLR0124  NaN alone differs from itself
    for at in absent.tolist():
        plain[at] = None
    return plain


def longer_bars(rows: Arrays, interval_ms: int, step_ms: int) -> Arrays:
    """Return bars of `step_ms` made of bars of `interval_ms`; one that lacks any part is left out.

    Parameters
    ----------
    rows : columns of `candles`, in order of time.
    interval_ms, step_ms : lengths of bars [ms], the one a multiple of the other.
    """
    if interval_ms == step_ms:
        return rows
    starts, first, parts = np.unique(rows["time_ms"] // step_ms * step_ms, return_index=True, return_counts=True)
    if not starts.size:
        return rows
    last = first + parts - 1
    joined: Arrays = {
        "time_ms": starts,
        "open": rows["open"][first],
        "high": np.maximum.reduceat(rows["high"], first),
        "low": np.minimum.reduceat(rows["low"], first),
        "close": rows["close"][last],
    }
    for name in ("volume_base", "volume_usd", "taker_buy_base"):
        joined[name] = np.add.reduceat(rows[name], first)
    whole = parts == step_ms // interval_ms
    return {name: values[whole] for name, values in joined.items()}


def of_step(data: str, rows: Arrays, interval_ms: int, step_ms: int) -> Arrays:
    """Return rows of `step_ms` made of those of `interval_ms`: bars joined, levels at the step's own moments."""
    if data == "candles":
        return longer_bars(rows, interval_ms, step_ms)
    at = rows["time_ms"] % step_ms == 0
    return {name: values[at] for name, values in rows.items()}
