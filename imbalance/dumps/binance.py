"""Binance's public archive: which files there are, what they are called and which time each is of.

One zip a day or month, kind and contract, beside each a ``.CHECKSUM`` with its SHA-256; a day without a file is HTTP
404. A day is published on the next, about 09:00 UTC, a month on the first Monday of the next (README of
binance/binance-public-data, looked up 2026-11). Metrics and liquidations come by the day alone, funding by the month
alone. Files may be rewritten later. First days: klines 2019-12-31 (USD-M), metrics 2020-09-01, funding 2020-01 (USD-M)
and 2022-07 (COIN-M), as probed by several public projects; those of COIN-M klines and metrics are not documented, so
the earliest that can be is taken and what is not there is a gap. Liquidations of COIN-M are there from 2023-06-25 to
2024-10-14; those of USD-M were removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import NamedTuple

from imbalance.errors import RefusedError, SourceError
from imbalance.records import Contract, Instrument
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, SECOND_MS
from imbalance.wire import Ask, Budget, Endpoint, Kind, Source, coins_of
from imbalance.wire.refusals import by_status

NAME = "binance_archive"
NOT_FOUND = 404
KLINES, METRICS, FUNDING, LIQUIDATIONS = "klines", "metrics", "fundingRate", "liquidationSnapshot"
USD_M, COIN_M = "um", "cm"
VENUE = {USD_M: "binance", COIN_M: "binance_coinm"}
# Files of the same names, of other prices or other markets, lie in folders of their own.
OTHERS = frozenset({"spot", "option", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines"})
DAY_PUBLISHED_AFTER_MS = 10 * HOUR_MS
MONTH_PUBLISHED_AFTER_MS = 8 * DAY_MS
_SYMBOL = re.compile(r"[A-Z0-9]+(_PERP)?")
_NAME = re.compile(
    rf"^([A-Z0-9]+(?:_PERP)?)-({METRICS}|{FUNDING}|{LIQUIDATIONS}|{'|'.join(INTERVALS_MS)})-"
    r"(\d{4}-\d{2}(?:-\d{2})?)\.zip$"
)


def _ms(year: int, month: int, day: int = 1) -> int:
    return round(datetime(year, month, day, tzinfo=UTC).timestamp() * SECOND_MS)


FIRST_MS = {
    (USD_M, KLINES): _ms(2019, 12, 31),
    (COIN_M, KLINES): _ms(2020, 8),
    (USD_M, METRICS): _ms(2020, 9),
    (COIN_M, METRICS): _ms(2020, 9),
    (USD_M, FUNDING): _ms(2020, 1),
    (COIN_M, FUNDING): _ms(2022, 7),
    (COIN_M, LIQUIDATIONS): _ms(2023, 6, 25),
}
LAST_MS = {(COIN_M, LIQUIDATIONS): _ms(2024, 10, 15)}
# Levels are of the ends of five minutes: the moment that a day begins is in the file of the day before.
LATE_MS = {METRICS: INTERVALS_MS["5m"]}
MONTHLY_ALONE = frozenset({FUNDING})
DAILY_ALONE = frozenset({METRICS, LIQUIDATIONS})


class File(NamedTuple):
    """A file of the archive; `interval` is the length of its bars, `period` a month or a day."""

    market: str
    kind: str
    symbol: str
    period: str
    interval: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.symbol}-{self.interval or self.kind}-{self.period}.zip"

    @property
    def path(self) -> str:
        """Where it lies below the archive's address."""
        every = "daily" if self.is_day else "monthly"
        folders = ["data", "futures", self.market, every, self.kind, self.symbol, self.interval, self.name]
        return "/" + "/".join(folder for folder in folders if folder)

    @property
    def is_day(self) -> bool:
        """Whether it is of a day, not of a month."""
        return self.period.count("-") > 1

    @property
    def from_ms(self) -> int:
        """When its time begins."""
        return _ms(*map(int, self.period.split("-")))

    @property
    def to_ms(self) -> int:
        """When its time ends."""
        if self.is_day:
            return self.from_ms + DAY_MS
        year, month = map(int, self.period.split("-"))
        return _ms(year + month // 12, month % 12 + 1)

    @property
    def interval_ms(self) -> int:
        """Length of its bars; 0 where it has none."""
        return INTERVALS_MS.get(self.interval, 0)


def file_of(place: PurePath) -> File | None:
    """Return which file of the archive lies at a place on a disk; None for what is none that is read here.

    The name tells all but whether bars are those of the futures: where the archive's own folders are kept, they do.
    """
    read = _NAME.match(place.name)
    if read is None or OTHERS & set(place.parts):
        return None
    symbol, what, period = read.groups()
    market = COIN_M if symbol.endswith("_PERP") else USD_M
    file = File(market, KLINES if what in INTERVALS_MS else what, symbol, period, what if what in INTERVALS_MS else "")
    try:
        known = (market, file.kind) in FIRST_MS and file.to_ms > 0
    except ValueError:  # the 31st of a month that has none
        return None
    return file if known else None


def instrument_of(market: str, symbol: str) -> Instrument | None:
    """Return the perpetual that a contract's name stands for; None for one that is not read here.

    COIN-M contracts are 100 USD of bitcoin, 10 USD of any other coin.
    """
    if not _SYMBOL.fullmatch(symbol):
        return None
    if market == COIN_M:
        base = symbol.removesuffix("USD_PERP")
        size = 100.0 if base == "BTC" else 10.0
        named = symbol != base and bool(base)
        return (
            Instrument(VENUE[market], symbol, base, "USD", Contract.INVERSE, contract_size_usd=size) if named else None
        )
    name = symbol.removesuffix("USDT")
    if name in {"", symbol}:
        return None
    base, coins = coins_of(name)
    return Instrument(VENUE[market], symbol, base, "USDT", Contract.LINEAR, coins, coins)


def files(market: str, kind: str, symbol: str, from_ms: int, now_ms: int, interval: str = "") -> Iterator[File]:
    """Yield the files, oldest first, that are of a time from `from_ms` on and are published by now.

    Months where they are published and the kind has them, days for what they do not cover yet.
    """
    first_ms = max(from_ms, FIRST_MS[market, kind])
    end_ms = LAST_MS.get((market, kind), now_ms)
    day_ms = first_ms // DAY_MS * DAY_MS
    while day_ms < end_ms:
        day = datetime.fromtimestamp(day_ms / SECOND_MS, UTC)
        month = File(market, kind, symbol, f"{day:%Y-%m}", interval)
        if kind not in DAILY_ALONE and month.to_ms + MONTH_PUBLISHED_AFTER_MS <= now_ms:
            yield month
            day_ms = month.to_ms
            continue
        if kind in MONTHLY_ALONE or day_ms + DAY_MS + DAY_PUBLISHED_AFTER_MS > now_ms:
            return
        yield File(market, kind, symbol, f"{day:%Y-%m-%d}", interval)
        day_ms += DAY_MS


def day_files(month: File) -> list[File]:
    """Return the files of the days of a month's file."""
    first = datetime.fromtimestamp(month.from_ms / SECOND_MS, UTC)
    days = range((month.to_ms - month.from_ms) // DAY_MS)
    return [month._replace(period=f"{first + timedelta(days=day):%Y-%m-%d}") for day in days]


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: the archive is files on a web server."""
    if status == NOT_FOUND:
        return RefusedError(NAME, endpoint, "there is no such file", "", NOT_FOUND)
    return by_status(status, NAME, endpoint, body=body)


def _nothing(_body: bytes, _ask: Ask) -> list[Instrument]:
    """Return no records: a file becomes columns, not records, in `imbalance.dumps.binance_tables`."""
    return []


def endpoint(path: str) -> Endpoint:
    """Return what asks for a file."""
    return Endpoint(Kind.CANDLES, path, lambda _ask: [()], _nothing, label=path.rpartition("/")[2])


ARCHIVE = Source(
    name=NAME,
    title="Binance archive",
    url="https://data.binance.vision",
    # No limit is stated: files on a content network, asked for politely.
    budget=Budget(300, 10),
    refusal=refusal,
    is_venue=False,
    endpoints=(),
)
