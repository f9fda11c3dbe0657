"""Text from outside made safe for the surface that it goes to.

Names in bars files, answers of exchanges, recordings, arguments and file names may hold anything: codes that drive a
terminal, marks that turn the direction of writing, formulas. Documents are made safe as a whole before they are
rendered, so that no renderer can forget one of their texts; lines on stderr are made safe where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# Printable by their category and yet never seen: joiners, fillers and selectors of variants.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?( ?%)?")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: the same in full width
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def line(text: str) -> str:
    r"""Return text for a screen or a log: what would not be seen as itself is written as Python would, ``\x1b``."""
    if text.isprintable() and not _UNSEEN.search(text):
        return text
    return "".join(c if c.isprintable() and not _UNSEEN.match(c) else _code(c) for c in text)


def cell(text: str) -> str:
    """Return text for a cell of CSV: no spreadsheet takes it for a formula, and numbers stay numbers."""
    shown = line(text)
    starts_formula = shown.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(shown)
    return f"'{shown}" if starts_formula else shown


def caption(text: str) -> str:
    """Return text in ASCII, for pictures, whose font has few letters more, and for terminals that have none."""
    return line(text).encode("ascii", "backslashreplace").decode()


def whole(text: str) -> str:
    """Return text that every encoding can carry: halves of characters, as in odd file names, are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def json_text(encoded: bytes) -> str:
    r"""Return a JSON text in ASCII: the same values, with ``\u202e`` for what is beyond it."""
    return _BEYOND_ASCII.sub(lambda found: _json_code(found[0]), encoded.decode())


def document(node: T, text: Callable[[str], str]) -> T:
    """Return a document with `text` applied to all its texts."""
    walked: T = _walked(node, text)
    return walked


def _walked(node: Any, text: Callable[[str], str]) -> Any:  # noqa: ANN401  any part of a document
    import msgspec  # lines on stderr need none of it

    if isinstance(node, str):
        return text(node)
    if isinstance(node, msgspec.Struct):
        return type(node)(**{name: _walked(getattr(node, name), text) for name in node.__struct_fields__})
    if isinstance(node, dict):
        return {_walked(key, text): _walked(value, text) for key, value in node.items()}
    if isinstance(node, list | tuple):
        if node and isinstance(node[0], float):  # a series: the bulk of a document, and no text in it
            return node
        return type(node)(_walked(value, text) for value in node)
    return node


def _code(char: str) -> str:
    known = char.encode("unicode_escape").decode("ascii")
    return known if known != char else f"\\x{ord(char):02x}"


def _json_code(char: str) -> str:
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
