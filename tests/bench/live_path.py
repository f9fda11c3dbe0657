"""How long the live path takes when every answer takes 100 ms, against the longest chain of dependent requests.

python -m tests.bench.live_path
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time

from imbalance.collect import Options, collect
from imbalance.fetch.budget import shared_file
from imbalance.wire import Kind
from tests.support.exchange import NOW_MS, Exchange

DELAY_S = 0.1
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = home
        measure()


def measure() -> None:
    # The server has a process of its own, so that its work is not counted as the program's.
    command = [sys.executable, "-m", "tests.support.exchange", str(DELAY_S)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        exchange = Exchange()
        exchange.port = int(server.stdout.readline())
        gc.disable()  # as the program does
        took_s = []
        for _ in range(ROUNDS):
            # A cold report: nothing was asked before it.
            shared_file().unlink(missing_ok=True)
            started = time.perf_counter()
            run = collect(Options(), exchange.settings, NOW_MS, Kind)
            took_s.append(time.perf_counter() - started)
        server.stdin.close()
        pages = int(server.stdout.readline()) // ROUNDS
    # Listing, then the first page of liquidations, then each page that only the one before could name.
    chain = 1 + pages
    median_s = statistics.median(took_s)
    print(f"{sum(h.requests for h in run.harvests)} requests, longest chain {chain}")
    print(f"{median_s:.3f} s, {median_s / (chain * DELAY_S):.2f} times the chain")


if __name__ == "__main__":
    main()
