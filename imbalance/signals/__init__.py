"""What is read out of the data beside the map: each a pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from imbalance.records import Candle, LiquidationSum
from imbalance.units import DAY_MS


def change_since_low(now: float, days: Mapping[int, float]) -> tuple[float, int, float] | None:
    """Return (change as a fraction, day of the low, the low) of `now` against the lowest day.

    Parameters
    ----------
    days : value by day's start [ms]. The low is taken before the last day given.
    """
    if not days:
        return None
    low = min(days.values())
    low_ms = min(day for day, value in days.items() if value == low)
    return (now / low - 1, low_ms, low) if low > 0 else None


def in_base(usd_by_day: Mapping[int, float], daily: Sequence[Candle]) -> dict[int, float]:
    """Return a USD series over that day's close; days without a close are left out."""
    closes = {candle.time_ms: candle.close for candle in daily}
    return {day: usd / closes[day] for day, usd in usd_by_day.items() if day in closes}


def sum_by_day(series: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Return the sum over series on the days that all of them have."""
    if not series:
        return {}
    common = set(series[0]).intersection(*series[1:])
    return {day: sum(s[day] for s in series) for day in sorted(common)}


def month_volume_usd(daily: Sequence[Candle], year: int, month: int, until_ms: int) -> float | None:
    """Return volume [USD] of a calendar month so far; None where days of it are missing.

    A candle without quote volume counts base volume at its typical price (high + low + close) / 3.
    """
    held, expected = month_days(daily, year, month, until_ms)
    if not held or held < expected:
        return None
    return sum(map(_usd, _of_month(daily, year, month, until_ms)))


def _usd(candle: Candle) -> float:
    if candle.volume_usd is not None:
        return candle.volume_usd
    return candle.volume_base * (candle.high + candle.low + candle.close) / 3


def months(now_ms: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (year, month) of a moment and of the month before."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    return (now.year, now.month), month_before(now.year, now.month)


def month_days(daily: Sequence[Candle], year: int, month: int, until_ms: int) -> tuple[int, int]:
    """Return how many days of a calendar month are there, and how many it has had."""
    start_ms, end_ms = _month(year, month, until_ms)
    return len(_of_month(daily, year, month, until_ms)), -(-(end_ms - start_ms) // DAY_MS)


def month_before(year: int, month: int) -> tuple[int, int]:
    """Return the calendar month before."""
    return (year, month - 1) if month > 1 else (year - 1, 12)


def volume_per_day(daily: Sequence[Candle], now_ms: int) -> dict[tuple[int, int], float]:
    """Return the mean volume of a day [USD] of the month so far and of each whole month before, the newest first.

    It ends at the first month of which a day is missing: a month in part is comparable by its days alone.

    Parameters
    ----------
    daily : candles of days, the last one running; `now_ms` is within it.
    """
    found: dict[tuple[int, int], float] = {}
    (year, month), _before = months(now_ms)
    until_ms = -(-now_ms // DAY_MS) * DAY_MS
    while (usd := month_volume_usd(daily, year, month, until_ms)) is not None:
        start_ms, end_ms = _month(year, month, now_ms)
        found[year, month] = usd / ((end_ms - start_ms) / DAY_MS)
        year, month = month_before(year, month)
    return found


def month_means(monthly: Sequence[Candle], now_ms: int) -> dict[tuple[int, int], float]:
    """Return the mean volume of a day [USD] by month from candles of calendar months, the newest first.

    It ends where a month is missing, or begins at another moment than its first of all in UTC.
    """
    found: dict[tuple[int, int], float] = {}
    (year, month), _before = months(now_ms)
    by_start = {candle.time_ms: candle for candle in monthly}
    while (candle := by_start.get(_month(year, month, now_ms)[0])) is not None:
        start_ms, end_ms = _month(year, month, now_ms)
        found[year, month] = _usd(candle) / ((end_ms - start_ms) / DAY_MS)
        year, month = month_before(year, month)
    return found


def _of_month(daily: Sequence[Candle], year: int, month: int, until_ms: int) -> list[Candle]:
    start_ms, end_ms = _month(year, month, until_ms)
    return [c for c in daily if start_ms <= c.time_ms < end_ms]


def _month(year: int, month: int, until_ms: int) -> tuple[int, int]:
    start = datetime(year, month, 1, tzinfo=UTC)
    end = (start + timedelta(days=32)).replace(day=1)
    return round(start.timestamp() * 1000), min(round(end.timestamp() * 1000), until_ms)


def largest_since(total_usd: float, daily: Sequence[LiquidationSum], before_ms: int) -> tuple[int | None, int] | None:
    """Return (the last day with at least `total_usd`, the first day of the history), days before `before_ms`.

    The first is None where no day of the history was as large. None without history.
    """
    past = [d for d in daily if d.time_ms + DAY_MS <= before_ms]
    if not past:
        return None
    larger = [d.time_ms for d in past if d.long_usd + d.short_usd >= total_usd]
    return (max(larger) if larger else None), past[0].time_ms


def drawdown(times_ms: Sequence[int], closes: Sequence[float], price: float) -> tuple[float, int, float]:
    """Return (change from the highest close, its time, that close)."""
    top = max(range(len(closes)), key=lambda i: (closes[i], i))
    return price / closes[top] - 1, times_ms[top], closes[top]


def weighted(values: Sequence[tuple[float, float]]) -> float | None:
    """Return the mean of (value, weight) pairs; None without weight."""
    total = sum(weight for _value, weight in values)
    return sum(value * weight for value, weight in values) / total if total > 0 else None


def depth_usd(levels: Sequence[tuple[float, float]], price: float, within: float) -> float | None:
    """Return resting USD within a share of the price; None where the book does not reach that far."""
    if not levels or abs(levels[-1][0] / price - 1) < within:
        return None
    return sum(p * q for p, q in levels if abs(p / price - 1) <= within)
