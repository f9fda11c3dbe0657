"""The Crypto Fear & Greed Index of alternative.me: one number a day for the whole market."""

from typing import Annotated

import msgspec
from msgspec import Meta

from imbalance.errors import RefusedError, SourceError
from imbalance.records import Sentiment
from imbalance.units import DAY_MS, SECOND_MS, parse_time_ms
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Source, holding, once
from imbalance.wire.decode import TimeS, decode, in_order, require
from imbalance.wire.refusals import by_status

NAME = "fear_greed"
FIRST_MS = parse_time_ms("2018-02-01")


class _Row(msgspec.Struct):
    value: Annotated[int, Meta(ge=0, le=100)]
    value_classification: str
    timestamp: TimeS


class _Metadata(msgspec.Struct):
    error: str | None = None


class _Body(msgspec.Struct):
    data: list[_Row] | None
    metadata: _Metadata


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status; the body's own error field is read by the parser."""
    return by_status(status, NAME, endpoint, body=body)


def parse_sentiment(body: bytes, _ask: Ask) -> list[Sentiment]:
    """Read fng: every value a string, newest first; the publisher's word is kept as it is."""
    read = decode(body, _Body, NAME, Kind.SENTIMENT)
    if read.metadata.error:
        raise RefusedError(NAME, Kind.SENTIMENT, read.metadata.error)
    rows = read.data or []
    in_order([row.timestamp for row in rows], NAME, Kind.SENTIMENT, "$.data[{}].timestamp", newest_first=True)
    for i, row in enumerate(rows):
        named = bool(row.value_classification.strip())
        require(named, "empty", NAME, Kind.SENTIMENT, f"$.data[{i}].value_classification")
    return [Sentiment(row.timestamp * SECOND_MS, row.value, row.value_classification) for row in reversed(rows)]


FEAR_GREED = Source(
    name=NAME,
    title="Crypto Fear & Greed Index (alternative.me)",
    url="https://api.alternative.me",
    budget=Budget(60, 60),
    refusal=refusal,
    is_venue=False,
    endpoints=(
        Endpoint(
            Kind.SENTIMENT, "/fng/", once(limit=31), parse_sentiment, reach="2018; 31 d read", holds=holding(DAY_MS)
        ),
    ),
    # A limit of 0 gives all days.
    history=(History(Endpoint(Kind.SENTIMENT, "/fng/", once(limit=0), parse_sentiment), first_ms=FIRST_MS),),
)
