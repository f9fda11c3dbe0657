"""What a file or an answer holds as rows of the store, with the spans that they cover and what is missing between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imbalance.backfill.units import LEFT_OUT, LEFT_OUT_OF_FILE, NOT_THERE, Covered, FileUnit, PageUnit
from imbalance.dumps.binance_tables import Part, known_of
from imbalance.records import (
    Candle,
    ContractStats,
    LongShort,
    OpenInterest,
    OpenInterestUsd,
    SettledFunding,
    Unread,
)
from imbalance.store import rows as stored
from imbalance.store import spans
from imbalance.store.rows import MORE, Batch, Block, Row, Series
from imbalance.store.spans import Span
from imbalance.units import HOUR_MS
from imbalance.wire import Kind, Record
from imbalance.wire.harvest import Harvest, in_time

LONGEST_FUNDING_MS = 8 * HOUR_MS


def of_file(parts: Sequence[Part], unit: FileUnit) -> list[Block]:
    """Return the parts of a file as blocks of the store."""
    found = []
    for part, series in zip(parts, unit.targets, strict=True):
        known = known_of(part, unit.file)
        columns = {name: _listed(values) for name, values in part.columns.items()}
        found.append(Block(series, columns, known, _holes(unit.from_ms, unit.to_ms, known, LEFT_OUT_OF_FILE)))
    return found


def of_no_file(unit: FileUnit) -> list[Block]:
    """Return what is known where there is no file: that it is missing."""
    gap = [(unit.from_ms, unit.to_ms, NOT_THERE)]
    return [Block(series, {"time_ms": []}, (), gap) for series in unit.targets]


def _listed(values: npt.NDArray[Any]) -> list[Any]:
    """Return an array as Python's own values, None where it is NaN."""
    if values.dtype.kind != "f":
        return list(values.tolist())
    lacks = np.isnan(values)
    return list((np.where(lacks, None, values) if lacks.any() else values).tolist())  # type: ignore[call-overload]


def _holes(from_ms: int, to_ms: int, known: Iterable[tuple[int, int]], why: str) -> list[tuple[int, int, str]]:
    return [(*part, why) for part in spans.without(from_ms, to_ms, known)]


def of_page(records: Sequence[Record], unit: PageUnit) -> list[Batch]:
    """Return the records of an answer as batches of the store."""
    kind = unit.history.endpoint.kind
    if kind in _REGULAR:
        return [batch for series in unit.targets for batch in [_regular(records, series, unit)]]
    if kind is Kind.FUNDING_HISTORY:
        return [_fundings(records, unit)]
    harvest = Harvest(unit.source, instrument=unit.ask.instrument, records={})
    harvest.keep(kind, records)
    batches = stored.batches(harvest, unit.ask.base, unit.ask.now_ms)
    if kind is Kind.LIQUIDATIONS:
        return [_orders(records, batch, unit) for batch in batches]
    return [*(_with_holes(batch, unit) for batch in batches), *_nothing(batches, unit)]


def _nothing(batches: Iterable[Batch], unit: PageUnit) -> list[Batch]:
    """Return the series of which an answer holds nothing, as missing."""
    given = {batch.series for batch in batches}
    return [_with_holes(Batch(series, []), unit) for series in unit.targets if series not in given]


def _with_holes(batch: Batch, unit: PageUnit) -> Batch:
    return batch._replace(missing=_holes(unit.from_ms, unit.to_ms, batch.known, LEFT_OUT))


def _regular(records: Sequence[Record], series: Series, unit: PageUnit) -> Batch:
    """Return rows that come one a step: a step of the window without one is missing."""
    step_ms = series.interval_ms
    found = {row["time_ms"]: row for row in _REGULAR[unit.history.endpoint.kind](records, series)}
    is_level = series.data == "open_interest"
    # A level is of a moment: it is whole as soon as that is there.
    whole = [found[t] for t in sorted(found) if t + (0 if is_level else step_ms) <= unit.to_ms]
    return _with_holes(Batch(series, whole, spans.runs((row["time_ms"] for row in whole), step_ms)), unit)


def _candles(records: Sequence[Record], _series: Series) -> list[Row]:
    return [stored.plain(row) for row in records if isinstance(row, Candle)]


def _interest(records: Sequence[Record], _series: Series) -> list[Row]:
    return [
        {"open_interest_base": None} | stored.plain(row)
        for row in records
        if isinstance(row, OpenInterest | OpenInterestUsd)
    ]


def _ratios(records: Sequence[Record], series: Series) -> list[Row]:
    return [
        {"time_ms": row.time_ms, "long_share": row.long_share}
        for row in records
        if isinstance(row, LongShort) and row.kind == series.what
    ]


def _statistics(records: Sequence[Record], series: Series) -> list[Row]:
    rows = [row for row in records if isinstance(row, ContractStats)]
    if series.data == "liquidation_sums":
        return [stored.sums_of(row) for row in rows]
    return [
        {
            "time_ms": row.time_ms + series.interval_ms,
            "open_interest_base": row.open_interest_base,
            "open_interest_usd": None,
        }
        for row in rows
    ]


_REGULAR: dict[Kind, Callable[[Sequence[Record], Series], list[Row]]] = {
    Kind.CANDLES: _candles,
    Kind.OPEN_INTEREST_HISTORY: _interest,
    Kind.LONG_SHORT: _ratios,
    Kind.CONTRACT_STATS: _statistics,
}


def _fundings(records: Sequence[Record], unit: PageUnit) -> Batch:
    """Return fundings that were paid; what is before the first of an answer may be of a time without the contract."""
    rows = [
        row for row in in_time([r for r in records if isinstance(r, SettledFunding)]) if row.time_ms >= unit.from_ms
    ]
    rows = [row for row in rows if row.time_ms < unit.to_ms]
    plain = [stored.plain(row) | {"next_time_ms": None} for row in rows]
    first_ms = max(rows[0].time_ms - LONGEST_FUNDING_MS, unit.from_ms) if rows else unit.to_ms
    known = [(first_ms, unit.to_ms)] if rows else []
    return _with_holes(Batch(unit.targets[0], plain, known), unit)


def _orders(records: Sequence[Record], batch: Batch, unit: PageUnit) -> Batch:
    """Return single orders of the parts that are wanted: one that a stream brought already is not stored twice."""
    cut = any(isinstance(row, Unread) for row in records)
    rows = [row for row in batch.rows if _within(row["time_ms"], unit.parts)]
    if cut:
        return Batch(batch.series, rows, (), [(*part, MORE) for part in unit.parts])
    return Batch(batch.series, rows, unit.parts)


def _within(time_ms: int, parts: Covered | tuple[tuple[int, int], ...]) -> bool:
    return any(from_ms <= time_ms < to_ms for from_ms, to_ms in parts)


def merged(blocks: Iterable[Block]) -> list[Block]:
    """Return one block a series, with the rows of all in turn."""
    found: dict[Series, list[Block]] = {}
    for block in blocks:
        found.setdefault(block.series, []).append(block)
    return [_joined(series, parts) for series, parts in found.items()]


def _joined(series: Series, parts: Sequence[Block]) -> Block:
    if len(parts) == 1:
        return parts[0]
    full = [part for part in parts if len(part.columns["time_ms"])]
    names = full[0].columns if full else {"time_ms": ()}
    columns = {name: [value for part in full for value in part.columns[name]] for name in names}
    known = [span[:2] for span in spans.union(Span(*span, 0) for part in parts for span in part.known)]
    return Block(series, columns, known, [gap for part in parts for gap in part.missing])
