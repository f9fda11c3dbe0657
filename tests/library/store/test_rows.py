"""What a source gave as rows: what is whole, what is known by it, what is missing, and bars made of rows again."""

from __future__ import annotations

import math

import msgspec
import pytest

from imbalance.errors import DeadlineError, MissingDataError
from imbalance.providers import PROVIDERS
from imbalance.records import (
    Candle,
    Commitments,
    Contract,
    ContractStats,
    Covered,
    Funding,
    Instrument,
    Liquidation,
    LiquidationSum,
    LongShort,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    Unread,
    VenueLiquidations,
)
from imbalance.store import bars, opening, writing
from imbalance.store.rows import HOLE, MORE, Batch, Series, batches
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

NOW_MS = 1_000 * DAY_MS
SOURCES = {s.name: s for s in (*VENUES, *PROVIDERS)}
LISTED = Instrument("gate", "BTC_USDT", "BTC", "USDT", Contract.LINEAR)


def harvest(name="gate", **given):
    found = Harvest(SOURCES[name], LISTED if SOURCES[name].is_venue else None, records={}, typed={}, failures=[])
    for kind, rows in given.items():
        found.keep(Kind[kind], rows)
    return found


def read(*args, **given):
    return batches(harvest(*args, **given), "BTC", NOW_MS)


def at(minutes, step_ms=MINUTE_MS):
    return [Candle(NOW_MS - m * step_ms, 1.0, 2.0, 0.5, 1.5, 10.0) for m in sorted(minutes, reverse=True)]


def test_a_bar_that_runs_is_left_out_and_a_hole_is_a_gap():
    [batch] = read(CANDLES=at([6, 5, 2, 1, 0]))
    assert batch.series == Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=MINUTE_MS)
    assert [row["time_ms"] for row in batch.rows] == [NOW_MS - m * MINUTE_MS for m in (6, 5, 2, 1)]
    hole = NOW_MS - 4 * MINUTE_MS, NOW_MS - 2 * MINUTE_MS
    assert batch.known == [(NOW_MS - 6 * MINUTE_MS, hole[0]), (hole[1], NOW_MS)]
    assert batch.missing == [(*hole, HOLE)]
    assert batch.rows[0]["volume_usd"] is None


def test_one_bar_alone_tells_no_length():
    assert read(CANDLES=at([1])) == []
    assert {b.series.interval_ms for b in read(CANDLES=at([2, 1]), DAILY_CANDLES=at([2, 1], DAY_MS))} == {
        MINUTE_MS,
        DAY_MS,
    }


ORDER = Liquidation(NOW_MS - 5, Side.LONG, 100.0, 2.0)


@pytest.mark.parametrize(
    ("rows", "failures", "known", "missing"),
    [
        ([ORDER], [], [], []),
        ([ORDER, Covered(NOW_MS - 9)], [], [(NOW_MS - 9, NOW_MS)], []),
        ([Covered(NOW_MS - 9)], [], [(NOW_MS - 9, NOW_MS)], []),
        # A walk that was ended says how far it came; a page that is full does not.
        ([Unread(), ORDER, Covered(NOW_MS - 9)], [], [(NOW_MS - 9, NOW_MS)], []),
        ([Unread(), ORDER, Covered(NOW_MS - DAY_MS)], [], [], [(NOW_MS - DAY_MS, NOW_MS, MORE)]),
        (
            [ORDER, Covered(NOW_MS - 9)],
            [DeadlineError("gate", "liquidations", "timed out")],
            [],
            [(NOW_MS - 9, NOW_MS, "timed out")],
        ),
        ([ORDER, Covered(NOW_MS)], [], [], []),
    ],
)
def test_orders_are_known_whole_only_where_the_answer_says_so(rows, failures, known, missing):
    found = harvest(LIQUIDATIONS=rows)
    found.failures += failures
    told = {b.series.data: b for b in batches(found, "BTC", NOW_MS)}["liquidations"]
    assert (list(told.known), list(told.missing)) == (known, missing)


def test_an_order_on_two_pages_is_one_and_orders_that_are_alike_are_two():
    numbered = Liquidation(NOW_MS - 4, Side.SHORT, 100.0, 2.0, "7")
    [batch] = read(LIQUIDATIONS=[numbered, ORDER, numbered, ORDER])
    assert [(row["order_id"], row["nth"], row["position"]) for row in batch.rows] == [
        ("", 0, "long"),
        ("", 1, "long"),
        ("7", 0, "short"),
    ]


def test_figures_of_a_moment():
    told = {b.series.data: b for b in read(FUNDING=[Funding(0.0001)], OPEN_INTEREST=[OpenInterestUsd(NOW_MS, 5.0)])}
    assert told["funding"].rows == [{"rate": 0.0001, "time_ms": NOW_MS, "interval_hours": None, "next_time_ms": None}]
    assert told["open_interest"].rows == [{"time_ms": NOW_MS, "open_interest_base": None, "open_interest_usd": 5.0}]
    assert {(b.series.interval_ms, *b.known) for b in told.values()} == {(0,)}


def test_levels_and_ratios_by_kind():
    levels = [OpenInterest(NOW_MS - h * HOUR_MS, 7.0) for h in (2, 1, 0)]
    held = {"accounts": 0.4, "positions": 0.6}
    shares = [LongShort(NOW_MS - h * HOUR_MS, kind, share) for h in (3, 2) for kind, share in held.items()]
    found = read(OPEN_INTEREST_HISTORY=levels, LONG_SHORT=shares)
    # A level is of a moment and needs nothing to end.
    assert [len(b.rows) for b in found] == [3, 2, 2]
    assert [b.series.what for b in found] == ["", "accounts", "positions"]
    assert [[row["long_share"] for row in b.rows] for b in found[1:]] == [[0.4, 0.4], [0.6, 0.6]]
    assert found[0].known == [(NOW_MS - 2 * HOUR_MS, NOW_MS + HOUR_MS)]


def test_the_newest_ratio_alone_is_of_its_moment():
    found = read(LONG_SHORT=[LongShort(NOW_MS, kind, 0.4) for kind in ("accounts", "positions")])
    assert [(b.series.what, b.series.interval_ms, b.rows, b.known) for b in found] == [
        (kind, 0, [{"time_ms": NOW_MS, "long_share": 0.4}], ()) for kind in ("accounts", "positions")
    ]


def test_a_venues_statistics_are_sums_and_levels_at_their_ends():
    rows = [ContractStats(NOW_MS - h * HOUR_MS, 100.0, 7.0 + h, 1.0, 2.0, 100.0, 200.0) for h in (2, 1, 0)]
    told = {b.series.data: b for b in read(CONTRACT_STATS=rows)}
    assert [row["long_base"] for row in told["liquidation_sums"].rows] == [1.0, 1.0]
    levels = {row["time_ms"]: row["open_interest_base"] for row in told["open_interest"].rows}
    assert levels[NOW_MS] == 8.0


def test_buckets_of_an_aggregator_belong_to_its_venues():
    rows = [
        VenueLiquidations(NOW_MS - h * HOUR_MS, venue, 1.0, 2.0, HOUR_MS)
        for h, venue in ((9, "okx"), (5, "okx"), (4, "htx"))
    ]
    found = {b.series.venue: b for b in read("coinalyze", VENUE_LIQUIDATIONS=rows)}
    # Empty buckets are left out: between the first and the last there was nothing.
    assert found["okx"].known == [(NOW_MS - 9 * HOUR_MS, NOW_MS - 4 * HOUR_MS)]
    assert [row["long_base"] for row in found["okx"].rows] == [None, None]
    assert found["htx"].series[:4] == ("liquidation_sums", "coinalyze", "htx", "BTC")
    # A bucket that ends now is whole, one that runs is not.
    for late_ms, there in ((0, True), (1, False)):
        row = VenueLiquidations(NOW_MS - HOUR_MS + late_ms, "okx", 1.0, 2.0, HOUR_MS)
        assert bool(read("coinalyze", VENUE_LIQUIDATIONS=[row])) is there


def test_sums_over_exchanges_have_the_length_that_two_of_them_tell():
    rows = [LiquidationSum(NOW_MS - h * HOUR_MS, 5.0, 7.0) for h in (12, 8, 4, 0)]
    [sums] = read("coinglass", LIQUIDATION_SUMS=rows)
    assert (sums.series.interval_ms, [row["long_usd"] for row in sums.rows]) == (4 * HOUR_MS, [5.0] * 3)
    assert sums.known == [(NOW_MS - 12 * HOUR_MS, NOW_MS)]
    assert read("coinglass", LIQUIDATION_SUMS=rows[:1]) == []


def test_open_interest_of_now_is_its_own_or_the_tickers():
    own, ticker = OpenInterest(NOW_MS, 5.0), OpenInterest(NOW_MS, 6.0)
    for given, value in (
        ({"OPEN_INTEREST": [own]}, 5.0),
        ({"TICKER": [ticker]}, 6.0),
        ({"OPEN_INTEREST": [own], "TICKER": [ticker]}, 5.0),
    ):
        [batch] = read(**given)
        assert [row["open_interest_base"] for row in batch.rows] == [value]


def test_the_first_figure_there_is_may_be_that_of_a_close(tmp_path):
    row = {"open_interest_base": 7.0, "open_interest_usd": None}
    series = Series("open_interest", "gate", "gate", "BTC", "BTC_USDT", "linear")
    # It may be five minutes old, and no older.
    for minute, known in ((10, True), (15, True), (9, False), (16, False)):
        folder = tmp_path / str(minute)
        folder.mkdir()
        found = exported(folder, _bars(1), Batch(series, [row | {"time_ms": minute * MINUTE_MS}]))
        assert (found[0]["open_interest_base"] == 7.0) is known


def test_what_is_of_no_venue():
    [mood] = read("fear_greed", SENTIMENT=[Sentiment(NOW_MS - d * DAY_MS, 16, "Extreme Fear") for d in (3, 1, 0)])
    assert mood.series == Series("sentiment", "fear_greed", interval_ms=DAY_MS)
    assert mood.missing == [(NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS, HOLE)]
    assert [row["time_ms"] for row in mood.rows] == [NOW_MS - d * DAY_MS for d in (3, 1, 0)]
    assert read("fear_greed", SENTIMENT=[Sentiment(NOW_MS + 1, 16, "Fear")]) == []
    week = Commitments(NOW_MS - 9 * DAY_MS, "133741", 5.0, 100.0, {"dealer": (1.0, 2.0, 0.0), "other": (3.0, 4.0, 0.0)})
    [weeks] = read("cftc", COMMITMENTS=[week])
    assert [(r["trader_group"], r["long"]) for r in weeks.rows] == [("dealer", 1.0), ("other", 3.0)]
    assert weeks.series.instrument == "133741"
    assert weeks.series.interval_ms == 7 * DAY_MS
    assert weeks.known == [(NOW_MS - 9 * DAY_MS, NOW_MS - 2 * DAY_MS)]
    [late] = read("cftc", COMMITMENTS=[msgspec.structs.replace(week, time_ms=NOW_MS - 6 * DAY_MS)])
    assert late.known == [(NOW_MS - 6 * DAY_MS, NOW_MS)]


def exported(tmp_path, *parts, interval_ms=MINUTE_MS * 15):
    with opening.opened(str(tmp_path / "history.db"), make=True) as store:
        with store.writing() as connection:
            writing.save(connection, parts, 1)
        with store.reading() as connection:
            found = bars.bars(connection, "BTC", interval_ms)
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _bars(many, source="gate"):
    step_ms = 15 * MINUTE_MS
    series = Series("candles", source, source, "BTC", "BTC_USDT", "linear", interval_ms=step_ms)
    whole = {"open": 1.0, "high": 4.0, "low": 1.0, "close": 2.0, "volume_base": 9.0, "volume_usd": None}
    return Batch(series, [whole | {"time_ms": i * step_ms, "taker_buy_base": None} for i in range(many)])


def test_open_interest_is_of_the_close_or_missing(tmp_path):
    minutes = {14: 1.0, 15: 2.0, 25: 3.0, 39: 4.0, 61: 5.0}
    rows = [
        {"time_ms": m * MINUTE_MS, "open_interest_base": value, "open_interest_usd": None}
        for m, value in minutes.items()
    ]
    unknown = {"time_ms": 44 * MINUTE_MS, "open_interest_base": None, "open_interest_usd": 7.0}
    levels = Batch(Series("open_interest", "gate", "gate", "BTC", "BTC_USDT", "linear"), [*rows, unknown])
    told = [row["open_interest_base"] for row in exported(tmp_path, _bars(4), levels)]
    # Bars close at 15, 30, 45 and 60 minutes.
    assert told[:2] == [2.0, 3.0]
    assert all(map(math.isnan, told[2:]))


def test_liquidations_are_sums_of_bars_that_are_known_whole(tmp_path):
    orders = [(1, "long", 1.0), (2, "long", 2.0), (16, "short", 4.0), (50, "long", 8.0)]
    rows = [
        {"time_ms": m * MINUTE_MS, "position": side, "price": 2.0, "quantity_base": base, "order_id": "", "nth": 0}
        for m, side, base in orders
    ]
    series = Series("liquidations", "gate", "gate", "BTC", "BTC_USDT", "linear")
    known = [(0, 45 * MINUTE_MS), (46 * MINUTE_MS, 60 * MINUTE_MS)]
    found = exported(tmp_path, _bars(4), Batch(series, rows, known))
    sides = [(row["long_liquidations_base"], row["short_liquidations_base"]) for row in found]
    # The third bar is known and had none, which is 0; the last is not known whole.
    assert sides[:3] == [(3.0, 0.0), (0.0, 4.0), (0.0, 0.0)]
    assert all(map(math.isnan, sides[3]))


def test_sums_in_usd_become_coins_at_the_close_and_aggregators_are_no_venue(tmp_path):
    sums = {"time_ms": 0, "long_usd": 10.0, "short_usd": 4.0, "long_base": None, "short_base": None}
    own = Series("liquidation_sums", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=5 * MINUTE_MS)
    of_others = own._replace(source="coinalyze", venue="okx")
    found = exported(
        tmp_path,
        _bars(1),
        _bars(1, "okx"),
        Batch(own, [sums], [(0, 15 * MINUTE_MS)]),
        Batch(of_others, [sums], [(0, 15 * MINUTE_MS)]),
    )
    assert {row["venue"]: row["long_liquidations_base"] for row in found if row["venue"] == "gate"} == {"gate": 5.0}
    assert math.isnan(found[1]["long_liquidations_base"])
    with pytest.raises(MissingDataError, match="no 1h bars"):
        exported(tmp_path, interval_ms=HOUR_MS)
