"""Rows in and out: the same however often and in whatever order they are saved; nothing known that is not."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from imbalance.errors import StoreError
from imbalance.store import migrations, opening, reading, schema, writing
from imbalance.store.rows import Batch, Series
from imbalance.store.spans import Gap, Span, left, runs, union, without
from tests.conftest import ROOT

MINUTES = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=60_000)
ORDERS = Series("liquidations", "gate", "gate", "BTC", "BTC_USDT", "linear")


def candle(minute, price=100.0, volume_usd=None):
    ohlc = dict(zip(("open", "high", "low", "close"), (price, price + 1, price - 1, price), strict=True))
    more = {"volume_base": 1.0, "volume_usd": volume_usd, "taker_buy_base": None}
    return {"time_ms": minute * 60_000} | ohlc | more


def candles(minutes, price=100.0):
    times = sorted(minutes)
    return Batch(MINUTES, [candle(m, price) for m in times], runs([m * 60_000 for m in times], 60_000))


def save(address, *readings):
    with opening.opened(address, make=True) as store:
        for batches, learned_ms in readings:
            with store.saving([batch.series for batch in batches]) as connection:
                writing.save(connection, batches, learned_ms)


def _or_none(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def _rows(connection, number, series):
    return reading.arrays(connection, number, series.data).items()


def content(address):
    with opening.opened(address) as store, store.reading() as connection:
        numbers = reading.all_series(connection)
        return {
            series: (
                {
                    k: [None if isinstance(v, float) and math.isnan(v) else v for v in column.tolist()]
                    for k, column in _rows(connection, number, series)
                },
                reading.known(connection, number),
                reading.missing(connection, number),
            )
            for number, series in numbers.items()
        }


def test_a_series_comes_back_as_arrays(address):
    save(address, ([Batch(MINUTES, [candle(1, volume_usd=5.0), candle(0)], [(0, 120_000)])], 7))
    with opening.opened(address) as store, store.reading() as connection:
        [(number, series)] = reading.all_series(connection, symbol="BTC", venue="gate").items()
        assert not reading.all_series(connection, symbol="ETH")
        found = reading.arrays(connection, number, series.data)
        later = reading.arrays(connection, number, series.data, ("time_ms", "close"), start_ms=1, end_ms=60_001)
        none = reading.arrays(connection, number, series.data, start_ms=120_000)
        assert reading.known(connection, number) == [Span(0, 120_000, 7)]
    assert series == MINUTES
    assert found["time_ms"].tolist() == [0, 60_000]
    assert found["time_ms"].dtype == np.int64
    assert found["learned_ms"].tolist() == [7, 7]
    # Missing is never 0.
    np.testing.assert_array_equal(found["volume_usd"], [np.nan, 5.0])
    assert {k: v.tolist() for k, v in later.items()} == {"time_ms": [60_000], "close": [100.0]}
    assert none["close"].shape == (0,)


def test_what_is_saved_twice_is_there_once(address):
    order = {"time_ms": 5, "position": "long", "price": 1.0, "quantity_base": 2.0, "order_id": "", "nth": 0}
    both = Batch(ORDERS, [order, order | {"nth": 1}], [(0, 9)], [(9, 12, "more was printed than was read")])
    save(address, ([candles(range(5)), both], 7))
    before = content(address)
    save(address, ([both, candles(range(5))], 7))
    assert content(address) == before
    # Two orders that are alike are two.
    assert before[ORDERS][0]["nth"] == [0, 1]


def test_a_newer_reading_stands_and_is_known_since_it_was_first_told(address):
    save(address, ([candles([0], 1.0)], 10), ([candles([0], 3.0)], 30), ([candles([0], 2.0)], 20))
    rows = content(address)[MINUTES][0]
    assert (rows["close"], rows["learned_ms"], rows["confirmed_ms"]) == ([3.0], [30], [30])
    save(address, ([candles([0], 3.0)], 40), ([candles([0], 3.0)], 25))
    rows = content(address)[MINUTES][0]
    assert (rows["close"], rows["learned_ms"], rows["confirmed_ms"]) == ([3.0], [25], [40])


READINGS = st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=5)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(READINGS, st.randoms(use_true_random=False))
def test_the_order_of_readings_does_not_matter(address, minutes, order):
    readings = [([_with_holes(some, price=float(at))], at + 1) for at, some in enumerate(minutes)]
    _clear(address)
    save(address, *readings)
    before = content(address)
    order.shuffle(readings)
    _clear(address)
    save(address, *readings, *readings[:2])
    assert content(address) == before
    rows, known, missing = before[MINUTES]
    stored = {t // 60_000 for t in rows["time_ms"]}
    assert stored == set().union(*minutes)
    assert {m for m in range(14) if _inside(m, known)} == stored
    assert not {m for m in range(14) if _inside(m, missing)} & stored


def _inside(minute, spans):
    return any(s.from_ms <= minute * 60_000 < s.to_ms for s in spans)


def _with_holes(minutes, price):
    batch = candles(minutes, price)
    holes = zip(batch.known, batch.known[1:], strict=False)
    return batch._replace(missing=[(a[1], b[0], "the answer leaves it out") for a, b in holes])


def _clear(address):
    with opening.opened(address, make=True) as store, store.writing() as connection:
        for table in reversed(schema.METADATA.sorted_tables):
            if table is not schema.STORE:
                connection.execute(delete(table))


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda p: (p[0], sum(p))), max_size=6)


@given(SPANS, SPANS)
def test_spans_hold_what_a_set_of_moments_holds(one, other):
    def moments(spans):
        return {t for s in spans for t in range(s[0], s[1])}

    known = union(Span(*s, 1) for s in one)
    assert moments(known) == moments(one)
    assert all(a.to_ms < b.from_ms for a, b in itertools.pairwise(known))
    gaps = left([Gap(*s, "why", 1) for s in sorted(other)], known)
    assert moments(gaps) == moments(other) - moments(one)
    assert all(a.to_ms <= b.from_ms for a, b in itertools.pairwise(gaps))
    assert moments(without(3, 17, [s[:2] for s in known])) == set(range(3, 17)) - moments(one)


def test_where_gaps_overlap_the_last_that_was_learned_says_why():
    gaps = [Gap(0, 6, "blocked", 1), Gap(4, 9, "timed out", 2)]
    assert left(gaps, []) == left(gaps[::-1], []) == [Gap(0, 4, "blocked", 1), Gap(4, 9, "timed out", 2)]


def test_what_becomes_known_is_missing_no_more(address):
    with_hole = Batch(MINUTES, [candle(0), candle(3)], [(0, 60_000), (180_000, 240_000)], [(60_000, 180_000, "hole")])
    save(address, ([with_hole], 1))
    assert content(address)[MINUTES][2] == [Gap(60_000, 180_000, "hole", 1)]
    save(address, ([candles([1])], 2))
    assert content(address)[MINUTES][1:] == (
        [Span(0, 120_000, 2), Span(180_000, 240_000, 1)],
        [Gap(120_000, 180_000, "hole", 1)],
    )
    save(address, ([candles([2])], 3), ([with_hole], 4))
    assert content(address)[MINUTES][1:] == ([Span(0, 240_000, 4)], [])


def test_a_report_is_kept_as_it_was_last_known(address):
    with opening.opened(address, make=True) as store:
        for learned_ms, json in ((2, b'{"new":1}'), (1, b"{}")):
            with store.saving([]) as connection:
                writing.save_report(connection, "imbalance.report/1", "BTC", 5, learned_ms, json)
        with store.reading() as connection:
            assert connection.execute(select(func.count()).select_from(schema.REPORTS)).scalar() == 1
            assert reading.reports(connection, "BTC") == [("imbalance.report/1", 5, b'{"new":1}')]


def test_a_transaction_that_breaks_leaves_nothing(address):
    save(address, ([candles([0])], 1))
    with opening.opened(address) as store, contextlib.suppress(RuntimeError), store.writing() as connection:
        writing.save(connection, [candles([1])], 2)
        raise RuntimeError
    assert content(address)[MINUTES][0]["time_ms"] == [0]


def test_a_store_that_another_writes_to_is_read_and_not_waited_for(address):
    save(address, ([candles([0])], 1))
    with opening.opened(address) as other, other.writing() as connection:
        writing.save(connection, [candles([1])], 2)
        assert content(address)[MINUTES][0]["time_ms"] == [0]
        with (
            opening.opened(address, wait_s=0.01) as store,
            pytest.raises(StoreError, match="another process is writing"),
            store.writing(),
        ):
            pass
    assert content(address)[MINUTES][0]["time_ms"] == [0, 60_000]


def test_a_newer_schema_is_refused_in_one_sentence(address):
    save(address, ([candles([0])], 1))
    with opening.opened(address) as store, store.writing() as connection:
        connection.execute(schema.STORE.update().values(version=schema.VERSION + 1))
    for make in (False, True):
        told = f"it has schema {schema.VERSION + 1}, which is newer than this program's"
        with pytest.raises(StoreError, match=told), opening.opened(address, make=make):
            pass


def test_an_older_schema_goes_forward_whole_or_not_at_all(address, monkeypatch):
    save(address, ([candles([0])], 1))

    def step(connection):
        connection.exec_driver_sql("ALTER TABLE series ADD COLUMN note TEXT")
        if broken:
            raise StoreError("no")

    monkeypatch.setattr(migrations, "STEPS", (step,))
    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(StoreError, match="an older one"), opening.opened(address):
        pass
    for broken in (True, False):
        with contextlib.suppress(StoreError), opening.opened(address, make=True):
            pass
        with contextlib.closing(opening.connected(address)) as store, store.reading() as connection:
            assert migrations.version_of(connection) == (1 if broken else 2)
    assert content(address)[MINUTES][0]["close"] == [100.0]


def test_a_database_of_someone_else_is_left_alone(address):
    with contextlib.closing(opening.connected(address, make=True)) as store, store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE series (theirs TEXT)")
    with pytest.raises(StoreError, match="tables of other programs"), opening.opened(address, make=True):
        pass


def test_a_random_history_is_what_a_dictionary_holds(address):
    draw, held, readings = random.Random(3), {}, []  # noqa: S311  the same every time, and no secret
    for learned_ms in range(1, 30):
        minutes = sorted(draw.sample(range(100), 30))
        readings.append(([candles(minutes, float(learned_ms))], learned_ms))
        held.update(dict.fromkeys(minutes, float(learned_ms)))
    draw.shuffle(readings)
    save(address, *readings)
    rows = content(address)[MINUTES][0]
    assert dict(zip(rows["time_ms"], rows["close"], strict=True)) == {m * 60_000: held[m] for m in sorted(held)}


def _tables(file):
    with contextlib.closing(sqlite3.connect(file)) as made:
        return {" ".join(sql.split()) for (sql,) in made.execute("SELECT sql FROM sqlite_master WHERE sql <> ''")}


def test_a_store_of_the_first_schema_is_read(tmp_path):
    file = tmp_path / "history.db"
    with sqlite3.connect(file) as made:
        made.executescript((ROOT / "fixtures" / "store" / "schema-1.sql").read_text())
    made.close()
    with opening.opened(str(file), make=True):
        pass
    # Tables that change need a step that brings old ones forward.
    with opening.opened(str(tmp_path / "new.db"), make=True):
        pass
    assert _tables(file) == _tables(tmp_path / "new.db")
    rows, known, missing = content(str(file))[MINUTES]
    assert rows["close"] == [100.0, 100.0, 100.0]
    assert rows["volume_usd"] == [None] * 3
    assert known == [Span(0, 120_000, 1_000), Span(180_000, 240_000, 1_000)]
    assert missing == [Gap(120_000, 180_000, "the answer leaves it out", 1_000)]
    assert content(str(file))[ORDERS][0]["nth"] == [0, 1]
    with opening.opened(str(file)) as store, store.reading() as connection:
        assert reading.reports(connection, "BTC") == [("imbalance.report/1", 5, b"{}")]


def test_of_many_spans_and_gaps_only_those_that_change_are_written(tmp_path):
    many = 50
    known = [(4 * i, 4 * i + 1) for i in range(many)]
    missing = [(4 * i + 2, 4 * i + 3, "lost") for i in range(many)]
    with opening.opened(str(tmp_path / "history.db"), make=True) as store:
        with store.writing() as connection:
            writing.save(connection, [Batch(MINUTES, [], known, missing)], 1)
        with store.writing() as connection:
            before = connection.connection.driver_connection.total_changes
            # The last span grows over the last gap.
            writing.save(connection, [Batch(MINUTES, [], [(4 * many - 3, 4 * many)])], 2)
            assert connection.connection.driver_connection.total_changes - before == 2
        with store.reading() as connection:
            last = Span(4 * many - 4, 4 * many, 2)
            assert reading.known(connection, 1) == [*(Span(*span, 1) for span in known[:-1]), last]
            assert reading.missing(connection, 1) == [Gap(*gap, 1) for gap in missing[:-1]]
