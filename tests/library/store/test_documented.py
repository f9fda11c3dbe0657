"""The tables are documented, and the queries of the documentation run."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from imbalance.errors import StoreError
from imbalance.store import opening, schema, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import HOUR_MS
from tests.conftest import ROOT

TEXT = (ROOT / "imbalance" / "store" / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("table", sorted(schema.METADATA.tables))
def test_every_table_and_column_is_told(table):
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    # Of a series' number, and of the store's own version, the text speaks by other names.
    assert {table, *schema.METADATA.tables[table].columns.keys()} - named <= {"id"}


def test_the_query_runs(address):
    order = {"position": "long", "price": 10.0, "quantity_base": 2.0, "order_id": "", "nth": 0}
    rows = [order | {"time_ms": t} for t in (HOUR_MS, HOUR_MS + 5, 2 * HOUR_MS, 9 * HOUR_MS)]
    series = Series("liquidations", "okx", "okx", "BTC", "BTC-USDT-SWAP", "linear")
    with opening.opened(address, make=True) as store:
        with store.writing() as connection:
            writing.save(connection, [Batch(series, rows, [(HOUR_MS, 3 * HOUR_MS)])], 1)
        query = QUERIES[0 if store.is_sqlite else 1]
        with store.reading() as connection:
            found = [(v, str(h), p, usd) for v, h, p, usd in connection.execute(text(query))]
    # What lies in no span is in no sum.
    assert found == [("okx", "1970-01-01 01:00:00", "long", 40.0), ("okx", "1970-01-01 02:00:00", "long", 20.0)]


def test_the_role_that_only_looks_may_read_and_nothing_else(address):
    with opening.opened(address, make=True) as store:
        if store.is_sqlite:
            pytest.skip("SQLite has no roles")
        (own,) = make_url(address).query["options"].split("search_path=")[1:]
        told = next(query for query in QUERIES if "CREATE ROLE" in query).replace("SCHEMA public", f"SCHEMA {own}")
        with store.apart() as connection:
            for statement in told.strip().split(";\n"):
                connection.execute(text(statement))
        reader = make_url(address).set(username="imbalance_reader").render_as_string(hide_password=False)
        row = {"time_ms": HOUR_MS, "value": 16.0, "label": "Extreme Fear"}
        batch = Batch(Series("sentiment", "fear_greed"), [row], [(0, 2 * HOUR_MS)])
        try:
            with store.writing() as connection:
                writing.save(connection, [batch], 1)
            with opening.opened(reader) as read_only:
                with read_only.reading() as connection:
                    assert connection.execute(text("SELECT value FROM sentiment")).scalar() == 16
                with pytest.raises(StoreError, match="read-only"), read_only.writing() as connection:
                    writing.save(connection, [batch], 2)
        finally:
            with store.apart() as connection:
                connection.execute(text("DROP OWNED BY imbalance_reader"))
                connection.execute(text("DROP ROLE imbalance_reader"))
