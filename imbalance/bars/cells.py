"""The cells of a bars file, each checked by itself and against the others of its row."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imbalance.bars.source import RawTable
from imbalance.errors import BarsError
from imbalance.records import Contract, Feed

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
MARKS = ("mark_high", "mark_low")
QUANTITIES = (
    "volume_base",
    "taker_buy_base",
    "open_interest_base",
    "long_liquidations_base",
    "short_liquidations_base",
)
NUMBERS = (*PRICES, *QUANTITIES, *MARKS)
REQUIRED = ("time", "venue", *PRICES, "volume_base", "open_interest_base")
KINDS = {"contract": Contract, "liquidation_feed": Feed}
ALL = frozenset({*REQUIRED, *NUMBERS, *KINDS})
EARLIEST_MS, LATEST_MS = 1_000_000_000_000, 4_102_444_800_000
MS_DIGITS = 13  # of a time in epoch ms
POWER = r"^\s*(\d+(?:\.\d*)?)[eE]"
ROUNDING = 1 + 1e-9
THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+"
MOST_NAMES, LONGEST_NAME = 20, 40  # of columns found, in a message


def checked(raw: RawTable) -> pd.DataFrame:
    """Return the table with `time` in epoch ms and float64 numbers, NaN where a cell is empty or a column absent.

    Raises
    ------
    BarsError
        Naming file, line and column of the first fault.
    """
    import pandas as pd

    absent = [name for name in REQUIRED if name not in raw.cells.columns]
    if absent:
        found = ", ".join(str(name)[:LONGEST_NAME] for name in raw.cells.columns[:MOST_NAMES])
        more = ", ..." if len(raw.cells.columns) > MOST_NAMES else ""
        raise BarsError(f"{raw.path}: no column {', '.join(absent)}; found columns: {found}{more}")
    if raw.cells.empty:
        raise BarsError(f"{raw.path}: a header and no rows")
    table = pd.DataFrame({"time": _times_ms(raw), "venue": _venues(raw)})
    blank = np.full(len(table), np.nan)
    given = [name for name in NUMBERS if name in raw.cells.columns]
    refused = _comma_refused(raw, given)
    for name in NUMBERS:
        table[name] = _numbers(raw, name, refused) if name in given else blank
    for name, kinds in KINDS.items():
        table[name] = _constant(raw, name, [str(k) for k in kinds], table["venue"])
    _check_rows(raw, table)
    return table


def fail_first(raw: RawTable, bad: npt.ArrayLike, column: str, what: str) -> None:
    """Raise for the first row where `bad` is true."""
    rows = np.flatnonzero(np.asarray(bad))
    if rows.size:
        raw.fail(int(rows[0]), column, what)


def _times_ms(raw: RawTable) -> npt.NDArray[np.int64]:
    import pandas as pd

    column = raw.cells["time"]
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = pd.to_datetime(column, utc=True)
        numbers = pd.Series(np.full(len(column), np.nan))
    elif isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        fail_first(raw, column.isna(), "time", "empty")
        numbers = column.astype("float64")
        stamps = pd.Series(pd.NaT, column.index, "datetime64[ms, UTC]")
    else:
        text = column.astype("object").map(lambda v: v.strip() if isinstance(v, str) else v)
        fail_first(raw, text.isna() | (text == ""), "time", "empty")
        numbers = pd.to_numeric(text.map(lambda v: np.nan if isinstance(v, bool) else v), errors="coerce")
        numbers = numbers.astype("float64")
        stamps = pd.to_datetime(text.where(numbers.isna()).astype("str"), utc=True, errors="coerce", format="ISO8601")
    fail_first(raw, stamps.isna() & numbers.isna(), "time", "neither ISO-8601 nor epoch milliseconds")
    fail_first(raw, numbers.between(EARLIEST_MS / 1000, LATEST_MS / 1000), "time", "epoch seconds, not milliseconds")
    outside = numbers.notna() & ~numbers.between(EARLIEST_MS, LATEST_MS)
    fail_first(raw, outside, "time", "outside 2001-2100 (epoch milliseconds are expected)")
    if not numbers.isna().all() and column.dtype.kind in "OUTS":
        _check_shortened(raw, column)
    times = stamps.fillna(pd.Timestamp(0, tz="UTC")).astype("datetime64[ms, UTC]").astype("int64").to_numpy()
    times = np.where(numbers.isna(), times, numbers.fillna(0.0)).astype(np.int64)
    fail_first(raw, (times < EARLIEST_MS) | (times > LATEST_MS), "time", "outside 2001-2100")
    return np.array(times, dtype=np.int64)


def _check_shortened(raw: RawTable, column: pd.Series) -> None:
    """Raise for a time that is written as a power of ten and holds fewer digits than a time has."""
    digits = column.astype("str").str.extract(POWER, expand=False).str.replace(".", "", regex=False)
    short = (digits.str.len() < MS_DIGITS).to_numpy(dtype=bool, na_value=False)
    for row in np.flatnonzero(short)[:1]:
        text = str(column.iloc[row]).strip()
        held = f"{text} holds {len(digits.iloc[row])} digits of {MS_DIGITS}"
        raw.fail(int(row), "time", f"{held}: shortened, as spreadsheets do; write it in full")


def _venues(raw: RawTable) -> pd.Series:
    names = raw.cells["venue"].astype("object")
    fail_first(raw, names.isna(), "venue", "empty")
    fail_first(raw, names.map(lambda v: not isinstance(v, (str, int))), "venue", "not a name")
    names = names.astype("str").str.strip()
    fail_first(raw, names == "", "venue", "empty")
    folded = names.str.casefold()
    first = names.groupby(folded).transform("first")
    fail_first(raw, names != first, "venue", "differs in case alone from a venue before: one venue, or two names?")
    return names


def _comma_refused(raw: RawTable, names: list[str]) -> str:
    """Return why a comma in a number cannot be read as a decimal comma; empty where it can.

    A comma before three digits parts thousands as often as decimals: another number of the file must tell which.
    """
    if _uses_points(raw, names):
        return "a comma in a number, where others in the file have a decimal point"
    columns = [
        raw.cells[name].dropna().astype("str").str.strip() for name in names if raw.cells[name].dtype.kind in "OUTS"
    ]
    written = [column[column.str.contains(",", regex=False)] for column in columns]
    if all(bool(column.str.fullmatch(THOUSANDS).all()) for column in written):
        return "a comma in a number that may part thousands or decimals: leave it out, or write a decimal point"
    return ""


def _uses_points(raw: RawTable, names: list[str]) -> bool:
    """Return whether any number is written with a decimal point."""
    for name in names:
        column = raw.cells[name]
        if column.dtype.kind == "f" and bool((column.dropna() % 1 != 0).any()):
            return True
        if column.dtype.kind in "OUTS" and bool(column.astype("str").str.contains(".", regex=False).any()):
            return True
    return False


def _numbers(raw: RawTable, name: str, comma_refused: str) -> Floats:
    import pandas as pd

    column = raw.cells[name]
    if column.dtype.kind not in "iuf" or not isinstance(column.dtype, np.dtype):
        given = column.astype("object")
        given = given.map(lambda v: v.strip() if isinstance(v, str) else float(v) if isinstance(v, Decimal) else v)
        absent = given.isna().to_numpy() | (given == "").to_numpy()
        commas = given.map(lambda v: isinstance(v, str) and "," in v).to_numpy(dtype=bool)
        if comma_refused:
            fail_first(raw, commas, name, comma_refused)
        given = given.map(lambda v: v.replace(",", ".") if isinstance(v, str) else v)
        odd = given.map(lambda v: isinstance(v, bool) or not isinstance(v, (str, int, float, np.number)))
        fail_first(raw, odd.to_numpy() & ~absent, name, "not a number")
        column = pd.to_numeric(given.where(~absent, np.nan), errors="coerce").astype("float64")
        fail_first(raw, column.isna().to_numpy() & ~absent, name, "not a number")
    numbers = np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    fail_first(raw, np.isinf(numbers), name, "not finite")
    fail_first(raw, numbers < 0, name, "negative")
    return numbers


def _constant(raw: RawTable, name: str, kinds: list[str], venues: pd.Series) -> npt.NDArray[np.object_]:
    """Return each row's word for its venue, None where the file has none; a venue has one word throughout."""
    import pandas as pd

    if name not in raw.cells.columns:
        return np.full(len(venues), None, dtype=object)
    words = raw.cells[name].astype("object").map(lambda v: v.strip().lower() if isinstance(v, str) else v)
    words = words.where(words.notna() & (words != ""), None)
    fail_first(raw, words.notna() & ~words.isin(kinds), name, f"not one of {', '.join(kinds)}")
    first = words.groupby(venues).transform("first")
    fail_first(raw, words.notna() & (words != first), name, "differs from the same venue's rows before")
    return np.asarray(pd.Series(first).to_numpy(dtype=object))


def _check_rows(raw: RawTable, table: pd.DataFrame) -> None:
    for name in PRICES:
        fail_first(raw, ~(table[name] > 0), name, "a price must be above zero")
    for name in MARKS:
        fail_first(raw, table[name] <= 0, name, "a price must be above zero")
    fail_first(raw, table["high"] < table[["open", "close", "low"]].max(axis=1), "high", "below open, low or close")
    fail_first(raw, table["low"] > table[["open", "close"]].min(axis=1), "low", "above open or close")
    fail_first(raw, table["mark_high"] < table["mark_low"], "mark_high", "below mark_low")
    more = table["taker_buy_base"] > table["volume_base"] * ROUNDING
    fail_first(raw, more, "taker_buy_base", "exceeds volume_base")
    fail_first(raw, table.duplicated(["time", "venue"]), "time", "this venue and time occur twice")
