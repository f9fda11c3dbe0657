"""The use cases of local history: saving what a live run read, and the upkeep of the store."""

from __future__ import annotations

import gzip
import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import numpy as np
from sqlalchemy import Connection

from imbalance import files
from imbalance.errors import BarsError, MissingDataError, StoreError, UsageError
from imbalance.market import MarketData
from imbalance.reader import market_of_table
from imbalance.report import tree
from imbalance.report.frame import Frame
from imbalance.report.signals.read import Past
from imbalance.signals.past import NONE
from imbalance.signals.past import Series as Figures
from imbalance.store import bars as stored_bars
from imbalance.store import migrations, opening, reading, rows, schema, upkeep, writing
from imbalance.store.spans import Gap, Span
from imbalance.units import LAST_MS, interval_name, iso
from imbalance.wire.harvest import Harvest

if TYPE_CHECKING:
    from sqlalchemy import Connection

# An answer is out before it is saved: who else writes is waited for no longer than one notices.
LONGEST_WAIT_S = 0.5
SUFFIXES = (".csv", ".csv.gz", ".parquet")
FUNDING_HOURS = 8.0
# Columns of a bars file that the store does not have.
UNSTORED = ("mark_high", "mark_low", "liquidation_feed")


def save(address: str | None, harvests: Sequence[Harvest], document: tree.Document, now_ms: int) -> None:
    """Save what a live run read, and the report that it made: all of it or, where that cannot be, nothing.

    Parameters
    ----------
    address : of the store, as `opening.opened` takes it.
    now_ms : the moment of the run [ms].

    Raises
    ------
    StoreError
        If it cannot be written to now.
    """
    batches = [batch for harvest in harvests for batch in rows.batches(harvest, document.symbol, now_ms)]
    series = [batch.series for batch in batches]
    with opening.opened(address, wait_s=LONGEST_WAIT_S, make=True) as store, store.saving(series) as connection:
        writing.save(connection, batches, now_ms)
        if isinstance(document, tree.Report):
            # A page's heatmap is drawn from the same figures: the report is what is kept.
            kept = {name: getattr(document, name) for name in tree.Report.__struct_fields__}
            json = msgspec.json.encode(tree.Report(**kept))
            writing.save_report(connection, document.schema, document.symbol, now_ms, now_ms, json)


def info(address: str | None, now_ms: int) -> tree.DbReport:
    """Say what is stored: ``imbalance.db/1``."""
    with opening.opened(address) as store, store.reading() as connection:
        extents, every = upkeep.extents(connection), reading.all_series(connection)
        known, missing = reading.known_of(connection, every), reading.missing_of(connection, every)
        series = [_series(one, extents.get(n), known[n], missing[n]) for n, one in every.items()]
        return Frame("store", None, "all", now_ms).document(
            tree.DbReport,
            place=store.place,
            schema_version=schema.VERSION,
            size_bytes=upkeep.size_bytes(store, connection),
            reports=upkeep.many_reports(connection),
            series=series,
        )


def _series(
    one: rows.Series, extent: upkeep.Extent | None, known: Sequence[Span], missing: Sequence[Gap]
) -> tree.StoredSeries:
    return tree.StoredSeries(
        data=one.data,
        source=one.source,
        venue=one.venue or None,
        symbol=one.symbol or None,
        instrument=one.instrument or None,
        what=one.what or None,
        interval=interval_name(one.interval_ms) if one.interval_ms else None,
        rows=extent.rows if extent else 0,
        first=iso(extent.first_ms) if extent else None,
        last=iso(extent.last_ms) if extent else None,
        known=[tree.KnownSpan(iso(span.from_ms), iso(span.to_ms)) for span in known],
        missing=[tree.MissingSpan(iso(gap.from_ms), iso(gap.to_ms), gap.why) for gap in missing],
    )


def check(address: str | None) -> str:
    """Look a store through; return its place.

    Raises
    ------
    StoreError
        Naming what is wrong.
    """
    with opening.opened(address) as store:
        upkeep.require_sound(store)
        return store.place


def vacuum(address: str | None) -> tuple[int, int]:
    """Give unused room back to the system; return how many bytes the store took before and takes now."""
    sizes = []
    with opening.opened(address) as store:
        for vacuumed in (False, True):
            if vacuumed:
                upkeep.vacuum(store)
            with store.reading() as connection:
                sizes.append(upkeep.size_bytes(store, connection))
    return sizes[0], sizes[1]


def prune(address: str | None, before_ms: int) -> tuple[int, int]:
    """Remove what is of before a moment [ms]; return how many rows and reports went."""
    with opening.opened(address) as store, store.writing() as connection:
        return upkeep.prune(connection, before_ms)


def migrate(address: str | None) -> tuple[int | None, int]:
    """Bring a store to the newest schema; return the schema before and after."""
    store = opening.connected(address)
    try:
        with store.writing() as connection:
            return migrations.migrate(connection)
    finally:
        store.close()


def export(address: str | None, symbol: str | None, interval_ms: int, output: Path) -> int:
    """Write a coin's history in the form of a bars file; return how many rows it has.

    CSV (plain or gzipped) or Parquet by the suffix; a folder is filled with Parquet, ``symbol=BTC/month=2026-01``.

    Parameters
    ----------
    symbol : base coin; all that are stored where None, into a folder.

    Raises
    ------
    UsageError
        If the name says none of these, or it cannot be written.
    MissingDataError
        If no bars of that length are stored.
    """
    suffix = next((end for end in SUFFIXES if output.name.lower().endswith(end)), "")
    folder = output.is_dir() or not output.suffix
    if not suffix and not folder:
        raise UsageError(f"--output {output}: its suffix is none of {', '.join(SUFFIXES)}, and it is no folder")
    if symbol is None and not folder:
        raise UsageError("--all writes a folder: give --output DIR")
    with opening.opened(address) as store, store.reading() as connection:
        if folder:
            coins = stored_bars.symbols(connection, interval_ms) if symbol is None else [symbol]
            return sum(_parted(connection, coin, interval_ms, output) for coin in coins)
        columns = stored_bars.bars(connection, symbol or "", interval_ms)
    content = _parquet(columns) if suffix == ".parquet" else _csv(columns)
    _write(output, gzip.compress(content, mtime=0) if suffix == ".csv.gz" else content)
    return len(columns["time"])


def _parted(connection: Connection, symbol: str, interval_ms: int, folder: Path) -> int:
    """Write a coin's months, a file each, so that no more than one is in memory; return how many rows they have."""
    rows = 0
    for month, start_ms, end_ms in stored_bars.months(connection, symbol, interval_ms):
        columns = stored_bars.bars(connection, symbol, interval_ms, start_ms, end_ms)
        if columns["time"]:
            place = folder / f"symbol={quote(symbol, safe='')}" / f"month={month}"
            _write(place / "bars.parquet", _parquet(columns), make=True)
            rows += len(columns["time"])
    if not rows:
        # Says which lengths there are.
        stored_bars.bars(connection, symbol, interval_ms)
    return rows


def _write(output: Path, content: bytes, *, make: bool = False) -> None:
    """Write a file, and make the folders that it lies in where that is wanted."""
    try:
        if make:
            output.parent.mkdir(parents=True, exist_ok=True)
        files.write(output, content)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None


def _csv(columns: stored_bars.Columns) -> bytes:
    import pandas as pd

    table = pd.DataFrame(columns)
    table["time"] = [iso(time_ms) for time_ms in columns["time"]]
    return table.to_csv(index=False, lineterminator="\n").encode()


def _parquet(columns: stored_bars.Columns) -> bytes:
    import pandas as pd

    stream = io.BytesIO()
    try:
        pd.DataFrame(columns).to_parquet(stream, index=False)
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed", "Install it with: pip install 'imbalance[parquet]'."
        ) from None
    return stream.getvalue()


def past(address: str | None, symbol: str) -> Past:
    """Return what a store keeps of before, to hold figures of now against; nothing where there is no store to read."""
    try:
        with opening.opened(address) as store, store.reading() as connection:
            return Past(
                _mood(connection),
                _by_venue(connection, symbol, "funding", "rate"),
                _by_venue(connection, symbol, "ratios", "long_share", what="accounts"),
            )
    except StoreError:
        # A run that is live tells of a store in trouble when it saves.
        return Past()


def _mood(connection: Connection) -> Figures:
    parts = [reading.arrays(connection, n, "sentiment") for n in reading.all_series(connection, data="sentiment")]
    return Figures(parts[0]["time_ms"], parts[0]["value"]) if parts else NONE


def _by_venue(connection: Connection, symbol: str, data: str, column: str, **of: str) -> dict[str, Figures]:
    found: dict[str, dict[str, list[Figures]]] = {}
    for number, one in reading.all_series(connection, data=data, symbol=symbol, **of).items():
        if one.source == one.venue:
            rows = reading.arrays(connection, number, data)
            values = rows[column]
            if data == "funding":
                values = values * FUNDING_HOURS / rows["interval_hours"]
            known = np.isfinite(values)
            own = found.setdefault(one.venue, {}).setdefault(one.what, [])
            own.append(Figures(rows["time_ms"][known], values[known]))
    # Fundings that were paid, where they are known, go before those of running periods.
    return {venue: _joined(parts[max(parts)]) for venue, parts in found.items()}


def _joined(parts: Sequence[Figures]) -> Figures:
    """Return the regular series, which is last, and what others have after it: live runs go on after a backfill."""
    regular = parts[-1]
    end_ms = regular.time_ms.max(initial=-1)
    later = sorted({row for part in parts for row in zip(*part, strict=True) if row[0] > end_ms})
    times_ms, values = zip(*later, strict=True) if later else ((), ())
    return Figures(np.append(regular.time_ms, np.array(times_ms, dtype=np.int64)), np.append(regular.values, values))


def longer(address: str | None, than: MarketData) -> MarketData | None:
    """Return the stored bars of a market where they reach further back than it does; None where none do."""
    try:
        found = market(address, than.symbol, than.interval_ms, None)
    except (StoreError, MissingDataError, BarsError):
        return None
    return found if int(found.time_ms[0]) < int(than.time_ms[0]) else None


def market(
    address: str | None,
    symbol: str,
    interval_ms: int,
    as_of_ms: int | None,
    from_ms: int | None = None,
    venues: Collection[str] = (),
) -> MarketData:
    """Return the bars of a coin that a store holds, as a market; open interest may be missing.

    Parameters
    ----------
    as_of_ms : only bars that end at or before this moment.
    from_ms : only bars that open at or after this moment.
    venues : only theirs; those of every venue where none is named.

    Raises
    ------
    MissingDataError
        If there are none of that length, or none in that span, or none of a venue that is named.
    BarsError
        If too many are missing between the first and the last.
    """
    import pandas as pd

    start_ms = 0 if from_ms is None else from_ms
    end_ms = LAST_MS if as_of_ms is None else as_of_ms - interval_ms + 1
    with opening.opened(address) as store, store.reading() as connection:
        columns = stored_bars.bars(connection, symbol, interval_ms, start_ms, end_ms)
    table = pd.DataFrame(columns | dict.fromkeys(UNSTORED))
    if table.empty:
        since = "" if from_ms is None else f"opens at or after {iso(from_ms)} and "
        raise MissingDataError(f"no stored bar of {symbol} {since}ends at or before {iso(as_of_ms or 0)}")
    return market_of_table(symbol, interval_ms, table, venues=venues, needs_interest=False)
