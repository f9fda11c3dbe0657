"""Open interest at its limits: against its value, its steps, what was traded, its days, and the coins there are."""

from __future__ import annotations

import msgspec
import pytest

from imbalance.doubts import interest
from imbalance.doubts.thresholds import SUPPLY_BASE
from imbalance.records import OpenInterest, Position, Ticker
from imbalance.units import DAY_MS, HOUR_MS, Side, iso
from imbalance.wire import Kind
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, flat, reasons, venue

START_MS = NOW_MS - 24 * HOUR_MS
PRICED = Ticker(NOW_MS, mark_price=100.0)
VALUE = "its open interest in coins and in USD imply a price of {} at {}"


@pytest.mark.parametrize(
    ("usd", "base", "told"),
    [
        (90.1, 1.0, ""),
        (90.0, 1.0, "90"),
        (45.0, 0.5, "90"),
        (109.9, 1.0, ""),
        (110.1, 1.0, "110.1"),
        (None, 1.0, ""),
        (9.0, 0.0, ""),
    ],
)
def test_the_value_of_now_is_within_a_tenth_of_the_price(usd, base, told):
    now = [OpenInterest(NOW_MS, base, usd)]
    for bars in ([], flat(24), flat(1)):
        harvest = venue(0, Kind.TICKER, [PRICED], OPEN_INTEREST=now, CANDLES=bars)
        assert reasons(interest.own, [harvest]) == [VALUE.format(told, iso(NOW_MS))] * bool(told)
    assert not reasons(interest.own, [venue(0, Kind.OPEN_INTEREST, now)])


def test_the_newest_answer_alone_is_that_of_now():
    now = [OpenInterest(NOW_MS - HOUR_MS, 9.0, 450.0), OpenInterest(NOW_MS, 1.0, 100.0)]
    for kind in ("OPEN_INTEREST_HISTORY", "OPEN_INTEREST_DAILY"):
        before = {kind: [OpenInterest(MIDNIGHT_MS, 1.0)]}
        assert not reasons(interest.own, [venue(0, Kind.TICKER, [PRICED], OPEN_INTEREST=now, **before)])


@pytest.mark.parametrize("kind", ["OPEN_INTEREST_HISTORY", "OPEN_INTEREST_DAILY"])
@pytest.mark.parametrize(("usd", "told"), [(25.1, ""), (25.0, "25"), (399.9, ""), (400.0, "400")])
def test_a_value_of_before_is_within_a_factor_of_4_where_no_bar_tells(kind, usd, told):
    at_ms = MIDNIGHT_MS - DAY_MS
    # Now tells no value: what was before is not held against the price of now.
    harvest = venue(
        0, Kind.TICKER, [PRICED], OPEN_INTEREST=[OpenInterest(NOW_MS, 1.0)], **{kind: [OpenInterest(at_ms, 1.0, usd)]}
    )
    assert reasons(interest.own, [harvest]) == [VALUE.format(told, iso(at_ms))] * bool(told)


@pytest.mark.parametrize(
    ("at", "usd", "told"),
    [
        # Between the bars that end and begin at its stamp: of the low and the high a tenth more.
        (6, 45.1, False), (6, 45.0, True), (7, 45.1, False), (7, 45.0, True), (6, 219.9, False), (6, 220.1, True),
        (7, 219.9, False), (7, 220.1, True), (5, 89.9, True), (8, 89.9, True), (5, 110.1, True), (8, 110.1, True),
        (5, 90.1, False), (8, 109.9, False), (5.5, 45.1, False), (6.5, 45.1, False), (7.5, 89.9, True),
        # At the first bar's begin and beyond the last one's no bar tells.
        (0, 89.9, False), (1, 89.9, True), (23, 89.9, True), (24, 89.9, False), (-1, 89.9, False),
    ],
)  # fmt: skip
def test_a_value_of_before_against_the_bars_of_its_moment(at, usd, told):
    bars = flat(24)
    bars[6] = msgspec.structs.replace(bars[6], low=50.0, high=200.0)
    at_ms = START_MS + int(at * HOUR_MS)
    harvest = venue(0, Kind.TICKER, [PRICED], CANDLES=bars, OPEN_INTEREST_HISTORY=[OpenInterest(at_ms, 2.0, 2 * usd)])
    assert reasons(interest.own, [harvest]) == [VALUE.format(f"{usd:g}", iso(at_ms))] * told


JUMPS = "its open interest jumps from {} to {} at {}"


def history(*levels, end_ms=NOW_MS):
    start_ms = end_ms - (len(levels) - 1) * HOUR_MS
    return [OpenInterest(start_ms + i * HOUR_MS, level) for i, level in enumerate(levels)]


@pytest.mark.parametrize(
    ("levels", "end_ms", "told"),
    [
        # Twice the 10 that were traded and a quarter of what was held before.
        ((100.0, 145.0), NOW_MS, ""),
        ((100.0, 145.1), NOW_MS, JUMPS.format("100", "145.1", iso(NOW_MS))),
        ((100.0, 55.0), NOW_MS, ""),
        ((100.0, 54.9), NOW_MS, JUMPS.format("100", "54.9", iso(NOW_MS))),
        # From the first bar's begin to the last one's end; a step that leaves the bars is not held against them.
        ((100.0, 145.1), START_MS + HOUR_MS, JUMPS.format("100", "145.1", iso(START_MS + HOUR_MS))),
        ((100.0, 145.1), START_MS + HOUR_MS - 1, ""),
        ((100.0, 145.1), NOW_MS + 1, ""),
        # Of two steps the first is told.
        ((100.0, 145.0, 300.0, 900.0), NOW_MS, JUMPS.format("145", "300", iso(NOW_MS - HOUR_MS))),
        # Each against its own bar and its own level before.
        ((100.0, 140.0, 200.0), NOW_MS, JUMPS.format("140", "200", iso(NOW_MS))),
        ((100.0, 145.0, 195.0), NOW_MS, ""),
        ((9.0, 100.0, 145.1), START_MS + HOUR_MS, JUMPS.format("9", "100", iso(START_MS))),
        ((90.0, 100.0, 145.1), START_MS + HOUR_MS, JUMPS.format("100", "145.1", iso(START_MS + HOUR_MS))),
        ((100.0, 0.0, 100.0), NOW_MS, ""),
        ((0.4, 0.5, 0.4), NOW_MS, ""),
    ],
)
def test_a_step_against_what_was_traded(levels, end_ms, told):
    harvest = venue(0, Kind.OPEN_INTEREST_HISTORY, history(*levels, end_ms=end_ms), CANDLES=flat(24, volume_base=10.0))
    assert reasons(interest.own, [harvest]) == [told] * bool(told)


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ((0.1, 0.8), "its open interest jumps from 0.1 to 0.8 at 2026-01-30T12:00:00Z"),
        ((0.8, 0.1), "its open interest jumps from 0.8 to 0.1 at 2026-01-30T12:00:00Z"),
        ((0.1, 0.79, 0.1), ""),
        ((0.1, 0.4, 1.6), ""),
        ((5.0,), ""),
        ((), ""),
    ],
)
def test_a_step_of_a_factor_of_8_without_bars(levels, told):
    assert reasons(interest.own, [venue(0, Kind.OPEN_INTEREST_HISTORY, history(*levels))]) == [told] * bool(told)


NOW = "its open interest of {} disagrees with its own history, {} at {}"
SINCE = "{}: {} more or less, when {} were traded since"


@pytest.mark.parametrize(
    ("level", "last", "told"),
    [(0.4, 0.1, True), (0.39, 0.1, False), (0.1, 0.4, True), (0.11, 0.4, False), (0.0, 0.1, True), (0.5, 0.0, False)],
)
def test_now_is_within_a_factor_of_4_of_the_last_before(level, last, told):
    rows = history(last, end_ms=NOW_MS - HOUR_MS)
    harvest = venue(0, Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, level)], OPEN_INTEREST_HISTORY=rows)
    said = NOW.format(f"{level:g}", f"{last:g}", iso(NOW_MS - HOUR_MS))
    assert reasons(interest.own, [harvest]) == [said] * told


@pytest.mark.parametrize(
    ("level", "last_ms", "now_ms", "traded"),
    [
        # Twice the 10 traded in each hour since, and a tenth of the 100 before.
        (130.0, NOW_MS - HOUR_MS, NOW_MS, None),
        (130.1, NOW_MS - HOUR_MS, NOW_MS, 10),
        (69.9, NOW_MS - HOUR_MS, NOW_MS, 10),
        (150.1, NOW_MS - 2 * HOUR_MS, NOW_MS, 20),
        (150.0, NOW_MS - 2 * HOUR_MS, NOW_MS, None),
        # The bars tell from their first begin to their last end.
        (591.0, START_MS, NOW_MS, 240),
        (110.1, NOW_MS, NOW_MS, 0),
        (110.1, NOW_MS + 1, NOW_MS + 1, None),
        (150.1, START_MS - 1, START_MS + HOUR_MS, None),
        # An answer of now that is older than the history's last: the bar that both lie in.
        (129.9, NOW_MS - HOUR_MS // 2, NOW_MS - 2 * HOUR_MS, None),
        (130.1, NOW_MS - HOUR_MS // 2, NOW_MS - 2 * HOUR_MS, 10),
    ],
)
def test_now_against_what_was_traded_since(level, last_ms, now_ms, traded):
    harvest = venue(
        0,
        Kind.OPEN_INTEREST,
        [OpenInterest(now_ms, level)],
        OPEN_INTEREST_HISTORY=[OpenInterest(last_ms, 100.0)],
        CANDLES=flat(24, volume_base=10.0),
    )
    change = f"{abs(level - 100.0):,.6g}"
    said = SINCE.format(NOW.format(f"{level:g}", "100", iso(last_ms)), change, traded)
    assert reasons(interest.own, [harvest]) == [said] * (traded is not None)


@pytest.mark.parametrize(
    ("level", "ticker", "told"),
    [
        (0.0, {"volume_24h_base": 1.0}, True),
        (0.0, {"volume_24h_usd": 1.0}, True),
        (0.0, {}, False),
        (0.5, {"volume_24h_base": 1.0}, False),
    ],
)
def test_no_open_interest_where_there_is_trade(level, ticker, told):
    harvest = venue(0, Kind.TICKER, [Ticker(NOW_MS, **ticker)], OPEN_INTEREST=[OpenInterest(NOW_MS, level)])
    assert reasons(interest.own, [harvest]) == ["its open interest is 0, though it trades"] * told


def of_days(*levels, end_ms=MIDNIGHT_MS):
    return [OpenInterest(end_ms - (len(levels) - 1 - i) * DAY_MS, level) for i, level in enumerate(levels)]


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ((0.1, 0.8), "it jumps from 0.1 to 0.8 on 2026-01-30"),
        ((0.8, 0.1), "it jumps from 0.8 to 0.1 on 2026-01-30"),
        ((0.1, 0.79), ""),
        ((0.11, 0.87), ""),
        ((1.0, 0.2), ""),
        ((1.0, 1.0, 9.0, 1.0), "it jumps from 1 to 9 on 2026-01-29"),
        ((0.0, 5.0), ""),
        ((9.0,), ""),
        ((0.1, 0.2, 0.1), "it is 0.2 coins on 2026-01-29, 0.1 the day before, 0.1 after"),
    ],
)
def test_days_against_the_day_before(levels, told):
    harvest = venue(0, Kind.OPEN_INTEREST_DAILY, of_days(*levels))
    assert reasons(interest.own, [harvest]) == [told] * bool(told)


@pytest.mark.parametrize(
    ("last", "now", "days_ago", "told"),
    [
        (5.0, 7.99, 0, False),
        (5.0, 8.0, 0, True),
        (8.0, 5.0, 0, True),
        (0.5, 0.8, 0, True),
        (7.99, 5.0, 0, False),
        (1.0, 2.0, 3, True),
        (1.0, 2.0, 4, False),
        (0.0, 2.0, 0, False),
    ],
)
def test_the_last_day_against_now(last, now, days_ago, told):
    at_ms = NOW_MS - days_ago * DAY_MS
    rows = [OpenInterest(at_ms, last)]
    harvest = venue(0, Kind.OPEN_INTEREST_DAILY, rows, OPEN_INTEREST=[OpenInterest(NOW_MS, now)])
    said = f"its last day, {last:g} on {iso(at_ms)[:10]}, disagrees with {now:g} of now"
    assert reasons(interest.own, [harvest]) == [said] * told
    later = venue(0, Kind.OPEN_INTEREST_DAILY, rows, OPEN_INTEREST=[OpenInterest(NOW_MS + 1, now)])
    assert reasons(interest.own, [later]) == [said] * (told and days_ago < 3)


@pytest.mark.parametrize(
    ("levels", "days", "told"),
    [
        # Beyond 1.75 times, against both neighbours.
        ([1.75, 1.0, 1.75], (0, 1, 2), False),
        ([1.76, 1.0, 1.76], (0, 1, 2), True),
        ([1.76, 1.0, 1.74], (0, 1, 2), False),
        ([1.74, 1.0, 1.76], (0, 1, 2), False),
        ([1.0, 1.75, 1.0], (0, 1, 2), False),
        ([1.0, 1.76, 1.0], (0, 1, 2), True),
        ([1.01, 1.76, 1.0], (0, 1, 2), False),
        ([0.176, 0.1, 0.176], (0, 1, 2), True),
        ([1.0, 0.0, 1.0], (0, 1, 2), False),
        ([0.0, 1.0, 0.0], (0, 1, 2), False),
        ([1.0, 2.0, 1.0], (0, 1, 3), False),
        ([1.0, 2.0, 1.0], (0, 2, 3), False),
        ([1.0, 1.0, 1.0, 2.0, 1.0], (0, 1, 2, 3, 4), True),
    ],
)
def test_a_day_unlike_its_neighbours(levels, days, told):
    assert bool(interest.spike({day * DAY_MS: level for day, level in zip(days, levels, strict=True)})) == told


@pytest.mark.parametrize(("long", "short", "told"), [(10.0, 1.0, ""), (10.1, 1.0, "10.1"), (1.0, 10.1, "10.1")])
def test_positions_of_one_side_against_open_interest(long, short, told):
    held = [Position(NOW_MS, Side.LONG, 1.0, 1.0, None, None, 1.0, "cross")] * int(long)
    held += [Position(NOW_MS, Side.LONG, long - int(long), 1.0, None, None, 1.0, "cross")]
    held += [Position(NOW_MS, Side.SHORT, short, 1.0, None, None, 1.0, "cross")]
    said = f"{told} coins on one side are more than its open interest of 10"
    harvest = venue(0, Kind.POSITIONS, held, OPEN_INTEREST=[OpenInterest(NOW_MS, 10.0)])
    assert reasons(interest.positions, [harvest]) == [said] * bool(told)
    assert not reasons(interest.positions, [venue(0, Kind.POSITIONS, held)])
    assert not reasons(interest.positions, [venue(0, Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, 0.5)])])


@pytest.mark.parametrize("kind", ["OPEN_INTEREST", "OPEN_INTEREST_HISTORY"])
@pytest.mark.parametrize(("level", "told"), [(1.05e6, ""), (1.06e6, "1,060,000"), (2.1e6, "2,100,000")])
def test_a_twentieth_of_all_coins_is_more_than_a_venue_holds(kind, level, told):
    harvest = venue(0, **{kind: [OpenInterest(NOW_MS, level)]})
    said = f"its open interest of {told} is {level / 21e6:.2g} of all BTC there are"
    assert reasons(interest.supply, [harvest], "BTC") == [said] * bool(told)
    both = venue(0, Kind.OPEN_INTEREST, [OpenInterest(NOW_MS, 9.0)], OPEN_INTEREST_HISTORY=[OpenInterest(0, level)])
    assert reasons(interest.supply, [both], "BTC") == [said] * bool(told)
    assert not reasons(interest.supply, [harvest, venue(1)], "A COIN WITHOUT A SUPPLY")


# All that exist or, of the last ones, that were made.
SUPPLIES = {
    "BTC": 21_000_000, "BCH": 21_000_000, "LTC": 84_000_000, "ETH": 125_000_000, "BNB": 140_000_000,
    "SOL": 650_000_000, "AVAX": 720_000_000, "LINK": 10**9, "HYPE": 10**9, "DOT": 2_100_000_000, "TON": 5_500_000_000,
    "SUI": 10**10, "ADA": 45 * 10**9, "XRP": 10**11, "TRX": 10**11, "DOGE": 180 * 10**9,
}  # fmt: skip


@pytest.mark.parametrize("coin", SUPPLIES)
def test_a_venue_holds_a_twentieth_of_each_coin_at_most(coin):
    for more, doubted in ((-0.01, False), (0.01, True)):
        level = OpenInterest(NOW_MS, SUPPLIES[coin] / 20 + more)
        assert bool(reasons(interest.supply, [venue(0, Kind.OPEN_INTEREST, [level])], coin)) is doubted
    assert set(SUPPLIES) == set(SUPPLY_BASE)
