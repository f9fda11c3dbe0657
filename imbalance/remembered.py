"""What a run takes from local history: what it need not ask for, and the market as it was known at a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import msgspec

from imbalance.errors import NoStoreError, StoreError
from imbalance.liquidated import Orders
from imbalance.records import Instrument
from imbalance.report.since import Days
from imbalance.wire import Ask, Kind, Source
from imbalance.wire.harvest import Harvest, Memory

RECALLED = frozenset({Kind.CANDLES, Kind.OPEN_INTEREST_HISTORY, Kind.LIQUIDATIONS})

HEAD_START_S = 0.015


class History(msgspec.Struct, frozen=True):
    """A store to read from; `tell` hears why it cannot be read now, which is no reason to fail."""

    address: str | None = None
    tell: Callable[[StoreError], None] = lambda _error: None


class Remembering:
    """Reads what is known of venues' series while their listings are read; `orders` and `days` are there after that."""

    def __init__(self, history: History, sources: Sequence[Source], ask: Ask, wanted: Collection[Kind]) -> None:
        self.orders: dict[tuple[str, str], Orders] = {}
        self.days: Days = {}
        self._history = history
        self._sources = {source.name: source for source in sources}
        self._ask = ask
        self._wanted = wanted
        self._memory: Memory = {}

    async def memory(self, patience_s: float) -> Memory:
        """Return what need not be asked for: nothing, where that cannot be read in time."""
        # Neither is loaded for a run that remembers nothing.
        import asyncio

        from imbalance.store import loading

        # Reading takes turns with whatever else runs: the first requests go out before.
        await asyncio.sleep(HEAD_START_S)
        begun = loading.recalling(self._history.address, list(self._sources.values()), self._ask, self._wanted)
        try:
            found = await asyncio.wait_for(asyncio.wrap_future(begun), patience_s)
        except NoStoreError:
            return {}
        except StoreError as error:
            self._history.tell(error)
            return {}
        except TimeoutError:
            self._history.tell(StoreError(f"the store did not answer within {patience_s:g} s"))
            return {}
        self.orders, self.days, self._memory = found.orders, found.days, found.memory
        return found.memory

    def recorded(self, asked: Collection[str]) -> list[Harvest]:
        """Return the liquidations recorded from venues that are not asked for any."""
        found = []
        for (name, symbol, kind), known in self._memory.items():
            if kind is Kind.LIQUIDATIONS and name not in asked:
                source = self._sources[name]
                harvest = Harvest(
                    source, Instrument(name, symbol, self._ask.base, "USD", source.contract), (self._ask.base,)
                )
                harvest.join(kind, known)
                found.append(harvest)
        return found


class Past(NamedTuple):
    """What sources had given by a moment, the liquidations known then by venue and contract, and daily figures."""

    harvests: list[Harvest]
    orders: dict[tuple[str, str], Orders]
    days: Days


def past(history: History, sources: Sequence[Source], ask: Ask) -> Past:
    """Return what was known at `ask.now_ms`.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    from imbalance.store import loading

    found, orders, days = loading.known_at(history.address, sources, ask)
    symbols = {h.name: h.instrument.symbol for h in found if h.instrument is not None}
    return Past(found, {(name, symbols[name]): known for name, known in orders.items() if name in symbols}, days)
