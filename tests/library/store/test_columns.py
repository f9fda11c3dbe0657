"""Rows that come as columns are those that come one by one."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from imbalance.store import asking, opening, reading, upkeep, writing
from imbalance.store.layout import ROWS as LAYOUTS
from imbalance.store.layout import TEXTS, TIMES
from imbalance.store.rows import Batch, Block, Series

SERIES = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=60_000)
ROWS = [
    {"time_ms": 60_000 * i, "open": 1.0, "high": 2.0 + i, "low": 0.5, "close": 1.5, "volume_base": 1.0}
    | {"volume_usd": None if i else 7.0, "taker_buy_base": 0.1}
    for i in range(3)
]
KNOWN, MISSING = [(0, 180_000)], [(180_000, 240_000, "lost")]
KINDS = dict.fromkeys(TIMES, np.int64) | dict.fromkeys(TEXTS, object)


def stored(address):
    with opening.opened(address) as store, store.reading() as connection:
        [(number, one)] = reading.all_series(connection).items()
        found = reading.arrays(connection, number, one.data)
        assert one == SERIES
        told = reading.known(connection, number), reading.missing(connection, number)
        return {name: values.tolist() for name, values in found.items()}, *told


def save(address, block, learned_ms):
    with opening.opened(address, make=True) as store:
        with store.writing() as connection:
            many = writing.save_columns(connection, block, learned_ms)
        assert upkeep.faults(store) == []
    return many


def columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_columns_are_stored_as_rows_are(address, tmp_path):
    assert save(address, Block(SERIES, columns(ROWS), KNOWN, MISSING), 5) == 3
    by_rows = str(tmp_path / "rows.db")
    with opening.opened(by_rows, make=True) as store, store.writing() as connection:
        writing.save(connection, [Batch(SERIES, ROWS, KNOWN, MISSING)], 5)
    assert str(stored(address)) == str(stored(by_rows))


def test_columns_saved_again_are_the_same_and_a_later_reading_wins(address):
    block = Block(SERIES, columns(ROWS), KNOWN, MISSING)
    save(address, block, 5)
    first = stored(address)
    save(address, block, 5)
    assert str(stored(address)) == str(first)
    later = [row | {"close": 1.75} for row in ROWS]
    save(address, Block(SERIES, columns(later), KNOWN), 6)
    save(address, block, 4)
    assert stored(address)[0]["close"] == [1.75] * 3


def test_a_block_without_rows_says_what_is_known_and_missing(address):
    assert save(address, Block(SERIES, {"time_ms": []}, (), MISSING), 5) == 0
    _rows, known, missing = stored(address)
    assert (known, [gap[:3] for gap in missing]) == ([], MISSING)


def test_figures_come_back_to_the_last_digit(address):
    figures = [5e-324, 1.7976931348623157e308, -0.1, 0.1 + 0.2, 1e22, 123_456_789.123_456_79, 2.0**53 + 2]
    rows = [
        ROWS[0] | {"time_ms": 60_000 * i, "open": x, "volume_usd": None if i % 2 else -x} for i, x in enumerate(figures)
    ]
    rows[0]["time_ms"] = 2**53 + 1
    save(address, Block(SERIES, columns(rows)), 5)
    found, _known, _missing = stored(address)
    order = [*range(1, len(figures)), 0]
    assert found["time_ms"] == [rows[i]["time_ms"] for i in order]
    assert list(map(repr, found["open"])) == [repr(figures[i]) for i in order]
    assert list(map(repr, found["volume_usd"])) == ["nan" if i % 2 else repr(-figures[i]) for i in order]


def test_texts_come_back_whatever_they_hold(address):
    texts = ["", "NULL", "null", "{a,b}", "'", '"', "\\", "a\nb", "Ä 🟥"]
    series = Series("liquidations", "gate", "gate", "BTC", "BTC_USDT", "linear")
    orders = {
        "time_ms": list(range(len(texts))),
        "position": ["long"] * len(texts),
        "price": [1.0] * len(texts),
        "quantity_base": [1.0] * len(texts),
        "order_id": texts,
        "nth": [0] * len(texts),
    }
    save(address, Block(series, orders), 5)
    with opening.opened(address) as store, store.reading() as connection:
        assert reading.arrays(connection, 1, "liquidations")["order_id"].tolist() == texts


def drawn(draw, layout, time_ms):
    """Return a row of random figures, of which some are missing that may be."""
    row = {name: draw.uniform(-1e9, 1e9) for name in (*layout.more, *layout.known, *layout.maybe)}
    texts = {name: draw.choice(["", "long", "{b,NULL}"]) for name in TEXTS & set(row)}
    whole = {name: draw.randrange(-(2**31), 2**31) for name in {"nth", "next_time_ms"} & set(row)}
    absent = {name: None for name in layout.maybe if draw.random() < 1 / 3}
    return {"time_ms": time_ms} | row | texts | whole | absent


@pytest.mark.parametrize("data", LAYOUTS)
def test_arrays_are_the_rows_that_a_query_finds(address, data):
    draw = random.Random(data)  # noqa: S311  the same every time, and no secret
    one, other = (Series(data, "gate", "gate", symbol, interval_ms=60_000) for symbol in ("BTC", "ETH"))
    with opening.opened(address, make=True) as store:
        with store.saving([one, other]) as connection:
            times_ms = draw.sample(range(-(2**40), 2**40), 40)
            batches = [Batch(series, [drawn(draw, LAYOUTS[data], t) for t in times_ms]) for series in (one, other)]
            writing.save(connection, batches, 5)
        with store.reading() as connection:
            number = next(n for n, series in reading.all_series(connection).items() if series == one)
            for names in (LAYOUTS[data].columns[1:], LAYOUTS[data].columns[1:3], LAYOUTS[data].columns[-1:]):
                for start_ms in (min(times_ms), sorted(times_ms)[20], max(times_ms) + 1):
                    found = reading.arrays(connection, number, data, names, start_ms=start_ms)
                    wanted, key = (", ".join(f'"{name}"' for name in of) for of in (names, LAYOUTS[data].key))
                    query = f"SELECT {wanted} FROM {data} WHERE series = ? AND time_ms >= ? ORDER BY {key}"  # noqa: S608
                    rows = asking.rows(connection, query, [number, start_ms])
                    assert list(found) == list(names)
                    assert len(rows) == len(batches[0].rows) - sum(t < start_ms for t in times_ms)
                    for i, (name, values) in enumerate(found.items()):
                        assert values.dtype == KINDS.get(name, float)
                        assert values.dtype.isnative
                        assert values.flags.carray
                        known = [math.nan if row[i] is None else row[i] for row in rows]
                        np.testing.assert_array_equal(values, np.array(known, values.dtype))
