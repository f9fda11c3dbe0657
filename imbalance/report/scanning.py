"""Reports of many coins to the rows of a scan, and the rows to one document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from imbalance import __version__
from imbalance.errors import ImbalanceError, MissingDataError
from imbalance.report import tree, words
from imbalance.report.figures import FIGURES, known, values
from imbalance.report.frame import Frame
from imbalance.units import iso

REVERSED = "-"
UNLISTED = "contract"  # that a venue does not list a coin is nothing amiss


def row(report: tree.Report) -> tree.ScanRow:
    """Return a coin's row: every figure that a condition may name, and why it is missing where it is."""
    read = {figure.name: figure.read(report) for figure in FIGURES}
    missing = {name: found.why or "no source gave it" for name, found in read.items() if found.value is None}
    return tree.ScanRow(
        **_head(report),
        figures=values(read),
        missing=missing,
        failed="",
        gaps=_amiss(report.gaps),
    )


def failed(frame: Frame, error: ImbalanceError) -> tree.ScanRow:
    """Return the row of a coin that could not be read."""
    gaps = _amiss(frame.gaps)
    return tree.ScanRow(
        schema=tree.schema_name(tree.ScanRow),
        version=__version__,
        mode=frame.mode,
        scenario=frame.scenario,
        symbol=frame.symbol,
        as_of=iso(frame.as_of_ms),
        figures={},
        missing={},
        failed=_reason(error, gaps),
        gaps=gaps,
    )


def _reason(error: ImbalanceError, gaps: Sequence[tree.Gap]) -> str:
    """Return why a coin could not be read; where data are missing, the first thing that failed tells more."""
    if not isinstance(error, MissingDataError) or not gaps:
        return words.sentences(error.message, error.hint)
    return words.sentences(error.message, f"{gaps[0].source} {gaps[0].what}: {gaps[0].message}")


def _amiss(gaps: Sequence[tree.Gap]) -> list[tree.Gap]:
    return [gap for gap in gaps if not gap.usual and gap.what != UNLISTED]


def report(
    frame: Frame,
    rows: Sequence[tree.ScanRow],
    *,
    ranked: str | None,
    when: str | None,
    sort: str | None,
    unknown: Sequence[str],
) -> tree.ScanReport:
    """Return the rows in one document, in order of a figure where one is named."""
    ordered = list(rows) if sort is None else in_order(rows, sort)
    return tree.ScanReport(
        schema=tree.schema_name(tree.ScanRow),
        version=__version__,
        mode=frame.mode,
        scenario=frame.scenario,
        symbol=",".join(r.symbol for r in ordered),
        as_of=iso(frame.as_of_ms),
        notes=list(frame.notes),
        ranked=ranked,
        when=when,
        sort=sort,
        rows=ordered,
        unknown=list(unknown),
        sources=list(frame.sources),
        gaps=merged(rows),
    )


def columns() -> list[str]:
    """Return the names that rows can be sorted by."""
    return ["symbol", *known()]


def in_order(rows: Sequence[tree.ScanRow], sort: str) -> list[tree.ScanRow]:
    """Return rows by a figure: numbers from the largest, texts from A; the other way round after a minus.

    Rows that lack it come last, whichever way.
    """
    name = sort.removeprefix(REVERSED)

    def key(row: tree.ScanRow) -> Any:  # noqa: ANN401  a number, a text or None, the same in all that have it
        return row.symbol if name == "symbol" else row.figures.get(name)

    having = [row for row in rows if key(row) is not None]
    is_text = name == "symbol" or known().get(name) == "text"
    having.sort(key=key, reverse=is_text == sort.startswith(REVERSED))
    return having + [row for row in rows if key(row) is None]


def together(states: Sequence[tree.SourceState]) -> list[tree.SourceState]:
    """Return how each source fared over all coins: ok where it was so of all that it lists."""
    by_name: dict[str, list[tree.SourceState]] = {}
    for state in states:
        by_name.setdefault(state.name, []).append(state)
    return [_over_coins(of) for of in by_name.values()]


def _over_coins(of: list[tree.SourceState]) -> tree.SourceState:
    listed = [state for state in of if state.status != "unlisted"]
    if not listed or all(state.status == listed[0].status for state in listed):
        return msgspec.structs.replace(of[-1], status=(listed or of)[0].status, newest=None)
    worst = next(state for state in listed if state.status != "ok")
    return msgspec.structs.replace(of[-1], status="partial", message=worst.message, hint=worst.hint, newest=None)


def merged(rows: Sequence[tree.ScanRow]) -> list[tree.Gap]:
    """Return the gaps of all rows that could be read, one a source: how many coins have any, and the first."""
    found: dict[str, list[tuple[str, tree.Gap]]] = {}
    for row in rows:
        for gap in () if row.failed else row.gaps:
            found.setdefault(gap.source, []).append((row.symbol, gap))
    return [_told(of, len(rows)) for of in found.values()]


def _told(of: list[tuple[str, tree.Gap]], rows: int) -> tree.Gap:
    symbol, first = of[0]
    coins = len({name for name, _gap in of})
    whose = symbol if coins == 1 else f"{coins} of {rows} coins, {symbol} first"
    failed = any(gap.failed for _name, gap in of)
    return msgspec.structs.replace(first, message=f"{whose}: {first.message}", failed=failed)


def _head(report: tree.Report) -> dict[str, Any]:
    shared = {name: getattr(report, name) for name in tree.Head.__struct_fields__}
    return shared | {"schema": tree.schema_name(tree.ScanRow)}
