"""A folder of Parquet files: the coin's own, the columns that are needed, and no file that cannot matter."""

from __future__ import annotations

import pandas as pd
import pytest

from imbalance.bars import folder as reading
from imbalance.bars.cells import ALL
from imbalance.bars.places import place_of
from imbalance.errors import BarsError, MissingDataError
from imbalance.reader import read_bars
from imbalance.units import HOUR_MS

pytest.importorskip("pyarrow")
START_MS = 1_767_225_600_000  # 2026-01-01


def table(first, hours=24, **more):
    frame = pd.DataFrame({"time": [START_MS + (first + i) * HOUR_MS for i in range(hours)]})
    prices = [100.0 + i % 7 for i in range(hours)]
    for name in ("open", "high", "low", "close"):
        frame[name] = prices
    return frame.assign(venue="okx", volume_base=[5.0 + i % 3 for i in range(hours)], open_interest_base=50.0, **more)


def put(folder, frame, month="2026-01", symbol="BTC", name="bars.parquet"):
    place = folder / f"symbol={symbol}" / f"month={month}"
    place.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(place / name)
    return place / name


def test_months_join_and_other_coins_and_columns_are_left_alone(tmp_path):
    put(tmp_path, table(24, note="x" * 50), "2026-02")
    put(tmp_path, table(0, Note=1.0))
    put(tmp_path, table(0).assign(close=-1.0), symbol="ETH")
    raw = reading.read_folder(place_of(tmp_path), "BTC", ALL)
    assert set(raw.cells.columns) == {
        "time",
        "venue",
        "open",
        "high",
        "low",
        "close",
        "volume_base",
        "open_interest_base",
    }
    market = read_bars(tmp_path, symbol="BTC")
    assert market.time_ms.tolist() == [START_MS + i * HOUR_MS for i in range(48)]


def test_months_that_begin_later_are_not_opened(tmp_path):
    put(tmp_path, table(0))
    later = put(tmp_path, table(0), "2026-02")
    later.write_bytes(b"damaged")
    february_ms = START_MS + 31 * 24 * HOUR_MS
    assert len(reading.read_folder(place_of(tmp_path), "BTC", ALL, february_ms).cells) == 24
    with pytest.raises(BarsError, match=r"month=2026-02/bars\.parquet: damaged Parquet"):
        reading.read_folder(place_of(tmp_path), "BTC", ALL, february_ms + 1)


def test_a_fault_names_the_file_and_its_row(tmp_path):
    put(tmp_path, table(0))
    for row in (0, 3):
        bad = table(24)
        bad.loc[row, "close"] = -1.0
        put(tmp_path, bad, "2026-02")
        with pytest.raises(BarsError, match=rf"month=2026-02/bars\.parquet row {row + 1}, column close"):
            read_bars(tmp_path, symbol="BTC")
    with pytest.raises(BarsError, match=r"symbol=BTC/month=2026-02/bars\.parquet row 4, column close"):
        read_bars(tmp_path, symbol="BTC")


def test_a_folder_that_is_not_parted_by_coin_is_of_one(tmp_path):
    table(0).to_parquet(tmp_path / "a.pq")
    table(24).to_parquet(tmp_path / "b.parquet")
    assert read_bars(tmp_path, symbol="SOL").time_ms.size == 48


def test_what_a_folder_lacks_is_told(tmp_path, monkeypatch):
    (tmp_path / "symbol=BTC").mkdir()
    with pytest.raises(BarsError, match="without Parquet files"):
        read_bars(tmp_path)
    with pytest.raises(BarsError, match="nothing of ETH: it holds BTC"):
        read_bars(tmp_path, symbol="ETH")
    put(tmp_path, table(0).iloc[:0])
    with pytest.raises(BarsError, match="no rows of BTC in its 1 files"):
        read_bars(tmp_path)
    put(tmp_path, table(0))
    monkeypatch.setattr(reading, "MOST_ROWS", 23)
    with pytest.raises(BarsError, match="more than 23 rows"):
        read_bars(tmp_path)
    monkeypatch.setattr(reading, "MOST_ROWS", 24)
    assert read_bars(tmp_path).time_ms.size == 24


def test_months_that_end_earlier_are_not_opened(tmp_path):
    put(tmp_path, table(0)).write_bytes(b"damaged")
    put(tmp_path, table(0), "2025-12").write_bytes(b"damaged")
    put(tmp_path, table(31 * 24), "2026-02")
    february_ms = START_MS + 31 * 24 * HOUR_MS
    assert len(reading.read_folder(place_of(tmp_path), "BTC", ALL, from_ms=february_ms).cells) == 24
    with pytest.raises(BarsError, match=r"month=2026-01/bars\.parquet: damaged Parquet"):
        reading.read_folder(place_of(tmp_path), "BTC", ALL, from_ms=february_ms - 1)
    assert read_bars(tmp_path, from_ms=february_ms + 1).time_ms[0] == february_ms + HOUR_MS


def test_a_month_ends_where_the_next_begins():
    assert reading.month_span_ms("2025-12") == (START_MS - 31 * 24 * HOUR_MS, START_MS)
    assert reading.month_span_ms("2026-01") == (START_MS, START_MS + 31 * 24 * HOUR_MS)


def test_of_venues_that_are_named_all_is_read_and_of_others_nothing(tmp_path):
    gate = table(2, 40).assign(venue="gate", close=103.5, low=99.0, high=107.0, volume_base=20.0)
    gate.to_parquet(tmp_path / "gate.parquet")
    pd.concat([table(0, 48), gate]).to_parquet(tmp_path / "both.parquet")
    alone, named = (read_bars(tmp_path / f"{name}.parquet", venues=("gate",)) for name in ("gate", "both"))
    assert named.close.tolist() == alone.close.tolist() == [103.5] * 40
    assert named.time_ms.tolist() == alone.time_ms.tolist()
    assert [v.name for v in named.venues] == ["gate"]
    assert {v.name for v in read_bars(tmp_path / "both.parquet").venues} == {"gate", "okx"}
    with pytest.raises(MissingDataError, match=r"both\.parquet: no bars of bybit, kraken") as caught:
        read_bars(tmp_path / "both.parquet", venues=("kraken", "gate", "bybit"))
    assert caught.value.hint == "There are bars of gate, okx."
