"""A folder of Parquet files, parted by coin and month as many tools do it: ``symbol=BTC/month=2026-01/bars.parquet``.

Of each file only the columns that are needed are read, and of the folder only the files of the coin and of the months
that count. A folder that is not parted by coin is of one.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from imbalance.bars.places import Found, Place
from imbalance.bars.source import RawTable, column_names
from imbalance.errors import BarsError

if TYPE_CHECKING:
    import pandas as pd

ENDS = (".parquet", ".pq")
MOST_ROWS = 20_000_000  # of a year of 1-minute bars, forty venues
MOST_SHOWN = 10  # coins, in a message
COIN = "symbol="


def read_folder(
    folder: Place, symbol: str, needed: frozenset[str], as_of_ms: int | None = None, from_ms: int | None = None
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

    files = [file.path for file in files_of(folder, symbol) if _counts(file.path, from_ms, as_of_ms)]
    frames: list[pd.DataFrame] = []
    rows = 0
    for file in files:
        frames.append(_table(folder, file, needed))
        rows += len(frames[-1])
        if rows > MOST_ROWS:
            raise BarsError(f"{folder.name}: more than {MOST_ROWS:,} rows, more than is read", "Take months out of it.")
    if not rows:
        raise BarsError(f"{folder.name}: no rows of {symbol} in its {len(files)} files")
    lines = np.concatenate([np.arange(1, len(frame) + 1) for frame in frames])
    parts = tuple((file, len(frame)) for file, frame in zip(files, frames, strict=True))
    return RawTable(folder.name, pd.concat(frames, ignore_index=True), lines, "row", parts)


def files_of(folder: Place, symbol: str) -> list[Found]:
    """Return the Parquet files of a coin, in order of their names.

    Raises
    ------
    BarsError
        If there are none; the message names the coins that there are.
    """
    parted = _parted(folder)
    symbol = as_there(symbol, parted)
    if parted and symbol not in parted:
        there = ", ".join(sorted(parted)[:MOST_SHOWN]) + (", ..." if len(parted) > MOST_SHOWN else "")
        raise BarsError(f"{folder.name}: nothing of {symbol}: it holds {there}")
    within = parted.get(symbol, "")
    files = [file for file in folder.files(within) if file.path.lower().endswith(ENDS)]
    if not files:
        place = f"{folder.name}/{within}".rstrip("/")
        raise BarsError(f"{place}: a directory without Parquet files", "imbalance db export -o DIR/ makes one.")
    return files


def months(files: Iterable[Found]) -> list[str]:
    """Return the months that files are of, in order; those of files that name none are left out."""
    return sorted({month for file in files if (month := _month(file.path))})


def state(files: Iterable[Found], from_ms: int, as_of_ms: int) -> str:
    """Return a digest of which files count for a span and of what changes with their content."""
    digest = hashlib.sha256()
    for file in files:
        if _counts(file.path, from_ms, as_of_ms):
            digest.update(f"{file.path} {file.state}\n".encode())
    return digest.hexdigest()


def symbols(folder: Place) -> list[str]:
    """Return the coins that a folder is parted by."""
    return sorted(_parted(folder))


def as_there(symbol: str, there: Iterable[str]) -> str:
    """Return a coin as others wrote it: ours are in capitals, and a name that is there to the letter goes before."""
    return symbol if symbol in there else {name.upper(): name for name in there}.get(symbol.upper(), symbol)


def _parted(folder: Place) -> dict[str, str]:
    """Return the name of the folder within of each coin."""
    return {unquote(name.removeprefix(COIN)): name for name in folder.folders() if name.startswith(COIN)}


def month_span_ms(month: str) -> tuple[int, int]:
    """Return a month's first moment and that of the next [ms]."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000


def _month(path: str) -> str:
    for part in path.split("/"):
        name, _equals, month = part.partition("=")
        if name == "month":
            with contextlib.suppress(ValueError):
                month_span_ms(month)
                return month
    return ""


def _counts(path: str, from_ms: int | None, as_of_ms: int | None) -> bool:
    """Tell whether any of a file may lie in a span, by the month that its folder names."""
    month = _month(path)
    if not month:
        return True
    first_ms, end_ms = month_span_ms(month)
    return (as_of_ms is None or first_ms < as_of_ms) and (from_ms is None or end_ms > from_ms)


def _table(folder: Place, path: str, needed: frozenset[str]) -> pd.DataFrame:
    file = f"{folder.name}/{path}"
    with _damage_told(file):
        from pyarrow import parquet

        # The columns that are needed come in as few reads as they lie apart in the file.
        with folder.opened(path) as stream, parquet.ParquetFile(stream, pre_buffer=True) as opened:
            given = opened.schema_arrow.names
            names = dict(zip(given, column_names(given, file), strict=True))
            table = opened.read(columns=[old for old, new in names.items() if new in needed])
        cells: pd.DataFrame = table.rename_columns([names[old] for old in table.column_names]).to_pandas()
        return cells


@contextlib.contextmanager
def _damage_told(file: str) -> Iterator[None]:
    try:
        import pyarrow as pa
    except ImportError:
        raise BarsError(f"{file}: reading Parquet needs pyarrow", "pip install 'imbalance[parquet]'") from None
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            # The system's, not the format's.
            raise BarsError(f"{file}: cannot be read: {error.strerror}") from None
        raise BarsError(f"{file}: damaged Parquet: {str(error).splitlines()[0]}") from None
