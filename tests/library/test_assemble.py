"""Venues that publish in other steps, or no history, or whose liquidations another saw."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.assemble import VenueRecords, assemble, joined
from imbalance.errors import MissingDataError
from imbalance.records import Candle, Contract, Feed, Instrument, OpenInterest, VenueLiquidations
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
