"""The solver against a plain loop over rows, its blocks, levels left out of entries, and work at once."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.engine import at_once, density, solver
from imbalance.engine.margin import LONG, SHORT
from tests.library.engine.test_engine import mapped, venue, walk
from tests.library.engine.test_structures import made


def problem(rows, seed=0, venues=2, wide=6):
    """Return a problem whose rows reach to different features, some to none, not all of which are known."""
    g = np.random.default_rng(seed)
    reach = g.integers(0, wide + 1, rows)
    x = g.gamma(1.0, 1.0, (venues, rows, wide)) * (np.arange(wide) < reach[:, None])
    y = g.poisson(x.sum(axis=2) * 0.7) * 1.0
    known = g.random((venues, rows)) < 0.9
    floor, capture = np.array([3.0, 2.0])[:venues], np.array([1.0, 0.6])[:venues]
    day = np.arange(rows) // 8
    return solver.Problem(
        x, np.where(known, y, 0.0), known, day, floor, np.arange(venues) == 0, 1.5, np.full(wide, 0.9), capture
    )


def first(p, rows):
    return msgspec.structs.replace(p, x=p.x[:, :rows], y=p.y[:, :rows], known=p.known[:, :rows], day=p.day[:rows])


def looped(p, strength, steps):
    """Return weights and captures after the steps of the rule in `calibrate`, row by row."""
    w, c = p.start.copy(), p.capture.copy()
    for _ in range(steps):
        gain, seen = np.zeros_like(w), np.zeros_like(w)
        expected, printed = np.zeros_like(c), np.zeros_like(c)
        for v, t in np.ndindex(p.y.shape):
            plain = float(p.x[v, t] @ w)
            u = p.floor[v] / (c[v] * plain + p.floor[v]) if p.known[v, t] else 0.0
            if plain > 0:
                gain += c[v] * u * p.y[v, t] / (c[v] * plain) * p.x[v, t]
            seen += c[v] * u * p.x[v, t]
            expected[v] += u * plain
            printed[v] += u * p.y[v, t]
        w = (strength + w * gain / p.dispersion) / (strength / p.start + seen / p.dispersion)
        c = np.where(p.complete, 1.0, printed / expected)
    return w, c


def test_steps_are_those_of_a_loop_over_rows(monkeypatch):
    monkeypatch.setattr(solver, "BLOCK_VALUES", 40)
    whole = problem(60)
    both = solver.solve([first(whole, 25), whole], 2.0, 3)
    for found, p in zip(both, (first(whole, 25), whole), strict=True):
        weights, capture = looped(p, 2.0, 3)
        assert found.weights == pytest.approx(weights, rel=1e-12)
        assert found.capture == pytest.approx(capture, rel=1e-12)
        assert found.offered == pytest.approx(np.einsum("vr,vrf->f", p.known, p.x), rel=1e-12)
        mean = capture[:, None] * (p.x @ weights)
        heed = np.where(p.known, p.floor[:, None] / (mean + p.floor[:, None]), 0.0)
        assert found.seen == pytest.approx(np.einsum("vr,v,vrf->f", heed, capture, p.x), rel=1e-12)
        assert found.printed == pytest.approx((heed * p.y).sum(axis=1), rel=1e-12)
        assert found.expected == pytest.approx((heed * (p.x @ weights)).sum(axis=1), rel=1e-12)


@given(rows=st.integers(1, 40), seed=st.integers(0, 50), values=st.integers(1, 60), cut=st.floats(0, 1))
def test_blocks_hold_every_row_once_and_all_that_it_has(rows, seed, values, cut):
    x, end = problem(rows, seed).x, int(cut * rows)
    found = list(solver.blocks(x, sorted({end, rows} - {0}), values))
    whole, times = np.zeros_like(x), np.zeros(rows)
    for block in found:
        whole[:, block.rows, : block.x.shape[2]] += block.x
        times[block.rows] += 1
        assert block.x.size <= values or block.rows.size == 1
        assert ((block.rows < end) == (block.first == 0)).all() or end in (0, rows)
    assert (whole == x).all()
    assert (times == 1).all()


def test_a_venue_of_which_nothing_is_expected_tells_nothing():
    p = problem(30)
    silent = msgspec.structs.replace(p, x=p.x * np.array([1.0, 0.0])[:, None, None])
    alone = msgspec.structs.replace(p, x=p.x[:1], y=p.y[:1], known=p.known[:1], floor=p.floor[:1])
    alone = msgspec.structs.replace(alone, complete=p.complete[:1], capture=p.capture[:1])
    found, other = solver.solve([silent], 1.0, 16)[0], solver.solve([alone], 1.0, 16)[0]
    assert np.isfinite(found.weights).all()
    assert found.weights == pytest.approx(other.weights, rel=1e-12)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("side", [LONG, SHORT])
def test_only_levels_that_cannot_matter_are_left_out_of_entries(side, inverse):
    path, volume, interest = walk(80)
    cohorts = made(path, volume, interest)
    edges = density.distance_edges(10)
    low = np.concatenate([density.lows(path, side), np.full(cohorts.birth.size - 80, np.inf)])
    every = {
        (i, n): (list(who), price)
        for n, (i, who, price, _l) in enumerate(density.entries(cohorts, edges, 3, side, inverse=inverse))
    }
    fewest = cohorts.birth.size
    for n, (i, who, price, level) in enumerate(density.entries(cohorts, edges, 3, side, inverse=inverse, above=low)):
        all_of, prices = every[i, n]
        wanted = np.flatnonzero((-prices if side == SHORT else prices) >= low)
        assert set(wanted) <= set(who.tolist()) <= set(all_of)
        assert (price == prices[who]).all()
        assert (level == (-price if side == SHORT else price)).all()
        fewest = min(fewest, who.size)
    assert fewest < 40


@pytest.mark.parametrize("least", [0, 10**9])
def test_what_is_made_at_once_is_made_in_order_and_fails_as_it_does_alone(least, monkeypatch):
    monkeypatch.setattr(at_once, "LEAST_VALUES", least)
    assert at_once.each(lambda n: n * 2, range(5), 100) == [0, 2, 4, 6, 8]

    def broken(n):
        raise ValueError(n)

    with pytest.raises(ValueError, match="3"):
        at_once.each(broken, [3], 100)


def test_long_histories_get_the_map_that_short_ones_get(monkeypatch):
    path, volume, interest = walk(300)
    g = np.random.default_rng(0)
    one = venue(volume=volume, interest=interest, long=g.gamma(0.1, 9, 300), short=g.gamma(0.1, 9, 300), bars=300)
    alone = mapped(path, [one])
    monkeypatch.setattr(at_once, "LEAST_VALUES", 0)
    at = mapped(path, [one])
    assert (at.draws == alone.draws).all()
    assert (at.exposed == alone.exposed).all()
