"""The use case of comparing: two reports, stored or saved as JSON, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from imbalance import files
from imbalance.errors import MissingDataError, UsageError
from imbalance.report import tree
from imbalance.report.changes import changes
from imbalance.report.frame import Frame
from imbalance.store import opening, reading
from imbalance.units import LAST_MS, iso, parse_time_ms

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_BYTES = 1 << 28
STORED = "local history"
WRITES = "imbalance report --json writes one."


class _Report(NamedTuple):
    report: tree.Report
    place: str

    @property
    def as_of_ms(self) -> int:
        return parse_time_ms(self.report.as_of.replace("Z", "+00:00"))


def diff(address: str | None, symbol: str | None, names: Sequence[str]) -> tree.DiffReport:
    """Compare a report with an earlier one: ``imbalance.diff/1``.

    Parameters
    ----------
    address : of the store, as `opening.opened` takes it.
    symbol : base coin of stored reports; that of a file, else BTC, where None.
    names : up to two reports, the earlier first: files of JSON, or moments, each of which stands for the last report
        stored up to then. One is compared with the newest stored, none are the last two.

    Raises
    ------
    UsageError
        If a name is neither, or a file no report, or they are of two coins.
    MissingDataError
        If no such report is stored.
    """
    given = [_file(name) if _is_file(name) else _moment_ms(name) for name in names]
    files_given = [one for one in given if isinstance(one, _Report)]
    coin = symbol or (files_given[0].report.symbol if files_given else "BTC")
    before, after = files_given if len(files_given) == 2 else _stored(address, coin, given)  # noqa: PLR2004  both
    for one in (before, after):
        if one.report.symbol != coin:
            raise UsageError(f"{one.place} is of {one.report.symbol}, not of {coin}")
    changed, new, gone = changes(before.report, after.report)
    return Frame(after.report.mode, after.report.scenario, coin, after.as_of_ms).document(
        tree.DiffReport, before=_compared(before), after=_compared(after), changes=changed, new=new, gone=gone
    )


def _compared(one: _Report) -> tree.Compared:
    return tree.Compared(one.report.as_of, one.report.mode, one.report.version, one.place)


def _is_file(name: str) -> bool:
    return name.lower().endswith(".json") or Path(name).is_file()


def _moment_ms(name: str) -> int:
    try:
        return parse_time_ms(name)
    except ValueError:
        raise UsageError(
            f"{name!r} is neither a file nor a time", "Such as report.json or 2026-01-30T12:00Z."
        ) from None


def _file(name: str) -> _Report:
    try:
        content = files.read(Path(name), MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
    return _Report(_decoded(content, name), name)


def _decoded(content: bytes, place: str) -> tree.Report:
    try:
        found = msgspec.json.decode(content, type=tree.Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{place}: no report of this version: {error}", "imbalance report --json writes one."
        ) from None
    if found.schema != tree.schema_name(tree.Report):
        raise UsageError(f"{place}: not a report but {found.schema}", WRITES)
    return found


def _stored(address: str | None, symbol: str, given: Sequence[_Report | int]) -> tuple[_Report, _Report]:
    """Return two reports, of which those not given are the last that are stored."""
    with opening.opened(address) as store, store.reading() as connection:
        if len(given) == 2:  # noqa: PLR2004  both
            first, second = (one if isinstance(one, _Report) else _last(connection, symbol, one) for one in given)
            return first, second
        after = _last(connection, symbol, LAST_MS)
        if not given:
            return _last(connection, symbol, after.as_of_ms - 1, but=f"the one of {iso(after.as_of_ms)}"), after
        one = given[0]
        return one if isinstance(one, _Report) else _last(connection, symbol, one), after


def _last(connection: Connection, symbol: str, until_ms: int, *, but: str = "") -> _Report:
    found = reading.report(connection, tree.schema_name(tree.Report), symbol, until_ms)
    if found is None:
        until = f" but {but}" if but else "" if until_ms == LAST_MS else f" up to {iso(until_ms)}"
        raise MissingDataError(f"no report of {symbol}{until} is stored", "Each live imbalance report is.")
    place = f"{STORED}, {iso(found[0])}"
    return _Report(_decoded(found[1], place), place)
