"""A part of a stream, read for as long as it is wanted: connections follow each other, gaps are told."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence

from imbalance.errors import SourceError
from imbalance.records import Instrument
from imbalance.stream.backoff import wait_s
from imbalance.stream.connection import Connection, Put, now_ms, opened
from imbalance.wire.streams import Down, Listing, Stream, Told, Up

HEARD_EVERY_S = 1.0
STEADY_S = 30.0  # a connection that lived as long was none that is hung up on at once
RENEWED_S = 6 * 3600.0
OVERLAP_S = 1.0  # besides a venue's own delay
EARLY_S = 600.0  # before a venue ends it
# Listings by name, and those of them that this part carries.
Listed = Callable[[], Awaitable[tuple[Listing, Sequence[Instrument]]]]


class Reader:
    """Reads one part of a stream into a buffer until it is stopped.

    Before a venue ends a connection, and to learn what it lists by then, the next one is opened while the last is still
    read: nothing is missed and what comes twice is the same.
    """

    def __init__(self, stream: Stream, part: str, url: str, listed: Listed, put: Put) -> None:
        self.stream = stream
        self.part = part
        self.url = url
        self.listed = listed
        self.put = put
        self.stopping = asyncio.Event()
        self.tried = asyncio.Event()
        self._draw = random.Random()  # noqa: S311  no secret
        self._failed = 0
        self._current: Connection | None = None
        self._opened_ms = 0

    async def run(self) -> None:
        """Read until stopped; errors of the network are events, never raised."""
        try:
            while not self.stopping.is_set():
                if self._current is not None or await self._connect():
                    await self._follow()
                else:
                    await self._wait()
        finally:
            if self._current is not None:
                await self._current.close()
                await self._hear()

    async def _connect(self) -> bool:
        """Open the next connection in place of the one that there is, if any; tell whether that could be."""
        try:
            listing, instruments = await self.listed()
            following = await opened(self.stream, self.part, self.url, listing, instruments, self.put)
        except SourceError as error:
            self._failed += 1
            if self._current is None:
                await self._down(now_ms(), error.reason)
            self.tried.set()
            return False
        last, self._current = self._current, following
        self._opened_ms = following.certain_ms
        await self.put(Up(self.part, following.certain_ms, instruments), 1)
        self.tried.set()
        if last is not None:
            # What was printed before the next one was there may still be on its way.
            await self._pause(self.stream.delay_ms / 1000 + OVERLAP_S)
            await last.close()
        return True

    async def _follow(self) -> None:
        """Let the connection be read until it ends or has to be renewed."""
        current = self._current
        if current is None:
            raise ValueError("there is no connection to follow")
        renew_ms = self._opened_ms + 1000 * min(RENEWED_S, self.stream.lives_s - EARLY_S)
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            while not current.ended.done() and not self.stopping.is_set():
                await asyncio.wait(
                    {current.ended, stopping}, timeout=HEARD_EVERY_S, return_when=asyncio.FIRST_COMPLETED
                )
                await self._hear()
                if now_ms() >= renew_ms and not current.ended.done() and not self.stopping.is_set():
                    if await self._connect():
                        return
                    renew_ms = now_ms() + 1000 * wait_s(self._failed, self._draw)
        finally:
            stopping.cancel()
        if current.ended.done():
            await self._lost(current)

    async def _lost(self, current: Connection) -> None:
        self._current = None
        await current.close()
        await self._down(current.certain_ms, current.ended.result().reason)
        steady = current.certain_ms - self._opened_ms >= STEADY_S * 1000
        self._failed = 1 if steady else self._failed + 1
        await self._wait()

    async def _hear(self) -> None:
        """Tell until when all is known, where nothing was printed lately."""
        if self._current is not None:
            await self.put(Told(self.part, self._current.certain_ms), 1)

    async def _down(self, certain_ms: int, why: str) -> None:
        await self.put(Down(self.part, certain_ms, why), 1)

    async def _wait(self) -> None:
        await self._pause(wait_s(self._failed, self._draw))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
