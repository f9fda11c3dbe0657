"""How many coin-years of 5-minute bars are mapped a day in a minute: one process, two, and two workers of Dask.

The last run is by two workers of which one is killed in the middle. All must write the same bytes.

python -m tests.bench.map_history COINS MONTHS
"""

from __future__ import annotations

import cProfile
import hashlib
import os
import pstats
import resource
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imbalance import jobs
from imbalance.bars.folder import month_span_ms
from imbalance.map_history import map_history, mapped, tasks
from imbalance.origins import OwnBars
from imbalance.units import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from distributed import LocalCluster

STEP_MS = 5 * MINUTE_MS
YEAR_MONTHS = 12


def main() -> None:
    coins, months = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        generate(place / "bars", coins, months)
        took = {}
        for name, run in (("one process", jobs.local(1)), ("two processes", jobs.local(2))):
            took[name] = measure(place, name, run)
        import dask
        from distributed import LocalCluster

        # As the page on several machines says.
        os.environ |= {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
        dask.config.set({"distributed.worker.profile.enabled": False})
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster:
            run = jobs.cluster(cluster.scheduler_address)
            took["two workers of Dask"] = seconds = measure(place, "two workers of Dask", run)
            killed = threading.Timer(seconds / 2, kill_worker, [cluster])
            killed.start()
            took["one of them killed"] = measure(place, "one of them killed", run)
            killed.join()
        years = coins * months / YEAR_MONTHS
        for name, seconds in took.items():
            print(f"{name}: {seconds:.1f} s, {years / seconds * 60:.2f} coin-years a minute")
        digests = {digest(place / name) for name in took}
        print("the same bytes" if len(digests) == 1 else "OTHER BYTES")
        profiled(place / "bars")
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        print(f"largest process: {peak_mb:.0f} MB")


def profiled(folder: Path) -> None:
    """Print where the time of one task goes: own time of the costliest functions."""
    task = tasks(OwnBars(str(folder)), [], DAY_MS, 30 * DAY_MS)[-1]
    profile = cProfile.Profile()
    profile.runcall(mapped, task)
    counted = pstats.Stats(profile).stats
    total = sum(own for _cc, _nc, own, _cum, _callers in counted.values())
    print("where the time of a task goes:")
    for (file, _line, name), (_cc, calls, own, _cum, _callers) in sorted(counted.items(), key=lambda i: -i[1][2])[:8]:
        print(f"  {own / total * 100:3.0f} %  {calls:6} calls  {Path(file).stem}.{name}")


def measure(place: Path, name: str, run: jobs.Runner) -> float:
    started = time.perf_counter()
    map_history(
        OwnBars(str(place / "bars")), place / name, [], step_ms=DAY_MS, warm_up_ms=30 * DAY_MS, run=run, now_ms=0
    )
    return time.perf_counter() - started


def kill_worker(cluster: LocalCluster) -> None:
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*.*")):
        if file.is_file():
            whole.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return whole.hexdigest()


def generate(folder: Path, coins: int, months: int) -> None:
    for coin in range(coins):
        random = np.random.default_rng(coin)
        for number in range(1, months + 1):
            from_ms, to_ms = month_span_ms(f"2025-{number:02d}")
            time_ms = np.arange(from_ms, to_ms, STEP_MS)
            close = 100 * np.exp(np.cumsum(random.normal(0, 0.0015, time_ms.size)))
            opens = np.r_[close[0], close[:-1]]
            frame = pd.DataFrame(
                {
                    "time": time_ms,
                    "venue": "okx",
                    "open": opens,
                    "high": np.maximum(opens, close) * np.exp(random.gamma(1, 0.0005, time_ms.size)),
                    "low": np.minimum(opens, close) * np.exp(-random.gamma(1, 0.0005, time_ms.size)),
                    "close": close,
                    "volume_base": random.gamma(2, 100, time_ms.size),
                    "open_interest_base": 50_000 * np.exp(np.cumsum(random.normal(0, 0.001, time_ms.size))),
                }
            )
            place = folder / f"symbol=C{coin:03d}" / f"month=2025-{number:02d}"
            place.mkdir(parents=True)
            frame.to_parquet(place / "bars.parquet", index=False)


if __name__ == "__main__":
    main()
