"""Open interest and mark price of the chosen coins, read over REST each minute within the budgets of all runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from imbalance.collector.listings import Listings
from imbalance.doubts import act, examine
from imbalance.errors import SourceError
from imbalance.fetch.client import Client
from imbalance.fetch.gather import gather
from imbalance.records import Instrument
from imbalance.store.rows import Batch, snapshot
from imbalance.stream.connection import now_ms
from imbalance.units import MINUTE_MS, SECOND_MS
from imbalance.wire import Ask, Kind, Source

KINDS = frozenset({Kind.MARK_PRICE, Kind.TICKER, Kind.OPEN_INTEREST})


class Snapshots:
    """Takes a snapshot a minute, at its start, until stopped."""

    def __init__(
        self,
        sources: Sequence[Source],
        listings: Listings,
        put: Callable[[Batch], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:
        self.sources = sources
        self.listings = listings
        self.put = put
        self.say = say
        self.taken = asyncio.Event()
        self._failing: set[str] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Take snapshots until stopped."""
        client = Client(self.listings.settings)
        try:
            while not stopping.is_set():
                await self._take(client)
                self.taken.set()
                left_s = (MINUTE_MS - now_ms() % MINUTE_MS) / SECOND_MS
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), left_s)
        finally:
            await client.close()

    async def _take(self, client: Client) -> None:
        listed: dict[str, list[Instrument]] = {}
        for source in self.sources:
            with contextlib.suppress(SourceError):  # its stream tells
                listed[source.name] = await self.listings.of(source)
        for symbol in sorted(self.listings.symbols):
            at_ms = now_ms()
            sources = [s for s in self.sources if any(one.base == symbol for one in listed.get(s.name, ()))]
            ask = Ask(symbol, at_ms, at_ms, at_ms, MINUTE_MS)
            found = await gather(client, sources, ask, KINDS, self.listings.timeout_s, listings=listed)
            act(found, examine(found, symbol, at_ms))
            for harvest in found:
                self._tell(harvest.name, [error.reason for error in harvest.failures])
                for batch in snapshot(harvest, symbol):
                    await self.put(batch)

    def _tell(self, venue: str, reasons: Sequence[str]) -> None:
        """Say that a venue fails, once until it does not."""
        if reasons and venue not in self._failing:
            self.say(f"{venue}: no snapshot: {reasons[0]}")
        (self._failing.add if reasons else self._failing.discard)(venue)
