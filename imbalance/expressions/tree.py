"""An expression as nodes, and its value over figures; None is what is not known."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

Value = float | str | None
Figures = Mapping[str, Value]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_RECKON: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


class Condition(Protocol):
    """What is true, false or unknown."""

    def holds(self, figures: Figures) -> bool | None:
        """Return whether it is so; None where that is not known."""


class Term(Protocol):
    """What has a value."""

    def value(self, figures: Figures) -> Value:
        """Return the value; None where it is not known."""


class Number(msgspec.Struct, frozen=True):
    """A number as written."""

    number: float

    def value(self, _figures: Figures) -> Value:
        """Return it."""
        return self.number


class Text(msgspec.Struct, frozen=True):
    """A text in quotes."""

    text: str

    def value(self, _figures: Figures) -> Value:
        """Return it."""
        return self.text


class Name(msgspec.Struct, frozen=True):
    """A figure, at a place (from 1) of the text."""

    name: str
    column: int

    def value(self, figures: Figures) -> Value:
        """Return the figure."""
        return figures[self.name]


class Reckoned(msgspec.Struct, frozen=True):
    """Two values joined by ``+ - * /``; unknown where that is no number."""

    sign: str
    left: Term
    right: Term
    column: int

    def value(self, figures: Figures) -> Value:
        """Return the result; None where a part is unknown, the divisor 0 or the result too large."""
        left, right = self.left.value(figures), self.right.value(figures)
        if not isinstance(left, float | int) or not isinstance(right, float | int) or (self.sign == "/" and right == 0):
            return None
        result = _RECKON[self.sign](left, right)
        return result if math.isfinite(result) else None


class Compared(msgspec.Struct, frozen=True):
    """A comparison of two values."""

    sign: str
    left: Term
    right: Term
    column: int

    def holds(self, figures: Figures) -> bool | None:
        """Return whether it holds; None where a value is unknown."""
        left, right = self.left.value(figures), self.right.value(figures)
        return None if left is None or right is None else _COMPARE[self.sign](left, right)


class Negated(msgspec.Struct, frozen=True):
    """``not``."""

    part: Condition

    def holds(self, figures: Figures) -> bool | None:
        """Return the opposite; what is unknown stays so."""
        part = self.part.holds(figures)
        return None if part is None else not part


class Joined(msgspec.Struct, frozen=True):
    """Conditions joined by ``and`` or ``or``."""

    word: str
    parts: tuple[Condition, ...]

    def holds(self, figures: Figures) -> bool | None:
        """Return what decides it alone (false for ``and``, true for ``or``); else unknown if any part is."""
        held = [part.holds(figures) for part in self.parts]
        deciding = self.word == "or"
        if deciding in held:
            return deciding
        return None if None in held else not deciding


class Expression(msgspec.Struct, frozen=True):
    """A condition as written, with the figures that it names, each once."""

    text: str
    condition: Condition
    names: tuple[str, ...]

    def holds(self, figures: Figures) -> bool | None:
        """Return whether it is so over figures that hold all its names; None where that is not known."""
        return self.condition.holds(figures)


def names_in(node: object) -> Iterator[Name]:
    """Yield the figures that a node names, from left to right."""
    if isinstance(node, Name):
        yield node
    elif isinstance(node, Reckoned | Compared):
        yield from names_in(node.left)
        yield from names_in(node.right)
    elif isinstance(node, Negated):
        yield from names_in(node.part)
    elif isinstance(node, Joined):
        for part in node.parts:
            yield from names_in(part)
