"""One reading of a venue: the same figure whichever endpoint gave it, at the moment that it is of."""

from __future__ import annotations

import pytest

from imbalance.collect import Options
from imbalance.readings import (
    from_statistics,
    funding_8h,
    mark_price,
    open_interest_history,
    open_interest_now,
    open_interest_rows,
    ticker,
    venue_price,
)
from imbalance.records import (
    Candle,
    Commitments,
    Contract,
    ContractStats,
    Funding,
    FundingInterval,
    Holders,
    Instrument,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    Ticker,
)
from imbalance.report import sections
from imbalance.service import sources
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.library.venues.test_parsers import SOURCES
from tests.support.exchange import NOW_MS, Exchange
from tests.support.harvests import gave

HOURS = 60


def interest_at(time_ms):
    """Return open interest that grows by 10 coins an hour and is 1,000 now."""
    return 1000 + (time_ms - NOW_MS) / HOUR_MS * 10


def gate():
    harvest = Harvest(next(v for v in VENUES if v.name == "gate"))
    starts = [NOW_MS - i * HOUR_MS for i in range(HOURS, 0, -1)]
    harvest.keep(
        Kind.CONTRACT_STATS, [ContractStats(t, 100.0, interest_at(t + HOUR_MS), 0.0, 0.0, 0.0, 0.0) for t in starts]
    )
    return harvest


def bybit():
    harvest = Harvest(next(v for v in VENUES if v.name == "bybit"))
    stamps = [NOW_MS - i * HOUR_MS for i in range(HOURS, -1, -1)]
    harvest.keep(Kind.OPEN_INTEREST_HISTORY, [OpenInterest(t, interest_at(t)) for t in stamps])
    harvest.keep(Kind.TICKER, [OpenInterest(NOW_MS, interest_at(NOW_MS)), Ticker(NOW_MS, mark_price=100.0)])
    return harvest


@pytest.mark.parametrize("harvest", [gate(), bybit()], ids=["statistics by bucket", "history by moment"])
def test_open_interest_is_of_the_moment_that_its_stamp_tells(harvest):
    assert open_interest_now(harvest) == 1000
    assert all(r.open_interest_base == interest_at(r.time_ms) for r in open_interest_history(harvest))
    (row,) = sections.open_interest([harvest], 100.0, NOW_MS, [harvest.source]).venues
    assert row.change_24h == pytest.approx(1000 / interest_at(NOW_MS - DAY_MS) - 1)


def served(source, kind, row):
    harvest = Harvest(SOURCES[source])
    harvest.keep(kind, [row])
    return harvest


@pytest.mark.parametrize(
    ("source", "kind", "row", "fresh_ms"),
    [
        ("bybit", Kind.TICKER, lambda t: Ticker(t, mark_price=1.0), 15 * MINUTE_MS),
        ("okx", Kind.OPEN_INTEREST, lambda t: OpenInterest(t, 1.0), 15 * MINUTE_MS),
        ("fear_greed", Kind.SENTIMENT, lambda t: Sentiment(t, 16, "Fear"), 2 * DAY_MS),
        ("cftc", Kind.COMMITMENTS, lambda t: Commitments(t, "x", 5.0, 1.0, {}), 14 * DAY_MS),
        ("coinmetrics", Kind.HOLDERS, lambda t: Holders(t, "x", 1.0), 4 * DAY_MS),
        ("cryptoquant", Kind.OPEN_INTEREST_DAILY, lambda t: OpenInterestUsd(t, 1.0), 3 * DAY_MS),
    ],
)
def test_each_kind_of_figure_is_stale_after_its_own_time(source, kind, row, fresh_ms):
    for age_ms, status in ((0, "ok"), (fresh_ms, "ok"), (fresh_ms + 1, "stale")):
        harvest = served(source, kind, row(NOW_MS - age_ms))
        (state,) = sections.states([harvest], [], NOW_MS)
        assert state.status == status
        assert (f"newest {kind}" in state.message) is (status == "stale")
    # A machine whose clock is two months behind sees the same.
    harvest.clock_ahead_s = 60 * DAY_MS / 1000
    assert sections.states([harvest], [], NOW_MS - 60 * DAY_MS)[0].status == "stale"
    harvest = served(source, kind, row(NOW_MS))
    assert sections.states([harvest], [], NOW_MS + 60 * DAY_MS)[0].status == "stale"
    harvest.clock_ahead_s = -60 * DAY_MS / 1000
    assert sections.states([harvest], [], NOW_MS + 60 * DAY_MS)[0].status == "ok"


def test_a_probe_of_figures_two_months_old_is_not_ok():
    with Exchange() as exchange:
        old, new = (
            sources(Options(probe=True), exchange.settings, NOW_MS + later, lambda _h: None).sources
            for later in (60 * DAY_MS, 0)
        )
    assert {s.name for s in new if s.status != "ok"} == {"coinglass", "cryptoquant", "coinalyze"}
    # These stamp nothing: their answers are of the asking.
    assert {s.name for s in old if s.status == "ok"} == {"gate", "hyperliquid", "kraken"}


def prices(source, mark=None, closes=(), interest=None):
    rows = [(Kind.TICKER, [Ticker(NOW_MS, mark_price=mark)])] if mark else []
    candles = [Candle(NOW_MS + i, 1, 9, 1, close, 1) for i, close in enumerate(closes)]
    held = [(Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, *interest)])] if interest else []
    return gave(source, [*rows, (Kind.CANDLES, candles), *held])


def test_the_price_is_the_median_of_marks_else_of_last_closes_else_of_what_interest_is_valued_at():
    marks, closes = (
        [prices("okx", 10.0), prices("bybit", 12.0), prices("gate", 50.0)],
        prices("htx", None, (1.0, 2.0, 3.0)),
    )
    valued = prices("kraken", None, (), (4.0, 28.0))
    assert mark_price([*marks, closes, valued]) == 12
    assert mark_price([closes, valued]) == 3
    assert mark_price([valued, prices("okx", None, (), (4.0, None))]) == 7
    assert mark_price([prices("okx", None, (), (4.0, 0.0))]) is None
    assert mark_price([]) is None
    # A price of its own statistics is no mark that the venue publishes.
    assert mark_price([statistics(2), closes]) == 3
    assert venue_price(marks[0]) == 10
    assert venue_price(closes) == 3
    assert venue_price(gave("okx")) is None


def statistics(count):
    return gave(
        "gate",
        [(Kind.CONTRACT_STATS, [ContractStats(i * HOUR_MS, 5.0 + i, 1.0 + i, 0, 0, 0, 0) for i in range(count)])],
    )


def test_statistics_give_what_the_ticker_lacks():
    assert ticker(statistics(3)).mark_price == 7
    assert ticker(statistics(1)).mark_price == 5
    own = statistics(3)
    own.keep(Kind.TICKER, [Ticker(NOW_MS, mark_price=99.0), Ticker(NOW_MS, index_price=98.0)])
    assert (ticker(own).mark_price, ticker(own).index_price) == (99, 98)
    assert open_interest_now(statistics(3)) == 3
    assert open_interest_now(statistics(0)) is None


def test_the_last_of_several_figures_of_open_interest_is_the_one_of_now():
    rows = [OpenInterest(NOW_MS - 2, 5.0), OpenInterest(NOW_MS - 1, 6.0), OpenInterest(NOW_MS, 7.0)]
    assert open_interest_now(gave("okx", [(Kind.OPEN_INTEREST, rows)])) == 7


def test_buckets_are_as_long_as_the_least_step_between_them():
    rows = [ContractStats(t * HOUR_MS, 1.0, 10.0 + t, 0, 0, 0, 0) for t in (0, 3, 4, 6)]
    assert [r.time_ms // HOUR_MS for r in from_statistics(rows)] == [1, 4, 5, 7]
    assert [r.time_ms // HOUR_MS for r in from_statistics(rows[:2])] == [3, 6]
    assert from_statistics(rows[:1]) == []
    assert from_statistics([]) == []


def test_usd_becomes_coins_at_the_venues_price():
    held = (Kind.OPEN_INTEREST, [OpenInterestUsd(NOW_MS, 50.0)])
    priced = gave("okx", [held, (Kind.TICKER, [Ticker(NOW_MS, mark_price=10.0)])])
    assert open_interest_rows(priced) == [OpenInterest(NOW_MS, 5.0, 50.0)]
    assert open_interest_rows(gave("okx", [held])) == []


LISTED = Instrument("okx", "BTC-USDT-SWAP", "BTC", "USDT", Contract.LINEAR, funding_interval_hours=2.0)


@pytest.mark.parametrize(
    ("own", "given", "instrument", "hours"),
    [
        (4.0, 1.0, LISTED, 4), (None, 1.0, LISTED, 1), (None, None, LISTED, 2), (None, None, None, None),
        (4.0, None, None, 4), (None, 1.0, None, 1),
    ],
)  # fmt: skip
def test_a_rate_for_eight_hours_is_over_the_hours_that_are_told_nearest_to_it(own, given, instrument, hours):
    intervals = [FundingInterval(given), FundingInterval(99.0)] if given else []
    rates = [Funding(9.0), Funding(0.0003, interval_hours=own)]
    found = funding_8h(gave("okx", [(Kind.FUNDING, rates), (Kind.FUNDING_INTERVALS, intervals)], instrument=instrument))
    assert found[:2] == (rates[1], hours)
    assert found[2] == (None if hours is None else pytest.approx(0.0003 * 8 / hours))
    assert funding_8h(gave("okx")) == (None, None, None)
