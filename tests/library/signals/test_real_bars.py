"""On real bars signals fire where a chart shows them; skipped where the recorded bars are not at hand."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.reader import read_bars
from imbalance.signals.events import DEFINITIONS, History
from imbalance.signals.sided import sided
from imbalance.units import Side, iso
from tests.conftest import SHARED


def market(name):
    file = SHARED / "bars" / f"{name}-2024.csv.gz"
    if not file.is_file():
        pytest.skip("the recorded bars are not here")
    return read_bars(file, symbol=name.upper())


def swept(bars, side):
    view = sided(bars, side)
    return {
        iso(int(bars.time_ms[s.reclaimed]) + bars.interval_ms): (
            [round(view.price(level.price), 1) for level in s.levels],
            round(view.price(s.extreme), 1),
        )
        for s in view.sweeps()
    }


def test_the_crash_of_august_2024_swept_the_lows_of_july():
    assert swept(market("sol"), Side.LONG)["2024-08-05T02:00:00Z"] == ([120.1], 119.0)
    assert swept(market("btc"), Side.LONG)["2024-08-05T02:00:00Z"] == ([53_329.5], 52_601.5)


def test_it_was_a_spring_on_bitcoin_alone():
    def fired(name):
        bars = market(name)
        places = np.flatnonzero(DEFINITIONS["spring"].detect(History(bars)).fired)
        return [iso(int(bars.time_ms[i]) + bars.interval_ms) for i in places]

    assert fired("btc") == ["2024-08-05T02:00:00Z"]
    assert fired("sol") == []


def test_the_high_of_july_2024_was_swept():
    assert "2024-07-27T20:00:00Z" in swept(market("btc"), Side.SHORT)
    assert swept(market("sol"), Side.SHORT)["2024-07-27T15:00:00Z"] == ([185.3], 188.3)
