"""How fast a store is: ``python -m tests.bench.store [ADDRESS]``; a temporary file where none is given.

Rows a second of upserts, new and again, a venue-year of 5-minute bars back into arrays, and four writing and four
reading processes at once for a minute: how long a write takes, and that none fails.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imbalance.store import opening, reading, upkeep, writing
from imbalance.store.rows import Batch, Series

STEP_MS = 300_000
YEAR = 365 * 288
NAMES = ("time_ms", "open", "high", "low", "close", "volume_base", "taker_buy_base")
EACH, SECONDS, ROWS, PAUSE_S = 4, 60, 200, 0.05


def year(venue: str, start: int = 0, many: int = YEAR) -> Batch:
    series = Series("candles", venue, venue, "BTC", "BTCUSDT", "linear", interval_ms=STEP_MS)
    rows = [
        {
            "time_ms": i * STEP_MS,
            "open": 80_000.5 + i,
            "high": 80_100.5 + i,
            "low": 79_900.5 + i,
            "close": 80_050.5 + i,
            "volume_base": 12.345 + i,
            "volume_usd": None,
            "taker_buy_base": 6.1 + i,
        }
        for i in range(start, start + many)
    ]
    return Batch(series, rows, [(start * STEP_MS, (start + many) * STEP_MS)])


def save(address: str, batch: Batch, learned_ms: int) -> float:
    started = time.perf_counter()
    with opening.opened(address, wait_s=30, make=True) as store, store.saving([batch.series]) as connection:
        writing.save(connection, [batch], learned_ms)
    return time.perf_counter() - started


def write(address: str, venue: str) -> None:
    """Write again and again from one process through one store; print how long each write took [ms]."""
    until = time.monotonic() + SECONDS
    with opening.opened(address, wait_s=30) as store:
        for i in itertools.count():
            if time.monotonic() > until:
                return
            batch = year(venue, i * ROWS, ROWS)
            started = time.perf_counter()
            with store.saving([batch.series]) as connection:
                writing.save(connection, [batch], i)
            print(1000 * (time.perf_counter() - started))
            time.sleep(PAUSE_S)


def read(address: str) -> None:
    """Read a venue-year again and again; print how long each took [ms]."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        started = time.perf_counter()
        with opening.opened(address, wait_s=30) as store, store.reading() as connection:
            [number] = reading.all_series(connection, source="bench")
            if reading.arrays(connection, number, "candles", NAMES)["time_ms"].size != YEAR:
                sys.exit("rows are missing")
        print(1000 * (time.perf_counter() - started))


def at_once(address: str) -> None:
    words = [[what, f"{what}{i}"] for what in ("writer", "reader") for i in range(EACH)]
    running = [
        subprocess.Popen([sys.executable, "-m", "tests.bench.store", address, *two], stdout=subprocess.PIPE, text=True)
        for two in words
    ]
    took_ms: dict[str, list[float]] = {"writer": [], "reader": []}
    for (what, _name), one in zip(words, running, strict=True):
        took_ms[what] += map(float, one.communicate()[0].splitlines())
    failed = sum(one.returncode != 0 for one in running)
    print(f"{EACH} writers and {EACH} readers for {SECONDS} s, {failed} of {len(running)} failed", end="")
    for what, each in took_ms.items():
        p99 = sorted(each)[int(len(each) * 0.99)]
        print(f"; {len(each):,} by {what}s: median {statistics.median(each):.0f} ms, p99 {p99:.0f} ms", end="")
    print()


def main(address: str) -> None:
    batch = year("bench")
    for learned_ms, what in ((1, "new"), (2, "again")):
        took = save(address, batch, learned_ms)
        print(f"{YEAR:,} rows {what}: {took:.2f} s, {YEAR / took:,.0f} a second")
    with opening.opened(address) as store, store.reading() as connection:
        [number] = reading.all_series(connection, source="bench")
        times = []
        for _ in range(5):
            started = time.perf_counter()
            reading.arrays(connection, number, "candles", NAMES)
            times.append(time.perf_counter() - started)
        size = upkeep.size_bytes(store, connection)
    print(f"a venue-year of 5-minute bars into arrays: {statistics.median(times):.3f} s")
    print(f"size: {size:,} bytes, {size / YEAR:.0f} a row")
    at_once(address)


if __name__ == "__main__":
    if sys.argv[2:]:
        _program, place, what, name = sys.argv
        write(place, name) if what == "writer" else read(place)
    elif sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(str(Path(folder) / "history.db"))
