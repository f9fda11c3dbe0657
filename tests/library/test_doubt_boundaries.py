"""Where the thresholds of funding, books, sides, wicks and the index lie, on harvests of a few rows."""

from __future__ import annotations

import msgspec
import pytest

from imbalance.doubts import books, mood, prices, sides, sizes
from imbalance.doubts.evidence import Evidence
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import (
    Candle,
    ContractStats,
    Funding,
    Instrument,
    Liquidation,
    LiquidationSum,
    OrderBook,
    Sentiment,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

NOW_MS = 1_769_774_400_000


def venue(place, kind=None, rows=(), **more):
    source = VENUES[place]
    found = Harvest(source, Instrument(source.name, "X", "X", "USDT", source.contract), records={}, typed={})
    if kind is not None:
        found.keep(kind, rows)
    for name, others in more.items():
        found.keep(Kind[name], others)
    return found


def doubted(stage, harvests):
    return [(d.source, d.left_out) for d in stage(Evidence(harvests, "X", NOW_MS))]


@pytest.mark.parametrize(
    ("rate", "others", "told"),
    [
        (1e-4, [-1e-4] * 5, True),
        (1e-4, [-1e-4] * 4, False),
        (1e-4, [-4.9e-5] * 5, False),
        (1e-4, [-1e-4] * 4 + [1e-5], False),
        (1e-4, [-1e-4] * 4 + [-2.1e-4], False),
        (-1e-4, [1e-4] * 8, False),
        (-1e-4, [2.1e-4] * 3, True),
        (1e-4, [-2.1e-4] * 3, True),
        (1e-4, [-2.1e-4] * 2, False),
        (1e-4, [-1.9e-4] * 3, False),
        (0.0, [5.1e-5] * 3, True),
        (0.0, [5.1e-5] * 2, False),
        (0.0, [5.1e-5, 5.1e-5, 4.9e-5], False),
        (0.0, [5.1e-5, 5.1e-5, -5.1e-5], False),
        (1e-9, [1e-4] * 8, False),
    ],
)
def test_funding_of_the_other_sign_or_0(rate, others, told):
    harvests = [venue(i, Kind.FUNDING, [Funding(r, interval_hours=8.0)]) for i, r in enumerate([rate, *others])]
    assert doubted(sizes.funding, harvests) == [(VENUES[0].name, False)] * told


def book(bids=1.0, asks=1.0, reach=0.02):
    sides = (
        ((100.0 - 0.1, bids / 2), (100.0 * (1 - reach), bids / 2)),
        ((100.1, asks / 2), (100.0 * (1 + reach), asks / 2)),
    )
    return OrderBook(NOW_MS, *sides)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (book(), []),
        (book(0.0, 1.0), [True]),
        (msgspec.structs.replace(book(), bids=()), [True]),
        (msgspec.structs.replace(book(), asks=()), [True]),
        (msgspec.structs.replace(book(), asks=book().bids[:1]), [True]),
        (book(9_900.0, 9_900.0), []),
        (book(10_100.0, 10_100.0), [True]),
        (book(0.21, 0.21), []),
        (book(0.19, 0.19), [False]),
        (book(100.0, 4_900.0), []),
        (book(100.0, 5_100.0), [False]),
        (book(5_100.0, 100.0), [False]),
        (book(100.0, 5_100.0, reach=0.0019), []),
    ],
)
def test_a_book_that_lacks_or_is_of_impossible_size(rows, found):
    told = [Ticker(NOW_MS, 100.0, 100.0, volume_24h_base=10_000.0, volume_24h_usd=1e6)]
    harvest = venue(0, Kind.TICKER, told, ORDER_BOOK=[rows])
    assert doubted(books.books, [harvest]) == [(VENUES[0].name, left_out) for left_out in found]


def hours(moves, start_ms=NOW_MS - DAY_MS):
    rows, close = [], 100.0
    for i, move in enumerate([0.0, *moves]):
        opened, close = close, close * (1 + move)
        rows.append(Candle(start_ms + (i - 1) * HOUR_MS, opened, max(opened, close), min(opened, close), close, 1e9))
    return rows


def orders(longs, shorts):
    at = NOW_MS - DAY_MS + HOUR_MS // 2
    return [
        Liquidation(at + i * HOUR_MS, side, 100.0, quantity)
        for i, pair in enumerate(zip(longs, shorts, strict=True))
        for side, quantity in zip((Side.LONG, Side.SHORT), pair, strict=True)
    ]


@pytest.mark.parametrize(
    ("moves", "longs", "shorts", "told"),
    [
        ([-0.008] * 3, 3_900.0, 6_100.0, True),
        ([-0.008] * 3, 4_100.0, 5_900.0, False),
        ([0.008] * 3, 6_100.0, 3_900.0, True),
        ([0.008] * 3, 3_900.0, 6_100.0, False),
        ([-0.007] * 3, 3_900.0, 6_100.0, False),
        ([-0.008] * 2 + [0.0], 3_900.0, 6_100.0, False),
        ([-0.008] * 3, 1_200.0, 1_900.0, False),
    ],
)
def test_sides_against_the_price(moves, longs, shorts, told):
    harvest = venue(0, Kind.CANDLES, hours(moves), LIQUIDATIONS=orders([longs] * 3, [shorts] * 3))
    assert doubted(sides.swapped, [harvest]) == [(VENUES[0].name, True)] * told
    buckets = [
        ContractStats(NOW_MS - DAY_MS + i * HOUR_MS, 100.0, 1.0, longs, shorts, longs * 100, shorts * 100)
        for i in range(3)
    ]
    harvest = venue(0, Kind.CANDLES, hours(moves), CONTRACT_STATS=buckets)
    assert doubted(sides.swapped, [harvest]) == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(("move", "told"), [(-0.0051, True), (-0.0049, False), (0.0051, False)])
def test_sides_of_longer_buckets_are_held_against_longer_moves(move, told):
    rows = [LiquidationSum(NOW_MS - DAY_MS + i * 4 * HOUR_MS, 1e5, 2e6) for i in range(2)]
    harvests = [venue(0, Kind.CANDLES, hours([move] * 4)), Harvest(FEAR_GREED, records={}, typed={})]
    harvests[1].keep(Kind.LIQUIDATION_SUMS, rows)
    assert doubted(sides.swapped, harvests) == [(FEAR_GREED.name, True)] * told


@pytest.mark.parametrize(
    ("own", "others", "told"),
    [(0.29, [0.71] * 2, True), (0.31, [0.71] * 2, False), (0.29, [0.69] * 2, False), (0.29, [0.71], False)],
)
@pytest.mark.parametrize("turned", [False, True])
def test_sides_against_the_other_sources(own, others, told, turned):
    harvests = []
    for i, share in enumerate([own, *others]):
        longs = [(1 - share if turned else share) * 1e3] * 24
        rows = orders(longs, [1e3 - value for value in longs])
        harvests.append(venue(i, Kind.CANDLES, hours([0.0] * 24), LIQUIDATIONS=rows))
    assert doubted(sides.swapped, harvests) == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(
    ("high", "low", "left_out"),
    [
        (1.19, 1.0, None),
        (1.21, 1.0, False),
        (1.59, 1.0, False),
        (1.61, 1.0, True),
        (1.0, 0.62, True),
        (1.0, 0.64, False),
    ],
)
def test_one_wick(high, low, left_out):
    harvests = [venue(i, Kind.CANDLES, hours([0.0] * 24)) for i in range(4)]
    row = harvests[0].candles[12]
    wick = msgspec.structs.replace(row, high=row.high * high, low=row.low * low)
    harvests[0] = venue(0, Kind.CANDLES, [wick if c is row else c for c in harvests[0].candles])
    assert doubted(prices.bars, harvests) == ([] if left_out is None else [(VENUES[0].name, left_out)])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(20, "Extreme Fear"), (25, "Extreme Fear"), (25, "Fear")], False),
        ([(20, "Extreme Fear"), (26, "Extreme Fear")], True),
        ([(23, "Fear"), (30, "Fear")], True),
        ([(20, "Extreme Fear"), (65, "Greed")], False),
        ([(20, "Extreme Fear"), (66, "Greed")], True),
        ([(66, "Greed"), (20, "Extreme Fear")], True),
        ([(50, "A word not known")], False),
    ],
)
def test_the_index_against_its_word_and_the_day_before(rows, told):
    harvest = Harvest(FEAR_GREED, records={}, typed={})
    harvest.keep(Kind.SENTIMENT, [Sentiment(NOW_MS + i * DAY_MS, *row) for i, row in enumerate(rows)])
    assert doubted(mood.mood, [harvest]) == [(FEAR_GREED.name, True)] * told


def test_a_step_over_missing_days_is_no_step():
    harvest = Harvest(FEAR_GREED, records={}, typed={})
    rows = [Sentiment(NOW_MS, 20, "Extreme Fear"), Sentiment(NOW_MS + 2 * DAY_MS, 80, "Extreme Greed")]
    harvest.keep(Kind.SENTIMENT, rows)
    assert not doubted(mood.mood, [harvest])
