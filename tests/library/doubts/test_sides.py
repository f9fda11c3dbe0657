"""Sides of liquidations at their limits."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.doubts import sides
from imbalance.providers.coinalyze import COINALYZE
from imbalance.providers.fear_greed import FEAR_GREED
from imbalance.records import Candle, ContractStats, Liquidation, LiquidationSum, Ticker, VenueLiquidations
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.harvests import NOW_MS, doubted, flat, other, reasons, venue

FIRST_MS = NOW_MS - DAY_MS
AGAINST = (
    "in the {} buckets in which price moved {} % or more, {} % of the liquidations{} are of the side that such a move "
    "does not reach"
)


def moving(closes, step_ms=HOUR_MS):
    """Return bars that close so; the first of them ends where the buckets begin."""
    return [Candle(FIRST_MS + (i - 1) * step_ms, c, c, c, c, 1.0) for i, c in enumerate(closes)]


def stats(*pairs):
    return [
        ContractStats(FIRST_MS + i * HOUR_MS, 100.0, 1.0, longs / 100, shorts / 100, longs, shorts)
        for i, (longs, shorts) in enumerate(pairs)
    ]


def sums(*pairs, step_ms=HOUR_MS):
    return [LiquidationSum(FIRST_MS + i * step_ms, *pair) for i, pair in enumerate(pairs)]


PRICED = [Ticker(NOW_MS, mark_price=100.0)]
UP = (4e5, 6e5)
DOWN = (6e5, 4e5)


@pytest.mark.parametrize(
    ("closes", "pairs", "told"),
    [
        # Rises that end in 0.75 % or more: three buckets, a million USD, less than 0.4 of it on the side of the move.
        ([100.0, 101.0, 102.1, 103.2], [(6.1e5, 3.9e5)] * 3, (3, 61)),
        ([100.0, 101.0, 102.1, 103.2], [(6e5, 4e5)] * 3, None),
        ([100.0, 101.0, 102.1, 102.5], [(6.1e5, 3.9e5)] * 3, None),
        ([100.0, 101.0, 102.1, 102.5, 103.6], [(9e5, 1e5)] * 2 + [(0.0, 9e9), (9e5, 1e5)], (3, 90)),
        ([100.0, 99.0, 98.0, 97.0], [(3.9e5, 6.1e5)] * 3, (3, 61)),
        ([100.0, 99.0, 98.0, 97.0], [(4e5, 6e5)] * 3, None),
        ([100.0, 99.0, 98.0, 97.0], [(6e5, 4e5)] * 3, None),
        ([100.0, 99.0, 100.0, 99.0], [(1e5, 9e5), (9e5, 1e5), (1e5, 9e5)], (3, 90)),
        ([80.0, 80.61, 81.3, 82.0], [(9e5, 1e5)] * 3, (3, 90)),
        ([80.0, 80.59, 81.3, 82.0], [(9e5, 1e5)] * 3, None),
        ([100.0, 101.0, 102.1, 103.2], [(3e5, 3e4)] * 3, None),
        ([100.0, 101.0, 102.1, 103.2], [(4e5, 1e5), (2e5, 0.0), (3e5, 0.0)], (3, 90)),
        ([100.0, 101.0, 102.1, 103.2], [(4e5, 1e5), (2e5, 0.0), (2.9e5, 0.0)], None),
    ],
)
def test_sides_against_moves_of_hours(closes, pairs, told):
    for kind, rows in (("CONTRACT_STATS", stats(*pairs)), ("LIQUIDATION_SUMS", sums(*pairs))):
        harvests = [venue(0, Kind.CANDLES, moving(closes), TICKER=PRICED)]
        name = f" of {VENUES[0].name}" if kind == "CONTRACT_STATS" else ""
        if kind == "CONTRACT_STATS":
            harvests[0].keep(Kind[kind], rows)
        else:
            harvests.append(other(FEAR_GREED, LIQUIDATION_SUMS=rows))
        said = told and AGAINST.format(told[0], "0.75", told[1], name)
        assert reasons(sides.swapped, harvests) == [said] * bool(told)


@pytest.mark.parametrize(
    ("step_ms", "closes", "told"),
    [
        (4 * HOUR_MS, [100.0, 102.1], True),
        (4 * HOUR_MS, [100.0, 101.9], False),
        (4 * HOUR_MS, [100.0, 102.0], True),
        (5 * HOUR_MS, [100.0, 110.0], False),
        (2 * HOUR_MS, [100.0, 102.1], True),
    ],
)
def test_one_long_bucket_is_enough(step_ms, closes, told):
    harvests = [venue(0, Kind.CANDLES, moving([*closes, closes[-1]], step_ms))]
    harvests.append(other(FEAR_GREED, LIQUIDATION_SUMS=sums((2e6, 1e5), (0.0, 0.0), step_ms=step_ms)))
    said = AGAINST.format(1, 2, 95, "")
    start = FIRST_MS % step_ms
    if start == 0:
        assert reasons(sides.swapped, harvests) == [said] * told
    else:
        assert not reasons(sides.swapped, harvests)


def test_orders_are_summed_by_the_hour_at_the_venue_s_price():
    rows = [
        Liquidation(FIRST_MS + i * HOUR_MS + minute * MINUTE_MS, side, 1.0, base)
        for i in range(3)
        for minute, side, base in ((0, Side.LONG, 3100.0), (29, Side.LONG, 3000.0), (59, Side.SHORT, 3900.0))
    ]
    harvest = venue(0, Kind.CANDLES, moving([100.0, 101.0, 102.1, 103.2]), TICKER=PRICED, LIQUIDATIONS=rows)
    assert reasons(sides.swapped, [harvest]) == [AGAINST.format(3, "0.75", 61, " of binance")]
    # Without a price of the venue they have no size.
    harvests = [venue(1, Kind.CANDLES, moving([100.0, 101.0, 102.1, 103.2])), venue(0, LIQUIDATIONS=rows * 99)]
    assert not reasons(sides.swapped, harvests)


def test_each_venue_that_a_service_counts_is_held_against_its_own_bars():
    rows = [
        VenueLiquidations(FIRST_MS + i * HOUR_MS, name, 9e5, 1e5, HOUR_MS)
        for i in range(3)
        for name in ("okx", "bybit")
    ]
    flat_ = venue(1, Kind.CANDLES, moving([100.0] * 4))
    rising = venue(2, Kind.CANDLES, moving([100.0, 101.0, 102.1, 103.2]))
    service = other(COINALYZE, VENUE_LIQUIDATIONS=rows)
    assert reasons(sides.swapped, [flat_, rising, service]) == [AGAINST.format(3, "0.75", 90, " of okx")]
    # Where a venue has no bars, those of the first that has.
    assert reasons(sides.swapped, [rising, other(COINALYZE, VENUE_LIQUIDATIONS=rows[1::2])]) == [
        AGAINST.format(3, "0.75", 90, " of bybit")
    ]
    assert not reasons(sides.swapped, [service])


def test_buckets_that_the_bars_do_not_tell_count_not():
    closes = [100.0, 101.0, 102.1, 103.2, 104.3]
    for missing, told in ((None, True), (0, True), (1, False), (4, True)):
        bars = [row for i, row in enumerate(moving(closes)) if i != missing]
        pairs = [(9e5, 1e5)] * 4
        harvests = [venue(0, Kind.CANDLES, bars), other(FEAR_GREED, LIQUIDATION_SUMS=sums(*pairs))]
        assert bool(reasons(sides.swapped, harvests)) == told


def sharing(place, share, usd=2e6):
    """Return a venue at which the last day's liquidations were so much longs."""
    rows = [
        Liquidation(FIRST_MS + HOUR_MS // 2 + i * HOUR_MS, side, 100.0, part * usd / 100 / 24)
        for i in range(24)
        for side, part in ((Side.LONG, share), (Side.SHORT, 1 - share))
    ]
    return venue(place, Kind.CANDLES, flat(30), LIQUIDATIONS=rows)


OTHERS = "{} % of its liquidations of 24 hours are {}, of those of other sources {} %"


@pytest.mark.parametrize(
    ("own", "others", "told"),
    [
        (0.25, [0.75, 0.75], (25, "longs", 75)),
        (0.75, [0.25, 0.25], (25, "shorts", 75)),
        (0.31, [0.75, 0.75], None),
        (0.69, [0.25, 0.25], None),
        (0.25, [0.69, 0.69], None),
        (0.25, [0.6, 0.75, 0.9], (25, "longs", 75)),
        (0.1, [0.5, 0.5], None),
        (0.25, [0.75], None),
    ],
)
def test_sides_against_what_others_saw(own, others, told):
    harvests = [sharing(place, share) for place, share in enumerate([own, *others])]
    said = told and OTHERS.format(*told)
    found = [d for d in doubted(sides.swapped, harvests) if d[0] == VENUES[0].name]
    assert found == [(VENUES[0].name, True)] * bool(told)
    assert not told or said in reasons(sides.swapped, harvests)


@pytest.mark.parametrize(
    ("own", "usual", "told"),
    [
        (0.294, 0.7, (29, "longs", 70)),
        (0.3, 0.7, None),
        (0.294, 0.699, None),
        (0.1, 0.9, (10, "longs", 90)),
        (0.75, 0.25, (25, "shorts", 75)),
        (0.75, 0.375, None),
        (0.625, 0.25, None),
    ],
)
def test_the_side_that_leads_at_its_limits(own, usual, told):
    shares = {"own": own, "a": usual, "b": usual}
    assert sides._against_others("own", shares) == (OTHERS.format(*told) if told else "")
    assert not sides._against_others("own", {"own": own, "a": usual})
    assert not sides._against_others("another", shares)


def test_a_source_that_saw_less_than_a_million_says_nothing():
    for usd, told in ((1.1e6, True), (0.9e6, False)):
        for small in range(3):
            sizes = [usd if place == small else 2e6 for place in range(3)]
            harvests = [
                sharing(i, share, size) for i, (share, size) in enumerate(zip((0.1, 0.9, 0.9), sizes, strict=True))
            ]
            assert bool(reasons(sides.swapped, harvests)) == told


def test_moves_are_those_of_a_plain_look_up():
    from imbalance.doubts.evidence import bars_of

    generator = np.random.default_rng(2)
    rows = [row for row in moving((100 + generator.normal(size=30)).tolist()) if row.time_ms % (7 * HOUR_MS)]
    ends = {row.time_ms + HOUR_MS: row.close for row in rows}
    starts = np.arange(FIRST_MS - 3 * HOUR_MS, FIRST_MS + 33 * HOUR_MS, HOUR_MS)
    for step_ms in (HOUR_MS, 3 * HOUR_MS):
        plain = [ends[s + step_ms] / ends[s] - 1 if s in ends and s + step_ms in ends else 0.0 for s in starts.tolist()]
        np.testing.assert_allclose(sides._moves(bars_of(rows), starts, step_ms), plain, rtol=1e-12, atol=1e-15)
