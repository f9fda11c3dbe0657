"""What the tables of rows are made of, in words of no database library: reading needs no more, and loads sooner."""

from __future__ import annotations

from typing import NamedTuple

VERSION = 1
IDENTITY = ("data", "source", "venue", "symbol", "instrument", "contract", "what", "interval_ms")
TIMES = frozenset({"time_ms", "learned_ms", "confirmed_ms"})  # never missing, unlike other whole numbers
TEXTS = frozenset({"position", "order_id", "label", "trader_group"})


class Layout(NamedTuple):
    """Columns of a table of rows: `more` that a row is found by, figures that are always known, and that may not be."""

    known: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What a row is found by."""
        return ("series", "time_ms", *self.more)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, each with when a row was learned and last confirmed."""
        return (*self.key, "learned_ms", "confirmed_ms", *self.known, *self.maybe)


ROWS = {
    "candles": Layout(("open", "high", "low", "close", "volume_base"), ("volume_usd", "taker_buy_base")),
    "open_interest": Layout((), ("open_interest_base", "open_interest_usd")),
    "funding": Layout(("rate",), ("interval_hours", "next_time_ms")),
    "ratios": Layout(("long_share",)),
    # Orders without a number of their own may be alike: `nth` counts those in one answer.
    "liquidations": Layout(more=("position", "price", "quantity_base", "order_id", "nth")),
    "liquidation_sums": Layout((), ("long_usd", "short_usd", "long_base", "short_base")),
    "sentiment": Layout(("value", "label")),
    "commitments": Layout(("units", "open_interest", "long", "short", "spread"), more=("trader_group",)),
    "holders": Layout(("value",)),
}
