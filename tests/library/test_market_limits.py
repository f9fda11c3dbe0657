"""Markets of venues with paths of their own at their limits: what is filled, cut, chosen, noted and refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.errors import BarsError, MissingDataError
from imbalance.market import VenueBars, market_of_venues
from imbalance.path import PricePath
from imbalance.reader import read_bars
from imbalance.records import Contract, Feed
from imbalance.units import DAY_MS, HOUR_MS
from tests.library.test_market import HEAD, START, rows, write

UNKNOWN = np.nan


def venue(name, closes, volume=1.0, interest=5.0, liquidated=UNKNOWN):
    close = np.array(closes, dtype=float)

    def series(value):
        return np.broadcast_to(np.array(value, dtype=float), close.shape).copy()

    return VenueBars(
        name=name,
        contract=Contract.LINEAR,
        feed=Feed.UNKNOWN,
        volume_base=series(volume),
        taker_buy_base=series(UNKNOWN),
        open_interest_base=series(interest),
        long_liquidations_base=series(liquidated),
        short_liquidations_base=series(liquidated),
        path=np.stack([close - 0.1, close + 0.2, close - 0.2, close]),
    )


def market(*venues, interval_ms=HOUR_MS):
    bars = venues[0].volume_base.size
    return market_of_venues("X", interval_ms, START + np.arange(bars) * interval_ms, venues)


def test_the_path_is_of_the_venue_that_trades_most_bar_by_bar():
    found = market(
        venue("c", [10.0, 11.0, UNKNOWN, 13.0, UNKNOWN], volume=[1.0, 1.0, UNKNOWN, 1.0, UNKNOWN]),
        venue("b", [20.0, 21.0, 22.0, 23.0, UNKNOWN], volume=[0.1, 0.1, 0.1, UNKNOWN, UNKNOWN]),
        venue("a", [30.0] * 4 + [UNKNOWN], volume=[0.1, 0.1, 0.1, UNKNOWN, UNKNOWN]),
    )
    assert [v.name for v in found.venues] == ["c", "a", "b"]
    assert found.close.tolist() == [10.0, 11.0, 30.0, 13.0]
    assert (found.price, found.time_ms.size, found.notes) == (13.0, 4, ())
    np.testing.assert_allclose(found.open, found.close - 0.1)


def gaps(count, missing):
    closes = np.arange(count) + 10.0
    closes[1 : 1 + missing] = UNKNOWN
    return closes


@pytest.mark.parametrize(("count", "missing", "read"), [(10, 2, True), (10, 3, False), (14, 3, False), (15, 3, True)])
def test_a_fifth_of_the_bars_may_lack(count, missing, read):
    if read:
        found = market(venue("v", gaps(count, missing)))
        assert found.notes == (f"{missing} missing bars filled flat",)
        for prices in found.path:
            assert prices[1 : 1 + missing].tolist() == [10.0] * missing
        return
    with pytest.raises(BarsError) as caught:
        market(venue("v", gaps(count, missing)))
    assert caught.value.message == (
        f"{missing} of {count} bars of 1h are missing, the most from 2023-11-14T23:00:00Z to "
        f"2023-11-15T0{missing - 1}:00:00Z; at most a fifth may be"
    )


def test_the_widest_hole_is_told():
    closes = np.arange(20) + 10.0
    closes[[2, 5, 6, 7, 12]] = UNKNOWN
    with pytest.raises(BarsError, match="the most from 2023-11-15T03:00:00Z to 2023-11-15T06:00:00Z"):
        market(venue("v", closes))


def test_without_open_interest_there_is_no_market():
    with pytest.raises(MissingDataError, match="no open interest"):
        market(venue("v", [10.0, 11.0], interest=0.0), venue("w", [10.0, 11.0], interest=UNKNOWN))
    with pytest.raises(MissingDataError, match="ends at 0 at every venue"):
        market(venue("v", [10.0, 11.0], interest=[5.0, 0.0]), venue("w", [10.0, 11.0], interest=[0.0, UNKNOWN]))
    small = market(venue("v", [10.0, 11.0], interest=0.5), venue("w", [10.0, 11.0], interest=UNKNOWN))
    assert [v.has_open_interest for v in small.venues] == [True, False]
    assert market(venue("v", [10.0, 11.0], interest=[0.5, UNKNOWN])).venues[0].has_open_interest


def test_what_is_0_in_every_bar_is_not_known():
    volume = "volume is empty or 0 in every bar: taken as not known"
    liquidated = "liquidations are 0 in every bar: taken as not reported"
    for value, notes in ((0.0, (volume,)), (UNKNOWN, (volume,)), ([0.0, 0.5], ())):
        own = market(venue("v", [10.0, 11.0], volume=value)).venues[0]
        assert own.notes == notes
        assert np.isnan(own.volume_base).all() == bool(notes)
    for value, notes in ((0.0, (liquidated,)), (UNKNOWN, ()), ([0.0, 0.5], ()), ([0.0, UNKNOWN], (liquidated,))):
        own = market(venue("v", [10.0, 11.0], liquidated=value)).venues[0]
        assert own.notes == notes
        assert np.isnan(own.long_liquidations_base).all() == (bool(notes) or value is UNKNOWN)
    one = msgspec.structs.replace(venue("v", [10.0, 11.0], liquidated=0.0), long_liquidations_base=np.array([1.0, 0.0]))
    assert market(one).venues[0].notes == ()
    none = market(venue("v", [10.0, 11.0]), venue("w", [10.0, 11.0], interest=0.0)).venues[1]
    assert none.notes == ("open interest is empty or 0 in every bar: left out of the map and of sums",)


@pytest.mark.parametrize(
    ("interval_ms", "unknown", "age_ms"),
    [
        (HOUR_MS, 23, 0),
        (HOUR_MS, 24, DAY_MS),
        (HOUR_MS, 30, 30 * HOUR_MS),
        (DAY_MS, 1, 0),
        (DAY_MS, 2, 2 * DAY_MS),
        (DAY_MS // 2, 1, 0),
        (DAY_MS // 2, 2, DAY_MS),
        (DAY_MS // 4 * 3, 1, 0),
        (DAY_MS // 4 * 3, 2, DAY_MS // 2 * 3),
    ],
)
def test_open_interest_of_a_day_ago_is_old(interval_ms, unknown, age_ms):
    levels = np.where(np.arange(40) < 40 - unknown, 5.0, UNKNOWN)
    found = market(venue("v", np.arange(40) + 10.0, interest=levels), interval_ms=interval_ms)
    assert found.interest_age_ms(found.venues[0]) == age_ms
    noted = [note for note in found.venues[0].notes if note.startswith("open interest last known at")]
    assert len(noted) == bool(age_ms)
    if interval_ms == HOUR_MS and unknown == 24:
        assert noted == ["open interest last known at 2023-11-15T14:00:00Z, and taken to stand since"]


def test_how_long_open_interest_is_known():
    found = market(venue("v", [10.0] * 6, interest=[0.0, 0.0, 0.5, 1.0, 1.0, 1.0]), venue("w", [10.0] * 6, interest=0))
    assert found.history_ms == 4 * HOUR_MS
    both = market(venue("v", [10.0] * 6, interest=[0.0, 0.0, 0.5, 1.0, 1.0, 1.0]), venue("w", [10.0] * 6))
    assert both.history_ms == 6 * HOUR_MS
    assert msgspec.structs.replace(found, venues=found.venues[1:]).history_ms == 0


def test_a_market_as_it_was():
    found = market(
        venue("v", np.arange(6) + 10.0, volume=[1, 1, 1, 1, 9, 9]), venue("w", np.arange(6) + 10.05, volume=2)
    )
    assert (found.close[0], found.as_of_ms) == (10.0, START + 6 * HOUR_MS)
    assert found.until(found.as_of_ms) is found
    assert found.until(found.as_of_ms - 1).time_ms.size == 5
    then = found.until(START + 3 * HOUR_MS)
    assert (then.time_ms.size, then.price, then.venues[0].name) == (3, 12.05, "w")
    assert found.until(START + HOUR_MS).time_ms.size == 1
    with pytest.raises(MissingDataError) as caught:
        found.until(START + HOUR_MS - 1)
    told = "no bar ends at or before 2023-11-14T22:59:59Z: the first ends at 2023-11-14T23:00:00Z"
    assert caught.value.message == told
    alone = msgspec.structs.replace(found, venues=tuple(msgspec.structs.replace(v, path=None) for v in found.venues))
    then = alone.until(START + 3 * HOUR_MS)
    assert (then.price, then.close.tolist(), then.venues[0].volume_base.size) == (12.0, [10.0, 11.0, 12.0], 3)


def test_a_market_of_prices_alone_stays_one_and_another_needs_its_interest():
    bare = venue("v", np.arange(6) + 10.0, interest=UNKNOWN)
    found = market_of_venues("BTC", HOUR_MS, START + HOUR_MS * np.arange(6), (bare,), needs_interest=False)
    assert found.until(START + 3 * HOUR_MS).close.tolist() == [10.0, 11.0, 12.0]
    late = market(venue("v", np.arange(6) + 10.0, interest=[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
    with pytest.raises(MissingDataError, match="no open interest"):
        late.until(START + 3 * HOUR_MS)


def test_a_file_is_read_up_to_a_moment(tmp_path):
    path = write(tmp_path / "a.csv", rows())
    for as_of_ms, bars in ((START + 30 * HOUR_MS, 30), (START + 30 * HOUR_MS - 1, 29), (START + HOUR_MS, 1)):
        found = read_bars(path, as_of_ms=as_of_ms)
        assert (found.time_ms.size, found.time_ms[-1] - found.time_ms[0]) == (bars, (bars - 1) * HOUR_MS)
    with pytest.raises(MissingDataError, match="the first ends at 2023-11-14T23:00:00Z"):
        read_bars(path, as_of_ms=START + HOUR_MS - 1)


def test_marks_take_the_place_of_highs_and_lows_where_they_are_known(tmp_path):
    table = [[*r, *((r[3] + 1, r[4] - 2) if i == 7 else ("", ""))] for i, r in enumerate(rows())]
    found = read_bars(write(tmp_path / "a.csv", table, f"{HEAD},mark_high,mark_low"))
    plain = rows()
    assert (found.high[7], found.low[7]) == (plain[7][3] + 1, plain[7][4] - 2)
    assert (found.high[8], found.low[8]) == (plain[8][3], plain[8][4])


@pytest.mark.parametrize("bars", [1, 2, 7, 12])
@pytest.mark.parametrize("most", [1, 2, 5, 12, 99])
def test_spans_of_a_path_are_those_of_a_plain_walk(bars, most):
    generator = np.random.default_rng(bars)
    path = PricePath(*generator.normal(size=(4, bars)))
    length = next(n for n in range(1, bars + 1) if n * most >= bars)
    starts = range(0, bars, length)
    ends = [min(start + length, bars) for start in starts]
    last, spans = path.spans(most)
    assert last.tolist() == [end - 1 for end in ends]
    assert spans.open.tolist() == [path.open[start] for start in starts]
    assert spans.close.tolist() == [path.close[end - 1] for end in ends]
    assert spans.high.tolist() == [max(path.high[s:e]) for s, e in zip(starts, ends, strict=True)]
    assert spans.low.tolist() == [min(path.low[s:e]) for s, e in zip(starts, ends, strict=True)]
    assert path.until(1).close.tolist() == [path.close[0]]
