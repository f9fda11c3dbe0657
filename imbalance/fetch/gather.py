"""Asking all sources at once, each within its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from imbalance.errors import DeadlineError, SourceError
from imbalance.fetch.client import Client
from imbalance.records import Candle, Instrument
from imbalance.wire import Ask, Endpoint, Kind, Params, Record, Source

MOST_WALKED_PAGES = 20
R = TypeVar("R", bound=msgspec.Struct)


class Harvest(msgspec.Struct):
    """What one source gave: records by endpoint kind, and what failed."""

    source: Source
    instrument: Instrument | None = None
    listed: tuple[str, ...] = ()
    records: dict[Kind, list[Record]] = {}
    failures: list[SourceError] = []
    requests: int = 0
    received_bytes: int = 0
    latency_ms: float | None = None
    elapsed_s: float = 0.0

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def unlisted(self) -> bool:
        """Whether the venue answered but does not list the coin."""
        return self.source.is_venue and self.instrument is None and bool(self.listed)

    def of(self, kind: type[R]) -> list[R]:
        """Return all records of a type; daily candles only by `at`."""
        daily = {Kind.DAILY_CANDLES, Kind.OPEN_INTEREST_DAILY, Kind.LIQUIDATION_DAILY}
        return [r for k, rows in self.records.items() if k not in daily for r in rows if isinstance(r, kind)]

    def at(self, kind: Kind, type_: type[R]) -> list[R]:
        """Return the records of one endpoint kind."""
        return [r for r in self.records.get(kind, []) if isinstance(r, type_)]

    @property
    def candles(self) -> list[Candle]:
        """The bars asked for, in order, each time once."""
        return in_time(self.at(Kind.CANDLES, Candle))


def in_time(rows: Sequence[R]) -> list[R]:
    """Return records by time, each time once (pages may touch)."""
    by_time = {row.time_ms: row for row in rows}  # type: ignore[attr-defined]
    return [by_time[time_ms] for time_ms in sorted(by_time)]


async def gather(
    client: Client,
    sources: Sequence[Source],
    ask: Ask,
    kinds: Iterable[Kind],
    timeout_s: float,
    done: Callable[[Harvest], None] = lambda _harvest: None,
) -> list[Harvest]:
    """Ask every source at once; the answer holds one harvest a source, in the order given.

    `done` is called as each source ends.
    """
    wanted = frozenset(kinds)

    async def one(source: Source) -> Harvest:
        harvest = await _harvest(client, source, ask, wanted, timeout_s)
        done(harvest)
        return harvest

    return list(await asyncio.gather(*(one(source) for source in sources)))


async def _harvest(client: Client, source: Source, ask: Ask, wanted: frozenset[Kind], timeout_s: float) -> Harvest:
    started = time.perf_counter()
    harvest = Harvest(source, records={}, failures=[])
    endpoints = [e for e in source.endpoints if e.kind in wanted and e.kind is not Kind.INSTRUMENTS]
    deadline = started + timeout_s
    if source.is_venue:
        await _run(client, harvest, ask, [source.endpoint(Kind.INSTRUMENTS)], deadline)
        rows = harvest.of(Instrument)
        harvest.listed = tuple(row.base for row in rows)
        harvest.instrument = next((row for row in rows if row.base == ask.base), None)
        if harvest.instrument is None:
            endpoints = []
        ask = msgspec.structs.replace(ask, instrument=harvest.instrument)
    await _run(client, harvest, ask, endpoints, deadline)
    harvest.requests = client.requests.get(source.name, 0)
    harvest.received_bytes = client.received_bytes.get(source.name, 0)
    harvest.latency_ms = client.latency_ms.get(source.name)
    harvest.elapsed_s = time.perf_counter() - started
    return harvest


async def _run(client: Client, harvest: Harvest, ask: Ask, endpoints: Sequence[Endpoint], deadline: float) -> None:
    """Ask endpoints at once until the deadline; keep their records or their failure."""
    tasks = {asyncio.create_task(_read(client, harvest.source, e, ask)): e for e in endpoints}
    if not tasks:
        return
    finished, late = await asyncio.wait(tasks, timeout=max(deadline - time.perf_counter(), 0.01))
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task, endpoint in tasks.items():
        if task not in finished:
            harvest.failures.append(DeadlineError(harvest.name, endpoint.name, "no whole answer before the deadline"))
            continue
        error = task.exception()
        if isinstance(error, SourceError):
            harvest.failures.append(error)
        elif error is not None:
            raise error
        else:
            harvest.records.setdefault(endpoint.kind, []).extend(task.result())


async def _read(client: Client, source: Source, endpoint: Endpoint, ask: Ask) -> list[Record]:
    async def page(query: Params) -> bytes:
        return await client.get(source, endpoint, ask, query)

    bodies = await asyncio.gather(*(page(query) for query in endpoint.pages(ask)))
    rows = [row for body in bodies for row in endpoint.parse(body, ask)]
    walked = 0
    following = endpoint.following
    while following and bodies and walked < MOST_WALKED_PAGES:
        query = following(bodies[-1], ask)
        if query is None:
            break
        bodies = [await page(query)]
        rows += endpoint.parse(bodies[0], ask)
        walked += 1
    return rows
