"""Clusters and bands against the same found bin by bin."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imbalance.engine import clusters


def slow_clusters(mass, most):
    """Return runs (first, last, peak): from each peak to half its height or to where it rises again."""
    size = len(mass)
    if size < 5 or sum(mass) <= 0:
        return []
    around = zip((-2, -1, 0, 1, 2), (1, 2, 3, 2, 1), strict=True)
    weights = dict(around)
    height = [sum(w * mass[i + j] for j, w in weights.items() if 0 <= i + j < size) for i in range(size)]
    # Of equal neighbours the last is the peak.
    peaks = [
        i
        for i in range(size)
        if (i == 0 or height[i] >= height[i - 1]) and (i == size - 1 or height[i] > height[i + 1])
    ]
    taken, runs = set(), []
    for peak in sorted(peaks, key=lambda i: (-height[i], i)):
        if peak in taken or height[peak] <= 0:
            continue
        ends = []
        for step in (-1, 1):
            at = peak
            while (
                0 <= at + step < size
                and at + step not in taken
                and 2 * height[at + step] >= height[peak]
                and height[at + step] <= height[at]
            ):
                at += step
            ends.append(at)
        taken |= set(range(ends[0], ends[1] + 1))
        runs.append((*ends, peak))
    return sorted(runs, key=lambda run: (-sum(mass[run[0] : run[1] + 1]), run))[:most]


def drawn(seed, size):
    """Return masses of a few different sizes, many of them none, so that neighbours are often equal."""
    g = np.random.default_rng(seed)
    return (g.integers(0, 7, size) * (g.random(size) < g.random())).tolist()


BY_HAND = [
    [0, 0, 2, 0, 0, 0, 0, 2, 0, 0],
    [3, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 3],
    [1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0],
    [6, 0, 0, 3, 0, 0, 6],
]


@pytest.mark.parametrize("most", [1, 3])
def test_clusters_are_what_bins_one_by_one_give(most):
    for mass in (*BY_HAND, *(drawn(seed, 1 + seed % 24) for seed in range(400))):
        assert clusters.find_clusters(np.array(mass, dtype=float), most) == slow_clusters(mass, most), mass


EDGES = np.array([-3.0, -2.0, -0.5, 0.0, 0.25, 1.0, 2.0])


@pytest.mark.parametrize("seed", range(40))
def test_mass_between_two_distances_is_what_bins_one_by_one_give(seed):
    mass, (low, high) = drawn(seed, 6), np.sort(np.random.default_rng(seed).uniform(-4, 3, 2))
    held = sum(
        m * max(min(b, high) - max(a, low), 0.0) / (b - a)
        for m, (a, b) in zip(mass, itertools.pairwise(EDGES), strict=True)
    )
    rows = np.array([mass, [2 * m for m in mass]], dtype=float)
    assert clusters.mass_between(EDGES, rows, low, high) == pytest.approx(np.array([held, 2 * held]), abs=1e-9)


@pytest.mark.parametrize("window", [(-3.0, 2.0), (-2.0, 1.0), (-2.75, 0.125), (-0.25, 1.5), (0.1, 0.2), (3.0, 4.0)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 1.0])
def test_the_narrowest_band_of_uneven_bins_is_what_trying_all_finds(window, share):
    for seed in range(10):
        assert_narrowest(drawn(seed, 6), *window, share)


def assert_narrowest(mass, low, high, share):
    held = [
        m * max(min(b, high) - max(a, low), 0.0) / (b - a)
        for m, (a, b) in zip(mass, itertools.pairwise(EDGES), strict=True)
    ]
    found = clusters.narrowest_band(EDGES, np.array(mass, dtype=float), low, high, share)
    if sum(held) <= 0:
        assert found is None
        return
    enough = [
        (EDGES[b] - EDGES[a], a, b)
        for a in range(6)
        for b in range(a + 1, 7)
        if sum(held[a:b]) >= share * sum(held) * (1 - 1e-9)
    ]
    width = min(enough)[0]
    ends = [(max(EDGES[a], low), min(EDGES[b], high)) for w, a, b in enough if w == width]
    assert found == ends[0]
