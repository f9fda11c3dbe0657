"""Content of the files of Binance's public archive as columns.

Columns and their order are those of the archive's header lines, which files have since about August 2022 (earlier ones
have the columns without the line). Times of bars, funding and liquidations are epoch milliseconds; spot's became
microseconds with 2025, futures' did not (binance-public-data 386): they are told apart by their size.

**Metrics.** `create_time` is UTC. Files of USD-M until 2026-06-24 name the moment of the figures; from 2026-06-25 on
they name the start of the five minutes at whose END they were taken (binance-public-data 491; the row of 23:55 equals
the REST stamp of 00:00, measured by others on 2026-10-01), as those of COIN-M are said to do throughout. For COIN-M
before 2025 that is unverified: taken so, no figure is ever said to be known earlier than it was. Open interest is of
one side: base coin and USD in USD-M, contracts and base coin in COIN-M. Rows are doubled (2020-09 to 2021-05), out of
order, up to some seconds late, missing, or hold 0 for what was not measured (binance-public-data 335, 350, 484); ratios
may be empty. The taker ratio is not kept: bars have the volume that takers bought.

**Liquidations** (COIN-M). Every line stands twice; at most one order a second is printed, so equal lines are one order.
`side` is that of the order: a sale closes a long. Quantities are contracts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imbalance.dumps.binance import (
    COIN_M,
    FUNDING,
    KLINES,
    LIQUIDATIONS,
    METRICS,
    NAME,
    File,
    instrument_of,
)
from imbalance.dumps.unpack import Columns, place, table, unpacked
from imbalance.errors import ParseError
from imbalance.market import Floats, Ints
from imbalance.records import SETTLED, Instrument
from imbalance.units import INTERVALS_MS, MINUTE_MS, SECOND_MS, Side
from imbalance.wire.decode import FIRST_MS, LAST_MS

KLINE_COLUMNS = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count", "taker_buy_volume",
    "taker_buy_quote_volume", "ignore",
)  # fmt: skip
METRIC_COLUMNS = (
    "create_time", "symbol", "sum_open_interest", "sum_open_interest_value", "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio", "count_long_short_ratio", "sum_taker_long_short_vol_ratio",
)  # fmt: skip
FUNDING_COLUMNS = ("calc_time", "funding_interval_hours", "last_funding_rate")
LIQUIDATION_COLUMNS = (
    "time", "side", "order_type", "time_in_force", "original_quantity", "price", "average_price", "order_status",
    "last_fill_quantity", "accumulated_fill_quantity",
)  # fmt: skip
RATIOS = {
    "count_long_short_ratio": "accounts",
    "count_toptrader_long_short_ratio": "top accounts",
    "sum_toptrader_long_short_ratio": "top positions",
}
STEP_MS = INTERVALS_MS["5m"]
START_LABELLED_FROM = "2026-06-25"
FARTHEST_STAMP_MS = MINUTE_MS
MICROSECONDS_FROM = 10**14
HIGHEST_PRICE, MOST = 1e12, 1e18
TOLERANCE = 1e-9


class Part(NamedTuple):
    """Rows of one series of a file, in order of time, each time once; NaN where a figure is not known.

    `interval_ms` is 0 where rows are of moments.
    """

    data: str
    what: str
    interval_ms: int
    columns: Columns


def read(body: bytes, file: File) -> list[Part]:
    """Return what a file holds.

    Parameters
    ----------
    body : the zip.

    Raises
    ------
    DamagedError
        If it cannot be unpacked.
    ParseError
        Naming line and column of what is not as documented.
    """
    contract = instrument_of(file.market, file.symbol)
    if contract is None:
        raise ParseError(NAME, file.name, f"{file.symbol!r} is no perpetual that is read here")
    return {KLINES: _klines, METRICS: _metrics, FUNDING: _funding, LIQUIDATIONS: _liquidations}[file.kind](
        unpacked(body, NAME, file.name), file, contract
    )


def parts_of(file: File) -> list[tuple[str, str, int]]:
    """Return (data, what, interval [ms]) of the parts that a file has, before it is read."""
    if file.kind == KLINES:
        return [("candles", "", file.interval_ms)]
    if file.kind == METRICS:
        return [("open_interest", "", STEP_MS), *(("ratios", what, STEP_MS) for what in RATIOS.values())]
    return [("funding", SETTLED, 0)] if file.kind == FUNDING else [("liquidations", "", 0)]


def _require(holds: npt.NDArray[np.bool_], message: str, file: File, column: str, content: bytes) -> None:
    """Raise a `ParseError` at the first row for which something does not hold."""
    if not holds.all():
        row = int(np.flatnonzero(~holds)[0])
        raise ParseError(NAME, file.name, message, place(row, column, header=content[:1].isalpha()))


def _in_range(
    rows: Columns, column: str, low: float, high: float, file: File, content: bytes, *, maybe: bool = False
) -> Floats:
    values: Floats = rows[column]
    # A comparison with NaN is false.
    holds = (values >= low) & (values < high)
    _require(
        holds | np.isnan(values) if maybe else holds, f"outside [{low:g}, {high:g}), or empty", file, column, content
    )
    return values


def _stamps(rows: Columns, column: str, file: File, content: bytes) -> Ints:
    stamps: Ints = rows[column]
    stamps = np.where(stamps >= MICROSECONDS_FROM, stamps // 1000, stamps)
    _require((stamps >= FIRST_MS) & (stamps < LAST_MS), "no time between 2010 and 2100", file, column, content)
    _require((stamps >= file.from_ms) & (stamps < file.to_ms), f"not within {file.period}", file, column, content)
    return stamps


def _once(columns: Columns) -> Columns:
    """Return rows in order of time; of those of one time the last stays."""
    stamps = columns["time_ms"]
    order = np.argsort(stamps, kind="stable")
    ordered = stamps[order]
    keep = order[np.append(ordered[1:] != ordered[:-1], True)] if ordered.size else order
    return {name: values[keep] for name, values in columns.items()}


def _klines(content: bytes, file: File, contract: Instrument) -> list[Part]:
    rows = table(content, KLINE_COLUMNS, NAME, file.name, stamp="open_time", unread=("close_time", "count", "ignore"))
    stamps = _stamps(rows, "open_time", file, content)
    _require(stamps % file.interval_ms == 0, f"no start of {file.interval}", file, "open_time", content)
    opened, high, low, close = (
        _in_range(rows, name, 1e-12, HIGHEST_PRICE, file, content) for name in ("open", "high", "low", "close")
    )
    holds = (low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close))
    _require(holds, "high and low do not hold open and close", file, "high", content)
    amounts = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    volume, quote, taker, taker_quote = (_in_range(rows, name, 0, MOST, file, content) for name in amounts)
    _require(taker <= volume * (1 + TOLERANCE), "takers bought more than was traded", file, "taker_buy_volume", content)
    columns: Columns = {"time_ms": stamps}
    for name, prices in (("open", opened), ("high", high), ("low", low), ("close", close)):
        columns[name] = prices / contract.price_multiplier
    if file.market == COIN_M:
        columns |= {"volume_base": quote, "taker_buy_base": taker_quote}
        columns["volume_usd"] = volume * (contract.contract_size_usd or np.nan)
    else:
        columns |= {"volume_base": volume * contract.contract_size_base, "volume_usd": quote}
        columns["taker_buy_base"] = taker * contract.contract_size_base
    return [Part("candles", "", file.interval_ms, _once(columns))]


def _moments(rows: Columns, file: File, content: bytes) -> Ints:
    """Return the moments that metrics are of, on the grid of five minutes; -1 where a stamp is off it."""
    try:
        labels = rows["create_time"].astype("datetime64[s]").astype(np.int64) * SECOND_MS
    except ValueError as error:
        raise ParseError(NAME, file.name, " ".join(str(error).split())[:200], "create_time") from None
    if file.market == COIN_M or file.period >= START_LABELLED_FROM:
        labels = labels + STEP_MS
    moments: Ints = (labels + STEP_MS // 2) // STEP_MS * STEP_MS
    _require((moments >= file.from_ms) & (moments <= file.to_ms), f"not of {file.period}", file, "create_time", content)
    return np.where(np.abs(labels - moments) <= FARTHEST_STAMP_MS, moments, -1)


def _metrics(content: bytes, file: File, contract: Instrument) -> list[Part]:
    texts = ("create_time", "symbol")
    rows = table(content, METRIC_COLUMNS, NAME, file.name, texts=texts, unread=METRIC_COLUMNS[-1:])
    _require(rows["symbol"] == file.symbol.encode(), f"not {file.symbol}", file, "symbol", content)
    moments = _moments(rows, file, content)
    amount, value = (
        _in_range(rows, name, 0, MOST, file, content, maybe=True)
        for name in ("sum_open_interest", "sum_open_interest_value")
    )
    value = np.where(value > 0, value, np.nan)
    base, usd = amount * contract.contract_size_base, value
    if file.market == COIN_M:
        base, usd = value, amount * (contract.contract_size_usd or np.nan)
    parts = [("open_interest", "", amount > 0, {"open_interest_base": base, "open_interest_usd": usd})]
    for column, what in RATIOS.items():
        ratio = _in_range(rows, column, 0, 1e9, file, content, maybe=True)
        parts.append(("ratios", what, ratio > 0, {"long_share": ratio / (1 + ratio)}))
    return [
        Part(data, what, STEP_MS, _once({"time_ms": moments[kept], **{n: v[kept] for n, v in columns.items()}}))
        for data, what, measured, columns in parts
        for kept in [measured & (moments >= 0)]
    ]


def _funding(content: bytes, file: File, _contract: Instrument) -> list[Part]:
    rows = table(content, FUNDING_COLUMNS, NAME, file.name, stamp="calc_time")
    # Written down some milliseconds after the minute that it is of.
    stamps = _stamps(rows, "calc_time", file, content) // MINUTE_MS * MINUTE_MS
    columns = {
        "time_ms": stamps,
        "rate": _in_range(rows, "last_funding_rate", -1, 1, file, content),
        "interval_hours": _in_range(rows, "funding_interval_hours", TOLERANCE, 721, file, content, maybe=True),
        "next_time_ms": np.full(stamps.size, np.nan),
    }
    return [Part("funding", SETTLED, 0, _once(columns))]


def _liquidations(content: bytes, file: File, contract: Instrument) -> list[Part]:
    texts = ("side", "order_type", "time_in_force", "order_status")
    rows = table(content, LIQUIDATION_COLUMNS, NAME, file.name, texts=texts, stamp="time")
    stamps = _stamps(rows, "time", file, content)
    sold = rows["side"] == b"SELL"
    _require(sold | (rows["side"] == b"BUY"), "neither BUY nor SELL", file, "side", content)
    price = _in_range(rows, "average_price", 1e-12, HIGHEST_PRICE, file, content)
    filled = _in_range(rows, "accumulated_fill_quantity", 0, MOST, file, content)
    base = filled * (contract.contract_size_usd or np.nan) / price
    lines = dict(zip(zip(*(cells.tolist() for cells in rows.values()), strict=True), range(stamps.size), strict=True))
    # One that found nobody to trade with liquidated nothing.
    kept = np.array([row for row in lines.values() if filled[row] > 0], dtype=np.intp)
    kept = kept[np.argsort(stamps[kept], kind="stable")]
    columns: Columns = {
        "time_ms": stamps[kept],
        "position": np.where(sold[kept], Side.LONG.value, Side.SHORT.value),
        "price": price[kept],
        "quantity_base": base[kept],
        "order_id": np.full(kept.size, ""),
    }
    alike: Counter[tuple[Any, ...]] = Counter()
    nth = []
    for order in zip(*(cells.tolist() for cells in columns.values()), strict=True):
        nth.append(alike[order])
        alike[order] += 1
    return [Part("liquidations", "", 0, columns | {"nth": np.array(nth, dtype=np.int64)})]


def known_of(part: Part, file: File) -> list[tuple[int, int]]:
    """Return the spans that a part covers: all of the file's time, or for bars and levels what their rows do."""
    if not part.interval_ms:
        return [(file.from_ms, file.to_ms)]
    stamps: Ints = part.columns["time_ms"]
    if not stamps.size:
        return []
    breaks = np.flatnonzero(np.diff(stamps) > part.interval_ms)
    starts, ends = stamps[np.append(0, breaks + 1)], stamps[np.append(breaks, -1)] + part.interval_ms
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
