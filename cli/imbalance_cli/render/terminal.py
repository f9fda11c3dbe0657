"""Blocks at a terminal: rich tables, the map as bars; nothing that is a number is ever cut."""

from __future__ import annotations

import io
import re

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from imbalance.report import words
from imbalance_cli.context import Screen
from imbalance_cli.render.parts import Bar, Bars, Block, Line, Table, Title

STYLES = {
    "short": "green",
    "long": "red",
    "quoted": "dim",
    "dim": "dim",
    "warn": "yellow",
    "verdict": "bold",
    "": "",
}
NARROWEST_WRAP = 18
PADDING = 2
TRAILING = re.compile(r"(?: |(\x1b\[0m))+$", re.MULTILINE)
EIGHTHS = " ▏▎▍▌▋▊▉█"
ASCII = str.maketrans({"─": "-", "÷": "/", "█": "#", "…": "."})


def to_terminal(blocks: list[Block], screen: Screen) -> str:
    """Draw blocks for a screen."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=screen.width,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for i, block in enumerate(blocks):
        if i and (isinstance(block, Table | Bars) or isinstance(blocks[i - 1], Table | Bars)):
            console.print()
        _draw(block, console, screen)
    text = TRAILING.sub(r"\1", stream.getvalue())
    return _ascii(text.translate(ASCII)) if screen.ascii else text


def _ascii(text: str) -> str:
    """Return text in ASCII that is as wide as before."""
    return text if text.isascii() else "".join(c if c.isascii() else "?" * cell_len(c) for c in text)


def _draw(block: Block, console: Console, screen: Screen) -> None:
    if isinstance(block, Title):
        gap = screen.width - cell_len(block.left) - cell_len(block.right)
        if gap >= PADDING:
            console.print(Text(block.left + " " * gap + block.right, style="bold"))
        else:
            console.print(Text(block.left, style="bold"))
            console.print(Text(block.right))
    elif isinstance(block, Line):
        console.print(Text(block.text, style=STYLES[block.style]))
    elif isinstance(block, Table):
        _table(block, console, screen)
    else:
        _bars(block, console, screen)


def _shown(table: Table, width: int) -> list[int]:
    """Return the columns that fit: those to be dropped first go until the rest fits."""
    widths = [
        NARROWEST_WRAP if c.wrap else max(cell_len(c.name), *(cell_len(row[i]) for row in table.rows), 0)
        for i, c in enumerate(table.columns)
    ]
    shown = list(range(len(table.columns)))
    while len(shown) > 1 and sum(widths[i] for i in shown) + PADDING * (len(shown) - 1) > width:
        droppable = [i for i in shown if table.columns[i].drop]
        if not droppable:
            break
        most = max(table.columns[i].drop for i in droppable)
        shown = [i for i in shown if table.columns[i].drop != most]
    return shown


def _table(table: Table, console: Console, screen: Screen) -> None:
    if not table.rows:
        return
    shown = _shown(table, screen.width)
    drawn = RichTable(box=None, padding=(0, PADDING, 0, 0), pad_edge=False, header_style="bold", show_edge=False)
    for i in shown:
        column = table.columns[i]
        drawn.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ignore",
        )
    styles = table.styles or [""] * len(table.rows)
    for row, style in zip(table.rows, styles, strict=True):
        drawn.add_row(*(Text(row[i]) for i in shown), style=STYLES[style])
    console.print(drawn)


def _bars(bars: Bars, console: Console, screen: Screen) -> None:
    rows = bars.above + bars.below
    labels = {id(b): f"{words.price(b.low)}-{words.price(b.high)}" for b in rows}
    wide = max(len(label) for label in labels.values())
    most = max((b.usd for b in rows), default=0.0)
    # label, distance, amount and side are fixed; the bar takes what is left.
    room = max(screen.width - wide - 2 - 8 - 2 - 6 - 2 - 2 - 5, 4)

    def draw(bar: Bar) -> None:
        drawn = _block(bar.usd / most if most else 0.0, room, ascii_only=screen.ascii)
        text = Text(f"{labels[id(bar)]:>{wide}}  {bar.distance * 100:+6.1f} %  {words.usd(bar.usd):>6}  ")
        text.append(f"{drawn:<{room}}", style=STYLES[bar.side])
        text.append(f"  {bar.side}")
        console.print(text, no_wrap=True, overflow="ignore", crop=False)

    for bar in bars.above:
        draw(bar)
    told = f"── price {words.price(bars.price)} "
    console.print(
        Text(told + "─" * (screen.width - len(told)), style="bold"),
        no_wrap=True,
        overflow="ignore",
        crop=False,
    )
    for bar in bars.below:
        draw(bar)


def _block(share: float, room: int, *, ascii_only: bool) -> str:
    if ascii_only:
        return "#" * round(share * room)
    eighths = round(share * room * 8)
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
