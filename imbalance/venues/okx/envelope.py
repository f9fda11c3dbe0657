"""OKX: the envelope of every answer, and its refusals."""

from typing import Generic, TypeVar

import msgspec

from imbalance.errors import RateLimitedError, RefusedError, SourceError
from imbalance.wire import Ask
from imbalance.wire.decode import (
    maybe,
)
from imbalance.wire.refusals import answered, by_status

NAME = "okx"


T = TypeVar("T")


def family(ask: Ask) -> str:
    """Return the family of contracts that the coin's swap is of: BTC-USDT."""
    return ask.listed.symbol.removesuffix("-SWAP")


class _Envelope(msgspec.Struct):
    code: str
    msg: str = ""


_BUSY = {"50001", "50013", "50026"}


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: a code other than "0", whatever the HTTP status."""
    told = maybe(body, _Envelope)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    if told.code == "0":
        return by_status(status, NAME, endpoint, body=body)
    said = f"{told.msg} (code {told.code})"
    if told.code == "50011":
        return RateLimitedError(NAME, endpoint, f"too many requests: {said}", "Wait a minute, or ask less often.", 429)
    if told.code in _BUSY:
        return RefusedError(NAME, endpoint, f"is busy: {said}", "Try again later.", 503)
    return by_status(status, NAME, endpoint, said, body) or RefusedError(NAME, endpoint, said, "", status)


class _Answer(msgspec.Struct, Generic[T]):
    data: list[T]


def answer(body: bytes, row: type[T], endpoint: str) -> list[T]:
    """Return the envelope's rows."""
    return answered(body, _Answer[row], refusal, NAME, endpoint).data  # type: ignore[valid-type]
