"""Storing what was read: many files or pages in one transaction, each whole with the spans that it covers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from imbalance.backfill import rows
from imbalance.store import writing
from imbalance.store.opening import Store
from imbalance.store.rows import Batch, Block

# A transaction waits for the disk, so that small files share one; other writers wait for it, so that it is short.
MOST_ROWS = 20_000
LONGEST_S = 1.0


class Keeper:
    """Gathers units and stores them; what a unit adds is stored as a whole or not at all."""

    def __init__(self, store: Store, learned_ms: int) -> None:
        self._store = store
        self._learned_ms = learned_ms
        self._blocks: list[Block] = []
        self._batches: list[Batch] = []
        self._rows = 0
        self._since = 0.0

    def add(self, found: Sequence[Block | Batch]) -> int:
        """Add what a unit gave; return how many rows it has.

        Raises
        ------
        StoreError
            If it is time to store and that cannot be.
        """
        if not self._blocks and not self._batches:
            self._since = time.monotonic()
        many = 0
        for one in found:
            if isinstance(one, Block):
                self._blocks.append(one)
                many += len(one.columns["time_ms"])
            else:
                self._batches.append(one)
                many += len(one.rows)
        self._rows += many
        if self._rows >= MOST_ROWS or time.monotonic() - self._since >= LONGEST_S:
            self.flush()
        return many

    def flush(self) -> None:
        """Store what was gathered.

        Raises
        ------
        StoreError
            If that cannot be; it is gathered still.
        """
        if not self._blocks and not self._batches:
            return
        blocks = rows.merged(self._blocks)
        series = [block.series for block in blocks] + [batch.series for batch in self._batches]
        with self._store.saving(series) as connection:
            for block in blocks:
                writing.save_columns(connection, block, self._learned_ms)
            writing.save(connection, self._batches, self._learned_ms)
        self._blocks, self._batches, self._rows = [], [], 0
