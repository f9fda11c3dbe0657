"""The engine: identities, properties, and twins written as plain loops."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imbalance.engine import calibrate, clusters, cohorts, density, flows, frozen, passage
from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.clusters import mass_between, narrowest_band
from imbalance.engine.estimate import estimate
from imbalance.engine.leverage import distance_weights
from imbalance.engine.margin import (
    LONG,
    SHORT,
    distance_of_leverage,
    effective_rate,
    leverage_at_distance,
    price_at_distance,
)
from imbalance.engine.venue import Venue
from imbalance.engine.walk import walk as predict
from imbalance.errors import UsageError
from imbalance.path import PricePath

HOUR_MS = 3_600_000
LIVES = Lives(np.array([3.0, 0.2]), np.array([0.7, 0.3]), np.array([0.0, 1.0]), np.zeros(2, dtype=np.intp))
NONE = np.array([])
positive = st.floats(0.01, 1e6)


def venue(name="a", volume=None, interest=None, long=None, short=None, *, complete=False, bars=400):
    blank = np.full(bars, np.nan)
    return Venue(
        name,
        complete,
        blank if volume is None else volume,
        blank if interest is None else interest,
        blank if long is None else long,
        blank if short is None else short,
        NONE,
        NONE,
        NONE,
        125.0,
    )


def walk(bars=400, seed=1, sd=0.01):
    g = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(g.normal(0, sd, bars)))
    opens = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opens, close) * (1 + np.abs(g.normal(0, sd / 2, bars)))
    low = np.minimum(opens, close) * (1 - np.abs(g.normal(0, sd / 2, bars)))
    volume = g.gamma(2, 500, bars)
    interest = 10_000 * np.exp(np.cumsum(g.normal(0, 0.01, bars)))
    return PricePath(opens, high, low, close), volume, interest


def mapped(path, venues, **options):
    bars = path.open.size
    time_ms = np.arange(bars, dtype=np.int64) * HOUR_MS + 1_700_000_000_000 // HOUR_MS * HOUR_MS
    return estimate("BTC", time_ms, HOUR_MS, path, float(path.close[-1]), venues, **options)


@given(positive, st.floats(1.01, 125), st.floats(0, 0.4))
def test_a_linear_long_is_liquidated_where_equity_is_maintenance(entry, leverage, rate):
    price = float(price_at_distance(np.array(entry), distance_of_leverage(leverage, rate), LONG))
    equity = entry / leverage + price - entry
    assert equity == pytest.approx(rate * price, rel=1e-9, abs=1e-9 * entry)


@given(positive, st.floats(3, 125), st.floats(0, 0.05), st.booleans())
def test_the_other_sides_are_off_by_no_more_than_is_said(entry, leverage, rate, inverse):
    distance = distance_of_leverage(leverage, rate)
    for side, sign in ((LONG, -1), (SHORT, 1)):
        price = float(price_at_distance(np.array(entry), distance, side, inverse=inverse))
        if inverse:
            exact = entry * (1 - sign * rate) / (1 - sign / leverage)
        else:
            exact = entry * (1 + sign / leverage) / (1 + sign * rate)
        assert abs(price / exact - 1) <= 3 * (rate / leverage + rate**2) + 1e-12


@given(st.floats(1.01, 125), st.floats(0, 0.4))
def test_leverage_and_distance_are_each_other_turned_round(leverage, rate):
    assert float(leverage_at_distance(distance_of_leverage(leverage, rate), rate)) == pytest.approx(leverage, rel=1e-9)


CAP = np.array([300_000.0, 800_000, 3_000_000, 12_000_000, 70_000_000])
RATE = np.array([0.004, 0.005, 0.0065, 0.01, 0.02])
DEDUCTION = np.concatenate([[0.0], np.cumsum(CAP[:-1] * np.diff(RATE))])


@given(st.floats(1000, 60_000_000))
def test_the_effective_rate_is_the_marginal_rates_summed(notional):
    steps = np.diff(np.minimum(np.concatenate([[0.0], CAP]), notional))
    assert float(effective_rate(notional, CAP, RATE, DEDUCTION)) == pytest.approx(
        float(steps @ RATE) / notional, rel=1e-9
    )


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=2, max_size=30), st.floats(0.1, 1))
def test_flows_explain_the_change_of_open_interest(bars, share):
    volume, interest = (np.array(column) for column in zip(*bars, strict=True))
    opened, closed = flows.opened(volume, interest, 0, share)
    assert (opened >= 0).all()
    assert (closed >= 0).all()
    assert np.cumsum(opened - closed) == pytest.approx(interest, abs=1e-6)


@given(
    st.lists(st.floats(1, 100), min_size=1, max_size=40),
    st.lists(st.tuples(st.floats(0, 101), st.integers(0, 41)), max_size=20),
)
def test_first_passage_is_what_a_loop_finds(lows, queries):
    low = np.array(lows)
    level, start = np.array([q[0] for q in queries]), np.array([min(q[1], low.size) for q in queries], dtype=np.intp)
    slow = [next((t for t in range(s, low.size) if low[t] <= v), low.size) for v, s in zip(level, start, strict=True)]
    minima = passage.block_minima(low)
    later = np.append(np.minimum.accumulate(low[::-1])[::-1], np.inf)[start]
    assert passage.hits(level, start, minima, later).tolist() == slow


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.01, 400))
def test_inventory_is_what_a_loop_sums(opening, hazard):
    opened, clock = np.array(opening), hazard * np.arange(len(opening))
    slow, left = [], 0.0
    for flow in opening:
        left = left * math.exp(-hazard) + flow
        slow.append(left)
    assert cohorts.inventory(opened, clock) == pytest.approx(slow, rel=1e-9, abs=1e-12)


@given(st.floats(2, 100), st.floats(0.3, 2), st.floats(0.001, 0.02))
def test_distance_weights_are_shares(median, sd, rate):
    weights = distance_weights(density.distance_edges(14), median, sd, rate, 125.0)
    assert (weights >= 0).all()
    assert weights.sum() <= 1 + 1e-9


def test_more_leverage_means_nearer():
    edges = density.distance_edges(14)
    middle = np.sqrt(edges[1:] * edges[:-1])
    means = [(w := distance_weights(edges, m, 1.0, 0.005, 125.0)) @ middle / w.sum() for m in (3, 6, 12, 24)]
    assert (np.diff(means) < 0).all()


def test_the_map_is_what_loops_make():
    bars, points, cells = 25, 3, 4
    path, volume, interest = walk(bars, seed=3, sd=0.03)
    made = cohorts.build(path, volume[None], interest[None], 1 / 24, LIVES, np.ones(bars), 0.8)
    edges, price = density.distance_edges(cells), float(path.close[-1])
    left = made.left_at_end()[0]
    mass = density.mass_basis(path, made, left, edges, price, points)
    log_edges, slow = density.log_edges(), np.zeros_like(mass[0])
    for side in (LONG, SHORT):
        for i in range(cells):
            for c in range(made.birth.size):
                for j in range(points):
                    u = math.modf((made.phase[c] * points + j + 0.5) * density.GOLDEN)[0]
                    distance = edges[i] * (edges[i + 1] / edges[i]) ** u
                    entry = made.entry_low[c] + (made.entry_high[c] - made.entry_low[c]) * (j + 0.5) / points
                    level = entry * (1 - distance) if side == LONG else entry * (1 + distance)

                    def past(extreme, level=level, side=side):
                        return extreme <= level if side == LONG else extreme >= level

                    later = path.low[made.birth[c] + 1 :] if side == LONG else path.high[made.birth[c] + 1 :]
                    if past(made.seen_close[c]) or any(past(x) for x in later) or past(price):
                        continue
                    alive = 0.5 if past(made.seen_low[c] if side == LONG else made.seen_high[c]) else 1.0
                    b = math.floor((math.log(level / price) - log_edges[0]) / density.BIN_LOG_WIDTH)
                    if 0 <= b < log_edges.size - 1:
                        slow[side, i, :, b] += left[:, c] * alive * level / points
    assert mass[0] == pytest.approx(slow, rel=1e-9, abs=1e-9)
    assert slow.sum() > 0


def test_exposed_never_exceeds_open_interest_and_nothing_is_on_the_wrong_side():
    path, volume, interest = walk()
    for seed in range(4):
        path, volume, interest = walk(seed=seed, sd=0.02)
        found = mapped(path, [venue("a", volume, interest), venue("b", volume * 2, interest / 3)])
        for v in found.audit.venues:
            assert v.long_exposed_base <= v.open_interest_base * (1 + 1e-9)
            assert v.short_exposed_base <= v.open_interest_base * (1 + 1e-9)
        above = found.log_edges[:-1] >= 0
        assert found.forced[LONG][above].sum() == 0
        assert found.forced[SHORT][~above].sum() == 0
        assert (found.forced <= found.exposed + 1e-9).all()


def test_what_price_has_swept_is_gone():
    path, volume, interest = walk(sd=0.001)
    for row, factor in ((2, 0.7), (1, 1.4)):
        path[row][-1] = path[row][-1] * factor
    found = mapped(path, [venue("a", volume, interest)])
    last = 0.05 * found.forced.sum()
    assert found.window(25).long.usd < last
    assert found.window(25).short.usd < last


def test_venue_order_and_splitting_do_not_matter():
    path, volume, interest = walk()
    one = mapped(path, [venue("a", volume, interest), venue("b", volume * 3, interest * 2)])
    other = mapped(path, [venue("b", volume * 3, interest * 2), venue("a", volume, interest)])
    assert one.forced == pytest.approx(other.forced)
    whole = mapped(path, [venue("a", volume, interest)])
    split = mapped(path, [venue("a", volume * 0.3, interest * 0.3), venue("b", volume * 0.7, interest * 0.7)])
    assert split.forced == pytest.approx(whole.forced)


def test_inverse_contracts_lie_where_coin_margin_puts_them():
    path, volume, interest = walk(sd=0.004)
    linear, coin = venue("a", volume, interest), msgspec.structs.replace(venue("b", volume, interest), inverse=True)
    one, other = mapped(path, [linear]), mapped(path, [coin])
    both = mapped(path, [linear, coin])
    assert both.forced == pytest.approx(one.forced + other.forced, rel=0.05, abs=0.02 * one.forced.max())
    # In coin a long loses margin and its worth at once, so it is liquidated nearer, at E / (1 + d); a short farther.
    near, coin_near = one.window(15), other.window(15)
    assert coin_near.long.usd > near.long.usd
    assert coin_near.short.usd < near.short.usd
    for v in both.audit.venues:
        assert max(v.long_exposed_base, v.short_exposed_base) <= v.open_interest_base * (1 + 1e-9)
        assert v.open_interest_base == pytest.approx(interest[-1])


def test_the_mirror_market_has_the_mirror_map():
    path, volume, interest = walk(sd=0.002)
    opens, high, low, close = path
    mirrored = PricePath(*(1e4 / p for p in (opens, low, high, close)))
    one, other = mapped(path, [venue("a", volume, interest)]), mapped(mirrored, [venue("a", volume, interest)])
    # A long at E (1 - d) and a short at E (1 + d) differ in second order of d.
    ratio = one.window(5).short.usd / one.price / (other.window(5).long.usd / other.price)
    assert ratio == pytest.approx(1, abs=0.1)


def test_twice_the_market_is_twice_the_map():
    path, volume, interest = walk()
    one, two = (mapped(path, [venue("a", k * volume, k * interest)]) for k in (1, 2))
    assert two.forced == pytest.approx(2 * one.forced)


def test_the_same_seed_gives_the_same_draws_and_another_does_not():
    path, volume, interest = walk()
    venues = [venue("a", volume, interest)]
    assert (mapped(path, venues).draws == mapped(path, venues).draws).all()
    assert (mapped(path, venues).draws != mapped(path, venues, seed=1).draws).any()


def test_ranges_hold_the_value_and_windows_are_nested():
    path, volume, interest = walk()
    found = mapped(path, [venue("a", volume, interest)])
    windows = [found.window(pct) for pct in (2, 5, 10, 15, 20)]
    for w in windows:
        for side in (w.long, w.short):
            assert side.low <= side.usd <= side.high
            assert side.usd <= side.exposed_usd
        assert w.ratio.low <= w.ratio.value <= w.ratio.high
        assert w.lift.value == pytest.approx(w.ratio.value / w.path_implied_ratio)
    assert np.all(np.diff([w.long.usd for w in windows]) >= 0)
    for side in (LONG, SHORT):
        low, high = found.bounds(side)
        assert (low <= found.forced[side]).all()
        assert (found.forced[side] <= high).all()


def test_calibration_finds_the_weights_that_made_the_data():
    g = np.random.default_rng(5)
    x = g.gamma(0.5, 1, (2, 4000, 6)) * 1e6
    true = np.array([0.02, 0.3, 0.05, 0.6, 0.1, 0.01])
    capture = np.array([1.0, 0.3])
    y = g.poisson(np.einsum("vrf,f->vr", x, true) * capture[:, None] / 1e4) * 1e4
    day = np.repeat(np.arange(40), 100)
    fit = calibrate.fit(x, y.astype(float), np.full((6, 1), 0.1), np.array([True, False]), day, draws=20, seed=0)
    assert fit.weights == pytest.approx(true, rel=0.15, abs=0.01)
    assert fit.capture == pytest.approx(capture, rel=0.05)
    assert (fit.draws.std(axis=0) > 0).all()


def test_calibration_without_liquidations_leaves_the_prior():
    x, prior = np.ones((1, 100, 3)), np.full((3, 1), 0.2)
    assert calibrate.fit(x, np.zeros((1, 100)), prior, np.array([True]), np.arange(100), 5, 0) is None
    path, volume, interest = walk()
    found = mapped(path, [venue("a", volume, interest, np.zeros(400), np.zeros(400))])
    assert not found.model.calibrated


def test_liquidations_that_are_seen_calibrate_the_map():
    path, volume, interest = walk(800, sd=0.01)
    quiet = mapped(path, [venue("a", volume, interest, bars=800)])
    fall = np.maximum(np.log(path.open / path.low), 0) * interest
    rise = np.maximum(np.log(path.high / path.open), 0) * interest
    loud = mapped(path, [venue("a", volume, interest, fall / 50, rise / 50, complete=True)])
    more = mapped(path, [venue("a", volume, interest, fall / 25, rise / 25, complete=True)])
    assert loud.model.calibrated
    assert not quiet.model.calibrated
    assert more.model.forced_share.value > loud.model.forced_share.value


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.floats(0.1, 1))
def test_the_narrowest_band_is_what_trying_all_finds(mass, share):
    mass = np.array(mass, dtype=float)
    edges = np.arange(mass.size + 1.0)
    found = narrowest_band(edges, mass, 0.0, float(mass.size), share)
    if mass.sum() <= 0:
        assert found is None
        return
    need = share * mass.sum() * (1 - 1e-9)
    widths = [b - a for a in range(mass.size) for b in range(a + 1, mass.size + 1) if mass[a:b].sum() >= need]
    assert found[1] - found[0] == pytest.approx(min(widths))
    assert mass_between(edges, mass, *found) >= need * (1 - 1e-6)


def degenerate():
    path, volume, interest = walk(30)
    nan = np.full(30, np.nan)
    yield "no volume", path, venue(volume=np.zeros(30), interest=interest, bars=30)
    yield "volume unknown", path, venue(volume=nan, interest=interest, bars=30)
    yield "open interest zero", path, venue(volume=volume, interest=np.zeros(30), bars=30)
    yield "open interest constant", path, venue(volume=volume, interest=np.full(30, 5.0), bars=30)
    yield "open interest unknown", path, venue(volume=volume, interest=nan, bars=30)
    yield "starts late", path, venue(volume=volume, interest=np.where(np.arange(30) < 20, np.nan, interest), bars=30)
    flat = PricePath(*(np.full(30, 100.0) for _ in range(4)))
    yield "price never moves", flat, venue(volume=volume, interest=interest, bars=30)
    halved = [p.copy() for p in path]
    halved[2][15] = halved[2][15] / 2
    yield "price halved in a bar", PricePath(*halved), venue(volume=volume, interest=interest, bars=30)
    one = path.until(1)
    yield "one bar", one, venue(volume=volume[:1], interest=interest[:1], bars=1)


@pytest.mark.parametrize(("path", "row"), [d[1:] for d in degenerate()], ids=[d[0] for d in degenerate()])
def test_degenerate_markets_give_finite_maps(path, row):
    found = mapped(path, [row])
    assert np.isfinite(found.forced).all()
    assert np.isfinite(found.draws).all()
    assert found.forced.min() >= 0
    found.window(10)
    found.clusters()


@pytest.mark.parametrize("gaps", [False, True])
def test_validation_never_looks_ahead(gaps):
    path, volume, interest = walk(24 * 20, seed=2)
    long, short = (
        np.maximum(np.log(a / b), 0) * interest / 50 for a, b in ((path.open, path.low), (path.high, path.open))
    )
    if gaps:
        volume[100::7] = interest[95::11] = np.nan
    whole = venue("a", volume, interest, long, short)
    bars = 24 * 12 + 5

    def walked(path, row):
        time_ms = np.arange(path.open.size, dtype=np.int64) * HOUR_MS
        return predict(time_ms, HOUR_MS, path, [row], Assumptions())

    part = msgspec.structs.replace(
        whole,
        volume=volume[:bars],
        open_interest=interest[:bars],
        long_liquidations=long[:bars],
        short_liquidations=short[:bars],
    )
    one, other = walked(path, whole), walked(path.until(bars), part)
    for name in ("predicted", "low", "high", "path_null", "fixed", "move", "members"):
        assert getattr(one, name)[..., :bars] == pytest.approx(getattr(other, name), rel=1e-9, nan_ok=True), name
    assert np.isfinite(one.predicted).sum() > 500


@settings(deadline=None, max_examples=60)
@example(seed=1, bars=2, scale=0.0, inverse=False, quiet=False)
@given(
    st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([0.0, 1e-9, 1.0, 1e12]), st.booleans(), st.booleans()
)
def test_any_market_gives_a_finite_map(seed, bars, scale, inverse, quiet):
    g = np.random.default_rng(seed)
    path, volume, interest = walk(bars, seed, sd=float(g.choice([1e-6, 0.01, 0.3])))
    rows = []
    for name in "abc"[: int(g.integers(1, 4))]:
        holes = g.random((4, bars)) < g.choice([0.0, 0.2, 1.0])
        series = [
            volume * scale,
            interest * scale,
            g.gamma(0.2, scale + 1e-12, bars),
            g.gamma(0.2, scale + 1e-12, bars),
        ]
        series = [np.where(h, np.nan, s) for h, s in zip(holes, series, strict=True)]
        if quiet:
            series[2:] = [np.full(bars, np.nan)] * 2
        rows.append(msgspec.structs.replace(venue(name, *series, complete=bool(g.random() < 0.5)), inverse=inverse))
    found = mapped(path, rows)
    assert np.isfinite(found.forced).all()
    assert np.isfinite(found.draws).all()
    assert (found.forced >= 0).all()
    for v in found.audit.venues:
        assert max(v.long_exposed_base, v.short_exposed_base) <= v.open_interest_base * (1 + 1e-6) + 1e-12
    found.window(15)
    found.clusters()


def test_assumptions_are_told():
    told = Assumptions().told()
    assert {"sides", "leverage", "lifetimes", "forced", "capture"} <= set(told)


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_frozen_map_is_charged_what_price_crossed_and_no_more(side):
    path, _volume, _interest = walk(60, seed=9, sd=0.02)
    edges, after = density.log_edges(), slice(20, 60)
    generator = np.random.default_rng(side)
    mass, observed = generator.gamma(1, 1, (2, edges.size - 1)), generator.gamma(1, 1, 40)
    *held, seen, width = frozen._crossed(path, mass, observed, after, side)
    price, sign = path.close[19], 1 if side == SHORT else -1
    far = np.maximum.accumulate(np.maximum(sign * np.log(path[1 if side == SHORT else 2][after] / price), 0.0))
    low, high = sorted((0.0, sign * far[-1]))
    assert width.sum() == pytest.approx(far[-1])
    for one, of in zip(held, mass, strict=True):
        assert one.sum() == pytest.approx(float(clusters.mass_between(edges, of, low, high)))
    assert seen.sum() == pytest.approx(observed[np.diff(far, prepend=0.0) > 0].sum())


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ("open_interest", 1e-300),
        *itertools.product(("volume", "open_interest", "short_liquidations"), (np.inf, -1, 1e200)),
    ],
)
def test_what_no_market_has_is_refused_by_name(series, value):
    path, volume, interest = walk(30)
    row = venue("a", volume, interest, bars=30)
    odd = getattr(row, series).copy()
    odd[7] = value
    with pytest.raises(UsageError, match=rf"a's {series} is .* at bar 7"):
        mapped(path, [msgspec.structs.replace(row, **{series: odd})])
    for bad in (np.nan, 0.0, np.inf):
        prices = PricePath(*(p.copy() for p in path))
        prices[2][5] = bad
        with pytest.raises(UsageError, match=r"low is .* at bar 5"):
            mapped(prices, [row])


def test_a_day_or_less_is_not_calibrated_and_not_compared():
    path, volume, interest = walk(48)
    fall, rise = (np.full(48, v) for v in (30.0, 1.0))
    for bars, comparable in ((24, False), (25, True)):
        known = np.where(np.arange(48) < 48 - bars, np.nan, interest)
        found = mapped(path, [venue("a", volume, known, fall, rise, bars=48)])
        assert found.comparable is comparable
        assert not (found.model.calibrated and not comparable)
        lopsided = msgspec.structs.replace(found, draws=found.draws * np.array([100.0, 1.0])[:, None])
        lopsided = msgspec.structs.replace(lopsided, forced=found.forced * np.array([100.0, 1.0])[:, None])
        assert lopsided.window(15).heavier == ("long" if comparable else None)


@example([0, 9, 5, 0], 10)
@example([0, 0, 1], 2)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 10))
def test_clusters_never_overlap(levels, width):
    mass = np.repeat(np.array(levels, dtype=float), width)
    runs = clusters.find_clusters(mass, 99)
    held = [i for first, last, _peak in runs for i in range(first, last + 1)]
    assert len(held) == len(set(held))
    assert all(first <= peak <= last for first, last, peak in runs)
    assert bool(runs) == (mass.size >= clusters.SMOOTHING.size and mass.sum() > 0)
    sums = [mass[first : last + 1].sum() for first, last, _peak in runs]
    assert sums == sorted(sums, reverse=True)
    assert clusters.find_clusters(mass, 2) == runs[:2]


def test_old_inventory_lies_as_wide_as_prices_moved():
    # Steps of 1 % an hour: 4.9 % a day, 19 % over 15 days; logistic quantiles of that standard deviation.
    closes = 100 * np.exp(0.01 * (np.arange(200) % 2))
    entries = np.log(cohorts._old_entries(closes, 1 / 24, 75))
    width = 0.01 * math.sqrt(24 * 15)
    assert entries.size == cohorts.OLD_POINTS == 75
    assert entries[37] == pytest.approx(0, abs=1e-12)
    assert entries == pytest.approx(-entries[::-1])
    assert np.quantile(entries, [0.25, 0.75]) == pytest.approx(
        width * math.sqrt(3) / math.pi * np.log([1 / 3, 3]), rel=0.02
    )
    assert entries[0] == pytest.approx(-width * math.sqrt(3) / math.pi * math.log(74.5 / 0.5))
    assert entries.std() == pytest.approx(width, rel=0.05)
    later = np.concatenate([closes[:72], closes[72:] * np.exp(np.arange(128.0))])
    assert np.log(cohorts._old_entries(later, 1 / 24, 75)) == pytest.approx(entries)
    still, moving = np.full(9, 5.0), 5.0 ** np.arange(9)
    narrow, wide = cohorts._old_entries(still, 1 / 24, 75), cohorts._old_entries(moving, 1 / 24, 75)
    assert np.log(narrow).std() == pytest.approx(0.02, rel=0.05)
    assert np.log(wide).std() == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize("known_from", [399, 400])
def test_a_complete_feed_of_which_nothing_is_predicted_tells_no_scale(known_from):
    """Its open interest is known in the last bar alone, or never: it may not blow up the weights of the others."""
    path, volume, interest = walk()
    fall = np.maximum(np.log(path.open / path.low), 0) * interest / 50
    rise = np.maximum(np.log(path.high / path.open), 0) * interest / 50
    late = np.where(np.arange(400) < known_from, np.nan, interest)
    censored = venue("a", volume, interest, fall, rise)
    alone = mapped(path, [censored])
    both = mapped(path, [censored, venue("b", volume / 100, late / 100, fall / 100, rise / 100, complete=True)])
    assert both.model.calibrated
    assert both.model.capture["a"].low < both.model.capture["a"].value < both.model.capture["a"].high
    for one, other in ((alone.forced, both.forced), (alone.draws, both.draws)):
        assert other.sum() == pytest.approx(one.sum(), rel=0.1)
    whole = mapped(path, [censored, venue("b", volume, interest, fall, rise, complete=True)])
    assert msgspec.structs.astuple(whole.model.capture["b"]) == pytest.approx((1.0, 1.0, 1.0))
