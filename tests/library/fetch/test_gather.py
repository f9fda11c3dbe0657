"""What a source gave is counted as it was: nothing asked is nothing counted."""

from __future__ import annotations

import asyncio

from imbalance.fetch.gather import gather
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.replay import Replay
from imbalance.wire import Kind
from tests.library.venues.test_parsers import SOURCES, ask_for


def harvested(source, kinds):
    replay = Replay(Recording(find("article")))
    (found,) = asyncio.run(gather(replay, [SOURCES[source]], ask_for(source), kinds, 5.0))
    return found


def test_requests_and_bytes_are_counted_and_none_where_none_was_sent():
    idle = harvested("fear_greed", {Kind.CANDLES})
    assert (idle.requests, idle.received_bytes, idle.records, idle.failures) == (0, 0, {}, [])
    asked = harvested("fear_greed", {Kind.SENTIMENT})
    assert asked.requests == 1
    assert asked.received_bytes > 100
    assert asked.elapsed_s >= 0
    venue = harvested("bybit", {Kind.TICKER})
    assert venue.requests == 2  # its listing goes before
    assert venue.latency_ms is None  # a replay waits for nobody
