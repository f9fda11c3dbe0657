"""How much later a report with a store answers than one without, each a process of its own, in pairs.

python -m tests.bench.with_store [PAIRS]; every answer takes 100 ms, the store and the answers kept are those of a first
report ten minutes before. What is timed ends with the report, from when the program began and from when it asked; the
processor's time has less to do with what else the machine does.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.exchange import NOW_MS, Exchange

DELAY_S = 0.1
PAIRS = 9
MINUTE_MS = 60_000
FIRST_MS, SECOND_MS = NOW_MS + MINUTE_MS, NOW_MS + 11 * MINUTE_MS
# Which store a run has: none, none that is there yet, that of the first report.
WITHOUT, NEW, KNOWN = "without", "new", "known"


def run(kind: str, now_ms: int, saves: bool, started: float) -> None:
    """Report once; print how long it took since the process began, since it began to ask, and of the processor [s]."""
    from imbalance import service
    from imbalance.collect import Options
    from imbalance.fetch.settings import SourceSettings

    options, harvests, settings = Options(), [], SourceSettings.from_environment()
    if kind != WITHOUT:
        from imbalance.remembered import History

        options = Options(history=History())
    asked = time.perf_counter()
    document = service.report(options, settings, now_ms, harvests.append)
    ended = time.perf_counter()
    print(time.time() - started, ended - asked, time.process_time(), sum(h.requests for h in harvests))
    if saves:
        from imbalance import history

        history.save(None, harvests, document, now_ms)


def timed(home: Path, exchange: Exchange, kind: str, now_ms: int, *, saves: bool = False) -> tuple[float, ...]:
    """Return what a process of its own prints, in a copy of `home` unless it saves there."""
    with tempfile.TemporaryDirectory() as folder:
        own = home if saves else Path(folder) / "home"
        if kind == KNOWN:
            shutil.copytree(home, own, dirs_exist_ok=True)
        (own / "imbalance" / "budgets.db").unlink(missing_ok=True)
        homes = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"), str(own))
        command = [sys.executable, "-m", "tests.bench.with_store", kind, str(now_ms), str(int(saves)), str(time.time())]
        told = subprocess.run(
            command, env=os.environ | homes | exchange.environment, capture_output=True, text=True, check=True
        )
    return tuple(map(float, told.stdout.split()))


def main(pairs: int) -> None:
    command = [sys.executable, "-m", "tests.support.exchange", str(DELAY_S), "nearest"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        exchange = Exchange()
        exchange.port = int(server.stdout.readline())
        home = Path(folder)
        timed(home, exchange, KNOWN, FIRST_MS, saves=True)
        found = {kind: [] for kind in (WITHOUT, NEW, KNOWN)}
        for kind in found:
            timed(home, exchange, kind, SECOND_MS)
        for _ in range(pairs):
            for kind, rows in found.items():
                rows.append(timed(home, exchange, kind, SECOND_MS))
        server.stdin.close()
        server.stdout.read()
    for kind, rows in found.items():
        print(f"{kind:8} {rows[0][-1]:4.0f} requests")
        for i, what in enumerate(("from the start", "from the asking", "of the processor")):
            own = 1000 * statistics.median(row[i] for row in rows)
            later = sorted(1000 * (row[i] - other[i]) for row, other in zip(rows, found[WITHOUT], strict=True))
            middle = statistics.median(later)
            print(f"  {what:17} {own:5.0f} ms, {middle:+5.0f} ({later[0]:+.0f} to {later[-1]:+.0f})")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1", float(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else PAIRS)
