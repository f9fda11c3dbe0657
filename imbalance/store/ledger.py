"""What streams told as rows and spans: what is known while they are up, and what is missing while they are down.

A span reaches as far as all is certain to have come, less what a venue takes to print. It ends where a stream breaks or
cannot be read, and what is missing reaches from there to where it is subscribed again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from imbalance.records import Instrument, Liquidation
from imbalance.store.rows import Batch, Row, Series
from imbalance.wire.streams import Down, Event, Garbled, Printed, Told, Up

STREAM = "stream"  # apart from what the same venue answers when it is asked, in other units of time or price
IDLE = "it was not collected"
UNREADABLE = "a message could not be read"
SHOWN = 100
COLUMNS = ("time_ms", "position", "price", "quantity_base", "order_id", "nth")
Known = tuple[int, int]
Missing = tuple[int, int, str]


def series_of(instrument: Instrument) -> Series:
    """Return the series of a contract's liquidations as its venue's stream tells them."""
    one = instrument
    return Series("liquidations", one.venue, one.venue, one.base, one.symbol, one.contract.value, STREAM)


class Course(msgspec.Struct):
    """How a part of a stream went: its newest spans that are known and missing, and how much was missing in all."""

    up_ms: int | None = None  # since when it is up without a gap
    known: deque[Known] = msgspec.field(default_factory=lambda: deque(maxlen=SHOWN))
    missing: deque[Missing] = msgspec.field(default_factory=lambda: deque(maxlen=SHOWN))
    gaps: int = 0
    missing_ms: int = 0

    def begin(self, at_ms: int) -> None:
        """Note that it is up, where it was not."""
        self.up_ms = at_ms if self.up_ms is None else self.up_ms

    def end(self, until_ms: int) -> None:
        """Note that it is known no further."""
        if self.up_ms is not None and self.up_ms < until_ms:
            self.known.append((self.up_ms, until_ms))
        self.up_ms = None

    def miss(self, from_ms: int, to_ms: int, why: str) -> None:
        """Note what is missing; what follows what was missing for the same reason is one with it."""
        if from_ms >= to_ms:
            return
        self.missing_ms += to_ms - from_ms
        if self.missing and self.missing[-1][1:] == (from_ms, why):
            from_ms = self.missing.pop()[0]
        else:
            self.gaps += 1
        self.missing.append((from_ms, to_ms, why))


class _Part(msgspec.Struct):
    """What is known of the contracts that one part of a stream carries."""

    delay_ms: int
    since_ms: dict[Series, int] = msgspec.field(default_factory=dict)  # where each one's span begins that goes on
    certain_ms: int = 0
    series: Sequence[Series] = ()
    down_ms: int | None = None  # since when it is down
    why: str = ""
    missing: list[Missing] = msgspec.field(default_factory=list)
    course: Course = msgspec.field(default_factory=Course)

    def until_ms(self, since_ms: int) -> int:
        """Return where a span ends by now that began at a moment."""
        return max(since_ms, self.certain_ms - self.delay_ms)

    def miss(self, from_ms: int, to_ms: int, why: str) -> None:
        """Note what is missing of all its contracts."""
        self.course.miss(from_ms, to_ms, why)
        if self.missing and self.missing[-1][1:] == (from_ms, why):
            from_ms = self.missing.pop()[0]
        if from_ms < to_ms:
            self.missing.append((from_ms, to_ms, why))


class Ledger:
    """Turns events into batches to be saved, and says how far spans reach that go on.

    Parameters
    ----------
    delays_ms : by the names of parts, how much later than it happens something is told [ms].
    ended_ms : until when each series was known before [ms].
    """

    def __init__(self, delays_ms: Mapping[str, int], ended_ms: Mapping[Series, int]) -> None:
        self._parts = {name: _Part(delay_ms) for name, delay_ms in delays_ms.items()}
        self._ended_ms = dict(ended_ms)
        self._rows: dict[Series, dict[tuple[object, ...], Row]] = {}
        self._turns: list[Batch] = []

    def note(self, event: Event) -> None:
        """Take in what happened next."""
        part = self._parts[event.part]
        if isinstance(event, Told):
            self._print(event.rows)
            part.certain_ms = max(part.certain_ms, event.at_ms)
        elif isinstance(event, Up):
            self._up(part, event)
        elif isinstance(event, Garbled):
            self._garbled(part, event)
        else:
            self._down(part, event)

    def batches(self) -> list[Batch]:
        """Return what there is to save since the last time: rows, then spans that ended, then what is missing."""
        for part in self._parts.values():
            self._miss(part)
        rows = [Batch(series, list(found.values())) for series, found in self._rows.items()]
        found = [*rows, *self._turns]
        self._rows, self._turns = {}, []
        return found

    def spans(self) -> list[tuple[Known, list[Series]]]:
        """Return the spans that go on, as far as they reach by now, with the series of a source known so long."""
        found: list[tuple[Known, list[Series]]] = []
        for part in self._parts.values():
            own: dict[Known, list[Series]] = {}
            for one, since_ms in part.since_ms.items():
                own.setdefault((since_ms, part.until_ms(since_ms)), []).append(one)
            found += [(known, series) for known, series in own.items() if known[0] < known[1]]
        return found

    def course(self, part: str) -> Course:
        """Return how a part went so far."""
        return self._parts[part].course

    def stop(self, at_ms: int) -> None:
        """Take in that nothing more will come: what is down then stays missing until that moment."""
        for part in self._parts.values():
            self._break(part)
            if part.down_ms is not None:
                part.miss(part.down_ms, at_ms, part.why)

    def _print(self, rows: Sequence[Printed]) -> None:
        alike: Counter[tuple[str, Liquidation]] = Counter()
        for instrument, order in rows:
            # Without a number of their own, orders alike in one message are several; a message that comes twice is one.
            nth = 0
            if not order.order_id:
                nth = alike[instrument.symbol, order]
                alike[instrument.symbol, order] += 1
            key = (order.time_ms, order.position.value, order.price, order.quantity_base, order.order_id, nth)
            self._rows.setdefault(series_of(instrument), {})[key] = dict(zip(COLUMNS, key, strict=True))

    def _up(self, part: _Part, event: Up) -> None:
        now = [series_of(one) for one in event.instruments]
        # Another connection takes over, and carries other contracts.
        self._end(part, set(part.since_ms).difference(now))
        for one in now:
            if one not in part.since_ms:
                self._resume(part, one, event.at_ms)
        if part.down_ms is not None:
            part.course.miss(part.down_ms, event.at_ms, part.why)
        part.course.begin(event.at_ms)
        self._miss(part)
        part.series, part.down_ms = now, None
        part.certain_ms = max(part.certain_ms, event.at_ms)

    def _resume(self, part: _Part, one: Series, at_ms: int) -> None:
        """Begin a span, and note what is missing before it: since the stream broke, or since an earlier run."""
        from_ms, why = part.down_ms, part.why
        if one in self._ended_ms:
            from_ms, why = self._ended_ms[one], IDLE if part.down_ms is None else part.why
        if from_ms is not None and from_ms < at_ms:
            self._turns.append(Batch(one, [], (), [(from_ms, at_ms, why)]))
        part.since_ms[one] = at_ms

    def _garbled(self, part: _Part, event: Garbled) -> None:
        if part.course.up_ms is not None:
            part.miss(self._break(part), event.at_ms, UNREADABLE)
            part.since_ms = dict.fromkeys(part.series, event.at_ms)
            part.course.begin(event.at_ms)
        part.certain_ms = max(part.certain_ms, event.at_ms)

    def _down(self, part: _Part, event: Down) -> None:
        if part.course.up_ms is not None:
            part.certain_ms = max(part.certain_ms, event.certain_ms)
            part.down_ms = self._break(part)
        elif part.down_ms is None:
            part.down_ms = event.certain_ms
        part.why = event.why

    def _break(self, part: _Part) -> int:
        """End all spans of a part; return where they end."""
        until_ms = part.until_ms(part.course.up_ms or 0)
        self._end(part, part.since_ms)
        part.course.end(until_ms)
        return until_ms

    def _end(self, part: _Part, ending: Iterable[Series]) -> None:
        for one in list(ending):
            since_ms = part.since_ms.pop(one)
            until_ms = self._ended_ms[one] = part.until_ms(since_ms)
            if since_ms < until_ms:
                self._turns.append(Batch(one, [], [(since_ms, until_ms)]))

    def _miss(self, part: _Part) -> None:
        if part.missing:
            self._turns += [Batch(one, [], (), part.missing) for one in part.series]
            part.missing = []
