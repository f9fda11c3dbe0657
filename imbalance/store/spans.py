"""Arithmetic of spans of time: sorted, disjoint, from (inside) to (outside)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """A span that is known, and when that was last learned [ms]."""

    from_ms: int
    to_ms: int
    learned_ms: int


class Gap(NamedTuple):
    """A span that was asked for and is missing, and why."""

    from_ms: int
    to_ms: int
    why: str
    learned_ms: int


def union(spans: Iterable[Span]) -> list[Span]:
    """Return spans joined where they overlap or touch; each was learned when the last of its parts was."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.from_ms <= found[-1].to_ms:
            before = found[-1]
            found[-1] = Span(before.from_ms, max(before.to_ms, span.to_ms), max(before.learned_ms, span.learned_ms))
        else:
            found.append(span)
    return found


def without(from_ms: int, to_ms: int, taken: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a span that none of `taken` (sorted, disjoint) holds."""
    at_ms = from_ms
    for start_ms, end_ms in taken:
        if end_ms <= at_ms:
            continue
        if start_ms >= to_ms:
            break
        if start_ms > at_ms:
            yield at_ms, start_ms
        at_ms = max(at_ms, end_ms)
    if at_ms < to_ms:
        yield at_ms, to_ms


def left(gaps: Iterable[Gap], known: Iterable[Span]) -> list[Gap]:
    """Return what is still missing; where gaps overlap, the one that was learned last says why."""
    taken = [(span.from_ms, span.to_ms) for span in known]
    pieces: list[Gap] = []
    for gap in sorted(gaps, key=lambda g: (-g.learned_ms, g.why)):
        pieces += [
            gap._replace(from_ms=from_ms, to_ms=to_ms) for from_ms, to_ms in without(gap.from_ms, gap.to_ms, taken)
        ]
        taken = joined([*taken, (gap.from_ms, gap.to_ms)])
    found: list[Gap] = []
    for piece in sorted(pieces):
        if found and found[-1][1:] == (piece.from_ms, *piece[2:]):
            found[-1] = found[-1]._replace(to_ms=piece.to_ms)
        else:
            found.append(piece)
    return found


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans (from, to) in order, joined where they overlap or touch."""
    return [(span.from_ms, span.to_ms) for span in union(Span(*span, 0) for span in spans)]


def runs(times_ms: Iterable[int], step_ms: int) -> list[tuple[int, int]]:
    """Return the spans that rows of a length cover, each from a row's start to the last one's end."""
    found: list[tuple[int, int]] = []
    for time_ms in times_ms:
        if found and time_ms <= found[-1][1]:
            found[-1] = (found[-1][0], time_ms + step_ms)
        else:
            found.append((time_ms, time_ms + step_ms))
    return found
