"""The tables: the same in SQLite and PostgreSQL."""

from __future__ import annotations

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

from imbalance.store.layout import IDENTITY, ROWS, TEXTS, VERSION, Layout

__all__ = ["DATA", "GAPS", "METADATA", "REPORTS", "SERIES", "SPANS", "STORE", "VERSION"]

METADATA = MetaData()
# SQLite's tables are strict: a damaged or foreign row cannot hold text where a number belongs.
_INT: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
_REAL: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
_STRICT: dict[str, Any] = {"sqlite_strict": True}

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


def _rows(name: str, layout: Layout) -> Table:
    """Return a table of rows in time, each with when it was learned and last confirmed."""
    return Table(
        name,
        METADATA,
        _series(key=True),
        # The key goes before the others: the integrity check of some SQLite versions takes it for missing behind them.
        *(Column(of, _type(of), primary_key=True, autoincrement=False) for of in layout.key[1:]),
        *(Column(of, _type(of), nullable=of in layout.maybe) for of in layout.columns[len(layout.key) :]),
        sqlite_with_rowid=False,
        **_STRICT,
    )


def _type(column: str) -> Any:  # noqa: ANN401  a column's type or its class
    if column in TEXTS:
        return Text
    if column == "nth":
        return Integer
    return _INT if column.endswith("_ms") else _REAL


DATA = {name: _rows(name, layout) for name, layout in ROWS.items()}
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
