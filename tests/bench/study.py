"""How often a study finds something where nothing is, and how often its 90 % range holds 0: random walks, no data.

    python -m tests.bench.study [STUDIES]

Nominal are 5 % of studies, and 90 % of ranges.
"""

from __future__ import annotations

import sys

import numpy as np

from imbalance.backtest.study import Studied, study
from imbalance.signals.events import Firings
from tests.support.walks import of_prices

# Days of hourly bars, and hours from one event to the next.
CASES = ((80, 70), (200, 70), (200, 200), (1000, 500), (1000, 150))


def nothing(seed: int, days: int, every: int) -> Studied:
    """Return a random walk with events that have nothing to do with it."""
    bars = 24 * days
    log = np.cumsum(np.random.default_rng(seed).normal(0, 0.005, bars))
    fired = np.arange(bars) % every == 0
    return Studied(of_prices(log, log, log, log, None, None, None), Firings(fired, 0))


def main(studies: int) -> None:
    """Print a line a case."""
    for days, every in CASES:
        results = [study([nothing(seed, days, every)], draws=200, seed=seed) for seed in range(studies)]
        found = np.mean([any(r.evidence for r in rows) for rows in results])
        held = np.mean([r.low <= 0 <= r.high for rows in results for r in rows])
        events = results[0][0].events
        print(f"{days:5d} days {events:4d} events: found something {found:.1%}, range held 0 {held:.1%}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
