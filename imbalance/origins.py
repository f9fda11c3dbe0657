"""Where the bars of the past are: the user's own, in files or a folder parted by coin and month, or the store's.

Either says which coins and months there are, and gives a coin's bars over a span. A task carries one along and reads by
itself, wherever it runs: no more than its span.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from imbalance import history
from imbalance.bars import folder
from imbalance.bars.places import Place, is_url, place_of
from imbalance.errors import ImbalanceError, MissingDataError, UsageError
from imbalance.market import MarketData
from imbalance.reader import read_bars
from imbalance.store import bars as stored
from imbalance.store.opening import opened
from imbalance.units import interval_name

MADE_BY = "imbalance db export -o DIR/ makes folders by coin and month: symbol=BTC/month=2026-01/..."


class Coin(NamedTuple):
    """A coin's months, and what changes with its bars from one moment to before another [ms]."""

    months: list[str]
    state: Callable[[int, int], str]


class OwnBars(msgspec.Struct, frozen=True):
    """Bars in a file or a folder, on this machine or at a URL; of some `venues` alone, where these are named."""

    place: str
    venues: tuple[str, ...] = ()

    @property
    def mode(self) -> Literal["bars"]:
        """What documents call it."""
        return "bars"

    @property
    def name(self) -> str:
        """The place in full, without a password."""
        return place_of(self.place).name if is_url(self.place) else str(Path(self.place).resolve())

    def _folder(self) -> Place:
        place = place_of(self.place)
        if not place.is_folder():
            raise UsageError(f"{place.name}: {'no folder' if place.exists() else 'no such folder'}", MADE_BY)
        return place

    def symbols(self) -> list[str]:
        """Return the coins that the folder is parted by.

        Raises
        ------
        UsageError
            If there is no such folder.
        """
        return folder.symbols(self._folder())

    def coin(self, symbol: str) -> Coin:
        """Return what there is of a coin.

        Raises
        ------
        UsageError
            If there is no such folder, or nothing of the coin, or nothing of it lies in months.
        """
        place = self._folder()
        files = folder.files_of(place, symbol)
        months = folder.months(files)
        if not months:
            raise UsageError(f"{place.name}: the files of {symbol} are not parted by month", MADE_BY)
        return Coin(months, partial(folder.state, files))

    def nothing(self) -> ImbalanceError:
        """Return what to raise where there are no coins and months at all."""
        return UsageError(f"{place_of(self.place).name} is not parted by coin and month", MADE_BY)

    def market(
        self, symbol: str, from_ms: int | None, as_of_ms: int | None, *, needs_interest: bool = True
    ) -> MarketData:
        """Return a coin's bars that open from one moment and end by another, as `read_bars` does."""
        return read_bars(
            self.place,
            symbol=symbol,
            from_ms=from_ms,
            as_of_ms=as_of_ms,
            venues=self.venues,
            needs_interest=needs_interest,
        )


class StoredBars(msgspec.Struct, frozen=True):
    """Bars of a length in the store at an address, as `opening.opened` takes it; of some `venues`, as above."""

    address: str | None
    interval_ms: int
    venues: tuple[str, ...] = ()

    @property
    def mode(self) -> Literal["store"]:
        """What documents call it."""
        return "store"

    @property
    def name(self) -> str:
        """The store and the bars that are read there."""
        with opened(self.address) as store:
            return f"{interval_name(self.interval_ms)} bars of {store.place}"

    def symbols(self) -> list[str]:
        """Return the coins of which bars are stored."""
        with opened(self.address) as store, store.reading() as connection:
            return stored.symbols(connection, self.interval_ms)

    def coin(self, symbol: str) -> Coin:
        """Return what is stored of a coin.

        Raises
        ------
        MissingDataError
            If there are no bars of that length; the hint names the lengths that there are.
        """
        with opened(self.address) as store, store.reading() as connection:
            stored.require(connection, symbol, self.interval_ms)
            months = [name for name, _start, _end in stored.months(connection, symbol, self.interval_ms)]
        return Coin(months, partial(self._state, symbol))

    def nothing(self) -> ImbalanceError:
        """Return what to raise where no bars are stored at all."""
        return MissingDataError(f"no {interval_name(self.interval_ms)} bars are stored", "Choose with --interval.")

    def _state(self, symbol: str, from_ms: int, to_ms: int) -> str:
        with opened(self.address) as store, store.reading() as connection:
            return stored.state(connection, symbol, self.interval_ms, from_ms, to_ms)

    def market(
        self, symbol: str, from_ms: int | None, as_of_ms: int | None, *, needs_interest: bool = True
    ) -> MarketData:
        """Return a coin's bars that open from one moment and end by another."""
        found = history.market(self.address, symbol, self.interval_ms, as_of_ms, from_ms, self.venues)
        if needs_interest and not any(venue.has_open_interest for venue in found.venues):
            raise MissingDataError(f"no open interest of {symbol} is stored for these bars")
        return found


PastBars = OwnBars | StoredBars
