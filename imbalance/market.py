"""MarketData: a market's bars as read-only arrays."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from imbalance.errors import BarsError, MissingDataError
from imbalance.path import PricePath
from imbalance.records import Contract, Feed, MarginTier
from imbalance.units import DAY_MS, interval_name, iso

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Which venues print all their liquidations, by name, as known on 2026-11-22; others are "unknown".
FEEDS = {
    "bybit": Feed.COMPLETE,
    "deribit": Feed.COMPLETE,
    "binance": Feed.CENSORED,
    "binance_coinm": Feed.CENSORED,
    "okx": Feed.CENSORED,
    "bitget": Feed.CENSORED,
    "htx": Feed.CENSORED,
}

MOST_MISSING = 0.2
NO_INTEREST = "open interest is empty or 0 in every bar: left out of the map and of sums"


class VenueBars(msgspec.Struct, frozen=True):
    """One venue's series on the market's bars; arrays of shape (bars,), NaN where not known.

    `open_interest_base` is one side, at bar close; volumes count each trade once. `liquidations_by` names who saw the
    liquidations where it was not the venue itself. `path` is the venue's own open, high, low and close [USD], shape
    (4, bars), where the market chooses its path among those of its venues.
    """

    name: str
    contract: Contract
    feed: Feed
    volume_base: Floats
    taker_buy_base: Floats
    open_interest_base: Floats
    long_liquidations_base: Floats
    short_liquidations_base: Floats
    tiers: tuple[MarginTier, ...] = ()
    notes: tuple[str, ...] = ()
    liquidations_by: str = ""
    path: Floats | None = None

    @property
    def has_open_interest(self) -> bool:
        """Whether open interest is above zero in any bar: without it a venue has no map and is in no sum."""
        return bool(np.nanmax(self.open_interest_base, initial=0.0) > 0)


# Of `VenueBars`, those with a value a bar.
SERIES = tuple(name for name in VenueBars.__struct_fields__ if name.endswith("_base"))


class MarketData(msgspec.Struct, frozen=True):
    """A market: one price path in USD that all venues share, and each venue's series.

    Attributes
    ----------
    symbol : base coin; it labels what is made of the market and chooses the margin ladders.
    time_ms : bar opens, shape (bars,), steps of `interval_ms` without gaps.
    open, high, low, close : the path; of mark prices where they are known, since liquidations go by them.
    price : the price now (mark price where known, else the last close).
    notes : what was repaired or assumed on the way.
    """

    symbol: str
    interval_ms: int
    time_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    price: float
    venues: tuple[VenueBars, ...]
    notes: tuple[str, ...] = ()

    @property
    def as_of_ms(self) -> int:
        """End of the last bar."""
        return int(self.time_ms[-1]) + self.interval_ms

    @property
    def path(self) -> PricePath:
        """The price path."""
        return PricePath(self.open, self.high, self.low, self.close)

    @property
    def history_ms(self) -> int:
        """The longest time over which a venue's open interest is known; 0 where none is."""
        first = [int(np.argmax(v.open_interest_base > 0)) for v in self.venues if v.has_open_interest]
        return (self.time_ms.size - min(first, default=self.time_ms.size)) * self.interval_ms

    def interest_age_ms(self, venue: VenueBars) -> int:
        """Return for how long a venue's open interest is not known before the bars end, 0 where it hardly is."""
        return _interest_age_ms(venue, self.time_ms.size, self.interval_ms)

    def until(self, as_of_ms: int) -> MarketData:
        """Return the market as it was then: bars that end at or before `as_of_ms`, and their last close.

        Where venues have paths of their own, the market's is chosen anew among what is left of them.

        Raises
        ------
        MissingDataError
            If no bar is left, or no open interest.
        """
        bars = int(np.searchsorted(self.time_ms + self.interval_ms, as_of_ms, side="right"))
        if bars == 0:
            first = iso(int(self.time_ms[0]) + self.interval_ms)
            raise MissingDataError(f"no bar ends at or before {iso(as_of_ms)}: the first ends at {first}")
        if bars == self.time_ms.size:
            return self
        venues = tuple(_cut(v, slice(bars)) for v in self.venues)
        if all(v.path is not None for v in venues):
            # A market of prices alone stays one.
            needs = any(v.has_open_interest for v in self.venues)
            return market_of_venues(self.symbol, self.interval_ms, self.time_ms[:bars], venues, needs_interest=needs)
        path = {name: getattr(self, name)[:bars] for name in PricePath._fields}
        last = float(path["close"][-1])
        return msgspec.structs.replace(self, time_ms=self.time_ms[:bars], price=last, venues=venues, **path)

    def between(self, from_ms: int, to_ms: int) -> MarketData:
        """Return the market as a table of its bars from `from_ms` to `to_ms` alone would give it.

        Venues must have paths of their own, as those of `read_bars` do.

        Raises
        ------
        MissingDataError
            If no bar lies there, or no open interest.
        """
        first = int(np.searchsorted(self.time_ms, from_ms))
        end = int(np.searchsorted(self.time_ms + self.interval_ms, to_ms, side="right"))
        venues = tuple(_cut(v, slice(first, end)) for v in self.venues)
        if not any(np.isfinite(v.path[3]).any() for v in venues if v.path is not None):
            raise MissingDataError(f"no bar from {iso(from_ms)} to {iso(to_ms)}")
        return market_of_venues(self.symbol, self.interval_ms, self.time_ms[first:end], venues)


def _cut(venue: VenueBars, bars: slice) -> VenueBars:
    path = None if venue.path is None else venue.path[:, bars]
    return msgspec.structs.replace(venue, path=path, **{name: getattr(venue, name)[bars] for name in SERIES})


def frozen(values: npt.ArrayLike) -> Floats:
    """Return a read-only float64 copy."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def market_of_venues(
    symbol: str, interval_ms: int, time_ms: Ints, venues: tuple[VenueBars, ...], *, needs_interest: bool = True
) -> MarketData:
    """Join venues that have paths of their own: the market's path is that of the venue that trades most.

    A bar that it lacks is taken from the next venue, a bar that all lack is filled flat; venues without any bar are
    left out, and so are bars after the last that any venue has.

    Raises
    ------
    BarsError
        If more than a fifth of the bars lack.
    MissingDataError
        If no venue has open interest.
    """
    known = np.any([np.isfinite(v.path[3]) for v in venues if v.path is not None], axis=0)
    bars = int(np.flatnonzero(known)[-1]) + 1
    venues = tuple(_cut(v, slice(bars)) for v in venues if v.path is not None and np.isfinite(v.path[3]).any())
    venues = tuple(sorted(venues, key=lambda v: (-float(np.nansum(v.volume_base)), v.name)))
    path = np.full((4, bars), np.nan)
    for v in venues:
        absent = np.isnan(path[3])
        if v.path is not None:
            path[:, absent] = v.path[:, absent]
    check_missing(time_ms[:bars][np.isfinite(path[3])], interval_ms)
    filled = _fill_gaps(path)
    if needs_interest:
        _require_interest(venues)
    opens, high, low, close = (frozen(row) for row in path)
    return MarketData(
        symbol=symbol,
        interval_ms=interval_ms,
        time_ms=time_ms[:bars],
        open=opens,
        high=high,
        low=low,
        close=close,
        price=float(close[-1]),
        venues=tuple(_noted(v, time_ms[:bars], interval_ms) for v in venues),
        notes=(f"{filled} missing bars filled flat",) if filled else (),
    )


def _require_interest(venues: tuple[VenueBars, ...]) -> None:
    if not any(v.has_open_interest for v in venues):
        raise MissingDataError(
            "no open interest: it is empty or 0 in every bar of every venue, so there is nothing to map",
            "The column open_interest_base holds it, in coins, one side.",
        )
    if not any(_last_known(v.open_interest_base) > 0 for v in venues):
        raise MissingDataError("open interest ends at 0 at every venue, so there is nothing left to map")


def _last_known(series: Floats) -> float:
    known = series[np.isfinite(series)]
    return float(known[-1]) if known.size else 0.0


def check_missing(known_ms: Ints, interval_ms: int) -> None:
    """Raise where more than `MOST_MISSING` of the bars between the first and the last known one lack."""
    bars = int((known_ms[-1] - known_ms[0]) // interval_ms) + 1
    missing = bars - known_ms.size
    if missing > MOST_MISSING * bars:
        widest = int(np.argmax(np.diff(known_ms)))
        raise BarsError(
            f"{missing} of {bars} bars of {interval_name(interval_ms)} are missing, the most from "
            f"{iso(int(known_ms[widest]) + interval_ms)} to {iso(int(known_ms[widest + 1]))}; at most a fifth may be"
        )


def _fill_gaps(path: Floats) -> int:
    """Fill bars that lack flat at the close before, in place; return how many there were."""
    absent = np.isnan(path[3])
    known = np.maximum.accumulate(np.where(absent, 0, np.arange(absent.size)))
    path[:, absent] = path[3, known][absent]
    return int(absent.sum())


def _noted(venue: VenueBars, time_ms: Ints, interval_ms: int) -> VenueBars:
    """Return a venue with the series that are 0 in every bar as missing, and notes on what it does not know."""
    notes = []
    series: dict[str, Any] = {}
    unknown = frozen(np.full(time_ms.size, np.nan))
    if not np.nansum(venue.volume_base) > 0:
        series["volume_base"] = unknown
        notes.append("volume is empty or 0 in every bar: taken as not known")
    sides = ("long_liquidations_base", "short_liquidations_base")
    if all(np.nanmax(getattr(venue, side), initial=-1.0) == 0 for side in sides):
        series |= dict.fromkeys(sides, unknown)
        notes.append("liquidations are 0 in every bar: taken as not reported")
    if not venue.has_open_interest:
        series["open_interest_base"] = unknown
        notes.append(NO_INTEREST)
    else:
        age_ms = _interest_age_ms(venue, time_ms.size, interval_ms)
        if age_ms:
            since = iso(int(time_ms[-1]) + interval_ms - age_ms)
            notes.append(f"open interest last known at {since}, and taken to stand since")
    return msgspec.structs.replace(venue, notes=tuple(notes), **series)


def _interest_age_ms(venue: VenueBars, bars: int, interval_ms: int) -> int:
    known = np.flatnonzero(np.isfinite(venue.open_interest_base))
    age_ms = (bars - 1 - int(known[-1])) * interval_ms if known.size else 0
    return age_ms if age_ms >= max(DAY_MS, 2 * interval_ms) else 0
