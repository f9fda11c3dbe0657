"""The use cases of local history in one process: what is written where, what is held against now, what is a market."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pandas as pd
import pytest

from imbalance import history
from imbalance.errors import MissingDataError, StoreError, UsageError
from imbalance.store import bars as stored_bars
from imbalance.store import opening, schema, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS

START_MS = 1_767_225_600_000  # 2026-01-01
HOURS = Series("candles", "gate", "gate", "BTC", "BTC_USDT", "linear", interval_ms=HOUR_MS)


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "history.db")


def put(address, *batches):
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, batches, 7)


def bars(many, first=0, series=HOURS):
    rows = []
    for i in range(first, first + many):
        price = 100.0 + i % 7
        prices = {"open": price, "high": price + 1, "low": price - 1, "close": price, "volume_base": 1.0}
        rows.append({"time_ms": START_MS + i * HOUR_MS, "volume_usd": None, "taker_buy_base": None} | prices)
    return Batch(series, rows, [(rows[0]["time_ms"], rows[-1]["time_ms"] + HOUR_MS)])


def of(data, what="", source="gate", venue="gate", **columns):
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Batch(Series(data, source, venue, "BTC", "BTC_USDT", "linear", what), rows)


def test_a_file_is_written_by_its_suffix(address, tmp_path):
    put(address, bars(3))
    tables = []
    for name in ("a.CSV", "a.csv.gz", "a.parquet"):
        file = tmp_path / name
        assert history.export(address, "BTC", HOUR_MS, file) == 3
        content = file.read_bytes()
        assert (content[:2] == b"\x1f\x8b") is (name == "a.csv.gz")
        if name == "a.csv.gz":
            assert content[4:8] == bytes(4)  # no moment of its own: the same rows are the same file
            content = gzip.decompress(content)
        stream = io.BytesIO(content)
        tables.append(pd.read_parquet(stream) if name == "a.parquet" else pd.read_csv(stream))
    assert list(tables[0]["time"]) == [f"2026-01-01T0{hour}:00:00Z" for hour in range(3)]
    assert tables[0].equals(tables[1])
    assert list(tables[2]["close"]) == list(tables[0]["close"]) == [100.0, 101.0, 102.0]
    assert tables[0].columns[0] == "time"


@pytest.mark.parametrize("name", ["new", "there", "there.already"])
def test_a_folder_is_filled_month_by_month(address, tmp_path, name):
    put(address, bars(2), bars(1, 31 * 24), bars(1, 24, HOURS._replace(symbol="A/B", instrument="A/B")))
    folder = tmp_path / name
    if name != "new":
        folder.mkdir()
    assert history.export(address, None, HOUR_MS, folder) == 4
    assert history.export(address, "BTC", HOUR_MS, folder) == 3
    found = {str(file.relative_to(folder)): len(pd.read_parquet(file)) for file in folder.rglob("*.parquet")}
    assert found == {
        "symbol=A%2FB/month=2026-01/bars.parquet": 1,
        "symbol=BTC/month=2026-01/bars.parquet": 2,
        "symbol=BTC/month=2026-02/bars.parquet": 1,
    }
    with pytest.raises(MissingDataError, match="no 1h bars of ETH"):
        history.export(address, "ETH", HOUR_MS, folder)


def test_months_are_those_from_the_first_bar_to_the_last(address):
    put(address, bars(2, 31 * 24 - 1), bars(1, 90 * 24))
    put(address, bars(1, -24 * 40, HOURS._replace(source="coinalyze", venue="okx")))
    with opening.opened(address) as store, store.reading() as connection:
        found = stored_bars.months(connection, "BTC", HOUR_MS)
        assert stored_bars.months(connection, "ETH", HOUR_MS) == []
        assert stored_bars.symbols(connection, HOUR_MS) == ["BTC"]
    starts = [START_MS + days * DAY_MS for days in (0, 31, 59, 90, 120)]
    names = ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert found == [(name, start, end) for name, start, end in zip(names, starts[:-1], starts[1:], strict=True)]


@pytest.mark.parametrize(
    ("symbol", "name", "reason"),
    [("BTC", "a.txt", "its suffix is none of"), (None, "a.csv", "--all writes a folder"), ("BTC", "no/a.csv", "no")],
)
def test_where_nothing_can_be_written(address, tmp_path, symbol, name, reason):
    put(address, bars(1))
    with pytest.raises(UsageError, match=reason):
        history.export(address, symbol, HOUR_MS, tmp_path / name)
    assert not (tmp_path / name).parent.joinpath("a.csv").exists()


def test_upkeep_tells_what_it_did(address):
    put(address, bars(2_000))
    assert history.check(address) == address
    assert history.prune(address, START_MS + 1_990 * HOUR_MS) == (1_990, 0)
    before, after = history.vacuum(address)
    assert before > after > 0
    assert history.migrate(address) == (schema.VERSION, schema.VERSION)
    with opening.opened(address) as store, store.writing() as connection:
        connection.execute(schema.SERIES.delete())
    with pytest.raises(StoreError, match="damaged"):
        history.check(address)


def test_what_is_stored_is_told_by_series(address):
    put(address, bars(2), of("ratios", "accounts", time_ms=[START_MS], long_share=[0.5]))
    told = history.info(address, START_MS + DAY_MS)
    candles, ratios = told.series
    assert (told.reports, told.schema_version, told.place) == (0, schema.VERSION, address)
    assert (candles.rows, candles.first, candles.last, candles.interval) == (
        2, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "1h",
    )  # fmt: skip
    assert [(span.start, span.end) for span in candles.known] == [("2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z")]
    assert (candles.what, ratios.what, ratios.interval, ratios.known, ratios.missing) == (
        None, "accounts", None, [], [],
    )  # fmt: skip


def test_figures_of_before_are_of_venues_themselves_and_of_eight_hours(address):
    put(
        address,
        of("funding", time_ms=[1, 2, 3], rate=[0.001, 0.002, 0.004], interval_hours=[8.0, 4.0, None],
           next_time_ms=[None, None, None]),
        of("funding", source="coinalyze", venue="okx", time_ms=[1], rate=[9.0], interval_hours=[8.0],
           next_time_ms=[None]),
        of("ratios", "accounts", time_ms=[1], long_share=[0.6]),
        of("ratios", "positions", time_ms=[2], long_share=[0.9]),
        Batch(Series("sentiment", "fear_greed", interval_ms=DAY_MS), [{"time_ms": 5, "value": 16.0, "label": "Fear"}]),
    )  # fmt: skip
    found = history.past(address, "BTC")
    assert list(found.funding_8h) == list(found.accounts_long) == ["gate"]
    assert found.funding_8h["gate"].time_ms.tolist() == [1, 2]
    assert found.funding_8h["gate"][1].tolist() == [0.001, 0.004]
    assert found.accounts_long["gate"][1].tolist() == [0.6]
    assert (found.mood.time_ms.tolist(), found.mood[1].tolist()) == ([5], [16.0])
    nothing = history.past(address + ".not", "BTC")
    assert (nothing.funding_8h, nothing.accounts_long, nothing.mood[1].size) == ({}, {}, 0)


def test_a_market_of_stored_bars_ends_with_the_last_that_had_ended(address):
    put(address, bars(48))
    whole = history.market(address, "BTC", HOUR_MS, None)
    assert (whole.symbol, whole.interval_ms, whole.time_ms.size) == ("BTC", HOUR_MS, 48)
    for as_of_ms, size in ((START_MS + 30 * HOUR_MS, 30), (START_MS + 30 * HOUR_MS - 1, 29)):
        cut = history.market(address, "BTC", HOUR_MS, as_of_ms)
        assert cut.time_ms.tolist() == whole.time_ms[:size].tolist()
        assert np.array_equal(cut.close, whole.close[:size])
    with pytest.raises(MissingDataError, match="ends at or before 2026-01-01T00:59:59"):
        history.market(address, "BTC", HOUR_MS, START_MS + HOUR_MS - 1)


def test_stored_bars_are_taken_where_they_reach_further_back(address):
    put(address, bars(48))
    whole = history.market(address, "BTC", HOUR_MS, None)
    assert history.longer(address, whole) is None
    later = history.market(address, "BTC", HOUR_MS, START_MS + 47 * HOUR_MS)
    assert history.longer(address, later) is None  # it begins alike
    put(address, bars(1, -1))
    found = history.longer(address, whole)
    assert found is not None
    assert found.time_ms.size == 49
    assert history.longer(address + ".not", whole) is None
