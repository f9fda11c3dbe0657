"""What a term on a screen means."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from imbalance_cli.completion import terms
from imbalance_cli.context import answer
from imbalance_cli.process import WITHOUT_TERMINAL, columns

LABELS = {
    "formula": "Formula",
    "inputs": "Inputs",
    "assumptions": "Assumptions",
    "known_errors": "Known errors",
    "reference": "Reference",
    "code": "Code",
}


def explain(
    term: Annotated[
        list[str] | None, typer.Argument(metavar="[TERM]", help="A term as it is printed.", autocompletion=terms)
    ] = None,
) -> None:
    """Explain a term: formula, inputs, assumptions, known errors."""
    from imbalance.glossary import TERMS, lookup

    width = min(columns(), WITHOUT_TERMINAL)
    if not term:
        names = max(len(t.name) for t in TERMS)
        hanging = " " * (names + 2)
        rows = [f"{t.name:<{names}}  {t.meaning}" for t in TERMS]
        answer("\n".join(textwrap.fill(row, width, subsequent_indent=hanging) for row in rows) + "\n")
        return
    found = lookup(" ".join(term))
    lines = [found.name, "", *textwrap.wrap(found.meaning, width)]
    for field, label in LABELS.items():
        text = getattr(found, field)
        if text:
            lines += ["", *textwrap.wrap(f"{label}: {text}", width, subsequent_indent="  ")]
    answer("\n".join(lines) + "\n")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain)
