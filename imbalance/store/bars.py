"""A coin's history in the form of a bars file: one row a time and venue."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from imbalance.errors import MissingDataError
from imbalance.liquidated import inside, summed
from imbalance.market import Floats, Ints
from imbalance.store import reading
from imbalance.store.rows import Series
from imbalance.units import LAST_MS, MINUTE_MS, Side, interval_name

Columns = dict[str, list[Any]]
# Open interest is of a bar's close: an older figure is that of another bar.
OLDEST_MS = 5 * MINUTE_MS
PARTS = frozenset({"candles", "open_interest", "liquidations", "liquidation_sums"})
PRICES = ("open", "high", "low", "close")
NAMES = (
    "time", "venue", "contract", *PRICES, "volume_base", "taker_buy_base", "open_interest_base",
    "long_liquidations_base", "short_liquidations_base",
)  # fmt: skip


def bars(connection: Connection, symbol: str, interval_ms: int, start_ms: int = 0, end_ms: int = LAST_MS) -> Columns:
    """Return the columns of a bars file with all bars of a length that the venues gave; NaN where something is unknown.

    Parameters
    ----------
    start_ms, end_ms : only bars that open from one to before the other.

    Raises
    ------
    MissingDataError
        If there are none; the hint names the lengths that there are.
    """
    own = _own(connection, symbol)
    candles = _candles(own, symbol, interval_ms)
    found: Columns = {name: [] for name in NAMES}
    for number in candles:
        of_venue = {n: one for n, one in own.items() if one.venue == own[number].venue}
        for name, values in _venue(connection, number, of_venue, interval_ms, start_ms, end_ms).items():
            found[name] += values
    return _in_order(found)


def require(connection: Connection, symbol: str, interval_ms: int) -> None:
    """Raise a `MissingDataError` where no bars of a length are stored of a coin; the hint names lengths that are."""
    _candles(_own(connection, symbol), symbol, interval_ms)


def state(connection: Connection, symbol: str, interval_ms: int, start_ms: int, end_ms: int) -> str:
    """Return a digest that changes when what is stored for a coin's bars from one moment to before another does."""
    digest = hashlib.sha256()
    for number, one in _own(connection, symbol).items():
        if one.data in PARTS and (one.data != "candles" or one.interval_ms == interval_ms):
            # Open interest of the last bar is of its close.
            extent = reading.learned(connection, number, one.data, start_ms, end_ms + 1)
            spans = [span[:2] for span in reading.known(connection, number) if span.to_ms > start_ms]
            within = [(max(a, start_ms), min(b, end_ms)) for a, b in spans if a < end_ms]
            digest.update(f"{tuple(one)} {extent} {within}\n".encode())
    return digest.hexdigest()


def _own(connection: Connection, symbol: str) -> dict[int, Series]:
    """Return a coin's series by their number: what aggregators say of venues is not those venues' own."""
    return {n: one for n, one in reading.all_series(connection, symbol=symbol).items() if one.source == one.venue}


def _candles(own: dict[int, Series], symbol: str, interval_ms: int) -> list[int]:
    candles = [n for n, one in own.items() if one.data == "candles" and one.interval_ms == interval_ms]
    if not candles:
        lengths = sorted({one.interval_ms for one in own.values() if one.data == "candles"})
        there = ", ".join(map(interval_name, lengths))
        raise MissingDataError(
            f"no {interval_name(interval_ms)} bars of {symbol} are stored",
            f"There are bars of {there}: choose with --interval." if there else "A live run stores what it reads.",
        )
    return candles


def months(connection: Connection, symbol: str, interval_ms: int) -> list[tuple[str, int, int]]:
    """Return the calendar months that hold bars of a length: name (``2026-01``), start and end [ms]."""
    extents = [
        extent
        for n, one in reading.all_series(connection, symbol=symbol, data="candles", interval_ms=interval_ms).items()
        if one.source == one.venue and (extent := reading.extent(connection, n, "candles")) is not None
    ]
    found = []
    at = datetime.fromtimestamp(min((first for first, _last in extents), default=0) / 1000, UTC)
    at = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_ms = max((last for _first, last in extents), default=-1)
    while (start_ms := round(at.timestamp() * 1000)) <= last_ms:
        after = (at + timedelta(days=32)).replace(day=1)
        found.append((f"{at:%Y-%m}", start_ms, round(after.timestamp() * 1000)))
        at = after
    return found


def symbols(connection: Connection, interval_ms: int) -> list[str]:
    """Return the coins of which bars of a length are stored."""
    return sorted(
        {one.symbol for one in reading.all_series(connection, data="candles", interval_ms=interval_ms).values()}
    )


def _venue(
    connection: Connection, number: int, own: dict[int, Series], interval_ms: int, start_ms: int, end_ms: int
) -> Columns:
    names = ("time_ms", *PRICES, "volume_base", "taker_buy_base")
    rows = reading.arrays(connection, number, "candles", names, start_ms=start_ms, end_ms=end_ms)
    time_ms: Ints = rows["time_ms"]
    sides = _liquidations(connection, own, time_ms, interval_ms, rows["close"])
    found = {name: rows[name].tolist() for name in names[1:]}
    return found | {
        "time": time_ms.tolist(),
        "venue": [own[number].venue] * time_ms.size,
        "contract": [own[number].contract] * time_ms.size,
        "open_interest_base": _open_interest(connection, own, time_ms + interval_ms).tolist(),
        "long_liquidations_base": sides[0].tolist(),
        "short_liquidations_base": sides[1].tolist(),
    }


def _in_order(columns: Columns) -> Columns:
    """Return rows by time and venue, each once: a venue may have listed the coin under more than one name."""
    keys = dict(zip(zip(columns["time"], columns["venue"], strict=True), range(len(columns["time"])), strict=True))
    order = [keys[key] for key in sorted(keys)]
    return {name: [values[i] for i in order] for name, values in columns.items()}


def _open_interest(connection: Connection, own: dict[int, Series], close_ms: Ints) -> Floats:
    """Return the newest open interest [base] at each close, NaN where that is too old."""
    if not close_ms.size:
        return np.empty(0)
    names = ("time_ms", "open_interest_base")
    start_ms, end_ms = int(close_ms[0]) - OLDEST_MS, int(close_ms[-1]) + 1
    parts = [
        reading.arrays(connection, n, "open_interest", names, start_ms=start_ms, end_ms=end_ms)
        for n, one in own.items()
        if one.data == "open_interest"
    ]
    stamps, values = (
        np.concatenate([np.empty(0), *(part[name] for part in parts)]) for name in ("time_ms", "open_interest_base")
    )
    held = np.isfinite(values)
    order = np.argsort(stamps[held], kind="stable")
    stamps, values = stamps[held][order], values[held][order]
    out = np.full(close_ms.size, np.nan)
    if not stamps.size:
        return out
    at = np.searchsorted(stamps, close_ms, side="right") - 1
    fresh = (at >= 0) & (close_ms - stamps[np.maximum(at, 0)] <= OLDEST_MS)
    out[fresh] = values[at[fresh]]
    return out


def _liquidations(
    connection: Connection, own: dict[int, Series], time_ms: Ints, interval_ms: int, close: Floats
) -> tuple[Floats, Floats]:
    """Return longs and shorts liquidated [base] in each bar that is known whole; NaN in the others."""
    long, short = np.full(time_ms.size, np.nan), np.full(time_ms.size, np.nan)
    for number, one in own.items():
        if one.data not in {"liquidation_sums", "liquidations"}:
            continue
        if one.interval_ms and interval_ms % one.interval_ms:
            continue
        if not time_ms.size:
            continue
        end_ms = int(time_ms[-1]) + interval_ms
        rows = reading.arrays(connection, number, one.data, start_ms=int(time_ms[0]), end_ms=end_ms)
        whole = inside(time_ms, interval_ms, [span[:2] for span in reading.known(connection, number)])
        whole &= np.isnan(long)
        if one.data == "liquidations":
            parts = [np.where(rows["position"] == side.value, rows["quantity_base"], 0.0) for side in Side]
        else:
            at = np.clip(np.searchsorted(time_ms, rows["time_ms"], side="right") - 1, 0, None)
            price = close[at] if close.size else at
            parts = [_base(rows[f"{side.value}_base"], rows[f"{side.value}_usd"], price) for side in Side]
        for out, part in zip((long, short), parts, strict=True):
            out[whole] = summed(time_ms, interval_ms, rows["time_ms"], part)[whole]
    return long, short


def _base(base: Floats, usd: Floats, price: npt.NDArray[Any]) -> Floats:
    return np.where(np.isnan(base), usd / price, base)
