"""Typed decoding of bodies: whatever is not as documented becomes a `ParseError` with its JSON path.

msgspec's lax mode reads numbers in strings, as most venues send them; the bounds of the types below
keep out "nan", "inf" and stamps in the wrong unit, which lax mode would let through.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta

from imbalance.errors import ParseError
from imbalance.units import MINUTE_MS, parse_time_ms

T = TypeVar("T")

Price = Annotated[float, Meta(gt=0, lt=1e12)]
Amount = Annotated[float, Meta(ge=0, lt=1e18)]
Signed = Annotated[float, Meta(gt=-1e18, lt=1e18)]
Share = Annotated[float, Meta(ge=0, le=1)]
Ratio = Annotated[float, Meta(ge=0, lt=1e9)]
Rate = Annotated[float, Meta(gt=-1, lt=1)]
Hours = Annotated[float, Meta(gt=0, le=720)]
Leverage = Annotated[float, Meta(gt=0, le=1000)]
FIRST_MS, LAST_MS = 1_262_304_000_000, 4_102_444_800_000  # 2010 to 2100
TimeMs = Annotated[int, Meta(ge=FIRST_MS, lt=LAST_MS)]
TimeS = Annotated[int, Meta(ge=1_262_304_000, lt=4_102_444_800)]

_AT = re.compile(r"^(.*?)(?: - at `(?:key in )?(.*)`)?$", re.DOTALL)


class Bar(Protocol):
    """What has an open and close, and extremes that hold them."""

    @property
    def open(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def close(self) -> float: ...  # noqa: D102


def decode(body: bytes, kind: type[T], source: str, endpoint: str, root: str = "$") -> T:
    """Decode JSON into `kind`; `root` is the path of `body` within a larger one.

    Raises
    ------
    ParseError
        With the JSON path of the first fault.
    """
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except msgspec.ValidationError as error:
        told = _AT.match(str(error))
        message, path = (told[1], told[2] or "$") if told else (str(error), "$")
        raise ParseError(source, endpoint, message, root + path.removeprefix("$")) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        told_html = " (an HTML page)" if body[:200].lstrip().lower().startswith((b"<!doctype", b"<html")) else ""
        raise ParseError(source, endpoint, f"not JSON{told_html}: {error}") from None


def maybe(body: bytes, kind: type[T]) -> T | None:
    """Decode JSON into `kind`, or return None: for what an error may say of itself."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def iso_ms(text: str, source: str, endpoint: str, path: str) -> int:
    """Return epoch ms of an ISO-8601 time between 2010 and 2100; a `ParseError` for anything else."""
    try:
        found = parse_time_ms(text) if text[4:5] == "-" else 0
    except (ValueError, OverflowError):
        found = 0
    if not FIRST_MS <= found < LAST_MS:
        raise ParseError(source, endpoint, f"{text[:40]!r} is no time", path)
    return found


def minute_of(time_ms: int) -> int:
    """Return the whole minute that a funding is of: venues write it down a moment later."""
    return time_ms // MINUTE_MS * MINUTE_MS


def in_order(
    times_ms: Sequence[int], source: str, endpoint: str, path: str = "$[{}]", *, newest_first: bool = False
) -> None:
    """Raise a `ParseError` where a list is not in its documented order or repeats a stamp."""
    word, follows = ("newest", operator.lt) if newest_first else ("oldest", operator.gt)
    sound = [True, *map(follows, times_ms[1:], times_ms)]
    if not all(sound):
        i = sound.index(False)
        message = f"stamp {times_ms[i]} follows {times_ms[i - 1]}, but the list is {word} first"
        raise ParseError(source, endpoint, message, path.format(i))


def levels_in_order(
    levels: Iterable[tuple[float, ...]], source: str, endpoint: str, path: str, *, falling: bool
) -> None:
    """Raise a `ParseError` where one side of a book, price first, does not rise (or fall) from level to level."""
    for i, (before, after) in enumerate(itertools.pairwise(price for price, *_size in levels), start=1):
        follows = after < before if falling else after > before
        require(follows, "price levels out of order", source, endpoint, path.format(i))


def candles_sound(candles: Sequence[Bar], source: str, endpoint: str, path: str) -> None:
    """Raise a `ParseError` at the first, in the order of the answer, whose extremes do not hold its open and close."""
    sound = [c.low <= c.open <= c.high and c.low <= c.close <= c.high for c in candles]
    require_each(sound, "high and low do not hold open and close", source, endpoint, path)


def of_asked(told: str | None, asked: str, source: str, endpoint: str, path: str) -> None:
    """Raise a `ParseError` where an answer names another contract than the one asked for; one may name none."""
    require(told is None or told == asked, f"{told!r} was not asked for", source, endpoint, path)


def all_of_asked(told: Sequence[str | None], asked: str, source: str, endpoint: str, path: str) -> None:
    """Raise a `ParseError` at the first row of another contract than the one asked for; `path` has a place for it."""
    if not {None, asked}.issuperset(told):
        first = next(i for i, name in enumerate(told) if name not in {None, asked})
        of_asked(told[first], asked, source, endpoint, path.format(first))


def require_each(holds: Sequence[bool], message: str, source: str, endpoint: str, path: str) -> None:
    """Raise a `ParseError` at the first that does not hold; `path` has a place for its number."""
    if not all(holds):
        raise ParseError(source, endpoint, message, path.format(holds.index(False)))


def require(holds: bool, message: str, source: str, endpoint: str, path: str) -> None:
    """Raise a `ParseError` at `path` unless `holds`."""
    if not holds:
        raise ParseError(source, endpoint, message, path)
