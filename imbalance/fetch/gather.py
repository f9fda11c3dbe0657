"""Asking all sources at once, each within its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from imbalance.errors import DeadlineError, SourceError
from imbalance.fetch.replay import Replay
from imbalance.records import Instrument
from imbalance.wire import Ask, Endpoint, Kind, Params, Record, Source
from imbalance.wire.harvest import Harvest

if TYPE_CHECKING:
    from imbalance.fetch.client import Client

MOST_WALKED_PAGES = 20


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
    found = {h.name: h for h in await asyncio.gather(*(one(source) for source in walked))}
    return [found[source.name] for source in sources]


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
    await _run(client, harvest, ask, endpoints, deadline)
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
    reads = [(endpoint, pages) for endpoint in endpoints for pages in _together(endpoint, ask)]
    tasks = {asyncio.create_task(_read(client, harvest.source, e, pages, ask)): e for e, pages in reads}
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
            harvest.keep(endpoint.kind, task.result())


def _together(endpoint: Endpoint, ask: Ask) -> list[Sequence[Params]]:
    """Return the pages that stand or fall together."""
    pages = endpoint.pages(ask)
    if endpoint.apart:
        return [[page] for page in pages]
    # What is not asked gives no empty answer.
    return [pages] if pages else []


async def _read(
    client: Client | Replay, source: Source, endpoint: Endpoint, pages: Sequence[Params], ask: Ask
) -> list[Record]:
    async def page(query: Params) -> bytes:
        return await client.get(source, endpoint, query)

    bodies = await asyncio.gather(*(page(query) for query in pages))
    rows: list[Record] = []
    for walked in range(MOST_WALKED_PAGES + 1):
        query = endpoint.following(bodies[-1], ask) if endpoint.following and bodies else None
        # The next page is on its way while this one is read.
        coming = asyncio.ensure_future(page(query)) if query is not None and walked < MOST_WALKED_PAGES else None
        try:
            for body in bodies:
                rows += endpoint.parse(body, ask)
                await asyncio.sleep(0)
        except BaseException:
            if coming is not None:
                coming.cancel()
            raise
        if coming is None:
            break
        bodies = [await coming]
    return rows
