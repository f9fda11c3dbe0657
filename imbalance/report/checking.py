"""A condition and a report to what `check` answers."""

from __future__ import annotations

from typing import Any

from imbalance.expressions import Expression
from imbalance.report import tree, words
from imbalance.report.figures import FIGURES, Figure, Read, values


def sections(report: tree.Report, expression: Expression) -> dict[str, Any]:
    """Return whether a condition holds on a report, and the figures that it names."""
    read = {figure.name: figure.read(report) for figure in FIGURES}
    named = {name.partition(".")[0] for name in expression.names}
    return {
        "when": expression.text,
        "holds": expression.holds(values(read)),
        "figures": [_checked(figure, read[figure.name]) for figure in FIGURES if figure.name in named],
    }


def watched(report: tree.Report, before: tree.WatchReport | None) -> tree.WatchReport:
    """Return the figures of a report, and which of them read otherwise than a round before."""
    figures = [_checked(figure, figure.read(report)) for figure in FIGURES]
    last = {} if before is None else {figure.name: figure for figure in before.figures}
    changes = [
        tree.Moved(f.name, f.unit, last[f.name].value, f.value)
        for f in figures
        if f.name in last and words.figure(f.value, f.unit) != words.figure(last[f.name].value, f.unit)
    ]
    shared = {name: getattr(report, name) for name in (*tree.Head.__struct_fields__, "sources")}
    return tree.WatchReport(
        **shared | {"schema": tree.schema_name(tree.WatchReport)},
        verdict=report.verdict.text,
        figures=figures,
        since=None if before is None else before.as_of,
        changes=changes,
        gaps=[gap for gap in report.gaps if not gap.usual],
    )


def every_figure() -> list[tree.CheckedFigure]:
    """Return every figure that may be named."""
    return [tree.CheckedFigure(f.name, f.unit, f.about, f.ranged) for f in FIGURES]


def _checked(figure: Figure, read: Read) -> tree.CheckedFigure:
    missing = (read.why or "no source gave it") if read.value is None else ""
    return tree.CheckedFigure(
        figure.name, figure.unit, figure.about, figure.ranged, read.value, read.low, read.high, missing
    )
