"""What a venue's stream of liquidations is: where it is, what is said to it and how it is read. Plain data, no network.

Events are what a stream comes to, in order: it is up, it told something, it could not be read, it is down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from imbalance.records import Instrument, Liquidation

WHAT = "liquidation stream"  # what messages call it
DAY_S = 86_400.0
Listing = Mapping[str, Instrument]  # by the venue's own name of the contract
Printed = tuple[Instrument, Liquidation]


class Subscription(msgspec.Struct, frozen=True):
    """A text to send, and how many things it has acknowledged."""

    text: str
    acknowledged: int = 1


class Heard(msgspec.Struct, frozen=True):
    """What a message says.

    `acknowledged` counts what it says is subscribed, `reply` must be sent back, `refused` is why no more will come.
    """

    rows: Sequence[Printed] = ()
    acknowledged: int = 0
    reply: str = ""
    refused: str = ""


class Stream(msgspec.Struct, frozen=True):
    """A venue's stream.

    `parse` turns a message into what it says, or raises a `ParseError`; it does nothing else. Without `subscribe` it is
    subscribed as soon as it is connected, by its path. `beat` makes the text that keeps it open; one that has none is
    pinged as the protocol has it, if it `is_pinged`. Nothing heard for `silence_s` is a dead connection. What is
    printed is told at most `delay_ms` later. A connection lives for `lives_s`, and carries `most` contracts: all of the
    market where that is 0.
    """

    source: str
    host: str
    path: str
    parse: Callable[[bytes, Listing], Heard]
    delay_ms: int
    subscribe: Callable[[Sequence[Instrument], int], Sequence[Subscription]] | None = None
    beat: Callable[[int], str] | None = None
    is_pinged: bool = True
    beat_s: float = 10.0
    silence_s: float = 30.0
    lives_s: float = DAY_S
    most: int = 0
    headers: tuple[tuple[str, str], ...] = ()


class Up(NamedTuple):
    """A part of a stream is subscribed from a moment [ms] on, for some contracts."""

    part: str
    at_ms: int
    instruments: Sequence[Instrument]


class Told(NamedTuple):
    """A part of a stream said something; until then [ms] all that it had sent is known, and here are its orders."""

    part: str
    at_ms: int
    rows: Sequence[Printed] = ()


class Garbled(NamedTuple):
    """A part of a stream said something that could not be read."""

    part: str
    at_ms: int
    why: str


class Down(NamedTuple):
    """A part of a stream is down: nothing is known of it from after `certain_ms`."""

    part: str
    certain_ms: int
    why: str


Event = Up | Told | Garbled | Down
