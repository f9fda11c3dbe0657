"""Arithmetic of spans of time: sorted, disjoint, from (inside) to (outside)."""

from __future__ import annotations

import heapq
import itertools
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
    # The first that is open at a place says what is true of it; of what is known there is nothing to say.
    ranked: list[tuple[int, int, Gap | None]] = [(span.from_ms, span.to_ms, None) for span in known]
    ranked += [(gap.from_ms, gap.to_ms, gap) for gap in sorted(gaps, key=lambda g: (-g.learned_ms, g.why))]
    begins = sorted(((from_ms, rank) for rank, (from_ms, _to_ms, _gap) in enumerate(ranked)), reverse=True)
    found: list[Gap] = []
    opened: list[int] = []
    for from_ms, to_ms in itertools.pairwise(sorted({edge for one in ranked for edge in one[:2]})):
        while begins and begins[-1][0] <= from_ms:
            heapq.heappush(opened, begins.pop()[1])
        while opened and ranked[opened[0]][1] <= from_ms:
            heapq.heappop(opened)
        gap = ranked[opened[0]][2] if opened else None
        if gap is None:
            continue
        if found and found[-1][1:] == (from_ms, *gap[2:]):
            found[-1] = found[-1]._replace(to_ms=to_ms)
        else:
            found.append(gap._replace(from_ms=from_ms, to_ms=to_ms))
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
