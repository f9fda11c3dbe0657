"""A folder of Parquet files, parted by coin and month as many tools do it: ``symbol=BTC/month=2026-01/bars.parquet``.

Of each file only the columns that are needed are read, and of the folder only the files of the coin and of the months
that count. A folder that is not parted by coin is of one.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from imbalance.bars.source import RawTable, column_names
from imbalance.errors import BarsError

if TYPE_CHECKING:
    import pandas as pd

ENDS = (".parquet", ".pq")
MOST_ROWS = 20_000_000  # of a year of 1-minute bars, forty venues
MOST_SHOWN = 10  # coins, in a message


def read_folder(
    folder: Path, symbol: str, needed: frozenset[str], as_of_ms: int | None = None, from_ms: int | None = None
) -> RawTable:
    """Read the files of a coin, in order of their names.

    Parameters
    ----------
    needed : columns that are read; others are passed over.
    as_of_ms : months that begin then or later are passed over.
    from_ms : months that end before it are passed over.

    Raises
    ------
    BarsError
        If the coin is not there, or a file cannot be read; the message names it.
    """
    import pandas as pd

    files = [file for file in _of(folder, symbol) if _counts(file, from_ms, as_of_ms)]
    frames: list[pd.DataFrame] = []
    rows = 0
    for file in files:
        frames.append(_table(file, needed))
        rows += len(frames[-1])
        if rows > MOST_ROWS:
            raise BarsError(f"{folder}: more than {MOST_ROWS:,} rows, more than is read", "Take months out of it.")
    if not rows:
        raise BarsError(f"{folder}: no rows of {symbol} in its {len(files)} files")
    lines = np.concatenate([np.arange(1, len(frame) + 1) for frame in frames])
    parts = tuple((str(file.relative_to(folder)), len(frame)) for file, frame in zip(files, frames, strict=True))
    return RawTable(str(folder), pd.concat(frames, ignore_index=True), lines, "row", parts)


def _of(folder: Path, symbol: str) -> list[Path]:
    """Return the files of a coin."""
    parted = {unquote(place.name.partition("=")[2]): place for place in folder.glob("symbol=*") if place.is_dir()}
    if parted and symbol not in parted:
        there = ", ".join(sorted(parted)[:MOST_SHOWN]) + (", ..." if len(parted) > MOST_SHOWN else "")
        raise BarsError(f"{folder}: nothing of {symbol}: it holds {there}")
    place = parted.get(symbol, folder)
    files = sorted(file for file in place.rglob("*") if file.suffix.lower() in ENDS and file.is_file())
    if not files:
        raise BarsError(f"{place}: a directory without Parquet files", "imbalance db export -o DIR/ makes one.")
    return files


def months(folder: Path, symbol: str) -> list[str]:
    """Return the months that a coin's files are of, in order; those of files that name none are left out."""
    return sorted({month for file in _of(folder, symbol) if (month := _month(file))})


def state(folder: Path, symbol: str, from_ms: int, as_of_ms: int) -> str:
    """Return a digest of which files of a coin count for a span, how large they are and when they were written."""
    digest = hashlib.sha256()
    for file in _of(folder, symbol):
        if _counts(file, from_ms, as_of_ms):
            known = file.stat()
            digest.update(f"{file.relative_to(folder)} {known.st_size} {known.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def symbols(folder: Path) -> list[str]:
    """Return the coins that a folder is parted by."""
    return sorted(unquote(p.name.partition("=")[2]) for p in folder.glob("symbol=*") if p.is_dir())


def month_span_ms(month: str) -> tuple[int, int]:
    """Return a month's first moment and that of the next [ms]."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000


def _month(file: Path) -> str:
    for part in file.parts:
        name, _equals, month = part.partition("=")
        if name == "month":
            with contextlib.suppress(ValueError):
                month_span_ms(month)
                return month
    return ""


def _counts(file: Path, from_ms: int | None, as_of_ms: int | None) -> bool:
    """Tell whether any of a file may lie in a span, by the month that its folder names."""
    month = _month(file)
    if not month:
        return True
    first_ms, end_ms = month_span_ms(month)
    return (as_of_ms is None or first_ms < as_of_ms) and (from_ms is None or end_ms > from_ms)


def _table(file: Path, needed: frozenset[str]) -> pd.DataFrame:
    with _damage_told(file):
        from pyarrow import parquet

        with parquet.ParquetFile(file) as opened:
            given = opened.schema_arrow.names
            names = dict(zip(given, column_names(given, str(file)), strict=True))
            table = opened.read(columns=[old for old, new in names.items() if new in needed])
        cells: pd.DataFrame = table.rename_columns([names[old] for old in table.column_names]).to_pandas()
        return cells


@contextlib.contextmanager
def _damage_told(file: Path) -> Iterator[None]:
    try:
        import pyarrow as pa
    except ImportError:
        raise BarsError(f"{file}: reading Parquet needs pyarrow", "pip install 'imbalance[parquet]'") from None
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        raise BarsError(f"{file}: damaged Parquet: {str(error).splitlines()[0]}") from None
