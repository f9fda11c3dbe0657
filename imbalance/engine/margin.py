"""Margin arithmetic: liquidation prices, effective maintenance rates, leverage as a distance.

References: the isolated-margin formulas of the venues' help pages (Binance, Bybit, OKX). With entry E, leverage l and
effective maintenance rate m, a linear position is liquidated at ``E (1 - 1/l) / (1 - m)`` (long) or
``E (1 + 1/l) / (1 + m)`` (short), one that settles in coin at ``E (1 + m) / (1 + 1/l)`` or ``E (1 - m) / (1 - 1/l)``.

The engine knows a position by its *distance* d, the share of the entry price that a linear long can lose:
``d = 1 - (1 - 1/l) / (1 - m)``. The other three lie at ``E (1 + d)``, ``E / (1 + d)`` and ``E / (1 - d)``, which
differs from the exact forms by order ``m / l + m^2``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LONG, SHORT = 0, 1


def price_at_distance(entry: Floats, distance: Floats, side: int, *, inverse: bool = False) -> Floats:
    """Return the mark price at which a position is liquidated [USD].

    Parameters
    ----------
    entry : entry price [USD], shape (n,).
    distance : d above, in (0, 1), shape (n,).
    side : 0 long, 1 short.
    inverse : whether the contract settles in coin.
    """
    signed = distance if side == SHORT else -distance
    return np.asarray(entry / (1 - signed) if inverse else entry + entry * signed)


def distance_of_leverage(leverage: npt.ArrayLike, rate: float) -> Floats:
    """Return the distance of positions of a leverage, at an effective maintenance rate."""
    return np.asarray(1.0 - (1.0 - 1.0 / np.asarray(leverage, dtype=np.float64)) / (1.0 - rate))


def leverage_at_distance(distance: Floats, rate: float) -> Floats:
    """Return the leverage whose positions have a distance: `distance_of_leverage` turned round."""
    return np.asarray(1.0 / (1.0 - (1.0 - distance) * (1.0 - rate)))


def effective_rate(notional_usd: npt.ArrayLike, cap_usd: Floats, rate: Floats, deduction_usd: Floats) -> Floats:
    """Return maintenance margin over notional: the bracket's rate less its deduction.

    Parameters
    ----------
    notional_usd : notional at the liquidation price, above 0.
    cap_usd, rate, deduction_usd : the ladder, shape (brackets,), rising caps; beyond the last cap the last
        bracket holds.
    """
    notional = np.asarray(notional_usd, dtype=np.float64)
    bracket = np.minimum(np.searchsorted(cap_usd, notional), cap_usd.size - 1)
    return np.asarray(rate[bracket] - deduction_usd[bracket] / notional)
