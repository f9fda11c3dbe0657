"""The method page beside the engine, made of the glossary: ``python -m tests.method`` writes it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from imbalance_cli.commands.explain import LABELS

from imbalance.glossary import lookup
from imbalance.glossary.term import Term

PACKAGE = Path(__file__).parents[1] / "imbalance"
PAGE = PACKAGE / "engine" / "METHOD.md"
HEAD = """# The method

Every formula that the map and the signals rest on, in the order in which data flow: what it is computed from, what it
supposes, where it is from and where it errs. Each term is what `imbalance explain TERM` prints; `python -m
tests.method` writes this page. Prices and amounts are in USD, times in UTC; ln is the natural logarithm. What is called
measured stands in the README, which says how to measure it again.
"""
PARTS = {
    "From bars to positions": (
        "price path", "opened and closed", "activity clock", "lifetimes", "cohort", "old inventory", "entry points",
    ),
    "Where positions are liquidated": (
        "liquidation price", "maintenance margin rate", "distance to liquidation", "leverage prior", "first passage",
        "price bins",
    ),
    "What observed liquidations teach": (
        "liquidation features", "own-bar flow", "quasi-likelihood", "dispersion", "calibrated", "capture", "structures",
        "recent level", "opening days",
    ),
    "The map": (
        "exposed", "forced", "short liquidation risk", "long liquidation risk", "within", "cluster", "heatmap",
        "audit", "swept", "unexplained",
    ),
    "Ranges": ("draws", "resampled days", "form of the model", "90 % range", "largest uncertainty"),
    "What the path alone gives": ("short : long", "price path implies", "lift", "heavier"),
    "Cascades": ("cascade", "impact law", "push needed", "R"),
    "Examination": (
        "walk forward", "move alone", "fixed leverages", "rank", "partial", "R2 over move", "inside", "observed",
        "map kept", "|ln error|", "level error",
    ),
    "Signals": (
        "price since its high", "price and interest", "basis", "HHI", "percentile", "since", "liquidity sweep",
        "cleared", "Wyckoff spring", "rally checklist",
    ),
    "What followed a signal": ("base rate", "p Newey-West", "p placebo", "p adjusted"),
}  # fmt: skip


def page() -> str:
    """Return the page."""
    parts = [
        "\n".join([f"\n## {title}", *(_section(lookup(name)) for name in names)]) for title, names in PARTS.items()
    ]
    return HEAD + "\n".join(parts) + "\n"


def modules(term: Term) -> list[str]:
    """Return the modules that compute a term, inside the package."""
    return [module for module in term.code.split(", ") if module]


def _section(term: Term) -> str:
    told = {label: getattr(term, field) for field, label in LABELS.items()}
    rows = [f"- **{label}:** {_linked(text)}" for label, text in told.items() if text]
    return "\n".join([f"\n### {term.name}\n\n{term.meaning}\n", *rows])


def _linked(text: str) -> str:
    """Return text with modules and DOIs as links."""
    text = re.sub(r"doi:(\S+?)(?=[,;]?(?: |$))", r"[doi:\1](https://doi.org/\1)", text)
    return re.sub(r"[\w/]+\.py", lambda m: f"[{m[0]}]({os.path.relpath(PACKAGE / m[0], PAGE.parent)})", text)


if __name__ == "__main__":
    PAGE.write_text(page())
