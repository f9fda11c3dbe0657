"""The maps of the past: one for each day or hour of every coin of a folder of bars or the store, as Parquet.

A task is a coin and a month. It reads that month and the warm-up before it, nothing else, and what it returns depends
on nothing but its bars: each map is the one that the bars of its warm-up alone give, as ``clusters --bars --as-of``
makes it. So it may run anywhere, again, and in any order.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance import __version__
from imbalance.bars.folder import as_there, month_span_ms
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.engine.margin import LONG, SHORT
from imbalance.errors import ImbalanceError, MissingDataError, UsageError
from imbalance.jobs import Runner
from imbalance.library import liquidation_map
from imbalance.market import MarketData
from imbalance.origins import PastBars
from imbalance.partitions import Partition, Partitions, filling
from imbalance.report import tree
from imbalance.report.frame import Frame
from imbalance.units import interval_name, iso

FILE = "map.parquet"


class Task(msgspec.Struct, frozen=True):
    """The maps of a coin at each `step_ms` after `from_ms` up to `to_ms`, each of the `warm_up_ms` before it.

    `state` changes when the bars that they are made of do.
    """

    bars: PastBars
    symbol: str
    month: str
    from_ms: int
    to_ms: int
    step_ms: int
    warm_up_ms: int
    state: str = ""

    @property
    def name(self) -> str:
        """Where its partition lies in the folder that is written."""
        return f"symbol={quote(self.symbol, safe='')}/month={self.month}/{FILE}"

    @property
    def reads_ms(self) -> int:
        """The first moment of which bars are read."""
        return self.from_ms - self.warm_up_ms

    @property
    def moments_ms(self) -> range:
        """The moments that are mapped: whole steps since 1970."""
        first = self.from_ms // self.step_ms * self.step_ms + self.step_ms
        return range(first, self.to_ms + 1, self.step_ms)


class Done(msgspec.Struct, frozen=True):
    """What a task gave: its partition, and of how many moments there is no map and why not of the first of them."""

    content: bytes
    rows: int
    missing: int
    why: str


def tasks(bars: PastBars, symbols: Sequence[str], step_ms: int, warm_up_ms: int) -> list[Task]:
    """Return the tasks of the coins named, or of all that there are.

    Raises
    ------
    UsageError, MissingDataError
        If there are no such bars, a coin is not there, or a folder is not parted by coin and month.
    """
    if len(set(symbols)) < len(symbols):
        raise UsageError("a coin is named twice", "Name each once.")
    there, found = bars.symbols(), []
    for symbol in [as_there(symbol, there) for symbol in symbols] or there:
        coin = bars.coin(symbol)
        for month in coin.months:
            from_ms, to_ms = month_span_ms(month)
            task = Task(bars, symbol, month, from_ms, to_ms, step_ms, warm_up_ms)
            found.append(msgspec.structs.replace(task, state=coin.state(task.reads_ms, to_ms)))
    if not found:
        raise bars.nothing()
    return found


def mapped(task: Task) -> Done:
    """Return the partition of a task: the same bytes wherever and however often it runs."""
    try:
        market = task.bars.market(task.symbol, task.reads_ms, task.to_ms)
    except ImbalanceError as error:
        return Done(b"", 0, len(task.moments_ms), error.message)
    maps, why = [], []
    for moment_ms in task.moments_ms:
        try:
            maps.append(_map_at(market, moment_ms, task.warm_up_ms))
        except ImbalanceError as error:
            why.append(f"{iso(moment_ms)}: {error.message}")
    content, rows = _parquet(maps) if maps else (b"", 0)
    return Done(content, rows, len(why), why[0] if why else "")


def _map_at(market: MarketData, moment_ms: int, warm_up_ms: int) -> LiquidationMap:
    known = market.between(moment_ms - warm_up_ms, moment_ms)
    if known.as_of_ms != moment_ms:
        raise MissingDataError("no bar ends there")
    return liquidation_map(known)


def _parquet(maps: Sequence[LiquidationMap]) -> tuple[bytes, int]:
    """Return maps as Parquet, a row a bin [USD], and how many rows there are."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {name: np.concatenate([found[name] for found in map(_columns, maps)]) for name in _columns(maps[0])}
    time = pa.array(columns.pop("time_ms"), type=pa.timestamp("ms", tz="UTC"))
    table = pa.table({"time": time, **columns})
    stream = io.BytesIO()
    parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue(), table.num_rows


def _columns(found: LiquidationMap) -> dict[str, npt.NDArray[Any]]:
    bins = found.edges.size - 1
    columns = {
        "time_ms": np.full(bins, found.as_of_ms),
        "price": np.full(bins, found.price),
        "calibrated": np.full(bins, found.model.calibrated),
        "low": found.edges[:-1],
        "high": found.edges[1:],
    }
    for side, name in ((LONG, "long"), (SHORT, "short")):
        low, high = found.bounds(side)
        columns |= {
            f"{name}_usd": found.forced[side],
            f"{name}_usd_low": low,
            f"{name}_usd_high": high,
            f"{name}_exposed_usd": found.exposed[side],
        }
    return {n: np.round(values, 2) if "usd" in n else values for n, values in columns.items()}


def map_history(
    bars: PastBars,
    into: Path,
    symbols: Sequence[str],
    *,
    step_ms: int,
    warm_up_ms: int,
    run: Runner,
    now_ms: int,
    done: Callable[[int], None] = lambda _tasks: None,
) -> tree.MapHistoryReport:
    """Map the past of coins, and write a partition a coin and month: ``imbalance.map-history/1``.

    What an earlier run of the same settings wrote is left as it is.

    Parameters
    ----------
    bars : a folder parted by coin and month, or the store.
    into : the folder that is written.
    run : where tasks run.
    done : called as each task ends, with how many there are.

    Raises
    ------
    UsageError
        If a coin is named twice, or `into` holds what other settings made, cannot be written, or is being filled.
    """
    todo = tasks(bars, symbols, step_ms, warm_up_ms)
    made: dict[str, str | int] = {
        "every": interval_name(step_ms),
        "warm_up_ms": warm_up_ms,
        "version": __version__,
        "bars": bars.name,
    }
    with filling(into, made) as partitions:
        states = _filled(partitions, todo, run, done)
    return Frame(bars.mode, None, ",".join(dict.fromkeys(t.symbol for t in todo)), now_ms).document(
        tree.MapHistoryReport,
        place=str(into),
        every=interval_name(step_ms),
        partitions=[states[task.name] for task in todo],
    )


def _filled(
    partitions: Partitions, todo: Sequence[Task], run: Runner, done: Callable[[int], None]
) -> dict[str, tree.MappedPartition]:
    """Make what is not there yet, and return what became of each partition by its name."""
    states: dict[str, tree.MappedPartition] = {}
    for task in todo:
        if partitions.holds(task.name, task.state):
            states[task.name] = _state(task, partitions.known(task.name), "kept", "")
            done(len(todo))
    for task, found in _results(run, [task for task in todo if task.name not in states]):
        partition = Partition.with_content(task.state, found.content, found.rows, found.missing)
        if found.content:
            partitions.write(task.name, found.content, partition)
        states[task.name] = _state(task, partition, "written" if found.content else "failed", found.why)
        done(len(todo))
    return states


def _results(run: Runner, todo: Sequence[Task]) -> Iterator[tuple[Task, Done]]:
    for number, found in run(mapped, todo):
        yield todo[number], found


def _state(task: Task, partition: Partition, state: str, why: str) -> tree.MappedPartition:
    return tree.MappedPartition(task.symbol, task.month, state, partition.rows, partition.missing, why)  # type: ignore[arg-type]
