"""How large a coin is on a venue, from what the venue says of all coins at once."""

from __future__ import annotations

import pytest

from imbalance.ranking import BY
from imbalance.records import OpenInterest, Ticker
from imbalance.venues import BYBIT
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest


def size(by, *rows):
    harvest = Harvest(BYBIT, records={}, typed={})
    harvest.keep(Kind.TICKER, list(rows))
    return BY[by](harvest)


@pytest.mark.parametrize(
    ("rows", "usd"),
    [
        ([], 0.0),
        ([OpenInterest(1, 3.0, 50.0)], 50.0),
        ([OpenInterest(1, 3.0, 50.0), Ticker(mark_price=10.0)], 50.0),
        ([OpenInterest(1, 3.0), Ticker(mark_price=10.0)], 30.0),
        ([OpenInterest(1, 3.0), Ticker(last_price=10.0)], 0.0),
        ([OpenInterest(1, 3.0, 50.0), OpenInterest(2, 4.0, 60.0)], 60.0),
    ],
)
def test_by_open_interest(rows, usd):
    assert size("open-interest", *rows) == usd


@pytest.mark.parametrize(
    ("fields", "usd"),
    [
        ({}, 0.0),
        ({"volume_24h_usd": 7.0, "volume_24h_base": 3.0, "mark_price": 10.0}, 7.0),
        ({"volume_24h_base": 3.0, "mark_price": 10.0, "last_price": 11.0}, 30.0),
        ({"volume_24h_base": 3.0, "last_price": 11.0}, 33.0),
        ({"volume_24h_base": 3.0}, 0.0),
        ({"mark_price": 10.0}, 0.0),
    ],
)
def test_by_volume(fields, usd):
    assert size("volume", Ticker(**fields)) == usd
