"""The maximum of the robust quasi-likelihood with a Gamma prior (`calibrate`), for fits to growing spans at once.

Most features of most rows are 0: price seldom moves far in an hour. Rows are gathered by how far their features reach,
deepest first, into blocks without the columns that none of their rows has, small enough for the cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Blocks stay in the cache and are too little for BLAS to share out to threads, whose waiting costs more than it saves.
BLOCK_VALUES = 43_000
LEAST = 1e-200  # in place of 0 below a stroke whose product is 0 all the same


class Problem(msgspec.Struct, frozen=True):
    """What one fit knows.

    Attributes
    ----------
    x : features [USD], shape (venues, rows, features).
    y, known : what was printed [USD] and where that is known, shape (venues, rows).
    day : of each row, small integers, rising, shape (rows,).
    floor, complete : f of `likelihood` [USD] and whether the feed prints everything, shape (venues,).
    dispersion : phi of `likelihood` [USD].
    start, capture : weights (features,) and captures (venues,) to start from.
    """

    x: Floats
    y: Floats
    known: npt.NDArray[np.bool_]
    day: Ints
    floor: Floats
    complete: npt.NDArray[np.bool_]
    dispersion: float
    start: Floats
    capture: Floats


class Solution(msgspec.Struct, frozen=True):
    """Weights and captures at the maximum, and what they expect.

    Attributes
    ----------
    weights, capture : shape (features,) and (venues,).
    offered, seen : what a unit of each weight predicts of all known rows at capture 1, and at the captures as heeded
        [USD], shape (features,).
    expected, printed : at capture 1 and in fact, as heeded [USD], shape (venues,).
    """

    weights: Floats
    capture: Floats
    offered: Floats
    seen: Floats
    expected: Floats
    printed: Floats


class Block(msgspec.Struct, frozen=True):
    """Some rows of all venues.

    Attributes
    ----------
    first : of the fits that know these rows; those after it do too.
    rows : which they are, shape (rows,).
    x : their nearest features, beyond which they have none, shape (venues, rows, width).
    """

    first: int
    rows: Ints
    x: Floats


def blocks(x: Floats, ends: list[int], values: int) -> Iterator[Block]:
    """Yield the rows before the last end in blocks, none across an end.

    Parameters
    ----------
    x : features, shape (venues, rows, features).
    ends : how many rows each fit knows, rising.
    values : how many a block may hold of all venues, where it is of more than one row.
    """
    for first, (start, stop) in enumerate(itertools.pairwise([0, *ends])):
        some = (x[:, start:stop] != 0).any(axis=0)
        reach = np.maximum((some * np.arange(1, some.shape[1] + 1)).max(axis=1), 1)
        deepest = np.argsort(-reach, kind="stable")
        at = 0
        while at < deepest.size:
            width = int(reach[deepest[at]])
            rows = deepest[at : at + max(values // (width * x.shape[0]), 1)]
            yield Block(first, start + rows, x[:, start + rows, :width])
            at += rows.size


def solve(begun: list[Problem], strength: float, steps: int) -> list[Solution]:
    """Return weights and captures at the maximum of each problem.

    Each but the last knows the first rows of the next. All take their steps together, a block of rows at a time, so
    that a block is read once a step and from the cache: reading is what a step costs.

    Parameters
    ----------
    strength : events that the start of each weight counts as.
    steps : of the rule.
    """
    last, floor = begun[-1], np.stack([p.floor for p in begun])
    weights, capture = np.stack([p.start for p in begun]), np.stack([p.capture for p in begun])
    dispersion, inverse_prior = np.array([[p.dispersion] for p in begun]), strength / np.maximum(weights, 1e-15)
    some = [
        (b.first, b.x, last.known[:, None, b.rows] * floor[b.first :].T[:, :, None], last.y[:, None, b.rows])
        for b in blocks(last.x, [p.day.size for p in begun], BLOCK_VALUES)
    ]
    offered = _sums(some, np.zeros_like(weights), np.ones_like(capture), floor)[1]
    for _ in range(steps):
        gain, seen, expected, printed = _sums(some, weights, capture, floor)
        weights = (strength + weights * gain / dispersion) / (inverse_prior + seen / dispersion)
        capture = captures(expected, printed, last.complete)
    _gain, seen, expected, printed = _sums(some, weights, capture, floor)
    return [Solution(*found) for found in zip(weights, capture, offered, seen, expected, printed, strict=True)]


def _sums(
    some: list[tuple[int, Floats, Floats, Floats]], weights: Floats, capture: Floats, floor: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return sums over rows of ``c x u y / mu``, ``c x u``, ``u mu / c`` and ``u y``.

    The first two have the shape (fits, features), the others (fits, venues).

    Parameters
    ----------
    some : by block the first fit that knows it, x, f where known (else 0), shape (venues, fits, rows), and y, shape
        (venues, 1, rows).
    weights, capture, floor : shape (fits, features), (fits, venues) and (fits, venues).
    """
    gain, seen = np.zeros_like(weights), np.zeros_like(weights)
    expected, printed = np.zeros_like(capture), np.zeros_like(capture)
    for first, x, known_floor, y in some:
        width, c = x.shape[2], capture[first:].T[:, :, None]
        plain = weights[first:, :width] @ x.swapaxes(1, 2)  # (venues, fits, rows)
        heed = known_floor / (c * plain + floor[first:].T[:, :, None])
        heeded = heed * y
        both = (np.concatenate([heeded / np.maximum(plain, LEAST), c * heed], axis=1) @ x).sum(axis=0)
        gain[first:, :width] += both[: len(weights) - first]
        seen[first:, :width] += both[len(weights) - first :]
        expected[first:] += (heed * plain).sum(axis=2).T
        printed[first:] += heeded.sum(axis=2).T
    return gain, seen, expected, printed


def captures(expected: Floats, y: Floats, complete: npt.NDArray[np.bool_]) -> Floats:
    """Return printed over expected for censored venues; 1 for complete ones (the one that prints most, where none is).

    A complete venue that printed nothing, or of which nothing is expected, tells no scale. Sums by venue, shape
    (..., venues).
    """
    predicted = expected > 0
    own = complete & predicted & (y > 0)
    most = np.arange(y.shape[-1]) == np.argmax(np.where(predicted, y, -1.0), axis=-1)[..., None]
    anchored = np.where(own.any(axis=-1, keepdims=True), own, most)
    return np.where(anchored, 1.0, np.divide(y, expected, out=np.ones_like(y), where=predicted))
