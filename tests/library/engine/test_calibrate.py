"""Calibration against the same written as plain loops, and each side of its rules on cases worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from imbalance.engine import calibrate, likelihood, random_numbers, solver

NONE, ONE, BOTH = np.array([False, False]), np.array([True, False]), np.array([True, True])


def captured(expected, printed, complete):
    """Return captures by venue: 1 where complete, of none complete 1 where most is printed, else printed a unit."""
    own = [c and e > 0 and y > 0 for c, e, y in zip(complete, expected, printed, strict=True)]
    seen = [y if e > 0 else -1.0 for e, y in zip(expected, printed, strict=True)]
    anchor = own if any(own) else [v == seen.index(max(seen)) for v in range(len(seen))]
    return [1.0 if a else y / e if e > 0 else 1.0 for a, e, y in zip(anchor, expected, printed, strict=True)]


def stepped(problem, weights, capture, complete, strength):
    """Return weights and captures after one step of the rule, one row at a time; y is NaN where not known."""
    x, y, floor, phi, start = problem
    venues, rows, size = x.shape
    gain, seen = [0.0] * size, [0.0] * size
    expected, printed = [0.0] * venues, [0.0] * venues
    for v, r in itertools.product(range(venues), range(rows)):
        if math.isnan(y[v, r]):
            continue
        plain = sum(a * w for a, w in zip(x[v, r], weights, strict=True))
        mean = capture[v] * plain
        u = floor[v] / (mean + floor[v])
        expected[v] += u * plain
        printed[v] += u * y[v, r]
        for f in range(size):
            seen[f] += capture[v] * x[v, r, f] * u / phi
            gain[f] += capture[v] * x[v, r, f] * u * y[v, r] / mean / phi if mean > 0 else 0.0
    weights = [
        (strength + w * g) / (strength / max(w0, 1e-15) + s)
        for w, w0, g, s in zip(weights, start, gain, seen, strict=True)
    ]
    return weights, captured(expected, printed, complete)


def climbed(problems, captures, complete, strength, steps):
    """Return weights and captures after so many steps of all fits."""
    at = [(problem[-1], capture) for problem, capture in zip(problems, captures, strict=True)]
    for _ in range(steps):
        at = [stepped(p, w, c, complete, strength) for p, (w, c) in zip(problems, at, strict=True)]
    return at


def fitted(x, y, prior, complete, day, ends):
    """Return by end (weights, captures, their start, level, floor, dispersion) as `calibrate.fits` should find them."""
    scaled = (x.reshape(*y.shape, *prior.shape) * prior).sum(axis=2)
    begun, captures, levels = [], [], []
    for end in ends:
        known = np.isfinite(y[:, :end])
        whole = np.where(known, y[:, :end], 0.0)
        base = np.where(known, scaled[:, :end].sum(axis=2), 0.0)
        floor = likelihood.floors(whole, known)
        expected, printed = base.sum(axis=1), whole.sum(axis=1)
        own = complete & (expected > 0) & (printed > 0)
        anchored = own if own.any() else expected > 0
        levels.append(printed[anchored].sum() / expected[anchored].sum())
        captures.append(captured(levels[-1] * expected, printed, complete))
        mean = np.array(captures[-1])[:, None] * levels[-1] * base
        phi = likelihood.dispersion(whole, mean, floor, known, day[:end])
        begun.append((scaled[:, :end], y[:, :end], floor, phi, [levels[-1]] * prior.shape[1]))
    scales = climbed(begun, captures, complete, 5.0, 12)
    pooled = [
        (x[:, :end], rows, floor, phi, (prior * scale).ravel())
        for end, (_x, rows, floor, phi, _start), (scale, _c) in zip(ends, begun, scales, strict=True)
    ]
    found = climbed(pooled, [c for _scale, c in scales], complete, 1.0, 16)
    return [
        (np.array(w), np.array(c), p[4], level, p[2], p[3])
        for (w, c), p, level in zip(found, pooled, levels, strict=True)
    ]


def resampled(x, y, floor, phi, found, begun, capture, day, draws, seed):
    """Return weights after one step in their logarithm, each day counted as often as it was drawn."""
    venues, rows, size = x.shape
    days = sorted(set(day.tolist()))
    score, curvature = np.zeros((len(days), size)), np.diag(found / np.maximum(begun, 1e-15))
    for v, r in itertools.product(range(venues), range(rows)):
        mean = capture[v] * float(x[v, r] @ found)
        if math.isnan(y[v, r]) or mean <= 0:
            continue
        u, slope = floor[v] / (mean + floor[v]), capture[v] * x[v, r] * found
        score[days.index(day[r])] += slope * u * (y[v, r] - mean) / mean / phi
        curvature += np.outer(slope, slope) * u / mean / phi
    times = random_numbers.resampled(f"{seed} days", draws, len(days))
    steps = [np.linalg.solve(curvature + 1e-9 * np.eye(size), (n - 1) @ score) for n in times]
    return np.array([found * np.exp(np.clip(step, -2.0, 2.0)) for step in steps]), np.array(steps)


def market(seed, venues=2, days=5, rows_a_day=8, cells=3, classes=2):
    """Return features, what is printed of them, default weights and days, with holes and a class never seen."""
    g = np.random.default_rng(seed)
    rows = days * rows_a_day
    x = g.gamma(0.4, 1e6, (venues, rows, cells * classes)) * (g.random((venues, rows, 1)) < 0.9)
    prior = g.uniform(0.05, 0.4, (cells, classes))
    prior[-1, -1] = 0.0
    y = 0.4 * x @ prior.ravel() * g.gamma(0.5, 2.0, (venues, rows)) * np.array([1.0, 0.3])[:venues, None]
    y[0, 3:7] = y[1, 11] = np.nan
    y[:, 2 * rows_a_day : 3 * rows_a_day] = np.nan  # a day of which nothing is known
    return x, y, prior, np.repeat(np.arange(days), rows_a_day)


@pytest.mark.parametrize("complete", [NONE, ONE, BOTH], ids=["none", "one", "both"])
@pytest.mark.parametrize(("seed", "unit"), [(1, 1.0), (2, 1.0), (1, 1e-9)])  # of money
def test_a_fit_is_what_loops_find(seed, unit, complete):
    x, y, prior, day = market(seed)
    x, y = unit * x, unit * y
    fit = calibrate.fit(x, y, prior, complete, day, 0, 0)
    ((weights, capture, _begun, level, floor, phi),) = fitted(x, y, prior, complete, day, [day.size])
    assert fit.weights == pytest.approx(weights, rel=1e-9, abs=1e-18)
    assert fit.capture == pytest.approx(capture, rel=1e-9)
    assert fit.floor == pytest.approx(floor)
    assert fit.dispersion == pytest.approx(phi)
    assert fit.whole is bool(complete.any())
    assert (fit.days, fit.draws.shape) == (4, (0, 6))
    mean = capture[:, None] * (x @ weights)
    u = np.where(np.isfinite(y), floor[:, None] / (mean + floor[:, None]), 0.0)
    assert fit.effective_events == pytest.approx(np.nansum(u * y) / phi)
    assert fit.seen == pytest.approx(np.einsum("vrf,vr,v->f", x, u, capture) / phi)
    # How far weights moved from the defaults at the feeds' level, weighted by what these defaults expect.
    before = level * prior.ravel()
    heavy = np.einsum("vrf,vr->f", x, np.isfinite(y)) * before
    known = before > 0
    moves = np.log(weights[known] / before[known])
    assert fit.moved == pytest.approx(math.sqrt(heavy[known] @ moves**2 / heavy.sum()))


def test_fits_of_first_rows_are_fits_of_these_alone(monkeypatch):
    monkeypatch.setattr(solver, "BLOCK_VALUES", 6 * 7)
    x, y, prior, day = market(3)
    ends = [8, 17, 40]
    twins = fitted(x, y, prior, ONE, day, ends)
    for end, fit, twin in zip(ends, calibrate.fits(x, y, prior, ONE, day, ends, 0, 0), twins, strict=True):
        weights, capture, *_rest = twin
        assert fit.weights == pytest.approx(weights, rel=1e-9, abs=1e-18)
        assert fit.capture == pytest.approx(capture, rel=1e-9)
        assert fit.days == {8: 1, 17: 2, 40: 4}[end]


@pytest.mark.parametrize("unit", [1.0, 3e-6])  # of money: in the small one rows expect less than a dollar, and more
def test_draws_are_one_step_on_resampled_days_and_no_farther_than_e_squared(unit):
    x, y, prior, day = market(5, days=4)
    x, y = unit * x, unit * y
    fit = calibrate.fit(x, y, prior, ONE, day, 60, 9)
    ((_weights, _capture, begun, _level, floor, phi),) = fitted(x, y, prior, ONE, day, [day.size])
    draws, steps = resampled(x, y, floor, phi, fit.weights, begun, fit.capture, day, 60, 9)
    assert fit.draws == pytest.approx(draws, rel=1e-10, abs=1e-24)
    if unit == 1:
        assert steps.min() < -4
        assert steps.max() > 2.5


@pytest.mark.parametrize(
    ("expected", "printed", "complete", "capture"),
    [
        ((4, 8), (1, 4), NONE, (0.25, 1)),  # the one that prints most
        ((4, 8), (4, 4), NONE, (1, 0.5)),  # the first of two that print the same
        ((4, 8), (1, 4), ONE, (1, 0.5)),
        ((4, 8), (1, 4), BOTH, (1, 1)),
        ((0, 8), (9, 0.5), NONE, (1, 1)),  # of the first nothing is expected: it tells no scale
        ((0, 8), (9, 0), NONE, (1, 1)),
        ((0, 8), (9, 4), ONE, (1, 1)),
        ((4, 8), (0, 4), ONE, (0, 1)),  # a complete feed that printed nothing tells none either
        ((0.5, 8), (0.5, 4), ONE, (1, 0.5)),
    ],
)
def test_captures_are_relative_to_a_feed_that_tells_the_scale(expected, printed, complete, capture):
    found = solver.captures(np.array(expected, dtype=float), np.array(printed, dtype=float), complete)
    assert found.tolist() == list(capture)


@pytest.mark.parametrize(("expected", "printed", "whole"), [(1, 1, True), (0, 1, False), (1, 0, False)])
def test_a_complete_feed_tells_the_scale_where_it_prints_what_is_expected_of_it(expected, printed, whole):
    x, y, prior, day = market(1)
    x[0] *= expected
    y[0] *= printed
    assert calibrate.fit(x, y, prior, ONE, day, 0, 0).whole is whole


def test_days_may_be_counted_from_any_number():
    x, y, prior, day = market(1)
    one, other = (calibrate.fit(x, y, prior, ONE, day + first, 9, 0) for first in (0, 1))
    assert other.draws == pytest.approx(one.draws, rel=1e-12)
