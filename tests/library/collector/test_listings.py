"""What the venues list: read once in a while, kept where it cannot be, and shared among connections."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.collector import listings
from imbalance.collector.listings import Listings, share
from imbalance.errors import SourceError
from imbalance.records import Contract, Instrument
from imbalance.venues.streams import STREAMS
from tests.library.venues.test_parsers import SOURCES, ask_for
from tests.support.exchange import Exchange


@pytest.fixture
def exchange():
    with Exchange() as running:
        yield running


def read(made, venue):
    return asyncio.run(made.of(SOURCES[venue]))


@pytest.mark.parametrize("venue", STREAMS)
def test_the_contract_is_the_one_that_reports_are_made_of(venue, exchange):
    (one,) = read(Listings(exchange.settings, ["BTC"], 5.0), venue)
    assert one == ask_for(venue).instrument


def test_a_listing_is_read_again_when_it_is_old_and_stands_where_it_cannot_be(exchange, monkeypatch):
    made = Listings(exchange.settings, ["BTC"], 5.0)
    first = read(made, "okx")
    assert read(made, "okx") == first
    assert len(exchange.asked) == 1
    monkeypatch.setattr(listings, "OLD_S", 0.0)
    assert read(made, "okx") == first
    assert len(exchange.asked) == 2
    exchange.faults["okx"] = "500"
    assert read(made, "okx") == first
    with pytest.raises(SourceError, match="is failing"):
        read(Listings(exchange.settings, ["BTC"], 5.0), "okx")


def test_a_listing_of_nothing_is_none(exchange):
    exchange.faults["okx"] = "no rows"
    with pytest.raises(SourceError, match="lists nothing"):
        read(Listings(exchange.settings, ["BTC"], 5.0), "okx")


def test_a_venue_that_lists_by_coin_is_asked_for_each_and_others_once(exchange):
    read(Listings(exchange.settings, ["BTC"], 5.0), "deribit")
    assert [query for _source, _path, query in exchange.asked] == ["currency=BTC&kind=future"]
    exchange.asked.clear()
    with pytest.raises(SourceError):  # the scenario has no other currency
        read(Listings(exchange.settings, [], 5.0), "deribit")
    assert {query for _source, _path, query in exchange.asked} <= {
        "currency=BTC&kind=future", "currency=ETH&kind=future", "currency=USDC&kind=future",
    }  # fmt: skip
    assert len(exchange.asked) > 0
    exchange.asked.clear()
    read(Listings(exchange.settings, ["BTC", "ETH", "SOL"], 5.0), "gate")
    assert len(exchange.asked) == 1


def test_all_coins_are_those_that_are_listed(exchange):
    made = Listings(exchange.settings, [], 5.0)
    every = read(made, "gate")
    assert {one.base for one in every} == made.coins["gate"]
    assert len(every) == len({one.base for one in every}) > 1
    assert read(Listings(exchange.settings, ["NONE"], 5.0), "gate") == []


NAMES = st.sets(st.text("ABCDEFG", min_size=1, max_size=6), max_size=60)


@given(NAMES, st.integers(1, 5), st.text("HIJ", min_size=1, max_size=4))
def test_each_contract_is_in_one_part_and_stays_there(names, many, other):
    def parts(bases):
        found = [Instrument("x", name, name, "USDT", Contract.LINEAR) for name in sorted(bases)]
        return [share(found, number, many) for number in range(many)]

    before = parts(names)
    carried = [one.symbol for _listing, own in before for one in own]
    assert sorted(carried) == sorted(names)
    assert all(list(listing) == [one.symbol for one in own] for listing, own in before)
    after = parts(names | {other})
    assert all(set(a) <= set(b) for (a, _), (b, _) in zip(before, after, strict=True))
