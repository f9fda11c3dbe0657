"""Asking all sources at once, each within its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from imbalance.errors import DeadlineError, SourceError
from imbalance.fetch.replay import Replay
from imbalance.records import Instrument, Unread
from imbalance.wire import Ask, Endpoint, Kind, Params, Record, Source
from imbalance.wire.harvest import Harvest

if TYPE_CHECKING:
    from imbalance.fetch.client import Client


async def gather(
    client: Client | Replay,
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

    # What is walked page by page takes longest: it goes first.
    walked = sorted(sources, key=lambda s: not any(e.following and e.kind in wanted for e in s.endpoints))
    found = {h.name: h for h in await _all([asyncio.create_task(one(source)) for source in walked])}
    return [found[source.name] for source in sources]


async def _all(tasks: Sequence[asyncio.Task[Harvest]]) -> list[Harvest]:
    """Return what all tasks give; where one fails, such as by a full disk, end the others first."""
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await _end(tasks)
    return [task.result() for task in sorted(tasks, key=asyncio.Task.cancelled)]


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, and look at every outcome: one that nobody looks at is told on stderr."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _harvest(
    client: Client | Replay, source: Source, ask: Ask, wanted: frozenset[Kind], timeout_s: float
) -> Harvest:
    started = time.perf_counter()
    harvest = Harvest(source)
    endpoints = [e for e in source.endpoints if e.kind in wanted and e.kind is not Kind.INSTRUMENTS]
    endpoints.sort(key=lambda e: e.following is None)
    deadline = started + timeout_s
    if source.lists:
        await _run(client, harvest, ask, [source.endpoint(Kind.INSTRUMENTS)], deadline)
        rows = harvest.of(Instrument)
        harvest.listed = tuple(row.base for row in rows)
        own = tuple(row for row in rows if row.base == ask.base)
        harvest.instrument = own[0] if own else None
        if harvest.instrument is None:
            endpoints = []
        ask = msgspec.structs.replace(ask, instrument=harvest.instrument, listings=own)
    await _run(client, harvest, ask, [e for e in endpoints if e.instead_of is None], deadline)
    await _run(
        client, harvest, ask, [e for e in endpoints if e.instead_of and not harvest.records.get(e.instead_of)], deadline
    )
    harvest.requests = client.requests.get(source.name, 0)
    harvest.received_bytes = client.received_bytes.get(source.name, 0)
    if client.recording is None:
        harvest.latency_ms = client.latency_ms.get(source.name)
        harvest.clock_ahead_s = client.clock_ahead_s.get(source.name)
        harvest.budget_used = client.budget_used(source)
    harvest.elapsed_s = time.perf_counter() - started
    return harvest


async def _run(
    client: Client | Replay, harvest: Harvest, ask: Ask, endpoints: Sequence[Endpoint], deadline: float
) -> None:
    """Ask endpoints at once until the deadline; keep their records or their failure."""
    reads: list[tuple[Endpoint, Sequence[Params], list[list[Record]]]] = [
        (endpoint, pages, [[] for _ in pages]) for endpoint in endpoints for pages in _together(endpoint, ask)
    ]
    tasks = {
        asyncio.create_task(_read(client, harvest.source, endpoint, pages, ask, into)): (endpoint, into)
        for endpoint, pages, into in reads
    }
    if not tasks:
        return
    finished: set[asyncio.Task[list[Record]]] = set()
    try:
        finished, _late = await asyncio.wait(tasks, timeout=max(deadline - time.perf_counter(), 0.01))
    finally:
        await _end(tasks)
    for task, (endpoint, into) in tasks.items():
        if task not in finished:
            harvest.failures.append(
                DeadlineError(harvest.name, endpoint.name, "timed out before the answer was complete")
            )
            # Of liquidations a part is a lower bound; of anything else it may mislead.
            if endpoint.kind is Kind.LIQUIDATIONS and any(into):
                harvest.keep(endpoint.kind, [Unread(), *_joined(into)])
            continue
        error = task.exception()
        if isinstance(error, SourceError):
            harvest.failures.append(error)
        elif error is not None:
            raise error
        else:
            harvest.keep(endpoint.kind, task.result())


def _together(endpoint: Endpoint, ask: Ask) -> list[Sequence[Params]]:
    """Return the pages that stand or fall together."""
    pages = endpoint.pages(ask)
    if endpoint.apart:
        return [[page] for page in pages]
    # What is not asked gives no empty answer.
    return [pages] if pages else []


async def walk(client: Client | Replay, source: Source, endpoint: Endpoint, ask: Ask) -> list[Record]:
    """Return the records of all pages of one endpoint, with those that follow them.

    Raises
    ------
    SourceError
        Of the first page that fails.
    """
    pages = endpoint.pages(ask)
    return await _read(client, source, endpoint, pages, ask, [[] for _ in pages])


async def _read(
    client: Client | Replay,
    source: Source,
    endpoint: Endpoint,
    pages: Sequence[Params],
    ask: Ask,
    into: Sequence[list[Record]],
) -> list[Record]:
    """Read pages, each into a list of its own, with those that follow it."""
    walks = (_walk(client, source, endpoint, query, ask, rows) for query, rows in zip(pages, into, strict=True))
    await asyncio.gather(*walks)
    return _joined(into)


def _joined(lists: Iterable[list[Record]]) -> list[Record]:
    return [row for rows in lists for row in rows]


async def _walk(
    client: Client | Replay, source: Source, endpoint: Endpoint, query: Params, ask: Ask, rows: list[Record]
) -> None:
    """Read a page and those that follow it; where there are more than are read, an `Unread` says so."""
    body = await client.get(source, endpoint, query)
    for left in reversed(range(endpoint.most_pages)):
        after = endpoint.following(body, ask) if endpoint.following else None
        goes_on = after is not None and after != query and left > 0
        # The next page is on its way while this one is read.
        coming = asyncio.create_task(client.get(source, endpoint, after)) if goes_on and after else None
        try:
            rows += endpoint.parse(body, ask)
            await asyncio.sleep(0)
        except BaseException:
            if coming is not None:
                await _end([coming])
            raise
        if coming is None:
            if after is not None:
                rows.insert(0, Unread())
            return
        query, body = after or query, await coming
