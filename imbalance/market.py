"""MarketData: a market's bars as read-only arrays, and the reader of bars files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.errors import BarsError, MissingDataError
from imbalance.records import Contract, Feed, MarginTier
from imbalance.units import iso

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Which venues print all their liquidations, by name, as known on this day; others are "unknown".
FEEDS_AS_OF = "2026-11-22"
FEEDS = {
    "bybit": Feed.COMPLETE,
    "deribit": Feed.COMPLETE,
    "binance": Feed.CENSORED,
    "binance_coinm": Feed.CENSORED,
    "okx": Feed.CENSORED,
    "bitget": Feed.CENSORED,
    "htx": Feed.CENSORED,
}

PRICES = ("open", "high", "low", "close")
OPTIONAL_NUMBERS = (
    "taker_buy_base",
    "open_interest_base",
    "long_liquidations_base",
    "short_liquidations_base",
    "mark_high",
    "mark_low",
)
REQUIRED = ("time", "venue", *PRICES, "volume_base", "open_interest_base")
MOST_MISSING = 0.2


@dataclasses.dataclass(frozen=True)
class VenueBars:
    """One venue's series on the market's bars; arrays of shape (bars,), NaN where not known.

    `open_interest_base` is one side, at bar close; volumes count each trade once. `liquidations_by` names who saw the
    liquidations where it was not the venue itself.
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


@dataclasses.dataclass(frozen=True)
class MarketData:
    """A market: one price path in USD that all venues share, and each venue's series.

    Attributes
    ----------
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

    def until(self, as_of_ms: int) -> MarketData:
        """Return the market as it was then: bars that end at or before `as_of_ms`, and their last close.

        Raises
        ------
        MissingDataError
            If no bar is left.
        """
        bars = int(np.searchsorted(self.time_ms + self.interval_ms, as_of_ms, side="right"))
        if bars == 0:
            raise MissingDataError(f"no bar ends at or before {iso(as_of_ms)}")
        series = {f.name for f in dataclasses.fields(VenueBars) if f.type == "Floats"}
        return dataclasses.replace(
            self,
            time_ms=self.time_ms[:bars],
            open=self.open[:bars],
            high=self.high[:bars],
            low=self.low[:bars],
            close=self.close[:bars],
            price=self.price if bars == self.time_ms.size else float(self.close[bars - 1]),
            venues=tuple(
                dataclasses.replace(v, **{name: getattr(v, name)[:bars] for name in series}) for v in self.venues
            ),
        )


def frozen(values: npt.ArrayLike) -> Floats:
    """Return a read-only float64 copy."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def read_bars(path: str | Path, *, symbol: str = "BTC", as_of_ms: int | None = None) -> MarketData:
    """Read a bars file (CSV, optionally gzipped, or Parquet).

    Rows may come in any order. Bars that lack for all venues are filled flat at the close before, without
    volume, up to a fifth of the span. A venue's price path counts only if no other venue trades more.

    Parameters
    ----------
    path : the file; columns as in the README's "Bars file".
    symbol : base coin, for labels.
    as_of_ms : only bars that end at or before this moment are kept.

    Raises
    ------
    BarsError
        Naming file, line and column of the first fault.
    MissingDataError
        If no bar is left.
    """
    table = _checked(_table(Path(path)), str(path))
    interval_ms = _interval_ms(table, str(path))
    if as_of_ms is not None:
        table = table[table["time"] + interval_ms <= as_of_ms]
    if table.empty:
        raise MissingDataError(f"{path}: no bar ends at or before {iso(as_of_ms or 0)}")
    return _market(table, symbol, interval_ms, str(path))


def _table(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"venue": "str", "contract": "str", "liquidation_feed": "str"})
    except FileNotFoundError:
        raise BarsError(f"{path}: no such file") from None
    except ImportError:
        raise BarsError(f"{path}: reading Parquet needs pyarrow", "pip install 'imbalance[parquet]'") from None
    except (ValueError, OSError, EOFError) as error:
        raise BarsError(f"{path}: not a readable bars file: {str(error).splitlines()[0]}") from None


def _line(row: int) -> str:
    return f"line {row + 2}"


def _fail(path: str, rows: pd.Series | npt.NDArray[np.bool_], column: str, what: str) -> None:
    """Raise for the first row where `rows` is true."""
    bad = np.flatnonzero(np.asarray(rows))
    if bad.size:
        raise BarsError(f"{path}: {_line(int(bad[0]))}, column {column}: {what}")


def _times_ms(column: pd.Series, path: str) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        _fail(path, ~np.isfinite(column.astype("float64")), "time", "not a time")
        return column.astype("int64")
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True).astype("datetime64[ms, UTC]").astype("int64")
    numbers = pd.to_numeric(column, errors="coerce")
    stamps = pd.to_datetime(column.where(numbers.isna()), utc=True, errors="coerce", format="ISO8601")
    _fail(path, stamps.isna() & numbers.isna(), "time", "neither ISO-8601 nor epoch milliseconds")
    times = stamps.astype("datetime64[ms, UTC]").astype("int64")
    return times.where(numbers.isna(), numbers).astype("int64")


def _checked(table: pd.DataFrame, path: str) -> pd.DataFrame:
    import pandas as pd

    absent = [name for name in REQUIRED if name not in table.columns]
    if absent:
        raise BarsError(f"{path}: no column {', '.join(absent)}")
    if table.empty:
        raise BarsError(f"{path}: no rows")
    table = table.reset_index(drop=True)
    table["time"] = _times_ms(table["time"], path)
    span = table["time"].between(1_000_000_000_000, 4_102_444_800_000)
    _fail(path, ~span, "time", "outside 2001-2100 (epoch milliseconds are expected)")
    _fail(path, table["venue"].isna(), "venue", "empty")
    for name in (*PRICES, "volume_base", *OPTIONAL_NUMBERS):
        if name not in table.columns:
            table[name] = np.nan
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        _fail(path, numbers.isna() & table[name].notna(), name, "not a number")
        _fail(path, np.isinf(numbers), name, "not finite")
        _fail(path, numbers < 0, name, "negative")
        table[name] = numbers.astype("float64")
    for name in PRICES:
        _fail(path, ~(table[name] > 0), name, "a price must be above zero")
    _fail(path, table["high"] < table[["open", "close", "low"]].max(axis=1), "high", "below open, low or close")
    _fail(path, table["low"] > table[["open", "close"]].min(axis=1), "low", "above open or close")
    _fail(path, table["mark_high"] < table["mark_low"], "mark_high", "below mark_low")
    _fail(
        path,
        table["taker_buy_base"] > table["volume_base"] * (1 + 1e-9),
        "taker_buy_base",
        "exceeds volume_base",
    )
    _fail(path, table.duplicated(["time", "venue"]), "time", "this venue and time occur twice")
    for name, kinds in (("contract", Contract), ("liquidation_feed", Feed)):
        if name in table.columns:
            known = table[name].isna() | table[name].isin([str(k) for k in kinds])
            _fail(path, ~known, name, f"not one of {', '.join(kinds)}")
    return table


def _interval_ms(table: pd.DataFrame, path: str) -> int:
    times = np.unique(table["time"].to_numpy())
    if times.size < 2:  # noqa: PLR2004
        raise BarsError(f"{path}: one bar time only; the bar length cannot be told")
    steps = np.diff(times)
    interval_ms = int(steps.min())
    uneven = steps % interval_ms != 0
    if uneven.any():
        late = int(times[1:][uneven][0])
        row = int(np.flatnonzero(table["time"].to_numpy() == late)[0])
        raise BarsError(f"{path}: {_line(row)}, column time: {iso(late)} is off the {interval_ms / 60000:g} min grid")
    return interval_ms


def _market(table: pd.DataFrame, symbol: str, interval_ms: int, path: str) -> MarketData:
    first, last = int(table["time"].min()), int(table["time"].max())
    time_ms = np.arange(first, last + 1, interval_ms, dtype=np.int64)
    table = table.sort_values(["time", "venue"])
    order = table.groupby("venue")["volume_base"].sum().sort_values(ascending=False, kind="stable").index
    frames = {name: table[table["venue"] == name].set_index("time").reindex(time_ms) for name in order}
    ohlc = {name: np.full(time_ms.size, np.nan) for name in PRICES}
    for frame in frames.values():
        absent = np.isnan(ohlc["close"])
        for name, values in ohlc.items():
            values[absent] = frame[name].to_numpy()[absent]
        for name, mark in (("high", "mark_high"), ("low", "mark_low")):
            marked = absent & np.isfinite(frame[mark].to_numpy())
            ohlc[name][marked] = frame[mark].to_numpy()[marked]
    notes = _fill_gaps(ohlc, path)
    # A mark-price range need not hold the traded close; a trade at the close is no reason to widen it.
    return MarketData(
        symbol=symbol,
        interval_ms=interval_ms,
        time_ms=time_ms,
        open=frozen(ohlc["open"]),
        high=frozen(ohlc["high"]),
        low=frozen(ohlc["low"]),
        close=frozen(ohlc["close"]),
        price=float(ohlc["close"][-1]),
        venues=tuple(_venue(str(name), frame) for name, frame in frames.items()),
        notes=tuple(notes),
    )


def _fill_gaps(ohlc: dict[str, Floats], path: str) -> list[str]:
    absent = np.isnan(ohlc["close"])
    if not absent.any():
        return []
    if absent.mean() > MOST_MISSING:
        raise BarsError(f"{path}: {absent.sum()} of {absent.size} bars are missing; at most a fifth may be")
    known = np.maximum.accumulate(np.where(absent, 0, np.arange(absent.size)))
    before = ohlc["close"][known]
    for values in ohlc.values():
        values[absent] = before[absent]
    return [f"{absent.sum()} missing bars filled flat"]


def _venue(name: str, frame: pd.DataFrame) -> VenueBars:
    def only(column: str) -> str | None:
        if column not in frame.columns:
            return None
        given = frame[column].dropna()
        return str(given.iloc[-1]) if len(given) else None

    feed = only("liquidation_feed")
    return VenueBars(
        name=name,
        contract=Contract(only("contract") or Contract.LINEAR),
        feed=Feed(feed) if feed else FEEDS.get(name, Feed.UNKNOWN),
        volume_base=frozen(frame["volume_base"]),
        taker_buy_base=frozen(frame["taker_buy_base"]),
        open_interest_base=frozen(frame["open_interest_base"]),
        long_liquidations_base=frozen(frame["long_liquidations_base"]),
        short_liquidations_base=frozen(frame["short_liquidations_base"]),
    )
