"""Rows that come as columns are those that come one by one."""

from __future__ import annotations

from imbalance.store import opening, reading, upkeep, writing
from imbalance.store.rows import Batch, Block, Series

SERIES = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=60_000)
ROWS = [
    {"time_ms": 60_000 * i, "open": 1.0, "high": 2.0 + i, "low": 0.5, "close": 1.5, "volume_base": 1.0}
    | {"volume_usd": None if i else 7.0, "taker_buy_base": 0.1}
    for i in range(3)
]
KNOWN, MISSING = [(0, 180_000)], [(180_000, 240_000, "lost")]


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
