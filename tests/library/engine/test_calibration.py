"""What a market's liquidations teach: put together of its parts, and from how many events on."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.engine import assimilate, calibration, density, ensemble, lean
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.estimate import market_cohorts
from imbalance.engine.leverage import prior_weights
from imbalance.engine.venue import HOUR_MS
from tests.library.engine.test_engine import venue, walk
from tests.library.engine.test_structures import TWO, sampled
from tests.support.features import apart, together

A = Assumptions(distances=4, draws=10)


def given(interval_ms, bars, *, quiet=0.0):
    """Return the arguments of `calibrated` for three venues, of which the second prints nothing."""
    path, volume, interest = walk(bars, seed=6, sd=0.01)
    g = np.random.default_rng(1)
    fall, rise = (
        np.log(a / b) * interest / 50 * g.gamma(0.5, 2.0, bars) * (g.random(bars) >= quiet)
        for a, b in ((path.open, path.low), (path.high, path.open))
    )
    rows = [
        venue("a", volume, interest, fall, rise),
        venue("b", volume, interest / 3, bars=bars),
        venue("c", volume / 4, interest[::-1] / 2, fall / 2, rise / 2, complete=True),
    ]
    time_ms = np.arange(bars, dtype=np.int64) * interval_ms + 1_700_000_100_000
    edges = density.distance_edges(A.distances)
    prior = prior_weights(A, rows, np.stack([v.open_interest for v in rows]), edges, 1.0)
    return time_ms, interval_ms, path, rows, market_cohorts(path, rows, interval_ms, A), edges, prior


def counted(sample, ages, fits, parts, lives, trended):
    """Return effective events observed and expected by the fit, and what opening days count for, row by row.

    The last by opening day, and by the day of which something is predicted.
    """
    observed, expected = np.zeros((2, sample.day.size)), np.zeros((2, sample.day.size))
    days = ages.shape[4]
    usd, seen, foreseen = np.zeros((3, 2, days))
    for v, side, t in np.ndindex(sample.y.shape):
        mean = sum(
            part * fit.capture[v] * (sample.x[m][v, t, side].ravel() @ fit.weights)
            for m, (part, fit) in enumerate(zip(parts, fits, strict=True))
        )
        day = min(sample.day[t], days - 1)
        usd[side, day] += mean
        if np.isfinite(sample.y[v, side, t]):
            heed = fits[0].floor[v] / (mean + fits[0].floor[v]) / fits[0].dispersion
            observed[side, t] += heed * sample.y[v, side, t]
            expected[side, t] += heed * mean
            seen[side, day] += heed * sample.y[v, side, t]
            foreseen[side, day] += heed * mean
    older = np.zeros((2, days, ages.shape[5] - 1))
    for side, day, age in np.ndindex(older.shape):
        for part, fit, mine in zip(parts, fits, lives.slices(), strict=True):
            weights = part * fit.weights.reshape(ages.shape[2], -1)[:, :-1]
            for v, capture in enumerate(fit.capture):
                older[side, day, age] += capture * (weights * ages[v, side, :, mine, day, age + 1]).sum()
    for side, day in np.ndindex(usd.shape):
        whole = max(usd[side, day], older[side, day].sum())
        older[side, day] = older[side, day] / whole if whole > 0 else 0.0
    opened = lean.opening_days(seen, foreseen, older, trended)
    return observed, expected, opened, lean.by_opening_day(opened, older)


@pytest.mark.parametrize(("interval_ms", "bars"), [(24 * HOUR_MS, 40), (4 * HOUR_MS, 60), (HOUR_MS // 2, 400)])
def test_a_calibration_is_put_together_of_its_parts(interval_ms, bars):
    arguments = given(interval_ms, bars)
    *market, prior = arguments
    found = calibration.calibrated(A, *arguments, 5)
    sample, ages = calibration.hourly(*market, np.array([0, 2]))
    lives = A.lives()
    fits, parts = ensemble.walk_forward(sample, prior, np.array([1.0, 3.0]), lives, 10, 5)
    assert found.printed.tolist() == [0, 2]
    assert found.parts == pytest.approx(parts)
    for one, other in zip(found.fits, fits, strict=True):
        assert one.weights == pytest.approx(other.weights)
        assert one.draws == pytest.approx(other.draws)
    assert found.capture == pytest.approx(parts[0] * fits[0].capture + parts[1] * fits[1].capture)
    assert found.moved == pytest.approx(parts[0] * fits[0].moved + parts[1] * fits[1].moved)
    a_day = max(24 * HOUR_MS // interval_ms, 1)
    trended = lean.trend(arguments[2], a_day, np.arange(bars) // a_day)
    observed, expected, opened, times = counted(sample, ages, fits, parts, lives, trended)
    np.testing.assert_allclose(found.opened, opened, rtol=1e-9)
    assert (np.abs(np.log(opened)) > 1e-3).any()
    for side, t in np.ndindex(expected.shape):
        expected[side, t] *= times[side, min(sample.day[t], ages.shape[4] - 1)]
    days_a_row = max(interval_ms / HOUR_MS, 1) / 24
    level, spread = assimilate.side_levels(observed, expected, days_a_row)
    assert found.level == pytest.approx(level[:, -1])
    assert found.spread == pytest.approx(spread[:, -1])


@pytest.mark.parametrize(("quiet", "events", "told"), [(0.96, 10.6, True), (0.98, 9.96, False)])
def test_fewer_than_ten_effective_events_teach_nothing(quiet, events, told):
    arguments = given(HOUR_MS, 300, quiet=quiet)
    exact = calibration.calibrated(msgspec.structs.replace(A, least_events=0.0), *arguments, 0).fits[0].effective_events
    assert exact == pytest.approx(events, abs=0.05)
    assert (calibration.calibrated(A, *arguments, 0) is not None) is told
    assert calibration.calibrated(msgspec.structs.replace(A, least_events=exact), *arguments, 0) is not None


def test_one_bar_teaches_nothing_and_neither_do_venues_that_print_nothing():
    arguments = given(HOUR_MS, 48)
    time_ms, interval_ms, path, rows, *rest = arguments
    easy = msgspec.structs.replace(A, least_events=0.0)
    assert calibration.calibrated(easy, *arguments, 0) is not None
    assert calibration.calibrated(easy, time_ms, interval_ms, path, [rows[1]] * 3, *rest, 0) is None
    assert calibration.calibrated(easy, *given(HOUR_MS, 1), 0) is None


def test_evidence_is_summed_over_what_is_known_alone():
    sample, prior = sampled(rows=96)
    fits = ensemble.fit(sample, prior, TWO, 0, 0)
    later, _prior = sampled(rows=5, seed=9)
    later.y[0, 1, 3] = np.nan
    for m, (fit, got) in enumerate(zip(fits, ensemble.evidence(fits, later), strict=True)):
        total = 0.0
        for side, t in np.ndindex(2, 5):
            if (side, t) != (1, 3):
                mean = fit.capture[0] * (later.x[m][0, t, side].ravel() @ fit.weights)
                y, f, phi = later.y[0, side, t], fits[0].floor[0], fits[0].dispersion
                total += (y / f * np.log(mean / (mean + f)) - np.log((mean + f) / f)) * f / phi
        assert got == pytest.approx(total)


def test_of_one_structure_nothing_is_weighed_and_of_two_thirds_are(monkeypatch):
    sample, prior = sampled(rows=48)
    ends, fits = [], ensemble.fits
    monkeypatch.setattr(ensemble, "fits", lambda *a: ends.append(a[3]) or fits(*a))
    ensemble.walk_forward(sample, prior, np.ones(2), TWO, 0, 0)
    lone = msgspec.structs.replace(TWO, structure=np.zeros(3, dtype=np.intp), share=np.array([0.4, 0.3, 0.3]))
    alone = msgspec.structs.replace(sample, x=apart(together(sample.x)[..., :4], lone))
    found, parts = ensemble.walk_forward(alone, prior, np.ones(1), lone, 0, 0)
    assert ends == [[16, 32, 48], [48]]
    assert (len(found), parts.tolist()) == (1, [1.0])


def test_weights_of_positions_that_die_in_their_bar_are_no_part_of_the_mixture():
    # Two structures of two and one classes, two cells; the last column of each is of own-bar deaths.
    first, second = np.array([1.0, 2.0, 50.0, 3.0, 4.0, 60.0]), np.array([5.0, 70.0, 6.0, 80.0])
    found = ensemble.mixed([first, second], np.array([0.25, 0.75]), 2)
    assert found.tolist() == [[0.25, 0.5, 3.75], [0.75, 1.0, 4.5]]
    prior = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert ensemble.own_prior(prior, TWO, slice(0, 2)) == pytest.approx(np.array([[1.0, 2.0, 1.4], [4.0, 5.0, 4.4]]))


def test_the_sample_lies_flat_with_both_sides_in_turn():
    sample, _prior = sampled(rows=3)
    x, y, day = sample.flat(1)
    for t, side in np.ndindex(3, 2):
        assert x[0, 2 * t + side].tolist() == sample.x[1][0, t, side].ravel().tolist()
        assert y[0, 2 * t + side] == sample.y[0, side, t]
    assert day.tolist() == [0] * 6
    part = msgspec.structs.replace(sample, day=np.array([4, 6, 7])).rows(slice(1, 3))
    assert (part.day.tolist(), part.y.tolist()) == ([0, 1], sample.y[:, :, 1:].tolist())
    assert sample.rows(slice(3, 3)).day.size == 0


def test_the_first_two_days_are_left_out_and_of_a_short_history_a_quarter():
    for days, left_out in ((2, 12), (9, 48)):
        *market, _prior = given(HOUR_MS, days * 24)
        sample, _ages = calibration.hourly(*market, np.array([0]))
        assert np.isnan(sample.y[0]).all(axis=0).tolist() == [t < left_out for t in range(sample.day.size)]
