"""What the venues list: which contracts a stream carries, and what their sizes mean; read anew from time to time."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Iterable, Sequence

from imbalance.errors import SourceError, UnreachableError
from imbalance.fetch.client import Client
from imbalance.fetch.gather import gather
from imbalance.fetch.settings import SourceSettings
from imbalance.records import Instrument
from imbalance.wire import Ask, Kind, Source
from imbalance.wire.streams import Listing

OLD_S = 5 * 3600.0  # so that one who comes back after a break need not wait for it
# One venue lists contracts that settle in a coin by that coin, and all others together; elsewhere all is one list.
EVERY = ("BTC", "ETH", "")


class Listings:
    """The contracts of some coins (all, where none is named) by venue: the one that reports are made of, for each coin.

    Where a listing cannot be read anew, the last one stands.
    """

    def __init__(self, settings: SourceSettings, symbols: Iterable[str], timeout_s: float) -> None:
        self.settings = settings
        self.symbols = frozenset(symbols)
        self.timeout_s = timeout_s
        self.coins: dict[str, set[str]] = {}  # all that each venue lists
        self._read_s: dict[str, float] = {}
        self._chosen: dict[str, list[Instrument]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(self, source: Source) -> list[Instrument]:
        """Return the chosen contracts of a venue.

        Raises
        ------
        SourceError
            If it cannot be read, and never could.
        """
        async with self._locks.setdefault(source.name, asyncio.Lock()):
            if time.monotonic() - self._read_s.get(source.name, -OLD_S) < OLD_S:
                return self._chosen[source.name]
            try:
                rows = await self._read(source)
            except SourceError:
                if source.name not in self._chosen:
                    raise
                return self._chosen[source.name]
            self._keep(source.name, rows)
            return self._chosen[source.name]

    def _keep(self, venue: str, rows: Sequence[Instrument]) -> None:
        first: dict[str, Instrument] = {}
        for row in rows:
            first.setdefault(row.base, row)
        self.coins[venue] = set(first)
        self._chosen[venue] = [one for base, one in first.items() if not self.symbols or base in self.symbols]
        self._read_s[venue] = time.monotonic()

    async def _read(self, source: Source) -> list[Instrument]:
        now_ms, endpoint = time.time_ns() // 1_000_000, source.endpoint(Kind.INSTRUMENTS)
        asks = [Ask(base, now_ms, 0, 0, 0) for base in sorted(self.symbols) or EVERY]
        client = Client(self.settings)
        rows: list[Instrument] = []
        try:
            for ask in {tuple(endpoint.pages(ask)): ask for ask in reversed(asks)}.values():
                (harvest,) = await gather(client, [source], ask, (), self.timeout_s)
                if harvest.failures:
                    raise harvest.failures[0]
                rows = harvest.of(Instrument) + rows
        finally:
            await client.close()
        if not rows:
            raise UnreachableError(source.name, Kind.INSTRUMENTS, "it lists nothing")
        return rows


def share(instruments: Sequence[Instrument], number: int, of: int) -> tuple[Listing, list[Instrument]]:
    """Return the contracts that one of several parts carries, by name and in order: each in the same part for ever."""
    own = [one for one in instruments if of == 1 or zlib.crc32(one.symbol.encode()) % of == number]
    return {one.symbol: one for one in own}, own
