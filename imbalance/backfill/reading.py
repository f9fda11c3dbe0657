"""Reading units at once: each source at its own pace within the shared budgets, files from the network or a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from imbalance import files
from imbalance.backfill import rows
from imbalance.backfill.keeper import Keeper
from imbalance.backfill.units import FileUnit, PageUnit, Unit
from imbalance.dumps import binance, binance_tables
from imbalance.dumps.unpack import require_checksum
from imbalance.errors import (
    BlockedError,
    DeadlineError,
    NotOpenError,
    RateLimitedError,
    RefusedError,
    SourceError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch.gather import walk
from imbalance.fetch.recording import MOST_BYTES
from imbalance.store.rows import Batch, Block

if TYPE_CHECKING:
    from imbalance.fetch.client import Client

AT_ONCE = {binance.NAME: 12}
AT_ONCE_ELSEWHERE = 4
# A source that cannot be reached so often in a row is not asked again in this run.
MOST_IN_A_ROW = 5
LONGEST_UNIT_S = 600.0
PAUSES = 5
LONGEST_PAUSE_S = 120.0
SHORTEST_PAUSE_S = 1.0


class Outcome(msgspec.Struct):
    """What became of a unit: rows stored, nothing there, or an error."""

    unit: Unit
    rows: int = 0
    missing: bool = False
    error: SourceError | None = None
    asked: bool = True


Told = Callable[[Outcome], None]


async def read_all(client: Client | None, units: Sequence[Unit], keeper: Keeper, told: Told) -> None:
    """Read units, several of each source at once, and store them as they come.

    Parameters
    ----------
    client : None where all units are files of this machine.
    told : called with what became of each.

    Raises
    ------
    StoreError
        If the store can no longer be written to; what was stored stays.
    """
    queues: dict[str, list[Unit]] = {}
    for unit in reversed(units):
        queues.setdefault(unit.source.name, []).append(unit)
    try:
        async with asyncio.TaskGroup() as group:
            for name, queue in queues.items():
                state = _Source()
                for _ in range(AT_ONCE.get(name, AT_ONCE_ELSEWHERE)):
                    group.create_task(_work(client, queue, state, keeper, told))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    keeper.flush()


class _Source(msgspec.Struct):
    """How often in a row a source could not be reached."""

    in_a_row: int = 0


async def _work(client: Client | None, queue: list[Unit], state: _Source, keeper: Keeper, told: Told) -> None:
    while queue:
        outcome = Outcome(queue.pop())
        if state.in_a_row >= MOST_IN_A_ROW:
            outcome.asked = False
            told(outcome)
            continue
        try:
            found = await _found(client, outcome)
        except SourceError as error:
            outcome.error = error
            away = isinstance(error, UnreachableError | BlockedError | DeadlineError)
            state.in_a_row = state.in_a_row + 1 if away else 0
        else:
            state.in_a_row = 0
            # Here and not in a thread: for each row SQLite would wait until whoever parses lets it go on.
            outcome.rows = keeper.add(found)
        told(outcome)


async def _found(client: Client | None, outcome: Outcome) -> Sequence[Block | Batch]:
    """Return what a unit holds, with patience for a source that asks for a pause."""
    unit = outcome.unit
    if isinstance(unit, FileUnit) and unit.place is not None:
        return _of_disk(unit, unit.place)
    if client is None:
        raise UsageError(f"{unit.name} lies on no disk")
    for left in reversed(range(PAUSES)):
        try:
            async with asyncio.timeout(LONGEST_UNIT_S):
                if isinstance(unit, PageUnit):
                    return await _page(client, unit)
                return await _file(client, unit, outcome)
        except TimeoutError:
            raise DeadlineError(unit.source.name, unit.name, "no whole answer in time") from None
        except RateLimitedError as error:
            if not left:
                raise
            await asyncio.sleep(min(max(error.retry_after_s or 0.0, SHORTEST_PAUSE_S), LONGEST_PAUSE_S))
    raise AssertionError("the last pause raises")


async def _page(client: Client, unit: PageUnit) -> list[Batch]:
    try:
        records = await walk(client, unit.source, unit.history.endpoint, unit.ask)
    except NotOpenError:
        return []
    return rows.of_page(records, unit)


async def _file(client: Client, unit: FileUnit, outcome: Outcome) -> list[Block]:
    file, checksum = binance.endpoint(unit.file.path), binance.endpoint(f"{unit.file.path}.CHECKSUM")
    try:
        body = await client.get(unit.source, file, ())
    except RefusedError as error:
        if error.status != binance.NOT_FOUND:
            raise
        outcome.missing = True
        return rows.of_no_file(unit)
    told = await client.get(unit.source, checksum, ())
    return _parsed(body, told, unit)


def _of_disk(unit: FileUnit, place: Path) -> list[Block]:
    """Return what a file of this machine holds; its checksum is verified where it lies beside it."""
    checksum = place.with_name(f"{place.name}.CHECKSUM")
    try:
        body = files.read(place, MOST_BYTES)
        told = files.read(checksum, MOST_BYTES) if checksum.exists() else None
    except OSError as error:
        raise UnreachableError(unit.source.name, unit.name, f"cannot be read: {error.strerror}") from None
    return _parsed(body, told, unit)


def _parsed(body: bytes, told: bytes | None, unit: FileUnit) -> list[Block]:
    if told is not None:
        require_checksum(body, told, unit.source.name, unit.name)
    return rows.of_file(binance_tables.read(body, unit.file), unit)
