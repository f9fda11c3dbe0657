"""Where thresholds lie, on harvests of a few rows."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest

from imbalance.doubts import books, interest, liquidations, mood, prices, quotes, ratios, sides, sizes, times
from imbalance.doubts.evidence import Evidence, known_median
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import (
    Candle,
    ContractStats,
    Funding,
    Instrument,
    Liquidation,
    LiquidationSum,
    LongShort,
    OpenInterest,
    OrderBook,
    Position,
    Sentiment,
    Ticker,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.support.harvests import NOW_MS, doubted, hours, orders, reasons, venue


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


# From the index's own two tables; what one calls neutral the other may call fear.
WORDS = {"extreme fear": (0, 25), "Fear": (24, 46), "neutral": (44, 55), "Greed": (54, 75), "Extreme Greed": (75, 100)}


@pytest.mark.parametrize("word", WORDS)
def test_the_words_of_the_index(word):
    least, most = WORDS[word]
    for value in (0, least - 1, least, most, most + 1, 100):
        harvest = Harvest(FEAR_GREED, records={}, typed={})
        harvest.keep(Kind.SENTIMENT, [Sentiment(NOW_MS, value, word)])
        said = f"its {value} of 2026-01-30 is called {word!r}, which is {least} to {most}"
        assert reasons(mood.mood, [harvest]) == [said] * (not least <= value <= most)
    for value, told in ((0, []), (100, [])):
        harvest = Harvest(FEAR_GREED, records={}, typed={})
        harvest.keep(Kind.SENTIMENT, [Sentiment(NOW_MS, value, "Panic")])
        assert reasons(mood.mood, [harvest]) == told


def test_a_step_of_the_index_is_told_with_its_day():
    harvest = Harvest(FEAR_GREED, records={}, typed={})
    harvest.keep(Kind.SENTIMENT, [Sentiment(NOW_MS - DAY_MS, 20, "Fear?"), Sentiment(NOW_MS, 66, "Greed")])
    said = "it moves from 20 to 66 on 2026-01-30, more than it ever did in a day"
    assert reasons(mood.mood, [harvest]) == [said]


def test_a_step_over_missing_days_is_no_step():
    harvest = Harvest(FEAR_GREED, records={}, typed={})
    rows = [Sentiment(NOW_MS, 20, "Extreme Fear"), Sentiment(NOW_MS + 2 * DAY_MS, 80, "Extreme Greed")]
    harvest.keep(Kind.SENTIMENT, rows)
    assert not doubted(mood.mood, [harvest])


@pytest.mark.parametrize("later", [-3, -2, -1, 0, 1, 2, 3])
def test_bars_at_other_times_than_their_own(later):
    walk = [(-1) ** (i // 3 + i // 7) * 0.001 * (1 + i % 5) for i in range(80)]
    harvests = [venue(i, Kind.CANDLES, hours(walk)) for i in range(1, 4)]
    own = [move + 0.0002 * (-1) ** i for i, move in enumerate(walk)]
    harvests.append(venue(0, Kind.CANDLES, hours(own, NOW_MS - DAY_MS + later * HOUR_MS)))
    # Beyond two hours the feed is stale or ahead, which is told elsewhere.
    assert doubted(prices.bars, harvests) == [(VENUES[0].name, True)] * (1 <= abs(later) <= 2)


def test_few_bars_tell_no_other_times():
    harvests = [venue(i, Kind.CANDLES, hours([0.001, -0.002] * 5)) for i in range(3)]
    harvests.append(venue(3, Kind.CANDLES, hours([0.001, -0.002] * 5, NOW_MS - DAY_MS + HOUR_MS)))
    assert not doubted(prices.bars, harvests)


@pytest.mark.parametrize(("volume", "interest_now", "told"), [(1.0, 0.0, True), (0.0, 0.0, False), (1.0, 1.0, False)])
def test_open_interest_of_0_where_there_is_trade(volume, interest_now, told):
    harvest = venue(
        0,
        Kind.TICKER,
        [Ticker(NOW_MS, 1.0, 1.0, volume_24h_base=volume)],
        OPEN_INTEREST=[OpenInterest(NOW_MS, interest_now)],
    )
    assert doubted(interest.own, [harvest]) == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(
    ("levels", "told"),
    [([1.76, 1.0, 1.76], True), ([1.74, 1.0, 1.76], False), ([1.0, 1.76, 1.0], True), ([1.0, 1.76, 1.01], False)],
)
def test_one_day_against_its_neighbours(levels, told):
    days = {i * DAY_MS: level for i, level in enumerate(levels)}
    assert bool(interest.spike(days)) == told
    assert not interest.spike({2 * day_ms: level for day_ms, level in days.items()})


@pytest.mark.parametrize(("held", "told"), [(10.1, True), (9.9, False)])
def test_positions_over_open_interest(held, told):
    sides = [
        Position(NOW_MS, side, held / 2, 1.0, None, None, 1.0, "cross") for side in (Side.LONG, Side.LONG, Side.SHORT)
    ]
    harvest = venue(0, Kind.POSITIONS, sides, OPEN_INTEREST=[OpenInterest(NOW_MS, 10.0)])
    assert doubted(interest.positions, [harvest]) == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(("share", "told"), [(0.049, True), (0.05, False), (0.95, False), (0.951, True), (0.0, True)])
def test_shares_of_next_to_none_or_all(share, told):
    harvest = venue(0, Kind.LONG_SHORT, [LongShort(NOW_MS, "accounts", share)])
    assert doubted(ratios.ratios, [harvest]) == [(VENUES[0].name, True)] * told
    assert reasons(ratios.ratios, [harvest]) == [f"{share * 100:.3g} % of its accounts are long"] * told


@pytest.mark.parametrize(("price", "told"), [(49.0, True), (51.0, False), (199.0, False), (201.0, True)])
def test_prices_of_liquidations_that_the_venue_never_had(price, told):
    order = Liquidation(NOW_MS - HOUR_MS, Side.LONG, price, 1.0)
    bucket = ContractStats(NOW_MS - HOUR_MS, 100.0, 1.0, 1.0, 0.0, price, 0.0)
    for kind, row in ((Kind.LIQUIDATIONS, order), (Kind.CONTRACT_STATS, bucket)):
        harvest = venue(0, Kind.CANDLES, hours([0.0] * 24), **{kind.name: [row]})
        assert doubted(liquidations.venues, [harvest]) == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize("volume", [0.0, 1.0])
def test_bars_that_hold_no_volume(volume):
    rows = [msgspec.structs.replace(row, volume_base=volume) for row in hours([0.0] * 30)]
    told = [Ticker(NOW_MS, 100.0, 100.0, volume_24h_base=24.0)]
    harvest = venue(0, Kind.CANDLES, rows, TICKER=told)
    assert doubted(sizes.volumes, [harvest]) == [(VENUES[0].name, True)] * (volume == 0)


def test_a_sum_of_0_where_a_venue_printed():
    rows = orders([1e4] * 24, [1e3] * 24)
    for usd in (0.0, 1e9):
        harvests = [
            venue(0, Kind.CANDLES, hours([0.0] * 24), LIQUIDATIONS=rows),
            Harvest(FEAR_GREED, records={}, typed={}),
        ]
        harvests[1].keep(Kind.LIQUIDATION_SUMS, [LiquidationSum(NOW_MS - HOUR_MS, usd, 0.0)])
        assert doubted(quotes.liquidations, harvests) == [(FEAR_GREED.name, True)] * (usd == 0)


def test_an_exchange_that_was_asked_for_and_did_not_come():
    harvest = Harvest(COINALYZE, records={}, typed={})
    listed = [Instrument(name, "X", "X", "USDT", VENUES[0].contract) for name in ("binance", "bybit")]
    harvest.keep(Kind.INSTRUMENTS, listed)
    rows = [VenueLiquidations(NOW_MS - i * HOUR_MS, "bybit", 1.0, 1.0, HOUR_MS) for i in range(24, 0, -1)]
    harvest.keep(Kind.VENUE_LIQUIDATIONS, rows)
    reasons = [d.reason for d in liquidations.coverage(Evidence([harvest], "X", NOW_MS))]
    assert reasons == ["it holds none of binance, which it lists"]


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 7])
def test_the_median_of_what_is_known_is_numpy_s(rows):
    table = np.random.default_rng(rows).normal(size=(rows, 3, 200))
    table[np.random.default_rng(1).random(table.shape) < 0.4] = np.nan
    table[0, :, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmedian(table, axis=0)
    np.testing.assert_array_equal(known_median(table), expected)


def held_over_hours(levels, volume_base=None, now=None):
    """Return a venue whose open interest is known hourly, with bars of one volume where it is given."""
    start_ms = NOW_MS - len(levels) * HOUR_MS
    rows = [OpenInterest(start_ms + i * HOUR_MS, level) for i, level in enumerate(levels)]
    more = {} if now is None else {"OPEN_INTEREST": [OpenInterest(NOW_MS, now)]}
    if volume_base is not None:
        times = range(start_ms - HOUR_MS, NOW_MS, HOUR_MS)
        more["CANDLES"] = [Candle(t, 100.0, 100.0, 100.0, 100.0, volume_base) for t in times]
    return venue(0, Kind.OPEN_INTEREST_HISTORY, rows, **more)


@pytest.mark.parametrize(
    ("levels", "volume_base", "told"),
    [
        ([1.0, 7.9], None, False),
        ([1.0, 8.1], None, True),
        ([7.9, 1.0], None, False),
        ([8.1, 1.0], None, True),
        ([1.0, 2.0, 16.1], None, True),
        # Twice what was traded, and a quarter of what was held before.
        ([100.0, 144.0], 10.0, False),
        ([100.0, 146.0], 10.0, True),
        ([100.0, 56.0], 10.0, False),
        ([100.0, 54.0], 10.0, True),
    ],
)
def test_a_step_of_open_interest_against_its_unit_and_its_trades(levels, volume_base, told):
    found = doubted(interest.own, [held_over_hours(levels, volume_base)])
    assert found == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(
    ("now", "volume_base", "told"),
    [
        (3.9, None, False),
        (4.1, None, True),
        (1 / 3.9, None, False),
        (1 / 4.1, None, True),
        # Twice what was traded in the hour since, and a tenth of what was held before.
        (1.29, 0.1, False),
        (1.31, 0.1, True),
        (0.71, 0.1, False),
        (0.69, 0.1, True),
        (0.0, None, True),
    ],
)
def test_open_interest_now_against_the_last_before(now, volume_base, told):
    found = doubted(interest.own, [held_over_hours([1.0, 1.0], volume_base, now)])
    assert found == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(
    ("levels", "now", "days_ago", "told"),
    [
        ([1.0, 7.9], None, 0, False),
        ([1.0, 8.1], None, 0, True),
        ([8.1, 1.0], None, 0, True),
        ([1.0, 1.0], 1.59, 1, False),
        ([1.0, 1.0], 1.61, 1, True),
        ([1.0, 1.0], 1 / 1.61, 1, True),
        ([1.0, 1.0], 1.61, 3, True),
        ([1.0, 1.0], 1.61, 4, False),
    ],
)
def test_daily_open_interest_against_its_unit_and_now(levels, now, days_ago, told):
    first_ms = NOW_MS - (len(levels) - 1 + days_ago) * DAY_MS
    rows = [OpenInterest(first_ms + i * DAY_MS, level) for i, level in enumerate(levels)]
    more = {} if now is None else {"OPEN_INTEREST": [OpenInterest(NOW_MS, now)]}
    found = doubted(interest.own, [venue(0, Kind.OPEN_INTEREST_DAILY, rows, **more)])
    assert found == [(VENUES[0].name, True)] * told


@pytest.mark.parametrize(
    ("late_ms", "told"),
    [(2 * HOUR_MS, False), (2 * HOUR_MS + 1, True), (-2 * HOUR_MS, False), (-2 * HOUR_MS - 1, True)],
)
def test_figures_that_are_all_of_another_time_than_the_clock(late_ms, told):
    harvests = [venue(i, Kind.TICKER, [Ticker(NOW_MS - late_ms, 1.0, 1.0)]) for i in range(3)]
    assert bool(doubted(times.clock, harvests)) == told


@pytest.mark.parametrize(
    ("venues", "turned", "left_out"),
    [(3, 20.5, True), (3, 1 / 20.5, True), (3, 19.5, False), (3, 5.9, None), (2, 20.5, None)],
)
def test_turnover_against_the_others(venues, turned, left_out):
    harvests = [
        venue(
            i,
            Kind.TICKER,
            [Ticker(NOW_MS, 1.0, 1.0, volume_24h_base=100.0 * (turned if i == 0 else 1.0))],
            OPEN_INTEREST=[OpenInterest(NOW_MS, 100.0)],
        )
        for i in range(venues)
    ]
    found = {d.left_out for d in sizes.turnover(Evidence(harvests, "X", NOW_MS)) if d.source == VENUES[0].name}
    assert found == (set() if left_out is None else {left_out})
