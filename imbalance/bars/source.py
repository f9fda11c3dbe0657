"""A bars file to a table of raw cells that knows the line of each of its rows."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.bars.places import Place
from imbalance.errors import BarsError

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 1 << 30  # unpacked; a year of 1-minute bars of ten venues is half of it
LONGEST_LINE = 1 << 20
LONGEST_SHOWN = 40  # of a line, in a message
SEPARATORS = ",;\t|"
TEXT_COLUMNS = frozenset({"time", "venue", "contract", "liquidation_feed"})
EMPTY = ("", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "n/a", "-")
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
OTHERS = {
    b"PK\x03\x04": "a ZIP archive (or a spreadsheet)",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF",
    b"\x89HDF": "an HDF5 file",
}


class RawTable(msgspec.Struct, frozen=True):
    """Cells as they stand in the file, columns by their usual names.

    Attributes
    ----------
    path : the file's name, for messages.
    cells : text or numbers, one column a name, rows as in the file.
    lines : line (CSV) or row (Parquet) of each row, counted from 1, shape (rows,).
    unit : "line" or "row".
    parts : the files that the rows come from, each with how many; none where it is one.
    """

    path: str
    cells: pd.DataFrame
    lines: npt.NDArray[np.int64]
    unit: str
    parts: tuple[tuple[str, int], ...] = ()

    def where(self, row: int) -> str:
        """Return the place of a row: ``line 12``, ``month=2026-01/bars.parquet row 12``."""
        ends = np.cumsum([rows for _name, rows in self.parts])
        file = f"{self.parts[np.searchsorted(ends, row, side='right')][0]} " if self.parts else ""
        return f"{file}{self.unit} {self.lines[row]}"

    def fail(self, row: int, column: str, what: str) -> NoReturn:
        """Raise a `BarsError` that names file, line, column and what is wrong there."""
        raise BarsError(f"{self.path}: {self.where(row)}, column {column}: {what}")


def read_raw(place: Place) -> RawTable:
    """Read a CSV (plain or gzipped; comma, semicolon, tab or |; UTF-8 or UTF-16) or Parquet file.

    What it is, is told from its first bytes, not from its name.

    Raises
    ------
    BarsError
        If it cannot be read as either; the message names the line where there is one.
    """
    data, path = _bytes(place), place.name
    if data[:4] == PARQUET:
        return _parquet(data, path)
    for start, what in OTHERS.items():
        if data.startswith(start):
            raise BarsError(f"{path}: not a bars file but {what}", "Give CSV (plain or .gz) or Parquet.")
    return _csv(_text(data, path), path)


def _bytes(place: Place) -> bytes:
    path = place.name
    try:
        with place.opened() as stream:
            head = stream.read(len(GZIP))
            if head == GZIP:
                with gzip.GzipFile(fileobj=_Rest(head, stream)) as packed:
                    data = _bounded(packed, b"", path)
            else:
                data = _bounded(stream, head, path)
    except FileNotFoundError:
        raise BarsError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise BarsError(f"{path}: a directory, not a file") from None
    except EOFError:
        raise BarsError(f"{path}: ends in the middle of its gzip data: the file is cut off") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BarsError(f"{path}: damaged gzip data: {error}") from None
    except (OSError, ValueError) as error:
        raise BarsError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise BarsError(
            f"{path}: more than {MOST_BYTES >> 30} GiB unpacked, more than is read", "Cut it, or use Parquet."
        )
    if not data:
        raise BarsError(f"{path}: the file is empty")
    return data


def _bounded(stream: BinaryIO | gzip.GzipFile, head: bytes, path: str) -> bytes:
    """Return all that is left, at the utmost one byte beyond the most; a line without an end is not waited for."""
    head += stream.read(LONGEST_LINE)
    text = head[:4] != PARQUET and not head.startswith(tuple(OTHERS))
    if text and len(head) >= LONGEST_LINE and b"\n" not in head and b"\r" not in head and b"\x00" not in head:
        raise BarsError(f"{path}: line 1: longer than {LONGEST_LINE >> 20} MiB: no bars file")
    return head + stream.read(MOST_BYTES + 1 - len(head))


class _Rest(io.RawIOBase):
    """A stream whose first bytes were read already; a pipe cannot be wound back."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._stream.read(size)


def _text(data: bytes, path: str) -> str:
    codec = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if codec != "utf-16" and b"\x00" in data[:LONGEST_LINE]:
        raise BarsError(f"{path}: not a bars file but binary data", "Give CSV (plain or .gz) or Parquet.")
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BarsError(f"{path}: line {line}: not {codec.removesuffix('-sig').upper()} text") from None


def _csv(text: str, path: str) -> RawTable:
    import pandas as pd

    # A comment line becomes an empty one, so that the lines keep their numbers.
    text = re.sub(r"(?m)^#.*$", "", text)
    first = re.search(r"\S[^\r\n]*", text)
    if first is None:
        raise BarsError(f"{path}: the file is empty")
    if first[0][0] == "<":
        what = "an HTML page" if re.search(r"(?i)<(!doctype html|html|head|body)\b", text) else "XML or HTML"
        raise BarsError(
            f"{path}: this is {what}, not a table", "Was it saved in place of the file? Give CSV or Parquet."
        )
    if first[0][0] in "[{":
        raise BarsError(
            f"{path}: line {text.count(chr(10), 0, first.start()) + 1}: JSON, not a table",
            "Give CSV (plain or .gz) or Parquet.",
        )
    separator = max(SEPARATORS, key=first[0].count)
    header, widths, lines = _layout(text, separator, path)
    if header[0].strip().isdigit():
        raise BarsError(f"{path}: line {lines[0]}: no header but numbers: name the columns there")
    names = column_names(header, path, lines[0])
    if lines.size == 1 and len(names) > 1:
        raise BarsError(f"{path}: a header and no rows")
    uneven = np.flatnonzero(widths != len(header))
    if uneven.size:
        row = int(uneven[0])
        if "time" not in names:
            raise BarsError(f"{path}: line {lines[0]}: no header (a column time is not named), and longer rows below")
        raise BarsError(f"{path}: line {lines[row]}: {widths[row]} cells where the header has {len(header)}")
    if len(names) == 1:
        shown = first[0][:LONGEST_SHOWN]
        raise BarsError(f"{path}: line {lines[0]}: no comma, semicolon, tab or | parts columns in: {shown}")
    labels = [name or f"unnamed {i}" for i, name in enumerate(names)]
    cells = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        header=0,
        names=labels,
        index_col=False,
        dtype=dict.fromkeys(TEXT_COLUMNS & set(labels), "str"),
        keep_default_na=False,
        na_values={name: list(EMPTY) for name in labels if name not in TEXT_COLUMNS},
        skipinitialspace=True,
        low_memory=False,
    )
    return RawTable(path, cells, lines[1:], "line")


def _layout(text: str, separator: str, path: str) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the header, and of every row that is not blank its number of cells and its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    header: list[str] = []
    widths, lines = [], []
    before = 0
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                header = header or row
                widths.append(len(row))
                lines.append(before + 1)
            before = reader.line_num
    except csv.Error as error:
        what = "a cell is too long" if "limit" in str(error) else str(error)
        what = "a quote is opened and never closed" if "unexpected end" in what else what
        raise BarsError(f"{path}: line {before + 1}: {what}") from None
    return header, np.array(widths), np.array(lines)


def column_names(header: list[str], path: str, line: int = 1) -> list[str]:
    """Return column names as they are usually written: any case, and blanks or hyphens for underscores."""
    names = [re.sub(r"[\s-]+", "_", name.strip().lower()) for name in header]
    for name in names:
        if name and names.count(name) > 1:
            raise BarsError(f"{path}: line {line}: column {name} occurs twice")
    return names


def _parquet(data: bytes, path: str) -> RawTable:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise BarsError(f"{path}: reading Parquet needs pyarrow", "pip install 'imbalance[parquet]'") from None
    try:
        table = parquet.read_table(io.BytesIO(data))
        names = column_names(table.column_names, path)
        cells = table.rename_columns([name or f"unnamed {i}" for i, name in enumerate(names)]).to_pandas()
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        raise BarsError(f"{path}: damaged Parquet: {str(error).splitlines()[0]}") from None
    return RawTable(path, cells.reset_index(), np.arange(1, len(cells) + 1), "row")
