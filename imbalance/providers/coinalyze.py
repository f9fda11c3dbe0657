"""Coinalyze, with a free key: liquidations by exchange, for months and also where an exchange publishes none.

The catalogue names each market, and names are never built. Stamps are seconds; buckets without any liquidation are
left out. Each symbol of a request counts as one call.
"""

import msgspec

from imbalance.errors import KeyRefusedError, SourceError
from imbalance.records import Contract, Instrument, VenueLiquidations
from imbalance.units import DAY_MS, HOUR_MS, SECOND_MS
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Params, Source
from imbalance.wire.decode import Amount, TimeS, decode, in_order, maybe, require
from imbalance.wire.refusals import FORBIDDEN, UNAUTHORIZED, by_status, sentence

NAME = "coinalyze"
VENUES = {"A": "binance", "6": "bybit", "3": "okx", "4": "htx", "H": "hyperliquid", "K": "kraken", "Y": "gate"}
QUOTES = ("USDT", "USDC", "USD")
MOST_POINTS = 1500
INTERVALS = {HOUR_MS: "1hour", 4 * HOUR_MS: "4hour", DAY_MS: "daily"}


def _bucket_ms(ask: Ask) -> int:
    span_ms = ask.now_ms - ask.start_ms
    return next((ms for ms in INTERVALS if span_ms <= ms * MOST_POINTS), DAY_MS)


def _pages(ask: Ask) -> list[Params]:
    bucket_ms = _bucket_ms(ask)
    return [
        (
            ("symbols", ",".join(market.symbol for market in ask.listings)),
            ("interval", INTERVALS[bucket_ms]),
            ("from", str(ask.start_ms // SECOND_MS)),
            ("to", str(ask.now_ms // SECOND_MS)),
            ("convert_to_usd", "true"),
        )
    ]


class _Refusal(msgspec.Struct):
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status with the publisher's sentence."""
    told = maybe(body, _Refusal)
    said = told.message if told is not None else ""
    if status in {UNAUTHORIZED, FORBIDDEN}:
        hint = "Check IMBALANCE_COINALYZE_KEY."
        return KeyRefusedError(
            NAME, endpoint, f"key refused: {said or sentence(body) or 'no reason given'} (HTTP {status})", hint, status
        )
    return by_status(status, NAME, endpoint, said, body)


class _Market(msgspec.Struct):
    symbol: str
    exchange: str
    base_asset: str
    quote_asset: str
    is_perpetual: bool
    margined: str


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read future-markets: one perpetual margined in dollars of each coin and exchange that is known here."""
    best: dict[tuple[str, str], _Market] = {}
    for row in decode(body, list[_Market], NAME, Kind.INSTRUMENTS):
        usable = row.is_perpetual and row.margined == "STABLE" and row.quote_asset in QUOTES
        if row.exchange not in VENUES or not usable:
            continue
        key = (row.base_asset, row.exchange)
        if key not in best or QUOTES.index(row.quote_asset) < QUOTES.index(best[key].quote_asset):
            best[key] = row
    return [
        Instrument(VENUES[exchange], row.symbol, base, row.quote_asset, Contract.LINEAR)
        for (base, exchange), row in sorted(best.items())
    ]


class _Bucket(msgspec.Struct):
    t: TimeS
    l: Amount  # noqa: E741  the publisher's name
    s: Amount


class _Series(msgspec.Struct):
    symbol: str
    history: list[_Bucket]


def parse_liquidations(body: bytes, ask: Ask) -> list[VenueLiquidations]:
    """Read liquidation-history in USD: `l` is longs liquidated, `s` shorts."""
    venue = {market.symbol: market.venue for market in ask.listings}
    bucket_ms = _bucket_ms(ask)
    found = []
    for i, series in enumerate(decode(body, list[_Series], NAME, Kind.VENUE_LIQUIDATIONS)):
        known = series.symbol in venue
        path = f"$[{i}].symbol"
        require(known, f"{series.symbol!r} was not asked for", NAME, Kind.VENUE_LIQUIDATIONS, path)
        in_order([row.t for row in series.history], NAME, Kind.VENUE_LIQUIDATIONS, f"$[{i}].history[{{}}].t")
        found += [
            VenueLiquidations(row.t * SECOND_MS, venue[series.symbol], row.l, row.s, bucket_ms)
            for row in series.history
            if row.t * SECOND_MS + bucket_ms <= ask.now_ms  # the last one is still filling
        ]
    return found


_LIQUIDATIONS = Endpoint(
    Kind.VENUE_LIQUIDATIONS,
    "/liquidation-history",
    _pages,
    parse_liquidations,
    weight=len(VENUES),
    reach="1,500 buckets",
)

COINALYZE = Source(
    name=NAME,
    title="Coinalyze",
    url="https://api.coinalyze.net/v1",
    budget=Budget(40, 60),
    refusal=refusal,
    is_venue=False,
    key_header="api_key",
    needs="a key in IMBALANCE_COINALYZE_KEY",
    prints="what it received of each exchange's stream",
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, "/future-markets", lambda _ask: [()], parse_instruments),
        _LIQUIDATIONS,
    ),
    # Of one answer: hours, or days where the span is longer than so many hours.
    history=(History(_LIQUIDATIONS, depth_ms=MOST_POINTS * DAY_MS),),
)
