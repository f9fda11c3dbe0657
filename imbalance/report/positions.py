"""Positions of known accounts, with the liquidation prices that their venue gives, in the form of the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.market import Floats
from imbalance.records import Position
from imbalance.report import tree
from imbalance.report.mapping import WINDOWS_PCT, significant, window
from imbalance.units import Side


def sections(positions: Sequence[Position], accounts: int, found: LiquidationMap) -> dict[str, Any]:
    """Build all sections; what is read and what the model holds stand side by side and are never added."""
    edges, price = found.edges, found.price
    known = [p for p in positions if p.liquidation_price is not None]
    mass = {side: _binned([p for p in known if p.side is side], edges) for side in Side}
    return {
        "price": price,
        "accounts": accounts,
        "holding": len(positions),
        "without_liquidation_price": len(positions) - len(known),
        "long_notional_usd": sum(p.notional_usd for p in positions if p.side is Side.LONG),
        "short_notional_usd": sum(p.notional_usd for p in positions if p.side is Side.SHORT),
        "positions": [
            tree.HeldPosition(
                side=p.side.value,
                quantity_base=p.quantity_base,
                notional_usd=p.notional_usd,
                entry_price=p.entry_price,
                liquidation_price=p.liquidation_price,
                distance_pct=None if p.liquidation_price is None else (p.liquidation_price / price - 1) * 100,
                leverage=p.leverage,
                margin=p.margin,
            )
            for p in sorted(positions, key=lambda p: -p.notional_usd)
        ],
        "map": tree.PositionsMap(
            edges=significant(edges), long_usd=mass[Side.LONG].tolist(), short_usd=mass[Side.SHORT].tolist()
        ),
        "windows": [_window(pct, known, found) for pct in WINDOWS_PCT],
    }


def _worth(position: Position) -> float:
    """Return a position's USD as the map counts it: coins at the liquidation price."""
    return position.quantity_base * (position.liquidation_price or 0.0)


def _binned(positions: Sequence[Position], edges: Floats) -> Floats:
    prices = [p.liquidation_price or 0.0 for p in positions]
    return np.histogram(prices, edges, weights=[_worth(p) for p in positions])[0]


def _window(pct: float, known: Sequence[Position], found: LiquidationMap) -> tree.PositionsWindow:
    low, high = found.price * (1 - pct / 100), found.price * (1 + pct / 100)

    def read(side: Side) -> float:
        return sum(_worth(p) for p in known if p.side is side and low <= (p.liquidation_price or 0.0) <= high)

    risk = window(found, pct)
    return tree.PositionsWindow(pct, read(Side.LONG), read(Side.SHORT), risk.long, risk.short)
