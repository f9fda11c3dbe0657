"""Positions of known accounts, with the liquidation prices that their venue gives, in the form of the map."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imbalance.engine.clusters import mass_between
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.engine.margin import LONG, SHORT
from imbalance.market import Floats
from imbalance.records import Position
from imbalance.report import tree
from imbalance.report.mapping import WINDOWS_PCT, significant, window
from imbalance.units import Side

DISTANCES_PCT = (0.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # the map of longs ends at 34 %


class Known(NamedTuple):
    """A position whose liquidation price is known."""

    side: Side
    price: float
    quantity_base: float

    @property
    def usd(self) -> float:
        """What it is worth as the map counts it: coins at the liquidation price."""
        return self.quantity_base * self.price


def sections(positions: Sequence[Position], accounts: int, found: LiquidationMap) -> dict[str, Any]:
    """Build all sections; what is read and what the model holds stand side by side and are never added."""
    edges, price = found.edges, found.price
    known = [Known(p.side, p.liquidation_price, p.quantity_base) for p in positions if p.liquidation_price is not None]
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
        "distances": distances(positions, found),
    }


def distances(positions: Sequence[Position], found: LiquidationMap) -> list[tree.DistanceShare]:
    """Return shares of notional by distance from the price, of what was read and of what the model holds exposed."""
    long, short = ([p for p in positions if p.side is side] for side in (Side.LONG, Side.SHORT))
    columns = (
        _read_shares(long, found.price),
        _model_shares(found, LONG),
        _read_shares(short, found.price),
        _model_shares(found, SHORT),
    )
    highs = (*DISTANCES_PCT[1:], None)
    return [tree.DistanceShare(*row) for row in zip(DISTANCES_PCT, highs, *columns, strict=True)]


def _read_shares(positions: Sequence[Position], price: float) -> list[float | None]:
    """Return a side's shares of notional; a position past its liquidation price counts as at it."""
    whole = sum(p.notional_usd for p in positions)
    if whole <= 0:
        return [None] * len(DISTANCES_PCT)
    total = np.zeros(len(DISTANCES_PCT))
    for p in positions:
        away = np.inf
        if p.liquidation_price is not None:
            away = (p.liquidation_price - price) / price * (100 if p.side is Side.SHORT else -100)
        total[max(int(np.searchsorted(DISTANCES_PCT, away, side="right")) - 1, 0)] += p.notional_usd
    return [float(x) for x in total / whole]


def _model_shares(found: LiquidationMap, side: int) -> list[float | None]:
    """Return a side's exposed coins as shares of open interest, and the rest of it."""
    interest = found.audit.total("open_interest_base")
    if interest <= 0:
        return [None] * len(DISTANCES_PCT)
    middle = found.price * np.exp((found.log_edges[1:] + found.log_edges[:-1]) / 2)
    sign = 1 if side == SHORT else -1
    ends = np.log1p(sign * np.array(DISTANCES_PCT) / 100)
    coins = found.exposed[side] / middle
    held = [float(mass_between(found.log_edges, coins, *sorted(pair))) for pair in itertools.pairwise(ends)]
    shares = [min(x / interest, 1.0) for x in held]
    return [*shares, max(1 - sum(shares), 0.0)]


def _binned(known: Sequence[Known], edges: Floats) -> Floats:
    return np.histogram([p.price for p in known], edges, weights=[p.usd for p in known])[0]


def _window(pct: float, known: Sequence[Known], found: LiquidationMap) -> tree.PositionsWindow:
    low, high = found.price * (1 - pct / 100), found.price * (1 + pct / 100)

    def read(side: Side) -> float:
        return sum(p.usd for p in known if p.side is side and low <= p.price <= high)

    risk = window(found, pct)
    return tree.PositionsWindow(pct, read(Side.LONG), read(Side.SHORT), risk.long, risk.short)
