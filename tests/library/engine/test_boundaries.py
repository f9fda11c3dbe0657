"""The engine's thresholds and small constants, from both sides, on cases worked out by hand."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from imbalance.engine import (
    bounds,
    cascade,
    clock,
    clusters,
    cohorts,
    density,
    frozen,
    heatmap,
    likelihood,
    scores,
    validate,
)
from imbalance.engine.assumptions import Assumptions, Lives
from imbalance.engine.leverage import distance_weights, point_weights
from imbalance.engine.margin import LONG, SHORT, effective_rate
from imbalance.engine.venue import DAY_MS, HOUR_MS, history_ms, reported
from imbalance.engine.walk import Refit
from imbalance.errors import UsageError
from imbalance.path import PricePath
from tests.library.engine.test_engine import mapped, venue, walk
from tests.library.engine.test_scores import trial

NONE = np.array([])


def flat(bars, price=100.0):
    return PricePath(*np.full((4, bars), price))


# bounds


@pytest.mark.parametrize(("price", "fine"), [(1e-30, True), (0.99e-30, False), (bounds.MOST, True), (1.01e30, False)])
def test_prices_from_1e_minus_30_to_1e30_are_computed_with(price, fine):
    assert pytest.approx(1e30) == bounds.MOST
    if fine:
        bounds.require_usable(flat(3, price), [])
    else:
        with pytest.raises(UsageError, match="open is"):
            bounds.require_usable(flat(3, price), [])


@pytest.mark.parametrize(
    ("series", "worth", "fine"),
    [
        ("volume", bounds.MOST, True),
        ("volume", 1.01e30, False),
        ("volume", 1e-40, True),
        ("volume", 0.0, True),
        ("volume", -1e-9, False),
        ("open_interest", 1e-30, True),
        ("open_interest", 0.99e-30, False),
        ("open_interest", 0.0, True),
        ("long_liquidations", 1e-40, True),
        ("short_liquidations", 1.01e30, False),
    ],
)
def test_series_are_bounded_by_what_they_are_worth(series, worth, fine):
    # At a price of 4: a quarter of the worth in coins.
    row = msgspec.structs.replace(venue(bars=3), **{series: np.array([np.nan, worth / 4, 0.0])})
    if fine:
        bounds.require_usable(flat(3, 4.0), [row])
    else:
        with pytest.raises(UsageError, match=f"a's {series} is .* at bar 1"):
            bounds.require_usable(flat(3, 4.0), [row])


# density and margin


def test_the_map_reaches_42_per_cent_either_way_in_bins_of_a_quarter():
    edges = density.log_edges()
    assert (edges[0], edges[-1]) == (pytest.approx(-0.42), pytest.approx(0.42))
    assert np.diff(edges) == pytest.approx(0.0025)
    assert edges[edges.size // 2] == 0


def test_distances_run_from_an_eighth_of_a_per_cent_to_60():
    edges = density.distance_edges(14)
    assert (edges.size, edges[0], edges[-1]) == (15, pytest.approx(0.0012), pytest.approx(0.6))
    assert np.diff(np.log(edges)) == pytest.approx(math.log(500) / 14)


def test_the_golden_ratio_divides_a_line_so_that_the_parts_are_as_the_whole():
    assert pytest.approx(1) == density.GOLDEN * (1 + density.GOLDEN)
    assert 0 < density.GOLDEN < 1


def test_bars_of_an_hour_have_nine_entries_and_shorter_ones_one_for_each_bin_that_they_span():
    minute_ms = HOUR_MS // 60
    shorter = [(1, 1, 1), (5, 1, 1), (12, 1, 1), (13, 2, 1), (30, 2, 1), (59, 3, 1)]
    longer = [(60, 9, 9), (240, 9, 9)]
    for minutes, alone, summed in shorter + longer:
        interval_ms = minutes * minute_ms
        assert (density.entry_points(interval_ms), density.sum_points(interval_ms)) == (alone, summed)


def test_a_level_at_the_extreme_is_reached_and_one_at_the_close_as_well():
    # Four cohorts of one bar, low 90, high 110, close 100: beyond the extreme whole, between half, else nothing.
    made = cohorts.build(flat(1), np.ones((1, 1)), np.ones((1, 1)), 1.0, one_class(), np.ones(1), 0.5, old_points=1)
    one = made.part(np.zeros(5, dtype=np.intp))
    one = msgspec.structs.replace(
        one, seen_low=np.full(5, 90.0), seen_high=np.full(5, 110.0), seen_close=np.full(5, 100.0)
    )
    levels = np.array([89.0, 90.0, 95.0, 100.0, 105.0])
    assert density.arrival(one, LONG, levels).tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert density.arrival(one, SHORT, levels - 200).tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert density.arrival(one, LONG, levels[2:4], np.array([0, 1])).tolist() == [0.5, 0.0]


def one_class(hazard=1.0):
    return Lives(np.array([hazard]), np.ones(1), np.zeros(1), np.zeros(1, dtype=np.intp))


CAPS, RATES, DEDUCTIONS = np.array([100.0, 200.0]), np.array([0.01, 0.02]), np.array([0.0, 1.0])


@pytest.mark.parametrize(
    ("notional", "rate"),
    # The bracket holds its cap; 2 % of 101 less 1, of 200 less 1, and beyond the last cap likewise.
    [(1, 0.01), (100, 0.01), (101, 1.02 / 101), (200, 0.015), (1000, 0.019)],
)
def test_a_bracket_holds_its_cap_and_the_last_all_beyond(notional, rate):
    assert float(effective_rate(notional, CAPS, RATES, DEDUCTIONS)) == pytest.approx(rate)


def test_fixed_leverages_lie_in_the_cells_of_their_distances():
    # At a rate of 0 the distance of 5x is 20 %, of 10x and of 20x 10 and 5 %.
    edges = np.array([0.01, 0.06, 0.15, 0.5])
    assert point_weights(edges, (5.0, 10.0, 20.0, 20.0), 0.0) == pytest.approx([0.5, 0.25, 0.25])


def test_no_leverage_is_beyond_the_ladders_cap_and_none_below_one():
    edges = np.array([1e-6, 0.1, 0.999])  # 10x at the middle edge, of at most 20x
    near, far = distance_weights(edges, 10.0, 0.5, 0.0, 20.0)
    shares = [0.5 * (1 + math.erf(math.log(x / 10) / (0.5 * math.sqrt(2)))) for x in (1, 10, 20)]
    assert near == pytest.approx((shares[2] - shares[1]) / (shares[2] - shares[0]))
    assert near + far == pytest.approx(1, abs=1e-3)


# venue and clock


def test_history_is_the_time_since_open_interest_was_first_known():
    rows = np.array([[np.nan, 0.0, 0.0, 5.0, np.nan], [np.nan, np.nan, np.nan, np.nan, 1.0]])
    assert history_ms(rows, 10) == 20
    assert history_ms(rows[:, :3], 10) == 0
    assert history_ms(np.ones((1, 5)), 10) == 50


def test_one_liquidation_is_an_observation_and_none_is_not():
    one = np.array([np.nan, 0.0, 1e-9])
    assert reported(msgspec.structs.replace(venue(bars=3), long_liquidations=one))
    assert reported(msgspec.structs.replace(venue(bars=3), short_liquidations=one))
    assert not reported(msgspec.structs.replace(venue(bars=3), long_liquidations=0 * one, short_liquidations=0 * one))
    assert not reported(venue(bars=3))


def test_no_bar_counts_as_more_than_thirty():
    # Turnover of a 400th for 399 bars and then all at once: 400 times the usual, and still thirty.
    volume = np.full((1, 400), 1.0)
    volume[0, -1] = 1e6
    found = clock.activity(volume, np.full((1, 400), 100.0), 1.0)
    assert found.max() == found[-1] == 30


# cohorts


def test_old_inventory_is_as_wide_as_15_days_of_the_first_three():
    # Steps of 1 % an hour for three days, of 5 % after: 4.9 % a day, 19 % in 15.
    steps = np.where(np.arange(200) < 71, 0.01, 0.05) * (-1.0) ** np.arange(200)
    entries = np.log(cohorts._old_entries(100 * np.exp(np.cumsum(steps)), 1 / 24, 3))
    sd = np.sqrt(np.mean(np.diff(np.cumsum(steps))[:71] ** 2) * 24 * 15)
    assert entries == pytest.approx(sd * math.sqrt(3) / math.pi * np.log([1 / 5, 1, 5]))
    # Of one bar no volatility is known, and 3 % a day is taken.
    alone = np.log(cohorts._old_entries(np.array([5.0]), 1.0, 3))
    assert alone == pytest.approx(0.03 * math.sqrt(15) * math.sqrt(3) / math.pi * np.log([1 / 5, 1, 5]))
    # Of bars longer than three days the first two are taken.
    two = np.log(cohorts._old_entries(np.array([1.0, 1.1, 9.0]), 7.0, 3))
    assert two[2] == pytest.approx(math.log(1.1) / math.sqrt(7) * math.sqrt(15 * 3) / math.pi * math.log(5))


def test_inventory_goes_on_where_the_exponent_would_overflow():
    opening, step = np.ones(9), 200.0
    found = cohorts.inventory(opening, step * np.arange(9.0))
    assert found == pytest.approx(1 + math.exp(-step), rel=1e-12)
    # A step longer than what is held at once leaves each bar alone.
    assert cohorts.inventory(opening, 1e4 * np.arange(9.0)).tolist() == [1.0] * 9
    assert cohorts.inventory(np.array([1.0, 0, 0, 0]), 0.5 * np.arange(4)) == pytest.approx(np.exp(-0.5 * np.arange(4)))


# clusters and the map


def spikes(size, *at):
    mass = np.zeros(size)
    for i, height in at:
        mass[i] = height
    return mass


def test_a_lone_bin_is_a_cluster_of_three():
    # Smoothed twice over three bins it is 1, 2, 3, 2, 1: half the peak is passed two bins off.
    for i in (2, 10, 17):
        assert clusters.find_clusters(spikes(20, (i, 5.0)), 9) == [(i - 1, i + 1, i)]
    assert clusters.find_clusters(spikes(5, (2, 5.0)), 9) == [(1, 3, 2)]
    assert clusters.find_clusters(spikes(4, (2, 5.0)), 9) == []


def test_a_run_ends_where_the_density_is_below_half_the_peak_or_rises_again():
    # Beside a spike of 6 (smoothed 6 12 18 12 6) one of half its height six bins on: they share a valley of 0.
    assert clusters.find_clusters(spikes(24, (8, 6.0), (14, 3.0)), 9) == [(7, 9, 8), (13, 15, 14)]
    # Four bins off the sums are 6 12 18 12 6+3 6 9 6 3: 9 is half of 18, belongs to the run, and 6 does not.
    assert clusters.find_clusters(spikes(24, (8, 6.0), (12, 3.0)), 9)[0] == (7, 10, 8)
    # Ties go to the first.
    assert clusters.find_clusters(spikes(24, (8, 6.0), (16, 6.0)), 9) == [(7, 9, 8), (15, 17, 16)]
    assert clusters.find_clusters(spikes(24, (8, 6.0), (16, 6.1)), 1) == [(15, 17, 16)]


@pytest.mark.parametrize("at", [0, 23])
def test_a_peak_may_stand_at_either_end(at):
    ((first, last, peak),) = clusters.find_clusters(spikes(24, (at, 6.0)), 9)
    assert (first, last, peak) == ((0, 1, 0) if at == 0 else (22, 23, 23))


def test_mass_is_cut_in_proportion_at_both_ends():
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    mass = np.array([1.0, 10.0, 100.0])
    for low, high, held in (
        (0, 4, 111),
        (0.25, 4, 110.75),
        (0, 3, 61),
        (1.5, 2.5, 30),
        (5, 9, 0),
        (-3, -1, 0),
        (2, 2, 0),
    ):
        assert float(clusters.mass_between(edges, mass, low, high)) == pytest.approx(held)


def test_the_narrowest_band_is_cut_where_the_window_is():
    edges, mass = np.arange(6.0), np.array([1.0, 1.0, 8.0, 1.0, 1.0])
    assert clusters.narrowest_band(edges, mass, 0.0, 5.0, 0.66) == (2.0, 3.0)
    assert clusters.narrowest_band(edges, mass, 0.0, 5.0, 0.67) == (1.0, 3.0)
    assert clusters.narrowest_band(edges, mass, 2.25, 2.75, 0.8) == (2.25, 2.75)
    assert clusters.narrowest_band(edges, mass, 7.0, 9.0, 0.8) is None


def found_map():
    path, volume, interest = walk()
    return mapped(path, [venue("a", volume, interest)])


def peaks(heights, *, side=SHORT):
    """Return a map of lone bins, 20 apart, on one side."""
    made = found_map()
    forced = np.zeros_like(made.forced)
    middle = forced.shape[1] // 2
    for i, height in enumerate(heights, 1):
        forced[side, middle + 10 * i if side == SHORT else middle - 10 * i] = height
    factor = np.linspace(0.5, 2.0, 201)[:, None, None]
    return msgspec.structs.replace(made, forced=forced, exposed=4 * forced, draws=factor * forced)


def test_three_clusters_a_side_are_shown_heaviest_first():
    made = peaks([1.0, 5.0, 3.0, 4.0])
    found = made.clusters()
    assert [c.usd for c in found] == [5, 4, 3]
    assert [c.side for c in found] == ["short"] * 3
    first = found[0]
    # Draws run from half to twice evenly: 5 % and 95 % of the way.
    assert (first.usd_low, first.usd_high) == (pytest.approx(5 * 0.575), pytest.approx(5 * 1.925))
    assert first.exposed_usd == 20
    # The peak is the bin that begins 20 bins of a quarter per cent above the price.
    assert first.distance == pytest.approx(math.exp(20.5 * 0.0025) - 1)
    assert first.peak == pytest.approx(made.price * (1 + first.distance))
    assert (first.low, first.high) == (
        pytest.approx(made.price * math.exp(19 * 0.0025)),
        pytest.approx(made.price * math.exp(22 * 0.0025)),
    )
    both = msgspec.structs.replace(made, forced=made.forced[::-1])
    assert [c.side for c in both.clusters(2)] == ["long"] * 2


def test_a_band_holds_four_fifths_and_its_range_is_of_draws():
    made = peaks([8.0, 1.0, 1.0])
    risk = made.window(15)
    assert (risk.short.usd, risk.short.exposed_usd, risk.long.usd) == (10, 40, 0)
    assert (risk.short.low, risk.short.high) == (pytest.approx(5.75), pytest.approx(19.25))
    low, high = risk.short.band
    assert (low, high) == (pytest.approx(made.price * math.exp(0.025)), pytest.approx(made.price * math.exp(0.0275)))
    assert risk.ratio is None
    assert risk.heavier is None
    assert (risk.low_price, risk.high_price) == (pytest.approx(0.85 * made.price), pytest.approx(1.15 * made.price))
    # A hair less than four fifths in one bin takes the next one as well.
    wider = peaks([7.99, 1.0, 1.01]).window(15).short.band
    assert wider[1] > high


def test_a_side_is_heavier_where_the_whole_range_of_the_ratio_is():
    path, volume, interest = walk()
    made = mapped(path, [venue("a", volume, interest)])
    base = made.window(15)
    for low, value, high, side in (
        (1.0, 2.0, 3.0, None),
        (1.01, 2.0, 3.0, "short"),
        (0.2, 0.5, 1.0, None),
        (0.2, 0.5, 0.99, "long"),
        (0.5, 1.5, 2.0, None),
    ):
        ratio = msgspec.structs.replace(base.ratio, low=low, value=value, high=high)
        assert msgspec.structs.replace(base, ratio=ratio, comparable=True).heavier == side
        assert msgspec.structs.replace(base, ratio=ratio, comparable=False).heavier is None


def test_bands_on_either_side_are_set_against_each_other():
    made = peaks([6.0])
    forced = made.forced.copy()
    forced[LONG] = forced[SHORT][::-1] / 3
    made = msgspec.structs.replace(made, forced=forced, path_implied=forced * np.array([[2.0], [1.0]]))
    near = made.price * np.exp([0.02, 0.03]), made.price * np.exp([-0.03, -0.02])
    assert made.ratio_between(*(tuple(b) for b in near)) == (pytest.approx(3), pytest.approx(1.5))
    empty = tuple(made.price * np.exp([-0.4, -0.3]))
    assert made.ratio_between(tuple(near[0]), empty) == (None, None)


# cascade


def test_a_stressed_book_is_a_tenth_and_the_law_has_no_factor_of_its_own():
    assert pytest.approx(1 / 10) == cascade.STRESSED_SHARE
    impact, _cost = cascade.square_root(1e6, 0.04)
    # A whole day's volume moves the price by a day's volatility.
    assert float(impact(np.array(1e6))) == pytest.approx(0.04)


def test_a_push_runs_through_the_map_on_its_own_side():
    made = peaks([3.0, 5.0])
    law = {"law": (lambda flow: np.asarray(flow / 1e3), lambda distance: np.asarray(distance * 1e3))}
    up = cascade.run(made, made.price * 1.04, law)
    assert up.side == "short"
    # At 4 % the first bin, at 2.5 %, is behind and the second, at 5 %, ahead.
    assert up.forced.value == pytest.approx(3)
    down = cascade.run(made, made.price * 0.96, law)
    assert (down.side, down.forced.value) == ("long", 0)
    # A fall is carried down, a rise up: by the mass behind it over a thousand.
    assert up.laws[0].reach.value == pytest.approx(made.price * 1.043, rel=1e-4)
    assert down.laws[0].reach.value == pytest.approx(made.price * 0.96)
    other = cascade.run(peaks([3.0, 5.0], side=LONG), made.price * 0.94, law)
    assert other.laws[0].reach.value == pytest.approx(made.price * (0.94 - 0.008), rel=1e-4)
    assert (other.side, other.forced.value) == ("long", pytest.approx(8))


def test_laws_are_off_by_a_factor_whose_log_deviates_by_three_tenths():
    # Without forced flow the cost alone is drawn: distance over the scale, so its spread is that of the scale.
    made = peaks([])
    made = msgspec.structs.replace(made, draws=np.zeros((4000, *made.forced.shape)))
    law = {"law": (lambda flow: np.asarray(0 * flow), lambda distance: np.asarray(distance * 1.0))}
    cost = cascade.run(made, made.price * 1.1, law).laws[0].cost_usd
    assert cost.value == pytest.approx(0.1)
    assert math.log(cost.high / cost.low) / (2 * 1.645) == pytest.approx(0.3, rel=0.05)


# scores


def test_no_correlation_is_told_of_two_rows_or_of_what_does_not_vary():
    rising, falling = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    assert scores.correlation(rising, rising) == pytest.approx(1)
    assert scores.correlation(rising, falling) == pytest.approx(-1)
    assert scores.correlation(rising[:2], rising[:2]) == 0
    assert scores.correlation(rising, np.ones(3)) == scores.correlation(np.ones(3), rising) == 0
    assert scores.correlation(rising, 1 + 1e-9 * rising) == pytest.approx(1, abs=1e-3)


def test_ranks_count_from_one_and_ties_share():
    assert scores.ranks(np.array([5.0, 1.0, 5.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_the_penalty_weighs_as_five_rows():
    # One feature of mean 0 and deviation 1 over 20 rows: 20 of 25 parts of the slope are kept.
    feature = np.tile([1.0, -1.0], 11)[:, None]
    found = scores.walk_ridge(feature, 3.0 * feature[:, 0] + 7.0, 20, 2)
    assert found[20:] == pytest.approx([7 + 3 * 0.8, 7 - 3 * 0.8])


def test_bounds_of_a_mean_hold_nine_tenths_of_draws():
    day, values = np.repeat(np.arange(400), 2), np.random.default_rng(3).normal(5, 2, 800)
    low, high = scores.mean_bounds(values, day, 4000, 0)
    by_day = values.reshape(-1, 2).mean(axis=1)
    assert (high - low) / 2 == pytest.approx(1.645 * by_day.std() / 20, rel=0.05)
    assert scores.mean_bounds(values[:4], np.array([0, 0, 1, 1]), 50, 0) != (None, None)


# frozen maps and validation


@pytest.mark.parametrize(("bands", "told"), [(9, False), (10, True)])
def test_a_horizon_is_scored_from_twenty_bands_on(bands, told, monkeypatch):
    seen = np.linspace(1e6, 2e6, bands)
    monkeypatch.setattr(frozen, "_maps", lambda *_rest: np.zeros((3, 2, 1)))
    monkeypatch.setattr(frozen, "_crossed", lambda *_rest: np.stack([seen, seen, seen, seen, np.ones(bands)]))
    refit = Refit(24, np.ones(1), np.ones(1), np.ones(2), np.ones(1), np.ones((2, 1)))
    held = msgspec.structs.replace(trial(2), fits=[refit])
    # 120 bars of an hour: a day from bar 24 on is there, four days reach the end, more do not.
    for days, there in ((1.0, True), (4.0, True), (4.05, False)):
        rows = frozen.frozen_scores(HOUR_MS, flat(120), [], Assumptions(), held, [days])
        assert bool(rows) is (told and there)
        if rows:
            (row,) = rows
            assert (row.days, row.maps, row.bands, row.ln_error) == (days, 1, 20, pytest.approx(0))
            assert row.level_ln_error == pytest.approx(0)
            assert (row.spearman, row.width_spearman) == (pytest.approx(1), 0)


def test_small_sums_are_made_alike_by_ten_thousand_dollars():
    assert frozen._ln_error(np.array([0.0]), np.array([1e4])) == pytest.approx(math.log(2))
    assert frozen._ln_error(np.array([3e4, 0.0]), np.array([1e4, 0.0])) == pytest.approx(math.log(2) / 2)


def test_bands_are_a_per_cent_wide():
    # Price falls 0.5 % in the first bar and to 2.5 % in the second: the second crosses the rest of one, one, a half.
    low = 100 * np.exp([0.0, -0.005, -0.025])
    path = PricePath(np.full(3, 100.0), np.full(3, 100.0), low, np.full(3, 100.0))
    mass = np.ones(density.log_edges().size - 1)
    held, seen, width = frozen._crossed(path, mass[None], np.array([6.0, 8.0]), slice(1, 3), LONG)
    assert width == pytest.approx([0.01, 0.01, 0.005])
    assert held == pytest.approx([4, 4, 2])  # of bins of a quarter per cent
    assert seen == pytest.approx([6 + 2, 4, 2])


def test_a_third_and_a_bit_only_trains_and_fewer_than_200_bars_are_not_scored():
    for bars, tested in ((199, 0), (200, 130), (1000, 650)):
        found = trial(bars // 50 + 1, rows_a_day=50)
        part = {
            name: getattr(found, name)[..., :bars]
            for name in ("observed", "predicted", "low", "high", "move", "path_null", "fixed", "day", "members")
        }
        short = msgspec.structs.replace(found, **part, base_features=found.base_features[:, :bars])
        rows, inside, count = validate.scored(short)
        assert (bool(rows), count) == (tested > 0, tested)
        assert inside == pytest.approx(1.0) if rows else math.isnan(inside)


def test_a_row_of_the_usual_size_counts_for_ten_elevenths():
    floor = likelihood.floors(np.array([[2.0, 4.0, 6.0, 99.0]]), np.array([[True, True, True, False]]))
    assert likelihood.attention(np.array([4.0, 0.0]), floor) == pytest.approx([10 / 11, 1.0])


def test_the_largest_of_a_hundred_days_is_left_out_of_the_dispersion():
    # 100 days of one row a side: residuals of 1 where 1 is expected, but one of 1,000.
    mean, known = np.ones((1, 200)), np.ones((1, 200), dtype=bool)
    observed, day = np.full((1, 200), 11.0), np.repeat(np.arange(100), 2)
    plain = likelihood.dispersion(observed, mean, np.array([1e12]), known, day)
    assert plain == pytest.approx(100)
    observed[0, 7] = 1001.0
    assert likelihood.dispersion(observed, mean, np.array([1e12]), known, day) == pytest.approx(100, rel=0.02)
    assert likelihood.dispersion(mean, mean, np.array([1e12]), known, day) == 1  # no less than a dollar


# the map through time


def test_the_picture_reaches_an_eighth_beyond_the_path_and_its_path_is_2000_spans():
    path, volume, interest = walk(50)
    a, time_ms = Assumptions(), np.arange(50, dtype=np.int64) * HOUR_MS
    weights = np.full((2, a.distances * a.lives().share.size), 0.1)
    found = heatmap.heatmap("X", time_ms, HOUR_MS, path, [venue("a", volume, interest, bars=50)], weights, a, 99, 40)
    assert found.edges[0] == pytest.approx(path.low.min() * math.exp(-0.12))
    assert found.edges[-1] == pytest.approx(path.high.max() * math.exp(0.12))
    assert found.edges.size == 41
    assert (found.time_ms.size, found.long_usd.shape) == (50, (50, 40))
    assert found.time_ms[-1] == 50 * HOUR_MS
    assert found.price.tolist() == path.close.tolist()
    assert flat(2000).spans(heatmap.MOST_SPANS)[0].size == 2000
    assert DAY_MS == 24 * HOUR_MS
