"""Units, sides and times; what the terms mean is in `imbalance.glossary`."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import UTC, datetime

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
}


LAST_MS = 253_402_300_799_999  # the end of the year 9999: no calendar here has more


class Side(enum.StrEnum):
    """A position's side; for a liquidation the side that was liquidated."""

    LONG = "long"
    SHORT = "short"


def interval_name(interval_ms: int) -> str:
    """Return the usual name of a bar length (``900000`` -> ``15m``).

    Lengths without a usual name are given in days where they are whole ones, else in minutes.
    """
    for name, length_ms in INTERVALS_MS.items():
        if length_ms == interval_ms:
            return name
    if interval_ms and interval_ms % DAY_MS == 0:
        return f"{interval_ms // DAY_MS}d"
    return f"{interval_ms / MINUTE_MS:g}m"


def plain(value: float, digits: int = 6, *, thousands: str = ",") -> str:
    """Return a finite number with so many significant digits, or all of its whole ones, as a decimal: 0.000014352."""
    power = int(f"{value:.{digits - 1}e}".partition("e")[2] or 0)
    text = f"{value:{thousands}.{max(digits - 1 - power, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def median(values: Iterable[float]) -> float:
    """Return the middle of numbers, or the mean of the two in the middle; Python's own takes long to load.

    Raises
    ------
    ValueError
        If there is none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no numbers have no median")
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def iso(time_ms: int) -> str:
    """Return epoch milliseconds as ISO-8601 UTC ending in Z, seconds precision."""
    return datetime.fromtimestamp(time_ms / SECOND_MS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def date(time_ms: int) -> str:
    """Return the UTC day of epoch milliseconds, ``2026-01-30``."""
    return iso(time_ms).partition("T")[0]


def parse_time_ms(text: str) -> int:
    """Return epoch milliseconds of an ISO-8601 time (UTC where no offset is given) or of epoch ms.

    Raises
    ------
    ValueError
        If `text` is neither, or beyond the year 9999.
    """
    text = text.strip()
    if text.isdigit():
        time_ms = int(text)
    else:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        time_ms = round(moment.timestamp() * SECOND_MS)
    if time_ms > LAST_MS:
        raise ValueError(f"{text[:40]!r} is beyond the year 9999")
    return time_ms
