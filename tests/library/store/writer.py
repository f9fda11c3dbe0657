"""Writes batches of bars, one transaction each: ``python -m tests.library.store.writer ADDRESS FIRST MANY``."""

from __future__ import annotations

import sys

from imbalance.store import opening, writing
from imbalance.store.rows import Batch, Series

BATCH = 50
SERIES = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=60_000)
PRICES = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume_base": 1.0}


def batch(at):
    """Return the batch with a number: its bars follow those of the one before."""
    first_ms, step_ms = at * BATCH * SERIES.interval_ms, SERIES.interval_ms
    rows = [
        {"time_ms": first_ms + i * step_ms, "volume_usd": None, "taker_buy_base": None} | PRICES for i in range(BATCH)
    ]
    return Batch(SERIES, rows, [(first_ms, first_ms + BATCH * step_ms)])


def write(address, at):
    """Write a batch; when this returns it is stored."""
    with opening.opened(address, wait_s=30, make=True) as store, store.saving([SERIES]) as connection:
        writing.save(connection, [batch(at)], 1_000_000 + at)


if __name__ == "__main__":
    for number in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
        write(sys.argv[1], number)
