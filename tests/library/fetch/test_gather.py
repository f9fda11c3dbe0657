"""What a source gave is counted as it was: nothing asked is nothing counted."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from imbalance.collect import Options, ask_of
from imbalance.fetch import inline
from imbalance.fetch.gather import gather, walk
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.replay import Replay
from imbalance.providers import PROVIDERS
from imbalance.records import Unread
from imbalance.venues import VENUES
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

    aio = asyncio

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


class Waiting(Replay):
    """A replay whose tasks are asyncio's, as a client's are."""

    aio = asyncio


@pytest.mark.parametrize("lost", [(), ("bybit", "gate", "coinalyze"), "every third"])
@pytest.mark.parametrize("scenario", ["article", "article-keyless"])
def test_what_needs_no_event_loop_gives_what_one_gives(scenario, lost):
    def told(kind, run):
        replay = kind(Recording(find(scenario)))
        asked = list(replay.recording.answers)
        gone = asked[::3] if lost == "every third" else [key for key in asked if key[0] in lost]
        for key in gone:
            del replay.recording.answers[key]
        ask = ask_of(Options(), replay.recording.captured_at_ms)
        return [
            (h.name, h.records, [str(f) for f in h.failures], h.requests, h.received_bytes)
            for h in run(gather(replay, [*VENUES, *PROVIDERS], ask, Kind, 60.0))
        ]

    assert told(Replay, inline.run) == told(Waiting, asyncio.run)


def test_every_task_runs_to_its_end_and_the_first_failure_is_told():
    ended = []

    async def one(number):
        if number % 2:
            raise ValueError(number)
        ended.append(number)
        return number

    async def every(**how):
        return await inline.gather(*map(one, range(4)), **how)

    with pytest.raises(ValueError, match="1"):
        inline.run(every())
    assert ended == [0, 2]
    given = inline.run(every(return_exceptions=True))
    assert [given[0], given[2]] == [0, 2]
    assert [error.args for error in (given[1], given[3])] == [(1,), (3,)]


def test_what_waits_after_all_is_a_defect_that_is_told():
    async def waits():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for"):
        inline.run(waits())
