"""The engine on a market: what `import imbalance` and the use cases share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from imbalance.engine.assumptions import Assumptions
from imbalance.engine.estimate import estimate as run_engine
from imbalance.engine.venue import Venue
from imbalance.errors import MissingDataError, UsageError
from imbalance.market import MarketData, VenueBars
from imbalance.records import Contract, Feed, MarginTier
from imbalance.results.liquidation_map import LiquidationMap, result
from imbalance.units import parse_time_ms
from imbalance.venues import ladders

if TYPE_CHECKING:
    from imbalance.results.heatmap import LiquidationHeatmap


def liquidation_map(
    market: MarketData,
    *,
    calibrate: str = "auto",
    tiers: dict[str, list[MarginTier]] | None = None,
    seed: int = 0,
) -> LiquidationMap:
    """Estimate the liquidation map of a market at its last bar.

    Parameters
    ----------
    calibrate : "auto" fits to observed liquidations where there are enough; "off" keeps the prior.
    tiers : maintenance ladders by venue name, in place of those that came with the data.

    Raises
    ------
    MissingDataError
        If no venue has open interest.
    """
    if calibrate not in {"auto", "off"}:
        raise UsageError(f"calibrate must be 'auto' or 'off', not {calibrate!r}")
    venues = engine_venues(market, tiers)
    path = market.path
    found = run_engine(
        market.symbol,
        market.time_ms,
        market.interval_ms,
        path,
        market.price,
        venues,
        calibrated=calibrate == "auto",
        seed=seed,
    )
    return result(found)


def _at(bars: MarketData, symbol: str | None, as_of: str | int | None) -> MarketData:
    """Return the market under the name and at the moment that a caller gives; its own where none is given."""
    market = bars if symbol is None else msgspec.structs.replace(bars, symbol=symbol)
    if as_of is None:
        return market
    try:
        moment_ms = parse_time_ms(str(as_of))
    except ValueError:
        raise UsageError(f"as_of {as_of!r} is neither ISO-8601 nor epoch milliseconds") from None
    return market.until(moment_ms)


def estimate(
    bars: MarketData,
    *,
    symbol: str | None = None,
    as_of: str | int | None = None,
    calibrate: str = "auto",
    tiers: dict[str, list[MarginTier]] | None = None,
    seed: int = 0,
) -> LiquidationMap:
    """Estimate the liquidation map of bars: the library's front door.

    Parameters
    ----------
    bars : of `read_bars`.
    symbol : base coin, for labels and margin ladders; that of the bars where none is given.
    as_of : ISO-8601 time or epoch ms; nothing later may influence the result.
    calibrate, tiers, seed : as in `liquidation_map`.
    """
    return liquidation_map(_at(bars, symbol, as_of), calibrate=calibrate, tiers=tiers, seed=seed)


def engine_venues(market: MarketData, tiers: dict[str, list[MarginTier]] | None = None) -> list[Venue]:
    """Return the market's venues as the engine takes them: those that have open interest.

    Raises
    ------
    MissingDataError
        If none has.
    """
    venues = [_engine_venue(v, market, (tiers or {}).get(v.name)) for v in market.venues if v.has_open_interest]
    if not venues:
        raise MissingDataError("no venue has open interest above 0, so there is nothing to map")
    return venues


def _engine_venue(venue: VenueBars, market: MarketData, own: list[MarginTier] | None) -> Venue:
    given = own if own is not None else venue.tiers or ladders.stored(venue.name, market.symbol)[0]
    tiers = sorted(given, key=lambda tier: tier.cap)
    unit = [market.price if t.bounds_in_base else 1.0 for t in tiers]
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
        inverse=venue.contract is Contract.INVERSE,
        seen_by=venue.liquidations_by,
        most_leverage=max((t.max_leverage for t in tiers), default=125.0),
    )


def through_time(
    market: MarketData,
    found: LiquidationMap,
    *,
    columns: int = 1000,
    bins: int = 1000,
    tiers: dict[str, list[MarginTier]] | None = None,
) -> LiquidationHeatmap:
    """Return the map of a market through time, with the weights that its last map found."""
    # A map alone needs none of this.
    from imbalance.engine.heatmap import heatmap as run_heatmap
    from imbalance.results.heatmap import LiquidationHeatmap

    built = run_heatmap(
        market.symbol,
        market.time_ms,
        market.interval_ms,
        market.path,
        engine_venues(market, tiers),
        found.weights,
        Assumptions(),
        columns,
        bins,
        opened=found.opened,
    )
    own = msgspec.structs.asdict(built)
    return LiquidationHeatmap(**own, interval_ms=market.interval_ms, forced_share=found.model.forced_share)


def heatmap(
    bars: MarketData,
    *,
    columns: int = 1000,
    bins: int = 1000,
    symbol: str | None = None,
    as_of: str | int | None = None,
    calibrate: str = "auto",
    tiers: dict[str, list[MarginTier]] | None = None,
    seed: int = 0,
) -> LiquidationHeatmap:
    """Return the liquidation map of bars through time: `time_ms`, `edges`, `long_usd`, `short_usd`.

    Parameters
    ----------
    bars : of `read_bars`.
    columns, bins : of time and price; no more columns than bars.
    symbol, as_of, calibrate, tiers, seed : as in `estimate`.
    """
    if columns < 1 or bins < 1:
        raise UsageError("columns and bins must be at least 1")
    market = _at(bars, symbol, as_of)
    found = liquidation_map(market, calibrate=calibrate, tiers=tiers, seed=seed)
    return through_time(market, found, columns=columns, bins=bins, tiers=tiers)
