"""Between readers and writer: all of it, in order, never more than there is room for."""

from __future__ import annotations

import asyncio
import random

import pytest

from imbalance.stream.backoff import LONGEST_S, wait_s
from imbalance.stream.buffer import Buffer


def test_all_comes_out_in_order_and_never_more_than_there_is_room_for():
    async def flow():
        buffer, taken, most = Buffer(10), [], 0

        async def put():
            for n in range(200):
                await buffer.put(n, 1 + n % 4)

        putting = asyncio.create_task(put())
        while not putting.done() or buffer.held:
            await asyncio.sleep(0)
            most = max(most, buffer.held)
            if random.random() < 0.3:  # noqa: S311
                taken += buffer.take()
        return taken, most

    taken, most = asyncio.run(flow())
    assert taken == list(range(200))
    assert 7 <= most <= 10


def test_what_is_heavier_than_all_the_room_is_let_in_alone():
    async def flow():
        buffer = Buffer(3)
        await buffer.put("heavy", 100)
        waiting = asyncio.create_task(buffer.put("light", 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert buffer.take() == ["heavy"]
        await waiting
        return buffer.take(), buffer.held

    assert asyncio.run(flow()) == (["light"], 0)


@pytest.mark.parametrize(("attempt", "most"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, LONGEST_S), (10_000, LONGEST_S)])
def test_waits_grow_up_to_a_minute_and_are_spread(attempt, most):
    draw = random.Random(1)  # noqa: S311
    waits = [wait_s(attempt, draw) for _ in range(300)]
    assert 0 <= min(waits) < 0.1 * most
    assert 0.9 * most < max(waits) <= most
