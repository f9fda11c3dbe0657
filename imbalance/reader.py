"""The reader of bars files: a table of bars to a market."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imbalance.bars.cells import ALL, PRICES, checked
from imbalance.bars.clocks import check_clocks
from imbalance.bars.folder import read_folder
from imbalance.bars.grid import interval_of
from imbalance.bars.places import place_of
from imbalance.bars.plausible import check_plausible
from imbalance.bars.source import read_raw
from imbalance.bars.sums import check_repeats, check_totals
from imbalance.errors import BarsError, MissingDataError
from imbalance.market import FEEDS, MarketData, VenueBars, check_missing, frozen, market_of_venues
from imbalance.records import Contract, Feed
from imbalance.units import iso

if TYPE_CHECKING:
    import pandas as pd


def read_bars(
    path: str | Path,
    *,
    symbol: str = "BTC",
    as_of_ms: int | None = None,
    from_ms: int | None = None,
    venues: Collection[str] = (),
    needs_interest: bool = True,
) -> MarketData:
    """Read a bars file (CSV, optionally gzipped, or Parquet), or a folder of Parquet parted by symbol and month.

    Columns may be parted by commas, semicolons, tabs or ``|``; their names may be in any case. Rows may come in any
    order. Bars that lack for all venues are filled flat at the close before, without volume, up to a fifth of the
    span. A venue's price path counts only if no other venue trades more.

    Parameters
    ----------
    path : the file or folder, or its URL (``s3://bucket/bars``); columns as in the README's "Bars file".
    symbol : base coin; it labels what is made of the bars, chooses the margin ladders and, in a folder, the files.
    as_of_ms : only bars that end at or before this moment are kept.
    from_ms : only bars that open at or after this moment are kept.
    venues : only theirs are kept, price path and all; those of every venue where none is named.
    needs_interest : whether open interest must be known; a map needs it, prices alone do not.

    Raises
    ------
    BarsError
        Naming file, line and column of the first fault.
    MissingDataError
        If no bar is left, or none of a venue that is named, or no open interest.
    """
    place = place_of(path)
    raw = read_folder(place, symbol, ALL, as_of_ms, from_ms) if place.is_folder() else read_raw(place)
    table = checked(raw)
    interval_ms = interval_of(raw, table)
    kept = table if as_of_ms is None else table[table["time"] + interval_ms <= as_of_ms]
    if as_of_ms is not None and kept.empty:
        first = iso(int(table["time"].min()) + interval_ms)
        raise MissingDataError(f"{place.name}: no bar ends at or before {iso(as_of_ms)}: the first ends at {first}")
    if from_ms is not None:
        kept = kept[kept["time"] >= from_ms]
        if kept.empty:
            raise MissingDataError(f"{place.name}: no bar opens at or after {iso(from_ms)}")
    check_totals(raw, kept)
    check_plausible(raw, kept)
    check_repeats(raw, kept)
    check_clocks(raw, kept, interval_ms)
    try:
        return market_of_table(symbol, interval_ms, kept, venues=venues, needs_interest=needs_interest)
    except (BarsError, MissingDataError) as error:
        raise type(error)(f"{place.name}: {error.message}", error.hint) from None


def market_of_table(
    symbol: str,
    interval_ms: int,
    table: pd.DataFrame,
    *,
    venues: Collection[str] = (),
    needs_interest: bool = True,
) -> MarketData:
    """Join the rows of a table in the form of a bars file, one a time and venue, to a market.

    Parameters
    ----------
    table : all columns of a bars file, those that are not given as missing values.
    venues, needs_interest : as in `read_bars`.

    Raises
    ------
    BarsError, MissingDataError
        As in `market_of_venues`, and where there is nothing of a venue that is named.
    """
    there = sorted(set(table["venue"]))
    if missing := sorted(set(venues) - set(there)):
        raise MissingDataError(f"no bars of {', '.join(missing)}", f"There are bars of {', '.join(there)}.")
    if venues:
        table = table[table["venue"].isin(venues)]
    check_missing(np.unique(table["time"].to_numpy()), interval_ms)
    first_ms, last_ms = int(table["time"].min()), int(table["time"].max())
    time_ms = np.arange(first_ms, last_ms + 1, interval_ms, dtype=np.int64)
    frames = table.groupby("venue")
    made = tuple(_venue(str(name), rows.set_index("time").reindex(time_ms)) for name, rows in frames)
    return market_of_venues(symbol, interval_ms, time_ms, made, needs_interest=needs_interest)


def _venue(name: str, frame: pd.DataFrame) -> VenueBars:
    def only(column: str) -> str | None:
        given = frame[column].dropna()
        return str(given.iloc[0]) if len(given) else None

    feed = only("liquidation_feed")
    path = frame[list(PRICES)].to_numpy(dtype=np.float64).T.copy()
    # A mark-price range need not hold the traded close; a trade at the close is no reason to widen it.
    for row, mark in ((1, "mark_high"), (2, "mark_low")):
        marks = frame[mark].to_numpy(dtype=np.float64)
        path[row] = np.where(np.isfinite(marks), marks, path[row])
    return VenueBars(
        name=name,
        contract=Contract(only("contract") or Contract.LINEAR),
        feed=Feed(feed) if feed else FEEDS.get(name, Feed.UNKNOWN),
        volume_base=frozen(frame["volume_base"]),
        taker_buy_base=frozen(frame["taker_buy_base"]),
        open_interest_base=frozen(frame["open_interest_base"]),
        long_liquidations_base=frozen(frame["long_liquidations_base"]),
        short_liquidations_base=frozen(frame["short_liquidations_base"]),
        path=frozen(path),
    )
