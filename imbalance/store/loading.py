"""Reading a store while the sources answer: in a thread of its own, so that nothing waits for it.

What reads is loaded in that thread too; a database library, which takes longer than a source to answer, is not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from imbalance.errors import StoreError
from imbalance.wire import Ask, Kind, Source

if TYPE_CHECKING:
    from imbalance.liquidated import Orders
    from imbalance.store.asking import Reader
    from imbalance.store.days import Days
    from imbalance.store.recall import Recalled
    from imbalance.wire.harvest import Harvest

T = TypeVar("T")
# Whoever reads is not kept from it by those who write: a store that must be waited for is not well.
LONGEST_WAIT_S = 0.05


def recalling(address: str | None, sources: Sequence[Source], ask: Ask, wanted: Collection[Kind]) -> Future[Recalled]:
    """Begin to read what is known of the series that a run needs; see `recall.recall`.

    Parameters
    ----------
    address : of the store, as `opening.opened` takes it.
    """

    def read(reader: Reader) -> Recalled:
        from imbalance.store.recall import recall

        return recall(reader, sources, ask, wanted)

    return _beside(lambda: reading(address, read))


def known_at(address: str | None, sources: Sequence[Source], ask: Ask) -> tuple[list[Harvest], dict[str, Orders], Days]:
    """Return what was known at `ask.now_ms`: see `past.harvests` and `days.days`.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """

    def read(reader: Reader) -> tuple[list[Harvest], dict[str, Orders], Days]:
        from imbalance.store.days import days
        from imbalance.store.past import harvests

        return *harvests(reader, sources, ask), days(reader, ask.base, ask.now_ms)

    return reading(address, read)


def reading(address: str | None, read: Callable[[Any], T]) -> T:
    """Return what `read` makes of a store as it is now.

    Raises
    ------
    StoreError
        If it cannot be read; a `NoStoreError` if there is none.
    """
    from imbalance.store import asking

    with asking.reading(address, LONGEST_WAIT_S) as reader:
        try:
            return read(reader)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            # Damage that the database does not see: a side that is none, a moment that no calendar has.
            raise StoreError(f"it holds what cannot be: {error}") from None


def _beside(act: Callable[[], T]) -> Future[T]:
    """Run in a thread that does not keep the program from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001  whoever looks at the outcome is told
            future.set_exception(error)

    threading.Thread(target=run, name="store", daemon=True).start()
    return future
