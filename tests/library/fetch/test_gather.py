"""What a source gave is counted as it was: nothing asked is nothing counted."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from imbalance.fetch.gather import gather, walk
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.replay import Replay
from imbalance.records import Unread
from imbalance.wire import Kind, params
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


class Pages:
    """Answers with the number of the page that it is asked for."""

    def __init__(self):
        self.asked = []

    async def get(self, _source, _endpoint, query):
        self.asked.append(dict(query)["page"])
        return dict(query)["page"].encode()


def walked(pages, most):
    """Return the rows of an endpoint that has so many pages, and which of them were asked for."""
    client = Pages()
    endpoint = msgspec.structs.replace(
        SOURCES["bybit"].endpoint(Kind.TICKER),
        pages=lambda _ask: [params(page=1)],
        parse=lambda body, _ask: [int(body)],
        following=lambda body, _ask: params(page=int(body) + 1) if int(body) < pages else None,
        most_pages=most,
    )
    return asyncio.run(walk(client, SOURCES["bybit"], endpoint, ask_for("bybit"))), client.asked


@pytest.mark.parametrize("most", [1, 2, 3])
def test_pages_are_followed_as_far_as_is_allowed_and_more_is_told(most):
    every = list(range(1, most + 1))
    assert walked(most, most) == (every, [str(page) for page in every])
    assert walked(most + 1, most) == ([Unread(), *every], [str(page) for page in every])


def test_a_page_that_follows_itself_is_not_asked_again():
    client = Pages()
    endpoint = msgspec.structs.replace(
        SOURCES["bybit"].endpoint(Kind.TICKER),
        pages=lambda _ask: [params(page=1)],
        parse=lambda body, _ask: [int(body)],
        following=lambda _body, _ask: params(page=1),
        most_pages=9,
    )
    assert asyncio.run(walk(client, SOURCES["bybit"], endpoint, ask_for("bybit"))) == [Unread(), 1]
    assert client.asked == ["1"]
