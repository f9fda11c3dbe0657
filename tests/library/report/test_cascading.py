"""Pushes of the price at their limits, and the day and the books that impact laws are made of."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.errors import UsageError
from imbalance.records import OrderBook
from imbalance.report import cascading
from imbalance.units import DAY_MS, HOUR_MS
from tests.support import bars
from tests.support.maps import in_dollars

WIDE = in_dollars({90: 1e6}, {110: 1e6}, 40, 200)
QUIET = bars.market([100.0] * 48, bars.venue("okx", 48, volume=10.0, open_interest=1.0))


def told(shock=None, to=None, market=QUIET, books=(), found=WIDE):
    return cascading.sections(market, found, books, shock, to)


@pytest.mark.parametrize(
    ("shock", "to", "target"),
    [(None, None, 105), (0.1, None, 110), (-0.25, None, 75), (None, 140.0, 140), (None, 60.0, 60), (0.1, 90.0, 90)],
)
def test_a_push_is_five_per_cent_up_where_none_is_given(shock, to, target):
    found = told(shock, to)
    assert found["target"] == pytest.approx(target)
    assert found["shock"] == pytest.approx(target / 100 - 1)
    assert found["side"] == ("short" if target > 100 else "long")


@pytest.mark.parametrize("to", [100.0, 100.009, 99.991, 140.1, 59.9, 250.0])
def test_no_target_is_at_the_price_or_beyond_40_per_cent(to):
    with pytest.raises(UsageError, match=r"not within 0.01 % to 40 %"):
        told(to=to)


def test_a_target_just_off_the_price_or_at_the_end_of_the_map_is_one():
    for to in (100.011, 99.989):
        assert told(to=to)["target"] == to
    # Dyadic figures: 1 + 2 ** -13 is 0.0122 % off the price, and 40 % are met to the last bit.
    found = in_dollars({}, {}, 96, 160, price=128.0)
    assert told(to=float(found.edges[-1]), found=found)["target"] == pytest.approx(160)
    with pytest.raises(UsageError, match="the map ends at"):
        told(to=np.nextafter(float(found.edges[-1]), 999), found=found)


def test_a_days_volume_and_volatility():
    # 2 coins an hour at 100 USD on one venue, 1 on the other in the half of the bars that it knows.
    half = [1.0] * 24 + [np.nan] * 24
    market = bars.market(
        [100.0, 101.0] * 24, bars.venue("a", 48, volume=2.0), bars.venue("b", 48, volume=half), bars.venue("c", 48)
    )
    volume, volatility = cascading._day(market)
    assert volume == pytest.approx((2 + 1) * 24 * 100.5)
    assert volatility == pytest.approx(np.log(1.01) * np.sqrt(24))
    quarter = bars.market([100.0, 101.0] * 24, bars.venue("a", 48, volume=2.0), interval_ms=HOUR_MS // 4)
    assert cascading._day(quarter)[0] == pytest.approx(2 * 96 * 100.5)
    assert cascading._day(bars.market([100.0], bars.venue("c", 1))) == (None, None)
    assert cascading._day(bars.market([100.0, 100.0], bars.venue("c", 2, volume=0.0))) == (None, 0)
    assert DAY_MS // HOUR_MS == 24


def test_laws_need_what_they_are_made_of():
    def reached(found):
        return {law.name: law.reach is not None for law in found["laws"]}

    moving = bars.market([100.0, 101.0] * 24, bars.venue("okx", 48, volume=10.0))
    book = OrderBook(0, ((99.0, 10.0), (90.0, 90.0)), ((101.0, 10.0), (110.0, 90.0)))
    assert reached(told()) == {"square root": False, "book": False, "stressed book": False}
    assert reached(told(market=moving)) == {"square root": True, "book": False, "stressed book": False}
    assert reached(told(books=[book])) == {"square root": False, "book": True, "stressed book": True}
    unknown = bars.market([100.0, 101.0] * 24, bars.venue("okx", 48))
    assert reached(told(market=unknown)) == {"square root": False, "book": False, "stressed book": False}


def test_a_stressed_book_is_a_tenth_of_what_is_displayed():
    # A push of 5 % through a book of 100 USD for each per cent costs 500 USD; through a tenth of it 50.
    levels = tuple((100 + 1.0 * i, 100 / (100 + 1.0 * i)) for i in range(1, 11))
    book = OrderBook(0, ((99.9999, 1.0),), ((100.0001, 0.0), *levels))
    found = told(0.05, books=[book], found=in_dollars({}, {}, 40, 200))
    costs = {law.name: law.cost_usd.value for law in found["laws"] if law.cost_usd}
    assert costs["book"] == pytest.approx(500, rel=0.01)
    assert costs["stressed book"] == pytest.approx(50, rel=0.01)


def test_depth_is_summed_over_books_by_distance_from_each_ones_middle():
    # Middle 100: 99 USD at 1 %, and 95 x 2 more at 5 %; the other's middle is 200: 198 USD at 1 %.
    first = OrderBook(0, ((99.0, 1.0), (95.0, 2.0)), ((101.0, 1.0),))
    other = OrderBook(0, ((198.0, 1.0),), ((202.0, 1.0),))
    grid, depth = cascading._depth([first, other], up=False)
    assert grid.size == 200
    assert (grid[0], grid[-1]) == (pytest.approx(0.05 / 200), pytest.approx(0.05))
    at = np.interp([0.01, 0.03, 0.05], grid, depth)
    # Between levels in proportion; beyond its last order a book goes on at its mean density.
    assert at == pytest.approx([99 + 198, 99 + 95 + 198 * 3, 99 + 190 + 198 * 5], rel=0.01)
    assert depth[0] == 0  # nearer than the first level is nothing
    up, asks = cascading._depth([first], up=True)
    assert (up[-1], asks[-1]) == (pytest.approx(0.01), pytest.approx(101))


def test_a_book_of_one_side_is_none():
    for book in (OrderBook(0, (), ((101.0, 1.0),)), OrderBook(0, ((99.0, 1.0),), ())):
        assert cascading._depth([book], up=True) is None
        assert cascading._depth([book], up=False) is None
