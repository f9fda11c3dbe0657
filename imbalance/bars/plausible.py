"""Cells that cannot be true against their neighbours, the row's other cells or any market there is.

The thresholds are those of `imbalance.bars.limits`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.bars.cells import MARKS, PRICES, QUANTITIES, fail_first
from imbalance.bars.limits import limit
from imbalance.bars.source import RawTable
from imbalance.units import DAY_MS

if TYPE_CHECKING:
    import pandas as pd

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


WINDOW = 5
LEAST_KNOWN = 3
LEAST_COMMON = 24  # bars of two venues, before their closes are held against each other throughout
LEAST_BARS = 7  # in a day of long bars: one of them alone may trade next to nothing
LEAST_OF_DAY = 1.0  # days, before turnover is told
IF_UNKNOWN = " (leave the cell empty if it is not known)"


def check_plausible(raw: RawTable, table: pd.DataFrame) -> None:
    """Raise a `BarsError` for the first cell beyond a limit, naming line, column and what it is held against.

    Parameters
    ----------
    raw : for the places of rows.
    table : of `cells.checked`, or some of its rows; its index is that of the rows of `raw`.
    """
    _check_sizes(raw, table)
    _check_marks(raw, table)
    for _name, rows in table.sort_values("time").groupby("venue"):
        _check_venue(raw, rows)
        _check_against_volume(raw, rows)
    _check_between_venues(raw, table)
    _check_throughout(raw, table)
    _check_highs(raw, table)


def _fail_at(
    raw: RawTable, rows: pd.DataFrame, bad: npt.ArrayLike, column: str, held: str, other: npt.ArrayLike, way: str = ""
) -> None:
    """Raise for the first row in file order where `bad` is true; `other` is what its cell is held against."""
    where = np.flatnonzero(np.asarray(bad))
    if where.size:
        at = int(where[np.argmin(rows.index.to_numpy()[where])])
        value, beside = float(rows[column].iloc[at]), float(np.broadcast_to(np.asarray(other), len(rows))[at])
        raw.fail(int(rows.index[at]), column, f"{value:.6g} cannot be true: {held} {beside:.6g}{way}")


def _check_sizes(raw: RawTable, table: pd.DataFrame) -> None:
    for name in (*PRICES, *MARKS):
        _fail_at(raw, table, table[name] > limit("largest price"), name, "above", limit("largest price"))
        _fail_at(raw, table, table[name] < limit("smallest price"), name, "below", limit("smallest price"))
    for name in QUANTITIES:
        most = limit("largest value") / table["close"]
        _fail_at(raw, table, table[name] > most, name, "worth more than 1e15 USD, which is reached at", most)
    least = limit("smallest open interest") / table["close"]
    interest = table["open_interest_base"]
    _fail_at(
        raw, table, (interest > 0) & (interest < least), "open_interest_base", "less than one millionth USD,", least
    )


def _check_marks(raw: RawTable, table: pd.DataFrame) -> None:
    factor = limit("mark over traded")
    high, low = table["high"], table["low"]
    _fail_at(raw, table, table["mark_high"] > factor * high, "mark_high", f"over {factor:g} times the bar's high", high)
    _fail_at(raw, table, table["mark_low"] < low / factor, "mark_low", f"under 1/{factor:g} of the bar's low", low)


def _check_venue(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold one venue's rows, in order of time, against those before and after."""
    import pandas as pd

    before, after = _around(rows["close"], least=1)
    for name in PRICES:
        factor = limit("price and back") if name in {"open", "close"} else limit("jump")
        for bad, far in _leaps(rows[name], before, after, factor, from_the_first=True):
            _fail_at(raw, rows, bad, name, "the closes around it are", far)
    _check_wicks(raw, rows)
    _check_interest(raw, rows)
    interest = rows["open_interest_base"]
    volume = rows["volume_base"]
    high, _low = _leaps(volume, *_around(volume.where(volume > 0)), limit("jump"))
    many = ~(volume <= limit("volume over open interest") * interest)
    _fail_at(raw, rows, high[0] & many, "volume_base", "the bars around it trade", high[1])
    # Where open interest is not known in a bar, the most that the venue ever had bounds what could be liquidated.
    positive = interest.where(interest > 0)
    standing = pd.concat([positive, positive.shift()], axis=1).max(axis=1).fillna(positive.max())
    whole_day = rows["time"].diff().min() >= DAY_MS
    most = limit("liquidations over open interest" + (", in a day" if whole_day else ""))
    for name in ("long_liquidations_base", "short_liquidations_base"):
        more = rows[name] > most * standing
        _fail_at(raw, rows, more, name, "more than the open interest of", standing)


def _check_wicks(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold high and low against the bar's own open and close and the bars beside it."""
    top = rows[["open", "close"]].max(axis=1)
    bottom = rows[["open", "close"]].min(axis=1)
    for beside in (1, -1):
        top = top.where(~(rows["high"].shift(beside) > top), rows["high"].shift(beside))
        bottom = bottom.where(~(rows["low"].shift(beside) < bottom), rows["low"].shift(beside))
    far, deep = limit("high over the bars beside it"), limit("low under the bars beside it")
    held = "its open and close and the bars beside it reach"
    _fail_at(raw, rows, rows["high"] > far * top, "high", held, top)
    _fail_at(raw, rows, rows["low"] < bottom / deep, "low", held, bottom)


def _check_interest(raw: RawTable, rows: pd.DataFrame) -> None:
    interest = rows["open_interest_base"]
    positive = interest.where(interest > 0)
    name, before = "open_interest_base", positive.ffill()
    gone = before.notna() & positive.bfill().notna() & (interest == 0)
    _fail_at(raw, rows, gone, name, "bars before and after it hold some, the last", before, IF_UNKNOWN)
    for bad, far in _leaps(positive, *_around(positive), limit("jump")):
        _fail_at(raw, rows, bad, name, "the bars around it hold", far, IF_UNKNOWN)


def _check_against_volume(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold open interest and liquidations against what was traded, where that is known."""
    volume, interest = rows["volume_base"], rows["open_interest_base"]
    if not volume.sum() > 0:
        return
    step_ms = rows["time"].diff().min()
    joined = (rows["time"].diff() == step_ms) & volume.notna()
    before, ratio = interest.shift(), interest / interest.shift()
    factor = limit("step of open interest")
    far = joined & (before > 0) & (interest > 0) & ((ratio >= factor) | (ratio <= 1 / factor))
    far &= (interest - before).abs() > limit("step over volume") * volume
    _fail_at(raw, rows, far, "open_interest_base", "more was not traded since the bar before, which holds", before)
    _check_liquidations(raw, rows)
    _check_turnover(raw, rows)


def _check_liquidations(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold liquidations against what was traded in their bars, and in their days."""
    volume = rows["volume_base"]
    traded = volume.rolling(3, center=True, min_periods=1).sum()
    sides = ("long_liquidations_base", "short_liquidations_base")
    liquidated = rows[list(sides)].sum(axis=1)
    more = volume.notna() & (liquidated > limit("liquidations over volume") * traded)
    larger = sides[int(rows[sides[0]].sum() < rows[sides[1]].sum())]
    _fail_at(
        raw, rows, more, larger, "with the other side, more than was traded in its bar and those beside it,", traded
    )
    bars = int(max(LEAST_BARS, DAY_MS // rows["time"].diff().min()))  # one row has no step, and no more bars than that
    known = volume.notna()
    summed, whole = (each.where(known, 0.0).rolling(bars, min_periods=bars).sum() for each in (liquidated, volume))
    share = limit("liquidations of a day over volume")
    many = summed > share * whole
    if many.any():
        at = int(np.argmax(many))
        told = (
            f"with the other side {summed.iloc[at] / whole.iloc[at]:.2g} of what was traded in {bars} bars up to here"
        )
        raw.fail(int(rows.index[at]), larger, f"{told}: more than {share:g} cannot be true: in USD?")


def _check_turnover(raw: RawTable, rows: pd.DataFrame) -> None:
    known = rows[(rows["open_interest_base"] > 0) & rows["volume_base"].notna()]
    days = len(known) * rows["time"].diff().min() / DAY_MS
    if not days >= LEAST_OF_DAY:
        return
    turnover = known["volume_base"].sum() / days / known["open_interest_base"].median()
    if 0 < turnover < limit("turnover of a day") or turnover > limit("turnover of a day, most"):
        name = rows["venue"].iloc[0]
        told = f"volume of a day at {name} is {turnover:.3g} times its open interest: is one of them not in coins?"
        raw.fail(int(known.index.min()), "open_interest_base", told)


def _check_throughout(raw: RawTable, table: pd.DataFrame) -> None:
    """Hold the closes of each two venues against each other over all the bars that both have."""
    closes = table.pivot_table(index="time", columns="venue", values="close")
    apart = limit("venues apart throughout")
    for one, other in itertools.combinations(closes.columns, 2):
        ratios = (closes[other] / closes[one]).dropna()
        if len(ratios) < LEAST_COMMON or 1 / apart <= ratios.median() <= apart:
            continue
        row = int(table.index[table["venue"] == other].min())
        told = f"{other} is at {ratios.median():.3g} times the price of {one} in the middle of {len(ratios)} bars"
        raw.fail(row, "close", f"{told}: another quote currency or coin?")


def _check_highs(raw: RawTable, table: pd.DataFrame) -> None:
    """Hold a high against those of the other venues in the same bar, and against its own open and close."""
    highs = table.pivot_table(index="time", columns="venue", values="high")
    for name, rows in table.groupby("venue"):
        others = highs.drop(columns=name).max(axis=1).reindex(rows["time"]).to_numpy()
        top = np.fmax(rows[["open", "close"]].max(axis=1), others)
        bad = np.isfinite(others) & (rows["high"] > limit("high over other venues") * top)
        _fail_at(raw, rows, bad, "high", "its open and close and the other venues reach", top)


def _around(series: pd.Series, least: int = LEAST_KNOWN) -> tuple[pd.Series, pd.Series]:
    """Return the median of the known values before each row and of those after, NaN where fewer than `least`."""
    known = series.dropna()

    def before(values: pd.Series) -> pd.Series:
        return values.shift(1).rolling(WINDOW, min_periods=least).median()

    return before(known).reindex(series.index), before(known[::-1]).reindex(series.index)


def _leaps(
    series: pd.Series, before: pd.Series, after: pd.Series, factor: float, *, from_the_first: bool = False
) -> tuple[tuple[Flags, Floats], tuple[Flags, Floats]]:
    """Return the rows that leap above both sides by `factor`, and those below, each with what they leap from.

    At either end, where one side alone is known, the leap must be one of `jump`; a series that may start from almost
    nothing is not `from_the_first` held against what comes after.
    """
    values, sides = series.to_numpy(dtype=np.float64), np.stack([before, after])
    factors = np.where(np.isfinite(sides).all(axis=0), factor, max(factor, limit("jump")))
    top, bottom = np.fmax(*sides), np.fmin(*sides)
    low = values < bottom / factors
    if not from_the_first:
        low &= np.isfinite(sides[0])
    return (values > top * factors, top), (low, bottom)


def _check_between_venues(raw: RawTable, table: pd.DataFrame) -> None:
    """Hold the closes of a moment against each other."""
    apart = limit("venues apart")
    moments = table.groupby("time")["close"]
    low, high = moments.transform("min"), moments.transform("max")
    wide = np.asarray(high > apart * low)
    if not wide.any():
        return
    fail_first(
        raw,
        np.isin(np.arange(len(raw.cells)), table.index.to_numpy()[wide]),
        "close",
        f"venues differ more than {apart:g} times at this time: {low[wide].iloc[0]:.6g} and {high[wide].iloc[0]:.6g}",
    )
