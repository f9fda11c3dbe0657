"""The map through time is the map of each time."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import imbalance
from imbalance.engine import density, heatmap, lean
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.estimate import market_cohorts
from imbalance.engine.margin import LONG, SHORT
from imbalance.engine.venue import Venue
from imbalance.reader import read_bars
from tests.library.engine.test_engine import HOUR_MS, walk
from tests.library.test_market import rows, write

A = Assumptions()
WEIGHTS = np.random.default_rng(8).gamma(1, 0.1, (2, A.distances * A.lives().share.size))


def drawn(path, volume, interest, columns, bins=1000, *, inverse=False, opened=None):
    time_ms = np.arange(path.open.size, dtype=np.int64) * HOUR_MS
    none = np.zeros(0)
    venue = Venue("one", True, volume, interest, *[none] * 5, most_leverage=100.0, inverse=inverse)  # noqa: FBT003
    return heatmap.heatmap("BTC", time_ms, HOUR_MS, path, [venue], WEIGHTS, A, columns, bins, opened=opened)


def mapped_at(path, volume, interest, bars, *, inverse, opened):
    """Return mass by side as the map of the first `bars` bars has it, with one entry point a bar."""
    past = path.until(bars)
    none = np.zeros(0)
    venue = Venue("one", True, volume[:bars], interest[:bars], *[none] * 5, most_leverage=100.0, inverse=inverse)  # noqa: FBT003
    made = market_cohorts(past, [venue], HOUR_MS, A)
    left = made.left_at_end()[0]
    edges, price = density.distance_edges(A.distances), float(past.close[-1])
    times = lean.of_cohorts(opened, np.arange(bars) // 24, made)[None]
    mass = density.mass_basis(past, made, left, edges, price, heatmap.POINTS, inverse=inverse, times=times)
    return np.einsum("sfb,sf->sb", mass[0].reshape(*WEIGHTS.shape, -1), WEIGHTS), price


@pytest.mark.parametrize(("inverse", "chunk", "known"), [(False, 1_000_000, 1.0), (True, 100, 1.0), (False, 300, 0.7)])
def test_every_column_is_the_map_of_its_time(inverse, chunk, known, monkeypatch):
    monkeypatch.setattr(heatmap, "CHUNK", chunk)
    path, volume, interest = walk(500, seed=4, sd=0.008)
    volume[np.random.default_rng(1).random(500) >= known] = np.nan
    opened = np.random.default_rng(2).gamma(9, 1 / 9, (2, 22))
    found = drawn(path, volume, interest, 500, inverse=inverse, opened=opened)
    for bars in (100, 177, 333, 500):
        mass, price = mapped_at(path, volume, interest, bars, inverse=inverse, opened=opened)
        edges = price * np.exp(density.log_edges())
        low, high = max(edges[0], found.edges[0]), min(edges[-1], found.edges[-1])
        for side, values in enumerate((found.long_usd[bars - 1], found.short_usd[bars - 1])):
            cut = np.linspace(low, high, 9)
            one = np.interp(cut, edges, np.append(0, np.cumsum(mass[side])))
            other = np.interp(cut, found.edges, np.append(0, np.cumsum(values)))
            # Bins are cut at other edges.
            assert other - other[0] == pytest.approx(one - one[0], abs=0.01 * (one[-1] - one[0]))


def test_fewer_columns_show_the_same_times():
    path, volume, interest = walk(300)
    whole, part = drawn(path, volume, interest, 300), drawn(path, volume, interest, 60)
    at = np.searchsorted(whole.time_ms, part.time_ms)
    assert part.long_usd == pytest.approx(whole.long_usd[at], abs=1e-6)
    assert part.short_usd == pytest.approx(whole.short_usd[at], abs=1e-6)


def test_what_is_gathered_is_as_much_and_stands_in_its_own_column():
    path, volume, interest = walk(500)
    venue = Venue("one", True, volume, interest, *[np.zeros(0)] * 5, most_leverage=100.0)  # noqa: FBT003
    made, column = market_cohorts(path, [venue], HOUR_MS, A), np.arange(500) * 3 // 500
    found = heatmap._gathered(made, column)  # 166 bars a column, 32 entries: 5 as one
    assert found.birth.size - made.birth.size == 3 * 34 - 500
    for c in range(3):
        end = made.clock[:, column == c][:, -1:]
        whole, part = (
            (m.opened[0] * np.exp(m.clock[:, m.birth] - end))[:, column[m.birth] == c].sum(axis=1)
            for m in (made, found)
        )
        assert part == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("bars", "entries"), [(126, 126), (127, 127), (128, 64), (191, 96), (192, 64)])
def test_a_column_has_no_fewer_than_32_entries(bars, entries):
    path, volume, interest = walk(bars)
    venue = Venue("one", True, volume, interest, *[np.zeros(0)] * 5, most_leverage=100.0)  # noqa: FBT003
    made = market_cohorts(path, [venue], HOUR_MS, A)
    found = heatmap._gathered(made, np.arange(bars) * 2 // bars)
    assert found.birth.size - (made.birth.size - bars) == entries
    assert (found is made) is (entries == bars)
    # Each enters in the middle bar of its own.
    every = -(-bars // entries)
    assert found.birth[:3].tolist() == [every // 2 + every * i for i in range(3)]


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_level_that_an_extreme_just_touches_is_reached(side):
    path, volume, interest = walk(40, sd=1e-4)
    venue = Venue("one", True, volume, interest, *[np.zeros(0)] * 5, most_leverage=100.0)  # noqa: FBT003
    made = market_cohorts(path, [venue], HOUR_MS, A)
    edges = density.distance_edges(A.distances)
    # The level of a position of bar 8, which no other bar comes near.
    levels = {i: level[8] for i, _who, _price, level in density.entries(made, edges, 1, side)}
    row, away, sums = (2 if side == LONG else 1), np.inf if side == LONG else -np.inf, []
    for columns in (40, 4):  # of bars of their own, and of bars 0 to 9 in one
        for price in (abs(levels[7]), np.nextafter(abs(levels[7]), away)):
            path[row][9] = price
            found = drawn(path, volume, interest, columns)
            sums.append((found.long_usd, found.short_usd)[side][-1].sum())
    assert sums[0] < sums[1] * (1 - 1e-6)
    assert sums[2] < sums[3] * (1 - 1e-6)


def test_gathering_smooths_the_grain_alone(monkeypatch):
    path, volume, interest = walk(3000, sd=0.002)
    gathered = drawn(path, volume, interest, 10, 1000)
    monkeypatch.setattr(heatmap, "ENTRIES_A_COLUMN", 3000)
    whole = drawn(path, volume, interest, 10, 1000)
    for one, other in ((gathered.long_usd, whole.long_usd), (gathered.short_usd, whole.short_usd)):
        assert (one != other).any()
        assert one.sum(axis=1) == pytest.approx(other.sum(axis=1), rel=0.05)
        coarse, fine = (m.reshape(10, 20, 50).sum(axis=2) for m in (one, other))
        assert np.abs(coarse - fine).sum() < 0.1 * fine.sum()


def test_nothing_stands_where_price_has_been_since():
    path, volume, interest = walk(300, sd=0.01)
    found = drawn(path, volume, interest, 300)
    for column in (50, 200, 299):
        price = path.close[column]
        middle = np.sqrt(found.edges[1:] * found.edges[:-1])
        scale = found.long_usd[column].sum() + found.short_usd[column].sum()
        assert found.long_usd[column][middle > price * 1.001].sum() < 1e-9 * scale
        assert found.short_usd[column][middle < price * 0.999].sum() < 1e-9 * scale


def test_a_venue_known_from_later_on_opens_nothing_by_becoming_known():
    path, volume, interest = walk(300)
    late = interest.copy()
    late[:100] = np.nan
    time_ms, none = np.arange(300, dtype=np.int64) * HOUR_MS, [np.zeros(0)] * 5
    venues = [
        Venue(name, complete, volume * share, held * share, *none, most_leverage=100.0)
        for name, complete, share, held in (("a", True, 1.0, interest), ("b", True, 0.5, late))
    ]
    # On wall time: activity is the market's, to which every venue adds.
    wall = msgspec.structs.replace(A, structures=A.structures[:1])
    weights = WEIGHTS[:, : wall.distances * wall.lives().share.size]
    both, one, other = (
        heatmap.heatmap("BTC", time_ms, HOUR_MS, path, given, weights, wall, 300, 500)
        for given in (venues, venues[:1], venues[1:])
    )
    assert both.long_usd == pytest.approx(one.long_usd + other.long_usd)
    assert both.short_usd == pytest.approx(one.short_usd + other.short_usd)
    # What it held before lies around the price of the bar it became known in, not at the cells' distances from it.
    assert other.short_usd[100].max() < 0.1 * other.short_usd[100].sum()


def test_the_path_is_shown_bar_by_bar_and_in_spans_that_reach_as_far():
    path, *_rest = walk(500)
    last, same = path.spans(500)
    assert (last == np.arange(500)).all()
    assert all((a == b).all() for a, b in zip(same, path, strict=True))
    last, spans = path.spans(70)
    assert spans.close.size == last.size == 63
    for i, (first, end) in enumerate(zip([0, *(last[:-1] + 1)], last + 1, strict=True)):
        assert spans.high[i] == path.high[first:end].max()
        assert spans.low[i] == path.low[first:end].min()
        assert (spans.open[i], spans.close[i]) == (path.open[first], path.close[end - 1])


def test_the_library_call(tmp_path):
    bars = read_bars(write(tmp_path / "a.csv", rows(100)))
    found = imbalance.heatmap(bars, columns=50, bins=80)
    assert found.long_usd.shape == found.short_usd.shape == (50, 80)
    assert found.edges.shape == (81,)
    assert np.isfinite(found.long_usd).all()


@pytest.mark.parametrize("column", [[0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 1, 2, 3], [0, 0, 0]])
def test_extremes_are_of_the_rest_of_the_own_column_and_of_whole_columns_after(column):
    lows = np.random.default_rng(len(column)).permutation(len(column)) + 10.0
    found = heatmap._sweep(lows, np.array(column))

    def lowest(bars):
        return min((lows[t] for t in bars), default=np.inf)

    bars, columns = range(len(column)), range(column[-1] + 1)
    assert found.rest.tolist() == [lowest(u for u in bars if u > t and column[u] == column[t]) for t in bars]
    assert found.minima[0][:-1].tolist() == [lowest(t for t in bars if column[t] == c) for c in columns]
    assert found.after.tolist() == [*(lowest(t for t in bars if column[t] > c) for c in columns), np.inf]


def test_a_path_of_more_than_2000_bars_is_shown_in_spans():
    path, volume, interest = walk(2001, sd=0.001)
    found = drawn(path, volume, interest, 1, 2)
    assert found.path.close.tolist() == [*path.close[1:-1:2], path.close[-1]]
    assert found.path_time_ms[:2].tolist() == [2 * HOUR_MS, 4 * HOUR_MS]
    assert (found.time_ms.tolist(), found.price.tolist()) == ([2001 * HOUR_MS], [path.close[-1]])
