"""From the bytes of a published file to a table whose every cell is a number: checksum, zip, CSV."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imbalance.errors import DamagedError, ParseError

MOST_BYTES = 64 * 1024 * 1024  # of a file unpacked: ten times a month of one-minute bars
Columns = dict[str, npt.NDArray[Any]]
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
    """Return a CSV with or without a header line: numbers as float64, empty cells as NaN, texts as bytes.

    Its cells are never quoted for what they hold: all at once they are split and turned into numbers, column by column.

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
    body = content.rstrip().replace(b"\r\n", b"\n").replace(b'"', b"")
    has_header = body[:1].isalpha()
    header, _, rest = body.partition(b"\n") if has_header else (b"", b"", body)
    if has_header and header != ",".join(columns).encode():
        raise ParseError(source, name, f"its columns are {header[:200].decode('utf-8', 'replace')!r}", "line 1")
    _require_whole_lines(body, len(columns), source, name)
    cells = rest.replace(b"\n", b",").split(b",") if rest else []
    found: Columns = {}
    for i, column in enumerate(columns):
        if column in unread:
            continue
        own = cells[i :: len(columns)]
        if column in texts:
            found[column] = np.array(own, dtype=np.bytes_)
            continue
        numbers = _numbers(own, whole=column == stamp)
        if numbers is None:
            row = next(row for row, cell in enumerate(own) if _numbers([cell], whole=column == stamp) is None)
            told = f"{own[row][:40].decode('utf-8', 'replace')!r} is no number"
            raise ParseError(source, name, told, place(row, column, header=has_header))
        found[column] = numbers
    return found


def _numbers(cells: Sequence[bytes], *, whole: bool) -> npt.NDArray[Any] | None:
    """Return cells as numbers, the empty ones as NaN where there is one; None where one is no number."""
    if not whole and b"" in cells:
        cells = [cell or b"nan" for cell in cells]
    try:
        return (
            np.array([*map(int, cells)], dtype=np.int64) if whole else np.array([*map(float, cells)], dtype=np.float64)
        )
    except (ValueError, OverflowError):
        return None


def _require_whole_lines(body: bytes, columns: int, source: str, name: str) -> None:
    """Raise a `ParseError` at the first line that has more or fewer columns than there are."""
    if not body or body.count(b",") == (body.count(b"\n") + 1) * (columns - 1):
        return
    for i, line in enumerate(body.split(b"\n"), 1):
        if line.count(b",") != columns - 1:
            raise ParseError(source, name, f"{line.count(b',') + 1} columns instead of {columns}", f"line {i}")


def place(row: int, column: str, *, header: bool) -> str:
    """Return where a cell stands, as a reader of the file counts lines."""
    return f"line {row + 1 + header}, {column}"
