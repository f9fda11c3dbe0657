"""A cascade to its sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imbalance.engine import cascade
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.errors import UsageError
from imbalance.market import Floats, MarketData
from imbalance.records import OrderBook
from imbalance.report import tree
from imbalance.report.mapping import beyond_map, range_
from imbalance.units import DAY_MS, plain

MOST_SHOCK = 0.4
STRESSED = "stressed book"


def sections(
    market: MarketData, found: LiquidationMap, books: Sequence[OrderBook], shock: float | None, to: float | None
) -> dict[str, Any]:
    """Push the price and build all sections.

    Raises
    ------
    UsageError
        If the target lies beyond what the map covers, or at the price.
    """
    target = to if to is not None else found.price * (1 + (shock if shock is not None else 0.05))
    if not 1e-4 < abs(target / found.price - 1) <= MOST_SHOCK:  # noqa: PLR2004
        raise UsageError(f"a target of {plain(target)} is not within 0.01 % to 40 % of the price {plain(found.price)}")
    if beyond := beyond_map(found, *sorted((found.price, target))):
        raise UsageError(f"a target of {plain(target)} cannot be told: {beyond}")
    volume, volatility = _day(market)
    laws = {}
    if volume is not None and volatility:
        laws["square root"] = cascade.square_root(volume, volatility)
    depth = _depth(books, up=target > found.price)
    if depth is not None:
        laws["book"] = cascade.book_walk(*depth)
        laws[STRESSED] = cascade.book_walk(depth[0], depth[1] * cascade.STRESSED_SHARE)
    told = cascade.run(found, target, laws, volume_day_usd=volume)
    by_name = {law.name: law for law in told.laws}
    return {
        "price": found.price,
        "target": target,
        "shock": target / found.price - 1,
        "side": told.side,
        "forced": range_(told.forced),
        "exposed_usd": told.exposed_usd,
        "volume_day_usd": volume,
        "volatility_day": volatility,
        "laws": [_law(name, by_name.get(name)) for name in ("square root", "book", STRESSED)],
        "assumptions": found.model.assumptions
        | {
            "square root": f"I = Y sigma sqrt(N/V), Y {cascade.IMPACT_COEFFICIENT:g}"
            f" (log-sd {cascade.IMPACT_LOG_SD:g}), V and sigma of the bars",
            "book": "displayed orders of all venues read, continued at their mean density beyond what is displayed",
            STRESSED: f"{cascade.STRESSED_SHARE:g} of the displayed orders",
        },
    }


def _law(name: str, law: cascade.LawResult | None) -> tree.ImpactLaw:
    if law is None:
        return tree.ImpactLaw(name, None, None, None, None, None)
    return tree.ImpactLaw(
        name,
        range_(law.reach),
        range_(law.push_needed),
        range_(law.carried),
        range_(law.cost_usd),
        range_(law.reproduction) if law.reproduction else None,
        law.beyond_day,
    )


def _day(market: MarketData) -> tuple[float | None, float | None]:
    """Return the mean volume of a day over all venues [USD] and the day's volatility; None where not known.

    A venue's mean is that of the bars in which its volume is known.
    """
    bars_a_day = DAY_MS / market.interval_ms
    each = [(v.volume_base * market.close)[np.isfinite(v.volume_base)] for v in market.venues]
    volume = sum(float(usd.mean()) * bars_a_day for usd in each if usd.size)
    steps = np.diff(np.log(market.close))
    volatility = float(np.sqrt(np.mean(steps**2) * bars_a_day)) if steps.size else None
    return volume or None, volatility


def _depth(books: Sequence[OrderBook], *, up: bool) -> tuple[Floats, Floats] | None:
    """Return cumulated depth by distance, all books together; each goes on at its mean density where it ends."""
    sides = [(book.asks if up else book.bids, book.bids, book.asks) for book in books if book.bids and book.asks]
    if not sides:
        return None
    reach = max(abs(levels[-1][0] / ((b[0][0] + a[0][0]) / 2) - 1) for levels, b, a in sides)
    grid = np.linspace(reach / 200, reach, 200)
    total = np.zeros(grid.size)
    for levels, bids, asks in sides:
        middle = (bids[0][0] + asks[0][0]) / 2
        prices, sizes = np.array(levels).T
        distance, usd = np.abs(prices / middle - 1), np.cumsum(prices * sizes)
        inside = np.interp(grid, distance, usd, left=0.0)
        total += np.where(grid > distance[-1], usd[-1] * grid / distance[-1], inside)
    return grid, total
