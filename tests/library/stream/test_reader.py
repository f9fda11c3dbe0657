"""Readers against a server that speaks as the venues do: what breaks, lies or falls silent never stops them."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from imbalance.errors import UnreachableError
from imbalance.records import Contract, Instrument
from imbalance.stream import connection, reader
from imbalance.stream.reader import Reader
from imbalance.venues.streams import STREAMS
from imbalance.wire.streams import Down, Garbled, Told, Up
from tests.support.streams import SYMBOLS, UNIT, Order, frames, now_ms, serving

MANY, WIDE = 1500, " " * 20_000  # more than what lies between two ends of a connection
ORDER = Order("long", 80_000.0, 0.5, 1_789_670_297_212)


class Reading(msgspec.Struct):
    """A reader that runs, and what it put."""

    reader: Reader
    streams: object
    events: list

    async def until(self, kind, many=1, rows=False):
        """Wait until there are so many events of a kind."""
        await come(lambda: sum(isinstance(e, kind) and (not rows or bool(e.rows)) for e in self.events) >= many)
        return [e for e in self.events if isinstance(e, kind) and (not rows or e.rows)]

    async def told(self, why):
        """Wait until it is down for a reason."""
        await come(lambda: any(isinstance(e, Down) and why in e.why for e in self.events))


async def come(true):
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  it becomes true in several ways
            await asyncio.sleep(0.005)


def contracts(venue):
    usd = {"binance_coinm": 100.0, "deribit": 1.0}.get(venue)
    contract = Contract.INVERSE if usd else Contract.LINEAR
    size = 1.0 if usd else UNIT.get(venue, 1.0)
    return [Instrument(venue, SYMBOLS[venue], "BTC", "USDT", contract, size, contract_size_usd=usd)]


@contextlib.asynccontextmanager
async def reading(venue, listed=None, **changes):
    """Read a venue's stream, changed, until the end of the block."""
    events = []

    async def put(event, _weight):
        events.append(event)

    async def known():
        own = contracts(venue)
        return {one.symbol: one for one in own}, own

    async with serving() as streams:
        stream = msgspec.structs.replace(STREAMS[venue], **changes)
        url = f"ws://127.0.0.1:{streams.port}/{venue}"
        made = Reader(stream, venue, url, listed or known, put)
        task = asyncio.create_task(made.run())
        try:
            yield Reading(made, streams, events)
        finally:
            made.stopping.set()
            await asyncio.wait_for(task, 10)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reader, "wait_s", lambda _attempt, _draw: 0.01)
    monkeypatch.setattr(reader, "HEARD_EVERY_S", 0.02)


@pytest.mark.parametrize("venue", STREAMS)
def test_every_venue_is_subscribed_read_and_subscribed_again(venue):
    async def flow():
        async with reading(venue) as r:
            before_ms = now_ms()
            await r.streams.subscribed(venue)
            (up,) = await r.until(Up)
            assert before_ms - 1000 < up.at_ms <= now_ms()
            await r.streams.send(venue, *frames(venue, [ORDER]))
            (told,) = await r.until(Told, rows=True)
            ((_one, order),) = told.rows
            assert (order.price, order.position.value) == (80_000.0, "long")
            assert order.quantity_base == pytest.approx(0.5)
            await r.streams.drop(venue)
            broke_ms = now_ms()
            await r.streams.subscribed(venue, times=2)
            (down,) = await r.until(Down)
            assert down.certain_ms <= broke_ms + 50
            assert "maintenance" in down.why
            await r.until(Up, 2)
        kinds = [type(e) for e in r.events if not isinstance(e, Told)]
        assert kinds == [Up, Down, Up]

    asyncio.run(flow())


def test_a_connection_that_breaks_without_a_word():
    async def flow():
        async with reading("bybit") as r:
            await r.streams.subscribed("bybit")
            await r.until(Up)
            await asyncio.sleep(0.1)
            quiet_ms = now_ms()
            await r.streams.drop("bybit", rude=True)
            (down,) = await r.until(Down)
            assert down.why == "the connection broke"
            # Its end was told, so that nothing was sent that was not read.
            assert down.certain_ms >= quiet_ms
            await r.until(Up, 2)

    asyncio.run(flow())


@pytest.mark.parametrize("venue", ["bybit", "okx", "htx"])
def test_one_that_falls_silent_is_given_up_and_known_no_further_than_it_was_heard(venue):
    async def flow():
        async with reading(venue, beat_s=0.05, silence_s=0.2) as r:
            await r.streams.subscribed(venue)
            await r.until(Up)
            await r.streams.send(venue, *frames(venue, [ORDER]))
            (told,) = await r.until(Told, rows=True)
            r.streams.silent.add(venue)
            (down, *_) = await r.until(Down)
            assert down.why == "nothing was heard for 0 s"
            # Not the moment at which it was given up.
            assert told.at_ms <= down.certain_ms < now_ms() - 150

    asyncio.run(flow())


def test_one_that_answers_its_heartbeat_is_kept_and_known_so_far():
    async def flow():
        for venue in ("bybit", "binance", "deribit", "htx"):
            async with reading(venue, beat_s=0.05, silence_s=0.3) as r:
                r.streams.ping_s = 0.05
                await r.streams.subscribed(venue)
                (up,) = await r.until(Up)
                await asyncio.sleep(0.5)
                assert not [e for e in r.events if isinstance(e, Down)]
                assert r.events[-1].at_ms > up.at_ms + 300

    asyncio.run(flow())


HOSTILE = [
    b"", "", "{", "null", "[]", "[1]", "0", '"x"', "{}", '{"topic":"allLiquidation.BTCUSDT"}', "[" * 50_000, "\ud7ff",
    b"\xff\xfe", '{"topic":"allLiquidation.BTCUSDT","data":[{"T":1}]}', '{"data":' + "9" * 5000 + "}", " " * 1_000_000,
]  # fmt: skip


@pytest.mark.parametrize("venue", [venue for venue in STREAMS if venue != "htx"])  # which gives no texts, and packs all
def test_a_text_that_no_database_takes_is_no_order(venue):
    async def flow():
        async with reading(venue) as r:
            await r.streams.subscribed(venue)
            await r.until(Up)
            for one in frames(venue, [ORDER]):
                await r.streams.send(venue, one.replace("{", '{"of": "\\u0000", ', 1))
            await r.until(Garbled)
            assert not [e for e in r.events if isinstance(e, Told) and e.rows]

    asyncio.run(flow())


@pytest.mark.parametrize("venue", STREAMS)
def test_no_message_stops_it(venue):
    async def flow():
        async with reading(venue) as r:
            await r.streams.subscribed(venue)
            await r.until(Up)
            for one in HOSTILE:
                await r.streams.send(venue, one)
                await r.streams.send(venue, *frames(venue, [ORDER, ORDER]))
            many = len(await r.until(Told, len(HOSTILE), rows=True))
            assert many >= len(HOSTILE)
            assert not [e for e in r.events if isinstance(e, Down)]
            garbled = [e for e in r.events if isinstance(e, Garbled)]
            assert garbled
            assert all(venue in e.why for e in garbled)

    asyncio.run(flow())


def test_a_message_too_large_to_be_true_ends_the_connection_and_not_the_reader():
    async def flow():
        async with reading("okx") as r:
            await r.streams.subscribed("okx")
            await r.streams.send("okx", " " * (connection.MOST_BYTES + 1))
            (down,) = await r.until(Down)
            assert "1009" in down.why
            await r.until(Up, 2)

    asyncio.run(flow())


def test_what_is_refused_is_told_and_tried_again():
    wrong = Instrument("bybit", "NONEUSDT", "NONE", "USDT", Contract.LINEAR)
    right = contracts("bybit")
    answers = [[wrong], [wrong], right]

    async def listed():
        own = answers.pop(0)
        return {one.symbol: one for one in own}, own

    async def flow():
        async with reading("bybit", listed) as r:
            assert [e.why for e in await r.until(Down, 2)] == [
                "error:handler not found,topic:allLiquidation.NONEUSDT"
            ] * 2
            (up,) = await r.until(Up)
            assert up.instruments == right

    asyncio.run(flow())


def test_a_listing_that_cannot_be_read_is_told_and_tried_again():
    own = contracts("okx")
    fails = [UnreachableError("okx", "instruments", "no connection")] * 2

    async def listed():
        if fails:
            raise fails.pop()
        return {own[0].symbol: own[0]}, own

    async def flow():
        async with reading("okx", listed) as r:
            await r.until(Up)
            assert [e.why for e in r.events[:2]] == ["no connection"] * 2
            assert r.reader.tried.is_set()

    asyncio.run(flow())


def test_nobody_there_and_nobody_who_acknowledges(monkeypatch):
    monkeypatch.setattr(connection, "OPEN_S", 0.1)

    async def flow():
        async with reading("okx") as r:
            r.streams.silent.add("okx")
            (down, *_) = await r.until(Down)
            assert down.why == "timed out before it was subscribed"
            r.reader.url = "ws://127.0.0.1:1"
            await r.told("no connection")
            r.reader.url = f"ws://127.0.0.1:{r.streams.port}/nowhere"
            await r.told("no such path")

    asyncio.run(flow())


def test_before_a_venue_ends_it_the_next_connection_is_open(monkeypatch):
    """What is printed while one takes over from the other is told, and nothing is ever down."""
    monkeypatch.setattr(reader, "RENEWED_S", 0.1)
    monkeypatch.setattr(reader, "OVERLAP_S", 0.1)

    async def flow():
        async with reading("gate", delay_ms=0) as r:
            sent = 0
            while r.streams.connections["gate"] < 4:
                order = ORDER._replace(time_ms=ORDER.time_ms + sent)
                for socket in r.streams.open_["gate"][:1]:
                    await socket.send(frames("gate", [order])[0])
                    sent += 1
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        assert not [e for e in r.events if isinstance(e, Down | Garbled)]
        stamps = {order.time_ms for e in r.events if isinstance(e, Told) for _one, order in e.rows}
        assert stamps == {ORDER.time_ms + n for n in range(sent)}
        assert sum(isinstance(e, Up) for e in r.events) >= 4

    asyncio.run(flow())


def test_a_reader_that_is_held_up_holds_the_server_up_and_loses_nothing():
    """Memory is bounded: what nobody takes stays with the one who sends it."""
    room = asyncio.Event()
    events = []

    async def put(event, _weight):
        if isinstance(event, Told) and event.rows:
            await room.wait()
        events.append(event)

    async def flow():
        async with serving() as streams:
            own = contracts("bybit")

            async def listed():
                return {own[0].symbol: own[0]}, own

            made = Reader(STREAMS["bybit"], "bybit", f"ws://127.0.0.1:{streams.port}/bybit", listed, put)
            task = asyncio.create_task(made.run())
            await streams.subscribed("bybit")
            sent = 0

            async def send():
                nonlocal sent
                for n in range(MANY):
                    (text,) = frames("bybit", [ORDER._replace(time_ms=ORDER.time_ms + n)])
                    await streams.send("bybit", text + WIDE)
                    sent += 1

            sending = asyncio.create_task(send())
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.3)
            assert 0 < sent < MANY
            room.set()
            await sending
            await come(lambda: sum(len(e.rows) for e in events if isinstance(e, Told)) == MANY)
            made.stopping.set()
            await task

    asyncio.run(flow())


def test_the_last_words_are_heard_when_it_is_stopped():
    async def flow():
        async with reading("kraken") as r:
            await r.streams.subscribed("kraken")
            (up,) = await r.until(Up)
            stop_ms = now_ms()
            await r.streams.send("kraken", *frames("kraken", [ORDER] * 5))
            r.reader.stopping.set()
            await r.until(Told, 5, rows=True)
            await come(lambda: not r.streams.open_["kraken"])
        # Until the other side said goodbye all is certain.
        assert r.events[-1].at_ms >= stop_ms >= up.at_ms
        assert not r.events[-1].rows

    asyncio.run(flow())


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_one_that_is_held_up_is_not_given_up_nor_known_further_for_its_heartbeat(venue):
    room = asyncio.Event()

    async def put(event, _weight):
        if isinstance(event, Told) and event.rows:
            await room.wait()
        events.append(event)

    events = []

    async def flow():
        async with reading(venue, beat_s=0.02, silence_s=0.1) as r:
            await r.until(Up)
            await come(lambda: r.reader._current is not None)
            r.reader._current._put = put
            await r.streams.send(venue, *frames(venue, [ORDER]))
            await come(lambda: r.reader._current._held_up)
            held_ms = now_ms()
            await asyncio.sleep(0.4)
            assert not [e for e in r.events if isinstance(e, Down)]
            assert max(e.at_ms for e in r.events) <= held_ms
            room.set()
            await come(lambda: r.events[-1].at_ms > held_ms)
            assert [len(e.rows) for e in events] == [1]

    asyncio.run(flow())


def test_what_the_old_connection_still_brings_is_read_while_the_new_one_is_there(monkeypatch):
    monkeypatch.setattr(reader, "RENEWED_S", 0.1)
    monkeypatch.setattr(reader, "OVERLAP_S", 0.5)

    async def flow():
        async with reading("okx", delay_ms=0) as r:
            await r.streams.subscribed("okx", many=2)
            old, _new = r.streams.open_["okx"]
            await asyncio.sleep(0.1)
            await old.send(frames("okx", [ORDER])[0])
            events = await r.until(Told, rows=True)
            assert [len(event.rows) for event in events] == [1]

    asyncio.run(flow())


@pytest.mark.parametrize(("steady_s", "attempts"), [(60.0, [1, 2, 3]), (0.0, [1, 1, 1])])
def test_one_who_is_hung_up_on_again_and_again_waits_longer_and_one_that_was_steady_does_not(
    steady_s, attempts, monkeypatch
):
    waited = []
    monkeypatch.setattr(reader, "wait_s", lambda attempt, _draw: waited.append(attempt) or 0.01)
    monkeypatch.setattr(reader, "STEADY_S", steady_s)

    async def flow():
        async with reading("okx") as r:
            for times in (1, 2, 3):
                await r.streams.subscribed("okx", times=times)
                await r.until(Up, times)
                await r.streams.drop("okx")
                await r.until(Down, times)
            await r.until(Up, 4)
        assert waited == attempts

    asyncio.run(flow())
