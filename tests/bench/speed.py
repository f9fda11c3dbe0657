"""Speed and memory of the engine on a year of 5-minute bars, as ratios to a fixed numpy reference in the same run.

    python -m tests.bench.speed

12 distances, both sides, one entry point a bar; the reference is ``np.minimum.accumulate`` over 2 x 12 x bars.
"""

from __future__ import annotations

import cProfile
import pstats
import time
import tracemalloc
from pathlib import Path

import msgspec
import numpy as np

from imbalance.engine import calibration, clock, density
from imbalance.engine.assumptions import Assumptions
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import estimate, market_cohorts
from imbalance.engine.heatmap import heatmap
from imbalance.engine.leverage import prior_weights
from imbalance.engine.venue import Venue
from imbalance.path import PricePath

BARS = 105_120
CELLS = 12
A = msgspec.structs.replace(Assumptions(), distances=CELLS)
LIVES = A.lives()
BAR_MS = 300_000


def market(bars: int):
    g = np.random.default_rng(1)
    close = 60_000 * np.exp(np.cumsum(g.normal(0, 0.0015, bars)))
    opens = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opens, close) * 1.0005, np.minimum(opens, close) * 0.9995
    volume = g.gamma(2, 200, (1, bars))
    interest = 100_000 * np.exp(np.cumsum(g.normal(0, 0.001, (1, bars)), axis=1))
    return PricePath(opens, high, low, close), volume, interest


def stages(bars: int) -> dict[str, float]:
    path, volume, interest = market(bars)
    edges, price = density.distance_edges(CELLS), float(path.close[-1])
    weights = np.full((2, CELLS * LIVES.share.size), 0.02)
    times = {}

    def timed(name, function):
        started = time.perf_counter()
        out = function()
        times[name] = time.perf_counter() - started
        return out

    def flows():
        speed = clock.activity(volume, interest, A.turnover_share)
        return build(path, volume, interest, 1 / 288, LIVES, speed, A.turnover_share)

    cohorts = timed("flows and cohorts", flows)
    left = timed("what is left", cohorts.left_at_end)
    timed("map by weights", lambda: density.mass_basis(path, cohorts, left[0], edges, price, 1))
    none = np.zeros(0)
    venue = Venue("one", True, volume[0], interest[0], none, none, none, none, none, 125.0)  # noqa: FBT003
    stamps = np.arange(bars, dtype=np.int64) * BAR_MS
    timed(
        "heatmap 1000 x 1000",
        lambda: heatmap("BTC", stamps, BAR_MS, path, [venue], weights, A, 1000, 1000),
    )
    return times


def venue(bars: int):
    path, volume, interest = market(bars)
    none, g = np.zeros(0), np.random.default_rng(2)
    seen = g.gamma(0.03, 40.0, (2, bars))
    return path, Venue("one", True, volume[0], interest[0], *seen, none, none, none, 125.0)  # noqa: FBT003


def calibrated(bars: int) -> float:
    path, one = venue(bars)
    edges, stamps = density.distance_edges(CELLS), np.arange(bars, dtype=np.int64) * BAR_MS
    prior = prior_weights(A, [one], one.open_interest[None], edges, 1.0)
    started = time.perf_counter()
    cohorts = market_cohorts(path, [one], BAR_MS, A)
    calibration.calibrated(A, stamps, BAR_MS, path, [one], cohorts, edges, prior, 0)
    return time.perf_counter() - started


def whole(bars: int) -> float:
    path, one = venue(bars)
    stamps = np.arange(bars, dtype=np.int64) * BAR_MS
    started = time.perf_counter()
    estimate("BTC", stamps, BAR_MS, path, float(path.close[-1]), [one])
    return time.perf_counter() - started


def main() -> None:
    values = np.random.default_rng(0).random((2, CELLS, BARS))
    reference = min(_once(lambda: np.minimum.accumulate(values, axis=2)) for _ in range(7))
    best: dict[str, float] = {}
    for _ in range(3):
        for name, took in stages(BARS).items():
            best[name] = min(best.get(name, took), took)
    best["everything"] = sum(best.values())
    best["calibration, hourly"] = min(calibrated(BARS) for _ in range(2))
    best["whole estimate"] = min(whole(BARS) for _ in range(2))
    print(f"{'reference':22} {reference * 1000:8.1f} ms")
    for name, took in best.items():
        print(f"{name:22} {took * 1000:8.1f} ms  {took / reference:7.1f} x")
    print("\nwhere it goes, own time of the five costliest functions:")
    profile = cProfile.Profile()
    profile.runcall(stages, BARS)
    counted = pstats.Stats(profile).stats
    total = sum(own for _cc, _nc, own, _cum, _callers in counted.values())
    for (file, _line, name), (_cc, calls, own, _cum, _callers) in sorted(counted.items(), key=lambda i: -i[1][2])[:5]:
        print(f"  {own / total * 100:3.0f} %  {calls:5} calls  {Path(file).stem}.{name}")
    print()
    tracemalloc.start()
    stages(BARS)
    whole(BARS)
    print(f"{'peak memory':22} {tracemalloc.get_traced_memory()[1] / 2**20:8.0f} MB")
    tracemalloc.stop()
    small, large = (sum(stages(n).values()) for n in (BARS, 1_000_000))
    print(f"1,000,000 bars cost {large / small:.1f} times the {BARS:,} (linear: {1_000_000 / BARS:.1f})")


def _once(function) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
