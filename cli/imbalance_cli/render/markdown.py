"""Blocks as Markdown."""

from __future__ import annotations

import re

from imbalance.report import words
from imbalance_cli.render.parts import Bars, Block, Line, Table, Title, apart, listed

# Marks of Markdown and HTML, and addresses that would become links; marks that count at the start of a line alone.
_MARKS = re.compile(r"[\\|*_`<\[\]~]|&(?=[#\w])|(?<=:)//|(?<=www)\.")
MAP_HEADS = ("Prices", "Distance", "Forced (est)", "90 % range", "Sum from price")
_FIRST = re.compile(r"^[>#+=-]")


def to_markdown(blocks: list[Block]) -> str:
    """Write blocks as GitHub-flavoured Markdown."""
    parts = []
    for block in apart(blocks):
        if isinstance(block, Title):
            parts.append(f"## {_safe(block.left)}\n\n{_start(listed(block.right))}")
        elif isinstance(block, Line):
            parts.append(f"**{_safe(block.text)}**" if block.style == "verdict" else _start(block.text))
        elif isinstance(block, Table) and block.rows:
            parts.append(_table([c.name for c in block.columns], [c.right for c in block.columns], block.rows))
        elif isinstance(block, Bars):
            rows = [
                [
                    f"{words.price(b.low)}-{words.price(b.high)}",
                    words.fraction(b.distance),
                    words.usd(b.usd),
                    words.span(b.usd_low, b.usd_high, "usd"),
                    words.usd(b.from_price_usd),
                    b.side,
                ]
                for b in block.above + block.below
            ]
            parts.append(_table([*MAP_HEADS, "Side"], [False, True, True, True, True, False], rows))
    return "\n\n".join(parts) + "\n"


def _safe(text: str) -> str:
    return _MARKS.sub(r"\\\g<0>", text)


def _start(text: str) -> str:
    return _FIRST.sub(r"\\\g<0>", _safe(text))


def _table(names: list[str], right: list[bool], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(map(_safe, names)) + " |", "|" + "|".join("---:" if r else "---" for r in right) + "|"]
    lines += ["| " + " | ".join(_safe(cell.strip()) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
