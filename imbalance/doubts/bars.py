"""What is doubted of a bars file: series that end, stand still or are not known, and figures that few markets show.

What cannot be true at all was refused as the file was read; the thresholds of both stand in `imbalance.bars.limits`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imbalance.bars.clocks import LEAST_COMMON, correlation
from imbalance.bars.limits import doubtful, limit
from imbalance.doubts.evidence import Doubt
from imbalance.market import MarketData, VenueBars
from imbalance.units import DAY_MS, HOUR_MS, iso, plain
from imbalance.wire.harvest import Figure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LEAST_MOVED = 3  # bars in which open interest changes, before one of them says anything
WEEK = 7  # days
ROUNDING = 1e-9  # of running sums


def examine_bars(market: MarketData) -> list[Doubt]:
    """Return what is doubted of a market that was read from a bars file; the market is left as it is."""
    found = []
    for venue in market.venues:
        told = [*_candles(market, venue), *_together(market, venue), *_volume(venue), *_liquidations(market, venue)]
        if venue.has_open_interest:
            told += [*_interest(market, venue), *_turnover(market, venue)]
        found += [Doubt(venue.name, figure, reason, left_out=False) for figure, reason in told]
    return found


def _interest(market: MarketData, venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    interest, volume = venue.open_interest_base, venue.volume_base
    known = np.flatnonzero(np.isfinite(interest))
    age_ms = market.interest_age_ms(venue)
    if age_ms:
        at = iso(market.as_of_ms - age_ms)
        told = f"last known at {at}, {age_ms / HOUR_MS:.4g} hours before the bars end: taken to stand since, so that "
        yield Figure.INTEREST, f"{told}the map rests on what was open then and lacks what was opened after"
    span = int(np.count_nonzero(_there(venue)[known[0] : known[-1] + 1]))
    if span - known.size > doubtful("open interest unknown") * span:
        yield Figure.INTEREST, f"known in {known.size} of {span} bars, and taken to stand between them"
    still, last = _longest(np.diff(interest, prepend=np.nan) == 0)
    if still >= doubtful("bars alike") and np.nansum(volume[last - still + 1 : last + 1]) > 0:
        since = iso(int(market.time_ms[last - still]))
        told = f"the same in {still + 1} bars from {since} on, while coins were traded: a feed that stood still?"
        yield Figure.INTEREST, told
    yield from _untraded(market, interest, volume)


def _untraded(market: MarketData, interest: Floats, volume: Floats) -> Iterator[tuple[Figure, str]]:
    """Tell of open interest that changes by more than is traded."""
    before, now, traded = interest[:-1], interest[1:], volume[1:]
    moved = np.isfinite(before) & np.isfinite(now) & (now != before)
    idle = moved & (traded == 0)
    if moved.sum() >= LEAST_MOVED and idle.sum() > doubtful("moved untraded") * moved.sum():
        yield Figure.VOLUME, f"0 in {idle.sum()} bars in which open interest changes, which takes trades"
    factor = doubtful("step of open interest")
    far = moved & (before > 0) & (now > 0) & (np.abs(now - before) > limit("step over volume") * traded)
    far &= (now > factor * before) | (before > factor * now)
    if far.any():
        at = int(np.argmax(far))
        told = f"goes from {plain(before[at])} to {plain(now[at])} in the bar of {iso(int(market.time_ms[at + 1]))}"
        yield Figure.INTEREST, f"{told}, where {plain(traded[at])} were traded: other units, or contracts, from there?"


def _volume(venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    there = _there(venue)
    known = there & np.isfinite(venue.volume_base)
    if not known.any():
        told = "empty or 0 in every bar: not known, so that positions are taken to close only where open interest falls"
        yield Figure.VOLUME, f"{told}, and the map comes out larger than it is"
    elif known.sum() < (1 - doubtful("volume unknown")) * there.sum():
        told = f"known in {known.sum()} of {there.sum()} bars; in the others taken as the last known share"
        yield Figure.VOLUME, f"{told} of open interest"


def _candles(market: MarketData, venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    if venue.path is None:
        return
    known = np.flatnonzero(np.isfinite(venue.path[3]))
    span = int(known[-1] - known[0]) + 1
    if span - known.size > doubtful("bars missing") * span:
        yield Figure.CANDLES, f"{span - known.size} of its {span} bars are missing"
    elif span < doubtful("few bars") * market.time_ms.size:
        yield Figure.CANDLES, f"it has {known.size} of {market.time_ms.size} bars"
    opens, high, low, close = venue.path
    still, last = _longest((high == low) & (np.diff(close, prepend=np.nan) == 0))
    if still >= doubtful("bars alike") and np.nansum(venue.volume_base[last - still + 1 : last + 1]) > 0:
        since = iso(int(market.time_ms[last - still]))
        yield Figure.CANDLES, f"no price moves in {still + 1} bars from {since} on, while coins were traded"
    yield from _steps(market, opens, close)
    traded = venue.volume_base > 0
    flat = traded & (high == low)
    if flat.sum() > doubtful("bars without a range") * traded.sum() and np.unique(close[flat]).size > LEAST_MOVED:
        yield Figure.CANDLES, f"high and low are the same in {flat.sum()} bars: how far prices went is not known"
    cells = np.column_stack([*venue.path, venue.volume_base])[traded]
    again = len(cells) - len(np.unique(cells, axis=0))
    if again >= doubtful("bars alike"):
        yield Figure.CANDLES, f"{again} bars repeat the prices and the volume of others to the last digit"
    elsewhere = [v.path for v in market.venues if v.path is not None and v is not venue]
    yield from _wick(market, "high", np.fmax(opens, close), high, [path[1] for path in elsewhere])
    # A low is a high of the inverted price.
    yield from _wick(market, "low", 1 / np.fmin(opens, close), 1 / low, [1 / path[2] for path in elsewhere])


def _steps(market: MarketData, opens: Floats, close: Floats) -> Iterator[tuple[Figure, str]]:
    """Tell of the largest step from close to close, and of opens that do not join the closes before."""
    moves = close[1:] / close[:-1]
    factors = np.nan_to_num(np.fmax(moves, 1 / moves))
    if factors.max(initial=1.0) > doubtful("step of price" + (", in a day" if market.interval_ms >= DAY_MS else "")):
        at = int(np.argmax(factors)) + 1
        told = f"the close of {iso(int(market.time_ms[at]))}, {plain(close[at])}, is a factor of {factors.max():.3g}"
        yield Figure.CANDLES, f"{told} off the one before: other units, or another coin, from there?"
    gaps, own_moves = np.abs(np.log(opens[1:] / close[:-1])), np.abs(np.log(close / opens))[1:]
    joined = np.isfinite(gaps)
    if joined.sum() >= LEAST_COMMON:
        off, own = float(np.median(gaps[joined])), float(np.median(own_moves[joined]))
        if own > 0 and off > doubtful("open off the close before") * own:
            yield Figure.CANDLES, "opens do not join the closes before: rows out of order, or prices of two series?"


def _together(market: MarketData, venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    """Tell of closes that do not move with those of the venue that trades most."""
    first = market.venues[0]
    if venue is first or venue.path is None or first.path is None:
        return
    mine, main = np.diff(np.log(venue.path[3])), np.diff(np.log(first.path[3]))
    found = correlation(main, mine, 0)
    if found < doubtful("closes move together"):
        yield Figure.CANDLES, f"closes do not move with those of {first.name} (correlation {found:.2f}): another coin?"


def _wick(
    market: MarketData, name: str, body: Floats, tip: Floats, elsewhere: list[Floats]
) -> Iterator[tuple[Figure, str]]:
    """Tell of the high farthest beyond its own open and close and those beside it, or those of other venues."""
    beside = np.fmax(np.append(tip[1:], np.nan), np.insert(tip[:-1], 0, np.nan))
    across = np.fmax.reduce(elsewhere) if elsewhere else np.full_like(tip, np.nan)
    for what, against in (("the bars beside it", beside), ("other venues", across)):
        beyond = np.nan_to_num(tip / np.maximum(body, against))
        at = int(np.argmax(beyond))
        if beyond[at] > doubtful(f"{name} beyond {what}"):
            value = tip[at] if name == "high" else 1 / tip[at]
            told = f"the {name} of {iso(int(market.time_ms[at]))}, {plain(value)}, lies a factor of {beyond[at]:.3g}"
            told += f" beyond its open, close and {what}: the mark price, by which positions are liquidated, may not"
            yield Figure.CANDLES, f"{told} have gone there"
            return


def _liquidations(market: MarketData, venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    """Tell of liquidations that are a share of volume as few markets show: they may be in USD."""
    volume = venue.volume_base
    sides = np.stack([venue.long_liquidations_base, venue.short_liquidations_base])
    known = np.isfinite(volume) & np.isfinite(sides).any(axis=0)
    day_bars = max(DAY_MS // market.interval_ms, 1)
    for name, side in (("long", venue.long_liquidations_base), ("short", venue.short_liquidations_base)):
        told = side[np.isfinite(side)]
        if told.size and not told.any() and np.nansum(sides) > 0:
            yield (
                Figure.LIQUIDATIONS,
                f"{name} ones are 0 in every bar, where those of the other side are not: missing?",
            )
    liquidated, traded = np.where(known, np.nansum(sides, axis=0), 0.0), np.where(known, volume, 0.0)
    for name, days in (("day", 1), ("week", WEEK)):
        ends, shares = _shares(liquidated, traded, days * day_bars)
        if shares.size and shares.max() > doubtful(f"liquidations of a {name} over volume"):
            at = iso(int(market.time_ms[ends[int(np.argmax(shares))]]) + market.interval_ms)
            yield (
                Figure.LIQUIDATIONS,
                f"{shares.max():.2g} of what was traded in the {name} to {at}: in USD, not coins?",
            )
            return
    part, whole = float(liquidated.sum()), float(traded.sum())
    if known.sum() >= WEEK * day_bars and 0 < part < doubtful("liquidations over volume, least") * whole:
        yield (
            Figure.LIQUIDATIONS,
            f"{part / whole:.2g} of what was traded in {known.sum()} bars: in another unit than coins?",
        )


def _shares(liquidated: Floats, traded: Floats, bars: int) -> tuple[Ints, Floats]:
    """Return the last bars of the spans of so many bars in which coins were traded, and what was liquidated of them."""
    summed = np.concatenate([np.zeros((2, 1)), np.cumsum([liquidated, traded], axis=1)], axis=1)
    part, whole = summed[:, bars:] - summed[:, :-bars]
    some = np.flatnonzero(whole > ROUNDING * traded.sum())
    return some + bars - 1, part[some] / whole[some]


def _turnover(market: MarketData, venue: VenueBars) -> Iterator[tuple[Figure, str]]:
    """Tell of volume over open interest as few venues show: one of them may be in contracts or in USD."""
    mine, days = _turnover_of(market, venue)
    if not mine > 0 or days < 1:
        return
    told = f"the volume of a day is {mine:.3g} times the open interest"
    others = [other for v in market.venues if v is not venue and (other := _turnover_of(market, v)[0]) > 0]
    factor = doubtful("turnover over that of other venues")
    if not doubtful("turnover, least") <= mine <= doubtful("turnover, most"):
        yield Figure.SIZES, f"{told}: is one of them not in coins?"
    elif others and not 1 / factor <= mine / float(np.median(others)) <= factor:
        yield Figure.SIZES, f"{told}, at other venues {np.median(others):.3g} times: is one of them not in coins?"


def _turnover_of(market: MarketData, venue: VenueBars) -> tuple[float, float]:
    """Return volume of a day over open interest in the bars where both are known, and how many days those are."""
    both = np.isfinite(venue.volume_base) & (venue.open_interest_base > 0)
    days = float(both.sum()) * market.interval_ms / DAY_MS
    if not days:
        return 0.0, days
    return float(venue.volume_base[both].sum() / days / np.median(venue.open_interest_base[both])), days


def _there(venue: VenueBars) -> Flags:
    """Return which bars the venue has."""
    path = venue.path
    return np.ones(venue.volume_base.size, dtype=np.bool_) if path is None else np.isfinite(path[3])


def _longest(flags: Flags) -> tuple[int, int]:
    """Return the length of the longest run of true flags and where it ends; 0 where there is none."""
    at = np.arange(flags.size)
    lengths = at - np.maximum.accumulate(np.where(flags, -1, at))
    last = int(np.argmax(lengths))
    return int(lengths[last]), last
