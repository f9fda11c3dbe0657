"""Venues that publish in other steps, or no history, or whose liquidations another saw."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.assemble import VenueRecords, assemble, joined
from imbalance.errors import MissingDataError
from imbalance.records import Candle, Contract, ContractStats, Feed, Instrument, OpenInterest, VenueLiquidations
from imbalance.units import HOUR_MS, MINUTE_MS

START = 1_769_731_200_000
BARS = 48


def candles(price=100.0, step_ms=HOUR_MS, bars=BARS):
    return [
        Candle(START + i * step_ms, price + i, price + i + 2, price + i - 1, price + i + 1, 10.0) for i in range(bars)
    ]


def venue(name, interest, **more):
    listed = Instrument(name, "X", "X", "USDT", Contract.LINEAR)
    return VenueRecords(listed, candles=candles(), open_interest=interest, **more)


def interest(values, first=0):
    return [OpenInterest(START + (first + i + 1) * HOUR_MS, v) for i, v in enumerate(values)]


def market(*venues):
    return assemble("X", HOUR_MS, START + BARS * HOUR_MS, 150.0, venues)


def test_shorter_bars_are_joined_and_a_bar_that_lacks_a_part_is_left_out():
    quarters = candles(step_ms=15 * MINUTE_MS, bars=10)
    del quarters[5]
    found = joined(quarters, HOUR_MS)
    assert [c.time_ms for c in found] == [START, START + 2 * HOUR_MS]
    assert (found[0].open, found[0].close, found[0].high, found[0].low) == (100, 104, 105, 99)
    assert found[0].volume_base == 40
    assert found[1].volume_base == 20  # the running bar, as far as it has come
    whole = candles()
    assert joined(whole, HOUR_MS) == whole


def test_what_the_running_bar_has_reached_is_gone():
    known = venue("a", interest(np.full(BARS, 1000.0)))
    running = Candle(START + BARS * HOUR_MS, 148.0, 200.0, 50.0, 150.0, 1.0)
    now = VenueRecords(known.instrument, candles=[*candles(), running], open_interest=known.open_interest)
    found = assemble("X", HOUR_MS, running.time_ms + 1, 150.0, [now])
    before = market(known)
    assert (found.high[-1], found.low[-1]) == (200.0, 50.0)
    assert (found.open[-1], found.close[-1]) == (before.open[-1], before.close[-1])
    assert found.venues[0].volume_base == pytest.approx(before.venues[0].volume_base)


def test_interest_known_only_now_takes_the_shape_of_the_others():
    level = 1000.0 + 10 * np.arange(BARS)
    found = market(venue("a", interest(level)), venue("b", interest([50.0], first=BARS - 1)))
    shaped = next(v for v in found.venues if v.name == "b")
    assert shaped.open_interest_base == pytest.approx(50.0 * level / level[-1])
    assert any("shaped like" in note for note in shaped.notes)
    running = OpenInterest(START + BARS * HOUR_MS + 7 * MINUTE_MS, 50.0)
    read_later = market(venue("a", interest(level)), venue("b", [running]))
    found = next(v for v in read_later.venues if v.name == "b")
    assert found.open_interest_base == pytest.approx(50.0 * level / level[-1])
    alone = market(venue("b", interest([50.0], first=BARS - 1))).venues[0]
    assert alone.open_interest_base == pytest.approx(np.full(BARS, 50.0))


def test_what_an_aggregator_saw_is_placed_in_coins_and_named():
    rows = [VenueLiquidations(START + h * HOUR_MS, "a", 1000.0 * (h + 1), 0.0, HOUR_MS) for h in range(0, BARS, 2)]
    found = market(venue("a", interest(np.full(BARS, 9.0)), seen_elsewhere=rows, seen_elsewhere_by="coinalyze"))
    (only,) = found.venues
    assert (only.feed, only.liquidations_by) == (Feed.UNKNOWN, "coinalyze")
    usd = only.long_liquidations_base * found.close
    assert usd[0] == pytest.approx(1000)
    assert usd[2] == pytest.approx(3000)
    assert usd[1] == 0  # inside its span no bucket means none
    assert np.isnan(usd[-1])  # beyond it nothing is known


def test_a_fifth_of_the_bars_may_be_missing_and_no_more():
    listed = Instrument("a", "X", "X", "USDT", Contract.LINEAR)
    whole = candles(bars=20)
    for gone, fine in (((3, 7, 11, 15), True), ((3, 7, 11, 15, 16), False)):
        kept = [c for i, c in enumerate(whole) if i not in gone]
        records = VenueRecords(listed, candles=kept, open_interest=interest(np.full(20, 9.0)))
        if fine:
            found = assemble("X", HOUR_MS, START + 20 * HOUR_MS, 150.0, [records])
            assert found.high[3] == found.low[3] == found.close[2]
            assert "4 missing bars filled flat" in found.notes
        else:
            with pytest.raises(MissingDataError, match="5 of 20 bars are missing"):
                assemble("X", HOUR_MS, START + 20 * HOUR_MS, 150.0, [records])


def series(values, name="a", **more):
    """Return a venue's records with so many bars of an hour, open interest after each."""
    return venue(name, interest(values), **more)


def short(name, bars, volume=10.0, gone=()):
    listed = Instrument(name, "X", "X", "USDT", Contract.LINEAR)
    kept = [
        Candle(START + i * HOUR_MS, 100.0, 101.0, 99.0, 100.0, volume)
        for i in range(BARS - bars, BARS)
        if i not in gone
    ]
    return VenueRecords(listed, candles=kept, open_interest=interest(np.full(BARS, 9.0)))


@pytest.mark.parametrize(
    ("venues", "path"),
    [
        # The largest volume, as long as it has nearly all the bars that the best has: 47 of 48 are less than 98 %.
        ([("a", 48, 1.0), ("b", 48, 2.0)], "b"),
        ([("a", 48, 1.0), ("b", 47, 9.0)], "a"),
        ([("a", 48, 2.0), ("b", 48, 2.0)], "a"),
        ([("b", 48, 2.0), ("a", 48, 2.0)], "a"),
        ([("a", 40, 1.0), ("b", 40, 2.0)], "b"),
    ],
)
def test_the_path_is_of_the_largest_volume_among_those_that_cover_the_span(venues, path):
    assert market(*(short(*row) for row in venues)).notes[0] == f"path of {path}"


def test_98_per_cent_of_the_bars_cover_the_span():
    for gone, path in ((0, "b"), (1, "b"), (2, "a")):
        rows = [Candle(START + i * HOUR_MS, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(50)]
        more = [Candle(START + i * HOUR_MS, 1.0, 1.0, 1.0, 1.0, 9.0) for i in range(50 - gone)]
        listed = [Instrument(name, "X", "X", "USDT", Contract.LINEAR) for name in "ab"]
        records = [
            VenueRecords(one, candles=candles, open_interest=interest(np.full(50, 9.0)))
            for one, candles in zip(listed, (rows, more), strict=True)
        ]
        assert assemble("X", HOUR_MS, START + 50 * HOUR_MS, 1.0, records).notes[0] == f"path of {path}"


def test_only_bars_that_have_ended_count():
    for ends, bars in ((BARS * HOUR_MS, BARS), (BARS * HOUR_MS - 1, BARS - 1), (HOUR_MS, 1)):
        found = assemble("X", HOUR_MS, START + ends, 150.0, [series(np.full(BARS, 9.0))])
        assert found.time_ms.tolist() == [START + i * HOUR_MS for i in range(bars)]
    with pytest.raises(MissingDataError, match="no 1h bar has ended yet"):
        assemble("X", HOUR_MS, START + HOUR_MS - 1, 150.0, [series(np.full(BARS, 9.0))])
    with pytest.raises(MissingDataError, match="both candles and open interest"):
        assemble(
            "X", HOUR_MS, START + HOUR_MS, 150.0, [VenueRecords(Instrument("a", "X", "X", "USDT", Contract.LINEAR))]
        )


def statistics(hours=4, step=HOUR_MS, **more):
    return [ContractStats(START + i * step, 100.0, 50.0 + i, 1.0 + i, 2.0 + i, 0.0, 0.0, **more) for i in range(hours)]


def test_buckets_of_statistics_are_spread_evenly_over_the_bars_in_them():
    rows = statistics(6, 4 * HOUR_MS, taker_buy_base=8.0, taker_sell_base=4.0)
    found = market(series(np.full(BARS, 9.0), statistics=rows)).venues[0]
    assert found.long_liquidations_base[:9] == pytest.approx([0.25] * 4 + [0.5] * 4 + [0.75])
    assert found.short_liquidations_base[:5] == pytest.approx([0.5] * 4 + [0.75])
    assert found.taker_buy_base[:2] == pytest.approx([2.0, 2.0])
    assert np.isfinite(found.long_liquidations_base).sum() == 24  # six buckets of four hours
    assert "statistics every 4h, interpolated" in found.notes
    # A venue without candles has the volume of its takers.
    bare = VenueRecords(Instrument("b", "X", "X", "USDT", Contract.LINEAR), statistics=rows)
    other = market(series(np.full(BARS, 9.0)), bare).venues[1]
    assert other.volume_base[:24] == pytest.approx(np.full(24, 3.0))
    assert np.isnan(other.volume_base[24:]).all()
    # Buckets shorter than the bars are not scaled, and one alone is as long as a bar.
    assert market(series(np.full(BARS, 9.0), statistics=statistics(1))).venues[0].long_liquidations_base[0] == 1
    quarters = market(series(np.full(BARS, 9.0), statistics=statistics(BARS))).venues[0]
    assert quarters.long_liquidations_base.tolist() == [1.0 + i for i in range(BARS)]
    assert quarters.notes == ()


def test_open_interest_of_statistics_stands_in_where_there_is_no_history():
    rows = statistics(BARS)
    alone = market(venue("a", [], statistics=rows)).venues[0]
    # A bucket's open interest is of its start or its end: whichever, it rises by one an hour.
    assert np.diff(alone.open_interest_base)[1:-1] == pytest.approx(1)
    now = OpenInterest(START + BARS * HOUR_MS, 7.0)
    joined_up = market(venue("a", [now], statistics=rows)).venues[0]
    assert joined_up.open_interest_base[-1] == 7
    assert joined_up.open_interest_base[:-1] == pytest.approx(alone.open_interest_base[:-1])
    both = market(venue("a", interest([5.0, 6.0], first=10), statistics=rows)).venues[0]
    assert np.isnan(both.open_interest_base[:10]).all()
    assert both.open_interest_base[10:13].tolist() == [5, 6, 6]
    assert market(venue("a", interest([5.0]), statistics=rows[:1])).venues[0].open_interest_base[0] == 5


def test_open_interest_is_interpolated_and_unknown_before_its_first_stamp():
    rows = [OpenInterest(START + 3 * HOUR_MS, 10.0), OpenInterest(START + 7 * HOUR_MS, 30.0)]
    found = market(venue("a", rows)).venues[0]
    assert np.isnan(found.open_interest_base[:2]).all()
    assert found.open_interest_base[2:8].tolist() == [10, 15, 20, 25, 30, 30]
    assert found.open_interest_base[-1] == 30
    assert found.notes == ("open interest every 4h, interpolated",)
    assert market(venue("a", rows[:1])).venues[0].notes != found.notes


def test_a_figure_of_now_stands_for_the_last_close_if_it_is_the_only_one():
    close = START + BARS * HOUR_MS
    for at_ms in (close, close + 1, close + HOUR_MS):
        found = market(venue("b", [OpenInterest(at_ms, 50.0)])).venues[0]
        assert found.open_interest_base[-1] == 50
    two = market(venue("b", [OpenInterest(close + 1, 50.0), OpenInterest(close + 2, 60.0)])).venues[0]
    assert np.isnan(two.open_interest_base).all()


def test_volume_stands_where_its_bar_does():
    gone = short("b", BARS, volume=3.0, gone=(5, 9))
    found = market(short("a", BARS), gone).venues[1]
    assert np.flatnonzero(np.isnan(found.volume_base)).tolist() == [5, 9]
    assert np.nansum(found.volume_base) == 3.0 * (BARS - 2)
    assert np.isnan(found.taker_buy_base).all()
    late = short("c", BARS)
    late.candles = [*late.candles, Candle(START + BARS * HOUR_MS, 1.0, 1.0, 1.0, 1.0, 99.0)]
    assert market(short("a", BARS), late).venues[1].volume_base.tolist() == [10.0] * BARS


def test_what_an_aggregator_saw_counts_only_where_the_venue_has_no_statistics():
    seen = [VenueLiquidations(START, "a", 1000.0, 0.0, HOUR_MS)]
    more = {"seen_elsewhere": seen, "seen_elsewhere_by": "coinalyze"}
    own = market(series(np.full(BARS, 9.0), statistics=statistics(BARS), **more)).venues[0]
    assert (own.liquidations_by, own.long_liquidations_base[0]) == ("", 1.0)
    two = [VenueLiquidations(START + h * HOUR_MS, "a", 1000.0, 500.0, 2 * HOUR_MS) for h in (0, 4)]
    found = market(series(np.full(BARS, 9.0), seen_elsewhere=two, seen_elsewhere_by="coinalyze"))
    usd = found.venues[0].long_liquidations_base * found.close
    assert usd[:6] == pytest.approx([500, 500, 0, 0, 500, 500])
    assert np.isnan(usd[6:]).all()
    assert (found.venues[0].short_liquidations_base * found.close)[:2] == pytest.approx([250, 250])
    assert "liquidations as seen by coinalyze" in found.venues[0].notes


def test_notes_say_what_is_disputed_and_where_a_ladder_is_from():
    found = market(series(np.full(BARS, 9.0), tiers_note="ladder of then", disputed="taken as one side")).venues[0]
    assert found.notes == ("ladder of then", "open interest taken as one side")
    assert market(series(np.full(BARS, 9.0))).venues[0].notes == ()


def test_a_gap_at_the_start_of_the_path_cannot_be():
    """The first bar that there is begins the path: what is before it is not missing."""
    found = market(short("a", 40))
    assert found.time_ms[0] == START + 8 * HOUR_MS
    assert found.notes == ("path of a",)


def test_two_candles_tell_the_step_and_longer_ones_are_left_as_they_are():
    assert joined([], HOUR_MS) == []
    one = candles(step_ms=15 * MINUTE_MS, bars=1)
    assert joined(one, HOUR_MS) == one
    two = candles(step_ms=15 * MINUTE_MS, bars=2)
    assert [c.time_ms for c in joined(two, HOUR_MS)] == [START]
    hours = candles(bars=2)
    assert joined(hours, HOUR_MS) == hours
    assert joined(hours, 30 * MINUTE_MS) == hours


def test_two_figures_are_a_history_of_their_own():
    late = market(venue("a", interest([5.0, 6.0], first=BARS - 2)), venue("b", interest([50.0], first=BARS - 1))).venues
    assert np.isnan(late[0].open_interest_base[:-2]).all()
    assert late[0].open_interest_base[-2:].tolist() == [5, 6]
    # The other takes the shape that is known: before it nothing was, and so of it.
    assert late[1].open_interest_base[-3:].tolist() == [0, pytest.approx(50 * 5 / 6), 50]
    empty = market(venue("a", interest(np.zeros(BARS))), venue("b", interest([50.0], first=BARS - 1))).venues
    assert empty[1].open_interest_base.tolist() == [50.0] * BARS


def test_takers_volume_is_known_where_a_bar_tells_it():
    rows = [msgspec.structs.replace(c, taker_buy_base=4.0 if i % 2 else None) for i, c in enumerate(candles())]
    listed = Instrument("a", "X", "X", "USDT", Contract.LINEAR)
    found = market(VenueRecords(listed, candles=rows, open_interest=interest(np.full(BARS, 9.0)))).venues[0]
    assert np.isnan(found.taker_buy_base[::2]).all()
    assert found.taker_buy_base[1::2].tolist() == [4.0] * (BARS // 2)


def test_two_running_bars_reach_as_far_as_either():
    known = venue("a", interest(np.full(BARS, 1000.0)))
    end = START + BARS * HOUR_MS
    running = [Candle(end, 148.0, 200.0, 140.0, 150.0, 1.0), Candle(end + HOUR_MS, 148.0, 160.0, 50.0, 150.0, 1.0)]
    now = VenueRecords(known.instrument, candles=[*candles(), *running], open_interest=known.open_interest)
    found = assemble("X", HOUR_MS, end, 150.0, [now])
    assert (found.high[-1], found.low[-1], found.high[-2]) == (200.0, 50.0, candles()[-2].high)


def test_a_bucket_that_is_missing_is_not_known():
    rows = statistics(6, 4 * HOUR_MS)
    del rows[1]
    found = market(series(np.full(BARS, 9.0), statistics=rows)).venues[0].long_liquidations_base
    assert np.flatnonzero(np.isnan(found[:24])).tolist() == [4, 5, 6, 7]
    assert found[8] == pytest.approx(0.75)
