"""Asking all sources at once, each within its deadline.

Tasks are the client's own: asyncio's, or a replay's, which needs no event loop (`inline`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from imbalance.errors import DeadlineError, ParseError, RefusedError, SourceError
from imbalance.fetch.replay import Replay
from imbalance.readings import running_day
from imbalance.records import Instrument, OpenInterest, Ticker, Unread
from imbalance.wire import Ask, Endpoint, Kind, Params, Record, Source
from imbalance.wire.answers import Answers, answer_of
from imbalance.wire.harvest import Harvest, Known, Memory

Page = tuple[Params, Ask]
# What a run may have in a store.
STORED = frozenset(
    {
        Kind.CANDLES,
        Kind.DAILY_CANDLES,
        Kind.OPEN_INTEREST_HISTORY,
        Kind.OPEN_INTEREST_DAILY,
        Kind.LIQUIDATIONS,
    }
)

if TYPE_CHECKING:
    import asyncio

    from imbalance.fetch.client import Client
    from imbalance.fetch.shared import Shared


async def gather(
    client: Client | Replay | Shared,
    sources: Sequence[Source],
    ask: Ask,
    kinds: Iterable[Kind],
    timeout_s: float,
    done: Callable[[Harvest], None] = lambda _harvest: None,
    memory: Coroutine[Any, Any, Memory] | None = None,
    listings: Mapping[str, Sequence[Instrument]] = MappingProxyType({}),
    answers: Answers = MappingProxyType({}),  # type: ignore[assignment]
) -> list[Harvest]:
    """Ask every source at once; the answer holds one harvest a source, in the order given.

    `done` is called as each source ends; what `memory` holds is not asked for again, nor are `listings` by source, nor
    what the `answers` of an earlier run stand in for.
    """
    wanted = frozenset(kinds)
    remembering = None if memory is None else client.aio.create_task(memory)

    async def one(source: Source) -> Harvest:
        known, deadline = listings.get(source.name), time.perf_counter() + timeout_s
        harvest = await _harvest(client, source, ask, wanted, deadline, remembering, known, answers)
        if _out_of_date(harvest, wanted):
            harvest = await _harvest(client, source, ask, wanted, deadline, remembering, known, {})
        done(harvest)
        return harvest

    # What is walked page by page takes longest: it goes first.
    walked = sorted(sources, key=lambda s: not any(e.following and e.kind in wanted for e in s.endpoints))
    found: dict[str, Harvest] = {
        h.name: h for h in await _all(client, [client.aio.create_task(one(s)) for s in walked])
    }
    return [found[source.name] for source in sources]


async def _all(client: Client | Replay | Shared, tasks: Sequence[asyncio.Task[Any]]) -> list[Any]:
    """Return what all tasks give; where one fails, such as by a full disk, end the others first."""
    if not tasks:
        return []
    try:
        await client.aio.wait(tasks, return_when=client.aio.FIRST_EXCEPTION)
    finally:
        await _end(client, tasks)
    return [task.result() for task in sorted(tasks, key=lambda task: task.cancelled())]


async def _end(client: Client | Replay | Shared, tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, and look at every outcome: one that nobody looks at is told on stderr."""
    for task in tasks:
        task.cancel()
    await client.aio.gather(*tasks, return_exceptions=True)


async def _harvest(
    client: Client | Replay | Shared,
    source: Source,
    ask: Ask,
    wanted: frozenset[Kind],
    deadline: float,
    memory: asyncio.Task[Memory] | None,
    listing: Sequence[Instrument] | None,
    answers: Answers,
) -> Harvest:
    started = time.perf_counter()
    harvest = Harvest(source, asked_ms=ask.start_ms)
    endpoints = [e for e in source.endpoints if e.kind in wanted and e.kind is not Kind.INSTRUMENTS]
    endpoints.sort(key=lambda e: e.following is None)
    if source.lists:
        if listing is None:
            asked = _unanswered(harvest, ask, [source.endpoint(Kind.INSTRUMENTS)], answers)
            await _run(client, harvest, ask, asked, deadline)
            listing = harvest.of(Instrument)
        rows = listing
        harvest.listed = tuple(row.base for row in rows)
        own = tuple(row for row in rows if row.base == ask.base)
        harvest.instrument = own[0] if own else None
        if harvest.instrument is None:
            endpoints = []
        ask = msgspec.structs.replace(ask, instrument=harvest.instrument, listings=own)
    asked = _unanswered(harvest, ask, [e for e in endpoints if e.instead_of is None], answers)
    # What may be known is asked for when that is read; the rest goes out before.
    of_now = [e for e in asked if memory is None or e.kind not in STORED]
    series = [e for e in asked if e not in of_now]
    recalling = client.aio.create_task(_run_known(client, harvest, ask, series, deadline, memory, wanted))
    await _all(client, [recalling, client.aio.create_task(_run(client, harvest, ask, of_now, deadline))])
    known = recalling.result()
    _join(harvest, endpoints, known)
    if Kind.DAILY_CANDLES in harvest.known:
        # The days before are known; today is made of its bars, or asked for where one is missing.
        today = running_day(harvest.candles, ask.now_ms)
        harvest.keep(Kind.DAILY_CANDLES, today)
        days = [] if today else [e for e in endpoints if e.kind is Kind.DAILY_CANDLES]
        await _run(client, harvest, ask, days, deadline)
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


def _unanswered(harvest: Harvest, ask: Ask, endpoints: Iterable[Endpoint], answers: Answers) -> list[Endpoint]:
    """Return the endpoints that must be asked; keep what the others were answered before."""
    left = []
    for endpoint in endpoints:
        answer = None
        if answers and endpoint.holds is not None:
            answer = answers.get((harvest.name, endpoint.question(ask)))
        if answer is None:
            left.append(endpoint)
        else:
            harvest.stand_in(answer)
    return left


def _out_of_date(harvest: Harvest, wanted: frozenset[Kind]) -> bool:
    """Tell whether a contract that was listed earlier is not answered for now: it may be listed no more."""
    if all(answer.kind is not Kind.INSTRUMENTS for answer in harvest.kept):
        return False
    silent = Kind.TICKER in wanted and not harvest.of(Ticker) and not harvest.of(OpenInterest)
    return silent or any(type(failure) in {RefusedError, ParseError} for failure in harvest.failures)


async def _run_known(
    client: Client | Replay | Shared,
    harvest: Harvest,
    ask: Ask,
    endpoints: Sequence[Endpoint],
    deadline: float,
    memory: asyncio.Task[Memory] | None,
    wanted: frozenset[Kind],
) -> dict[Kind, Known]:
    """Ask for what is not known yet; return what is."""
    known = _known(await client.aio.shield(memory), harvest, wanted) if memory is not None else {}
    await _run(client, harvest, ask, endpoints, deadline, known)
    return known


def _known(memory: Memory, harvest: Harvest, wanted: frozenset[Kind]) -> dict[Kind, Known]:
    """Return what is known of the series of a source's contract."""
    if harvest.instrument is None:
        return {}
    symbol = harvest.instrument.symbol
    found = {kind: memory.get((harvest.name, symbol, kind)) for kind in wanted}
    return {kind: known for kind, known in found.items() if known is not None}


def _join(harvest: Harvest, endpoints: Iterable[Endpoint], known: dict[Kind, Known]) -> None:
    """Put what is known before what was read; where that failed the series would end too early, and is left out."""
    failed = {failure.endpoint for failure in harvest.failures}
    lost = {endpoint.kind for endpoint in endpoints if endpoint.name in failed}
    for kind, one in known.items():
        if kind not in lost:
            harvest.join(kind, one)


def _left(ask: Ask, endpoint: Endpoint, known: Known | None) -> list[Ask]:
    """Return what is to be asked of an endpoint, a span each."""
    if known is None:
        return [ask]
    replace = msgspec.structs.replace
    if endpoint.kind is Kind.LIQUIDATIONS:
        return [replace(ask, known_ms=known.spans[-1][1])]
    return [replace(ask, start_ms=start, end_ms=end, whole_ms=ask.span_ms) for start, end in known.left]


async def _run(
    client: Client | Replay | Shared,
    harvest: Harvest,
    ask: Ask,
    endpoints: Sequence[Endpoint],
    deadline: float,
    known: Mapping[Kind, Known] = MappingProxyType({}),
) -> None:
    """Ask endpoints at once until the deadline; keep their records or their failure."""
    reads: list[tuple[Endpoint, Sequence[Page], list[list[Record]]]] = [
        (endpoint, pages, [[] for _ in pages])
        for endpoint in endpoints
        for pages in _together(endpoint, _left(ask, endpoint, known.get(endpoint.kind)))
    ]
    tasks = {
        client.aio.create_task(_read(client, harvest.source, endpoint, pages, into)): (endpoint, into)
        for endpoint, pages, into in reads
    }
    if not tasks:
        return
    finished: set[asyncio.Task[list[Record]]] = set()
    try:
        finished, _late = await client.aio.wait(tasks, timeout=max(deadline - time.perf_counter(), 0.01))
    finally:
        await _end(client, tasks)
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
            _keep(harvest, endpoint, ask, task.result())


def _keep(harvest: Harvest, endpoint: Endpoint, ask: Ask, rows: list[Record]) -> None:
    """Keep what was answered, and as an answer for later where it holds for longer; of a listing the coin alone."""
    harvest.keep(endpoint.kind, rows)
    if endpoint.holds is None:
        return
    own = [row for row in rows if not isinstance(row, Instrument) or row.base == ask.base]
    answer = answer_of(endpoint, ask, own)
    if answer is not None:
        harvest.answers.append(answer)


def _together(endpoint: Endpoint, asks: Iterable[Ask]) -> list[Sequence[Page]]:
    """Return the pages that stand or fall together."""
    pages = [(query, ask) for ask in asks for query in endpoint.pages(ask)]
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
    pages = [(query, ask) for query in endpoint.pages(ask)]
    return await _read(client, source, endpoint, pages, [[] for _ in pages])


async def _read(
    client: Client | Replay | Shared,
    source: Source,
    endpoint: Endpoint,
    pages: Sequence[Page],
    into: Sequence[list[Record]],
) -> list[Record]:
    """Read pages, each into a list of its own, with those that follow it."""
    walks = (_walk(client, source, endpoint, *page, rows) for page, rows in zip(pages, into, strict=True))
    await client.aio.gather(*walks)
    return _joined(into)


def _joined(lists: Iterable[list[Record]]) -> list[Record]:
    return [row for rows in lists for row in rows]


async def _walk(
    client: Client | Replay | Shared, source: Source, endpoint: Endpoint, query: Params, ask: Ask, rows: list[Record]
) -> None:
    """Read a page and those that follow it; where there are more than are read, an `Unread` says so."""
    body = await client.get(source, endpoint, query)
    for left in reversed(range(endpoint.most_pages)):
        after = endpoint.following(body, ask) if endpoint.following else None
        goes_on = after is not None and after != query and left > 0
        # The next page is on its way while this one is read.
        coming = client.aio.create_task(client.get(source, endpoint, after)) if goes_on and after else None
        try:
            rows += endpoint.parse(body, ask)
            await client.aio.sleep(0)
        except BaseException:
            if coming is not None:
                await _end(client, [coming])
            raise
        if coming is None:
            if after is not None:
                rows.insert(0, Unread())
            return
        query, body = after or query, await coming
