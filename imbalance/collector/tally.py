"""What came of each part of a stream so far, for whoever watches, and for the answer at the end."""

from __future__ import annotations

import msgspec

from imbalance.report import tree
from imbalance.store.ledger import Course
from imbalance.units import SECOND_MS, Side, iso
from imbalance.wire.streams import Down, Event, Garbled, Told, Up


class Tally(msgspec.Struct):
    """Counts of one part; `trouble` is the last one there was."""

    name: str
    venue: str
    up: bool = False
    ever_up: bool = False
    contracts: int = 0
    messages: int = 0
    unreadable: int = 0
    liquidations: int = 0
    long_usd: float = 0.0
    short_usd: float = 0.0
    lag_s: float | None = None
    gaps: int = 0
    trouble: str = ""

    def note(self, event: Event) -> None:
        """Count what happened next."""
        if isinstance(event, Told):
            self._told(event)
        elif isinstance(event, Up):
            self.gaps += self.trouble != "" and not self.up
            self.up = self.ever_up = True
            self.contracts = len(event.instruments)
        elif isinstance(event, Garbled):
            self.messages += 1
            self.unreadable += 1
            self.trouble = event.why
        elif isinstance(event, Down):
            self.up, self.trouble = False, event.why

    def _told(self, event: Told) -> None:
        if not event.rows:
            return
        self.messages += 1
        self.liquidations += len(event.rows)
        self.lag_s = (event.at_ms - max(order.time_ms for _one, order in event.rows)) / SECOND_MS
        for _one, order in event.rows:
            usd = order.price * order.quantity_base
            if order.position is Side.LONG:
                self.long_usd += usd
            else:
                self.short_usd += usd

    def row(self, course: Course) -> tree.CollectedStream:
        """Return it as a part of the answer."""
        return tree.CollectedStream(
            name=self.name,
            venue=self.venue,
            status="up" if self.up else "down" if self.ever_up else "never up",
            contracts=self.contracts,
            messages=self.messages,
            unreadable=self.unreadable,
            liquidations=self.liquidations,
            long_usd=self.long_usd,
            short_usd=self.short_usd,
            lag_s=self.lag_s,
            gaps=course.gaps,
            missing_s=course.missing_ms / SECOND_MS,
            known=[tree.KnownSpan(iso(a), iso(b)) for a, b in course.known],
            missing=[tree.MissingSpan(iso(a), iso(b), why) for a, b, why in course.missing],
            message=self.trouble,
        )
