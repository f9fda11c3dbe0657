"""Whose turn it is where many wait: the earliest, whenever it came; nobody is forgotten, and nobody holds it twice."""

from __future__ import annotations

import asyncio
import random

import httpx
import pytest

from imbalance.fetch.budget import Budgets
from imbalance.fetch.client import Client
from imbalance.fetch.settings import SourceSettings
from imbalance.fetch.turns import TURN, Line
from imbalance.venues.kraken import KRAKEN
from imbalance.wire import Kind, params


def came(turns, given_up=()):
    """Return the turns of those who held the line, as they did; all come while another holds it."""
    held = []

    async def wait(turn):
        TURN.set(turn)
        async with line:
            held.append(turn)
            await asyncio.sleep(0)

    async def run():
        async with line:
            tasks = [asyncio.create_task(wait(turn)) for turn in turns]
            await asyncio.sleep(0)
            for i in given_up:
                tasks[i].cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(*tasks, return_exceptions=True)
            async with line:  # it is free again
                return held

    line = Line()
    return asyncio.run(run())


def test_the_earliest_turn_goes_first_whenever_it_came():
    turns = random.Random(1).choices(range(9), k=60)  # noqa: S311
    assert came(turns) == sorted(turns)
    assert came([3, 1, 2, 0], given_up=[1, 3]) == [2, 3]


def test_equals_go_in_the_order_they_came():
    held = []

    async def wait(name):
        async with line:
            held.append(name)

    async def run():
        async with line:
            tasks = [asyncio.create_task(wait(name)) for name in "dbca"]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    line = Line()
    asyncio.run(run())
    assert held == list("dbca")


def test_who_comes_as_it_changes_hands_waits():
    inside, most = 0, 0

    async def hold():
        nonlocal inside, most
        async with line:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def run():
        tasks = []
        for _ in range(30):
            tasks += [asyncio.create_task(hold()), asyncio.create_task(hold())]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    line = Line()
    asyncio.run(run())
    assert most == 1


@pytest.mark.parametrize("others", [0, 2])
def test_who_is_called_and_given_up_in_one_moment_calls_the_next(others):
    async def run():
        async with line:
            tasks = [asyncio.create_task(wait()) for _ in range(1 + others)]
            await asyncio.sleep(0)
        tasks[0].cancel()
        async with asyncio.timeout(1):
            found = await asyncio.gather(*tasks, return_exceptions=True)
            async with line:
                return found

    async def wait():
        async with line:
            return "held"

    line = Line()
    first, *rest = asyncio.run(run())
    assert isinstance(first, asyncio.CancelledError)
    assert rest == ["held"] * others


def test_a_budget_that_has_room_again_lets_the_earliest_coin_through(monkeypatch):
    """All but the one that looks for room already, which nobody takes it from."""
    asked, looks = [], iter([(0, 0.01), *((number, 0.0) for number in range(1, 9))])
    monkeypatch.setattr(Budgets, "reserve", lambda *_args: next(looks))

    def answer(request):
        asked.append(request.url.query.decode())
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    async def ask(client, turn):
        TURN.set(turn)
        await client.get(KRAKEN, KRAKEN.endpoint(Kind.TICKER), params(turn=turn))

    async def run():
        client = Client(SourceSettings(), transport=httpx.MockTransport(answer))
        await asyncio.gather(*(ask(client, turn) for turn in (3, 2, 0, 1)))
        await client.close()

    asyncio.run(run())
    assert asked == ["turn=3", "turn=0", "turn=1", "turn=2"]
