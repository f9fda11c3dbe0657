"""Speed and memory of the engine on a year of 5-minute bars, as ratios to a fixed numpy reference in the same run.

    python -m tests.bench.speed

12 distances, both sides, one entry point a bar; the reference is ``np.minimum.accumulate`` over 2 x 12 x bars.
"""

from __future__ import annotations

import cProfile
import dataclasses
import pstats
import time
import tracemalloc
from pathlib import Path

import numpy as np

from imbalance.engine import calibrate, density
from imbalance.engine.cohorts import build
from imbalance.engine.estimate import Assumptions, Venue
from imbalance.engine.heatmap import heatmap
from imbalance.path import PricePath

BARS = 105_120
CELLS = 12
A = dataclasses.replace(Assumptions(), distances=CELLS)
HAZARD, SHARE = np.array(A.class_hazard_a_day), np.array(A.class_share)
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
    edges, price = density.distance_edges(CELLS), float(path[3][-1])
    weights = np.full(CELLS * HAZARD.size, 0.02)
    times = {}

    def timed(name, function):
        started = time.perf_counter()
        out = function()
        times[name] = time.perf_counter() - started
        return out

    cohorts = timed(
        "flows and cohorts", lambda: build(path, volume, interest, 1 / 288, HAZARD, SHARE, A.turnover_share)
    )
    left = timed("what is left", cohorts.left_at_end)
    timed("map by weights", lambda: density.mass_basis(path, cohorts, left, edges, price, 1))
    none = np.zeros(0)
    venue = Venue("one", True, volume[0], interest[0], none, none, none, none, none, 125.0)  # noqa: FBT003
    stamps = np.arange(bars, dtype=np.int64) * BAR_MS
    timed(
        "heatmap 1000 x 1000",
        lambda: heatmap("BTC", stamps, BAR_MS, path, [venue], weights, A, 1000, 1000),
    )
    return times


def calibration(bars: int) -> float:
    path, volume, interest = market(bars)
    edges = density.distance_edges(CELLS)
    started = time.perf_counter()
    cohorts = build(path, volume, interest, 1 / 288, HAZARD, SHARE, A.turnover_share)
    bucket = np.arange(bars) // 12
    x = density.liquidation_basis(path, cohorts, edges, bucket, 1, np.array([0]), 288)
    rows = 2 * x.shape[2]
    y = np.random.default_rng(2).gamma(0.3, 1e6, (1, rows))
    day = np.tile(np.arange(x.shape[2]) // 24, 2)
    prior = np.full(CELLS * HAZARD.size, 0.02)
    calibrate.fit(x.reshape(1, rows, -1), y, prior, np.array([True]), day, 0, 0)
    return time.perf_counter() - started


def main() -> None:
    values = np.random.default_rng(0).random((2, CELLS, BARS))
    reference = min(_once(lambda: np.minimum.accumulate(values, axis=2)) for _ in range(7))
    best: dict[str, float] = {}
    for _ in range(3):
        for name, took in stages(BARS).items():
            best[name] = min(best.get(name, took), took)
    best["everything"] = sum(best.values())
    best["calibration, hourly"] = min(calibration(BARS) for _ in range(2))
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
    calibration(BARS)
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
