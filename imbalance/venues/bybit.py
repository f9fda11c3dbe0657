"""Bybit linear perpetuals.

``openInterest`` counts BOTH sides; ``singleOpenInterest`` one. Lists are newest first, failures come with
HTTP 200 and a retCode. Neither taker volumes nor past liquidations are published over REST.
"""

from typing import Generic, TypeVar

import msgspec

from imbalance.errors import RateLimitedError, RefusedError, SourceError
from imbalance.records import (
    Candle,
    Contract,
    Feed,
    Funding,
    Instrument,
    LongShort,
    MarginTier,
    OpenInterest,
    OrderBook,
    SettledFunding,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, parse_time_ms
from imbalance.wire import (
    LISTED_MS,
    Ask,
    Budget,
    Endpoint,
    History,
    Kind,
    Pages,
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
    Leverage,
    Price,
    Rate,
    Share,
    TimeMs,
    candles_sound,
    decode,
    in_order,
    levels_in_order,
    maybe,
    minute_of,
    of_asked,
    require,
)
from imbalance.wire.ladder import whole_ladder
from imbalance.wire.refusals import answered, by_status

NAME = "bybit"
CANDLE_LIMIT = 1000
HISTORY_LIMIT = 200
HISTORY_ROWS = 800
DAYS = 200
MONTHS = 37
RATIO_LIMIT = 500
FUNDING_LIMIT = 200
FIRST_RATIO_MS = parse_time_ms("2020-07-20")
DEDUCTION_TOLERANCE = 0.05
KLINE_NAMES = {
    INTERVALS_MS[name]: told
    for name, told in {
        "1m": "1", "3m": "3", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "2h": "120", "4h": "240",
        "6h": "360", "12h": "720", "1d": "D",
    }.items()
}  # fmt: skip
PERIOD_NAMES = {
    INTERVALS_MS["5m"]: "5min",
    INTERVALS_MS["15m"]: "15min",
    INTERVALS_MS["30m"]: "30min",
    INTERVALS_MS["1h"]: "1h",
    INTERVALS_MS["4h"]: "4h",
    INTERVALS_MS["1d"]: "1d",
}
T = TypeVar("T")


def _linear(**more: str | int) -> Pages:
    def pages(ask: Ask) -> list[Params]:
        return [params(category="linear", symbol=ask.listed.symbol, **more)]

    return pages


def _candle_pages(ask: Ask) -> list[Params]:
    return [
        params(
            category="linear",
            symbol=ask.listed.symbol,
            interval=KLINE_NAMES[ask.interval_ms],
            start=start,
            end=end - 1,
            limit=CANDLE_LIMIT,
        )
        for start, end in windows(ask.start_ms, ask.end_ms, ask.interval_ms, CANDLE_LIMIT)
    ]


def _period_ms(ask: Ask) -> int:
    return coarsest_needed(ask, list(PERIOD_NAMES), most_rows=HISTORY_ROWS)


def _open_interest_pages(ask: Ask) -> list[Params]:
    period_ms = _period_ms(ask)
    return [
        params(
            category="linear",
            symbol=ask.listed.symbol,
            intervalTime=PERIOD_NAMES[period_ms],
            startTime=start,
            endTime=end,
            limit=HISTORY_LIMIT,
        )
        for start, end in windows(ask.start_ms, min(ask.end_ms, ask.now_ms), period_ms, HISTORY_LIMIT - 1)
    ]


def _ratio_pages(ask: Ask) -> list[Params]:
    return [
        params(
            category="linear",
            symbol=ask.listed.symbol,
            period=PERIOD_NAMES[ask.interval_ms],
            startTime=start,
            endTime=end,
            limit=RATIO_LIMIT,
        )
        for start, end in windows(ask.start_ms, min(ask.end_ms, ask.now_ms), ask.interval_ms, RATIO_LIMIT - 1)
    ]


def _funding_pages(ask: Ask) -> list[Params]:
    span = {"startTime": ask.start_ms, "endTime": ask.end_ms - 1}
    return [params(category="linear", symbol=ask.listed.symbol, **span, limit=FUNDING_LIMIT)]


class _Refusal(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""


_BUSY = {10000, 10016}


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: a retCode other than 0, whatever the HTTP status."""
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    if told.ret_code == 0:
        return by_status(status, NAME, endpoint, body=body)
    said = f"{told.ret_msg} (retCode {told.ret_code})"
    if told.ret_code == 10006:  # noqa: PLR2004  the venue's code for its request limit
        return RateLimitedError(NAME, endpoint, f"too many requests: {said}", "Wait a minute, or ask less often.", 429)
    if told.ret_code in _BUSY:
        return RefusedError(NAME, endpoint, f"is busy: {said}", "Try again later.", 503)
    return by_status(status, NAME, endpoint, said, body) or RefusedError(NAME, endpoint, said, "", status)


class _List(msgspec.Struct, Generic[T], rename="camel"):
    rows: list[T] = msgspec.field(name="list")
    symbol: str | None = None
    next_page_cursor: str = ""


class _Envelope(msgspec.Struct, Generic[T]):
    result: T


def _result(body: bytes, kind: type[T], endpoint: str) -> T:
    return answered(body, _Envelope[kind], refusal, NAME, endpoint).result  # type: ignore[valid-type]


def _rows(body: bytes, kind: type[T], ask: Ask, endpoint: str) -> list[T]:
    """Return the list of an answer about one contract."""
    read = _result(body, _List[kind], endpoint)  # type: ignore[valid-type]
    of_asked(read.symbol, ask.listed.symbol, NAME, endpoint, "$.result.symbol")
    return read.rows


class _LeverageFilter(msgspec.Struct, rename="camel"):
    max_leverage: Amount


class _Listed(msgspec.Struct, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    base_coin: str
    quote_coin: str
    leverage_filter: _LeverageFilter
    funding_interval: Amount


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read instruments-info: perpetuals quoted in USDT; the funding interval is in minutes there."""
    found = []
    for row in _result(body, _List[_Listed], Kind.INSTRUMENTS).rows:
        if row.contract_type != "LinearPerpetual" or row.quote_coin != "USDT" or row.status != "Trading":
            continue
        base, coins = coins_of(row.base_coin)
        found.append(
            Instrument(
                venue=NAME,
                symbol=row.symbol,
                base=base,
                quote=row.quote_coin,
                contract=Contract.LINEAR,
                contract_size_base=coins,
                price_multiplier=coins,
                max_leverage=row.leverage_filter.max_leverage or None,
                funding_interval_hours=row.funding_interval / 60 or None,
            )
        )
    return found


def _more_instruments(body: bytes, _ask: Ask) -> Params | None:
    cursor = _result(body, _List[_Listed], Kind.INSTRUMENTS).next_page_cursor
    return params(category="linear", limit=1000, cursor=cursor) if cursor else None


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_price: Price
    index_price: Price
    mark_price: Price
    price24h_pcnt: Rate
    volume24h: Amount
    turnover24h: Amount
    open_interest: Amount
    funding_rate: Rate
    next_funding_time: TimeMs
    single_open_interest: Amount | None = None
    open_interest_value: Amount | None = None
    funding_interval_hour: Hours | None = None


class _Timed(msgspec.Struct):
    time: TimeMs


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read tickers: prices, 24-hour volumes, funding and open interest of one contract."""
    rows = _result(body, _List[_Ticker], Kind.TICKER).rows
    at_ms = decode(body, _Timed, NAME, Kind.TICKER).time
    listed = ask.listed
    found: list[Ticker | Funding | OpenInterest] = []
    for i, row in enumerate(rows):
        if row.symbol != listed.symbol:
            continue
        one_side = _one_side(row.single_open_interest, row.open_interest, f"$.result.list[{i}]", Kind.TICKER)
        found += [
            Ticker(
                at_ms,
                listed.price_of(row.last_price),
                listed.price_of(row.mark_price),
                listed.price_of(row.index_price),
                listed.base_of(row.volume24h),
                row.turnover24h,
                row.price24h_pcnt,
            ),
            Funding(row.funding_rate, at_ms, row.next_funding_time, row.funding_interval_hour),
            OpenInterest(at_ms, listed.base_of(one_side), _value_of_one_side(row, one_side)),
        ]
    return found


def _one_side(single: float | None, both: float, path: str, endpoint: str) -> float:
    """Return open interest of one side; where both figures are given they must agree."""
    if single is None:
        return both / 2
    agrees = abs(2 * single - both) <= max(1e-3 * both, 2.0)
    require(agrees, "not half of openInterest", NAME, endpoint, f"{path}.singleOpenInterest")
    return single


def _value_of_one_side(row: _Ticker, one_side: float) -> float | None:
    """Return the USD value of one side: the value is of all that openInterest counts."""
    if row.open_interest_value is None or not row.open_interest:
        return None
    return row.open_interest_value * one_side / row.open_interest


class _OpenInterestRow(msgspec.Struct, rename="camel"):
    open_interest: Amount
    timestamp: TimeMs
    single_open_interest: Amount | None = None


def parse_open_interest_history(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read open-interest: both sides summed, halved here unless the single side is given."""
    rows = _rows(body, _OpenInterestRow, ask, Kind.OPEN_INTEREST_HISTORY)
    stamps = [row.timestamp for row in rows]
    in_order(stamps, NAME, Kind.OPEN_INTEREST_HISTORY, "$.result.list[{}].timestamp", newest_first=True)
    kind = Kind.OPEN_INTEREST_HISTORY
    one_side = [
        _one_side(row.single_open_interest, row.open_interest, f"$.result.list[{i}]", kind)
        for i, row in enumerate(rows)
    ]
    return [
        OpenInterest(stamp, ask.listed.base_of(value))
        for stamp, value in zip(reversed(stamps), reversed(one_side), strict=True)
    ]


class _Kline(msgspec.Struct, array_like=True):
    start: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    turnover: Amount


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read kline (linear): volume in base coin, turnover in quote coin; newest first, the open bar on top."""
    rows = _rows(body, _Kline, ask, Kind.CANDLES)
    in_order([row.start for row in rows], NAME, Kind.CANDLES, "$.result.list[{}][0]", newest_first=True)
    of = ask.listed.candle
    candles = [of(r.start, r.open, r.high, r.low, r.close, r.volume, r.turnover) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$.result.list[{}][2]")
    return candles[::-1]


class _Ratio(msgspec.Struct, rename="camel"):
    buy_ratio: Share
    sell_ratio: Share
    timestamp: TimeMs
    symbol: str | None = None


def parse_long_short(body: bytes, ask: Ask) -> list[LongShort]:
    """Read account-ratio: shares of holders."""
    rows = _result(body, _List[_Ratio], Kind.LONG_SHORT).rows
    stamps = [row.timestamp for row in rows]
    in_order(stamps, NAME, Kind.LONG_SHORT, "$.result.list[{}].timestamp", newest_first=True)
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.listed.symbol, NAME, Kind.LONG_SHORT, f"$.result.list[{i}].symbol")
        whole = round(row.buy_ratio + row.sell_ratio, 2) == 1  # both are rounded
        path = f"$.result.list[{i}].buyRatio"
        require(whole, "shares of longs and shorts do not make 1", NAME, Kind.LONG_SHORT, path)
    return [LongShort(row.timestamp, "accounts", row.buy_ratio) for row in reversed(rows)]


class _Settled(msgspec.Struct, rename="camel"):
    symbol: str
    funding_rate: Rate
    funding_rate_timestamp: TimeMs


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read funding/history: newest first."""
    rows = _result(body, _List[_Settled], Kind.FUNDING_HISTORY).rows
    path = "$.result.list[{}].fundingRateTimestamp"
    in_order([r.funding_rate_timestamp for r in rows], NAME, Kind.FUNDING_HISTORY, path, newest_first=True)
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$.result.list[{i}].symbol")
    return [SettledFunding(minute_of(r.funding_rate_timestamp), r.funding_rate) for r in reversed(rows)]


class _Book(msgspec.Struct):
    b: list[tuple[Price, Amount]]
    a: list[tuple[Price, Amount]]
    ts: TimeMs
    s: str | None = None


def parse_order_book(body: bytes, ask: Ask) -> list[OrderBook]:
    """Read orderbook (linear): base coin at each price."""
    book = _result(body, _Book, Kind.ORDER_BOOK)
    of_asked(book.s, ask.listed.symbol, NAME, Kind.ORDER_BOOK, "$.result.s")
    levels_in_order(book.b, NAME, Kind.ORDER_BOOK, "$.result.b[{}][0]", falling=True)
    levels_in_order(book.a, NAME, Kind.ORDER_BOOK, "$.result.a[{}][0]", falling=False)
    price, size = ask.listed.price_of, ask.listed.base_of
    bids, asks = (tuple((price(p), size(q)) for p, q in levels) for levels in (book.b, book.a))
    return [OrderBook(book.ts, bids, asks)]


class _Tier(msgspec.Struct, rename="camel"):
    symbol: str
    risk_limit_value: Price
    maintenance_margin: Amount
    initial_margin: Amount
    max_leverage: Leverage
    mm_deduction: str = ""


def parse_margin_tiers(body: bytes, ask: Ask) -> list[MarginTier]:
    """Read risk-limit: rows in any order; rates that do not fit the leverage as fractions are per cent."""
    rows = [r for r in _result(body, _List[_Tier], Kind.MARGIN_TIERS).rows if r.symbol == ask.listed.symbol]
    rows.sort(key=lambda r: r.risk_limit_value)
    tiers: list[MarginTier] = []
    deduction = 0.0
    for i, r in enumerate(rows):
        fits = [scale for scale in (1.0, 0.01) if 0.5 < r.initial_margin * scale * r.max_leverage < 2]  # noqa: PLR2004
        path = f"$.result.list[?riskLimitValue={r.risk_limit_value:g}].initialMargin"
        require(
            bool(fits),
            "fits the maximum leverage neither as fraction nor as per cent",
            NAME,
            Kind.MARGIN_TIERS,
            path,
        )
        rate = r.maintenance_margin * fits[0]
        floor = tiers[i - 1].cap if i else 0.0
        # The deduction makes maintenance margin continuous; the rule stands in where the field is empty.
        deduction += floor * (rate - (tiers[i - 1].rate if i else rate))
        given = float(decode(r.mm_deduction.encode(), Amount, NAME, Kind.MARGIN_TIERS)) if r.mm_deduction else deduction
        path = f"$.result.list[?riskLimitValue={r.risk_limit_value:g}].mmDeduction"
        follows = abs(given - deduction) <= 1 + DEDUCTION_TOLERANCE * max(given, deduction)
        require(follows, "does not follow from the steps below: a step is missing", NAME, Kind.MARGIN_TIERS, path)
        deduction = given
        tiers.append(MarginTier(floor, r.risk_limit_value, rate, r.max_leverage, deduction))
    return whole_ladder(tiers, NAME, "$.result.list[?step={}]")


_OPEN_INTEREST_HISTORY = Endpoint(
    Kind.OPEN_INTEREST_HISTORY,
    "/v5/market/open-interest",
    _open_interest_pages,
    parse_open_interest_history,
    reach="all",
    step=_period_ms,
)
_CANDLES = Endpoint(Kind.CANDLES, "/v5/market/kline", _candle_pages, parse_candles, reach="all", step=bar_ms)
_RATIO = Endpoint(
    Kind.LONG_SHORT,
    "/v5/market/account-ratio",
    _linear(period="1h", limit=1),
    parse_long_short,
    holds=holding(HOUR_MS),
)

BYBIT = Source(
    name=NAME,
    title="Bybit linear",
    url="https://api.bybit.com",
    budget=Budget(600, 5),
    refusal=refusal,
    feed=Feed.COMPLETE,
    prints="all, in a stream",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/v5/market/instruments-info",
            lambda _ask: [params(category="linear", limit=1000)],
            parse_instruments,
            following=_more_instruments,
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.TICKER,
            "/v5/market/tickers",
            _linear(),
            parse_ticker,
            at_once=AtOnce(params(category="linear"), "symbol", "symbol", 1, within=("result", "list")),
        ),
        _OPEN_INTEREST_HISTORY,
        Endpoint(
            Kind.OPEN_INTEREST_DAILY,
            "/v5/market/open-interest",
            _linear(intervalTime="1d", limit=DAYS),
            parse_open_interest_history,
        ),
        _CANDLES,
        Endpoint(Kind.DAILY_CANDLES, "/v5/market/kline", _linear(interval="D", limit=DAYS), parse_candles),
        Endpoint(Kind.MONTHLY_CANDLES, "/v5/market/kline", _linear(interval="M", limit=MONTHS), parse_candles),
        _RATIO,
        Endpoint(Kind.ORDER_BOOK, "/v5/market/orderbook", _linear(limit=1000), parse_order_book),
        Endpoint(Kind.MARGIN_TIERS, "/v5/market/risk-limit", _linear(), parse_margin_tiers, holds=holding(LISTED_MS)),
    ),
    history=(
        History(_CANDLES, tuple(KLINE_NAMES), CANDLE_LIMIT, also_ms=(DAY_MS,)),
        History(_OPEN_INTEREST_HISTORY, tuple(PERIOD_NAMES), HISTORY_LIMIT - 1, also_ms=(DAY_MS,)),
        History(
            msgspec.structs.replace(_RATIO, pages=_ratio_pages),
            tuple(PERIOD_NAMES),
            RATIO_LIMIT - 1,
            first_ms=FIRST_RATIO_MS,
        ),
        History(
            Endpoint(Kind.FUNDING_HISTORY, "/v5/market/funding/history", _funding_pages, parse_funding_history),
            window_ms=FUNDING_LIMIT * HOUR_MS,
        ),
    ),
)
