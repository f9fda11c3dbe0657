"""The parts that a document is shown in, for terminal and Markdown alike."""

from __future__ import annotations

import re

import msgspec


class Title(msgspec.Struct, frozen=True):
    """What is shown, of when, from where."""

    left: str
    right: str


class Line(msgspec.Struct, frozen=True):
    """A sentence; `style` is a word that the terminal knows how to draw. Those in "dim" explain: they go first."""

    text: str
    style: str = ""


class Column(msgspec.Struct, frozen=True):
    """A column; those with the highest `drop` go first where the screen is too narrow. Text may wrap."""

    name: str
    right: bool = False
    wrap: bool = False
    drop: int = 0


class Table(msgspec.Struct, frozen=True):
    """Rows of cells; `styles` names a style for each row, `kept` are the rows that a short text always states."""

    columns: list[Column]
    rows: list[list[str]]
    styles: list[str] = msgspec.field(default_factory=list)
    kept: tuple[int, ...] = ()


class Bar(msgspec.Struct, frozen=True):
    """A run of prices with the forced liquidations in it, their range, and their sum from the price to here."""

    low: float
    high: float
    distance: float
    usd: float
    usd_low: float
    usd_high: float
    from_price_usd: float
    side: str
    largest: bool


class Bars(msgspec.Struct, frozen=True):
    """The map: bars from the highest price to the lowest, the price between the sides."""

    price: float
    above: list[Bar]
    below: list[Bar]


class Beside(msgspec.Struct, frozen=True):
    """Two blocks that stand side by side where the screen is wide enough, else one below the other."""

    left: Bars
    right: Table


Block = Title | Line | Table | Bars | Beside


def apart(blocks: list[Block]) -> list[Title | Line | Table | Bars]:
    """Return blocks with those that may stand side by side one after the other."""
    parts: list[Title | Line | Table | Bars] = []
    for block in blocks:
        parts += [block.left, block.right] if isinstance(block, Beside) else [block]
    return parts


def listed(text: str) -> str:
    """Return what a terminal sets apart by spaces with commas: elsewhere spaces run together."""
    return re.sub(r" {2,}", ", ", text.strip())
