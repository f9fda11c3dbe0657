"""One client for many coins: what a source says of all coins at once is asked once, and each coin gets its part."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from imbalance.errors import ParseError
from imbalance.fetch.replay import Replay
from imbalance.records import Contract, Instrument
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.wire import Ask, Endpoint, Kind, Params, Source
from imbalance.wire.at_once import AtOnce

if TYPE_CHECKING:
    from imbalance.fetch.client import Client

Key = tuple[str, str, str]


class Shared:
    """Asks as `client` does, but once for all coins where an endpoint allows it or names no coin.

    What fails then has failed for all coins: nobody asks again.
    """

    aio: ModuleType = asyncio

    def __init__(self, client: Client | Replay) -> None:
        self.client = client
        self.recording = client.recording
        self.requests = client.requests
        self.received_bytes = client.received_bytes
        self.latency_ms = client.latency_ms
        self.clock_ahead_s = client.clock_ahead_s
        self.budget_used = client.budget_used
        self._asked: dict[Key, asyncio.Task[Any]] = {}

    async def get(self, source: Source, endpoint: Endpoint, query: Params) -> bytes:
        """Return the body of one request about one coin, or the coin's part of an answer about all.

        Raises
        ------
        SourceError
            Of the kind that says what went wrong.
        """
        if endpoint.at_once is not None and self.gives(source, endpoint, endpoint.at_once):
            parts = await self.parts(source, endpoint, endpoint.at_once)
            name = dict(query).get(endpoint.at_once.names, "")
            if name not in parts:
                raise ParseError(source.name, endpoint.name, f"{name} is not in the answer about all coins")
            return parts[name]
        key = (source.name, *endpoint.asked(query))
        if key in self._asked or endpoint.kind is Kind.INSTRUMENTS or names_no_coin(endpoint):
            body: bytes = await self._once(key, lambda: self.client.get(source, endpoint, query))
            return body
        return await self.client.get(source, endpoint, query)

    async def parts(self, source: Source, endpoint: Endpoint, at_once: AtOnce) -> dict[str, bytes]:
        """Return each contract's part of an answer about all."""
        whole = endpoint.for_all(at_once)

        async def cut() -> dict[str, bytes]:
            body = await self.client.get(source, whole, at_once.query)
            return at_once.parts(body, source.name, endpoint.name)

        parts: dict[str, bytes] = await self._once((source.name, *whole.asked(at_once.query)), cut)
        return parts

    async def close(self) -> None:
        """End what still runs and close the client."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await self.client.close()

    async def _once(self, key: Key, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  a body or its parts
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(ask())
        # A coin that is given up does not take from the others what they wait for.
        return await asyncio.shield(self._asked[key])

    def gives(self, source: Source, endpoint: Endpoint, at_once: AtOnce) -> bool:
        """Tell whether all coins can be asked for at once: a recording of one coin holds that coin's answers alone."""
        key = (source.name, *endpoint.for_all(at_once).asked(at_once.query))
        return self.recording is None or key in self.recording.answers


@functools.cache
def names_no_coin(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint is asked the same whichever coin it is about."""
    return list(endpoint.pages(_about("A"))) == list(endpoint.pages(_about("B")))


def _about(coin: str) -> Ask:
    instrument = Instrument("", coin, coin, "USDT", Contract.LINEAR)
    return Ask(coin, DAY_MS, 0, DAY_MS, HOUR_MS, instrument, (instrument,))
