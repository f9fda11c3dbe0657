"""Upkeep: what is wrong is named and counted, and only what is of before a moment goes."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert

from imbalance.errors import StoreError
from imbalance.store import opening, reading, schema, upkeep, writing
from imbalance.store.rows import Batch, Series
from imbalance.store.spans import Gap, Span, left
from tests.library.store.test_store import MINUTES, ORDERS, candle

MINUTE_MS = 60_000


@pytest.fixture
def store(tmp_path):
    with opening.opened(str(tmp_path / "history.db"), make=True) as opened:
        yield opened


def put(store, *batches):
    with store.writing() as connection:
        writing.save(connection, batches, 7)


def order(minute):
    at = {"time_ms": minute * MINUTE_MS, "position": "long", "price": 1.0, "quantity_base": 1.0}
    return at | {"order_id": "", "nth": 0}


def test_gaps_that_touch_are_one_if_they_were_learned_alike():
    for other, joined in (
        (Gap(5, 9, "a", 1), True),
        (Gap(5, 9, "b", 1), False),
        (Gap(5, 9, "a", 2), False),
        (Gap(6, 9, "a", 1), False),
    ):
        found = left([Gap(0, 5, "a", 1), other], [])
        assert found == ([Gap(0, 9, "a", 1)] if joined else [Gap(0, 5, "a", 1), other])
    assert left([Gap(0, 9, "a", 1)], [Span(3, 4, 1)]) == [Gap(0, 3, "a", 1), Gap(4, 9, "a", 1)]


def test_what_is_of_the_moment_stays_and_what_was_before_goes(store):
    put(
        store,
        Batch(MINUTES, [candle(m) for m in range(4)], [(0, 4 * MINUTE_MS)]),
        Batch(ORDERS, [order(m) for m in range(4)], [(0, 4 * MINUTE_MS)], [(5 * MINUTE_MS, 6 * MINUTE_MS, "x")]),
    )
    with store.writing() as connection:
        for minute in range(4):
            writing.save_report(connection, "report", "BTC", minute * MINUTE_MS, 7, b"{}")
        assert upkeep.many_reports(connection) == 4
        assert set(upkeep.extents(connection).values()) == {upkeep.Extent(4, 0, 3 * MINUTE_MS)}
        # A bar and a half in: the bar that began before went whole, moments are known from the cut on.
        assert upkeep.prune(connection, MINUTE_MS + MINUTE_MS // 2) == (4, 2)
        numbers = {series.data: number for number, series in reading.all_series(connection).items()}
        assert reading.known(connection, numbers["candles"]) == [Span(2 * MINUTE_MS, 4 * MINUTE_MS, 7)]
        assert reading.known(connection, numbers["liquidations"]) == [Span(MINUTE_MS * 3 // 2, 4 * MINUTE_MS, 7)]
        assert upkeep.prune(connection, 2 * MINUTE_MS) == (0, 0)
        assert upkeep.prune(connection, 2 * MINUTE_MS + 1) == (2, 1)
        # Of a series without rows what is known and missing goes with them, but for what is of later.
        assert upkeep.prune(connection, 5 * MINUTE_MS) == (2, 1)
        assert [series.data for series in reading.all_series(connection).values()] == ["liquidations"]
        assert reading.missing(connection, numbers["liquidations"]) == [Gap(5 * MINUTE_MS, 6 * MINUTE_MS, "x", 7)]
        assert upkeep.prune(connection, 6 * MINUTE_MS) == (0, 0)
        assert reading.all_series(connection) == {}


@pytest.mark.parametrize(
    ("spans", "gaps", "told"),
    [
        ([(0, 5), (5, 9)], [], []),
        ([(0, 5), (4, 9)], [], ["spans of gate candles: they overlap or end before they start"]),
        ([(5, 5)], [], ["spans of gate candles: they overlap or end before they start"]),
        ([(5, 6)], [(0, 5)], []),
        ([(5, 9)], [(0, 6)], ["gaps of gate candles: what is known is said to be missing"]),
        ([], [(6, 5)], ["gaps of gate candles: they overlap or end before they start"]),
    ],
)
def test_spans_that_cannot_be_are_named(store, spans, gaps, told):
    put(store, Batch(MINUTES, [candle(0)]))
    with store.writing() as connection:
        (number,) = reading.all_series(connection)
        for a, b in spans:
            connection.execute(insert(schema.SPANS).values(series=number, from_ms=a, to_ms=b, learned_ms=1))
        for a, b in gaps:
            connection.execute(insert(schema.GAPS).values(series=number, from_ms=a, to_ms=b, why="x", learned_ms=1))
    found = upkeep.faults(store)
    assert found[: len(told)] == told
    assert bool(found) is bool(told)
    if not told:
        upkeep.require_sound(store)


def test_rows_of_no_series_are_counted_and_more_faults_announced(store):
    put(store, Batch(MINUTES, [candle(0), candle(1)], [(0, 5)]), Batch(ORDERS, [order(0)]))
    with store.writing() as connection:
        connection.execute(delete(schema.SERIES))
    assert upkeep.faults(store) == [
        "candles: 2 rows of no series",
        "liquidations: 1 rows of no series",
        "spans: 1 rows of no series",
    ]
    with pytest.raises(StoreError, match=r"is damaged: candles: 2 rows of no series \(and 2 more\)$"):
        upkeep.require_sound(store)
    with store.writing() as connection:
        connection.execute(delete(schema.SPANS))
        connection.execute(delete(schema.DATA["liquidations"]))
    with pytest.raises(StoreError, match=r"is damaged: candles: 2 rows of no series$"):
        upkeep.require_sound(store)


def test_a_store_is_as_large_as_its_files(store, tmp_path):
    put(store, Batch(MINUTES, [candle(m) for m in range(200)]))
    with store.reading() as connection:
        there = sum(file.stat().st_size for file in tmp_path.glob("history.db*"))
        assert upkeep.size_bytes(store, connection) == there > 0


def test_of_two_reports_of_a_moment_the_one_learned_last_stays(store):
    with store.writing() as connection:
        for learned, body in ((5, b"1"), (5, b"2"), (4, b"3")):
            writing.save_report(connection, "report", "BTC", 9, learned, body)
        assert reading.reports(connection, "BTC") == [("report", 9, b"2")]


def test_series_differ_by_each_of_their_names(store):
    base = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", "", 60_000)
    others = [base._replace(**{name: 1 if name == "interval_ms" else "funding"}) for name in base._fields]
    with store.writing() as connection:
        writing.save(connection, [Batch(one, []) for one in (base, base, *others)], 1)
        found = reading.all_series(connection)
    assert len(found) == len(base._fields) + 1
    assert set(found.values()) == {base, *others}


def test_a_password_is_no_part_of_a_stores_place():
    pytest.importorskip("psycopg")
    store = opening.connected("postgresql://me:secret@localhost/history")
    assert store.place == "postgresql://me:***@localhost/history"
    assert not store.is_sqlite
    store.close()
