"""One client for many coins: who asks, how often, and what becomes of failures and of those who give up."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from imbalance.errors import DeadlineError, ParseError, RefusedError
from imbalance.fetch.client import Client
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.replay import Replay
from imbalance.fetch.settings import SourceSettings
from imbalance.fetch.shared import Shared
from imbalance.venues import BINANCE, BYBIT, KRAKEN
from imbalance.wire import Kind, params

ALL = b'[{"symbol": "AUSDT", "x": 1}, {"symbol": "BUSDT", "x": 2}]'
PREMIUM, CANDLES = BINANCE.endpoint(Kind.MARK_PRICE), BINANCE.endpoint(Kind.CANDLES)


def asking(answer, use, delay_s=0.0, answer_s=None):
    """Return (what `use` gives of a shared client, the paths and queries that went out)."""
    asked = []

    async def handle(request):
        asked.append((request.url.path, request.url.query.decode()))
        await asyncio.sleep(delay_s)
        return httpx.Response(answer[0], stream=httpx.ByteStream(answer[1]))

    async def run():
        client = Shared(Client(SourceSettings(), transport=httpx.MockTransport(handle), answer_s=answer_s))
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run()), asked


def of(symbol):
    return params(symbol=symbol)


def test_many_coins_at_one_moment_ask_once_and_each_gets_its_own():
    async def use(client):
        return await asyncio.gather(*(client.get(BINANCE, PREMIUM, of(s)) for s in ("AUSDT", "BUSDT", "AUSDT")))

    got, asked = asking((200, ALL), use, delay_s=0.01)
    assert got == [b'{"symbol": "AUSDT", "x": 1}', b'{"symbol": "BUSDT", "x": 2}', b'{"symbol": "AUSDT", "x": 1}']
    assert asked == [("/fapi/v1/premiumIndex", "")]


def test_what_names_a_coin_is_asked_for_each_and_each_time():
    async def use(client):
        bodies = [await client.get(BINANCE, CANDLES, of(s)) for s in ("AUSDT", "BUSDT", "BUSDT")]
        assert not client._asked  # a scan of many coins would keep the bars of all of them
        return bodies

    _got, asked = asking((200, b"[]"), use)
    assert [query for _path, query in asked] == ["symbol=AUSDT", "symbol=BUSDT", "symbol=BUSDT"]


def test_what_names_no_coin_is_asked_once():
    async def use(client):
        for kind in (Kind.INSTRUMENTS, Kind.MARGIN_TIERS, Kind.TICKER, Kind.TICKER):
            await client.get(KRAKEN, KRAKEN.endpoint(kind), ())

    _got, asked = asking((200, b"{}"), use)
    assert [path.rpartition("/")[2] for path, _query in asked] == ["instruments", "tickers"]


def test_a_coin_that_all_lacks_is_an_error_that_names_it():
    async def use(client):
        with pytest.raises(ParseError, match="CUSDT is not in the answer about all coins"):
            await client.get(BINANCE, PREMIUM, of("CUSDT"))

    assert len(asking((200, ALL), use)[1]) == 1


def test_what_failed_has_failed_for_all():
    async def use(client):
        for symbol in ("AUSDT", "BUSDT"):
            with pytest.raises(RefusedError):
                await client.get(BINANCE, PREMIUM, of(symbol))

    assert len(asking((400, b"{}"), use)[1]) == 1


def test_who_gives_up_takes_nothing_from_the_others():
    async def use(client):
        first = asyncio.create_task(client.get(BINANCE, PREMIUM, of("AUSDT")))
        second = asyncio.create_task(client.get(BINANCE, PREMIUM, of("BUSDT")))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    got, asked = asking((200, ALL), use, delay_s=0.05)
    assert got == b'{"symbol": "BUSDT", "x": 2}'
    assert len(asked) == 1


def test_an_answer_that_takes_too_long_is_bounded_and_not_asked_for_again():
    async def use(client):
        with pytest.raises(DeadlineError, match=r"no complete answer within 0\.05 s"):
            await client.get(BINANCE, CANDLES, of("AUSDT"))

    assert len(asking((200, b"[]"), use, delay_s=5.0, answer_s=0.05)[1]) == 1


def test_a_recording_of_one_coin_gives_that_coin():
    client = Shared(Replay(Recording(find("article"))))
    ticker = BYBIT.endpoint(Kind.TICKER)
    assert not client.gives(BYBIT, ticker, ticker.at_once)
    body = asyncio.run(client.get(BYBIT, ticker, params(category="linear", symbol="BTCUSDT")))
    assert b"BTCUSDT" in body
