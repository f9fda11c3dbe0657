"""Cascade: how far a push of price is carried by the liquidations that it sets off.

Forced flow N(x) is the sum of all liquidations within distance x on the side that the push meets. An impact
law I turns it into distance. A push p reaches the least x at or beyond p with ``p + I(N(x)) <= x``; to reach
X it takes ``max over x <= X of x - I(N(x))``. The reproduction number ``R(x) = f(x) I'(N(x))``, with f = dN/dx,
is how much distance the liquidations in a unit of distance make: above 1 the move feeds itself.

The square-root law is that of market impact (Toth et al. 2011, doi:10.1103/PhysRevX.1.021006), measured on orders of
far less than a day's volume; the book laws walk the displayed orders. What neither was made for, a push of more than a
day's volume, is told as such.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.engine import random_numbers
from imbalance.engine.liquidation_map import LiquidationMap, Range, range_of
from imbalance.engine.margin import LONG, SHORT

Floats = npt.NDArray[np.float64]
Law = Callable[[Floats], Floats]

IMPACT_COEFFICIENT = 1.0
IMPACT_LOG_SD = 0.3
STRESSED_SHARE = 0.1


class LawResult(msgspec.Struct, frozen=True):
    """What one impact law says, each with its range over the draws.

    `reach` is the price at which the push ends; `push_needed` the share of the price that others must push
    for the target to be reached, `carried` the share of the way that liquidations do, `cost_usd` what such a
    push costs by the same law; `reproduction` the largest R on the way; `beyond_day` whether the cost is more than a
    day's volume, so that the law is asked for what it cannot know; None where no volume is known.
    """

    name: str
    reach: Range
    push_needed: Range
    carried: Range
    cost_usd: Range
    reproduction: Range | None
    beyond_day: bool | None


class Cascade(msgspec.Struct, frozen=True):
    """A push to a target: the forced flow on the way, and the laws."""

    side: str
    target: float
    forced: Range
    exposed_usd: float
    laws: list[LawResult]


def square_root(volume_day_usd: float, volatility_day: float) -> tuple[Law, Law]:
    """Return the law ``I = Y sigma sqrt(N / V)`` and its inverse."""

    def impact(flow: Floats) -> Floats:
        return np.asarray(IMPACT_COEFFICIENT * volatility_day * np.sqrt(flow / volume_day_usd))

    def cost(distance: Floats) -> Floats:
        return np.asarray(volume_day_usd * (distance / (IMPACT_COEFFICIENT * volatility_day)) ** 2)

    return impact, cost


def book_walk(distance: Floats, depth_usd: Floats) -> tuple[Law, Law]:
    """Return the law of walking displayed orders, and its inverse.

    Parameters
    ----------
    distance, depth_usd : cumulated depth by distance from the price, rising, shape (points,); beyond the last
        point it goes on at its mean density.
    """
    x, d = np.concatenate([[0.0], distance]), np.concatenate([[0.0], depth_usd])
    density = d[-1] / x[-1]

    def impact(flow: Floats) -> Floats:
        inside = np.interp(flow, d, x)
        return np.asarray(np.where(flow > d[-1], x[-1] + (flow - d[-1]) / density, inside))

    def cost(distance: Floats) -> Floats:
        return np.asarray(np.where(distance > x[-1], d[-1] + (distance - x[-1]) * density, np.interp(distance, x, d)))

    return impact, cost


def run(
    found: LiquidationMap,
    target: float,
    laws: dict[str, tuple[Law, Law]],
    seed: int = 0,
    *,
    volume_day_usd: float | None = None,
) -> Cascade:
    """Push the price to `target` under each law.

    Draws of the map are paired with draws of the law's own scale (log-normal).
    """
    side = SHORT if target > found.price else LONG
    push = abs(target / found.price - 1)
    inside = found.log_edges[:-1] >= 0 if side == SHORT else found.log_edges[1:] <= 0
    order = slice(None) if side == SHORT else slice(None, None, -1)
    ends = (found.log_edges[1:] if side == SHORT else found.log_edges[:-1])[inside][order]
    x = np.abs(np.expm1(ends))
    central = np.cumsum(found.forced[side][inside][order])
    draws = np.cumsum(found.draws[:, side, inside][:, order], axis=1)
    exposed = np.cumsum(found.exposed[side][inside][order])
    scale = np.exp(IMPACT_LOG_SD * random_numbers.normal(f"{seed} impact", draws.shape[0]))
    rows = []
    for name, (impact, cost) in laws.items():
        middle = _follow(x, central, push, impact, 1.0)
        each = np.array([_follow(x, n, push, impact, float(s)) for n, s in zip(draws, scale, strict=True)])
        sign = 1 if side == SHORT else -1
        reach = range_of(middle[0], each[:, 0])
        prices = sorted(found.price * (1 + sign * v) for v in (reach.low, reach.high))
        needed = range_of(middle[1], each[:, 1])
        price_of_push = cost(np.array([middle[1], *each[:, 1]]) / np.array([1.0, *scale]))
        known = each[:, 2][np.isfinite(each[:, 2])]
        rows.append(
            LawResult(
                name,
                Range(found.price * (1 + sign * reach.value), prices[0], prices[1]),
                needed,
                range_of(1 - middle[1] / push, 1 - each[:, 1] / push),
                range_of(float(price_of_push[0]), price_of_push[1:]),
                range_of(middle[2], known) if np.isfinite(middle[2]) else None,
                None if volume_day_usd is None else bool(price_of_push[0] > volume_day_usd),
            )
        )
    at = np.interp(push, x, central), np.array([np.interp(push, x, n) for n in draws])
    return Cascade(
        "short" if side == SHORT else "long",
        target,
        range_of(float(at[0]), at[1]),
        float(np.interp(push, x, exposed)),
        rows,
    )


def _follow(x: Floats, flow: Floats, push: float, impact: Law, scale: float) -> tuple[float, float, float]:
    """Return (reach, push needed to get as far as `push`, largest reproduction number up to the reach)."""
    carried = scale * impact(flow)
    here = float(np.interp(push, x, carried))
    beyond = np.flatnonzero(x > push)
    at, left = np.append(push, x[beyond]), np.append(-here, x[beyond] - push - carried[beyond])
    stops = np.flatnonzero(left >= 0)
    reach = float(at[-1])
    if stops.size:
        i = int(stops[0])
        reach = push if i == 0 else float(np.interp(0.0, left[i - 1 : i + 1], at[i - 1 : i + 1]))
    on_way = x <= push
    free = np.append(x[on_way] - carried[on_way], push - here)
    needed = float(np.clip(free.max(initial=0.0), 0.0, push))
    grows = np.flatnonzero((flow > 0) & (x <= max(reach, push)))
    if grows.size < 2:  # noqa: PLR2004
        return reach, needed, float("nan")
    slope = np.gradient(carried[grows], x[grows])
    return reach, needed, float(slope.max())
