"""Prices held against each other: a venue's mark, its bars and its days, each against the other venues'."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from imbalance.doubts.evidence import Bars, Doubt, Evidence, Floats, Ints, aligned, found_in, known_median
from imbalance.doubts.thresholds import (
    BAR_FACTOR,
    BAR_FACTOR_STRANGE,
    CLOSE_OFF,
    CLOSE_OFF_SHARE,
    LEAST_FITTED,
    LEAST_VENUES,
    MARK_OFF,
    MOVED_TIMES,
    PRICE_OFF,
    STALE_MS,
)
from imbalance.readings import ticker, venue_price
from imbalance.units import DAY_MS, MINUTE_MS, date, iso, median, plain
from imbalance.wire.harvest import Figure


def marks(evidence: Evidence) -> list[Doubt]:
    """Doubt venues at another price than the others, and indexes away from their own mark."""
    prices = {h.name: price for h in evidence.venues if (price := venue_price(h)) is not None}
    middle = median(prices.values()) if len(prices) >= LEAST_VENUES else None
    found = []
    for harvest in evidence.venues:
        price = prices.get(harvest.name)
        if price is not None and middle is not None and abs(price / middle - 1) > PRICE_OFF:
            told = f"its price of {plain(price)} is {price / middle:.3g} times that of the other venues"
            found.append(Doubt(harvest.name, Figure.ALL, told))
            continue
        now = ticker(harvest)
        if now.index_price and now.mark_price and abs(now.index_price / now.mark_price - 1) > MARK_OFF:
            told = f"its index of {plain(now.index_price)} is {now.index_price / now.mark_price:.3g} times its mark"
            found.append(Doubt(harvest.name, Figure.INDEX, told))
    return found


def bars(evidence: Evidence) -> list[Doubt]:
    """Doubt bars of another price than the other venues' at the same time, or than the venue's own mark."""
    prices = _prices(evidence.bars)
    ratios = _ratios(prices)
    apart = _apart(ratios)
    found = [Doubt(name, Figure.CANDLES, told) for name, told in apart.items()]
    strange = _apart(ratios, BAR_FACTOR_STRANGE)
    found += [Doubt(name, Figure.CANDLES, strange[name], left_out=False) for name in strange if name not in apart]
    moved = {n: told for n, told in _moved(prices, evidence.bars).items() if n not in apart}
    found += [Doubt(name, Figure.CANDLES, told) for name, told in moved.items()]
    apart |= moved
    middle = [bars.close[-1] for name, bars in evidence.bars.items() if name not in apart]
    others = median(middle) if len(middle) >= LEAST_VENUES else None
    for harvest in evidence.venues:
        mark, own = ticker(harvest).mark_price, evidence.bars.get(harvest.name)
        if mark is None or own is None or harvest.name in apart:
            continue
        close = float(own.close[-1])
        ended = evidence.now_ms - (int(own.time_ms[-1]) + own.step_ms) > STALE_MS
        if ended or abs(mark / close - 1) <= MARK_OFF:
            continue
        told = f"its mark of {plain(mark)} is {mark / close:.3g} times its last close, {plain(close)}"
        bars_off = others is not None and abs(close / others - 1) > abs(mark / others - 1)
        found.append(Doubt(harvest.name, Figure.CANDLES if bars_off else Figure.ALL, told))
    return found


def days(evidence: Evidence) -> list[Doubt]:
    """Doubt daily candles of another price than the other venues', or than the venue's own bars."""
    found = _apart(_ratios(_prices(evidence.days)))
    for name, daily in evidence.days.items():
        own = evidence.bars.get(name)
        if name in found or own is None:
            continue
        last_ms = daily.time_ms + DAY_MS - own.step_ms
        at, held = found_in(own.time_ms, last_ms)
        off = daily.close[held] / own.close[at[held]]
        wrong = np.flatnonzero(np.abs(off - 1) > MARK_OFF)
        if wrong.size:
            first = int(daily.time_ms[held][wrong[0]])
            found[name] = f"its day of {date(first)} ends at {off[wrong[0]]:.3g} times the close of its own bars"
    return [Doubt(name, Figure.DAILY_CANDLES, told) for name, told in found.items()]


class _Prices(msgspec.Struct, frozen=True):
    """Close, high and low of series, NaN where one has no bar, shape (series, 3, times)."""

    names: list[str]
    times_ms: Ints
    table: Floats


def _prices(series: Mapping[str, Bars]) -> _Prices | None:
    """Return the prices of series at the times that any has; None where the series are too few."""
    if len(series) < LEAST_VENUES:
        return None
    return _Prices(list(series), *aligned(series, lambda bars: (bars.close, bars.high, bars.low)))


def _moved(prices: _Prices | None, series: Mapping[str, Bars]) -> dict[str, str]:
    """Return whose bars fit the other venues' only at other times than their own, by name."""
    if prices is None:
        return {}
    closes = prices.table[:, 0]
    closes = np.log(closes[:, np.count_nonzero(np.isfinite(closes), axis=0) >= LEAST_VENUES])
    step_ms = int(median(bars.step_ms for bars in series.values()))
    if closes.shape[1] < LEAST_FITTED:
        return {}
    others = known_median(closes)
    moves = range(-STALE_MS // step_ms, STALE_MS // step_ms + 1)
    fits = np.array([_fits(closes, others, bars) for bars in moves])
    best, plain = np.argmin(fits, axis=0), fits[moves.index(0)]
    return {
        name: f"its bars fit the other venues' when they are moved by {moves[at] * step_ms / MINUTE_MS:+.0f} min"
        for name, at, now, then in zip(series, best, plain, np.min(fits, axis=0), strict=True)
        if moves[at] and now > MOVED_TIMES * then
    }


def _fits(closes: Floats, others: Floats, later: int) -> Floats:
    """Return how far closes lie from others' where they are moved to be later by some bars, shape (series,)."""
    size = others.size - abs(later)
    start = max(later, 0)
    apart = np.abs(closes[:, start - later : start - later + size] - others[start : start + size])
    known = np.isfinite(apart)
    count = np.count_nonzero(known, axis=1)
    return np.where(count > 0, np.where(known, apart, 0.0).sum(axis=1) / np.maximum(count, 1), np.inf)


class _Ratios(msgspec.Struct, frozen=True):
    """Prices over the median of all series that have the same time.

    Attributes
    ----------
    table : of close, high and low, NaN where a series has no bar, shape (series, 3, times).
    reach : how far the farthest of a bar's is from 1, as a factor of at least 1, 0 where there is no bar, shape
        (series, times).
    """

    names: list[str]
    times_ms: Ints
    table: Floats
    reach: Floats


def _ratios(prices: _Prices | None) -> _Ratios | None:
    """Return ratios at the times that enough series have; None where there is no such time."""
    if prices is None:
        return None
    common = np.count_nonzero(np.isfinite(prices.table[:, 0]), axis=0) >= LEAST_VENUES
    table = prices.table[:, :, common]
    table = table / known_median(table)
    reach = np.maximum(table, 1 / table).max(axis=1)
    return _Ratios(prices.names, prices.times_ms[common], table, np.nan_to_num(reach)) if common.any() else None


def _apart(ratios: _Ratios | None, factor: float = BAR_FACTOR) -> dict[str, str]:
    """Return why a venue's bars are not of the price that the others have at the same time, by name.

    One bar that is off by `factor` is enough.
    """
    found: dict[str, str] = {}
    if ratios is None:
        return found
    known, off = ratios.reach > 0, np.abs(ratios.table[:, 0] - 1) > CLOSE_OFF
    bars, closes_off = np.count_nonzero(known, axis=1), np.count_nonzero(off, axis=1)
    far = np.count_nonzero(ratios.reach > factor, axis=1)
    for i in np.flatnonzero((closes_off > CLOSE_OFF_SHARE * bars) | (far > 0)):
        own = ratios.table[i]
        at = int(np.argmax(ratios.reach[i] > factor if far[i] else off[i]))
        worst = own[np.nanargmax(np.abs(np.log(own[:, at]))), at]
        found[ratios.names[i]] = (
            f"{max(closes_off[i], far[i])} of its {bars[i]} bars are of another price than the other "
            f"venues': {worst:.3g} times theirs at {iso(int(ratios.times_ms[at]))}"
        )
    return found
