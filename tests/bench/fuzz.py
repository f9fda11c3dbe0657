"""Every parser on so many mutated bodies: only parse errors may come of them.

python -m tests.bench.fuzz 1000000
"""

from __future__ import annotations

import sys
import time

from tests.library.venues.test_fuzz import ENDPOINTS, survives


def main() -> None:
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    started, read = time.perf_counter(), 0
    for seed in range(inputs):
        read += survives(seed % len(ENDPOINTS), seed)
    took_s = time.perf_counter() - started
    print(
        f"{inputs:,} mutated bodies of {len(ENDPOINTS)} endpoints: {inputs - read:,} refused, {read:,} read as harmless"
    )
    print(f"{took_s:.0f} s, no error but parse errors and refusals")


if __name__ == "__main__":
    main()
