"""Sections of what sources gave, at the limits of a day, a month and a history."""

from __future__ import annotations

import pytest

from imbalance.errors import DoubtfulError, NotOpenError, UnreachableError
from imbalance.liquidated import Day
from imbalance.records import (
    Candle,
    ContractStats,
    Funding,
    LiquidationSum,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    Ticker,
    Total,
)
from imbalance.report import sections, tree
from imbalance.report.sections import activity, conditions, interest
from imbalance.report.sections.sources import gaps, missing_of, newest_ms, quoted, states
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.wire import Kind
from tests.support.bars import market, venue
from tests.support.harvests import SOURCES, gave

NOW_MS = 1_769_774_400_000  # 2026-01-30T12:00:00Z
TODAY_MS = 1_769_731_200_000
BYBIT, OKX, GATE = (SOURCES[name] for name in ("bybit", "okx", "gate"))


def now(source, coins, mark=100.0, history=()):
    rows = [(Kind.TICKER, [Ticker(NOW_MS, mark_price=mark)]), (Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, coins)])]
    return gave(source, [*rows, (Kind.OPEN_INTEREST_HISTORY, [OpenInterest(t, v) for t, v in history])])


def daily(source, first, last, kind=OpenInterest, name=Kind.OPEN_INTEREST_DAILY):
    return name, [
        kind(TODAY_MS - (last - i) * DAY_MS, 1000.0 - i if i < last // 2 else 900.0 + i) for i in range(first, last)
    ]


def test_open_interest_is_valued_at_each_venues_own_mark():
    told = sections.open_interest(
        [now("okx", 10.0, 101.0), now("bybit", 30.0, 99.0), gave("gate")], 100.0, NOW_MS, [OKX, BYBIT, GATE]
    )
    assert [(row.name, row.open_interest_usd, row.share) for row in told.venues] == [
        ("bybit", 2970, 0.75), ("okx", 1010, 0.25)
    ]  # fmt: skip
    assert (told.total_base, told.total_usd, told.missing) == (40, 3980, ["gate"])
    assert told.total_base_low is None
    assert told.total_usd_low is None
    (row,) = sections.open_interest([now("okx", 10.0, None)], 100.0, NOW_MS, [OKX]).venues
    assert row.open_interest_usd == 1000
    (row,) = sections.open_interest([now("okx", 0.0)], 100.0, NOW_MS, [OKX]).venues
    assert row.share is None


@pytest.mark.parametrize(
    ("history", "change"),
    [
        ([(NOW_MS - DAY_MS, 8.0)], 0.25), ([(NOW_MS - DAY_MS + 1, 8.0)], None), ([(NOW_MS - DAY_MS, 0.0)], None),
        ([(NOW_MS - 2 * DAY_MS, 5.0), (NOW_MS - DAY_MS, 8.0), (NOW_MS - 1, 9.0)], 0.25),
        ([(NOW_MS - 2 * DAY_MS, 4.0), (NOW_MS - DAY_MS - 9, 5.0), (NOW_MS - DAY_MS - 1, 8.0)], 0.25),
        ([(NOW_MS - DAY_MS, 0.5)], 19.0),
    ],
)  # fmt: skip
def test_a_days_change_is_from_the_last_figure_of_a_day_before(history, change):
    (row,) = sections.open_interest([now("okx", 10.0, history=history)], 100.0, NOW_MS, [OKX]).venues
    assert row.change_24h == change


def test_venues_whose_counting_is_open_are_told_with_half():
    disputed = next(s for s in SOURCES.values() if s.is_venue and s.disputed)
    told = sections.open_interest([now(disputed.name, 10.0), now("bybit", 30.0)], 100.0, NOW_MS, [disputed, BYBIT])
    rows = {row.name: row for row in told.venues}
    assert (rows[disputed.name].open_interest_base_low, rows["bybit"].open_interest_base_low) == (5, None)
    assert (told.total_base_low, told.total_usd_low) == (35, 3500)


@pytest.mark.parametrize(("days", "told"), [(120, True), (119, False)])
def test_a_low_is_looked_for_in_120_days_at_least(days, told):
    own = gave("okx", [(Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, 1881.0)]), daily("okx", 0, days)])
    change = sections.open_interest([own, now("bybit", 5.0)], 100.0, NOW_MS, [OKX, BYBIT]).change
    assert (change is not None) is told
    if told:
        # Falling by a coin a day from 1,000 on, to the day before it is halfway.
        assert (change.low_base, change.now_base, change.of, change.source) == (941, 1881, "okx", "okx")
        assert change.value == pytest.approx(1881 / 941 - 1)
        assert change.low_date == "2025-11-30"
    usd = daily("", 0, days, OpenInterestUsd)
    closes = (Kind.DAILY_CANDLES, [Candle(row.time_ms, 2, 2, 2, 2.0, 1) for row in usd[1]])
    quant = gave("cryptoquant", [usd])
    binance = gave("binance", [(Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, 1881.0)]), closes])
    change = sections.open_interest([quant, binance], 100.0, NOW_MS, [SOURCES["binance"]]).change
    assert (change is not None) is told
    if told:
        assert (change.low_base, change.of, change.source) == (470.5, "binance", "cryptoquant")


def rows_of(**shares):
    return [tree.VenueOpenInterest(name, share, share, share, None) for name, share in shares.items()]


def test_concentration_needs_three_venues_and_most_of_those_asked_for():
    assert interest._concentration(rows_of(okx=0.5, gate=0.5), []) is None
    found = interest._concentration(rows_of(okx=0.2, gate=0.5, htx=0.3), ["kraken", "deribit"])
    assert (found.largest, found.largest_share, found.hhi) == ("gate", 0.5, pytest.approx(0.38))
    assert found.of == ["okx", "gate", "htx"]
    assert interest._concentration(rows_of(okx=0.2, gate=0.5, htx=0.3), ["kraken", "deribit", "x"]) is None


def statistics(hours, *, step_ms=HOUR_MS, taken=1.0, end_ms=NOW_MS):
    sold = None if taken is None else 2 * taken
    return [ContractStats(end_ms - i * step_ms, 100.0, 1.0, 0, 0, 0, 0, taken, sold) for i in range(hours, 0, -1)]


@pytest.mark.parametrize(
    ("rows", "volume"),
    [
        (statistics(24), 72.0), (statistics(23), None), (statistics(30), 72.0),
        (statistics(6, step_ms=4 * HOUR_MS), 18.0), (statistics(1, step_ms=DAY_MS), 3.0),
        (statistics(24, end_ms=NOW_MS + 1), None), (statistics(25, end_ms=NOW_MS + HOUR_MS), 72.0),
        (statistics(2, step_ms=DAY_MS), 3.0), ([*statistics(24)[:-1], *statistics(1, taken=None)], None),
        ([*statistics(30)[:2], *statistics(28, taken=2.0)], 144.0),
    ],
)  # fmt: skip
def test_a_days_volume_is_of_24_hours_of_whole_buckets(rows, volume):
    assert activity._day_volume(rows, NOW_MS) == volume


def test_volume_without_usd_is_at_the_venues_mark():
    def told(ticker, *rows):
        return sections.volume([gave("okx", [(Kind.TICKER, [ticker]), *rows])], 100.0, NOW_MS, [OKX]).venues[0]

    assert told(Ticker(NOW_MS, mark_price=50.0, volume_24h_base=2.0)).volume_24h_usd == 100
    assert told(Ticker(NOW_MS, volume_24h_base=2.0)).volume_24h_usd == 200
    assert told(Ticker(NOW_MS, mark_price=50.0, volume_24h_base=2.0, volume_24h_usd=7.0)).volume_24h_usd == 7
    counted = told(Ticker(NOW_MS, mark_price=50.0), (Kind.CONTRACT_STATS, statistics(24)))
    assert (counted.volume_24h_base, counted.volume_24h_usd) == (72, 3600)
    own = told(Ticker(NOW_MS, mark_price=50.0, volume_24h_base=2.0), (Kind.CONTRACT_STATS, statistics(24)))
    assert own.volume_24h_usd == 100


def candles(first, last):
    return Kind.DAILY_CANDLES, [
        Candle(TODAY_MS - i * DAY_MS, 1, 1, 1, 1, 1.0, 10.0) for i in range(last, first - 1, -1)
    ]


def test_a_months_volume_is_of_all_its_days_up_to_today():
    def told(*rows):
        return sections.volume([gave("okx", rows)], 100.0, NOW_MS, [OKX])

    whole = told(candles(0, 60))
    assert whole.venues[0].month_usd == 300  # thirty days of January, today's among them
    assert whole.venues[0].previous_month_usd == 310
    assert (whole.venues[0].days, whole.venues[0].of_days) == (30, 30)
    assert (whole.month, whole.total_month_usd, whole.month_missing) == ("2026-01", 300, [])
    assert (whole.total_24h_usd, whole.missing) == (None, ["okx"])
    part = told(candles(1, 60))
    assert (part.venues[0].month_usd, part.venues[0].days) == (None, 29)
    assert (part.total_month_usd, part.month_missing) == (None, ["okx"])
    none = told((Kind.TICKER, [Ticker(NOW_MS, volume_24h_usd=5.0)]))
    assert (none.venues[0].days, none.venues[0].of_days, none.month_missing) == (None, None, [])
    assert (none.total_24h_usd, none.missing) == (5, [])


def test_volumes_are_in_order_and_of_venues_that_gave_any():
    harvests = [
        gave("okx", [(Kind.TICKER, [Ticker(NOW_MS, volume_24h_usd=5.0)])]),
        gave("bybit", [(Kind.TICKER, [Ticker(NOW_MS, volume_24h_usd=9.0)])]),
        gave("gate", [(Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, 1.0)])]),
        gave("htx", [candles(0, 60)]),
        gave("coinglass", [(Kind.TOTALS, [Total("volume_24h", 3.0), Total("open_interest", 4.0)])]),
    ]
    told = sections.volume(harvests, 100.0, NOW_MS, [OKX, GATE])
    assert [row.name for row in told.venues] == ["bybit", "okx", "htx"]
    assert (told.total_24h_usd, told.missing) == (14, ["gate"])
    assert [(q.source, q.usd) for q in told.quoted] == [("coinglass", 3)]
    assert [q.usd for q in quoted(harvests, "open_interest")] == [4]


def test_a_volume_that_is_not_known_stands_below_the_smallest():
    harvests = [
        gave("gate", [(Kind.TICKER, [Ticker(NOW_MS, mark_price=1.0)])]),
        gave("okx", [(Kind.TICKER, [Ticker(NOW_MS, volume_24h_usd=0.5)])]),
    ]
    assert [row.name for row in sections.volume(harvests, 100.0, NOW_MS, [OKX, GATE]).venues] == ["okx", "gate"]


def test_since_when_most_was_liquidated_is_of_the_service_that_told_today():
    days = [(Kind.LIQUIDATION_DAILY, [LiquidationSum(NOW_MS - DAY_MS, 1.0, 2.0)])]
    assert activity.liquidations([gave("coinalyze", days)], NOW_MS, []).largest_since is None
    assert activity.liquidations([gave("coinglass")], NOW_MS, []).largest_since is None


def sums(*pairs):
    return [LiquidationSum(NOW_MS - (i + 1) * DAY_MS, long, short) for i, (long, short) in enumerate(pairs)][::-1]


def test_another_services_sum_goes_before_the_venues_own(monkeypatch):
    told = {
        "okx": Day(1.0, 2.0, 0, NOW_MS, whole=True),
        "bybit": Day(3.0, 4.0, 0, NOW_MS, whole=True, later_stages_usd=5e6),
        "gate": Day(3.0, 4.0, 0, NOW_MS, whole=False),
        "htx": Day(3.0, 4.0, 0, NOW_MS, whole=False, lower_bound=True),
        "coinalyze": Day(10.0, 20.0, 0, NOW_MS, whole=True),
        "coinglass": Day(100.0, 200.0, 0, NOW_MS, whole=True),
        "kraken": None,
    }
    monkeypatch.setattr(activity, "last_day", lambda harvest, _now: told[harvest.name])
    history = {"coinglass": [(Kind.LIQUIDATION_DAILY, sums((999, 999), (1, 1), (200, 100), (1, 1)))]}
    harvests = [gave(name, history.get(name, [])) for name in told]
    asked = [OKX, BYBIT, GATE, SOURCES["kraken"]]
    for left_out, of, long, short in (
        ((), ["coinglass"], 100, 200),
        (("coinglass",), ["coinalyze"], 10, 20),
        (("coinglass", "coinalyze"), ["okx", "bybit"], 4, 6),
    ):
        found = activity.liquidations([h for h in harvests if h.name not in left_out], NOW_MS, asked)
        assert (found.of, found.long_usd, found.short_usd, found.usd) == (of, long, short, long + short)
        assert found.missing == ["gate", "kraken"]
        # The day that ends now does not count, nor does one of less: three days ago as much was liquidated.
        if of == ["coinglass"]:
            assert found.largest_since == tree.LargestSince("2026-01-27", "2026-01-26", "coinglass")
        else:
            assert found.largest_since is None
    rows = {row.source: row for row in activity.liquidations(harvests, NOW_MS, asked).observed}
    assert rows["bybit"].prints.endswith("; later stages of defaults, 5.0M, apart")
    assert rows["htx"].prints.startswith("at least: ")
    assert not rows["gate"].prints.startswith("at least")
    assert {name for name, row in rows.items() if row.quoted} == {"coinalyze", "coinglass"}
    nothing = activity.liquidations([harvests[-1], harvests[2]], NOW_MS, asked)
    assert (nothing.usd, nothing.long_usd, nothing.short_usd, nothing.of) == (None, None, None, [])


def test_a_history_of_smaller_days_says_how_far_it_reaches(monkeypatch):
    monkeypatch.setattr(activity, "last_day", lambda *_: Day(100.0, 200.0, 0, NOW_MS, whole=True))
    small = gave("coinglass", [(Kind.LIQUIDATION_DAILY, sums((9, 9), (1, 1), (100, 199)))])
    since = activity.liquidations([small], NOW_MS, []).largest_since
    assert since == tree.LargestSince(None, "2026-01-27", "coinglass")
    recent = gave("coinglass", [(Kind.LIQUIDATION_DAILY, sums((9, 9)))])
    assert activity.liquidations([recent], NOW_MS, []).largest_since is None


def test_funding_is_weighted_by_open_interest():
    harvests = [
        gave("okx", [(Kind.FUNDING, [Funding(0.0008, NOW_MS, NOW_MS + HOUR_MS, 8.0)])]),
        gave("bybit", [(Kind.FUNDING, [Funding(0.0001, NOW_MS, None, 4.0)])]),
        gave("gate", [(Kind.FUNDING, [Funding(0.5, NOW_MS, None, None)])]),
        gave("htx"),
    ]
    told = conditions.funding(harvests, tree.OpenInterest(0, 0, rows_of(okx=3.0, bybit=1.0, gate=5.0), [], None))
    assert told.rate_8h == pytest.approx((3 * 0.0008 + 0.0002) / 4)
    assert [row.rate_8h for row in told.venues] == [pytest.approx(0.0008), pytest.approx(0.0002), None]
    assert [row.next_time for row in told.venues] == ["2026-01-30T13:00:00Z", None, None]
    unknown = conditions.funding(harvests, tree.OpenInterest(0, 0, [], [], None))
    assert unknown.rate_8h is None


def test_sentiment_of_a_week_ago_is_that_of_its_day():
    moods = [Sentiment(TODAY_MS - i * DAY_MS, 50 + i, "Neutral") for i in (8, 7, 6, 0)]
    told = sections.sentiment([gave("okx"), gave("fear_greed", [(Kind.SENTIMENT, moods)])])
    assert (told.value, told.week_ago, told.date) == (50, 57, "2026-01-30")
    told = sections.sentiment([gave("fear_greed", [(Kind.SENTIMENT, [moods[0], *moods[2:]])])])
    assert told.week_ago is None
    assert sections.sentiment([gave("okx")]) is None


def test_the_price_section_is_over_the_span_of_the_bars():
    close = [100.0, 130.0, *[110.0] * 23, 120.0]
    harvests = [gave(n, [(Kind.TICKER, [Ticker(NOW_MS, index_price=p)])]) for n, p in (("okx", 118), ("bybit", 120))]
    told = sections.market_price(market(close, venue("okx", 26)), [*harvests, gave("gate")])
    assert (told.mark, told.index, told.high, told.low) == (120, 119, 130, 99)
    assert told.change_24h == pytest.approx(120 / 130 - 1)
    assert told.change_since_high == pytest.approx(120 / 130 - 1)
    assert told.days_since_high == pytest.approx(25 / 24)
    assert told.high_time == "2026-01-28T01:00:00Z"
    assert sections.market_price(market(close[2:], venue("okx", 24)), []).change_24h is None
    assert sections.market_price(market(close[1:], venue("okx", 25)), []).change_24h == pytest.approx(120 / 130 - 1)


def failing(*errors, **fields):
    return gave("okx", [(Kind.TICKER, [Ticker(NOW_MS, mark_price=1.0)])], failures=list(errors), **fields)


def test_how_a_source_fared():
    broken = UnreachableError("okx", "ticker", "no connection", "Try again.")
    closed = NotOpenError("okx", "history", "needs a key")
    untrue = DoubtfulError("okx", "candles", "cannot be")

    def status(harvest):
        return states([harvest], [], NOW_MS)[0].status

    assert status(failing()) == "ok"
    assert status(failing(broken)) == "partial"
    assert status(gave("okx", failures=[broken])) == "failed"
    assert status(gave("okx", [(Kind.INSTRUMENTS, [Ticker(NOW_MS)])], failures=[broken])) == "failed"
    assert status(failing(closed)) == "not open"
    assert status(failing(closed, broken)) == "partial"
    assert status(failing(broken, untrue)) == "doubtful"
    assert status(failing(untrue, broken)) == "partial"
    assert status(failing(listed=("ETH",))) == "unlisted"
    (row,) = states([failing(broken, untrue)], [], NOW_MS)
    assert "cannot be" in row.message
    (row,) = states([failing(broken, closed)], [], NOW_MS)
    assert (row.message, row.hint) == ("okx ticker: no connection", "Try again.")
    assert row.newest == "2026-01-30T12:00:00Z"
    rows = states([failing()], [("htx", "HTX", "needs a key")], NOW_MS)
    assert (rows[1].status, rows[1].requests, rows[1].message) == ("skipped", 0, "needs a key")
    assert states([gave("okx")], [], NOW_MS)[0].newest is None


def test_the_newest_stamp_is_that_of_the_last_record():
    rows = [(Kind.TICKER, [Ticker(5), Ticker(7)]), (Kind.OPEN_INTEREST, [OpenInterest(6, 1.0)])]
    assert newest_ms(gave("okx", rows)) == 7
    assert newest_ms(gave("okx", [(Kind.TICKER, [Ticker(None)])])) is None


def test_gaps_say_what_failed_once_and_what_is_never_there():
    broken = UnreachableError("okx", "ticker", "no connection", "Try again.")
    again = UnreachableError("okx", "candles", "no connection")
    closed = NotOpenError("okx", "history", "needs a key")
    doubted = DoubtfulError("okx", "volume", "too much")
    harvest = failing(broken, again, closed, doubted=[doubted], listed=("ETH",))
    found = gaps([harvest], [("htx", "HTX", "needs a key")], frozenset(), [OKX])
    assert [(g.what, g.failed, g.usual) for g in found] == [
        ("ticker", True, False), ("history", False, False), ("volume", False, False), ("contract", False, False),
        ("HTX", False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ahead_s", "told"),
    [(60.0, None), (-60.0, None), (61.0, "1 min ahead of"), (-120.0, "2 min behind"), (None, None), (0.0, None)],
)
def test_a_clock_is_off_beyond_a_minute(ahead_s, told):
    found = gaps([failing(clock_ahead_s=ahead_s)], [], frozenset(), [OKX])
    assert [(g.what, g.message.removeprefix("its clock is "), g.failed) for g in found] == (
        [("clock", f"{told} this machine's", False)] if told else []
    )


def test_venues_without_liquidations_are_told_where_they_are_wanted():
    silent = [SOURCES[name] for name in ("binance", "hyperliquid", "okx", "gate")]
    listed = [gave("binance", instrument=None)]
    wanted = frozenset({Kind.LIQUIDATIONS})
    found = gaps([], [], wanted, silent)
    assert [(g.source, g.message, g.failed, g.usual) for g in found] == [
        ("binance", "available over WebSocket only", False, True),
        ("hyperliquid", "publishes none for the whole market", False, True),
    ]
    assert [g.source for g in gaps(listed, [], wanted, silent)] == ["hyperliquid"]
    assert gaps([], [], frozenset(), silent) == []
    assert [g.source for g in gaps([], [("binance", "Binance", "x")], wanted, silent)] == ["hyperliquid", "binance"]


def test_venues_that_do_not_list_the_coin_lack_nothing():
    harvests = [gave("okx", listed=("ETH",)), gave("bybit")]
    assert missing_of([OKX, BYBIT, GATE], harvests, {"gate"}) == ["bybit"]
