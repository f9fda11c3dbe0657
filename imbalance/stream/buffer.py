"""Between readers and the writer: in order, and no more than so much, so that a slow writer slows the readers down."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Buffer(Generic[T]):
    """Holds things of a weight until they are taken, all at once; who puts more than there is room for waits."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.held = 0
        self._things: list[T] = []
        self._emptied = asyncio.Event()
        self._emptied.set()

    async def put(self, thing: T, weight: int = 1) -> None:
        """Add a thing, as soon as there is room; one that is heavier than all the room is let in alone."""
        while self.held and self.held + weight > self.room:
            self._emptied.clear()
            await self._emptied.wait()
        self._things.append(thing)
        self.held += weight

    def take(self) -> list[T]:
        """Return all that is held, in the order in which it came, and hold nothing."""
        things, self._things, self.held = self._things, [], 0
        self._emptied.set()
        return things
