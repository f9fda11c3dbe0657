"""Every source with every fault, over a real socket: a labelled failure, and never a number that was not sent.

All sources show a fault at once, each with an answer of its own; what each gives is looked at by itself.
"""

from __future__ import annotations

import asyncio
import resource
import time

import msgspec
import pytest
from imbalance_cli.exits import Exit, code_of

from imbalance.collect import Options, Run, ask_of, market_of
from imbalance.doubts import examine
from imbalance.errors import MissingDataError, SourceError
from imbalance.fetch.client import Client
from imbalance.fetch.gather import gather
from imbalance.providers import PROVIDERS
from imbalance.records import Covered, Unread
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.library.venues.test_parsers import SOURCES as SOURCE
from tests.library.venues.test_parsers import ask_for
from tests.support.exchange import CERTIFICATE, DAMAGES, FAULTS, NOW_MS, SOURCES, Exchange

ALL = (*VENUES, *PROVIDERS)
STATUSES = [
    "302 to itself", "400", "401", "403", "418", "429", "429 after 0", "429 after 3600", "451", "500", "503",
]  # fmt: skip
MATRIX = ["refused", "elsewhere", *FAULTS, *STATUSES, *DAMAGES]
# After these an answer may still be whole: a listing told twice, rows that have no order, an empty list.
MAY_ANSWER = {"doubled rows", "shuffled rows", "no rows"}
# Its columns lie side by side: which value belongs to which stamp is told by their places alone.
BY_INDEX_ALONE = {("kraken", "shuffled rows")}
TIMEOUT_S = 1.5
AMPLE_S = 60.0  # where all answer, however busy the machine
SLACK_S = 6.0  # sixteen sources at once on a busy machine
MOST_MB = 400  # more than before a fault


def harvests(exchange, timeout_s=TIMEOUT_S):
    async def run():
        client = Client(exchange.settings)
        try:
            return await gather(client, ALL, ask_of(Options(), NOW_MS), Kind, timeout_s)
        finally:
            await client.close()

    return {h.name: h for h in asyncio.run(run())}


def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.fixture(scope="module")
def healthy():
    with Exchange() as exchange:
        found = harvests(exchange, AMPLE_S)
    assert not [str(f) for h in found.values() for f in h.failures]
    sent = {name: {msgspec.json.encode(r) for rows in h.records.values() for r in rows} for name, h in found.items()}
    return {name: rows | in_their_place(exchange.recording, name) for name, rows in sent.items()}


def in_their_place(recording, name):
    """Return what a source gives only where something else of it is missing."""
    ask = ask_for(name)
    return {
        msgspec.json.encode(row)
        for endpoint in SOURCE[name].endpoints
        if endpoint.instead_of
        for page in endpoint.pages(ask)
        for row in endpoint.parse(recording.body(*recording.answers[name, *endpoint.asked(page)]), ask)
    }


@pytest.mark.parametrize("fault", MATRIX)
def test_a_fault_gives_a_labelled_failure_and_no_wrong_number(fault, healthy, monkeypatch, matrix_cells):
    before_kb = peak_kb()
    if fault == "elsewhere":
        # A certificate that is trusted, of another host.
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with Exchange({} if fault == "elsewhere" else dict.fromkeys(SOURCES, fault), tls=fault == "elsewhere") as exchange:
        started = time.monotonic()
        found = harvests(exchange)
        elapsed = time.monotonic() - started
    assert elapsed < TIMEOUT_S + SLACK_S
    left_out = {doubt.source for doubt in examine(list(found.values()), "BTC", NOW_MS)}
    for name, harvest in found.items():
        matrix_cells.append((name, fault))
        assert all(isinstance(f, SourceError) and str(f).startswith(name) for f in harvest.failures)
        assert not any("Traceback" in str(f) for f in harvest.failures)
        if fault not in MAY_ANSWER:
            assert harvest.failures, f"{name} does not tell of {fault}"
            assert set(harvest.records) <= {Kind.INSTRUMENTS}, f"{name} gives figures in spite of {fault}"
        if name in left_out or (name, fault) in BY_INDEX_ALONE:
            continue
        # That there is more than was read, and how far a walk came before its deadline, are no figures.
        rows = [r for kept in harvest.records.values() for r in kept if not isinstance(r, Unread | Covered)]
        given = set(map(msgspec.json.encode, rows))
        assert given <= healthy[name], f"{name} gives figures that were not sent"
    if fault not in MAY_ANSWER:
        run = Run(Options(), "live", None, NOW_MS, list(found.values()), [], frozenset(Kind), VENUES)
        with pytest.raises(MissingDataError) as caught:
            market_of(run)
        assert code_of(caught.value) == Exit.MISSING
    assert (peak_kb() - before_kb) / 1024 < MOST_MB


def test_a_clock_that_is_off_is_told(healthy):
    exchange = Exchange()
    exchange.clock_ahead_s = 3600.0
    with exchange:
        found = harvests(exchange, AMPLE_S)
    for name, harvest in found.items():
        assert harvest.clock_ahead_s == pytest.approx(3600, abs=5)
        given = {msgspec.json.encode(r) for rows in harvest.records.values() for r in rows}
        assert given | in_their_place(exchange.recording, name) == healthy[name]
