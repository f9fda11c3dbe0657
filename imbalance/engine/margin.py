"""Margin arithmetic: liquidation prices, effective maintenance rates, leverage as a distance.

References: the isolated-margin formulas of the venues' help pages (Binance, Bybit, OKX); see `liquidation_price`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LONG, SHORT = 0, 1


def liquidation_price(
    entry: npt.ArrayLike, leverage: npt.ArrayLike, rate: npt.ArrayLike, side: int, *, inverse: bool = False
) -> Floats:
    """Return the mark price at which an isolated position is liquidated.

    Parameters
    ----------
    entry : entry price [USD].
    leverage : notional over margin at entry.
    rate : effective maintenance margin rate (fraction of notional at the liquidation price).
    side : 0 long, 1 short.
    inverse : whether the contract settles in coin.

    Notes
    -----
    Linear, margin E/l a coin: long ``E (1 - 1/l) / (1 - m)``, short ``E (1 + 1/l) / (1 + m)``.
    Inverse, margin 1/(E l) coins a USD: long ``E (1 + m) / (1 + 1/l)``, short ``E (1 - m) / (1 - 1/l)``
    (infinite at leverage 1: a short of one times leverage in coin is a position in USD).
    """
    entry, leverage, rate = (np.asarray(v, dtype=np.float64) for v in (entry, leverage, rate))
    sign = -1.0 if side == LONG else 1.0
    with np.errstate(divide="ignore"):
        if inverse:
            return np.asarray(entry * (1 - sign * rate) / (1 - sign / leverage))
        return np.asarray(entry * (1 + sign / leverage) / (1 + sign * rate))


def effective_rate(notional_usd: npt.ArrayLike, cap_usd: Floats, rate: Floats, deduction_usd: Floats) -> Floats:
    """Return maintenance margin over notional: the bracket's rate less its deduction.

    Parameters
    ----------
    notional_usd : notional at the liquidation price.
    cap_usd, rate, deduction_usd : the ladder, shape (brackets,), rising caps; beyond the last cap the last
        bracket holds.
    """
    notional = np.asarray(notional_usd, dtype=np.float64)
    bracket = np.minimum(np.searchsorted(cap_usd, notional), cap_usd.size - 1)
    return np.asarray(rate[bracket] - deduction_usd[bracket] / np.maximum(notional, 1e-9))


def liquidation_price_on_ladder(
    entry: float,
    leverage: float,
    quantity_base: float,
    side: int,
    cap_usd: Floats,
    rate: Floats,
    deduction_usd: Floats,
) -> float:
    """Return the liquidation price of a linear position whose bracket is that of its notional there.

    Solved for each bracket in closed form; the self-consistent solution nearest to entry is the one that
    price meets first. With margin E q / l and maintenance ``P q m - cum``: long
    ``P = (E q (1 - 1/l) - cum) / (q (1 - m))``, short ``P = (E q (1 + 1/l) + cum) / (q (1 + m))``.
    """
    sign = -1.0 if side == LONG else 1.0
    price = (entry * quantity_base * (1 + sign / leverage) + sign * deduction_usd) / (quantity_base * (1 + sign * rate))
    notional = price * quantity_base
    floor = np.concatenate([[0.0], cap_usd[:-1]])
    last = np.arange(cap_usd.size) == cap_usd.size - 1
    consistent = (notional >= floor * (1 - 1e-9)) & ((notional <= cap_usd * (1 + 1e-9)) | last)
    if not consistent.any():
        consistent = last
    found = price[consistent]
    return float(found[np.argmin(np.abs(found - entry))])


def distance_of_leverage(
    leverage: npt.ArrayLike, cap_usd: Floats, rate: Floats, deduction_usd: Floats, typical_usd: float
) -> Floats:
    """Return the share of entry price that a long of `leverage` can lose before it is liquidated.

    ``d = 1 - (1 - 1/l) / (1 - m)``, with the effective rate of a position of `typical_usd` notional. The
    engine lays shorts out at ``E (1 + d)``, which differs from the exact form by order ``d m``.
    """
    leverage = np.asarray(leverage, dtype=np.float64)
    m = effective_rate(typical_usd, cap_usd, rate, deduction_usd)
    return np.asarray(1.0 - (1.0 - 1.0 / leverage) / (1.0 - m))
