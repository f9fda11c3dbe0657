"""Volume, turnover and funding at their limits: nothing is said at a limit, all is said just beyond it."""

from __future__ import annotations

import msgspec
import pytest

from imbalance.doubts import sizes
from imbalance.doubts.evidence import Evidence
from imbalance.records import Candle, Funding, OpenInterest, Ticker
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.harvests import MIDNIGHT_MS, NOW_MS, doubted, flat, reasons, venue

COINS = "its volume in coins and in USD imply a price of"
SUM = "coins is {} times what its bars add up to"


@pytest.mark.parametrize(
    ("usd", "base", "mark", "bars", "told"),
    [
        # A tenth below the price and a tenth above it.
        (90.1, 1.0, 100.0, [], ""),
        (90.0, 1.0, 100.0, [], f"{COINS} 90"),
        (45.0, 0.5, 100.0, [], f"{COINS} 90"),
        (109.9, 1.0, 100.0, [], ""),
        (110.1, 1.0, 100.0, [], f"{COINS} 110.1"),
        (110.1, 1.0, None, [], ""),
        # A tenth beyond the low and the high of the last 24 hours, and of no bar before.
        (45.1, 1.0, 100.0, [(-24, 50.0, 100.0)], ""),
        (44.9, 1.0, 100.0, [(-24, 50.0, 100.0)], f"{COINS} 44.9"),
        (219.9, 1.0, 100.0, [(-1, 100.0, 200.0)], ""),
        (220.1, 1.0, 100.0, [(-1, 100.0, 200.0)], f"{COINS} 220.1"),
        (45.1, 1.0, 100.0, [(-24, 50.0, 100.0), (-1, 60.0, 100.0)], ""),
        (45.1, 1.0, 100.0, [(-25, 50.0, 100.0)], f"{COINS} 45.1"),
        # The price of now counts where it has left the bars.
        (180.1, 1.0, 200.0, [(-1, 100.0, 100.0)], ""),
        (54.9, 1.0, 60.0, [(-1, 100.0, 100.0)], ""),
        (44.9, 1.0, 50.0, [(-1, 100.0, 100.0)], f"{COINS} 44.9"),
    ],
)
def test_the_price_that_a_volume_implies(usd, base, mark, bars, told):
    rows = flat(30, volume_base=base / 24) if bars else []
    for at, low, high in bars:
        rows[at] = msgspec.structs.replace(rows[at], low=low, high=high)
    now = Ticker(NOW_MS, mark_price=mark, volume_24h_usd=usd, volume_24h_base=base)
    assert reasons(sizes.volumes, [venue(0, Kind.TICKER, [now], CANDLES=rows)]) == [told] * bool(told)


@pytest.mark.parametrize(
    ("base", "usd", "told"),
    [
        (36.0, None, "its 24-hour volume of 36 coins is 1.5 times what its bars add up to"),
        (35.9, None, ""),
        (16.1, None, ""),
        (15.84, None, "its 24-hour volume of 15.84 coins is 0.66 times what its bars add up to"),
        (None, 7200.0, "its 24-hour volume of 72 coins is 3 times what its bars add up to"),
        (None, 2400.0, ""),
        (None, None, ""),
        (2400.0, 240_000.0, "its 24-hour volume of 2,400 coins is 100 times what its bars add up to"),
    ],
)
def test_a_volume_of_24_hours_against_its_bars(base, usd, told):
    now = Ticker(NOW_MS, mark_price=100.0, volume_24h_base=base, volume_24h_usd=usd)
    assert reasons(sizes.volumes, [venue(0, Kind.TICKER, [now], CANDLES=flat(24))]) == [told] * bool(told)
    assert not reasons(sizes.volumes, [venue(0, Kind.TICKER, [now], CANDLES=flat(23))])


def test_bars_without_volume_say_what_the_venue_does():
    harvest = venue(0, Kind.TICKER, [Ticker(NOW_MS, volume_24h_base=1.0)], CANDLES=flat(24, volume_base=0.0))
    told = "the bars of 24 hours hold no volume, where the venue says 1 coins"
    assert reasons(sizes.volumes, [harvest]) == [told]


def day(start_ms, volume_base=24.0, volume_usd=None, low=100.0, high=100.0):
    return Candle(start_ms, low, high, low, high, volume_base, volume_usd)


@pytest.mark.parametrize(
    ("usd", "base", "told"),
    [
        (90.1, 1.0, ""),
        (90.0, 1.0, "90"),
        (219.9, 1.0, ""),
        (220.1, 1.0, "220.1"),
        (440.2, 2.0, "220.1"),
        (None, 1.0, ""),
        (9.0, 0.0, ""),
    ],
)
def test_the_price_that_a_day_implies(usd, base, told):
    rows = [day(MIDNIGHT_MS - DAY_MS, base, usd, 100.0, 200.0)]
    said = f"volume in coins and in USD imply a price of {told} on 2026-01-29"
    assert reasons(sizes.volumes, [venue(0, Kind.DAILY_CANDLES, rows)]) == [said] * bool(told)


SUMMED = "its day of 2026-01-29 holds {} times the volume of its bars"


@pytest.mark.parametrize(
    ("volume", "bars", "step_ms", "each", "told"),
    [
        (35.9, 24, HOUR_MS, 1.0, ""),
        (36.0, 24, HOUR_MS, 1.0, SUMMED.format("1.5")),
        (16.1, 24, HOUR_MS, 1.0, ""),
        (16.0, 24, HOUR_MS, 1.0, SUMMED.format("0.667")),
        (12.0, 24, HOUR_MS, 1.0, SUMMED.format("0.5")),
        (0.48, 24, HOUR_MS, 0.01, SUMMED.format("2")),
        (36.0, 24, HOUR_MS, 0.0, ""),
        # 19 of 20 bars are 95 % of a day; 18 tell nothing of it.
        (38.0, 19, DAY_MS // 20, 1.0, SUMMED.format("2")),
        (38.0, 18, DAY_MS // 20, 1.0, ""),
    ],
)
def test_a_day_against_its_bars(volume, bars, step_ms, each, told):
    rows = flat(bars, MIDNIGHT_MS, step_ms, volume_base=each)
    harvest = venue(0, Kind.DAILY_CANDLES, [day(MIDNIGHT_MS - DAY_MS, volume)], CANDLES=rows)
    assert reasons(sizes.volumes, [harvest]) == [told] * bool(told)


def test_a_day_that_is_not_over_is_not_held_against_its_bars():
    bars = flat(30, MIDNIGHT_MS + 6 * HOUR_MS)
    harvest = venue(0, Kind.DAILY_CANDLES, [day(MIDNIGHT_MS - DAY_MS, 1e3), day(MIDNIGHT_MS, 1e3)], CANDLES=bars)
    assert reasons(sizes.volumes, [harvest], now_ms=MIDNIGHT_MS) == [SUMMED.format("41.7")]
    assert not reasons(sizes.volumes, [harvest], now_ms=MIDNIGHT_MS - 1)
    half = venue(0, Kind.DAILY_CANDLES, [day(MIDNIGHT_MS - DAY_MS, 1e3)], CANDLES=flat(36, MIDNIGHT_MS - 12 * HOUR_MS))
    assert not reasons(sizes.volumes, [half])
    first = venue(0, Kind.DAILY_CANDLES, [day(MIDNIGHT_MS - DAY_MS, 24.0), day(MIDNIGHT_MS, 1e3)], CANDLES=bars)
    assert not reasons(sizes.volumes, [first])
    assert not reasons(sizes.volumes, [venue(0, Kind.DAILY_CANDLES, [day(MIDNIGHT_MS - DAY_MS, 1e3)])])


def of_days(volumes, place=0):
    first_ms = MIDNIGHT_MS - len(volumes) * DAY_MS
    return venue(place, Kind.DAILY_CANDLES, [day(first_ms + i * DAY_MS, v) for i, v in enumerate(volumes)])


@pytest.mark.parametrize(
    ("own", "others", "told"),
    [
        # Twenty times the usual share, and a twentieth of it.
        ([100.0, 100.0, 2000.0], [[100.0] * 3] * 2, ""),
        ([100.0, 100.0, 2001.0], [[100.0] * 3] * 2, "20"),
        ([100.0, 100.0, 5.0], [[100.0] * 3] * 2, ""),
        ([100.0, 100.0, 4.0], [[100.0] * 3] * 2, "0.04"),
        ([200.0, 200.0, 8000.0], [[50.0] * 3] * 2, "40"),
        ([50.0, 50.0, 1.0], [[200.0] * 3] * 2, "0.02"),
        # The share, not the volume: others trade as much more.
        ([100.0, 100.0, 4000.0], [[100.0, 100.0, 4000.0]] * 2, ""),
        ([100.0, 100.0, 100.0], [[100.0, 100.0, 2.0]] * 2, "50"),
        # A hundredth of the others' volume moves no sum.
        ([1.0, 1.0, 0.04], [[100.0] * 3] * 2, ""),
        ([1.01, 1.01, 0.04], [[100.0] * 3] * 2, "0.0396"),
        ([0.02, 0.02, 1.1], [[100.0] * 3] * 2, "55"),
        # One other venue is no middle; no volume and none of the others tell nothing.
        ([100.0, 100.0, 4000.0], [[100.0] * 3], ""),
        ([100.0, 100.0, 100.0, 4000.0], [[100.0] * 4, [100.0] * 3], "40"),
        ([4000.0, 100.0, 100.0, 100.0], [[100.0] * 4, [100.0] * 3], ""),
        ([100.0, 100.0, 0.0], [[100.0] * 3] * 2, ""),
        ([0.0, 0.0, 0.0], [[100.0] * 3] * 2, ""),
        ([100.0, 100.0, 1.0], [[100.0, 100.0, 0.0]] * 2, ""),
        ([0.5, 0.5, 0.01], [[0.5] * 3] * 2, "0.02"),
    ],
)
def test_a_day_against_the_usual_share(own, others, told):
    harvests = [of_days(volumes, place) for place, volumes in enumerate([own, *others])]
    said = [reason for reason in reasons(sizes.volumes, harvests) if "usual" in reason]
    expected = f"its day of 2026-01-29 holds {told} times its usual share of the volume"
    assert said[: bool(told)] == [expected] * bool(told)
    if not told:
        assert not said


def trading(place, interest, volume_usd, price=1.0):
    now = Ticker(NOW_MS, price, price, volume_24h_usd=volume_usd)
    return venue(place, Kind.TICKER, [now], OPEN_INTEREST=[OpenInterest(NOW_MS, interest)])


@pytest.mark.parametrize(
    ("interest", "volume", "others", "found"),
    [
        # Beyond 6 times the others' turnover it is told, beyond 20 left out, both ways.
        (100.0, 600.0, (100.0, 100.0), []),
        (100.0, 601.0, (100.0, 100.0), [False]),
        (600.0, 100.0, (100.0, 100.0), []),
        (601.0, 100.0, (100.0, 100.0), [False]),
        (100.0, 2000.0, (100.0, 100.0), [False]),
        (100.0, 2001.0, (100.0, 100.0), [True]),
        (100.0, 700.0, (300.0, 300.0), [False]),
        # A hundredth of both sums moves neither.
        (1.0, 0.1, (49.5, 49.5), []),
        (1.1, 0.1, (49.5, 49.5), [False]),
        (0.1, 1.0, (49.5, 49.5), []),
        (0.1, 1.1, (49.5, 49.5), [False]),
    ],
)
@pytest.mark.parametrize("price", [1.0, 4.0])
def test_turnover_of_a_venue_of_some_size(interest, volume, others, found, price):
    harvests = [trading(0, interest / price, volume, price), *(trading(i, v, v) for i, v in enumerate(others, 1))]
    of_it = [left_out for name, left_out in doubted(sizes.turnover, harvests) if name == VENUES[0].name]
    assert of_it == found


def test_turnover_says_both_figures_and_needs_three_venues():
    harvests = [trading(0, 100.0, 5000.0), trading(1, 100.0, 200.0), trading(2, 100.0, 300.0)]
    told = "its volume of 24 hours is 50 times its open interest, that of the other venues 2.5 times"
    assert told in reasons(sizes.turnover, harvests)
    assert (VENUES[0].name, False) in doubted(sizes.turnover, harvests)
    assert not reasons(sizes.turnover, [*harvests[:2], trading(2, 0.0, 300.0)])
    assert not reasons(sizes.turnover, [*harvests[:2], venue(2)])


@pytest.mark.parametrize(
    ("now", "bars", "usd"),
    [
        ({"volume_24h_usd": 5.0, "volume_24h_base": 7.0}, 24, 5.0),
        ({"volume_24h_base": 7.0}, 24, 700.0),
        ({"volume_24h_base": 0.0}, 24, 0.0),
        ({}, 24, 2400.0),
        ({}, 23, None),
        ({"mark_price": None, "volume_24h_base": 7.0}, 0, None),
    ],
)
def test_a_venue_s_volume_in_usd(now, bars, usd):
    harvest = venue(0, Kind.TICKER, [Ticker(NOW_MS, **({"mark_price": 100.0} | now))], CANDLES=flat(bars))
    assert sizes.day_volume_usd(harvest, Evidence([harvest], "X", NOW_MS)) == usd


FAR = "its {} % for 8 hours lies far from the {} % of the other venues"
MOST = "its {} % for 8 hours is more than any venue takes"


@pytest.mark.parametrize(
    ("rate", "others", "told"),
    [
        (0.021, [], ""),
        (0.0211, [], MOST.format("+2.11")),
        (-0.0211, [], MOST.format("-2.11")),
        # Beyond 0.07 % from the middle of two others at least, and eight times the largest of them.
        (0.0007, [0.0, 0.0], ""),
        (0.00071, [0.0, 0.0], FAR.format("+0.071", "+0")),
        (0.008, [0.0, 0.001], ""),
        (0.00801, [0.0, 0.001], FAR.format("+0.801", "+0.05")),
        (0.00801, [0.0, -0.001], FAR.format("+0.801", "-0.05")),
        (0.00801, [0.001], ""),
        (0.00075, [0.00009] * 2, ""),
        (-0.00085, [0.0001] * 2, FAR.format("-0.085", "+0.01")),
        # Of the other sign than three that agree within a factor of two, beyond 0.02 %.
        (1e-4, [-2e-4, -2e-4, -4e-4], FAR.format("+0.01", "-0.02")),
        (1e-4, [-2e-4, -2e-4, -4.1e-4], ""),
        (-1e-4, [-2e-4, -2e-4, -4e-4], ""),
        (1e-4, [-1.99e-4, -2e-4, -2e-4], ""),
        (1e-4, [-5e-5] * 5, FAR.format("+0.01", "-0.005")),
        (-1e-4, [5e-5] * 5, ""),
        (1e-4, [0.0] * 5, ""),
        (0.0, [5e-5] * 3, FAR.format("+0", "+0.005")),
        (0.0, [-5e-5] * 3, FAR.format("+0", "-0.005")),
        (0.0, [0.0, 5e-5, 5e-5, 5e-5], ""),
    ],
)
def test_funding_at_its_limits(rate, others, told):
    harvests = [venue(i, Kind.FUNDING, [Funding(r, interval_hours=8.0)]) for i, r in enumerate([rate, *others])]
    said = [d for d in sizes.funding(Evidence(harvests, "X", NOW_MS)) if d.source == VENUES[0].name]
    assert [(d.reason, d.left_out) for d in said] == [(told, told.endswith("takes"))] * bool(told)
