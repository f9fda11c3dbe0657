"""Blocks at a terminal: rich tables, the map as bars; nothing that is a number is ever cut."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from imbalance.report import words
from imbalance_cli.context import Screen
from imbalance_cli.render.parts import Bar, Bars, Beside, Block, Line, Table, Title

STYLES = {
    "short": "bright_blue",
    "long": "red",
    "quoted": "dim",
    "dim": "dim",
    "warn": "magenta",  # yellow cannot be read on white
    "verdict": "bold",
    "": "",
}
NARROWEST_WRAP = 18
NARROWEST_BAR = 4
PADDING = 2
RANGES_FROM = 100  # columns from which ranges are written out
BESIDE_FROM = 120  # columns from which map and gauges stand side by side
BESIDE_SHARE = 0.55
SOLID_SHARE = 0.6
LARGEST = "◆"
APART = Table | Bars | Beside
TRAILING = re.compile(r"(?: |(\x1b\[0m))+$", re.MULTILINE)
EIGHTHS = " ▏▎▍▌▋▊▉█"
ASCII = str.maketrans({"─": "-", "÷": "/", "█": "#", "…": ".", "◆": "*", "░": "-", "»": ">", "▲": "^", "▼": "v"})


def to_terminal(blocks: list[Block], screen: Screen) -> str:
    """Draw blocks for a screen."""

    def draw(console: Console) -> None:
        for i, block in enumerate(blocks):
            # What explains a table stands at its foot.
            foot = isinstance(block, Line) and block.style == "dim"
            if i and (isinstance(block, APART) or (isinstance(blocks[i - 1], APART) and not foot)):
                console.print()
            _draw(block, console, screen)

    text = TRAILING.sub(r"\1", _drawn(draw, screen))
    return _ascii(text.translate(ASCII)) if screen.ascii else text


def _drawn(draw: Callable[[Console], None], screen: Screen) -> str:
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
    draw(console)
    return words.unglued(stream.getvalue())


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
        console.print(Text(words.glued(block.text), style=STYLES[block.style]))
    elif isinstance(block, Table):
        _table(block, console, screen)
    elif isinstance(block, Beside):
        _beside(block, console, screen)
    else:
        _bars(block, console, screen)


def _shown(table: Table, width: int) -> list[int]:
    """Return the columns that fit: those to be dropped first go until the rest fits."""
    widths = [
        NARROWEST_WRAP if c.wrap else max(cell_len(c.name), *(cell_len(row[i]) for row in table.rows))
        for i, c in enumerate(table.columns)
    ]
    shown = list(range(len(table.columns)))
    while sum(widths[i] for i in shown) + PADDING * (len(shown) - 1) > width:
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
    drawn = RichTable(box=None, padding=(0, PADDING, 0, 0), pad_edge=False, header_style="bold")
    # rich justifies no text that it may not cut.
    wide = {
        i: max(cell_len(text) for text in (c.name, *(row[i] for row in table.rows)))
        for i, c in enumerate(table.columns)
        if c.right
    }

    def placed(i: int, text: str) -> str:
        return " " * (wide.get(i, 0) - cell_len(text)) + text

    for i in shown:
        column = table.columns[i]
        drawn.add_column(
            placed(i, column.name),
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ignore",
        )
    styles = table.styles or [""] * len(table.rows)
    for row, style in zip(table.rows, styles, strict=True):
        drawn.add_row(*(Text(words.glued(placed(i, row[i]))) for i in shown), style=STYLES[style])
    console.print(drawn)


def _bars(bars: Bars, console: Console, screen: Screen) -> None:
    """Draw the map: a bar a row, its lighter tail to the end of the 90 % range, and the sum from the price outward."""
    rows = bars.above + bars.below
    labels = {id(b): f"{words.price(b.low)}-{words.price(b.high)}" for b in rows}
    wide = max((len(label) for label in labels.values()), default=0)
    ranges = {id(b): words.span(b.usd_low, b.usd_high, "usd") for b in rows} if screen.width >= RANGES_FROM else {}
    range_wide = max((len(text) for text in ranges.values()), default=-PADDING)
    most = max((b.usd for b in rows), default=0.0)
    # Label, distance, amount, range, sum and mark are fixed; the bar takes what is left. Distance gives way first.
    room = screen.width - wide - 8 - 6 - range_wide - 6 - 2 - 6 * PADDING + 2
    far = room >= NARROWEST_BAR
    room = room if far else max(room + 8 + PADDING, NARROWEST_BAR)

    def draw(bar: Bar) -> None:
        text = Text(f"{labels[id(bar)]:>{wide}}  ")
        text.append(f"{bar.distance * 100:+6.1f} %  " if far else "")
        text.append(f"{words.usd(bar.usd):>6}  ")
        if ranges:
            text.append(f"{ranges[id(bar)]:>{range_wide}}  ", style="dim")
        solid, tail = _block(bar, most, room, ascii_only=screen.ascii)
        text.append(solid, style=STYLES[bar.side])
        text.append(f"{tail:<{room - cell_len(solid)}}", style=f"{STYLES[bar.side]} dim")
        text.append(f"  {words.usd(bar.from_price_usd):>6}{' ' + LARGEST if bar.largest else ''}")
        console.print(text, no_wrap=True, overflow="ignore", crop=False)

    def rule(left: str, right: str) -> None:
        line = "─" * (screen.width - cell_len(left) - cell_len(right))
        console.print(Text(left + line + right, style="bold"), no_wrap=True, overflow="ignore", crop=False)

    for bar in bars.above:
        draw(bar)
    title = f"── price {words.price(bars.price)} "
    sides = " ▲ shorts, ▼ longs"
    legends = (
        f"{sides}; right: sum from price; {LARGEST} largest cluster ──",
        f"{sides}; {LARGEST} largest ──",
        f"{sides} ──",
        "",
    )
    rule(title, next(text for text in legends if cell_len(title) + cell_len(text) <= screen.width or not text))
    for bar in bars.below:
        draw(bar)


def _block(bar: Bar, most: float, room: int, *, ascii_only: bool) -> tuple[str, str]:
    """Return a bar and its tail: `most` fills a share of the room, so that tails have some; one that is cut says so."""
    scale = room * SOLID_SHARE / most if most else 0.0
    end = min(round(bar.usd_high * scale), room)
    cut = bar.usd_high * scale > room
    if ascii_only:
        solid = "#" * round(bar.usd * scale)
        tail = "-" * (end - len(solid))
        return solid, f"{tail[:-1]}>" if cut and tail else tail
    eighths = round(bar.usd * scale * 8)
    solid = "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
    tail = "░" * (end - len(solid))
    return solid, f"{tail[:-1]}»" if cut and tail else tail


def _beside(block: Beside, console: Console, screen: Screen) -> None:
    """Draw two blocks side by side where there is room, else one below the other."""
    if screen.width < BESIDE_FROM:
        _bars(block.left, console, screen)
        console.print()
        _table(block.right, console, screen)
        return
    left = msgspec.structs.replace(screen, width=round(screen.width * BESIDE_SHARE))
    right = msgspec.structs.replace(screen, width=screen.width - left.width - 2 * PADDING)
    columns = [
        _drawn(lambda c: _bars(block.left, c, left), left).splitlines(),
        _drawn(lambda c: _table(block.right, c, right), right).splitlines(),
    ]
    for one, other in itertools.zip_longest(*columns, fillvalue=""):
        text = Text.from_ansi(one)
        text.pad_right(left.width - text.cell_len + 2 * PADDING)
        console.print(text + Text.from_ansi(other), no_wrap=True, overflow="ignore", crop=False)
