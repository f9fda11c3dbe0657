"""The use case: streams into the local history until it is time to stop, and what came of it."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import msgspec

from imbalance.collector.ending import ended_by
from imbalance.collector.listings import Listings, share
from imbalance.collector.options import Options
from imbalance.collector.snapshots import Snapshots
from imbalance.collector.tally import Tally
from imbalance.collector.writer import Things, Writer
from imbalance.errors import MissingDataError, SourceError, StoreError, StrictError, UnknownSymbolError, UsageError
from imbalance.fetch.settings import SourceSettings
from imbalance.records import Instrument
from imbalance.report import tree, words
from imbalance.report.frame import Frame
from imbalance.store import opening, reading
from imbalance.store.ledger import STREAM, Ledger
from imbalance.store.opening import Store
from imbalance.store.rows import Batch
from imbalance.stream.buffer import Buffer
from imbalance.stream.connection import now_ms
from imbalance.stream.reader import Reader
from imbalance.units import iso
from imbalance.venues import VENUES
from imbalance.venues.streams import STREAMS
from imbalance.wire import Source
from imbalance.wire.streams import WHAT, Down, Event, Garbled, Listing, Stream, Told, Up

ROOM = 50_000  # orders in memory: ten seconds of the worst, some 50 MB
NEAR_NAMES = 3
STOP_S = 5.0
WAIT_S = 2.0  # for other writers, before it is said that they hold it up
GARBLED_EVERY_MS = 60_000  # told of one stream: there may be thousands a second
MOST_COINS = 900  # what the largest venue lists, where its listing cannot be read yet


Parts = tuple[list[Reader], list[str]]


class Watch(msgspec.Struct, frozen=True):
    """Who watches: `say` is called with what happened, `status` each second with how it is.

    `saved` is called with how many rows are stored by now, as soon as they are.
    """

    say: Callable[[str], None] = lambda _text: None
    status: Callable[[Sequence[Tally], int], None] = lambda _tallies, _saved: None
    saved: Callable[[int], None] = lambda _rows: None


def collect(options: Options, settings: SourceSettings, address: str | None, watch: Watch) -> tree.CollectReport:
    """Record streams until the time is over, a signal asks to end, or the store cannot be written to.

    Raises
    ------
    UsageError
        If a venue has no stream, or no venue lists a coin.
    StoreError
        If the store cannot be written to; what was counted as saved is stored.
    MissingDataError
        If no stream was ever subscribed.
    StrictError
        Under `strict`, if one was not, or is down at the end.
    """
    sources = chosen(options)
    with opening.opened(address, wait_s=WAIT_S, make=True) as store:
        started_ms = now_ms()
        run = asyncio.run(Collection(options, settings, store, sources, watch).run())
        return _document(options, store, started_ms, run)


def chosen(options: Options) -> list[Source]:
    """Return the venues whose streams are read.

    Raises
    ------
    UsageError
        For a venue that is none, or has no stream.
    """
    having = {source.name: source for source in VENUES if source.name in STREAMS}
    for name in options.venues:
        if name not in having:
            near = difflib.get_close_matches(name, having, 1)
            told = f"Did you mean {near[0]}?" if near else f"These do: {', '.join(having)}."
            raise UsageError(f"{name!r} has no stream of liquidations", told)
    if options.snapshots and not options.symbols:
        raise UsageError("--snapshots reads each coin by itself: name them, without --all")
    return [source for name, source in having.items() if not options.venues or name in options.venues]


class _Run(msgspec.Struct):
    """What a collection came to."""

    tallies: list[Tally]
    ledger: Ledger
    saved: int
    snapshots: int
    unlisted: list[str]


class Collection:
    """Readers, a writer between whom and them there is a buffer, and what stops them."""

    def __init__(
        self, options: Options, settings: SourceSettings, store: Store, sources: Sequence[Source], watch: Watch
    ) -> None:
        self.options = options
        self.settings = settings
        self.store = store
        self.sources = sources
        self.watch = watch
        self.listings = Listings(settings, options.symbols, options.timeout_s)
        self.stop = asyncio.Event()
        self.buffer: Buffer[Things] = Buffer(ROOM)
        self.redactor = settings.redactor(VENUES)
        self._garbled_ms: dict[str, int] = {}

    async def run(self) -> _Run:
        """Collect until stopped."""
        with ended_by(self.stop):
            parts, unlisted = await self._unless_stopped(self._parts())
            tallies = {reader.part: Tally(reader.part, reader.stream.source) for reader in parts}
            delays_ms = {reader.part: reader.stream.delay_ms for reader in parts}
            with self.store.reading() as connection:
                ended_ms = reading.ended_ms(connection, data="liquidations", what=STREAM)
            ledger = Ledger(delays_ms, ended_ms)
            writer = Writer(self.store, ledger, tallies, self.buffer, self._say, self.watch.saved)
            await self._together(parts, writer, list(tallies.values()))
        return _Run(list(tallies.values()), ledger, writer.saved, writer.snapshots, unlisted)

    async def _unless_stopped(self, doing: Coroutine[Any, Any, Parts]) -> Parts:
        """Return what comes of something; nothing where it is time to stop before."""
        task, stopped = asyncio.create_task(doing), asyncio.create_task(self.stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [], []

    async def _parts(self) -> Parts:
        """Return a reader for each part of each stream, and the venues that do not list any of the coins."""
        listed = await asyncio.gather(*(self.listings.of(one) for one in self.sources), return_exceptions=True)
        for found in listed:
            if isinstance(found, BaseException) and not isinstance(found, SourceError):
                raise found
        self._require_known([found for found in listed if not isinstance(found, BaseException)])
        parts: list[Reader] = []
        unlisted: list[str] = []
        for source, found in zip(self.sources, listed, strict=True):
            if isinstance(found, list) and not found:
                unlisted.append(source.name)
                continue
            stream = STREAMS[source.name]
            many = len(found) if isinstance(found, list) else len(self.options.symbols) or MOST_COINS
            parts += self._of_stream(source, stream, -(-many // stream.most) if stream.most else 1)
        return parts, unlisted

    def _of_stream(self, source: Source, stream: Stream, parts: int) -> Iterator[Reader]:
        url = self.settings.stream_url(source, stream.host)
        for number in range(parts):

            async def listed(number: int = number) -> tuple[Listing, list[Instrument]]:
                return share(await self.listings.of(source), number, parts)

            name = source.name if parts == 1 else f"{source.name} {number + 1}/{parts}"
            yield Reader(stream, name, url, listed, self._put)

    def _require_known(self, answered: Sequence[Sequence[object]]) -> None:
        """Raise where no venue that answered lists one of the coins."""
        for symbol in self.options.symbols:
            if answered and not any(symbol in coins for coins in self.listings.coins.values()):
                names = sorted(set().union(*self.listings.coins.values()))
                raise UnknownSymbolError(symbol, difflib.get_close_matches(symbol, names, NEAR_NAMES, 0.5))

    async def _put(self, event: Event, weight: int) -> None:
        if isinstance(event, Down | Garbled):
            event = event._replace(why=self.redactor.text(event.why))
        await self.buffer.put(event, weight)
        if isinstance(event, Up):
            self._say(f"{event.part}: subscribed, {words.counted(len(event.instruments), 'contract')}")
        elif isinstance(event, Down):
            self._say(f"{event.part}: down: {event.why}")
        elif isinstance(event, Garbled) and event.at_ms - self._garbled_ms.get(event.part, 0) > GARBLED_EVERY_MS:
            self._garbled_ms[event.part] = event.at_ms
            self._say(f"{event.part}: {event.why}")

    def _say(self, text: str) -> None:
        self.watch.say(self.redactor.text(text))

    async def _together(self, parts: Sequence[Reader], writer: Writer, tallies: Sequence[Tally]) -> None:
        """Run all until stopped or one fails; then readers end first, and the writer when nothing more comes."""
        writing = asyncio.create_task(writer.run())
        snapshots = Snapshots(self.sources, self.listings, self._keep, self._say)
        tasks = [asyncio.create_task(reader.run()) for reader in parts]
        if self.options.snapshots:
            tasks.append(asyncio.create_task(snapshots.run(self.stop)))
        aside = [asyncio.create_task(self._tell(writer, tallies)), asyncio.create_task(self._time())]
        if self.options.once:
            taken = [snapshots.taken] if self.options.snapshots else []
            aside.append(asyncio.create_task(self._once([reader.tried for reader in parts] + taken)))
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({writing, stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stop.set()
            for reader in parts:
                reader.stopping.set()
            await _ended(tasks, STOP_S, unless=writing)
            writer.ending.set()
            for task in (*aside, stopped):
                task.cancel()
            await asyncio.gather(*aside, stopped, return_exceptions=True)
        try:
            await writing
        except StoreError as error:
            left = [len(thing.rows) for thing in self.buffer.take() if isinstance(thing, Told | Batch)]
            lost = writer.pending + sum(left)
            more = f"; {lost:,} rows that were received were not saved" if lost else ""
            raise type(error)(error.message + more, error.hint) from None
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _keep(self, batch: Batch) -> None:
        await self.buffer.put(batch, 1)

    async def _tell(self, writer: Writer, tallies: Sequence[Tally]) -> None:
        while True:
            await asyncio.sleep(1)
            self.watch.status(tallies, writer.saved)

    async def _time(self) -> None:
        if self.options.for_s is not None:
            await asyncio.sleep(self.options.for_s)
            self.stop.set()

    async def _once(self, tried: Sequence[asyncio.Event]) -> None:
        for event in tried:
            await event.wait()
        self.stop.set()


async def _ended(tasks: Sequence[asyncio.Task[None]], grace_s: float, unless: asyncio.Task[None]) -> None:
    """Let tasks end by themselves, for so long, and then cancel them; where nobody takes what they put, at once."""
    if tasks and not unless.done():
        await asyncio.wait(tasks, timeout=grace_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _document(options: Options, store: Store, started_ms: int, run: _Run) -> tree.CollectReport:
    never = [one for one in run.tallies if not one.ever_up]
    if len(never) == len(run.tallies):
        reasons = [f"{one.name}: {one.trouble}" for one in never if one.trouble]
        raise MissingDataError("no stream was subscribed", "\n  ".join(reasons))
    down = [one for one in run.tallies if not one.up]
    if options.strict and down:
        raise StrictError(f"{len(down)} streams were down at the end under --strict, the first: {down[0].name}")
    gaps = [tree.Gap(one.name, WHAT, one.trouble) for one in down]
    gaps += [tree.Gap(name, WHAT, "none of the coins is listed", failed=False) for name in run.unlisted]
    silent = [source.name for source in VENUES if source.name not in STREAMS and not options.venues]
    gaps += [tree.Gap(name, WHAT, "there is none", failed=False) for name in silent]
    frame = Frame("live", None, ", ".join(options.symbols) or "all", now_ms(), gaps=tuple(gaps))
    return frame.document(
        tree.CollectReport,
        place=store.place,
        started=iso(started_ms),
        saved=run.saved,
        snapshots=run.snapshots,
        streams=[one.row(run.ledger.course(one.name)) for one in run.tallies],
    )
