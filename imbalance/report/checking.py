"""A condition and a report to what `check` answers."""

from __future__ import annotations

from typing import Any

from imbalance.expressions import Expression
from imbalance.report import tree
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


def every_figure() -> list[tree.CheckedFigure]:
    """Return every figure that may be named."""
    return [tree.CheckedFigure(f.name, f.unit, f.about, f.ranged) for f in FIGURES]


def _checked(figure: Figure, read: Read) -> tree.CheckedFigure:
    missing = (read.why or "no source gave it") if read.value is None else ""
    return tree.CheckedFigure(
        figure.name, figure.unit, figure.about, figure.ranged, read.value, read.low, read.high, missing
    )
