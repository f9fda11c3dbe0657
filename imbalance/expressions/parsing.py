"""Text to an expression; whatever is wrong is told with its column."""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

import lark

from imbalance.errors import ExpressionError
from imbalance.expressions.tree import (
    Compared,
    Condition,
    Expression,
    Joined,
    Name,
    Negated,
    Number,
    Reckoned,
    Term,
    Text,
    names_in,
)

Kind = Literal["number", "text"]

MOST_CHARACTERS = 500  # far more than anyone writes; it bounds how deep parts can lie in each other
GRAMMAR = r"""
?start: either
?either: both (_OR both)*
?both: single (_AND single)*
?single: _NOT single                        -> negated
       | term COMPARED term                 -> compared
       | "(" either ")"
?term: product
     | term ADDED product                   -> reckoned
?product: factor
        | product MULTIPLIED factor         -> reckoned
?factor: NUMBER                             -> number
       | "-" NUMBER                         -> minus
       | TEXT                               -> text
       | NAME                               -> name
       | "(" term ")"
_OR.1: /or(?![a-z0-9_.])/
_AND.1: /and(?![a-z0-9_.])/
_NOT.1: /not(?![a-z0-9_.])/
COMPARED: "<=" | ">=" | "==" | "!=" | "<" | ">"
ADDED: "+" | "-"
MULTIPLIED: "*" | "/"
NUMBER: /(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[KMBT%]?(?![A-Za-z0-9_.])/
TEXT: /"[^"\n]*"|'[^'\n]*'/
NAME: /[a-z][a-z0-9_]*(?:\.[a-z]+)?/
%ignore /[ \t]+/
"""
_LIKE_NUMBER = re.compile(r"\.?[0-9][A-Za-z0-9_.%]*")
_WORD = re.compile(r"[A-Z][A-Za-z]+")
_SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 1e-2}
_EXPECTED = {
    "NUMBER": "a number", "NAME": "a figure", "TEXT": "a text in quotes", "COMPARED": "a comparison",
    "LPAR": "'('", "RPAR": "')'", "_AND": "'and'", "_OR": "'or'", "_NOT": "'not'", "ADDED": "'+' or '-'",
    "MULTIPLIED": "'*' or '/'", "MINUS": "'-'", "$END": "the end",
}  # fmt: skip


class _Builder(lark.Transformer[lark.Token, Condition]):
    """Makes nodes as the parser finds them, so that no tree is walked however deep it is."""

    def number(self, parts: list[lark.Token]) -> Number:
        return Number(_number(parts[0]))

    def minus(self, parts: list[lark.Token]) -> Number:
        return Number(-_number(parts[-1]))

    def text(self, parts: list[lark.Token]) -> Text:
        return Text(parts[0][1:-1])

    def name(self, parts: list[lark.Token]) -> Name:
        return Name(str(parts[0]), parts[0].column or 1)

    def reckoned(self, parts: list[Any]) -> Reckoned:
        left, sign, right = parts
        return Reckoned(str(sign), left, right, sign.column)

    def compared(self, parts: list[Any]) -> Compared:
        left, sign, right = parts
        return Compared(str(sign), left, right, sign.column)

    def negated(self, parts: list[Condition]) -> Negated:
        return Negated(parts[-1])

    def either(self, parts: list[Condition]) -> Joined:
        return Joined("or", tuple(parts))

    def both(self, parts: list[Condition]) -> Joined:
        return Joined("and", tuple(parts))


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", transformer=_Builder())


def parse(text: str, known: Mapping[str, Kind]) -> Expression:
    """Return the expression that a text holds.

    Parameters
    ----------
    known : the figures that may be named, and whether each is a number or a text.

    Raises
    ------
    ExpressionError
        With the column (from 1) of what is wrong.
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(text, MOST_CHARACTERS + 1, f"it is longer than {MOST_CHARACTERS} characters")
    try:
        condition = cast("Condition", _parser().parse(text))  # what the builder makes of the tree
        names = list(names_in(condition))
        for name in names:
            _require_known(name, known)
        _require_kinds(condition, known)
    except lark.UnexpectedCharacters as error:
        raise _unreadable(text, error.column) from None
    except lark.UnexpectedToken as error:
        raise _unexpected(text, error) from None
    except _WrongError as error:
        raise ExpressionError(text, error.column, error.told, error.hint) from None
    return Expression(text, condition, tuple(dict.fromkeys(name.name for name in names)))


class _WrongError(Exception):
    """What is wrong at a column, where the whole text is not at hand."""

    def __init__(self, column: int, told: str, hint: str = "") -> None:
        super().__init__(told)
        self.column, self.told, self.hint = column, told, hint


def _unreadable(text: str, column: int) -> ExpressionError:
    """Return what is wrong where no word of the grammar begins: most often a number, or a word in capitals."""
    rest = text[column - 1 :]
    if number := _LIKE_NUMBER.match(rest):
        hint = "Write 80000, 2.5, 1e9, 80K, 10M, 10B, 1T or 5%."
        return ExpressionError(text, column, f"{number[0][:40]!r} is no number", hint)
    word = _WORD.match(rest)
    hint = "Figures, and, or and not are written in small letters." if word else ""
    return ExpressionError(text, column, f"{(word or [rest[0]])[0][:40]!r} is not expected", hint)


def _unexpected(text: str, error: lark.UnexpectedToken) -> ExpressionError:
    expected = [told for name, told in _EXPECTED.items() if name in error.accepts]
    ended = error.token.type == "$END"
    column = len(text) + 1 if ended else error.column
    found = "it ends here" if ended else f"{str(error.token)!r} is not expected"
    told = f"; expected {', '.join(expected[:-1])} or {expected[-1]}" if len(expected) > 1 else ""
    told = told or "".join(f"; expected {one}" for one in expected)
    return ExpressionError(text, column, found + told)


def _number(token: lark.Token) -> float:
    suffix = token[-1:]
    value = float(token[:-1]) * _SUFFIXES[suffix] if suffix in _SUFFIXES else float(token)
    if not math.isfinite(value):
        raise _WrongError(token.column or 1, f"{str(token)[:40]} is too large a number")
    return value


def _require_known(name: Name, known: Mapping[str, Kind]) -> None:
    if name.name not in known:
        near = difflib.get_close_matches(name.name, known, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "`imbalance check --list` names every figure."
        raise _WrongError(name.column, f"there is no figure {name.name!r}", hint)


def _require_kinds(node: Condition, known: Mapping[str, Kind]) -> None:
    """Let numbers be compared with numbers, and texts with texts for being the same."""
    if isinstance(node, Negated):
        _require_kinds(node.part, known)
    elif isinstance(node, Joined):
        for part in node.parts:
            _require_kinds(part, known)
    elif isinstance(node, Compared):
        left, right = _kind(node.left, known), _kind(node.right, known)
        if left != right:
            raise _WrongError(node.column, f"a {left} and a {right} cannot be compared")
        if left == "text" and node.sign not in {"==", "!="}:
            raise _WrongError(node.column, "texts can be compared with == and != alone")


def _kind(term: Term, known: Mapping[str, Kind]) -> Kind:
    if isinstance(term, Reckoned):
        if "text" in {_kind(term.left, known), _kind(term.right, known)}:
            raise _WrongError(term.column, "a text cannot be reckoned with")
        return "number"
    if isinstance(term, Name):
        return known[term.name]
    return "text" if isinstance(term, Text) else "number"
