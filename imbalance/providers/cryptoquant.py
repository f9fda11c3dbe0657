"""CryptoQuant, with a key: daily open interest of an exchange's perpetuals in USD, and coin days destroyed.

Of the four measures of coin days destroyed (plain, adjusted for supply, its average, binary) the plain one is read; the
vendor opens them from its Professional plan on.
"""

from collections.abc import Sequence

import msgspec

from imbalance.errors import KeyRefusedError, SourceError
from imbalance.records import Holders, OpenInterestUsd
from imbalance.units import DAY_MS
from imbalance.wire import Ask, Budget, Endpoint, Kind, Params, Source, params
from imbalance.wire.decode import Amount, decode, iso_ms, maybe, require
from imbalance.wire.refusals import FORBIDDEN, UNAUTHORIZED, by_status, sentence

NAME = "cryptoquant"
DAYS = 200
HOLDER_DAYS = 35
MEASURE = "coin days destroyed"


class _Status(msgspec.Struct):
    message: str = ""
    description: str = ""


class _Refusal(msgspec.Struct):
    status: _Status


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status with the vendor's words."""
    told = maybe(body, _Refusal)
    said = told.status.description or told.status.message if told is not None else ""
    if status in {UNAUTHORIZED, FORBIDDEN}:
        hint = "Check IMBALANCE_CRYPTOQUANT_KEY and what its plan includes."
        return KeyRefusedError(
            NAME, endpoint, f"key refused: {said or sentence(body) or 'no reason given'} (HTTP {status})", hint, status
        )
    return by_status(status, NAME, endpoint, said, body)


class _Row(msgspec.Struct):
    date: str
    open_interest: Amount | None


class _Result(msgspec.Struct):
    data: list[_Row]


class _Body(msgspec.Struct):
    result: _Result


class _DestroyedRow(msgspec.Struct):
    date: str
    cdd: Amount | None


class _DestroyedResult(msgspec.Struct):
    data: list[_DestroyedRow]


class _Destroyed(msgspec.Struct):
    result: _DestroyedResult


def _days(dates: Sequence[str], endpoint: str) -> list[int]:
    """Return the day of each row [ms]; order is not relied on, but no day may occur twice."""
    found: list[int] = []
    for i, date in enumerate(dates):
        path = f"$.result.data[{i}].date"
        found.append(iso_ms(date, NAME, endpoint, path))
        require(found[-1] % DAY_MS == 0, f"{date!r} is no date", NAME, endpoint, path)
        require(found[-1] not in found[:-1], "the day occurs twice", NAME, endpoint, path)
    return found


def _pages(ask: Ask) -> list[Params]:
    if ask.base not in {"BTC", "ETH"}:
        return []
    return [params(coin=ask.base.lower(), exchange="binance", window="day", limit=DAYS)]


def parse_open_interest(body: bytes, _ask: Ask) -> list[OpenInterestUsd]:
    """Read market-data/open-interest: USD a day; null days are left out, order is not relied on."""
    rows = decode(body, _Body, NAME, Kind.OPEN_INTEREST_DAILY).result.data
    days = _days([row.date for row in rows], Kind.OPEN_INTEREST_DAILY)
    found = [
        OpenInterestUsd(day, row.open_interest)
        for day, row in zip(days, rows, strict=True)
        if row.open_interest is not None
    ]
    return sorted(found, key=lambda row: row.time_ms)


def _holder_pages(ask: Ask) -> list[Params]:
    return [params(coin="btc", window="day", limit=HOLDER_DAYS)] if ask.base == "BTC" else []


def parse_holders(body: bytes, _ask: Ask) -> list[Holders]:
    """Read network-indicator/cdd: coin days destroyed a day."""
    rows = decode(body, _Destroyed, NAME, Kind.HOLDERS).result.data
    days = _days([row.date for row in rows], Kind.HOLDERS)
    found = [Holders(day, MEASURE, row.cdd) for day, row in zip(days, rows, strict=True) if row.cdd is not None]
    return sorted(found, key=lambda row: row.time_ms)


CRYPTOQUANT = Source(
    name=NAME,
    title="CryptoQuant",
    url="https://api.cryptoquant.com/v1",
    budget=Budget(20, 60),
    refusal=refusal,
    is_venue=False,
    key_header="Authorization",
    key_prefix="Bearer ",
    needs="a key in IMBALANCE_CRYPTOQUANT_KEY",
    endpoints=(
        Endpoint(
            Kind.OPEN_INTEREST_DAILY,
            "/{coin}/market-data/open-interest",
            _pages,
            parse_open_interest,
            reach="200 d read",
        ),
        Endpoint(Kind.HOLDERS, "/{coin}/network-indicator/cdd", _holder_pages, parse_holders, reach="35 d read"),
    ),
)
