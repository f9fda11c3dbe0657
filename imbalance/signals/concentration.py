"""How a sum is spread over venues."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """Shares of a sum, the largest first; `hhi` is the sum of their squares."""

    shares: dict[str, float]
    hhi: float


def spread(amounts: Mapping[str, float]) -> Spread | None:
    """Return how amounts are spread; None where they sum to nothing."""
    total = sum(amounts.values())
    if not total > 0:
        return None
    shares = {name: amounts[name] / total for name in sorted(amounts, key=lambda name: (-amounts[name], name))}
    return Spread(shares, sum(share**2 for share in shares.values()))
