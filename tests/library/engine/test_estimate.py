"""The whole estimate: put together of its parts one venue at a time, its words, and what it says of a small market."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from imbalance.engine import calibration, density, ranges
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.clock import activity
from imbalance.engine.clusters import mass_between
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import estimate
from imbalance.engine.leverage import prior_weights
from imbalance.engine.liquidation_map import range_of
from imbalance.engine.margin import LONG, SHORT
from tests.library.engine.test_engine import CAP, DEDUCTION, RATE, venue, walk

QUARTER_MS = 900_000
BARS = 4 * 24 * 4
A = Assumptions(distances=5, draws=40)
TIME_MS = np.arange(BARS, dtype=np.int64) * QUARTER_MS + 1_700_000_100_000


def market(seed=2):
    """Return a path of quarters and three venues: a complete one, one that prints in part, one in coin too much."""
    path, volume, interest = walk(BARS, seed=seed, sd=0.004)
    fall, rise = np.log(path.open / path.low) * interest / 50, np.log(path.high / path.open) * interest / 50
    rows = [
        venue("a", volume, interest, fall, rise, complete=True),
        venue("b", volume / 2, interest / 3, fall * 0.1, rise * 0.1),
        venue("c", volume / 4, interest[::-1] / 2, fall * 3, rise * 3),
    ]
    return path, [*rows[:2], msgspec.structs.replace(rows[2], inverse=True, seen_by="d")]


def estimated(path, rows, **options):
    price = float(path.close[-1]) * 1.001
    return estimate("BTC", TIME_MS, QUARTER_MS, path, price, rows, assumptions=A, **options), price


def parts(path, rows, price):
    """Return the mass of all venues, that of the path, and what of each venue's contracts price has not reached."""
    lives, edges, shape = A.lives(), density.distance_edges(5), (2, 5 * 8, -1)
    base = np.stack([v.volume for v in rows]), np.stack([v.open_interest for v in rows])
    in_usd = np.array([[1.0], [1.0], [0.0]]) + np.array([[0.0], [0.0], [1.0]]) * path.close
    cohorts = build(path, base[0] * in_usd, base[1] * in_usd, 1 / 96, lives, activity(*base, 0.6), 0.6)
    left, total, standing = cohorts.left_at_end(), 0.0, []
    for v, row in enumerate(rows):
        alive = np.zeros((2, 5, left.shape[2]))
        options = {"inverse": row.inverse, "alive": alive}
        total = total + density.mass_basis(path, cohorts, left[v], edges, price, 2, **options)[0]
        standing.append(np.einsum("sdc,kc->sdk", alive, left[v]))
    ones = np.ones((1, BARS))
    lone = build(path, ones, ones, 1 / 96, lives, ones[0], 0.6)
    null = density.mass_basis(path, lone, lone.left_at_end()[0], edges, price, 1)[0]
    return cohorts, total.reshape(shape), null.reshape(shape), standing


def leaned(path, rows, price, cohorts, opened):
    """Return the mass of all venues, what was opened each day counted for what its day says, one day at a time."""
    edges, left, total = density.distance_edges(5), cohorts.left_at_end(), 0.0
    day = [4 if cohorts.old[c] else birth // 96 for c, birth in enumerate(cohorts.birth)]
    assert opened.shape == (2, 5)
    for when in range(5):
        of_day = np.array([d == when for d in day])
        for v, row in enumerate(rows):
            mine = left[v] * of_day
            mass = density.mass_basis(path, cohorts, mine, edges, price, 2, inverse=row.inverse)[0]
            total = total + np.stack([opened[LONG, when] * mass[LONG], opened[SHORT, when] * mass[SHORT]])
    return total.reshape(2, 5 * 8, -1)


def summed(basis, weights):
    return np.einsum("sfb,f->sb", basis, weights)


@pytest.mark.parametrize("calibrated", [False, True])
def test_the_map_is_put_together_of_its_parts(calibrated):
    path, rows = market()
    made, price = estimated(path, rows, calibrated=calibrated)
    cohorts, basis, null, standing = parts(path, rows, price)
    interest, edges = np.stack([v.open_interest for v in rows]), density.distance_edges(5)
    prior = prior_weights(A, rows, interest, edges, 1.0)
    found = None
    if calibrated:
        found = calibration.calibrated(A, TIME_MS, QUARTER_MS, path, rows, cohorts, edges, prior, 0)
    opened = np.ones((2, 5)) if found is None else found.opened
    leaning = leaned(path, rows, price, cohorts, opened)
    assert made.opened == pytest.approx(np.ones((2, 1)) if found is None else opened)
    assert found is None or np.abs(leaning / np.maximum(basis, 1e-9) - 1)[basis > 1].max() > 1e-3
    draw = ranges.draws(A, rows, interest, edges, prior, found, basis, leaning, 0)
    level = draw.level[:, None]
    exposed_share = ranges.exposed_weights(draw.central, prior, draw.part)
    forced, exposed = level * summed(leaning, draw.central), summed(basis, exposed_share)
    drawn = np.array([summed(leaning, w) * f for w, f in zip(draw.weights, draw.factor, strict=True)])
    for got, twin in (
        (made.forced, forced),
        (made.exposed, np.maximum(exposed, forced)),
        (made.draws, drawn),
        (made.path_implied, summed(null, draw.central)),
        (made.path_draws, np.array([summed(null, w) for w in draw.weights])),
        (made.weights, level * draw.central),
        (made.log_edges, density.log_edges()),
    ):
        np.testing.assert_allclose(got, twin, rtol=1e-9, atol=1e-9 * np.abs(twin).max())
    assert (made.symbol, made.as_of_ms, made.price) == ("BTC", TIME_MS[0] + BARS * QUARTER_MS, price)
    assert made.model.calibrated is calibrated
    table = exposed_share.reshape(5, 8)
    for row, stand in zip(made.audit.venues, standing, strict=True):
        unit = 1 / price if row.name == "c" else 1.0
        for side, got in ((LONG, row.long_exposed_base), (SHORT, row.short_exposed_base)):
            assert got == pytest.approx((stand[side] * table).sum() * unit)
    at_risk = near(exposed)
    share = range_of(near(forced) / at_risk, np.minimum(near(drawn) / at_risk, 1.0))
    assert msgspec.structs.astuple(made.model.forced_share) == pytest.approx(msgspec.structs.astuple(share))
    alone = {name: np.array([summed(leaning, w) for w in weights]) for name, weights in draw.parts.items()}
    alone["form of the model"] = forced * draw.factor
    spreads = {name: np.std(np.log(near(masses))) for name, masses in alone.items()}
    assert made.model.dominant_uncertainty == max(spreads, key=spreads.get)
    assert (made.model.printed_share is None) is (found is None)
    if found is not None:
        printed = msgspec.structs.astuple(draw.printed)
        assert msgspec.structs.astuple(made.model.printed_share) == pytest.approx(printed)
    assert_told(made.model, rows, found, draw)


def assert_told(model, rows, found, draw):
    words = Assumptions().told()
    if found is None:
        assert (model.capture, model.assumptions) == ({}, words)
        return
    captures = {row.name: float(c) for row, c in zip(rows, found.capture, strict=True)}
    assert captures["b"] < 0.5
    assert captures["c"] > 1
    for name, capture in captures.items():
        expected = [min(capture * x, 1.0) for x in msgspec.structs.astuple(draw.capture)]
        assert msgspec.structs.astuple(model.capture[name]) == pytest.approx(expected)
    fit = found.fits[0]
    assert model.assumptions == words | {
        "calibration": f"a, b, c (seen by d); 4 days; {fit.effective_events:.0f} effective events; "
        f"the data moved the prior by a factor {math.exp(fit.moved):.2f} (rms)",
        "structures": f"weighted {found.parts[0]:.2f}/{found.parts[1]:.2f} by how they predicted",
        "recent level": f"longs {found.level[0]:.2f}, shorts {found.level[1]:.2f} of what the fit predicts",
        "opening days": f"a day's longs count for {min(found.opened[0]):.2f} to {max(found.opened[0]):.2f}, "
        "its shorts for the inverse, by trend and by which days' positions were liquidated",
    }


def near(masses):
    """Return what lies within 15 % of the price, both sides together."""
    return mass_between(density.log_edges(), masses, -math.log(1.15), math.log(1.15)).sum(axis=-1)


def test_assumptions_are_told_in_words():
    assert Assumptions().told() == {
        "sides": "every contract opens one long and one short; both sides open with the same leverage",
        "leverage": "log-normal, medians 12/8/5/4 or 20/8/5/4 by lifetime class (x/÷2), log-sd 1",
        "lifetimes": "means 0.091/0.83/6/30 d; shares 0.54/0.26/0.14/0.06 of what is opened",
        "clock": "closing follows turnover to the power 0 or 1",
        "turnover": "0.6 of volume turns positions over",
        "forced": "without observed liquidations 0.25 of exposed (x/÷2.5)",
        "capture": "of feeds not known complete the middle one prints 0.4 (x/÷2.5)",
    }
    alike = msgspec.structs.replace(Assumptions().structures[0], leverage_log_sd=0.75)
    other = Assumptions(structures=(alike, alike), leverage_span=1.5, turnover_share=0.25).told()
    assert other["leverage"] == "log-normal, medians 12/8/5/4 by lifetime class (x/÷1.5), log-sd 0.75"
    assert (other["clock"], other["turnover"]) == (
        "closing follows turnover to the power 0",
        "0.25 of volume turns positions over",
    )


def test_the_stated_assumptions_give_this_map():
    """What no other test can hold: the defaults, by what they make of a market without liquidations.

    A change of a default or of the engine's geometry is meant to fail here; then the figures are taken anew.
    """
    path, rows = market()
    laddered = msgspec.structs.replace(rows[0], cap_usd=CAP / 2, rate=RATE, deduction_usd=DEDUCTION / 2)
    made = estimate("BTC", TIME_MS, QUARTER_MS, path, float(path.close[-1]), [laddered, *rows[1:]], calibrated=False)
    risk = made.window(10)
    found = [
        *msgspec.structs.astuple(risk.long)[:4],
        *msgspec.structs.astuple(risk.short)[:4],
        *msgspec.structs.astuple(risk.ratio),
        risk.path_implied_ratio,
        *msgspec.structs.astuple(risk.lift),
    ]
    assert found == pytest.approx(
        [
            112010.356935,
            36906.8336432,
            284941.142304,
            448041.42774,
            61017.1454941,
            17343.1586324,
            183971.025018,
            244068.581976,
            0.544745567854,
            0.312391724354,
            0.951045601564,
            0.666694193697,
            0.817084613911,
            0.480868121249,
            1.373168921,
        ],
        rel=1e-9,
    )
