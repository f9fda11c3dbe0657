"""How fast a backfill is and what kills do to it: ``python -m tests.bench.backfill [KILLS] [ADDRESS]``.

A year of bitcoin's 5-minute bars and metrics as Binance's archive has them is made in a temporary folder and read into
a store (a temporary file where no address is given): rows a second by the clock and by this process's processor time,
and a venue-year of bars back into arrays. Then so many runs, of the folder and of a loopback server in turn, are
killed at random moments; after each, what is stored must be whole. Where the store is a server's, it ends the
connections of some more.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from imbalance.store import opening, reading, upkeep
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS
from tests.library.backfill.killed import kill_often, require_whole, run_and_be_cut_off
from tests.library.backfill.world import ANSWERS, NOW_MS, SINCE_MS, fill
from tests.support import archive, postgres
from tests.support.archive import Archive, day

YEAR_MS = day("2025-01-01")
YEAR_READ_MS = day("2026-01-02") + 12 * HOUR_MS
KILLS, CUTS = 200, 20
PRICES = ("time_ms", "open", "high", "low", "close", "volume_base", "taker_buy_base")


def speed(dumps: Path, address: str) -> None:
    """Print how fast a year is read, and how fast its bars come back."""
    files = archive.fill(dumps, YEAR_MS, YEAR_READ_MS, coin_m=False)
    # The libraries that parse are loaded once, whatever is read.
    import imbalance.dumps.binance_tables  # noqa: F401

    gc.disable()  # as the program does
    clock, processor = time.perf_counter(), time.process_time()
    document = fill(None, address, folder=dumps, venues=(), since_ms=YEAR_MS, now_ms=YEAR_READ_MS)
    took_s, used_s = time.perf_counter() - clock, time.process_time() - processor
    rows = sum(series.rows for series in document.series)
    print(f"{rows:,} rows of {len(files)} files: {took_s:.2f} s, {rows / took_s:,.0f} a second; ", end="")
    print(f"{used_s:.2f} s of the processor, {rows / used_s:,.0f} a second")
    with opening.opened(address) as store, store.reading() as connection:
        [number] = reading.all_series(connection, data="candles", interval_ms=INTERVALS_MS["5m"])
        times, used = [], []
        for _ in range(7):
            clock, processor = time.perf_counter(), time.process_time()
            many = reading.arrays(connection, number, "candles", PRICES)["time_ms"].size
            times.append(time.perf_counter() - clock)
            used.append(time.process_time() - processor)
        print(f"{many:,} bars into arrays: {statistics.median(times):.3f} s, ", end="")
        print(f"{statistics.median(used):.3f} s of the processor")
        print(f"size: {upkeep.size_bytes(store, connection):,} bytes")


def kills(folder: Path, server: str | None, many: int) -> None:
    """Kill runs at random moments, and print how many there were and that all they left was whole."""
    dumps = folder / "killed"
    since_ms = SINCE_MS - 30 * DAY_MS
    archive.fill(dumps, since_ms, NOW_MS, interval="15m")
    given = {"venues": (), "since_ms": since_ms}
    with contextlib.ExitStack() as stores:

        def new(name: str) -> Iterator[str]:
            return (stores.enter_context(postgres.store(server, folder, f"{name}{n}")) for n in itertools.count())

        last = kill_often(None, new("disk"), many // 2, 1.0, seed=11, folder=dumps, **given)
        with Archive(dumps, dict(ANSWERS)) as archived:
            network = given | {"venues": ("binance",)}
            kill_often(archived, new("net"), many - many // 2, 4.0, seed=12, **network)
        print(f"{many // 2} runs over a folder and {many - many // 2} over the network killed: ", end="")
        print("nothing lost, nothing doubled", flush=True)
        if server:
            last = kill_often(None, new("cut"), CUTS, 1.0, 13, run_and_be_cut_off, folder=dumps, **given)
            print(f"{CUTS} runs cut off from the server, and each told so: nothing lost, nothing doubled")
        fill(None, last, folder=dumps, **given)
        whole = next(new("whole"))
        fill(None, whole, folder=dumps, **given)
        print(f"then completed: {require_whole(last):,} rows, {require_whole(whole):,} in a run that nobody killed")


def main(words: list[str]) -> None:
    server = words[1] if words[1:] else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with postgres.store(server, folder, "history") as address:
            speed(folder / "year", address)
        kills(folder, server, int(words[0]) if words else KILLS)


if __name__ == "__main__":
    main(sys.argv[1:])
