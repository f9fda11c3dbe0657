"""Whose turn it is where many wait for one place: the earliest turn goes first, whenever it came."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools

# The turn of what runs in this context, such as all that one of many coins asks; the lowest goes first.
TURN: contextvars.ContextVar[int] = contextvars.ContextVar("turn", default=0)


class Line:
    """A lock that goes to the earliest turn of those who wait, and among equals to who came first."""

    def __init__(self) -> None:
        self._held = False
        self._came = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def __aenter__(self) -> None:
        if not self._held:
            self._held = True
            return
        called = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (TURN.get(), next(self._came), called))
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # called and given up in the same moment
                self._next()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._next()

    def _next(self) -> None:
        while self._waiting:
            *_turn, called = heapq.heappop(self._waiting)
            if not called.done():
                called.set_result(None)
                return
        self._held = False
