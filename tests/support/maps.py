"""Maps and documents made by hand, in which every figure is known beforehand."""

from __future__ import annotations

import numpy as np

from imbalance.engine.liquidation_map import Audit, LiquidationMap, Model, Range, VenueAudit
from imbalance.report import tree

MOMENT = "2026-01-30T12:00:00Z"
HEAD = {"version": "0", "mode": "live", "scenario": None, "symbol": "BTC", "as_of": MOMENT, "sources": [], "gaps": []}
MODEL = Model("model", True, None, {}, Range(0.3, 0.1, 0.9), {}, "capture")  # noqa: FBT003


def by_hand(long, short, edges, price=100.0, **changes):
    """Return a map of a few bins; its draws are half, all and twice of what is forced, exposed is four times that."""
    forced = np.array([long, short], dtype=float)
    given = {
        "symbol": "BTC",
        "as_of_ms": 1_769_774_400_000,  # 2026-01-30T12:00:00Z
        "price": price,
        "log_edges": np.log(np.array(edges, dtype=float) / price),
        "forced": forced,
        "exposed": forced * 4,
        "draws": np.array([forced / 2, forced, forced * 2]),
        "path_implied": forced,
        "path_draws": np.array([forced, forced, forced]),
        "weights": np.zeros((2, 1)),
        "opened": np.ones((2, 1)),
        "model": MODEL,
        "comparable": True,
        "audit": Audit((VenueAudit("okx", 1000.0, 100.0, 200.0),), 0.1, 0.2, 0.0),
    }
    return LiquidationMap(**{**given, **changes})


def in_dollars(long=None, short=None, low=60, high=140, price=100.0, **changes):
    """Return a map in bins of a dollar that holds what is given by the lower edge of its bin [USD]."""
    edges = np.arange(low, high + 1)
    sides = [[float((side or {}).get(int(edge), 0.0)) for edge in edges[:-1]] for side in (long, short)]
    return by_hand(*sides, edges, price, **changes)


def side_risk(usd, low=None, high=None, exposed=None, band=None):
    """Return a side's risk: half to twice of it where no range is given."""
    low, high = usd / 2 if low is None else low, usd * 2 if high is None else high
    return tree.SideRisk(usd, low, high, usd * 4 if exposed is None else exposed, band)
