"""Answers about all coins: cut into what the source would have answered about each."""

from __future__ import annotations

import json

import msgspec
import pytest

from imbalance.errors import ParseError
from imbalance.fetch.shared import names_no_coin
from imbalance.records import Contract, Instrument
from imbalance.units import HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind
from imbalance.wire.at_once import AtOnce
from tests.support.coins import Coins
from tests.support.exchange import NOW_MS

SHARED = [(venue, endpoint) for venue in VENUES for endpoint in venue.endpoints if endpoint.at_once]
LISTED = AtOnce((), "symbol", "s", 1, within=("result", "list"))
BARE = AtOnce((), "symbol", "s", 1, bare=True)


def test_which_figures_are_asked_of_all_coins_at_once():
    assert {(v.name, e.kind) for v, e in SHARED} == {
        ("binance", Kind.MARK_PRICE),
        ("binance", Kind.TICKER),
        ("binance_coinm", Kind.MARK_PRICE),
        ("binance_coinm", Kind.TICKER),
        ("bybit", Kind.TICKER),
        ("okx", Kind.TICKER),
        ("okx", Kind.MARK_PRICE),
        ("okx", Kind.FUNDING),
        ("okx", Kind.OPEN_INTEREST),
        ("gate", Kind.TICKER),
        ("bitget", Kind.TICKER),
        ("htx", Kind.OPEN_INTEREST),
        ("htx", Kind.FUNDING),
    }
    coinless = {(v.name, e.kind) for v in VENUES for e in v.endpoints if names_no_coin(e)} - {
        (v.name, Kind.INSTRUMENTS) for v in VENUES
    }
    assert coinless == {
        ("binance", Kind.FUNDING_INTERVALS),
        ("deribit", Kind.TICKER),  # of all that settle in USDC
        ("hyperliquid", Kind.TICKER),
        ("hyperliquid", Kind.MARGIN_TIERS),
        ("hyperliquid", Kind.POSITIONS),
        ("kraken", Kind.MARGIN_TIERS),
        ("kraken", Kind.TICKER),
    }


@pytest.mark.parametrize(("venue", "endpoint"), SHARED, ids=lambda v: getattr(v, "kind", getattr(v, "name", "")))
def test_a_coins_part_reads_as_its_own_answer(venue, endpoint):
    """One coin's request and its part of the answer about all give the same records, and each coin gives its own."""
    exchange = Coins(2)
    path, text = endpoint.for_all(endpoint.at_once).asked(endpoint.at_once.query)
    parts = endpoint.at_once.parts(exchange.body(venue.name, path, text), venue.name, "all")
    listing = venue.endpoint(Kind.INSTRUMENTS)
    listed = listing.parse(exchange.body(venue.name, *listing.asked(listing.pages(ask())[0])), ask())
    known = [i for i in listed if i.base in {"BTC", *exchange.coins}]
    assert len(known) == 3
    for instrument in known:
        one = msgspec.structs.replace(ask(), base=instrument.base, instrument=instrument)
        (query,) = endpoint.pages(one)
        alone = exchange.body(venue.name, *endpoint.asked(query))
        own = endpoint.parse(parts[dict(query)[endpoint.at_once.names]], one)
        assert own == endpoint.parse(alone, one)
        assert own


def ask():
    listed = Instrument("x", "BTCUSDT", "BTC", "USDT", Contract.LINEAR)
    return Ask("BTC", NOW_MS, NOW_MS - HOUR_MS, NOW_MS, HOUR_MS, listed)


SAMPLES = {
    "binance/premiumIndex.1": ("binance", Kind.MARK_PRICE),
    "bybit/tickers.1": ("bybit", Kind.TICKER),
    "okx/tickers.1": ("okx", Kind.TICKER),
    "okx/open-interest.1": ("okx", Kind.OPEN_INTEREST),
    "okx/funding-rate.1": ("okx", Kind.FUNDING),
    "gate/tickers.1": ("gate", Kind.TICKER),
    "bitget/tickers.1": ("bitget", Kind.TICKER),
    "htx/swap_open_interest.1": ("htx", Kind.OPEN_INTEREST),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_recorded_answers_about_all_coins_are_cut(samples, name):
    body = (samples / f"{name}.json").read_bytes()
    venue, endpoint = next((v, e) for v, e in SHARED if (v.name, e.kind) == SAMPLES[name])
    whole = msgspec.json.decode(body)
    rows = whole
    for key in endpoint.at_once.within:
        rows = rows[key]
    parts = endpoint.at_once.parts(body, venue.name, endpoint.name)
    assert list(parts) == [row[endpoint.at_once.row] for row in rows]
    for part, row in zip(parts.values(), rows, strict=True):
        inner = msgspec.json.decode(part)
        if endpoint.at_once.within:
            assert {k: v for k, v in inner.items() if k != endpoint.at_once.within[0]} == {
                k: v for k, v in whole.items() if k != endpoint.at_once.within[0]
            }
        for key in endpoint.at_once.within:
            inner = inner[key]
        assert inner == (row if endpoint.at_once.bare else [row])


def test_the_row_of_one_coin_may_be_broken_and_the_others_are_whole():
    body = b'{"t": 7, "result": {"more": [1.50], "list": [{"s": "A", "p": {}}, {"s": "B", "p": 1.0e3}]}}'
    parts = LISTED.parts(body, "x", "all")
    assert json.loads(parts["B"]) == {"t": 7, "result": {"more": [1.5], "list": [{"s": "B", "p": 1000}]}}
    assert b"1.50" in parts["A"]
    assert b"1.0e3" in parts["B"]


@pytest.mark.parametrize(
    ("how", "body", "message"),
    [
        (LISTED, b"", r"at \$.result.list"),
        (LISTED, b"[]", "object"),
        (LISTED, b'{"result": {}}', "list"),
        (LISTED, b'{"result": {"list": {"s": "A"}}}', "array"),
        (LISTED, b'{"result": {"list": [{"s": "A"}, {"t": "B"}]}}', "'s'"),
        (LISTED, b'{"result": {"list": [{"s": 1}]}}', "str"),
        (BARE, b'{"s": "A"}', "array"),
        (BARE, b'[{"s": "A"}, {"s": "B"}, {"s": "A"}]', "two rows"),
        (BARE, b'[{"s": "A"}', r"\$"),
        (BARE, b"[1]", "object"),
    ],
)
def test_what_is_no_answer_about_all_coins_is_refused(how, body, message):
    with pytest.raises(ParseError, match=message) as refused:
        how.parts(body, "venue", "all")
    assert (refused.value.source, refused.value.endpoint) == ("venue", "all")


def test_no_rows_are_no_parts():
    assert BARE.parts(b"[]", "x", "all") == {}
    assert LISTED.parts(b'{"result": {"list": []}}', "x", "all") == {}
