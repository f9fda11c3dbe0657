"""The tables: the same in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import REAL, TypeEngine

VERSION = 1
METADATA = MetaData()
# SQLite's tables are strict: a damaged or foreign row cannot hold text where a number belongs.
_INT: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
_REAL: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
_STRICT: dict[str, Any] = {"sqlite_strict": True}
IDENTITY = ("data", "source", "venue", "symbol", "instrument", "contract", "what", "interval_ms")
TIMES = frozenset({"time_ms", "learned_ms", "confirmed_ms"})  # never missing, unlike other whole numbers

STORE = Table("imbalance_store", METADATA, Column("version", Integer, nullable=False), **_STRICT)
# An empty text where a series has none: texts that are missing would never be equal.
SERIES = Table(
    "series",
    METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, Text, nullable=False) for name in IDENTITY[:-1]),
    Column("interval_ms", _INT, nullable=False, comment="0 where rows are of moments"),
    UniqueConstraint(*IDENTITY),
    **_STRICT,
)


def _series(*, key: bool) -> Column[int]:
    return Column("series", Integer, ForeignKey("series.id"), primary_key=key, autoincrement=False, nullable=False)


def _rows(name: str, *columns: Column[Any], more: Sequence[Column[Any]] = ()) -> Table:
    """Return a table of rows in time, `more` of them at a moment, each with when it was learned and last confirmed."""
    return Table(
        name,
        METADATA,
        _series(key=True),
        Column("time_ms", _INT, primary_key=True, autoincrement=False),
        # Before the others: the integrity check of some SQLite versions takes them for missing where they stand behind.
        *more,
        Column("learned_ms", _INT, nullable=False),
        Column("confirmed_ms", _INT, nullable=False),
        *columns,
        sqlite_with_rowid=False,
        **_STRICT,
    )


def _key(name: str, kind: Any) -> Column[Any]:  # noqa: ANN401  a column's type or its class
    return Column(name, kind, primary_key=True, autoincrement=False)


def _known(*names: str) -> list[Column[Any]]:
    return [Column(name, _REAL, nullable=False) for name in names]


def _maybe(*names: str) -> list[Column[Any]]:
    return [Column(name, _REAL) for name in names]


DATA = {
    table.name: table
    for table in (
        _rows(
            "candles",
            *_known("open", "high", "low", "close", "volume_base"),
            *_maybe("volume_usd", "taker_buy_base"),
        ),
        _rows("open_interest", *_maybe("open_interest_base", "open_interest_usd")),
        _rows("funding", *_known("rate"), *_maybe("interval_hours"), Column("next_time_ms", _INT)),
        _rows("ratios", *_known("long_share")),
        # Orders without a number of their own may be alike: `nth` counts those in one answer.
        _rows(
            "liquidations",
            more=(
                _key("position", Text),
                _key("price", _REAL),
                _key("quantity_base", _REAL),
                _key("order_id", Text),
                _key("nth", Integer),
            ),
        ),
        _rows("liquidation_sums", *_maybe("long_usd", "short_usd", "long_base", "short_base")),
        _rows("sentiment", *_known("value"), Column("label", Text, nullable=False)),
        _rows(
            "commitments",
            *_known("units", "open_interest", "long", "short", "spread"),
            more=[_key("trader_group", Text)],
        ),
        _rows("holders", *_known("value")),
    )
}
SPANS = Table(
    "spans",
    METADATA,
    _series(key=True),
    Column("from_ms", _INT, primary_key=True, autoincrement=False),
    Column("to_ms", _INT, nullable=False),
    Column("learned_ms", _INT, nullable=False),
    sqlite_with_rowid=False,
    **_STRICT,
)
GAPS = Table(
    "gaps",
    METADATA,
    _series(key=True),
    Column("from_ms", _INT, primary_key=True, autoincrement=False),
    Column("to_ms", _INT, nullable=False),
    Column("why", Text, nullable=False),
    Column("learned_ms", _INT, nullable=False),
    sqlite_with_rowid=False,
    **_STRICT,
)
# A report's JSON, packed with zlib: it has as many figures as the bars that it was made of.
REPORTS = Table(
    "reports",
    METADATA,
    Column("schema", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("as_of_ms", _INT, primary_key=True, autoincrement=False),
    Column("learned_ms", _INT, nullable=False),
    Column("document", LargeBinary, nullable=False),
    **_STRICT,
)
