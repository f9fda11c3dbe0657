"""Backfills that are killed at any moment: what is stored is whole, and the next run goes on from there."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time

from imbalance.backfill import keeper
from tests.library.backfill.world import fill, stored
from tests.support.archive import open_interest_at, price_at

# So few that a run of a second stores many times.
ROWS_A_TRANSACTION = 1000


def run_and_die(server, file, after_s, **given):
    """Fill in a process of its own that is killed after a time; return whether it had ended."""
    child = os.fork()
    if not child:
        try:
            keeper.MOST_ROWS = ROWS_A_TRANSACTION
            fill(server, file, **given)
        finally:
            os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


def require_whole(file):
    """Check that spans say what rows there are, that no row is wrong, and that the store is sound; return its rows."""
    many = 0
    for (venue, data, _what, step_ms), (rows, known, missing) in stored(file).items():
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


def kill_often(server, file, kills, longest_s, seed=7, **given):
    """Kill runs at random moments, a new store whenever one is full; return how many were killed while they ran."""
    draw = random.Random(seed)  # noqa: S311  the same every time, and no secret
    killed, before, turn = 0, 0, 0
    while killed < kills:
        place = file.with_name(f"{file.stem}{turn}.db")
        ended = run_and_die(server, place, draw.uniform(0, longest_s), **given)
        killed += not ended
        many = require_whole(place)
        assert many >= before, "what was stored is lost"
        before = many
        if ended:
            before, turn = 0, turn + 1
    return killed
