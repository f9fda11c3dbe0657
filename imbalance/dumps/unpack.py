"""From the bytes of a published file to a table whose every cell is a number: checksum, zip, CSV."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from imbalance.errors import DamagedError, ParseError

MOST_BYTES = 64 * 1024 * 1024  # of a file unpacked: ten times a month of one-minute bars
Columns = dict[str, npt.NDArray[Any]]
Kinds = Mapping[str, type[object] | type[np.generic]]
_WHOLE = re.compile(r"\d{1,18}")
_CHECKSUM = re.compile(rb"^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$")


def require_checksum(body: bytes, told: bytes, source: str, name: str) -> None:
    """Raise a `DamagedError` unless a ``.CHECKSUM`` file names this file and the SHA-256 that it has."""
    read = _CHECKSUM.match(told)
    if read is None or read[2].decode("utf-8", "replace") != name:
        raise DamagedError(source, name, "its .CHECKSUM does not name it with a SHA-256")
    if hashlib.sha256(body).hexdigest() != read[1].decode().lower():
        raise DamagedError(source, name, "its SHA-256 is not that of its .CHECKSUM", "Read it again, or later.")


def unpacked(body: bytes, source: str, name: str) -> bytes:
    """Return the one CSV in a zip.

    Raises
    ------
    DamagedError
        If it is no sound zip, holds anything else, or unpacks to more than any true file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
                raise DamagedError(source, name, "it does not hold one CSV and nothing else")
            with archive.open(members[0]) as stream:
                content = stream.read(MOST_BYTES + 1)
    # The last two: a method of compression, or a password, that no such file has.
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(source, name, f"it cannot be unpacked: {error}") from None
    if len(content) > MOST_BYTES:
        raise DamagedError(source, name, f"it unpacks to more than {MOST_BYTES // 2**20} MB")
    return content


def table(
    content: bytes,
    columns: Sequence[str],
    source: str,
    name: str,
    *,
    texts: Sequence[str] = (),
    stamp: str = "",
    unread: Sequence[str] = (),
) -> Columns:
    """Return a CSV with or without a header line: numbers as float64, empty cells as NaN.

    Parameters
    ----------
    columns : names of all columns in their order; a header line must say the same.
    texts : those that are no numbers.
    stamp : the column of epoch times, read as int64: a float does not hold microseconds.
    unread : those that nobody asks for.

    Raises
    ------
    ParseError
        Naming line and column.
    """
    first = content[: content.find(b"\n") + 1 or len(content)].decode("utf-8", "replace").strip()
    has_header = first[:1].isalpha()
    if has_header and first.split(",") != list(columns):
        raise ParseError(source, name, f"its columns are {first[:200]!r}", "line 1")
    _require_whole_lines(content.rstrip(), len(columns), source, name)
    # Objects: pandas' own type of texts takes as long to make as all numbers of a small file.
    kinds: Kinds = {c: object if c in texts else np.int64 if c == stamp else np.float64 for c in columns}
    kinds = {c: kind for c, kind in kinds.items() if c not in unread}
    if not (content[content.find(b"\n") + 1 or len(content) :] if has_header else content).strip():
        return {c: np.empty(0, dtype=kind) for c, kind in kinds.items()}
    try:
        return _read(content, columns, kinds, has_header=has_header)
    except (ValueError, OverflowError) as error:
        told = " ".join(str(error).split())[:200]
        raise _first_fault(content, columns, kinds, told, source, name, has_header=has_header) from None


def _require_whole_lines(content: bytes, columns: int, source: str, name: str) -> None:
    """Raise a `ParseError` at the first line that has more or fewer columns: a reader would fill or drop them."""
    if not content or content.count(b",") == (content.count(b"\n") + 1) * (columns - 1):
        return
    for i, line in enumerate(content.split(b"\n"), 1):
        if line.count(b",") != columns - 1:
            raise ParseError(source, name, f"{line.count(b',') + 1} columns instead of {columns}", f"line {i}")


def _read(content: bytes, columns: Sequence[str], kinds: Kinds, *, has_header: bool) -> Columns:
    # By numbers: a name is looked up as a text, which takes longer than reading a small file.
    at = {columns.index(c): kind for c, kind in kinds.items()}
    found = pd.read_csv(
        io.BytesIO(content),
        names=range(len(columns)),
        header=None,
        usecols=list(at),
        skiprows=int(has_header),
        dtype=at,
        na_values=[""],
        keep_default_na=False,
    )
    return {columns[i]: found[i].to_numpy() for i in at}


def _first_fault(
    content: bytes, columns: Sequence[str], kinds: Kinds, told: str, source: str, name: str, *, has_header: bool
) -> ParseError:
    """Return the error that names the first cell that is no number."""
    try:
        cells = _read(content, columns, dict.fromkeys(columns, object), has_header=has_header)
    except (ValueError, OverflowError):
        return ParseError(source, name, told, "$")
    for column, kind in kinds.items():
        if kind is object:
            continue
        if kind is np.int64:
            bad = np.array([_WHOLE.fullmatch(str(cell)) is None for cell in cells[column]])
        else:
            bad = np.isnan(pd.to_numeric(pd.Series(cells[column]), errors="coerce").to_numpy(np.float64))
            bad &= ~pd.isna(cells[column])
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            found = f"{str(cells[column][row])[:40]!r} is no number"
            return ParseError(source, name, found, place(row, column, header=has_header))
    return ParseError(source, name, told, "$")


def place(row: int, column: str, *, header: bool) -> str:
    """Return where a cell stands, as a reader of the file counts lines."""
    return f"line {row + 1 + header}, {column}"
