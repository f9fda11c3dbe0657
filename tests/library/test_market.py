"""Bars files: what is read, what is repaired, and errors that name the line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import imbalance
from imbalance.errors import BarsError, MissingDataError, UsageError
from imbalance.reader import read_bars
from imbalance.records import Feed, MarginTier
from tests.conftest import SHARED

HEAD = (
    "time,venue,open,high,low,close,volume_base,taker_buy_base,open_interest_base,"
    "long_liquidations_base,short_liquidations_base"
)
HOUR = 3_600_000
START = 1_700_000_000_000 // HOUR * HOUR


def rows(count=60, venue="v", start=START, step=HOUR):
    g = np.random.default_rng(4)
    close = 100 * np.exp(np.cumsum(g.normal(0, 0.01, count)))
    found = []
    for i in range(count):
        o, c = (close[i - 1] if i else 100.0), close[i]
        found.append(
            [start + i * step, venue, o, max(o, c) * 1.002, min(o, c) * 0.998, c, 50 + i, 20, 1000 + i, i % 3, 1]
        )
    return found


def write(path, table, head=HEAD):
    path.write_text(head + "\n" + "".join(",".join(map(str, r)) + "\n" for r in table))
    return path


def test_reads_shuffled_gzipped_and_iso_times_alike(tmp_path):
    table = rows()
    plain = read_bars(write(tmp_path / "a.csv", table))
    shuffled = write(tmp_path / "b.csv", table[::-1])
    iso = [[str(np.datetime64(r[0], "ms")) + "Z", *r[1:]] for r in table]
    zipped = tmp_path / "c.csv.gz"
    zipped.write_bytes(gzip.compress(shuffled.read_bytes()))
    for other in (read_bars(shuffled), read_bars(write(tmp_path / "d.csv", iso)), read_bars(zipped)):
        assert (other.close == plain.close).all()
        assert (other.time_ms == plain.time_ms).all()
    assert plain.interval_ms == HOUR
    assert not plain.close.flags.writeable


def test_the_path_is_that_of_the_venue_with_the_largest_volume(tmp_path):
    small, large = (
        rows(venue="small"),
        [[*r[:2], *(v * 1.01 for v in r[2:6]), r[6] * 10, *r[7:]] for r in rows(venue="large")],
    )
    market = read_bars(write(tmp_path / "a.csv", small + large))
    assert market.close[0] == pytest.approx(large[0][5])
    assert [v.name for v in market.venues] == ["large", "small"]


def test_a_missing_bar_is_filled_flat_and_told(tmp_path):
    table = rows()
    market = read_bars(write(tmp_path / "a.csv", table[:20] + table[21:]))
    assert market.high[20] == market.low[20] == market.close[19]
    assert np.isnan(market.venues[0].volume_base[20])
    assert any("filled" in note for note in market.notes)


def test_empty_cells_are_missing_not_zero(tmp_path):
    table = [[*r[:7], "", r[8] if i > 5 else "", "", ""] for i, r in enumerate(rows())]
    venue = read_bars(write(tmp_path / "a.csv", table)).venues[0]
    assert np.isnan(venue.long_liquidations_base).all()
    assert np.isnan(venue.open_interest_base[:6]).all()
    assert venue.feed is Feed.UNKNOWN


def test_mark_prices_sweep_where_they_are_given(tmp_path):
    table = [[*r, r[3] * 0.999, r[4] * 1.001] for r in rows()]
    market = read_bars(write(tmp_path / "a.csv", table, HEAD + ",mark_high,mark_low"))
    assert market.high[7] == pytest.approx(table[7][3] * 0.999)
    assert market.low[7] == pytest.approx(table[7][4] * 1.001)


def bad(row, column, value):
    table = rows()
    table[row][HEAD.split(",").index(column)] = value
    return table


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (bad(3, "high", 1), "line 5, column high"),
        (bad(3, "low", 1e9), "line 5, column high: below"),
        (bad(7, "close", "abc"), "line 9, column close: not a number"),
        (bad(7, "close", "inf"), "line 9, column close: not finite"),
        (bad(7, "open", ""), "line 9, column open: a price"),
        (bad(2, "volume_base", -1), "line 4, column volume_base: negative"),
        (bad(2, "taker_buy_base", 1e9), "line 4, column taker_buy_base: exceeds"),
        (bad(2, "time", "yesterday"), "line 4, column time"),
        (bad(2, "time", 5), "line 4, column time: outside"),
        (bad(9, "time", START + 8 * HOUR), "line 11, column time: this venue and time occur twice"),
        (bad(9, "venue", ""), "line 11, column venue: empty"),
        (rows()[:1], "one bar time only"),
        (rows()[:10] + rows(5, start=START + 200 * HOUR), "are missing"),
    ],
)
def test_an_impossible_row_is_named(tmp_path, table, told):
    with pytest.raises(BarsError, match=told):
        read_bars(write(tmp_path / "a.csv", table))


def test_an_uneven_grid_is_named(tmp_path):
    table = rows()
    table[30][0] += 60_000
    with pytest.raises(BarsError, match=r"off the .* grid"):
        read_bars(write(tmp_path / "a.csv", table))


@pytest.mark.parametrize("body", [b"", b"\x00\x01\x02", b"a,b\n1,2\n"])
def test_what_is_no_bars_file_is_said_so(tmp_path, body):
    path = tmp_path / "a.csv"
    path.write_bytes(body)
    with pytest.raises(BarsError, match=r"a\.csv"):
        read_bars(path)
    with pytest.raises(BarsError, match="no such file"):
        read_bars(tmp_path / "none.csv")


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(BarsError, match="no column open_interest_base"):
        read_bars(write(tmp_path / "a.csv", [r[:7] for r in rows()], ",".join(HEAD.split(",")[:7])))


def test_nothing_after_as_of_has_influence(tmp_path):
    table, cut = rows(120), START + 80 * HOUR
    whole = write(tmp_path / "a.csv", table)
    part = write(tmp_path / "b.csv", table[:80])
    wild = write(tmp_path / "c.csv", table[:80] + [[r[0], r[1], *(v * 3 for v in r[2:])] for r in table[80:]])
    maps = [imbalance.estimate(read_bars(p), as_of=cut) for p in (whole, part, wild)]
    maps += [imbalance.estimate(read_bars(p, as_of_ms=cut)) for p in (whole, wild)]
    for other in maps[1:]:
        assert (other.forced == maps[0].forced).all()
        assert (other.draws == maps[0].draws).all()
    assert maps[0].as_of_ms == cut
    with pytest.raises(MissingDataError):
        read_bars(whole, as_of_ms=START)
    with pytest.raises(UsageError, match="as_of"):
        imbalance.estimate(read_bars(whole), as_of="noon")


def test_real_sol_keeps_its_promises():
    path = SHARED / "bars" / "sol-2024.csv.gz"
    if not path.is_file():
        pytest.skip("the recorded market is not here")
    market = read_bars(path, symbol="SOL")
    found = imbalance.estimate(market, symbol="SOL")
    for v in found.audit.venues:
        assert max(v.long_exposed_base, v.short_exposed_base) <= v.open_interest_base
    assert found.model.calibrated
    assert found.forced[0][found.log_edges[:-1] >= 0].sum() == 0
    assert found.forced[1][found.log_edges[1:] <= 0].sum() == 0


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(12, 46), st.floats(0.1, 10), st.floats(0.1, 10), st.booleans())
def test_what_comes_later_does_not_choose_the_path(tmp_path, bars, early, late, ends):
    # Two venues 0.4 % apart; who trades more may change after the cut, and a venue may start or go dark there.
    one = [[*r[:7], "", *r[8:]] for r in rows(60, "a")]
    two = [[*r[:2], *(v * 1.004 for v in r[2:6]), r[6], "", *r[8:]] for r in rows(60, "b")]
    for i, r in enumerate(two):
        r[6] *= early if i < bars else late
    if ends:
        one, two = one[: bars - 1], two[:bars] + two[bars + 2 :]
    cut = START + bars * HOUR
    whole = read_bars(write(tmp_path / "a.csv", one + two), symbol="SOL")
    part = read_bars(write(tmp_path / "b.csv", [r for r in one + two if r[0] + HOUR <= cut]), symbol="SOL")
    for then in (whole.until(cut), read_bars(tmp_path / "a.csv", symbol="SOL", as_of_ms=cut)):
        assert (then.as_of_ms, then.price, then.notes) == (part.as_of_ms, part.price, part.notes)
        assert [(v.name, v.notes) for v in then.venues] == [(v.name, v.notes) for v in part.venues]
        for name in ("time_ms", "open", "high", "low", "close"):
            assert (getattr(then, name) == getattr(part, name)).all()
    found, other = imbalance.estimate(whole, as_of=cut), imbalance.estimate(part)
    assert (found.forced == other.forced).all()


def test_the_symbol_is_that_of_the_bars(tmp_path):
    file = write(tmp_path / "a.csv", [[r[0], "binance", *r[2:]] for r in rows()])
    bars = read_bars(file, symbol="DOGE")
    own, named = imbalance.estimate(bars), imbalance.estimate(bars, symbol="BTC")
    assert (own.symbol, named.symbol) == ("DOGE", "BTC")
    # Each coin has a margin ladder of its own.
    assert own.forced.sum() != named.forced.sum()
    assert (own.forced == imbalance.estimate(read_bars(file), symbol="DOGE").forced).all()
    assert (imbalance.heatmap(bars, bins=9).symbol, imbalance.heatmap(bars, symbol="BTC", bins=9).symbol) == (
        "DOGE",
        "BTC",
    )


def test_the_heatmap_takes_a_moment_and_ladders_as_the_estimate_does(tmp_path):
    bars = read_bars(write(tmp_path / "a.csv", rows()))
    cut = START + 40 * HOUR
    found, cut_before = imbalance.heatmap(bars, as_of=cut, bins=50), imbalance.heatmap(bars.until(cut), bins=50)
    assert found.time_ms[-1] == cut
    assert (found.long_usd == cut_before.long_usd).all()
    steep = {"v": [MarginTier(0.0, 1e9, 0.2, 2.0, 0.0)]}
    assert imbalance.heatmap(bars, tiers=steep, bins=50).long_usd.sum() != pytest.approx(
        imbalance.heatmap(bars, bins=50).long_usd.sum()
    )


@pytest.mark.parametrize("name", ["note", "as_of", "venues", "__class__"])
def test_a_venue_may_have_any_name(tmp_path, name):
    bars = read_bars(write(tmp_path / "a.csv", rows(venue=name)))
    assert (
        imbalance.estimate(bars).forced == imbalance.estimate(read_bars(write(tmp_path / "b.csv", rows()))).forced
    ).all()


def test_columns_of_zeros_are_no_observation(tmp_path):
    table = [[*r[:6], 0, 0, r[8], 0, 0] for r in rows()]
    (venue,) = read_bars(write(tmp_path / "a.csv", table)).venues
    for series in (venue.volume_base, venue.long_liquidations_base, venue.short_liquidations_base):
        assert np.isnan(series).all()
    assert len(venue.notes) == 2
    quiet = [[*r[:9], 0, 0 if i % 30 else 1] for i, r in enumerate(rows())]
    (venue,) = read_bars(write(tmp_path / "a.csv", quiet)).venues
    assert (venue.long_liquidations_base == 0).all()
    old = [[*r[:8], r[8] if i < 20 else "", *r[9:]] for i, r in enumerate(rows())]
    (venue,) = read_bars(write(tmp_path / "a.csv", old)).venues
    assert "open interest last known at 2023-11-15T18:00:00Z" in venue.notes[0]


def test_before_the_first_bar_is_told(tmp_path):
    file = write(tmp_path / "a.csv", rows())
    for call in (lambda: read_bars(file, as_of_ms=START), lambda: imbalance.estimate(read_bars(file), as_of=START)):
        with pytest.raises(MissingDataError, match=r"no bar ends at or before 2023-11-14T22.*the first ends at .*T23"):
            call()
