"""Cells that cannot be true against their neighbours, the row's other cells or any market there is.

`LIMITS` is the one table of thresholds. They are wide: what a crash, a young coin or an idle market shows passes; what
a slipped unit, a wrong column or an overflow makes does not.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from imbalance.bars.cells import MARKS, PRICES, QUANTITIES, fail_first
from imbalance.bars.source import RawTable
from imbalance.units import DAY_MS

if TYPE_CHECKING:
    import pandas as pd

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Limit(NamedTuple):
    """A threshold and why it stands where it does."""

    value: float
    reason: str


LIMITS = {
    "jump": Limit(500.0, "half of 1,000, the smallest slip of unit, so that noise hides none"),
    "price and back": Limit(20.0, "no perpetual's close was ever a twentieth of those before and after it"),
    "volume over open interest": Limit(10.0, "a launch or a crash turns open interest over a few times a bar, not ten"),
    "liquidations over open interest": Limit(1.0, "only positions that were open can be liquidated"),
    "step of open interest": Limit(8.0, "in one bar that stays: larger ones are wrong units, unless they were traded"),
    "step over volume": Limit(2.0, "a trade changes open interest by its own size at most; a venue may count it late"),
    "liquidations over volume": Limit(1.5, "liquidations are trades of their bar, or are stamped a bar apart"),
    "turnover of a day": Limit(1e-4, "volume over open interest; a thousandth of a quiet market's: other units"),
    "turnover of a day, most": Limit(1e3, "volume over open interest; ten times the wildest launches': other units"),
    "mark over traded": Limit(3.0, "a mark price follows an index that the trades follow"),
    "venues apart": Limit(5.0, "arbitrage keeps one coin's closes within a few per cent, in a crash within half"),
    "venues apart throughout": Limit(1.05, "999 of 1,000 venues lie within at any moment: else another quote or coin"),
    "largest price": Limit(1e12, "USD; no coin is worth a trillion"),
    "smallest price": Limit(1e-15, "USD; a thousandth of the cheapest coins' ticks"),
    "largest value": Limit(1e15, "USD; ten times the world's yearly product in one cell"),
    "smallest open interest": Limit(1e-6, "USD; less than any venue's smallest order"),
}
WINDOW = 5
LEAST_KNOWN = 3
LEAST_COMMON = 24  # bars of two venues, before their closes are held against each other throughout
LEAST_OF_DAY = 1.0  # days, before turnover is told
IF_UNKNOWN = " (leave the cell empty if it is not known)"


def check_plausible(raw: RawTable, table: pd.DataFrame) -> None:
    """Raise a `BarsError` for the first cell beyond `LIMITS`, naming line, column and what it is held against.

    Parameters
    ----------
    raw : for the places of rows.
    table : of `cells.checked`, or some of its rows; its index is that of the rows of `raw`.
    """
    _check_sizes(raw, table)
    _check_marks(raw, table)
    for _name, rows in table.sort_values("time").groupby("venue", sort=True):
        _check_venue(raw, rows)
        _check_against_volume(raw, rows)
    _check_between_venues(raw, table)
    _check_throughout(raw, table)


def _limit(name: str) -> float:
    return LIMITS[name].value


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
        _fail_at(raw, table, table[name] > _limit("largest price"), name, "above", _limit("largest price"))
        _fail_at(raw, table, table[name] < _limit("smallest price"), name, "below", _limit("smallest price"))
    for name in QUANTITIES:
        most = _limit("largest value") / table["close"]
        _fail_at(raw, table, table[name] > most, name, "worth more than 1e15 USD, which is reached at", most)
    least = _limit("smallest open interest") / table["close"]
    interest = table["open_interest_base"]
    _fail_at(
        raw, table, (interest > 0) & (interest < least), "open_interest_base", "less than one millionth USD,", least
    )


def _check_marks(raw: RawTable, table: pd.DataFrame) -> None:
    factor = _limit("mark over traded")
    high, low = table["high"], table["low"]
    _fail_at(raw, table, table["mark_high"] > factor * high, "mark_high", f"over {factor:g} times the bar's high", high)
    _fail_at(raw, table, table["mark_low"] < low / factor, "mark_low", f"under 1/{factor:g} of the bar's low", low)


def _check_venue(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold one venue's rows, in order of time, against those before and after."""
    import pandas as pd

    before, after = _around(rows["close"], least=1)
    for name in PRICES:
        factor = _limit("price and back") if name in {"open", "close"} else _limit("jump")
        for bad, far in _leaps(rows[name], before, after, factor, from_the_first=True):
            _fail_at(raw, rows, bad, name, "the closes around it are", far)
    _check_interest(raw, rows)
    interest = rows["open_interest_base"]
    volume = rows["volume_base"]
    high, _low = _leaps(volume, *_around(volume.where(volume > 0)), _limit("jump"), from_the_first=False)
    many = ~(volume <= _limit("volume over open interest") * interest)
    _fail_at(raw, rows, high[0] & many, "volume_base", "the bars around it trade", high[1])
    # Where open interest is not known in a bar, the most that the venue ever had bounds what could be liquidated.
    positive = interest.where(interest > 0)
    standing = pd.concat([positive, positive.shift()], axis=1).max(axis=1).fillna(positive.max())
    for name in ("long_liquidations_base", "short_liquidations_base"):
        more = rows[name] > _limit("liquidations over open interest") * standing
        _fail_at(raw, rows, more, name, "more than the open interest of", standing)


def _check_interest(raw: RawTable, rows: pd.DataFrame) -> None:
    interest = rows["open_interest_base"]
    positive = interest.where(interest > 0)
    name, before = "open_interest_base", positive.ffill()
    gone = before.notna() & positive.bfill().notna() & (interest == 0)
    _fail_at(raw, rows, gone, name, "bars before and after it hold some, the last", before, IF_UNKNOWN)
    for bad, far in _leaps(positive, *_around(positive), _limit("jump"), from_the_first=False):
        _fail_at(raw, rows, bad, name, "the bars around it hold", far, IF_UNKNOWN)


def _check_against_volume(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold open interest and liquidations against what was traded, where that is known."""
    volume, interest = rows["volume_base"], rows["open_interest_base"]
    if not volume.sum() > 0:
        return
    step_ms = rows["time"].diff().min()
    joined = (rows["time"].diff() == step_ms) & volume.notna()
    before, ratio = interest.shift(), interest / interest.shift()
    factor = _limit("step of open interest")
    far = joined & (before > 0) & (interest > 0) & ((ratio >= factor) | (ratio <= 1 / factor))
    far &= (interest - before).abs() > _limit("step over volume") * volume
    _fail_at(raw, rows, far, "open_interest_base", "more was not traded since the bar before, which holds", before)
    traded = volume.rolling(3, center=True, min_periods=1).sum()
    sides = ("long_liquidations_base", "short_liquidations_base")
    liquidated = rows[list(sides)].sum(axis=1)
    more = volume.notna() & (liquidated > _limit("liquidations over volume") * traded)
    larger = sides[int(rows[sides[0]].sum() < rows[sides[1]].sum())]
    _fail_at(
        raw, rows, more, larger, "with the other side, more than was traded in its bar and those beside it,", traded
    )
    _check_turnover(raw, rows)


def _check_turnover(raw: RawTable, rows: pd.DataFrame) -> None:
    known = rows[(rows["open_interest_base"] > 0) & rows["volume_base"].notna()]
    days = len(known) * rows["time"].diff().min() / DAY_MS
    if not days >= LEAST_OF_DAY:
        return
    turnover = known["volume_base"].sum() / days / known["open_interest_base"].median()
    if 0 < turnover < _limit("turnover of a day") or turnover > _limit("turnover of a day, most"):
        name = rows["venue"].iloc[0]
        told = f"volume of a day at {name} is {turnover:.3g} times its open interest: is one of them not in coins?"
        raw.fail(int(known.index.min()), "open_interest_base", told)


def _check_throughout(raw: RawTable, table: pd.DataFrame) -> None:
    """Hold the closes of each two venues against each other over all the bars that both have."""
    closes = table.pivot_table(index="time", columns="venue", values="close")
    apart = _limit("venues apart throughout")
    for one, other in itertools.combinations(closes.columns, 2):
        ratios = (closes[other] / closes[one]).dropna()
        if len(ratios) < LEAST_COMMON or 1 / apart <= ratios.median() <= apart:
            continue
        row = int(table.index[table["venue"] == other].min())
        told = f"{other} is at {ratios.median():.3g} times the price of {one} in the middle of {len(ratios)} bars"
        raw.fail(row, "close", f"{told}: another quote currency or coin?")


def _around(series: pd.Series, least: int = LEAST_KNOWN) -> tuple[pd.Series, pd.Series]:
    """Return the median of the known values before each row and of those after, NaN where fewer than `least`."""
    known = series.dropna()

    def before(values: pd.Series) -> pd.Series:
        return values.shift(1).rolling(WINDOW, min_periods=least).median()

    return before(known).reindex(series.index), before(known[::-1])[::-1].reindex(series.index)


def _leaps(
    series: pd.Series, before: pd.Series, after: pd.Series, factor: float, *, from_the_first: bool
) -> tuple[tuple[Flags, Floats], tuple[Flags, Floats]]:
    """Return the rows that leap above both sides by `factor`, and those below, each with what they leap from.

    At either end, where one side alone is known, the leap must be one of `jump`; a series that may start from almost
    nothing is not `from_the_first` held against what comes after.
    """
    values, sides = series.to_numpy(dtype=np.float64), np.stack([before, after])
    factors = np.where(np.isfinite(sides).all(axis=0), factor, max(factor, _limit("jump")))
    top, bottom = np.fmax(*sides), np.fmin(*sides)
    low = values < bottom / factors
    if not from_the_first:
        low &= np.isfinite(sides[0])
    return (values > top * factors, top), (low, bottom)


def _check_between_venues(raw: RawTable, table: pd.DataFrame) -> None:
    """Hold the closes of a moment against each other."""
    apart = _limit("venues apart")
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
