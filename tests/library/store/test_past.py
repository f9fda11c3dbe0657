"""What each series tells of a moment of the past, at both sides of how old it may be."""

from __future__ import annotations

import pytest

from imbalance.records import (
    Commitments,
    ContractStats,
    Covered,
    Funding,
    Holders,
    Liquidation,
    LiquidationSum,
    LongShort,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    VenueLiquidations,
)
from imbalance.store import opening, past, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.wire import Ask, Kind
from tests.support.harvests import SOURCES

AT_MS = 1_000 * DAY_MS
STEP_MS = 15 * MINUTE_MS
ASK = Ask("BTC", AT_MS, AT_MS - DAY_MS, AT_MS, STEP_MS)
GATE = Series("", "gate", "gate", "BTC", "BTC_USDT", "linear")


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "history.db")


def put(address, series, rows, known=(), learned_ms=AT_MS):
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, [Batch(series, rows, known)], learned_ms)


def candles(address, *times_ms, step_ms=STEP_MS, close=100.0):
    prices = {"open": 100.0, "high": 110.0, "low": 90.0, "close": close, "volume_base": 1.0}
    more = {"volume_usd": 100.0, "taker_buy_base": None}
    series = GATE._replace(data="candles", interval_ms=step_ms)
    put(address, series, [{"time_ms": t} | prices | more for t in times_ms])


def known(address, source="gate"):
    with opening.opened(address) as store, store.reading() as connection:
        found, orders = past.harvests(connection, [SOURCES[source]], ASK)
    return (found[0].records if found else {}), orders.get(source)


def test_bars_and_days_had_ended(address):
    candles(address, AT_MS - DAY_MS - STEP_MS, AT_MS - DAY_MS, AT_MS - STEP_MS, AT_MS - STEP_MS + 1)
    candles(address, *(AT_MS - days * DAY_MS for days in (201, 200, 1)), AT_MS - DAY_MS + 1, step_ms=DAY_MS)
    found, _orders = known(address)
    assert [row.time_ms for row in found[Kind.CANDLES]] == [AT_MS - DAY_MS, AT_MS - STEP_MS]
    assert [row.time_ms for row in found[Kind.DAILY_CANDLES]] == [AT_MS - 200 * DAY_MS, AT_MS - DAY_MS]


def level(time_ms, base=7.0, usd=None):
    return {"time_ms": time_ms, "open_interest_base": base, "open_interest_usd": usd}


def test_open_interest_of_now_is_of_the_last_hour(address):
    candles(address, AT_MS - STEP_MS)
    moments = GATE._replace(data="open_interest")
    put(address, moments, [level(AT_MS - HOUR_MS - 1)])
    assert Kind.OPEN_INTEREST not in known(address)[0]
    put(address, moments, [level(AT_MS - HOUR_MS, 8.0), level(AT_MS + 1, 9.0)])
    assert known(address)[0][Kind.OPEN_INTEREST] == [OpenInterest(AT_MS - HOUR_MS, 8.0)]
    put(address, moments._replace(interval_ms=STEP_MS), [level(AT_MS - STEP_MS, 9.0), level(AT_MS - 2 * STEP_MS)])
    found = known(address)[0]
    assert found[Kind.OPEN_INTEREST] == [OpenInterest(AT_MS - STEP_MS, 9.0)]
    assert [row.time_ms for row in found[Kind.OPEN_INTEREST_HISTORY]] == [AT_MS - 2 * STEP_MS, AT_MS - STEP_MS]


def test_days_of_open_interest_go_back_two_hundred_and_keep_what_is_known_in_usd_alone(address):
    candles(address, AT_MS - STEP_MS)
    days = [level(AT_MS - 201 * DAY_MS), level(AT_MS - 200 * DAY_MS, 8.0, 5.0), level(AT_MS - DAY_MS, None, 6.0)]
    days.append(level(AT_MS, 9.0))
    put(address, GATE._replace(data="open_interest", interval_ms=DAY_MS), days)
    found = known(address)[0]
    assert found[Kind.OPEN_INTEREST_DAILY] == [
        OpenInterest(AT_MS - 200 * DAY_MS, 8.0, 5.0),
        OpenInterest(AT_MS, 9.0),
        OpenInterestUsd(AT_MS - DAY_MS, 6.0),
    ]
    assert Kind.OPEN_INTEREST not in found  # a day's is not of the moment


def test_funding_and_ratios_are_the_last_of_a_day(address):
    candles(address, AT_MS - STEP_MS)
    rates = [(AT_MS - DAY_MS - 1, 0.3), (AT_MS - DAY_MS, 0.2)]
    rows = [{"time_ms": t, "rate": r, "interval_hours": 4.0, "next_time_ms": t + 9} for t, r in rates]
    put(address, GATE._replace(data="funding"), rows[:1])
    ratios = GATE._replace(data="ratios", what="accounts", interval_ms=STEP_MS)
    put(address, ratios, [{"time_ms": AT_MS - DAY_MS - 1, "long_share": 0.9}])
    assert not {Kind.FUNDING, Kind.LONG_SHORT} & set(known(address)[0])
    put(address, GATE._replace(data="funding"), rows[1:])
    put(address, ratios, [{"time_ms": AT_MS - t, "long_share": 0.4 + t} for t in (DAY_MS, 9, 0)])
    found = known(address)[0]
    assert found[Kind.FUNDING] == [Funding(0.2, AT_MS - DAY_MS, AT_MS - DAY_MS + 9, 4.0)]
    assert found[Kind.LONG_SHORT] == [LongShort(AT_MS, "accounts", 0.4)]
    put(
        address, GATE._replace(data="funding"),
        [{"time_ms": AT_MS, "rate": 0.1, "interval_hours": None, "next_time_ms": None}],
    )  # fmt: skip
    assert known(address)[0][Kind.FUNDING] == [Funding(0.1, AT_MS)]


def order(time_ms, side, base):
    return {"time_ms": time_ms, "position": side, "price": 50.0, "quantity_base": base, "order_id": "", "nth": 0}


@pytest.mark.parametrize(("ended_ms", "told"), [(AT_MS - HOUR_MS, True), (AT_MS - HOUR_MS - 1, False)])
def test_orders_tell_where_the_recording_went_on_until_an_hour_ago(address, ended_ms, told):
    candles(address, AT_MS - STEP_MS)
    rows = [order(AT_MS - 2 * DAY_MS, "long", 9.0), order(AT_MS - 3 * HOUR_MS, "short", 2.0)]
    rows.append(order(AT_MS - 2 * HOUR_MS, "long", 3.0))
    put(address, GATE._replace(data="liquidations"), rows, [(AT_MS - 3 * DAY_MS, ended_ms)])
    found, orders = known(address)
    expected = [
        Covered(AT_MS - DAY_MS),
        Liquidation(AT_MS - 3 * HOUR_MS, Side.SHORT, 50.0, 2.0),
        Liquidation(AT_MS - 2 * HOUR_MS, Side.LONG, 50.0, 3.0),
    ]
    assert found.get(Kind.LIQUIDATIONS, []) == (expected if told else [])
    assert orders is not None
    assert orders.spans == [(AT_MS - DAY_MS, ended_ms)]
    assert (orders.long_base.tolist(), orders.short_base.tolist()) == ([0.0, 3.0], [2.0, 0.0])


def sums(time_ms, long_usd=10.0, **more):
    return {"time_ms": time_ms, "long_usd": long_usd, "short_usd": 20.0, "long_base": 1.0, "short_base": 2.0} | more


def test_sums_are_of_a_venue_of_all_or_of_days(address):
    own = Series("liquidation_sums", "coinalyze", "okx", "BTC", "BTC", "linear", interval_ms=HOUR_MS)
    whole = Series("liquidation_sums", "coinglass", "", "BTC", interval_ms=HOUR_MS)
    rows = [sums(AT_MS - t) for t in (DAY_MS + HOUR_MS, DAY_MS, HOUR_MS)] + [sums(AT_MS - HOUR_MS + 1)]
    put(address, own, rows)
    put(address, whole, rows)
    put(address, whole._replace(interval_ms=DAY_MS), [sums(AT_MS - 900 * DAY_MS), sums(AT_MS - DAY_MS + 1)])
    stamps = [AT_MS - DAY_MS, AT_MS - HOUR_MS]
    assert known(address, "coinalyze")[0] == {
        Kind.VENUE_LIQUIDATIONS: [VenueLiquidations(t, "okx", 10.0, 20.0, HOUR_MS) for t in stamps]
    }
    assert known(address, "coinglass")[0] == {
        Kind.LIQUIDATION_SUMS: [LiquidationSum(t, 10.0, 20.0) for t in stamps],
        Kind.LIQUIDATION_DAILY: [LiquidationSum(AT_MS - 900 * DAY_MS, 10.0, 20.0)],
    }


def test_a_venues_own_buckets_have_the_price_they_open_with_and_open_interest_of_their_end(address):
    stamps = [AT_MS - 4 * STEP_MS, AT_MS - 3 * STEP_MS, AT_MS - 2 * STEP_MS, AT_MS - STEP_MS]
    candles(address, *stamps[:1], close=101.0)
    candles(address, *stamps[1:3], close=102.0)
    put(
        address, GATE._replace(data="open_interest", interval_ms=STEP_MS),
        [level(stamps[1], 7.0), level(stamps[2], 8.0), level(AT_MS, 9.0)],
    )  # fmt: skip
    buckets = [sums(stamps[0]), sums(stamps[1], long_usd=None), *map(sums, stamps[2:])]
    put(address, GATE._replace(data="liquidation_sums", interval_ms=STEP_MS), buckets)
    # Of the second a sum lacks, of the third open interest, of the fourth the price.
    assert known(address)[0][Kind.CONTRACT_STATS] == [ContractStats(stamps[0], 101.0, 7.0, 1.0, 2.0, 10.0, 20.0)]


def test_what_is_of_no_coin_or_no_venue(address):
    mood = Series("sentiment", "fear_greed", interval_ms=DAY_MS)
    put(
        address, mood,
        [{"time_ms": AT_MS - days * DAY_MS, "value": 10.0 + days, "label": "Fear"} for days in (201, 200, 0)],
    )  # fmt: skip
    assert known(address, "fear_greed")[0][Kind.SENTIMENT] == [
        Sentiment(AT_MS - 200 * DAY_MS, 210, "Fear"),
        Sentiment(AT_MS, 10, "Fear"),
    ]
    held = Series("holders", "coinmetrics", "", "BTC", what="supply", interval_ms=DAY_MS)
    put(address, held, [{"time_ms": AT_MS - days * DAY_MS, "value": days / 10} for days in (201, 200, 1)])
    assert known(address, "coinmetrics")[0][Kind.HOLDERS] == [
        Holders(AT_MS - 200 * DAY_MS, "supply", 20.0),
        Holders(AT_MS - DAY_MS, "supply", 0.1),
    ]
    weeks = Series("commitments", "cftc", "", "BTC", "133741", interval_ms=7 * DAY_MS)
    rows = [
        {"time_ms": AT_MS - t, "units": 5.0, "open_interest": 100.0 + t, "long": 1.0 + t, "short": 2.0, "spread": 3.0}
        | {"trader_group": name}
        for t in (DAY_MS, 0)
        for name in ("dealers", "others")
    ]
    put(address, weeks, rows)
    groups = [dict.fromkeys(("dealers", "others"), (1.0 + t, 2.0, 3.0)) for t in (DAY_MS, 0)]
    assert known(address, "cftc")[0][Kind.COMMITMENTS] == [
        Commitments(AT_MS - DAY_MS, "133741", 5.0, 100.0 + DAY_MS, groups[0]),
        Commitments(AT_MS, "133741", 5.0, 100.0, groups[1]),
    ]


def test_the_contract_that_was_known_last_is_the_venues(address):
    old = GATE._replace(data="candles", instrument="OLD", interval_ms=STEP_MS)
    prices = dict.fromkeys(("open", "high", "low", "close"), 5.0) | {"volume_base": 1.0, "volume_usd": 1.0}
    put(address, old, [prices | {"time_ms": AT_MS - 2 * STEP_MS, "taker_buy_base": None}])
    candles(address, AT_MS - 3 * STEP_MS, AT_MS - STEP_MS)
    put(address, GATE._replace(data="liquidations", instrument="OLD"), [], [(AT_MS - DAY_MS, AT_MS)])
    found, orders = known(address)
    assert [row.close for row in found[Kind.CANDLES]] == [100.0, 100.0]
    assert orders is None
    # What was known up to the beginning of the span alone tells nothing of it.
    own = GATE._replace(data="liquidations")
    put(address, own, [], [(AT_MS - 2 * DAY_MS, AT_MS - DAY_MS)])
    assert known(address)[1] is None
    put(address, own, [], [(AT_MS - 2 * DAY_MS, AT_MS - DAY_MS + 1)])
    assert known(address)[1].spans == [(AT_MS - DAY_MS, AT_MS - DAY_MS + 1)]
