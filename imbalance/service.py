"""Use cases that join the parts: what the commands and `import imbalance` call."""

from __future__ import annotations

import numpy as np

from imbalance.engine.estimate import Venue, estimate
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.errors import UsageError
from imbalance.market import MarketData, VenueBars
from imbalance.records import Feed, MarginTier


def liquidation_map(
    market: MarketData, *, calibrate: str = "auto", tiers: dict[str, list[MarginTier]] | None = None, seed: int = 0
) -> LiquidationMap:
    """Estimate the liquidation map of a market at its last bar.

    Parameters
    ----------
    calibrate : "auto" fits to observed liquidations where there are enough; "off" keeps the prior.
    tiers : maintenance ladders by venue name, in place of those that came with the data.
    """
    if calibrate not in {"auto", "off"}:
        raise UsageError(f"calibrate must be 'auto' or 'off', not {calibrate!r}")
    venues = [_engine_venue(v, market.price, (tiers or {}).get(v.name)) for v in market.venues]
    path = (market.open, market.high, market.low, market.close)
    return estimate(
        market.symbol,
        market.time_ms,
        market.interval_ms,
        path,
        market.price,
        venues,
        calibrated=calibrate == "auto",
        seed=seed,
    )


def _engine_venue(venue: VenueBars, price: float, own: list[MarginTier] | None) -> Venue:
    tiers = sorted(own if own is not None else venue.tiers, key=lambda t: t.cap)
    unit = [price if t.bounds_in_base else 1.0 for t in tiers]
    return Venue(
        name=venue.name,
        complete_feed=venue.feed is Feed.COMPLETE,
        volume=venue.volume_base,
        open_interest=venue.open_interest_base,
        long_liquidations=venue.long_liquidations_base,
        short_liquidations=venue.short_liquidations_base,
        cap_usd=np.array([t.cap * u for t, u in zip(tiers, unit, strict=True)]),
        rate=np.array([t.rate for t in tiers]),
        deduction_usd=np.array([t.deduction_usd for t in tiers]),
        most_leverage=max((t.max_leverage for t in tiers), default=125.0),
    )
