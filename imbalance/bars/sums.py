"""Rows and venues that are sums or copies of others: they would be counted twice."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from imbalance.bars.limits import limit
from imbalance.bars.source import RawTable

if TYPE_CHECKING:
    import pandas as pd

SIZES = ("open_interest_base", "volume_base")
ROUNDING = 1e-6
LEAST_SUMMED = 5
LEAST_BEFORE = 24
WAY = ": leave it out"


def check_totals(raw: RawTable, table: pd.DataFrame) -> None:
    """Raise a `BarsError` for a last row that sums or averages those above it.

    Parameters
    ----------
    raw : for the places of rows.
    table : of `cells.checked`, or some of its rows; its index is that of the rows of `raw`.
    """
    _check_total(raw, table.sort_index())
    for _name, rows in table.sort_values("time").groupby("venue"):
        _check_total(raw, rows)
        _check_last(raw, rows)


def _check_total(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold the last row against the sums and the means of those before it."""
    before, last = rows.iloc[:-1], rows.iloc[-1]
    summed, averaged = [], []
    for name in SIZES:
        known = before[name][before[name] > 0]
        if len(known) < LEAST_SUMMED:
            continue
        if np.isclose(last[name], known.sum(), rtol=ROUNDING, atol=0):
            summed.append(name)
        varies = known.nunique() > LEAST_SUMMED
        if varies and np.isclose(last[name], before[name].mean(), rtol=ROUNDING, atol=0):
            averaged.append(name)
    for names, least, what in ((summed, 1, "sum"), (averaged, len(SIZES), "mean")):
        if len(names) >= least:
            told = f"{last[names[0]]:.6g} is the {what} of the {len(before)} rows before: no bar, but a summary{WAY}"
            raw.fail(int(rows.index[-1]), names[0], told)


def _check_last(raw: RawTable, rows: pd.DataFrame) -> None:
    """Hold the last row, after which nothing comes, against the largest before it."""
    if len(rows) <= LEAST_BEFORE:
        return
    most, last = rows[list(SIZES)].iloc[:-1].max(), rows[list(SIZES)].iloc[-1]
    if bool((last > limit("last over all before") * most).all()) and bool((most > 0).all()):
        name = SIZES[0]
        told = f"{last[name]:.6g} cannot be true: the bars before hold at most {most[name]:.6g}; a row of totals{WAY}?"
        raw.fail(int(rows.index[-1]), name, told)


def check_repeats(raw: RawTable, table: pd.DataFrame) -> None:
    """Raise a `BarsError` for a venue that is the sum of all others in every bar, or repeats another.

    Parameters
    ----------
    raw, table : as of `check_totals`.
    """
    series = [table.pivot_table(index="time", columns="venue", values=name) for name in SIZES]
    series = [each for each in series if not each.empty]
    if len(series) < len(SIZES):
        return
    names = [name for name in series[0].columns if name in series[1].columns]
    for name in names if len(names) > 2 else ():  # noqa: PLR2004  the sum of one other is that other
        if all(_same(each[name], each.drop(columns=name).sum(axis=1, min_count=2)) for each in series):
            _fail(raw, table, name, f"{name} is the sum of the other venues in every bar{WAY}")
    for one, other in itertools.combinations(names, 2):
        if all(_same(each[other], each[one]) for each in series):
            _fail(raw, table, other, f"{other} repeats {one} in every bar: one venue by two names{WAY}")


def _same(one: pd.Series, other: pd.Series) -> bool:
    both = one.notna() & other.notna()
    if both.sum() < LEAST_BEFORE or one[both].nunique() < LEAST_SUMMED:
        return False
    return bool(np.isclose(one[both], other[both], rtol=ROUNDING, atol=0).all())


def _fail(raw: RawTable, table: pd.DataFrame, venue: str, what: str) -> None:
    raw.fail(int(table.index[table["venue"] == venue].min()), "venue", what)
