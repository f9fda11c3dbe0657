"""Order books at their limits, with all that is said of one."""

from __future__ import annotations

import pytest

from imbalance.doubts import books
from imbalance.records import OrderBook, Ticker
from imbalance.wire import Kind
from tests.support.harvests import NOW_MS, doubted, reasons, venue


def told(bids, asks, price=128.0, volume_usd=None):
    """Doubt a book whose middle is 128: whole parts of it are exact."""
    older = OrderBook(NOW_MS, (), ())
    rows = [older, OrderBook(NOW_MS, tuple(bids), tuple(asks))]
    now = Ticker(NOW_MS, mark_price=price, volume_24h_usd=volume_usd)
    return reasons(books.books, [venue(0, Kind.TICKER, [now], ORDER_BOOK=rows)])


@pytest.mark.parametrize(
    ("bids", "asks", "said"),
    [
        ([], [(128.5, 1.0)], ["it holds no bids"]),
        ([(127.5, 0.0)], [(128.5, 0.0)], ["it holds no bids and no asks"]),
        ([(127.5, 0.0), (127.0, 1.0)], [(128.5, 0.0), (129.0, 1.0)], []),
        ([(128.5, 1.0)], [(128.5, 1.0)], ["its best bid of 128.5 is not below its best ask of 128.5"]),
        ([(128.4, 1.0)], [(128.5, 1.0)], []),
    ],
)
def test_a_book_has_two_sides_that_do_not_cross(bids, asks, said):
    assert told(bids, asks) == said


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (116.5, []),
        (116.3, ["its middle of 128 is 1.1 times the venue's price of 116.3"]),
        (142.1, []),
        (142.3, ["its middle of 128 is 0.9 times the venue's price of 142.3"]),
        (256.0, ["its middle of 128 is 0.5 times the venue's price of 256"]),
        (None, []),
    ],
)
def test_a_book_is_of_the_venue_s_price(price, said):
    assert told([(127.5, 1.0)], [(128.5, 1.0)], price) == said


WITHIN = "its {} USD within 1 % are {} of its volume of 24 hours"
NEAR = ([(127.5, 2.0), (126.8, 1.0)], [(128.5, 2.0), (129.2, 1.0)])  # 768 USD within 1 %
FAR = ([(126.7, 1e6)], [(129.3, 1e6)])


@pytest.mark.parametrize(
    ("volume_usd", "said", "left_out"),
    [
        (768.0, [], []),
        (767.0, [WITHIN.format("768", "1")], [True]),
        (384.0, [WITHIN.format("768", "2")], [True]),
        (768.0 / 0.00002, [], []),
        (768.0 / 0.000019, [WITHIN.format("768", "1.9e-05")], [False]),
        (0.0, [], []),
    ],
)
def test_a_book_over_its_volume(volume_usd, said, left_out):
    now = Ticker(NOW_MS, mark_price=128.0, volume_24h_usd=volume_usd)
    sides = [(*near, *far) for near, far in zip(NEAR, FAR, strict=True)]
    harvest = venue(0, Kind.TICKER, [now], ORDER_BOOK=[OrderBook(NOW_MS, *sides)])
    assert reasons(books.books, [harvest]) == said
    assert [own for _name, own in doubted(books.books, [harvest])] == left_out


SIDES = "within {} % its bids are {} USD, its asks {} USD"


@pytest.mark.parametrize(
    ("bids", "asks", "said"),
    [
        # Fifty times the other side as far as both reach.
        ([(127.5, 128.5)], [(128.5, 6375.0)], []),
        ([(127.5, 128.5)], [(128.5, 6376.0)], [SIDES.format("0.39", "1.638e+04", "8.193e+05")]),
        ([(127.5, 6426.0)], [(128.5, 127.5)], [SIDES.format("0.39", "8.193e+05", "1.638e+04")]),
        ([(127.5, 6425.0)], [(128.5, 127.5)], []),
        # Not beyond the side that reaches less far, nor beyond a hundredth.
        ([(127.5, 1.0), (127.0, 110.0)], [(128.5, 1.0)], []),
        ([(127.5, 1.0), (127.0, 110.0)], [(128.5, 1.0), (129.0, 1.0)], [SIDES.format("0.78", "1.41e+04", "257.5")]),
        ([(127.5, 1.0), (126.0, 900.0)], [(128.5, 1.0), (130.0, 1.0)], []),
        # Fewer levels than a fifth of a hundredth tell nothing.
        ([(127.75, 1.0)], [(128.25, 51.0)], []),
        ([(127.6875, 1.0)], [(128.3125, 51.0)], [SIDES.format("0.24", "127.7", "6,544")]),
    ],
)
def test_one_side_of_a_book_against_the_other(bids, asks, said):
    assert told(bids, asks) == said
    harvest = venue(0, Kind.TICKER, [Ticker(NOW_MS, mark_price=128.0)], ORDER_BOOK=[OrderBook(NOW_MS, (), ())])
    assert doubted(books.books, [harvest])[0][1]


def test_one_side_alone_is_told_and_stays():
    book = OrderBook(NOW_MS, ((127.5, 128.5),), ((128.5, 6376.0),))
    harvest = venue(0, Kind.TICKER, [Ticker(NOW_MS, mark_price=128.0)], ORDER_BOOK=[book])
    assert [left_out for _name, left_out in doubted(books.books, [harvest])] == [False]
