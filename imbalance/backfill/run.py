"""The use case: what is missing of a coin's past since a day is read and stored, or in a dry run told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from imbalance.backfill import reading, telling, units
from imbalance.backfill.keeper import Keeper
from imbalance.backfill.reading import Outcome
from imbalance.backfill.units import FILES_LACK, PAGES_LACK, Covered, Unit
from imbalance.collect import chosen, require_listed
from imbalance.dumps import binance
from imbalance.errors import MissingDataError, NoStoreError, StrictError, UsageError
from imbalance.fetch.client import Client
from imbalance.fetch.gather import gather
from imbalance.fetch.settings import SourceSettings
from imbalance.records import Instrument
from imbalance.report import tree
from imbalance.store import opening
from imbalance.store import reading as stored
from imbalance.store.rows import Series
from imbalance.units import INTERVALS_MS
from imbalance.wire import Ask
from imbalance.wire.harvest import Harvest

DEFAULT_INTERVAL = "15m"
DAILY = "1d"
WAIT_S = 30.0
Coverage = dict[Series, Covered]


class Request(msgspec.Struct, frozen=True):
    """What a caller may choose; `interval` None stands for the usual one, of a folder for all that lie there."""

    symbol: str
    since_ms: int
    interval: str | None = None
    venues: tuple[str, ...] = ()
    folder: Path | None = None
    dry_run: bool = False
    again: bool = False
    strict: bool = False
    timeout_s: float = 30.0


class Progress(Protocol):
    """Is told how far a run is."""

    def planned(self, many: int) -> None:
        """Take note of so many more units to come."""

    def done(self, outcome: Outcome) -> None:
        """Take note of what became of one."""


def backfill(
    address: str | None, request: Request, settings: SourceSettings, now_ms: int, progress: Progress
) -> tree.BackfillReport:
    """Read what is missing, or in a dry run tell what would be read: ``imbalance.backfill/1``.

    Parameters
    ----------
    address : of the store, as `opening.opened` takes it.
    now_ms : the moment of the run [ms]; all that it stores was learned then.

    Raises
    ------
    UsageError
        For a venue or coin that nobody has, a day to come, or a folder that cannot be read.
    StoreError
        If the store cannot be written to.
    MissingDataError
        If nothing could be read, and nothing is stored of the coin.
    StrictError
        Under `strict`, if anything failed.
    """
    if request.since_ms >= now_ms:
        raise UsageError("--since is in the future", "Write a day that has passed: 2024-01-01.")
    run = _Run(address, request, settings, now_ms, progress)
    if request.folder is not None:
        run.from_folder(request.folder)
    else:
        asyncio.run(run.from_network())
    return run.report()


class _Run:
    """A run: what it planned and what became of it."""

    def __init__(
        self, address: str | None, request: Request, settings: SourceSettings, now_ms: int, progress: Progress
    ) -> None:
        self.address, self.request, self.settings = address, request, settings
        self.now_ms, self.progress = now_ms, progress
        self.planned: list[Unit] = []
        self.outcomes: list[Outcome] = []
        self.harvests: list[Harvest] = []
        self.place: str | None = None

    def from_folder(self, folder: Path) -> None:
        """Read files that lie on this machine."""
        found = folder_units(folder, self.request, self._covered(FILES_LACK))
        if self.request.dry_run:
            self.planned += found
        else:
            asyncio.run(self._read(None, found))

    async def from_network(self) -> None:
        """Read the archive's files first, and of the venues' APIs what is missing then."""
        client = Client(self.settings)
        try:
            sources = [
                s for s in chosen(self.request.venues) if s.history and (not s.key_header or self.settings.key(s))
            ]
            self.harvests = await gather(client, sources, self._ask(), (), self.request.timeout_s)
            require_listed(self.request.symbol, self.harvests)
            found = self._files()
            if self.request.dry_run:
                self.planned += [*found, *self._pages(_with_files(self._covered(PAGES_LACK), found))]
                return
            await self._read(client, found)
            await self._read(client, self._pages(self._covered(PAGES_LACK)))
        finally:
            await client.close()

    def report(self) -> tree.BackfillReport:
        """Return the document, or raise where nothing is there after all or nothing may fail."""
        failed = [outcome.error for outcome in self.outcomes if outcome.error is not None]
        failed += [error for harvest in self.harvests for error in harvest.failures]
        read = any(outcome.error is None and outcome.asked for outcome in self.outcomes)
        if failed and not read and not self.request.dry_run and not self._covered(FILES_LACK):
            raise MissingDataError(f"nothing was read: {failed[0]}", failed[0].hint)
        if self.request.strict and failed:
            raise StrictError(f"{len(failed)} failed under --strict, the first: {failed[0]}")
        return telling.document(self.request, self.planned, self.outcomes, self.harvests, self.place, self.now_ms)

    async def _read(self, client: Client | None, found: Sequence[Unit]) -> None:
        self.planned += found
        self.progress.planned(len(found))

        def told(outcome: Outcome) -> None:
            self.outcomes.append(outcome)
            self.progress.done(outcome)

        with opening.opened(self.address, wait_s=WAIT_S, make=True) as store:
            self.place = store.place
            await reading.read_all(client, found, Keeper(store, self.now_ms), told)

    def _ask(self) -> Ask:
        interval_ms = INTERVALS_MS[self.request.interval or DEFAULT_INTERVAL]
        return Ask(self.request.symbol, self.now_ms, self.request.since_ms, self.now_ms, interval_ms)

    def _files(self) -> list[Unit]:
        covered = self._covered(FILES_LACK)
        intervals = list(dict.fromkeys([self.request.interval or DEFAULT_INTERVAL, DAILY]))
        return [
            unit
            for instrument in self._archived()
            for unit in units.file_units(instrument, self.request.since_ms, self.now_ms, intervals, covered)
        ]

    def _archived(self) -> list[Instrument]:
        """Return the contracts that Binance's archive is read for; where a listing is refused, those named as usual."""
        usual = {
            "binance": binance.instrument_of(binance.USD_M, f"{self.request.symbol}USDT"),
            "binance_coinm": binance.instrument_of(binance.COIN_M, f"{self.request.symbol}USD_PERP"),
        }
        asked = [h for h in self.harvests if h.name in usual]
        found = [h.instrument or (None if h.listed else usual[h.name]) for h in asked]
        markets = {venue: market for market, venue in binance.VENUE.items()}
        # The archive's names are plain letters and figures: others are no files that can be told apart.
        return [one for one in found if one and binance.instrument_of(markets[one.venue], one.symbol)]

    def _pages(self, covered: Coverage) -> list[Unit]:
        asked = [h for h in self.harvests if h.instrument is not None or not h.source.is_venue]
        return [unit for h in asked for unit in units.page_units(h.source, self._ask_of(h), covered)]

    def _ask_of(self, harvest: Harvest) -> Ask:
        own = tuple(row for row in harvest.of(Instrument) if row.base == self.request.symbol)
        return msgspec.structs.replace(self._ask(), instrument=harvest.instrument, listings=own)

    def _covered(self, reasons: Iterable[str]) -> Coverage:
        """Return what need not be asked for of each series that is stored."""
        lacks = frozenset() if self.request.again else frozenset(reasons)
        found: Coverage = {}
        try:
            with opening.opened(self.address, wait_s=WAIT_S) as store, store.reading() as connection:
                self.place = store.place
                for symbol in (self.request.symbol, ""):
                    for number, one in stored.all_series(connection, symbol=symbol).items():
                        known, missing = stored.known(connection, number), stored.missing(connection, number)
                        found[one] = units.settled(known, missing, lacks)
        except NoStoreError:
            return {}
        return found


def _with_files(covered: Coverage, found: Iterable[Unit]) -> Coverage:
    """Return what is covered once some files are read."""
    spans = {one: list(parts) for one, parts in covered.items()}
    for unit in found:
        for one in unit.targets:
            spans.setdefault(one, []).append((unit.from_ms, unit.to_ms))
    return {one: units.joined(parts) for one, parts in spans.items()}


def folder_units(folder: Path, request: Request, covered: Coverage) -> list[Unit]:
    """Return the units of the files in a folder, oldest first by kind.

    Raises
    ------
    UsageError
        If there is no such folder.
    MissingDataError
        If no file in it is of the coin.
    """
    if not folder.is_dir():
        raise UsageError(f"--from {folder}: there is no such folder")
    venues = {source.name for source in chosen(request.venues)}
    wanted_lengths = {request.interval, DAILY} if request.interval else set(INTERVALS_MS)
    places = {
        file: place for place in sorted(folder.rglob("*.zip")) if (file := binance.file_of(place.relative_to(folder)))
    }
    found: list[Unit] = []
    seen = 0
    for file, place in sorted(places.items()):
        instrument = binance.instrument_of(file.market, file.symbol)
        if instrument is None or instrument.base != request.symbol or instrument.venue not in venues:
            continue
        seen += 1
        if file.interval and file.interval not in wanted_lengths:
            continue
        unit = units.file_unit(file, instrument, binance.ARCHIVE, place)
        if units.wanted(unit.targets, max(unit.from_ms, request.since_ms), unit.to_ms, covered):
            found.append(unit)
    if not seen:
        hint = "Files are read by the names and folders that Binance's archive gives them: BTCUSDT-5m-2024-01.zip."
        raise MissingDataError(f"--from {folder}: no file in it is of {request.symbol}", hint)
    return found
