"""How fast a backfill is and what kills do to it: ``python -m tests.bench.backfill [KILLS] [ADDRESS]``.

A year of bitcoin's 5-minute bars and metrics as Binance's archive has them is made in a temporary folder and read into
a store (a temporary file where no address is given): rows a second by the clock and by this process's processor time,
and a venue-year of bars back into arrays. Then so many runs, of the folder and of a loopback server in turn, are
killed at random moments; after each, what is stored must be whole.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

from imbalance.store import opening, reading, upkeep
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS
from tests.library.backfill.killed import kill_often, require_whole
from tests.library.backfill.world import ANSWERS, NOW_MS, SINCE_MS, fill
from tests.support import archive
from tests.support.archive import Archive, day

YEAR_MS = day("2025-01-01")
YEAR_READ_MS = day("2026-01-02") + 12 * HOUR_MS
KILLS = 200
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


def kills(folder: Path, many: int) -> None:
    """Kill runs at random moments, and print how many there were and that all they left was whole."""
    dumps = folder / "killed"
    since_ms = SINCE_MS - 30 * DAY_MS
    archive.fill(dumps, since_ms, NOW_MS, interval="15m")
    given = {"venues": (), "since_ms": since_ms}
    of_folder = kill_often(None, folder / "disk.db", many // 2, 1.0, seed=11, folder=dumps, **given)
    with Archive(dumps, dict(ANSWERS)) as server:
        of_network = kill_often(
            server, folder / "net.db", many - many // 2, 4.0, seed=12, **given | {"venues": ("binance",)}
        )
    print(f"{of_folder} runs over a folder and {of_network} over the network killed: nothing lost, nothing doubled")
    last = max(folder.glob("disk*.db"), key=lambda place: place.stat().st_mtime)
    fill(None, last, folder=dumps, **given)
    whole = folder / "whole.db"
    fill(None, whole, folder=dumps, **given)
    print(f"then completed: {require_whole(last):,} rows, {require_whole(whole):,} in a run that nobody killed")


def main(words: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed(folder / "year", words[1] if words[1:] else str(folder / "history.db"))
        kills(folder, int(words[0]) if words else KILLS)


if __name__ == "__main__":
    main(sys.argv[1:])
