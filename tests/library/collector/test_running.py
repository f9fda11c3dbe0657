"""A collection as a whole: many contracts on several connections, and what happens where something is wrong in it."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from imbalance.collector import running, writer
from imbalance.collector.listings import Listings
from imbalance.collector.options import Options
from imbalance.records import Contract, Instrument
from imbalance.store import opening, reading, upkeep
from imbalance.venues.streams import STREAMS
from tests.support.exchange import Exchange
from tests.support.streams import Order, frames, now_ms, serving

MANY = 700


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(writer, "FLUSH_S", 0.05)


@pytest.fixture
def exchange():
    with Exchange() as running_:
        yield running_


def collected(exchange, file, options, act):
    """Collect while something is done with the server; return what came of it."""

    async def flow():
        async with serving() as streams:
            settings = type(exchange.settings)(exchange.environment | streams.environment)
            with opening.opened(str(file), make=True) as store:
                made = running.Collection(options, settings, store, running.chosen(options), running.Watch())
                task = asyncio.create_task(made.run())
                try:
                    await act(streams)
                finally:
                    made.stop.set()
                return await task

    return asyncio.run(flow())


def test_more_contracts_than_a_connection_carries_are_shared_among_several(exchange, tmp_path, monkeypatch):
    every = [Instrument("bybit", f"C{n}USDT", f"C{n}", "USDT", Contract.LINEAR) for n in range(MANY)]

    async def listed(_self, _source):
        return every

    monkeypatch.setattr(Listings, "_read", listed)
    monkeypatch.setattr(writer, "SPANS_S", 0.1)
    heard = []

    async def act(streams):
        await streams.subscribed("bybit", many=3)
        heard.extend(streams.heard["bybit"])
        await asyncio.sleep(0.7)
        # So that something is heard after its delay.
        await streams.send("bybit", '{"op":"pong"}')
        await asyncio.sleep(0.3)

    run = collected(exchange, tmp_path / "x.db", Options(venues=("bybit",)), act)
    assert [one.name for one in run.tallies] == ["bybit 1/3", "bybit 2/3", "bybit 3/3"]
    assert sum(one.contracts for one in run.tallies) == MANY
    asked = [name for text in heard for name in json.loads(text).get("args", [])]
    assert sorted(asked) == sorted(f"allLiquidation.{one.symbol}" for one in every)
    with opening.opened(str(tmp_path / "x.db")) as store:
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            numbers = reading.all_series(connection, data="liquidations", what="stream")
            known = reading.known_of(connection, numbers)
    assert len(known) == MANY
    assert all(len(spans) == 1 for spans in known.values())


def test_a_bug_in_a_parser_is_told_as_one_and_what_was_read_is_saved(exchange, tmp_path, monkeypatch):
    stream = STREAMS["okx"]

    def parse(body, listing):
        if b"whoops" in body:
            raise ZeroDivisionError("whoops")
        return stream.parse(body, listing)

    monkeypatch.setitem(STREAMS, "okx", msgspec.structs.replace(stream, parse=parse))

    async def act(streams):
        await streams.subscribed("okx")
        await streams.send("okx", *frames("okx", [Order("long", 80_000.0, 0.5, now_ms())]), "whoops")
        await asyncio.sleep(0.3)

    file = tmp_path / "x.db"
    with pytest.raises(ZeroDivisionError, match="whoops"):
        collected(exchange, file, Options(symbols=("BTC",), venues=("okx",)), act)
    with opening.opened(str(file)) as store, store.reading() as connection:
        (number,) = reading.all_series(connection, data="liquidations")
        assert reading.arrays(connection, number, "liquidations")["price"].tolist() == [80_000.0]
