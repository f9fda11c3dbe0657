"""The heatmap at a terminal: 24-bit half blocks, greys, or letters."""

from __future__ import annotations

import os
import textwrap

import numpy as np
import numpy.typing as npt

from imbalance.report import tree, words
from imbalance_cli import safe
from imbalance_cli.context import Screen
from imbalance_cli.render.view import gap_text

ROWS = 24
LABEL = 9
DECADES = 1.2
LETTERS = {"long": " .:lL", "short": " -+sS"}
PRICE = "o"
Floats = npt.NDArray[np.float64]


def to_blocks(document: tree.HeatmapReport, screen: Screen) -> str:
    """Draw the map through time; price rises upwards, time runs to the right.

    Where the terminal tells of 24-bit colour: red longs, blue shorts, white price, two bins a character. In other
    colour terminals the same in greys. Without colour: letters, l and L for longs, s and S for shorts, o the price.
    """
    columns = min(screen.width - LABEL - 1, len(document.time))
    letters = not screen.color or screen.ascii
    rows = ROWS if letters else 2 * ROWS
    edges = np.exp(np.linspace(np.log(document.edges[0]), np.log(document.edges[-1]), rows + 1))
    sides = {
        "long": _shrunk(np.array(document.long_usd), document.edges, edges, columns),
        "short": _shrunk(np.array(document.short_usd), document.edges, edges, columns),
    }
    most = max(float(values.max()) for values in sides.values()) or 1.0
    level = {name: np.clip(1 + np.log10(np.maximum(v / most, 1e-9)) / DECADES, 0, 1) for name, v in sides.items()}
    last = np.linspace(0, len(document.time), columns + 1).astype(int)[1:] - 1
    at = np.clip(np.searchsorted(edges, np.array(document.price)[last]) - 1, 0, rows - 1)
    lines = _letters(level, at) if letters else _half_blocks(level, at, hue="truecolor" in _terminal())
    lines = [f"{words.price(edges[_row(rows, i, letters=letters)]):>{LABEL}} {line}" for i, line in enumerate(lines)]
    first, last_shown = document.time[0][:10], f" to {document.time[-1][:16].replace('T', ' ')} UTC"
    ends = (first + last_shown.rjust(columns - len(first))).rjust(LABEL + 1 + columns)
    title = [
        f"{document.symbol} forced liquidations in time (est)",
        _legend(letters=letters),
        _scale(most, letters=letters),
    ]
    where = [f"scenario {document.scenario}: synthetic, not live"] if document.scenario else []
    head = _wrapped([*title, *document.notes, *where], screen.width)
    gaps = _wrapped([gap_text(document, gap) for gap in document.gaps], screen.width)
    drawn = [*head, *lines, ends, *gaps]
    return "\n".join(map(safe.caption, drawn) if screen.ascii else drawn) + "\n"


def _wrapped(texts: list[str], width: int) -> list[str]:
    return [words.unglued(line) for text in texts for line in textwrap.wrap(words.glued(text), width)]


def _terminal() -> str:
    told = os.environ.get("COLORTERM", "")
    return "truecolor" if told in {"truecolor", "24bit"} else "grey"


def _legend(*, letters: bool) -> str:
    return "s S shorts, l L longs, o price" if letters else "shorts above the price, longs below"


def _scale(most: float, *, letters: bool) -> str:
    """Say what the weakest and the strongest mark stand for; the first letter stands from an eighth of the scale on."""
    least, strong = (most * 10 ** (-DECADES * part) for part in ((7 / 8, 1 / 8) if letters else (1, 0)))
    names = ("- .", "S L") if letters else ("dark", "bright")
    return f"USD a cell: {names[0]} {words.usd(least)}, {names[1]} {words.usd(strong)}"


def _row(rows: int, line: int, *, letters: bool) -> int:
    return rows - 1 - line if letters else rows - 2 - 2 * line


def _shrunk(values: Floats, fine: list[float], edges: Floats, columns: int) -> Floats:
    """Return mass by (row, column): the last of the time columns that a column stands for, sums over bins."""
    last = np.linspace(0, values.shape[0], columns + 1).astype(int)[1:] - 1
    total = np.concatenate([np.zeros((columns, 1)), np.cumsum(values[last], axis=1)], axis=1)
    return np.array([np.diff(np.interp(edges, fine, row)) for row in total]).T


def _letters(level: dict[str, Floats], at: npt.NDArray[np.intp]) -> list[str]:
    lines = []
    rows, columns = level["long"].shape
    for row in range(rows - 1, -1, -1):
        line = ""
        for column in range(columns):
            side = max(level, key=lambda name: level[name][row, column])
            ramp = LETTERS[side]
            shade = ramp[round(float(level[side][row, column]) * (len(ramp) - 1))]
            line += PRICE if at[column] == row else shade
        lines.append(line.rstrip())
    return lines


def _color(level: dict[str, Floats], at: npt.NDArray[np.intp], row: int, column: int, *, hue: bool) -> str:
    long, short = float(level["long"][row, column]), float(level["short"][row, column])
    if at[column] == row:
        return "255;255;255"
    bright = round(235 * max(long, short))
    if not hue:
        return f"{bright};{bright};{bright}"
    dim = bright // 4
    return f"{bright};{dim};{dim}" if long >= short else f"{dim};{bright // 2};{bright}"


def _half_blocks(level: dict[str, Floats], at: npt.NDArray[np.intp], *, hue: bool) -> list[str]:
    lines = []
    rows, columns = level["long"].shape
    for row in range(rows - 1, 0, -2):
        cells = [
            f"\x1b[38;2;{_color(level, at, row, c, hue=hue)}m\x1b[48;2;{_color(level, at, row - 1, c, hue=hue)}m\u2580"
            for c in range(columns)
        ]
        lines.append("".join(cells) + "\x1b[0m")
    return lines
