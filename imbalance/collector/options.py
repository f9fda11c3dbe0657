"""What a collection may be asked for."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True):
    """Which coins (all, where none is named) of which venues (all that have a stream), and for how long.

    `once` ends it when every stream has been subscribed or has failed. `snapshots` reads open interest each minute.
    """

    symbols: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    once: bool = False
    for_s: float | None = None
    snapshots: bool = False
    strict: bool = False
    timeout_s: float = 15.0
