"""Names, places and times of the archive's files, and which there are at a moment."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from imbalance.dumps import binance
from imbalance.dumps.binance import COIN_M, FUNDING, KLINES, LIQUIDATIONS, METRICS, USD_M, File
from imbalance.records import Contract
from imbalance.units import DAY_MS, HOUR_MS
from tests.support.archive import day


def names(*given, **more):
    return [file.name for file in binance.files(*given, **more)]


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (
            File(USD_M, KLINES, "BTCUSDT", "2024-02", "5m"),
            "/data/futures/um/monthly/klines/BTCUSDT/5m/BTCUSDT-5m-2024-02.zip",
        ),
        (
            File(USD_M, METRICS, "BTCUSDT", "2024-02-29"),
            "/data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-02-29.zip",
        ),
        (
            File(COIN_M, LIQUIDATIONS, "BTCUSD_PERP", "2023-06-25"),
            "/data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/BTCUSD_PERP-liquidationSnapshot-2023-06-25.zip",
        ),
        (
            File(COIN_M, FUNDING, "ETHUSD_PERP", "2024-12"),
            "/data/futures/cm/monthly/fundingRate/ETHUSD_PERP/ETHUSD_PERP-fundingRate-2024-12.zip",
        ),
    ],
)
def test_a_file_lies_where_the_archive_has_it_and_is_known_by_that_place(file, path):
    assert file.path == path
    assert binance.file_of(PurePath(path)) == file
    assert binance.file_of(PurePath(file.name)) == file


def test_a_file_is_of_its_month_or_day():
    assert (File(USD_M, METRICS, "X", "2024-02-29").from_ms, File(USD_M, METRICS, "X", "2024-02-29").to_ms) == (
        day("2024-02-29"),
        day("2024-03-01"),
    )
    december = File(USD_M, KLINES, "X", "2024-12", "1d")
    assert (december.from_ms, december.to_ms) == (day("2024-12-01"), day("2025-01-01"))
    assert [file.period for file in binance.day_files(december)][::30] == ["2024-12-01", "2024-12-31"]


@pytest.mark.parametrize(
    "place",
    [
        "spot/monthly/klines/BTCUSDT/5m/BTCUSDT-5m-2024-01.zip",
        "futures/um/monthly/markPriceKlines/BTCUSDT/5m/BTCUSDT-5m-2024-01.zip",
        "BTCUSDT-5m-2024-01.zip.CHECKSUM",
        "BTCUSDT-aggTrades-2024-01-01.zip",
        "BTCUSDT-liquidationSnapshot-2024-01-01.zip",
        "BTCUSDT-metrics-2024-02-31.zip",
        "BTCUSDT-metrics-2024-13-01.zip",
        "BTCUSDT-7m-2024-01.zip",
        "BTCUSDT_240628-5m-2024-01.zip",
        "notes.zip",
    ],
)
def test_what_is_no_file_of_the_futures_is_passed_over(place):
    assert binance.file_of(PurePath(place)) is None


def test_months_where_they_are_published_and_days_after():
    published_ms = day("2024-02-01") + binance.MONTH_PUBLISHED_AFTER_MS
    ask = (USD_M, KLINES, "BTCUSDT", day("2023-12-15"))
    assert names(*ask, published_ms, interval="1d")[:3] == [
        "BTCUSDT-1d-2023-12.zip",
        "BTCUSDT-1d-2024-01.zip",
        "BTCUSDT-1d-2024-02-01.zip",
    ]
    before = names(*ask, published_ms - 1, interval="1d")
    assert before[:3] == ["BTCUSDT-1d-2023-12.zip", "BTCUSDT-1d-2024-01-01.zip", "BTCUSDT-1d-2024-01-02.zip"]


def test_a_day_is_there_from_the_morning_of_the_next():
    ask = (USD_M, METRICS, "BTCUSDT", day("2024-02-01"))
    at_ms = day("2024-02-02") + binance.DAY_PUBLISHED_AFTER_MS
    assert names(*ask, at_ms) == ["BTCUSDT-metrics-2024-02-01.zip"]
    assert names(*ask, at_ms - 1) == []


def test_what_was_never_published_is_not_asked_for():
    now_ms = day("2026-01-01")
    assert names(USD_M, METRICS, "BTCUSDT", 0, now_ms)[0] == "BTCUSDT-metrics-2020-09-01.zip"
    ended = names(COIN_M, LIQUIDATIONS, "BTCUSD_PERP", 0, now_ms)
    assert (ended[0][-14:-4], ended[-1][-14:-4]) == ("2023-06-25", "2024-10-14")
    # Funding has no files of days: what no month holds yet is not there.
    assert names(COIN_M, FUNDING, "BTCUSD_PERP", day("2025-12-01"), now_ms) == []
    assert len(names(USD_M, METRICS, "BTCUSDT", now_ms - 5 * DAY_MS, now_ms + 11 * HOUR_MS)) == 5


@pytest.mark.parametrize(
    ("market", "kind", "first"),
    [
        (USD_M, KLINES, "X-1d-2019-12.zip"), (COIN_M, KLINES, "X-1d-2020-08.zip"),
        (USD_M, METRICS, "X-metrics-2020-09-01.zip"), (COIN_M, METRICS, "X-metrics-2020-09-01.zip"),
        (USD_M, FUNDING, "X-fundingRate-2020-01.zip"), (COIN_M, FUNDING, "X-fundingRate-2022-07.zip"),
    ],
)  # fmt: skip
def test_the_archive_begins_with(market, kind, first):
    interval = "1d" if kind == KLINES else ""
    assert next(binance.files(market, kind, "X", 0, day("2026-01-01"), interval)).name == first


def test_bars_begin_on_the_last_day_of_2019():
    now_ms = day("2020-01-01") + binance.DAY_PUBLISHED_AFTER_MS
    assert names(USD_M, KLINES, "X", 0, now_ms, interval="1d") == ["X-1d-2019-12-31.zip"]
    assert [binance.DAY_PUBLISHED_AFTER_MS, binance.MONTH_PUBLISHED_AFTER_MS] == [10 * HOUR_MS, 8 * DAY_MS]


def test_contracts_are_told_from_their_names():
    linear = binance.instrument_of(USD_M, "1000SHIBUSDT")
    assert (linear.venue, linear.base, linear.contract_size_base, linear.price_multiplier) == (
        "binance",
        "SHIB",
        1000,
        1000,
    )
    bitcoin, ether = (binance.instrument_of(COIN_M, f"{coin}USD_PERP") for coin in ("BTC", "ETH"))
    assert (bitcoin.venue, bitcoin.contract) == ("binance_coinm", Contract.INVERSE)
    assert (bitcoin.contract_size_usd, ether.contract_size_usd) == (100, 10)
    assert [binance.instrument_of(USD_M, name) for name in ("USDT", "BTCUSDC", "BTCBUSD")] == [None] * 3
    assert binance.instrument_of(COIN_M, "USD_PERP") is None
    # A coin that a user writes is no part of a path.
    assert binance.instrument_of(USD_M, "../../XUSDT") is None
