"""Binance COIN-M perpetuals: contracts of 100 USD (BTC) or 10 USD (others), settled in coin.

The paths are those of USD-M on another host; volumes and open interest are contracts, beside them coins. Liquidations
exist only as a thinned stream.
"""

from typing import cast

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    Feed,
    Funding,
    Instrument,
    OpenInterest,
    OpenInterestUsd,
    SettledFunding,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS, interval_name
from imbalance.wire import (
    BRIEF_MS,
    LISTED_MS,
    Ask,
    Budget,
    Endpoint,
    History,
    Kind,
    Params,
    Source,
    bar_ms,
    coarsest_needed,
    holding,
    params,
    windows,
)
from imbalance.wire.at_once import AtOnce
from imbalance.wire.decode import (
    Amount,
    Price,
    Rate,
    Signed,
    TimeMs,
    all_of_asked,
    candles_sound,
    decode,
    in_order,
    minute_of,
    of_asked,
    require_each,
)
from imbalance.wire.refusals import by_status

NAME = "binance_coinm"
CANDLE_LIMIT = 1500
HISTORY_LIMIT = 500
HISTORY_DEPTH_MS = 30 * DAY_MS
DAYS = 200
FUNDING_HOURS = 8.0
TOLERANCE = 0.02
FUNDING_LIMIT = 1000
OFFERED_MS = tuple(INTERVALS_MS.values())
PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")]


def _symbol(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol)]


def _candle_pages(ask: Ask) -> list[Params]:
    return [
        params(
            symbol=ask.listed.symbol,
            interval=interval_name(ask.interval_ms),
            startTime=start,
            endTime=end - 1,
            limit=CANDLE_LIMIT,
        )
        for start, end in windows(ask.start_ms, ask.end_ms, ask.interval_ms, CANDLE_LIMIT)
    ]


def _period_ms(ask: Ask) -> int:
    return coarsest_needed(ask, PERIODS_MS, most_rows=10_000)


def _open_interest_pages(ask: Ask) -> list[Params]:
    start_ms = max(ask.start_ms, ask.now_ms - HISTORY_DEPTH_MS + 10 * MINUTE_MS)
    period_ms = _period_ms(ask)
    return [
        params(
            pair=ask.listed.symbol.partition("_")[0],
            contractType="PERPETUAL",
            period=interval_name(period_ms),
            startTime=start,
            endTime=end,
            limit=HISTORY_LIMIT,
        )
        for start, end in windows(start_ms, min(ask.end_ms, ask.now_ms), period_ms, HISTORY_LIMIT - 1)
    ]


def _funding_pages(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol, startTime=ask.start_ms, endTime=ask.end_ms - 1, limit=FUNDING_LIMIT)]


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: an HTTP status, with a sentence in the body."""
    return by_status(status, NAME, endpoint, body=body)


class _Listed(msgspec.Struct, rename="camel"):
    symbol: str
    contract_type: str
    contract_status: str
    contract_size: Price
    base_asset: str
    quote_asset: str


class _Listing(msgspec.Struct):
    symbols: list[_Listed]


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read exchangeInfo: perpetuals that trade; contracts of contractSize USD."""
    return [
        Instrument(
            venue=NAME,
            symbol=row.symbol,
            base=row.base_asset,
            quote=row.quote_asset,
            contract=Contract.INVERSE,
            funding_interval_hours=FUNDING_HOURS,
            contract_size_usd=row.contract_size,
        )
        for row in decode(body, _Listing, NAME, Kind.INSTRUMENTS).symbols
        if row.contract_type == "PERPETUAL" and row.contract_status == "TRADING"
    ]


def _usd_of_contract(ask: Ask) -> float:
    return cast("float", ask.listed.contract_size_usd)  # every contract of the listing has one


class _Mark(msgspec.Struct, rename="camel"):
    symbol: str
    mark_price: Price
    index_price: Price
    last_funding_rate: Rate
    next_funding_time: TimeMs
    time: TimeMs


def parse_mark_price(body: bytes, ask: Ask) -> list[Ticker | Funding]:
    """Read premiumIndex: mark and index price and the running period's funding; a list even for one symbol."""
    found: list[Ticker | Funding] = []
    for row in decode(body, list[_Mark], NAME, Kind.MARK_PRICE):
        if row.symbol == ask.listed.symbol:
            found += [
                Ticker(row.time, mark_price=row.mark_price, index_price=row.index_price),
                Funding(row.last_funding_rate, row.time, row.next_funding_time),
            ]
    return found


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_price: Price
    volume: Amount
    price_change_percent: Signed
    close_time: TimeMs


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker]:
    """Read ticker/24hr: `volume` is contracts; a list even for one symbol."""
    size = _usd_of_contract(ask)
    return [
        Ticker(
            row.close_time,
            row.last_price,
            volume_24h_usd=row.volume * size,
            change_24h=row.price_change_percent / 100,
        )
        for row in decode(body, list[_Ticker], NAME, Kind.TICKER)
        if row.symbol == ask.listed.symbol
    ]


class _Interest(msgspec.Struct, rename="camel"):
    open_interest: Amount
    time: TimeMs
    symbol: str | None = None


def parse_open_interest(body: bytes, ask: Ask) -> list[OpenInterestUsd]:
    """Read openInterest: contracts, one side, as USD."""
    row = decode(body, _Interest, NAME, Kind.OPEN_INTEREST)
    of_asked(row.symbol, ask.listed.symbol, NAME, Kind.OPEN_INTEREST, "$.symbol")
    return [OpenInterestUsd(row.time, row.open_interest * _usd_of_contract(ask))]


class _History(msgspec.Struct, rename="camel"):
    sum_open_interest: Amount
    sum_open_interest_value: Amount
    timestamp: TimeMs
    pair: str | None = None


def parse_open_interest_history(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read openInterestHist: contracts, and their value in COINS; oldest first."""
    rows = decode(body, list[_History], NAME, Kind.OPEN_INTEREST_HISTORY)
    in_order([row.timestamp for row in rows], NAME, Kind.OPEN_INTEREST_HISTORY, "$[{}].timestamp")
    size = _usd_of_contract(ask)
    pair = ask.listed.symbol.partition("_")[0]
    all_of_asked([row.pair for row in rows], pair, NAME, Kind.OPEN_INTEREST_HISTORY, "$[{}].pair")
    return [OpenInterest(r.timestamp, r.sum_open_interest_value, r.sum_open_interest * size) for r in rows]


class _Kline(msgspec.Struct, array_like=True):
    start: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    contracts: Amount
    end: TimeMs
    base: Amount
    trades: Amount
    taker_contracts: Amount
    taker_base: Amount


def _fits(row: _Kline, usd: float, base: float, contract_usd: float) -> bool:
    """Tell whether coins are what USD buy at the bar's prices, to a contract."""
    slack = contract_usd / row.low
    return usd / row.high * (1 - TOLERANCE) - slack <= base <= usd / row.low * (1 + TOLERANCE) + slack


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read klines: volumes in contracts, beside them in coins; the two must agree at the bar's prices."""
    rows = decode(body, list[_Kline], NAME, Kind.CANDLES)
    in_order([row.start for row in rows], NAME, Kind.CANDLES, "$[{}][0]")
    size = _usd_of_contract(ask)
    for at, fits in (
        (7, [_fits(row, row.contracts * size, row.base, size) for row in rows]),
        (10, [_fits(row, row.taker_contracts * size, row.taker_base, size) for row in rows]),
    ):
        require_each(fits, "not the contracts at the bar's prices", NAME, Kind.CANDLES, f"$[{{}}][{at}]")
    part = [row.taker_base <= row.base for row in rows]
    require_each(part, "takers bought more than was traded", NAME, Kind.CANDLES, "$[{}][10]")
    candles = [Candle(r.start, r.open, r.high, r.low, r.close, r.base, r.contracts * size, r.taker_base) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$[{}][2]")
    return candles


class _Settled(msgspec.Struct, rename="camel"):
    symbol: str
    funding_rate: Rate
    funding_time: TimeMs


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read fundingRate: some milliseconds after each funding."""
    rows = decode(body, list[_Settled], NAME, Kind.FUNDING_HISTORY)
    in_order([row.funding_time for row in rows], NAME, Kind.FUNDING_HISTORY, "$[{}].fundingTime")
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$[{i}].symbol")
    return [SettledFunding(minute_of(row.funding_time), row.funding_rate, FUNDING_HOURS) for row in rows]


_OPEN_INTEREST_HISTORY = Endpoint(
    Kind.OPEN_INTEREST_HISTORY,
    "/futures/data/openInterestHist",
    _open_interest_pages,
    parse_open_interest_history,
    budget=Budget(1000, 300),
    reach="30 d",
    step=_period_ms,
)
_CANDLES = Endpoint(Kind.CANDLES, "/dapi/v1/klines", _candle_pages, parse_candles, weight=10, reach="all", step=bar_ms)

BINANCE_COINM = Source(
    name=NAME,
    title="Binance COIN-M",
    url="https://dapi.binance.com",
    budget=Budget(2400, 60),
    refusal=refusal,
    contract=Contract.INVERSE,
    feed=Feed.CENSORED,
    prints="at most one order a second and symbol, in a stream",
    used_header="x-mbx-used-weight-1m",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/dapi/v1/exchangeInfo",
            lambda _ask: [()],
            parse_instruments,
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.MARK_PRICE,
            "/dapi/v1/premiumIndex",
            _symbol,
            parse_mark_price,
            weight=10,
            at_once=AtOnce((), "symbol", "symbol", 10),
        ),
        Endpoint(
            Kind.TICKER,
            "/dapi/v1/ticker/24hr",
            _symbol,
            parse_ticker,
            holds=holding(BRIEF_MS),
            at_once=AtOnce((), "symbol", "symbol", 40),
        ),
        Endpoint(Kind.OPEN_INTEREST, "/dapi/v1/openInterest", _symbol, parse_open_interest),
        _OPEN_INTEREST_HISTORY,
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES,
            "/dapi/v1/klines",
            lambda ask: [params(symbol=ask.listed.symbol, interval="1d", limit=DAYS)],
            parse_candles,
            weight=2,
            reach="200 d read",
        ),
    ),
    history=(
        History(_CANDLES, OFFERED_MS, CANDLE_LIMIT, also_ms=(DAY_MS,)),
        History(
            _OPEN_INTEREST_HISTORY,
            offered_ms=(INTERVALS_MS["5m"],),
            rows=HISTORY_LIMIT - 1,
            depth_ms=HISTORY_DEPTH_MS - HOUR_MS,
        ),
        History(
            Endpoint(Kind.FUNDING_HISTORY, "/dapi/v1/fundingRate", _funding_pages, parse_funding_history),
            window_ms=FUNDING_LIMIT * HOUR_MS,
        ),
    ),
)
