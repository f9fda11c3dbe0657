"""The grid of a bars file: the length of its bars, told from the commonest step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.bars.source import RawTable
from imbalance.errors import BarsError
from imbalance.units import interval_name, iso

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

LEAST_RUN = 3  # steps of one length in a row that make it a bar length, rather than gaps or stray rows
LEAST_FEW = 2  # steps of one length, where no two bars of the venue are next to each other on the grid
LEAST_SHARE = 0.1  # of a venue's steps, likewise


def interval_of(raw: RawTable, table: pd.DataFrame) -> int:
    """Return the length of the bars [ms].

    Raises
    ------
    BarsError
        If there is one time alone, if bars have two lengths, or if a row is off the grid.
    """
    times = np.unique(table["time"].to_numpy())
    if times.size < 2:  # noqa: PLR2004
        raise BarsError(f"{raw.path}: one bar time only ({iso(int(times[0]))}); the bar length cannot be told")
    steps = {str(venue): np.diff(np.unique(rows)) for venue, rows in table.groupby("venue")["time"]}
    each = np.concatenate(list(steps.values()))
    interval_ms = _commonest(each if each.size else np.diff(times))
    _check_venues(raw, steps, interval_ms)
    _check_changes(raw, table, steps, interval_ms)
    phase = _commonest(table["time"].to_numpy() % interval_ms)
    off = np.flatnonzero((table["time"].to_numpy() - phase) % interval_ms)
    if off.size:
        row = int(table.index[off[0]])
        stray, venue = iso(int(table["time"].iloc[off[0]])), table["venue"].iloc[off[0]]
        raw.fail(row, "time", f"{stray} of {venue} is off the {interval_name(interval_ms)} grid")
    return interval_ms


def _commonest(values: Ints) -> int:
    """Return the commonest value, the smallest of equally common ones."""
    found, counts = np.unique(values, return_counts=True)
    return int(found[np.argmax(counts)])


def _check_venues(raw: RawTable, steps: dict[str, Ints], interval_ms: int) -> None:
    lengths = {venue: _commonest(each) for venue, each in steps.items() if each.size}
    lengths = {
        venue: length
        for venue, length in lengths.items()
        if _is_length(steps[venue], length) or _is_few(steps[venue], length, interval_ms)
    }
    if len(set(lengths.values())) > 1:
        told = "; ".join(
            f"{interval_name(length)} ({', '.join(v for v, own in lengths.items() if own == length)})"
            for length in sorted(set(lengths.values()))
        )
        raise BarsError(f"{raw.path}: bars of different lengths: {told}", "Give bars of one length in one file.")


def _is_few(steps: Ints, length: int, interval_ms: int) -> bool:
    """Return whether a venue of few bars has them at a length of its own."""
    return bool(steps.min() > interval_ms and np.count_nonzero(steps == length) >= LEAST_FEW)


def _check_changes(raw: RawTable, table: pd.DataFrame, steps: dict[str, Ints], interval_ms: int) -> None:
    """Raise where a venue's bars change their length within the file."""
    for venue, each in steps.items():
        other = each[each != interval_ms]
        if not other.size or not _is_length(each, _commonest(other)):
            continue
        length = _commonest(other)
        mine = table[table["venue"] == venue]
        first = np.unique(mine["time"])[int(np.argmax(each == length))]
        told = f"bars of {venue} have two lengths, {interval_name(interval_ms)} and, from here, {interval_name(length)}"
        raw.fail(int(mine.index[mine["time"] == first][0]), "time", told)


def _is_length(steps: Ints, length: int) -> bool:
    """Return whether so many steps have a length, and in a row, that it is no gap and no stray row."""
    flags = steps == length
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return bool(flags.mean() >= LEAST_SHARE and (edges[1::2] - edges[::2]).max(initial=0) >= LEAST_RUN)
