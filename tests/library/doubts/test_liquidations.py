"""Liquidations of venues at the limits of what was traded, at which price, and in which time."""

from __future__ import annotations

import pytest

from imbalance.doubts import liquidations
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import (
    ContractStats,
    Covered,
    Instrument,
    Liquidation,
    LiquidationSum,
    Ticker,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, HOUR_MS, Side, iso
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, doubted, flat, other, reasons, venue

FROM_MS = NOW_MS - DAY_MS


def order(base, at_ms=NOW_MS, price=100.0, side=Side.LONG):
    return Liquidation(at_ms, side, price, base)


def seen(usd):
    return other(FEAR_GREED, LIQUIDATION_SUMS=[LiquidationSum(NOW_MS, usd - 1.0, 1.0)])


NONE = "its feed holds none of the last 24 hours, of which others saw many"


@pytest.mark.parametrize(
    ("rows", "usd", "told"),
    [
        ([], 1e6, False),
        ([], 1.1e6, True),
        ([order(1.0, FROM_MS)], 1.1e6, True),
        ([order(1.0, FROM_MS + 1)], 1.1e6, False),
    ],
)
def test_an_empty_feed_where_others_saw_a_million(rows, usd, told):
    assert reasons(liquidations.venues, [venue(0, Kind.LIQUIDATIONS, rows), seen(usd)]) == [NONE] * told
    assert not reasons(liquidations.venues, [venue(0), seen(usd)])


@pytest.mark.parametrize(("price", "told"), [(50.1, False), (50.0, True), (25.0, True), (239.9, False), (240.0, True)])
def test_a_price_of_an_order_is_within_half_and_twice_the_venue_s_own(price, told):
    bars = [*flat(23, NOW_MS - HOUR_MS, volume_base=1e3), *flat(1, price=120.0, volume_base=1e3)]
    said = f"its price of {price:g} at 2026-01-30T11:00:00Z is none that the venue had"
    at_ms = NOW_MS - HOUR_MS
    for rows in (
        {"LIQUIDATIONS": [order(1.0, at_ms, 101.0), order(1.0, at_ms, price)]},
        {"CONTRACT_STATS": [ContractStats(at_ms, 100.0, 1.0, 0.5, 0.0, price / 2, 0.0)]},
        {"CONTRACT_STATS": [ContractStats(at_ms, 100.0, 1.0, 0.0, 0.5, 0.0, price / 2)]},
    ):
        assert reasons(liquidations.venues, [venue(0, Kind.CANDLES, bars, **rows)]) == [said] * told
        assert not reasons(liquidations.venues, [venue(0, **rows)])


MORE = "{} coins liquidated from {} are more than the {} traded there"


@pytest.mark.parametrize(
    ("bars", "base", "at_ms", "told"),
    [
        # One and a half times what the hour traded, and a thousandth of a day.
        (23, 15.0, NOW_MS - HOUR_MS // 2, None),
        (23, 15.0005, NOW_MS - HOUR_MS // 2, NOW_MS - HOUR_MS),
        (24, 15.2, NOW_MS - HOUR_MS // 2, None),
        (24, 15.3, NOW_MS - HOUR_MS // 2, NOW_MS - HOUR_MS),
        (24, 15.3, NOW_MS - HOUR_MS, NOW_MS - HOUR_MS),
        (24, 15.3, NOW_MS - HOUR_MS - 1, NOW_MS - 2 * HOUR_MS),
        # Beyond the bars nothing tells what was traded.
        (24, 15.3, FROM_MS, FROM_MS),
        (24, 15.3, FROM_MS - 1, None),
        (24, 15.3, NOW_MS, None),
    ],
)
def test_liquidations_are_trades_of_their_bar(bars, base, at_ms, told):
    rows = [order(base / 2, at_ms), order(base / 2, at_ms, side=Side.SHORT)]
    harvest = venue(0, Kind.CANDLES, flat(bars, volume_base=10.0), LIQUIDATIONS=rows)
    said = told is not None and MORE.format(f"{base:g}", iso(told), 10)
    assert reasons(liquidations.venues, [harvest]) == [said] * bool(said)


@pytest.mark.parametrize(
    ("step_ms", "base", "told"), [(HOUR_MS, 16.0, 10), (4 * HOUR_MS, 61.0, 40), (4 * HOUR_MS, 60.0, 0)]
)
def test_buckets_are_held_against_all_bars_that_they_touch(step_ms, base, told):
    rows = [
        ContractStats(MIDNIGHT_MS + i * step_ms, 100.0, 1.0, own / 2, own / 2, own * 50, own * 50)
        for i, own in enumerate((1.0, base))
    ]
    rows.append(ContractStats(MIDNIGHT_MS - 9 * step_ms, 100.0, 1.0, 0.0, 0.0, 0.0, 0.0))
    harvest = venue(0, Kind.CANDLES, flat(23, volume_base=10.0), CONTRACT_STATS=rows)
    said = MORE.format(f"{base:g}", iso(MIDNIGHT_MS + step_ms), told)
    assert reasons(liquidations.venues, [harvest]) == [said] * bool(told)


@pytest.mark.parametrize(
    ("each", "left_out"), [(16.0, None), (16.1, False), (50.0, False), (50.1, True), (100.0, True)]
)
def test_a_day_of_liquidations_over_a_day_of_volume(each, left_out):
    rows = [order(each, FROM_MS + i * HOUR_MS) for i in range(24)]
    harvest = venue(0, Kind.CANDLES, flat(24, volume_base=100.0), LIQUIDATIONS=rows)
    assert doubted(liquidations.venues, [harvest]) == [(VENUES[0].name, left_out)] * (left_out is not None)
    said = f"its liquidations of 24 hours are {each / 100:.2g} of all that was traded there"
    assert reasons(liquidations.venues, [harvest]) == [said] * (left_out is not None)
    # What was liquidated before is not of the day; without a whole day of bars there is no share.
    before = [order(99.0, FROM_MS - (i + 1) * HOUR_MS) for i in range(24)]
    harvest = venue(0, Kind.CANDLES, flat(48, volume_base=100.0), LIQUIDATIONS=[*before, *rows])
    assert reasons(liquidations.venues, [harvest]) == [said] * (left_out is not None)
    harvest = venue(0, Kind.CANDLES, flat(20, volume_base=100.0), LIQUIDATIONS=rows)
    assert not reasons(liquidations.venues, [harvest])


@pytest.mark.parametrize(
    ("at_ms", "order_counts", "bucket_counts"),
    [(FROM_MS, 0, 1), (FROM_MS + 1, 1, 1), (FROM_MS - 1, 0, 0), (NOW_MS, 1, 1), (NOW_MS + 1, 0, 0)],
)
def test_what_a_source_saw_in_24_hours(at_ms, order_counts, bucket_counts):
    priced = {"TICKER": [Ticker(NOW_MS, mark_price=50.0)]}
    statistics = [ContractStats(at_ms, 50.0, 1.0, 3.0, 4.0, 0.0, 0.0)]
    for rows, usd in (
        (venue(0, LIQUIDATIONS=[order(3.0, at_ms), order(4.0, at_ms)], **priced), 350.0 * order_counts),
        (venue(0, CONTRACT_STATS=statistics), 350.0 * order_counts),
        (venue(0, LIQUIDATIONS=[order(3.0, at_ms)]), 0.0),
        (other(COINALYZE, VENUE_LIQUIDATIONS=[VenueLiquidations(at_ms, "x", 3.0, 4.0, 1)]), 7.0 * bucket_counts),
        (other(FEAR_GREED, LIQUIDATION_SUMS=[LiquidationSum(at_ms, 3.0, 4.0)]), 7.0 * bucket_counts),
    ):
        assert liquidations.seen_usd(rows, NOW_MS) == usd


OLD = "its newest are of {}: none of the last 24 hours"
PART = "those from {} to {} are no whole day: in no sum"


def every(hours, end_ms=NOW_MS):
    return [order(1.0, end_ms - i * HOUR_MS) for i in hours]


@pytest.mark.parametrize(
    ("rows", "covered", "told"),
    [
        (every(range(24)), None, ""),
        (every([30, 25]), None, OLD.format(iso(NOW_MS - 25 * HOUR_MS))),
        (every(range(12, 24)), None, PART.format(iso(NOW_MS - 23 * HOUR_MS), iso(NOW_MS - 12 * HOUR_MS + 1))),
        # An answer that says from when on it holds all is believed; one that reaches back a day is whole.
        (every(range(12)), FROM_MS + 1, ""),
        (every(range(12, 24)), FROM_MS, PART.format(iso(NOW_MS - 23 * HOUR_MS), iso(NOW_MS - 12 * HOUR_MS + 1))),
        ([], None, ""),
    ],
)
def test_orders_that_do_not_cover_the_day(rows, covered, told):
    harvest = venue(0, Kind.LIQUIDATIONS, [*rows, *([] if covered is None else [Covered(covered), Covered(NOW_MS)])])
    assert reasons(liquidations.coverage, [harvest]) == [told] * bool(told)
    assert doubted(liquidations.coverage, [harvest]) == [(VENUES[0].name, False)] * bool(told)


def counted(name, hours):
    return [VenueLiquidations(NOW_MS - hour * HOUR_MS, name, 1.0, 1.0, HOUR_MS) for hour in hours]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        # Of the 25 hours between an exchange that has rows in 13 has most; a day without one more is its end.
        (range(25, 50), ""),
        (range(26, 51), "those of bybit end at 2026-01-29T10:00:00Z"),
        (range(26, 51, 2), "those of bybit end at 2026-01-29T10:00:00Z"),
        ([*range(26, 37), 50], ""),
        ([*range(26, 38), 50], "those of bybit end at 2026-01-29T10:00:00Z"),
    ],
)
def test_an_exchange_that_ended(hours, told):
    harvest = other(COINALYZE, VENUE_LIQUIDATIONS=[*counted("okx", range(1, 51)), *counted("bybit", hours)])
    assert reasons(liquidations.coverage, [harvest]) == [told] * bool(told)
    assert doubted(liquidations.coverage, [harvest]) == [(COINALYZE.name, False)] * bool(told)


def test_exchanges_that_were_asked_for_and_are_in_no_row():
    listed = [Instrument(name, "X", "X", "USDT", VENUES[0].contract) for name in ("okx", "gate", "bybit")]
    rows = counted("okx", range(1, 25))
    harvest = other(COINALYZE, INSTRUMENTS=listed, VENUE_LIQUIDATIONS=rows)
    assert reasons(liquidations.coverage, [harvest]) == ["it holds none of bybit, gate, which it lists"]
    assert not reasons(liquidations.coverage, [other(COINALYZE, VENUE_LIQUIDATIONS=rows)])
    sums = [LiquidationSum(NOW_MS - i * HOUR_MS, 1.0, 1.0) for i in range(25, 0, -1)]
    assert not reasons(liquidations.coverage, [other(COINALYZE, INSTRUMENTS=listed, LIQUIDATION_SUMS=sums)])


@pytest.mark.parametrize("kind", ["CONTRACT_STATS", "LIQUIDATION_SUMS", "VENUE_LIQUIDATIONS"])
def test_buckets_of_before_are_told_with_the_newest(kind):
    stamps = [NOW_MS - i * HOUR_MS for i in (40, 33, 31)]
    rows = {
        "CONTRACT_STATS": [ContractStats(at_ms, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0) for at_ms in stamps],
        "LIQUIDATION_SUMS": [LiquidationSum(at_ms, 1.0, 1.0) for at_ms in stamps],
        "VENUE_LIQUIDATIONS": [VenueLiquidations(at_ms, "okx", 1.0, 1.0, HOUR_MS) for at_ms in stamps],
    }
    told = OLD.format(iso(NOW_MS - 31 * HOUR_MS))
    assert reasons(liquidations.coverage, [other(FEAR_GREED, **{kind: rows[kind]})]) == [told]
