"""What other services say, at the limits of what the venues leave true."""

from __future__ import annotations

import pytest

from imbalance.doubts import quotes
from imbalance.doubts.evidence import Doubt, Evidence
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.coinglass import COINGLASS
from imbalance.providers.cryptoquant import CRYPTOQUANT
from imbalance.records import (
    ContractStats,
    Liquidation,
    LiquidationLevel,
    LiquidationSum,
    OpenInterest,
    OpenInterestUsd,
    Ticker,
    Total,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, doubted, flat, other, reasons, venue

FROM_MS = NOW_MS - DAY_MS


def trading(count=5, usd=1e8, held=1e6, price=100.0):
    """Return venues that each traded and hold so much."""
    now = Ticker(NOW_MS, mark_price=price, volume_24h_usd=usd)
    return [venue(i, Kind.TICKER, [now], OPEN_INTEREST=[OpenInterest(NOW_MS, held)]) for i in range(count)]


def summed(source, usd, at_ms=NOW_MS, **more):
    return other(source, LIQUIDATION_SUMS=[LiquidationSum(at_ms, usd - 1.0, 1.0)], **more)


@pytest.mark.parametrize(("venues", "usd", "told"), [(5, 7.5e7, False), (5, 7.6e7, True), (4, 7.6e7, False)])
def test_no_more_than_0_15_of_what_is_traded_is_liquidated(venues, usd, told):
    said = "its 7.6e+07 USD of 24 hours are 0.15 of the 5e+08 USD traded"
    assert reasons(quotes.liquidations, [*trading(venues), summed(COINGLASS, usd)]) == [said] * told


def test_a_part_of_what_is_traded_is_told():
    said = "its 2e+08 USD of 24 hours are 0.4 of the 5e+08 USD traded"
    assert reasons(quotes.liquidations, [*trading(), summed(COINGLASS, 2e8)]) == [said]


def printing(usd, place=0, at_ms=NOW_MS):
    """Return a venue that printed so much itself in an order of the time."""
    now = Ticker(NOW_MS, mark_price=100.0)
    return venue(place, Kind.TICKER, [now], LIQUIDATIONS=[Liquidation(at_ms, Side.LONG, 100.0, usd / 100)])


def counted(usd, at_ms=NOW_MS, place=0, source=COINALYZE):
    row = VenueLiquidations(at_ms, VENUES[place].name, usd / 4, usd * 3 / 4, HOUR_MS)
    return other(source, VENUE_LIQUIDATIONS=[row])


LESS = "its {} USD of 24 hours are less than the {} USD that binance printed"


@pytest.mark.parametrize(
    ("printed", "seen", "told"),
    [
        (3e6, 2e6, ""),
        (3e6, 1.99e6, LESS.format("1.99e+06", "3e+06")),
        (1e6, 1e5, ""),
        (1.01e6, 1e5, LESS.format("1e+05", "1.01e+06")),
        (3e6, 0.5, LESS.format("0.5", "3e+06")),
    ],
)
@pytest.mark.parametrize("service", [summed, counted])
def test_a_sum_holds_two_thirds_of_what_a_venue_printed(printed, seen, told, service):
    harvest = counted(seen) if service is counted else summed(COINALYZE, seen)
    assert reasons(quotes.liquidations, [printing(printed), harvest]) == [told] * bool(told)


def test_a_sum_of_nothing_is_less_than_what_was_printed_where_it_is_of_all():
    assert reasons(quotes.liquidations, [printing(3e6), summed(COINGLASS, 0.0)]) == [LESS.format("0", "3e+06")]
    # A service that counts by venue may not count this one.
    assert not reasons(quotes.liquidations, [printing(3e6), counted(9e6, place=1)])
    assert not reasons(quotes.liquidations, [printing(3e6), counted(0.0)])


def test_what_a_venue_printed_that_is_doubted_itself_is_no_measure():
    evidence = Evidence([printing(3e6), summed(COINGLASS, 1.0)], "X", NOW_MS)
    assert quotes.liquidations(evidence)
    evidence.leave_out([Doubt(VENUES[0].name, Figure.LIQUIDATIONS, "", left_out=False)])
    assert not quotes.liquidations(evidence)


@pytest.mark.parametrize(
    ("at_ms", "told"), [(FROM_MS, False), (FROM_MS - 1, True), (NOW_MS, False), (NOW_MS + 1, True)]
)
def test_a_bucket_counts_from_24_hours_ago_to_now(at_ms, told):
    harvest = counted(3e6, at_ms)
    harvest.keep(Kind.VENUE_LIQUIDATIONS, [VenueLiquidations(NOW_MS, VENUES[0].name, 1.0, 0.0, HOUR_MS)])
    assert bool(reasons(quotes.liquidations, [printing(3e6), harvest])) == told


@pytest.mark.parametrize(
    ("of_all", "of_some", "told"), [(2e6, 3e6, False), (2e6, 3.1e6, True), (0.0, 3.1e6, False), (0.5, 1.0, True)]
)
def test_some_exchanges_hold_no_more_than_all(of_all, of_some, told):
    harvests = [summed(COINGLASS, of_all), counted(of_some, place=9)]
    said = f"coinglass saw {of_all:,.4g} USD of 24 hours, coinalyze {of_some:,.4g} USD on some of its exchanges"
    assert reasons(quotes.liquidations, harvests) == [said, said] * told
    assert doubted(quotes.liquidations, harvests) == [("coinglass", True), ("coinalyze", True)] * told


@pytest.mark.parametrize(
    ("printed", "seen", "told"),
    [(3e5, 1.5e6, False), (3e5, 1.6e6, True), (0.0, 1e6, False), (0.0, 1.1e6, True), (1e5, 9e5, False)],
)
def test_a_venue_s_own_sums_against_what_another_saw_there(printed, seen, told):
    rows = [ContractStats(NOW_MS - HOUR_MS, 100.0, 1.0, printed / 100, 0.0, printed, 0.0)]
    harvests = [venue(0, Kind.CONTRACT_STATS, rows), counted(seen)]
    said = f"its {printed:,.4g} USD of 24 hours stand against {seen:,.4g} USD that coinalyze saw there"
    assert reasons(quotes.liquidations, harvests) == [said] * told
    assert doubted(quotes.liquidations, harvests) == [(VENUES[0].name, False)] * told
    assert not reasons(quotes.liquidations, [venue(0), counted(seen)])


@pytest.mark.parametrize(
    ("hours", "day", "told"),
    [
        ([10.0, 20.0], 20.0, ""),
        ([10.0, 21.0], 20.0, "1.55"),
        ([50.0], 0.0, ""),
        ([0.2, 0.2], 0.2, "2"),
    ],
)
def test_hours_within_their_day(hours, day, told):
    rows = [LiquidationSum(MIDNIGHT_MS - (5 - i) * HOUR_MS, usd / 2, usd / 2) for i, usd in enumerate(hours)]
    days = [LiquidationSum(MIDNIGHT_MS - DAY_MS, day / 4, day * 3 / 4)]
    harvest = other(COINGLASS, LIQUIDATION_SUMS=rows, LIQUIDATION_DAILY=days)
    said = f"its hours of 2026-01-29 hold {told} times what its day does"
    assert reasons(quotes.liquidations, [harvest]) == [said] * bool(told)
    # Of another day nothing is known.
    later = other(COINGLASS, LIQUIDATION_SUMS=[LiquidationSum(MIDNIGHT_MS, 99.0, 0.0)], LIQUIDATION_DAILY=days)
    assert not reasons(quotes.liquidations, [later])


@pytest.mark.parametrize(
    ("what", "own", "words"), [("open_interest", 5e8, "open interest"), ("volume_24h", 2.5e8, "volume of 24 hours")]
)
def test_totals_are_within_a_factor_of_5(what, own, words):
    for times, told in ((4.99, False), (5.0, True), (0.21, False), (0.2, True)):
        harvest = other(COINGLASS, TOTALS=[Total(what, times * own)])
        said = f"its {words} of {times * own:,.4g} USD is {times:.3g} times the sum of the venues read"
        assert reasons(quotes.totals, [*trading(usd=5e7), harvest]) == [said] * told
        assert not reasons(quotes.totals, [*trading(4, usd=5e7), harvest])
    unknown = [venue(i) for i in range(5, 9)]
    assert not reasons(quotes.totals, [*trading(usd=5e7), *unknown, other(COINGLASS, TOTALS=[Total("x", 1.0)])])


@pytest.mark.parametrize(
    ("levels", "venues", "told"),
    [
        ([(81.0, 1.0)], 5, ""),
        ([(79.0, 1.0)], 5, "its nearest level lies 21 % from the price of 100"),
        ([(121.0, 1.0)], 5, "its nearest level lies 21 % from the price of 100"),
        ([(190.0, 1.0)], 5, "its nearest level lies 90 % from the price of 100"),
        ([(119.0, 1.0), (300.0, 1.0)], 5, ""),
        ([(101.0, 6e8), (102.0, 4e8)], 5, ""),
        ([(101.0, 6e8), (102.0, 4.5e8)], 5, "its levels hold 1.05e+09 USD, 2.1 times all open interest that is read"),
        ([(101.0, 1e10)], 4, ""),
        ([], 5, ""),
    ],
)
def test_levels_of_a_quoted_map(levels, venues, told):
    harvest = other(COINGLASS, LIQUIDATION_MAP=[LiquidationLevel(*level) for level in levels])
    assert reasons(quotes.levels, [*trading(venues), harvest]) == [told] * bool(told)
    assert not reasons(quotes.levels, [venue(0), harvest])


def disagreeing(days, own=(), now=None, last_ms=MIDNIGHT_MS - DAY_MS):
    """Hold daily levels [coins], the last of which is of a day, against the venue's own rows and its figure of now."""
    first_ms = last_ms - (len(days) - 1) * DAY_MS
    usd = [OpenInterestUsd(first_ms + i * DAY_MS, level * 50.0) for i, level in enumerate(days)]
    more = {} if now is None else {"OPEN_INTEREST": [OpenInterest(NOW_MS, now)]}
    bars = flat(60, MIDNIGHT_MS + DAY_MS, DAY_MS, price=50.0)
    binance = venue(0, Kind.DAILY_CANDLES, bars, OPEN_INTEREST_HISTORY=[OpenInterest(*row) for row in own], **more)
    return [binance, other(CRYPTOQUANT, OPEN_INTEREST_DAILY=usd)]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([0.1, 0.79], ""),
        ([0.1, 0.8], "it jumps from 0.1 to 0.8 coins on 2026-01-29"),
        ([0.8, 0.1], "it jumps from 0.8 to 0.1 coins on 2026-01-29"),
        ([0.79, 0.1], ""),
        ([0.0, 5.0], ""),
        ([5.0, 0.0], ""),
        ([1.0, 2.0, 1.0], "it is 2 coins on 2026-01-28, 1 the day before, 1 after"),
    ],
)
def test_days_of_another_service_against_each_other(days, told):
    also = f"cryptoquant says otherwise, and which is wrong cannot be told: {told}"
    harvests = disagreeing(days)
    assert reasons(quotes.open_interest, harvests) == [told, also] * bool(told)
    assert doubted(quotes.open_interest, harvests) == [("cryptoquant", True), ("binance", False)] * bool(told)
    assert not reasons(quotes.open_interest, harvests[1:])


@pytest.mark.parametrize(
    ("level", "own", "told"),
    [
        # Within a factor of 1.6 of the first row at or after the day's end, or of the last of all.
        (8.0, [(MIDNIGHT_MS, 5.0)], "5"),
        (7.99, [(MIDNIGHT_MS, 5.0)], ""),
        (5.0, [(MIDNIGHT_MS, 8.0)], "8"),
        (5.0, [(MIDNIGHT_MS, 7.99)], ""),
        (0.8, [(MIDNIGHT_MS, 0.5)], "0.5"),
        (8.0, [(MIDNIGHT_MS - 1, 1.0), (MIDNIGHT_MS, 5.1)], ""),
        (8.0, [(MIDNIGHT_MS, 5.1), (MIDNIGHT_MS + 1, 1.0)], ""),
        (8.0, [(MIDNIGHT_MS + DAY_MS, 5.0)], "5"),
        (8.0, [(MIDNIGHT_MS + DAY_MS + 1, 5.0)], ""),
        (8.0, [(MIDNIGHT_MS - DAY_MS, 5.0)], "5"),
        (8.0, [(MIDNIGHT_MS - DAY_MS - 1, 5.0)], ""),
        (8.0, [(MIDNIGHT_MS - 2, 1.0), (MIDNIGHT_MS - 1, 5.1)], ""),
        (8.0, [(MIDNIGHT_MS, 0.0)], ""),
    ],
)
def test_a_day_of_another_service_against_the_venue_s_own(level, own, told):
    said = f"its {level:g} coins on 2026-01-29 disagree with binance's own {told}"
    assert reasons(quotes.open_interest, disagreeing([level], own))[:1] == [said] * bool(told)


@pytest.mark.parametrize(
    ("level", "now", "last_ms", "told"),
    [
        (5.0, 8.0, MIDNIGHT_MS, True),
        (5.0, 7.99, MIDNIGHT_MS, False),
        (8.0, 5.0, MIDNIGHT_MS, True),
        (7.99, 5.0, MIDNIGHT_MS, False),
        (0.5, 0.8, MIDNIGHT_MS, True),
        (0.0, 0.8, MIDNIGHT_MS, False),
        (5.0, 8.0, MIDNIGHT_MS - 2 * DAY_MS, True),
        (5.0, 8.0, MIDNIGHT_MS - 3 * DAY_MS, False),
    ],
)
def test_the_last_day_of_another_service_against_now(level, now, last_ms, told):
    said = f"its last day, {level:g} coins, disagrees with binance's {now:g} of now"
    found = reasons(quotes.open_interest, disagreeing([level], (), now, last_ms))
    assert found[:1] == [said] * told
    days = [level] * 9
    assert reasons(quotes.open_interest, disagreeing(days, (), now, last_ms))[:1] == [said] * told
    at_the_limit = quotes.open_interest(Evidence(disagreeing([5.0], (), 8.0), "X", MIDNIGHT_MS + 2 * DAY_MS))
    beyond = quotes.open_interest(Evidence(disagreeing([5.0], (), 8.0), "X", MIDNIGHT_MS + 2 * DAY_MS + 1))
    assert (len(at_the_limit), len(beyond)) == (2, 0)
