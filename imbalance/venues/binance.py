"""Binance USD-M perpetuals.

Open interest is in base coin, one side. Liquidations exist only as a thinned stream (at most one order a
second and symbol), so a report shows a gap. The maintenance ladder needs a key: a dated table stands in.
"""

from collections.abc import Sequence

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    Feed,
    Funding,
    FundingInterval,
    Instrument,
    LongShort,
    OpenInterest,
    OrderBook,
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
    coins_of,
    holding,
    params,
    windows,
)
from imbalance.wire.at_once import AtOnce
from imbalance.wire.decode import (
    Amount,
    Hours,
    Price,
    Rate,
    Share,
    Signed,
    TimeMs,
    all_of_asked,
    candles_sound,
    decode,
    in_order,
    levels_in_order,
    minute_of,
    of_asked,
    require,
    require_each,
)
from imbalance.wire.refusals import by_status

NAME = "binance"
CANDLE_LIMIT = 1500
HISTORY_LIMIT = 500
HISTORY_DEPTH_MS = 30 * DAY_MS
DAYS = 200
MONTHS = 37
PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")]
DEFAULT_FUNDING_HOURS = 8.0
STATISTICS = Budget(1000, 300)
FUNDINGS = Budget(500, 300)
FUNDING_LIMIT = 1000
OFFERED_MS = tuple(INTERVALS_MS.values())


def _symbol(ask: Ask) -> tuple[Params, ...]:
    return (params(symbol=ask.listed.symbol),)


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


def _daily_pages(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol, interval="1d", limit=DAYS)]


def _period_ms(ask: Ask) -> int:
    return coarsest_needed(ask, PERIODS_MS, most_rows=10_000)


def _monthly_pages(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol, interval="1M", limit=MONTHS)]


def _open_interest_pages(ask: Ask) -> list[Params]:
    # 30 days exactly is refused by the time the request arrives: a little less is asked for.
    start_ms = max(ask.start_ms, ask.now_ms - HISTORY_DEPTH_MS + 10 * MINUTE_MS)
    period_ms = _period_ms(ask)
    return [
        params(
            symbol=ask.listed.symbol,
            period=interval_name(period_ms),
            startTime=start,
            endTime=end,
            limit=HISTORY_LIMIT,
        )
        for start, end in windows(start_ms, min(ask.end_ms, ask.now_ms), period_ms, HISTORY_LIMIT - 1)
    ]


def _ratio_pages(ask: Ask) -> list[Params]:
    period = interval_name(ask.interval_ms)
    return [
        params(symbol=ask.listed.symbol, period=period, startTime=start, endTime=end, limit=HISTORY_LIMIT)
        for start, end in windows(ask.start_ms, min(ask.end_ms, ask.now_ms), ask.interval_ms, HISTORY_LIMIT - 1)
    ]


def _funding_pages(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol, startTime=ask.start_ms, endTime=ask.end_ms - 1, limit=FUNDING_LIMIT)]


def _latest_ratio(ask: Ask) -> list[Params]:
    return [params(symbol=ask.listed.symbol, period="1h", limit=1)]


class _Listed(msgspec.Struct, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    base_asset: str
    quote_asset: str


class _Listing(msgspec.Struct):
    symbols: list[_Listed]


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read exchangeInfo: perpetuals quoted in USDT that trade."""
    listing = decode(body, _Listing, NAME, Kind.INSTRUMENTS)
    found = []
    for row in listing.symbols:
        if row.contract_type != "PERPETUAL" or row.quote_asset != "USDT" or row.status != "TRADING":
            continue
        base, coins = coins_of(row.base_asset)
        found.append(
            Instrument(
                venue=NAME,
                symbol=row.symbol,
                base=base,
                quote=row.quote_asset,
                contract=Contract.LINEAR,
                contract_size_base=coins,
                price_multiplier=coins,
            )
        )
    return found


class _Interval(msgspec.Struct, rename="camel"):
    symbol: str
    funding_interval_hours: Hours


def parse_funding_intervals(body: bytes, ask: Ask) -> list[FundingInterval]:
    """Read fundingInfo: a symbol that is absent has the default interval."""
    rows = decode(body, list[_Interval], NAME, Kind.FUNDING_INTERVALS)
    hours = {row.symbol: row.funding_interval_hours for row in rows}
    return [FundingInterval(hours.get(ask.listed.symbol, DEFAULT_FUNDING_HOURS))]


class _Premium(msgspec.Struct, rename="camel"):
    mark_price: Price
    index_price: Price
    last_funding_rate: Rate
    next_funding_time: TimeMs
    time: TimeMs
    symbol: str | None = None


def parse_mark_price(body: bytes, ask: Ask) -> list[Ticker | Funding]:
    """Read premiumIndex: mark and index price, and the running period's funding rate."""
    row = decode(body, _Premium, NAME, Kind.MARK_PRICE)
    of_asked(row.symbol, ask.listed.symbol, NAME, Kind.MARK_PRICE, "$.symbol")
    price_of = ask.listed.price_of
    return [
        Ticker(row.time, mark_price=price_of(row.mark_price), index_price=price_of(row.index_price)),
        Funding(row.last_funding_rate, row.time, row.next_funding_time),
    ]


class _OpenInterest(msgspec.Struct, rename="camel"):
    open_interest: Amount
    time: TimeMs
    symbol: str | None = None


def parse_open_interest(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read openInterest: base coin, one side."""
    row = decode(body, _OpenInterest, NAME, Kind.OPEN_INTEREST)
    of_asked(row.symbol, ask.listed.symbol, NAME, Kind.OPEN_INTEREST, "$.symbol")
    return [OpenInterest(row.time, ask.listed.base_of(row.open_interest))]


class _OpenInterestRow(msgspec.Struct, rename="camel"):
    sum_open_interest: Amount
    sum_open_interest_value: Amount
    timestamp: TimeMs
    symbol: str | None = None


def parse_open_interest_history(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read openInterestHist: base coin, one side, at the right edge of each bucket."""
    rows = decode(body, list[_OpenInterestRow], NAME, Kind.OPEN_INTEREST_HISTORY)
    in_order([row.timestamp for row in rows], NAME, Kind.OPEN_INTEREST_HISTORY)
    all_of_asked([row.symbol for row in rows], ask.listed.symbol, NAME, Kind.OPEN_INTEREST_HISTORY, "$[{}].symbol")
    size = ask.listed.base_of
    return [OpenInterest(row.timestamp, size(row.sum_open_interest), row.sum_open_interest_value) for row in rows]


class _Kline(msgspec.Struct, array_like=True):
    open_time: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    close_time: TimeMs
    quote_volume: Amount
    trades: int
    taker_buy_base: Amount
    taker_buy_quote: Amount


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read klines: volume in base and quote coin, with the taker-buy part."""
    rows = decode(body, list[_Kline], NAME, Kind.CANDLES)
    in_order([row.open_time for row in rows], NAME, Kind.CANDLES)
    part = [row.taker_buy_base <= row.volume * (1 + 1e-9) for row in rows]
    require_each(part, "taker-buy volume exceeds volume", NAME, Kind.CANDLES, "$[{}][9]")
    forward = [row.close_time > row.open_time for row in rows]
    require_each(forward, "bar ends before it starts", NAME, Kind.CANDLES, "$[{}][6]")
    of = ask.listed.candle
    candles = [
        of(r.open_time, r.open, r.high, r.low, r.close, r.volume, r.quote_volume, r.taker_buy_base) for r in rows
    ]
    candles_sound(candles, NAME, Kind.CANDLES, "$[{}][2]")
    return candles


class _Day(msgspec.Struct, rename="camel"):
    last_price: Price
    price_change_percent: Signed
    volume: Amount
    quote_volume: Amount
    close_time: TimeMs
    symbol: str | None = None


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker]:
    """Read ticker/24hr: rolling volumes; the change is in per cent there."""
    row = decode(body, _Day, NAME, Kind.TICKER)
    of_asked(row.symbol, ask.listed.symbol, NAME, Kind.TICKER, "$.symbol")
    return [
        Ticker(
            row.close_time,
            last_price=ask.listed.price_of(row.last_price),
            volume_24h_base=ask.listed.base_of(row.volume),
            volume_24h_usd=row.quote_volume,
            change_24h=row.price_change_percent / 100,
        )
    ]


class _Ratio(msgspec.Struct, rename="camel"):
    long_account: Share
    short_account: Share
    timestamp: TimeMs
    symbol: str | None = None
    long_short_ratio: Amount | None = None


def _ratio_parser(kind: str) -> Endpoint:
    path, name = {
        "accounts": ("/futures/data/globalLongShortAccountRatio", "accounts"),
        "top accounts": ("/futures/data/topLongShortAccountRatio", "top accounts"),
        "top positions": ("/futures/data/topLongShortPositionRatio", "top positions"),
    }[kind]

    def parse(body: bytes, ask: Ask) -> list[LongShort]:
        rows = decode(body, list[_Ratio], NAME, Kind.LONG_SHORT)
        in_order([row.timestamp for row in rows], NAME, Kind.LONG_SHORT)
        for i, row in enumerate(rows):
            of_asked(row.symbol, ask.listed.symbol, NAME, Kind.LONG_SHORT, f"$[{i}].symbol")
            whole = round(row.long_account + row.short_account, 2) == 1  # both are rounded
            require(
                whole,
                "shares of longs and shorts do not make 1",
                NAME,
                Kind.LONG_SHORT,
                f"$[{i}].longAccount",
            )
            ratio = row.long_short_ratio
            fits = ratio is None or abs(ratio / (1 + ratio) - row.long_account) < 0.01  # noqa: PLR2004  both are rounded
            require(fits, "not the ratio of the shares", NAME, Kind.LONG_SHORT, f"$[{i}].longShortRatio")
        return [LongShort(row.timestamp, name, row.long_account) for row in rows]

    return Endpoint(
        Kind.LONG_SHORT,
        path,
        _latest_ratio,
        parse,
        budget=STATISTICS,
        label=f"long/short ratio ({name})",
        holds=holding(HOUR_MS),
    )


class _Settled(msgspec.Struct, rename="camel"):
    symbol: str
    funding_rate: Rate
    funding_time: TimeMs


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read fundingRate: some milliseconds after each funding; the interval is not among its fields."""
    rows = decode(body, list[_Settled], NAME, Kind.FUNDING_HISTORY)
    in_order([row.funding_time for row in rows], NAME, Kind.FUNDING_HISTORY, "$[{}].fundingTime")
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$[{i}].symbol")
    return [SettledFunding(minute_of(row.funding_time), row.funding_rate) for row in rows]


class _Depth(msgspec.Struct):
    bids: list[tuple[Price, Amount]]
    asks: list[tuple[Price, Amount]]
    T: TimeMs


def parse_order_book(body: bytes, ask: Ask) -> list[OrderBook]:
    """Read depth: base coin at each price, best first."""
    book = decode(body, _Depth, NAME, Kind.ORDER_BOOK)
    levels_in_order(book.bids, NAME, Kind.ORDER_BOOK, "$.bids[{}][0]", falling=True)
    levels_in_order(book.asks, NAME, Kind.ORDER_BOOK, "$.asks[{}][0]", falling=False)
    listed = ask.listed
    bids, asks = (
        tuple((listed.price_of(price), listed.base_of(size)) for price, size in levels)
        for levels in (book.bids, book.asks)
    )
    return [OrderBook(book.T, bids, asks)]


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: binance answers by HTTP status, with a sentence in the body."""
    return by_status(status, NAME, endpoint, body=body)


def _no_parameters(_ask: Ask) -> Sequence[Params]:
    return ((),)


_OPEN_INTEREST_HISTORY = Endpoint(
    Kind.OPEN_INTEREST_HISTORY,
    "/futures/data/openInterestHist",
    _open_interest_pages,
    parse_open_interest_history,
    budget=STATISTICS,
    reach="30 d",
    step=_period_ms,
)
_CANDLES = Endpoint(Kind.CANDLES, "/fapi/v1/klines", _candle_pages, parse_candles, weight=10, reach="all", step=bar_ms)
_RATIOS = tuple(_ratio_parser(kind) for kind in ("accounts", "top accounts", "top positions"))


# What the archive has of statistics is of five minutes: the days that it does not have yet are read alike.
def _kept(endpoint: Endpoint) -> History:
    return History(endpoint, (INTERVALS_MS["5m"],), HISTORY_LIMIT - 1, depth_ms=HISTORY_DEPTH_MS - HOUR_MS)


BINANCE = Source(
    name=NAME,
    title="Binance USD-M",
    url="https://fapi.binance.com",
    budget=Budget(2400, 60),
    refusal=refusal,
    feed=Feed.CENSORED,
    prints="at most one order a second and symbol, in a stream",
    used_header="x-mbx-used-weight-1m",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS, "/fapi/v1/exchangeInfo", _no_parameters, parse_instruments, holds=holding(LISTED_MS)
        ),
        Endpoint(
            Kind.FUNDING_INTERVALS,
            "/fapi/v1/fundingInfo",
            _no_parameters,
            parse_funding_intervals,
            holds=holding(HOUR_MS),
        ),
        Endpoint(
            Kind.MARK_PRICE,
            "/fapi/v1/premiumIndex",
            _symbol,
            parse_mark_price,
            at_once=AtOnce((), "symbol", "symbol", 10, bare=True),
        ),
        Endpoint(
            Kind.TICKER,
            "/fapi/v1/ticker/24hr",
            _symbol,
            parse_ticker,
            holds=holding(BRIEF_MS),
            at_once=AtOnce((), "symbol", "symbol", 40, bare=True),
        ),
        Endpoint(Kind.OPEN_INTEREST, "/fapi/v1/openInterest", _symbol, parse_open_interest),
        _OPEN_INTEREST_HISTORY,
        _CANDLES,
        Endpoint(Kind.DAILY_CANDLES, "/fapi/v1/klines", _daily_pages, parse_candles, weight=2, reach="200 d read"),
        Endpoint(Kind.MONTHLY_CANDLES, "/fapi/v1/klines", _monthly_pages, parse_candles, reach="3 years read"),
        *_RATIOS,
        Endpoint(
            Kind.ORDER_BOOK,
            "/fapi/v1/depth",
            lambda ask: [params(symbol=ask.listed.symbol, limit=1000)],
            parse_order_book,
            weight=20,
        ),
    ),
    history=(
        History(_CANDLES, OFFERED_MS, CANDLE_LIMIT, also_ms=(DAY_MS,)),
        _kept(_OPEN_INTEREST_HISTORY),
        *(_kept(msgspec.structs.replace(ratio, pages=_ratio_pages)) for ratio in _RATIOS),
        History(
            Endpoint(
                Kind.FUNDING_HISTORY, "/fapi/v1/fundingRate", _funding_pages, parse_funding_history, budget=FUNDINGS
            ),
            window_ms=FUNDING_LIMIT * HOUR_MS,
        ),
    ),
)
