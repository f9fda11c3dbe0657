"""Records to MarketData: one path, one grid of bars, each venue's series on it.

A series that a venue publishes more coarsely than the bars is interpolated, and the venue's notes say so.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from imbalance.errors import MissingDataError
from imbalance.liquidated import Orders, in_bars
from imbalance.market import FEEDS, Floats, Ints, MarketData, VenueBars, frozen
from imbalance.readings import from_statistics
from imbalance.records import (
    Candle,
    ContractStats,
    Feed,
    Instrument,
    MarginTier,
    OpenInterest,
    VenueLiquidations,
)
from imbalance.units import DAY_MS, interval_name, median

MOST_MISSING = 0.2
# A venue with fewer of the bars than this share of what the best has gives no path where another can.
LEAST_OF_MOST = 0.98
# A shorter record of liquidations says more of its days than of the market; one answer may hold three days.
LEAST_COLLECTED_MS = 7 * DAY_MS


class VenueRecords:
    """What a venue gave, as far as bars are made of it; lists in order of time."""

    def __init__(
        self,
        instrument: Instrument,
        *,
        candles: Sequence[Candle] = (),
        open_interest: Sequence[OpenInterest] = (),
        statistics: Sequence[ContractStats] = (),
        seen_elsewhere: Sequence[VenueLiquidations] = (),
        seen_elsewhere_by: str = "",
        orders: Orders | None = None,
        tiers: Sequence[MarginTier] = (),
        tiers_note: str = "",
        disputed: str = "",
    ) -> None:
        self.instrument = instrument
        self.candles = candles
        self.open_interest = open_interest
        self.statistics = statistics
        self.seen_elsewhere = seen_elsewhere
        self.seen_elsewhere_by = seen_elsewhere_by
        self.orders = orders
        self.tiers = tuple(tiers)
        self.tiers_note = tiers_note
        self.disputed = disputed

    @property
    def usable(self) -> bool:
        """Whether there is open interest, and volume from candles or statistics."""
        return bool(self.statistics) or (bool(self.candles) and bool(self.open_interest))


def assemble(symbol: str, interval_ms: int, end_ms: int, price: float, venues: Sequence[VenueRecords]) -> MarketData:
    """Join venues into one market.

    The path is that of the venue with the largest volume whose candles cover the span; only bars that end
    at or before `end_ms` count.

    Raises
    ------
    MissingDataError
        If no venue has candles and open interest.
    """
    usable = [v for v in venues if v.usable]
    candled = [v for v in usable if v.candles]
    if not candled:
        raise MissingDataError("no venue gave both candles and open interest", "See the gaps above; try --venue.")
    chosen = path_of({v.instrument.venue: v.candles for v in candled})
    path = next(v for v in candled if v.instrument.venue == chosen)
    closed = [c for c in path.candles if c.time_ms + interval_ms <= end_ms]
    if not closed:
        raise MissingDataError(f"no {interval_name(interval_ms)} bar has ended yet")
    first, last = closed[0].time_ms, closed[-1].time_ms
    time_ms = np.arange(first, last + interval_ms, interval_ms, dtype=np.int64)
    ohlc, filled = _path(closed, time_ms, interval_ms)
    for running in path.candles[len(closed) :]:
        # The running bar opens nothing yet, but what it has reached is gone.
        ohlc[1, -1] = max(ohlc[1, -1], running.high)
        ohlc[2, -1] = min(ohlc[2, -1], running.low)
    notes = [f"path of {path.instrument.venue}"]
    if filled:
        notes.append(f"{filled} missing bars filled flat")
    return MarketData(
        symbol=symbol,
        interval_ms=interval_ms,
        time_ms=time_ms,
        open=frozen(ohlc[0]),
        high=frozen(ohlc[1]),
        low=frozen(ohlc[2]),
        close=frozen(ohlc[3]),
        price=price,
        venues=tuple(_shaped([_venue(v, time_ms, interval_ms, ohlc[3]) for v in usable])),
        notes=tuple(notes),
    )


def path_of(candles: Mapping[str, Sequence[Candle]]) -> str:
    """Return whose bars the path is: of those that have about as many as the one with most, the largest volume's."""
    most = max(map(len, candles.values()))
    return min(
        candles,
        key=lambda who: (
            len(candles[who]) < LEAST_OF_MOST * most,
            -sum(candle.volume_base for candle in candles[who]),
            who,
        ),
    )


def joined(candles: Sequence[Candle], interval_ms: int) -> list[Candle]:
    """Return candles as bars of `interval_ms`: shorter ones joined; a bar that lacks any of its parts is left out.

    The running bar is kept as far as it has come.
    """
    if len(candles) < 2 or candles[1].time_ms - candles[0].time_ms >= interval_ms:  # noqa: PLR2004
        return list(candles)
    step_ms = min(b.time_ms - a.time_ms for a, b in itertools.pairwise(candles))
    parts: dict[int, list[Candle]] = {}
    for candle in candles:
        parts.setdefault(candle.time_ms // interval_ms * interval_ms, []).append(candle)
    last = max(parts)
    return [
        Candle(
            time_ms,
            rows[0].open,
            max(row.high for row in rows),
            min(row.low for row in rows),
            rows[-1].close,
            sum(row.volume_base for row in rows),
        )
        for time_ms, rows in sorted(parts.items())
        if len(rows) == interval_ms // step_ms or time_ms == last
    ]


def _shaped(venues: list[VenueBars]) -> list[VenueBars]:
    """Give venues whose open interest is known only now the shape that the others' has over time."""
    known = [v for v in venues if np.isfinite(v.open_interest_base[:-1]).any()]
    total = np.sum([np.nan_to_num(v.open_interest_base) for v in known], axis=0) if known else None
    found = []
    for venue in venues:
        now = venue.open_interest_base[-1]
        if np.isfinite(venue.open_interest_base[:-1]).any() or not np.isfinite(now):
            found.append(venue)
            continue
        shape = np.ones(venue.open_interest_base.size) if total is None or total[-1] <= 0 else total / total[-1]
        note = "no history of open interest: shaped like that of the others"
        found.append(msgspec.structs.replace(venue, open_interest_base=frozen(now * shape), notes=(*venue.notes, note)))
    return found


def _path(candles: Sequence[Candle], time_ms: Ints, interval_ms: int) -> tuple[Floats, int]:
    """Return open, high, low, close of shape (4, bars), gaps filled flat, and how many were."""
    table = np.full((4, time_ms.size), np.nan)
    at = (np.array([c.time_ms for c in candles]) - time_ms[0]) // interval_ms
    table[:, at] = np.array([(c.open, c.high, c.low, c.close) for c in candles]).T
    absent = np.isnan(table[3])
    if absent.mean() > MOST_MISSING:
        raise MissingDataError(f"{absent.sum()} of {absent.size} bars are missing")
    known = np.maximum.accumulate(np.where(absent, 0, np.arange(absent.size)))
    table[:, absent] = table[3, known][absent]
    return table, int(absent.sum())


def _on_grid(time_ms: Ints, stamps_ms: Ints, *columns: Floats) -> Floats:
    """Place columns of values at bars by equal stamps, NaN elsewhere, shape (columns, bars)."""
    out = np.full((len(columns), time_ms.size), np.nan)
    at = np.searchsorted(time_ms, stamps_ms)
    held = time_ms[np.minimum(at, time_ms.size - 1)] == stamps_ms
    out[:, at[held]] = np.stack(columns)[:, held]
    return out


def _spread(
    time_ms: Ints, interval_ms: int, stamps_ms: Sequence[int] | Ints, sums: Sequence[float | None] | Floats
) -> Floats:
    """Spread sums of coarse buckets evenly over the bars that they hold; NaN where there is no bucket."""
    out = np.full(time_ms.size, np.nan)
    stamps = np.asarray(stamps_ms, dtype=np.int64)
    if stamps.size == 0:
        return out
    bucket_ms = int(np.min(np.diff(stamps))) if stamps.size > 1 else interval_ms
    values = np.asarray(sums, dtype=np.float64)  # None becomes NaN
    at = np.searchsorted(stamps, time_ms, side="right") - 1
    held = (at >= 0) & (time_ms < stamps[np.maximum(at, 0)] + bucket_ms)
    out[held] = values[at[held]] * min(interval_ms / bucket_ms, 1.0)
    return out


def _level(time_ms: Ints, interval_ms: int, stamps_ms: Sequence[int], values: Sequence[float]) -> Floats:
    """Interpolate a level at bar closes; NaN before its first stamp, its last value after the last."""
    if not len(stamps_ms):
        return np.full(time_ms.size, np.nan)
    closes = time_ms + interval_ms
    level = np.interp(closes, stamps_ms, values)
    level[closes < stamps_ms[0]] = np.nan
    return level


def _seen_elsewhere(
    rows: Sequence[VenueLiquidations], time_ms: Ints, interval_ms: int, close: Floats
) -> tuple[Floats, Floats]:
    """Return longs and shorts liquidated [base] as an aggregator saw them; inside its span no bucket means none."""
    bucket_ms = rows[0].bucket_ms
    at_ms = np.array([row.time_ms for row in rows], dtype=np.int64)
    stamps = np.arange(at_ms.min(), at_ms.max() + bucket_ms, bucket_ms)
    at, beside = np.divmod(at_ms - stamps[0], bucket_ms)
    sides = np.zeros((2, stamps.size))
    sides[:, at[beside == 0]] = np.array([(row.long_usd, row.short_usd) for row in rows]).T[:, beside == 0]
    long, short = (_spread(time_ms, interval_ms, stamps, usd) / close for usd in sides)
    return long, short


def _venue(records: VenueRecords, time_ms: Ints, interval_ms: int, close: Floats) -> VenueBars:
    notes = [records.tiers_note] if records.tiers_note else []
    notes += [f"open interest {records.disputed}"] if records.disputed else []
    taker = np.full(time_ms.size, np.nan)
    long_liquidations = short_liquidations = taker
    if records.candles:
        at_ms = np.array([c.time_ms for c in records.candles], dtype=np.int64)
        traded = np.array([c.volume_base for c in records.candles])
        bought = np.array([c.taker_buy_base for c in records.candles], dtype=np.float64)  # None becomes NaN
        volume, taker = _on_grid(time_ms, at_ms, traded, bought)
    seen_by = ""
    if records.seen_elsewhere and not records.statistics:
        seen_by = records.seen_elsewhere_by
        long_liquidations, short_liquidations = _seen_elsewhere(records.seen_elsewhere, time_ms, interval_ms, close)
        notes += [f"liquidations as seen by {seen_by}"]
    collected = in_bars(records.orders, time_ms, interval_ms) if records.orders and not records.statistics else None
    if collected is not None and np.isfinite(collected[0]).sum() * interval_ms >= LEAST_COLLECTED_MS:
        long_liquidations, short_liquidations = (frozen(side) for side in collected)
        seen_by = ""
        days = np.isfinite(collected[0]).sum() * interval_ms / DAY_MS
        notes = [note for note in notes if not note.startswith("liquidations as seen by")]
        notes += [f"liquidations as recorded here, {days:.0f} d of them"]
    if records.statistics:
        stamps = [s.time_ms for s in records.statistics]
        long_liquidations = _spread(
            time_ms, interval_ms, stamps, [s.long_liquidations_base for s in records.statistics]
        )
        short_liquidations = _spread(
            time_ms, interval_ms, stamps, [s.short_liquidations_base for s in records.statistics]
        )
        notes += _coarser("statistics", stamps, interval_ms)
        taker = _spread(time_ms, interval_ms, stamps, [s.taker_buy_base for s in records.statistics])
        if not records.candles:
            sells = _spread(time_ms, interval_ms, stamps, [s.taker_sell_base for s in records.statistics])
            volume = taker + sells
    interest = list(records.open_interest)
    if len(interest) < 2 and len(records.statistics) > 1:  # noqa: PLR2004
        history = from_statistics(records.statistics)
        interest = [row for row in history if not interest or row.time_ms < interest[0].time_ms] + interest
    last_close_ms = int(time_ms[-1]) + interval_ms
    if len(interest) == 1 and interest[0].time_ms > last_close_ms:
        # The one figure there is was read while a bar still runs: it stands for the last close.
        interest = [OpenInterest(last_close_ms, interest[0].open_interest_base)]
    notes += _coarser("open interest", [o.time_ms for o in interest], interval_ms)
    name = records.instrument.venue
    return VenueBars(
        name=name,
        contract=records.instrument.contract,
        feed=Feed.UNKNOWN if seen_by else FEEDS.get(name, Feed.UNKNOWN),
        liquidations_by=seen_by,
        volume_base=frozen(volume),
        taker_buy_base=frozen(taker),
        open_interest_base=frozen(
            _level(time_ms, interval_ms, [o.time_ms for o in interest], [o.open_interest_base for o in interest])
        ),
        long_liquidations_base=frozen(long_liquidations),
        short_liquidations_base=frozen(short_liquidations),
        tiers=records.tiers,
        notes=tuple(notes),
    )


def _coarser(what: str, stamps_ms: Sequence[int], interval_ms: int) -> list[str]:
    if len(stamps_ms) < 2:  # noqa: PLR2004
        return []
    step_ms = int(median(b - a for a, b in itertools.pairwise(stamps_ms)))
    return [f"{what} every {interval_name(step_ms)}, interpolated"] if step_ms > interval_ms else []
