"""Start-up of the installed command, as a ratio to ``python -c pass`` in the same run.

python -m tests.bench.startup
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "--version": ["--version"],
    "--help": ["--help"],
    "report --replay article": ["report", "BTC", "--replay", "article"],
}


def main() -> None:
    program = str(Path(sys.executable).with_name("imbalance"))
    if not Path(program).exists():
        program = shutil.which("imbalance") or sys.exit("imbalance is not installed")
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            line = command if command[0] == sys.executable else [program, *command]
            subprocess.run(line, check=True, capture_output=True)
            times[name].append(time.perf_counter() - started)
    base = statistics.median(times["python -c pass"])
    for name, took in times.items():
        print(f"{name:24} {statistics.median(took) * 1000:7.1f} ms  {statistics.median(took) / base:5.1f} x")


if __name__ == "__main__":
    main()
