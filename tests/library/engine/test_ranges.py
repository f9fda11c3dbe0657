"""Draws against the same written one draw, cell and class at a time."""

from __future__ import annotations

import functools
import itertools
import math

import msgspec
import numpy as np
import pytest

from imbalance.engine import density, ranges
from imbalance.engine.assumptions import Assumptions, Structure
from imbalance.engine.calibrate import Fit
from imbalance.engine.calibration import Calibration
from imbalance.engine.leverage import prior_weights
from imbalance.engine.random_numbers import normal
from tests.library.engine.test_engine import venue

CELLS, DRAWS = 3, 200
A = Assumptions(
    structures=(
        Structure((2.0, 0.5), (0.7, 0.3), (20.0, 5.0), weight=1.0),
        Structure((1.0,), (1.0,), (9.0,), weight=3.0),
    ),
    leverage_span=3.0,
    forced_share=0.3,
    forced_span=4.0,
    capture=0.4,
    capture_span=12.0,
    distances=CELLS,
    draws=DRAWS,
)
VENUES, INTEREST = [venue(bars=2)], np.array([[np.nan, 5.0]])
EDGES = density.distance_edges(CELLS)
PRIOR = prior_weights(A, VENUES, INTEREST, EDGES, 1.0)
STRUCTURE = [0, 0, 1]  # of each class
SEED = 1


def normals():
    """Return standard normals in mirrored pairs, the second half of each pair last; some leverages lie far out."""
    half = normal(f"{SEED} assumptions", DRAWS // 2, 9)
    assert np.abs(half[:, 0]).max() > 2.5
    return np.concatenate([half, -half])


def leveraged(z):
    """Return default weights at the drawn medians over those at the stated ones, linear between 11 grid points."""
    at = min(max(z, -2.5), 2.5)
    step = min(int((at + 2.5) / 0.5), 9)
    share = (at + 2.5) / 0.5 - step
    return ((1 - share) * shifted(step) + share * shifted(step + 1)) / np.maximum(PRIOR, 1e-15)


@functools.cache
def shifted(step):
    deviations = -2.5 + 0.5 * step
    return prior_weights(A, VENUES, INTEREST, EDGES, math.exp(deviations * math.log(3) / 1.645))


def drawn(found=None, basis=None, leaning=None, prior=PRIOR):
    return ranges.draws(A, VENUES, INTEREST, EDGES, prior, found, basis, leaning, SEED)


def test_without_liquidations_leverage_and_the_forced_share_are_drawn():
    found, z = drawn(), normals()
    part = np.array([0.25, 0.25, 0.75])
    central = PRIOR * part * 0.3
    assert found.part.tolist() == part.tolist()
    assert found.central == pytest.approx(central.ravel())
    assert found.level.tolist() == [1.0, 1.0]
    assert (found.capture, found.printed) == (None, None)
    assert set(found.parts) == {"leverage", "forced share"}
    shares = [min(0.3 * math.exp(row[1] * math.log(4) / 1.645), 1.0) / 0.3 for row in z]
    levers = [leveraged(row[0]) for row in z]
    for got, twin in (
        (found.weights, [central * lever * share for lever, share in zip(levers, shares, strict=True)]),
        (found.parts["leverage"], [central * lever for lever in levers]),
        (found.parts["forced share"], [central * share for share in shares]),
    ):
        assert got == pytest.approx(np.reshape(twin, (DRAWS, -1)))
    np.testing.assert_allclose(found.factor, ranges._form(A, z), rtol=1e-9)
    assert (found.weights.sum(axis=1) > 2.5 * central.sum()).any()  # a share of 1, and no more


def calibration(*, whole, captures=(1.0,), times=1.0):
    """Return a made-up calibration of both structures, with a weight of 0 in each."""
    g = np.random.default_rng(8)
    fits = []
    for columns in (3, 2):  # the last of own-bar deaths
        size = CELLS * columns
        weights = times * g.uniform(0.05, 0.5, size)
        weights[columns] = 0.0
        draws = weights * g.lognormal(0, 0.3, (7, size))
        fits.append(
            Fit(
                weights,
                draws,
                np.array(captures) / times,
                1.0,
                9.0,
                g.uniform(0.3, 0.8),
                g.uniform(0, 30, size) / times,
                np.ones(len(captures)),
                9,
                whole,
            )
        )
    parts = np.array([0.303, 0.697])
    printed = np.arange(len(captures))
    return Calibration(fits, parts, printed, np.array([0.8, 1.7]), np.array([0.2, 0.3]), np.ones((2, 1)))


@pytest.mark.parametrize("times", [0.1, 2.0, 30.0])
def test_the_level_does_not_depend_on_the_venue_that_captures_are_relative_to(times):
    """Of weights and captures only the product is seen: which venue has the capture 1 is a matter of form."""
    captures = (1.0, 0.2, 0.7)
    basis, leaning = np.random.default_rng(2).gamma(1, 1e6, (2, 2, CELLS * 3, 4))
    one, other = (drawn(calibration(whole=False, captures=captures, times=t), basis, leaning) for t in (1.0, times))
    assert other.central == pytest.approx(one.central)
    assert other.weights == pytest.approx(one.weights)
    assert other.capture.value == pytest.approx(one.capture.value * times)


@pytest.mark.parametrize(
    ("whole", "captures", "middle", "most"),
    [
        (True, (1.0, 0.3), 1.0, 1.0),
        (False, (1.0,), 0.4, 1.0),
        (False, (1.0, 3.0, 2.0), 0.2, 0.5),
        (False, (1.0, 8.0), 0.4 / 4.5, 1 / 4.5),
        (False, (0.5, 80.0, 1.0), 0.4, 1.0),
    ],
)
def test_a_calibration_is_drawn_as_loops_draw_it(whole, captures, middle, most):
    found, z = calibration(whole=whole, captures=captures), normals()
    basis, leaning = np.random.default_rng(2).gamma(1, 1e6, (2, 2, CELLS * 3, 4))
    got = drawn(found, basis, leaning)
    spread = 0.0 if whole else math.log(12) / 1.645
    fitted, free = np.zeros((CELLS, 3)), np.zeros((CELLS, 3))
    for d, k in itertools.product(range(CELLS), range(3)):
        fit, own = found.fits[STRUCTURE[k]], (3, 2)[STRUCTURE[k]]
        at = d * own + (k if k < 2 else 0)
        fitted[d, k] = found.parts[STRUCTURE[k]] * fit.weights[at]
        free[d, k] = 1 / (1 + fit.seen[at] * fit.weights[at])
    exposed = fitted / fitted.sum(axis=0) * np.minimum(PRIOR.sum(axis=0), 1.0) * [0.303, 0.303, 0.697]
    at_risk = np.einsum("sfb,f->", basis, exposed.ravel())
    kept, printed, rows, levels = [], [], [], []
    for r, row in enumerate(z):
        chosen = 0 if (r % (DRAWS // 2) + 0.5) / (DRAWS // 2) <= 0.303 else 1
        kept.append(min(max(middle * math.exp(row[1] * spread), 0.02 * most), most))
        loose = leveraged(row[0]) ** free
        replica, mixture = np.zeros((CELLS, 3)), np.zeros((CELLS, 3))
        columns, mine = ((3, slice(0, 2)), (2, slice(2, 3)))[chosen]
        fit = found.fits[chosen]
        replica[:, mine] = fit.draws[r % 7].reshape(CELLS, columns)[:, :-1]
        mixture[:, mine] = fit.weights.reshape(CELLS, columns)[:, :-1]
        printed.append(np.einsum("sfb,f,s->", leaning, (replica * loose).ravel(), found.level) / at_risk)
        rows.append(
            (replica * loose / kept[-1], fitted * loose / middle, fitted / kept[-1], replica / middle, mixture / middle)
        )
        levels.append([v * math.exp(0.2 * row[7] + way * 0.3 * row[8]) for v, way in ((0.8, 1), (1.7, -1))])
    names = ("leverage", "capture", "too few liquidations", "structure of lives")
    for one, twin in zip((got.weights, *(got.parts[name] for name in names)), zip(*rows, strict=True), strict=True):
        assert one == pytest.approx(np.reshape(twin, (DRAWS, -1)))
    np.testing.assert_allclose(got.factor, ranges._form(A, z, found.moved) * np.array(levels)[:, :, None], rtol=1e-9)
    assert got.central == pytest.approx((fitted / middle).ravel())
    assert got.part.tolist() == [0.303, 0.303, 0.697]
    assert got.level.tolist() == [0.8, 1.7]
    assert msgspec.structs.astuple(got.capture) == pytest.approx((middle, *np.quantile(kept, [0.05, 0.95])))
    assert max(kept) == most
    value = np.einsum("sfb,f,s->", leaning, fitted.ravel(), found.level) / at_risk
    low, high = np.quantile(printed, [0.05, 0.95])
    assert msgspec.structs.astuple(got.printed) == pytest.approx((value, min(low, value), max(high, value)))
