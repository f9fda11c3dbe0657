"""Answers as rows and spans: what an answer does not hold is missing, and never nothing."""

from __future__ import annotations

import pytest

from imbalance.backfill import rows, units
from imbalance.backfill.units import LEFT_OUT, PageUnit
from imbalance.providers import PROVIDERS
from imbalance.records import (
    Candle,
    Commitments,
    Contract,
    Covered,
    Holders,
    Instrument,
    Liquidation,
    LongShort,
    OpenInterestUsd,
    SettledFunding,
    Unread,
    VenueLiquidations,
)
from imbalance.store.rows import MORE, Block, Series
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind
from tests.support.archive import day

START, END = day("2025-03-01"), day("2025-03-02")
STEP_MS = INTERVALS_MS["15m"]
SOURCES = {source.name: source for source in (*VENUES, *PROVIDERS)}


def unit_of(name, kind, *, parts=((START, END),), step_ms=STEP_MS, listings=()):
    source = SOURCES[name]
    listed = Instrument(name, "BTCUSDT", "BTC", "USDT", Contract.LINEAR) if source.is_venue else None
    ask = Ask("BTC", END, START, END, step_ms, instrument=listed, listings=listings)
    history = next(found for found in source.history if found.endpoint.kind is kind)
    return PageUnit(
        source, history, ask, units.targets_of(source, history, ask, step_ms if history.rows else 0), parts, 1
    )


def bar(time_ms):
    return Candle(time_ms, 1.0, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("late_ms", "first_ms"),
    [(0, START), (8 * HOUR_MS, START), (8 * HOUR_MS + 1, START + 1), (20 * HOUR_MS, START + 12 * HOUR_MS)],
)
def test_before_the_first_funding_of_an_answer_more_than_its_period_is_not_known(late_ms, first_ms):
    unit = unit_of("bybit", Kind.FUNDING_HISTORY)
    [batch] = rows.of_page([SettledFunding(START + late_ms, 0.1)], unit)
    assert batch.known == [(first_ms, END)]
    assert batch.missing == ([(START, first_ms, LEFT_OUT)] if first_ms > START else [])


def test_an_answer_without_fundings_is_missing_whole():
    unit = unit_of("bybit", Kind.FUNDING_HISTORY)
    outside = [SettledFunding(START - 1, 0.1), SettledFunding(END, 0.1)]
    for records in ([], outside):
        [batch] = rows.of_page(records, unit)
        assert (batch.rows, batch.known, batch.missing) == ([], [], [(START, END, LEFT_OUT)])


def order(time_ms):
    return Liquidation(time_ms, Side.LONG, 100.0, 1.0)


def test_orders_are_of_the_parts_that_are_wanted():
    parts = ((START, START + HOUR_MS), (START + 2 * HOUR_MS, END))
    unit = unit_of("gate", Kind.LIQUIDATIONS, parts=parts)
    times = [START, START + HOUR_MS, START + 2 * HOUR_MS - 1, START + 2 * HOUR_MS, START + 2 * HOUR_MS]
    [batch] = rows.of_page([*map(order, times), Covered(START)], unit)
    assert [(row["time_ms"], row["nth"]) for row in batch.rows] == [
        (START, 0),
        (START + 2 * HOUR_MS, 0),
        (START + 2 * HOUR_MS, 1),
    ]
    assert (batch.known, batch.missing) == (parts, ())


def test_orders_of_a_page_that_was_full_are_known_of_no_time():
    unit = unit_of("gate", Kind.LIQUIDATIONS)
    [batch] = rows.of_page([Unread(), order(START), Covered(START)], unit)
    assert (len(batch.rows), batch.known, batch.missing) == (1, (), [(START, END, MORE)])


def test_bars_that_had_not_ended_and_holes_are_not_stored_as_known():
    unit = unit_of("bybit", Kind.CANDLES)
    [batch] = rows.of_page([bar(START), bar(START + 2 * STEP_MS), bar(END - STEP_MS + 1), bar(END)], unit)
    assert [row["time_ms"] for row in batch.rows] == [START, START + 2 * STEP_MS]
    assert batch.known == [(START, START + STEP_MS), (START + 2 * STEP_MS, START + 3 * STEP_MS)]
    assert batch.missing == [
        (START + STEP_MS, START + 2 * STEP_MS, LEFT_OUT),
        (START + 3 * STEP_MS, END, LEFT_OUT),
    ]


def test_open_interest_in_usd_alone_has_no_coins():
    unit = unit_of("binance_coinm", Kind.OPEN_INTEREST_HISTORY)
    [batch] = rows.of_page([OpenInterestUsd(START, 5.0)], unit)
    assert batch.rows == [{"time_ms": START, "open_interest_base": None, "open_interest_usd": 5.0}]


def test_ratios_go_to_the_series_of_their_kind():
    found = [h for h in SOURCES["binance"].history if h.endpoint.kind is Kind.LONG_SHORT]
    assert [units.ratio_name(history) for history in found] == ["accounts", "top accounts", "top positions"]
    unit = unit_of("binance", Kind.LONG_SHORT)
    [batch] = rows.of_page([LongShort(START, "accounts", 0.6), LongShort(START, "top accounts", 0.7)], unit)
    assert [row["long_share"] for row in batch.rows] == [0.6]
    assert (
        units.ratio_name(next(h for h in SOURCES["bybit"].history if h.endpoint.kind is Kind.LONG_SHORT)) == "accounts"
    )


def test_weekly_reports_are_a_series_a_contract():
    unit = unit_of("cftc", Kind.COMMITMENTS)
    report = Commitments(START, "133741", 5.0, 10.0, {"dealers": (5.0, 5.0, 0.0)})
    standard, micro = rows.of_page([report], unit)
    assert (standard.series.instrument, standard.known) == ("133741", [(START, END)])
    assert (micro.series.instrument, micro.rows, micro.missing) == ("133742", [], [(START, END, LEFT_OUT)])


def test_days_of_holders_and_what_an_aggregator_saw():
    unit = unit_of("coinmetrics", Kind.HOLDERS)
    [batch] = rows.of_page(
        [Holders(START - DAY_MS, unit.targets[0].what, 0.5), Holders(START, unit.targets[0].what, 0.6)], unit
    )
    assert (batch.series, len(batch.rows), batch.missing) == (unit.targets[0], 2, [])
    market = Instrument("bybit", "BTCUSDT.6", "BTC", "USDT", Contract.LINEAR)
    unit = unit_of("coinalyze", Kind.VENUE_LIQUIDATIONS, listings=(market,))
    seen = [VenueLiquidations(START - DAY_MS, "bybit", 1.0, 2.0, DAY_MS)]
    [batch] = rows.of_page(seen, unit)
    assert (batch.series.venue, batch.series.source, batch.rows[0]["short_usd"]) == ("bybit", "coinalyze", 2.0)


def test_blocks_of_a_series_become_one():
    series, other = Series("holders", "a", interval_ms=DAY_MS), Series("holders", "b", interval_ms=DAY_MS)
    found = rows.merged(
        [
            Block(series, {"time_ms": [3], "value": [1.0]}, [(3, 4)], [(1, 2, "x")]),
            Block(other, {"time_ms": []}, (), [(0, 9, "y")]),
            Block(series, {"time_ms": [4, 5], "value": [2.0, 3.0]}, [(4, 6)]),
        ]
    )
    assert found == [
        Block(series, {"time_ms": [3, 4, 5], "value": [1.0, 2.0, 3.0]}, [(3, 6)], [(1, 2, "x")]),
        Block(other, {"time_ms": []}, (), [(0, 9, "y")]),
    ]
