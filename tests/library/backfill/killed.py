"""Backfills that are killed at any moment: what is stored is whole, and the next run goes on from there."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time

from imbalance.backfill import keeper
from imbalance.errors import StoreBusyError
from tests.library.backfill.world import fill, stored
from tests.support import postgres
from tests.support.archive import open_interest_at, price_at

# So few that a run of a second stores many times.
ROWS_A_TRANSACTION = 1000
CUT_OFF = 3


def run_and_die(server, address, after_s, **given):
    """Fill in a process of its own that is killed after a time; return whether it had ended."""
    child = os.fork()
    if not child:
        try:
            keeper.MOST_ROWS = ROWS_A_TRANSACTION
            fill(server, address, **given)
        finally:
            os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


def run_and_be_cut_off(server, address, after_s, **given):
    """Fill in a process whose connections a server ends after a time; return whether it came to its end all the same.

    One that does not must say what became of it.
    """
    child = os.fork()
    if not child:
        code = 1
        try:
            keeper.MOST_ROWS = ROWS_A_TRANSACTION
            fill(server, address, **given)
            code = 0
        except StoreBusyError as error:
            code = CUT_OFF if "its server ended the connection" in error.message else 1
        finally:
            os._exit(code)
    time.sleep(after_s)
    postgres.end_connections(address)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, CUT_OFF}
    return code == 0


def require_whole(address):
    """Check that spans say what rows there are, that no row is wrong, and that the store is sound; return its rows."""
    many = 0
    for (venue, data, _what, step_ms), (rows, known, missing) in stored(address).items():
        times_ms = rows["time_ms"].tolist()
        many += len(times_ms)
        if step_ms:
            assert times_ms == [t for from_ms, to_ms in known for t in range(from_ms, to_ms, step_ms)]
        else:
            assert all(any(from_ms <= t < to_ms for from_ms, to_ms in known) for t in times_ms)
        if data == "candles":
            assert (rows["open"] == [price_at(t) for t in times_ms]).all()
        if data == "open_interest" and venue == "binance":
            assert abs(rows["open_interest_base"] - [open_interest_at(t) for t in times_ms]).max(initial=0) < 1e-6
        spans = sorted([*known, *(gap[:2] for gap in missing)])
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    return many


def kill_often(server, places, kills, longest_s, seed=7, run=run_and_die, **given):
    """Kill runs at random moments, a new store of `places` whenever one is full; return the address of the last."""
    draw = random.Random(seed)  # noqa: S311  the same every time, and no secret
    killed, before, place = 0, 0, next(places)
    while killed < kills:
        ended = run(server, place, draw.uniform(0, longest_s), **given)
        killed += not ended
        many = require_whole(place)
        assert many >= before, "what was stored is lost"
        before = many
        if ended:
            before, place = 0, next(places)
    return place
