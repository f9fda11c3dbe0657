"""CryptoQuant, with a key: daily open interest of an exchange's perpetuals, in USD."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from imbalance.errors import KeyRefusedError, ParseError, SourceError
from imbalance.records import OpenInterestUsd
from imbalance.units import SECOND_MS
from imbalance.wire import Ask, Budget, Endpoint, Kind, Params, Source, params
from imbalance.wire.decode import Amount, decode, require
from imbalance.wire.refusals import FORBIDDEN, UNAUTHORIZED, by_status

NAME = "cryptoquant"
DAYS = 200


class _Status(msgspec.Struct):
    message: str = ""
    description: str = ""


class _Refusal(msgspec.Struct):
    status: _Status


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status with the vendor's words."""
    try:
        told = msgspec.json.decode(body, type=_Refusal).status
        said = told.description or told.message
    except msgspec.MsgspecError:
        said = ""
    if status in {UNAUTHORIZED, FORBIDDEN}:
        hint = "Check IMBALANCE_CRYPTOQUANT_KEY and what its plan includes."
        return KeyRefusedError(NAME, endpoint, f"key refused: {said} (HTTP {status})", hint, status)
    return by_status(status, NAME, endpoint, said)


class _Row(msgspec.Struct):
    date: str
    open_interest: Amount | None


class _Result(msgspec.Struct):
    data: list[_Row]


class _Body(msgspec.Struct):
    result: _Result


def _pages(ask: Ask) -> list[Params]:
    return [params(exchange="binance", window="day", limit=DAYS)] if ask.base in {"BTC", "ETH"} else []


def parse_open_interest(body: bytes, _ask: Ask) -> list[OpenInterestUsd]:
    """Read market-data/open-interest: USD a day; null days are left out, order is not relied on."""
    rows = decode(body, _Body, NAME, Kind.OPEN_INTEREST_DAILY).result.data
    found: dict[int, OpenInterestUsd] = {}
    for i, row in enumerate(rows):
        path = f"$.result.data[{i}].date"
        try:
            day = datetime.strptime(row.date, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise ParseError(NAME, Kind.OPEN_INTEREST_DAILY, f"{row.date!r} is no date", path) from None
        time_ms = round(day.timestamp()) * SECOND_MS
        require(time_ms not in found, "the day occurs twice", NAME, Kind.OPEN_INTEREST_DAILY, path)
        if row.open_interest is not None:
            found[time_ms] = OpenInterestUsd(time_ms, row.open_interest)
    return [found[time_ms] for time_ms in sorted(found)]


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
    endpoints=(Endpoint(Kind.OPEN_INTEREST_DAILY, "/{coin}/market-data/open-interest", _pages, parse_open_interest),),
)
