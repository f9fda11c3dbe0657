"""The one that writes: takes what the readers left, and saves it off their path, whole or again.

What is counted as saved is stored; what is not stays in memory, where it has so much room and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from imbalance.collector.tally import Tally
from imbalance.errors import StoreBusyError
from imbalance.store import writing
from imbalance.store.ledger import Known, Ledger
from imbalance.store.opening import Store
from imbalance.store.rows import Batch, Series
from imbalance.stream.buffer import Buffer
from imbalance.stream.connection import now_ms
from imbalance.wire.streams import Event

FLUSH_S = 0.5
SPANS_S = 10.0
AGAIN_S = 0.5
BATCHES, SERIES = 200, 2000  # in one transaction: others write too
Things = Event | Batch
Reached = Sequence[tuple[Known, list[Series]]]


class Writer:
    """Saves what is in a buffer until told that no more comes."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        tallies: Mapping[str, Tally],
        buffer: Buffer[Things],
        say: Callable[[str], None],
        told_saved: Callable[[int], None],
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.tallies = tallies
        self.buffer = buffer
        self.say = say
        self.told_saved = told_saved
        self.ending = asyncio.Event()
        self.saved = 0
        self.pending = 0  # rows that were taken out of the buffer and are not saved yet
        self.snapshots = 0
        self._busy_since: float | None = None

    async def run(self) -> None:
        """Write until ended, and then what is left.

        Raises
        ------
        StoreError
            If the store can no longer be written to.
        """
        spans_at = 0.0  # at once, so that a run that is killed soon leaves where it began
        while not self.ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), FLUSH_S)
            due = time.monotonic() >= spans_at
            if await self._flush(spans=due):
                spans_at = time.monotonic() + SPANS_S
        self._take()
        self.ledger.stop(now_ms())
        await self._save(self.ledger.batches(), [])

    def _take(self) -> list[Batch]:
        snapshots = []
        for thing in self.buffer.take():
            if isinstance(thing, Batch):
                snapshots.append(thing)
                continue
            self.ledger.note(thing)
            self.tallies[thing.part].note(thing)
        return snapshots

    async def _flush(self, *, spans: bool) -> bool:
        """Save what there is, and where it is time how far spans reach by now; tell whether there were any."""
        snapshots = self._take()
        batches = [*snapshots, *self.ledger.batches()]
        reached = self.ledger.spans() if spans else []
        if batches or reached:
            await self._save(batches, reached)
            self.snapshots += len(snapshots)
        return bool(reached)

    async def _save(self, batches: Sequence[Batch], reached: Reached) -> None:
        """Save in transactions of so many; where others write for long, try again until it can be."""
        self.pending = sum(len(batch.rows) for batch in batches)
        for part in [batches[i : i + BATCHES] for i in range(0, len(batches), BATCHES)]:
            await self._patiently(part, [])
            rows = sum(len(batch.rows) for batch in part)
            self.saved += rows
            self.pending -= rows
            self.told_saved(self.saved)
        for known, series in reached:
            for i in range(0, len(series), SERIES):
                await self._patiently([], [(known, series[i : i + SERIES])])

    async def _patiently(self, batches: Sequence[Batch], reached: Reached) -> None:
        while True:
            try:
                await asyncio.to_thread(self._commit, batches, reached)
            except StoreBusyError as error:
                if self._busy_since is None:
                    self._busy_since = time.monotonic()
                    self.say(f"not saved yet: {error.message}")
                await asyncio.sleep(AGAIN_S)
                continue
            if self._busy_since is not None:
                self.say(f"saved again after {time.monotonic() - self._busy_since:.0f} s")
                self._busy_since = None
            return

    def _commit(self, batches: Sequence[Batch], reached: Reached) -> None:
        learned_ms = now_ms()
        every = [batch.series for batch in batches] + [one for _known, series in reached for one in series]
        with self.store.saving(every) as connection:
            writing.save(connection, batches, learned_ms)
            for (from_ms, to_ms), series in reached:
                writing.extend(connection, series, from_ms, to_ms, learned_ms)
