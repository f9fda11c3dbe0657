"""Maps of more bars than there is memory: the largest process, while the folder of bars is many times as large.

    python -m tests.bench.larger_than_memory [GB [LIMIT_GB]]

Bars of a minute at four venues, of as many coins as make the folder that large (10 GB), with sixteen columns beside
those that are read, and a map a day of each, in processes that may not map more than the limit (2 GB): RLIMIT_AS, as
``ulimit -v`` sets it, under which libraries and stacks count too.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from imbalance import jobs
from imbalance.bars.folder import month_span_ms
from imbalance.map_history import map_history
from imbalance.origins import OwnBars
from imbalance.units import DAY_MS, MINUTE_MS

GB = 1_000_000_000
VENUES = ("binance", "bybit", "okx", "gate")
MONTHS = ("2025-01", "2025-02", "2025-03")
OTHERS = 16  # columns that no map is made of: others keep in such files what they need
PROCESSES = 2


def main() -> None:
    wanted, limit = (float(word) * GB for word in (*sys.argv[1:], *("10", "2")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        size = generate(place / "bars", wanted)
        coins = len(list((place / "bars").iterdir()))
        print(f"{size / GB:.2f} GB of bars, {coins} coins, {len(MONTHS)} months of minutes at {len(VENUES)} venues")
        resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
        started = time.perf_counter()
        told = map_history(
            OwnBars(str(place / "bars")), place / "maps", [],
            step_ms=DAY_MS, warm_up_ms=DAY_MS, run=jobs.local(PROCESSES), now_ms=0, done=follow(started),
        )  # fmt: skip
        seconds = time.perf_counter() - started
        for process in multiprocessing.active_children():
            process.join()  # what has not ended is in no sum
        states = [partition.state for partition in told.partitions]
        written, failed = states.count("written"), states.count("failed")
        print(f"\n{written} partitions written, {failed} failed, in {seconds:.0f} s")
        own, others = (
            resource.getrusage(who).ru_maxrss / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(f"largest process: {others:.2f} GB, that which asks: {own:.2f} GB; allowed: {limit / GB:.2f} GB each")
        if failed:
            raise SystemExit(next(partition.why for partition in told.partitions if partition.why))


def follow(started: float):
    ended: Iterator[int] = iter(range(1, 1_000_000))

    def done(tasks: int) -> None:
        print(f"\r{next(ended)} of {tasks} months after {time.perf_counter() - started:.0f} s", end="", flush=True)

    return done


def generate(folder: Path, wanted: float) -> int:
    """Write coins until the folder is as large as wanted; return how large it is [bytes]."""
    size = coin = 0
    while size < wanted:
        for month in MONTHS:
            place = folder / f"symbol=C{coin:03d}" / f"month={month}"
            place.mkdir(parents=True)
            parquet.write_table(
                table(coin, *month_span_ms(month)), place / "bars.parquet", compression="none", use_dictionary=["venue"]
            )
            size += (place / "bars.parquet").stat().st_size
        coin += 1
    return size


def table(coin: int, from_ms: int, to_ms: int) -> pa.Table:
    """Return a month of bars: a walk that the venues share, each with volumes and open interest of its own."""
    random = np.random.default_rng((coin, from_ms // DAY_MS))
    time_ms = np.arange(from_ms, to_ms, MINUTE_MS)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.0007, time_ms.size)))
    opens = np.r_[100.0, close[:-1]]
    parts = []
    for venue in VENUES:
        basis = np.exp(random.normal(0, 1e-5, time_ms.size))
        prices = {"open": opens * basis, "close": close * basis}
        wick = [np.exp(random.gamma(1, 0.0002, time_ms.size)) for _side in range(2)]
        prices["high"] = np.maximum(prices["open"], prices["close"]) * wick[0]
        prices["low"] = np.minimum(prices["open"], prices["close"]) / wick[1]
        volume = random.gamma(2, 20, time_ms.size)
        quantities = {
            "volume_base": volume,
            "taker_buy_base": volume * random.uniform(0.3, 0.7, time_ms.size),
            "open_interest_base": 50_000 * np.exp(np.cumsum(random.normal(0, 0.0003, time_ms.size))),
        } | {f"depth_{level}": np.roll(volume, level) for level in range(OTHERS)}
        parts.append(pa.table({"time": time_ms, "venue": [venue] * time_ms.size, **prices, **quantities}))
    return pa.concat_tables(parts)


if __name__ == "__main__":
    main()
