"""Deribit perpetuals: BTC and ETH settle in coin, others in USDC.

Sizes and open interest of coin-settled contracts are USD, one side; of the others coins. Open interest has no history.
Liquidations are marked in the trades: the newest pages are read, and how far they reach is said.
"""

from typing import Generic, TypeVar

import msgspec

from imbalance.errors import RateLimitedError, RefusedError, SourceError
from imbalance.records import (
    Candle,
    Contract,
    Covered,
    Feed,
    Funding,
    Instrument,
    Liquidation,
    OpenInterest,
    SettledFunding,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS, Side
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Params, Source, dividing, params, windows
from imbalance.wire.decode import (
    Amount,
    Price,
    Rate,
    Signed,
    TimeMs,
    candles_sound,
    in_order,
    maybe,
    minute_of,
    require,
)
from imbalance.wire.refusals import TOO_MANY, answered, by_status

NAME = "deribit"
API = "/api/v2/public"
COIN_SETTLED = {"BTC", "ETH"}
PERPETUAL = "-PERPETUAL"
CANDLE_LIMIT = 4000
TRADE_LIMIT = 1000
DAYS = 200
FUNDING_ROWS = 700
TOO_MANY_CODE = 10028
OFFERED_MS = [INTERVALS_MS[i] for i in ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "6h", "12h", "1d")]
T = TypeVar("T")


def _currency(ask: Ask) -> list[Params]:
    return [params(currency=ask.base if ask.base in COIN_SETTLED else "USDC", kind="future")]


def _candles(ask: Ask, step_ms: int, start_ms: int) -> list[Params]:
    return [
        params(
            instrument_name=ask.listed.symbol,
            start_timestamp=start,
            end_timestamp=end - 1,
            resolution="1D" if step_ms == DAY_MS else step_ms // MINUTE_MS,
        )
        for start, end in windows(start_ms, ask.end_ms, step_ms, CANDLE_LIMIT)
    ]


def _bar_ms(ask: Ask) -> int | None:
    return dividing(ask, OFFERED_MS)


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = _bar_ms(ask)
    return [] if step_ms is None else _candles(ask, step_ms, ask.start_ms)


def _daily_pages(ask: Ask) -> list[Params]:
    return _candles(ask, DAY_MS, ask.now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS)


def _trade_page(ask: Ask, until_ms: int) -> Params:
    return params(
        instrument_name=ask.listed.symbol,
        start_timestamp=ask.day_ms,
        end_timestamp=until_ms,
        count=TRADE_LIMIT,
        sorting="desc",
    )


class _Told(msgspec.Struct):
    code: int
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Told


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: an error object, mostly with HTTP 400."""
    read = maybe(body, _Refusal)
    if read is None:
        return by_status(status, NAME, endpoint, body=body)
    told = read.error
    said = f"{told.message} (code {told.code})"
    if told.code == TOO_MANY_CODE:
        hint = "Wait a minute, or ask less often."
        return RateLimitedError(NAME, endpoint, f"too many requests: {said}", hint, TOO_MANY)
    return by_status(status, NAME, endpoint, said, body) or RefusedError(NAME, endpoint, said, "", status)


class _Envelope(msgspec.Struct, Generic[T]):
    result: T


def _result(body: bytes, kind: type[T], endpoint: str) -> T:
    return answered(body, _Envelope[kind], refusal, NAME, endpoint).result  # type: ignore[valid-type]


class _Summary(msgspec.Struct):
    instrument_name: str
    base_currency: str
    quote_currency: str
    mark_price: Price
    open_interest: Amount
    volume: Amount
    creation_timestamp: TimeMs
    last: Price | None = None
    volume_usd: Amount | None = None
    price_change: Signed | None = None
    funding_8h: Rate | None = None


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read get_book_summary_by_currency: the perpetuals; sizes in USD where they settle in coin."""
    found = []
    for row in _result(body, list[_Summary], Kind.INSTRUMENTS):
        inverse = row.instrument_name == row.base_currency + PERPETUAL
        linear = row.instrument_name == f"{row.base_currency}_{row.quote_currency}{PERPETUAL}"
        if not inverse and not linear:
            continue
        contract = Contract.INVERSE if inverse else Contract.LINEAR
        found.append(
            Instrument(
                NAME,
                row.instrument_name,
                row.base_currency,
                row.quote_currency,
                contract,
                funding_interval_hours=8.0,
                contract_size_usd=1.0 if inverse else None,
            )
        )
    return found


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read get_book_summary_by_currency: mark price, volume in coins, funding over 8 hours and open interest."""
    found: list[Ticker | Funding | OpenInterest] = []
    for row in _result(body, list[_Summary], Kind.TICKER):
        if row.instrument_name != ask.listed.symbol:
            continue
        at_ms, held = row.creation_timestamp, row.open_interest
        inverse = ask.listed.contract is Contract.INVERSE
        interest = OpenInterest(at_ms, held / row.mark_price, held) if inverse else OpenInterest(at_ms, held)
        change = None if row.price_change is None else row.price_change / 100
        found += [
            Ticker(at_ms, row.last, row.mark_price, None, row.volume, row.volume_usd, change),
            interest,
        ]
        if row.funding_8h is not None:
            found.append(Funding(row.funding_8h, at_ms, interval_hours=8.0))
    return found


class _Chart(msgspec.Struct):
    status: str
    ticks: list[TimeMs]
    open: list[Price]
    high: list[Price]
    low: list[Price]
    close: list[Price]
    volume: list[Amount]
    cost: list[Amount]


def parse_candles(body: bytes, _ask: Ask) -> list[Candle]:
    """Read get_tradingview_chart_data: arrays side by side; volume in coins, cost in USD."""
    chart = _result(body, _Chart, Kind.CANDLES)
    if chart.status == "no_data":
        return []
    columns = (chart.ticks, chart.open, chart.high, chart.low, chart.close, chart.volume, chart.cost)
    same = len({len(column) for column in columns}) == 1
    require(same, "arrays of different lengths", NAME, Kind.CANDLES, "$.result")
    in_order(chart.ticks, NAME, Kind.CANDLES, "$.result.ticks[{}]")
    rows = [Candle(*row) for row in zip(*columns, strict=True)]
    candles_sound(rows, NAME, Kind.CANDLES, "$.result.high[{}]")
    return rows


class _Trade(msgspec.Struct):
    timestamp: TimeMs
    price: Price
    amount: Price
    direction: str
    instrument_name: str
    trade_id: str
    liquidation: str | None = None


class _Trades(msgspec.Struct):
    trades: list[_Trade]
    has_more: bool


TAKER = {"sell": Side.LONG, "buy": Side.SHORT}
MAKER = {"sell": Side.SHORT, "buy": Side.LONG}


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered]:
    """Read get_last_trades_by_instrument_and_time: trades marked T (the taker was liquidated), M (the maker) or MT.

    A liquidated taker that sold was long; a liquidated maker was on the other side of the taker.
    """
    read = _result(body, _Trades, Kind.LIQUIDATIONS)
    inverse = ask.listed.contract is Contract.INVERSE
    found: list[Liquidation | Covered] = []
    for i, row in enumerate(read.trades):
        path = f"$.result.trades[{i}]"
        require(row.direction in TAKER, f"{row.direction!r} is no side", NAME, Kind.LIQUIDATIONS, f"{path}.direction")
        mine = row.instrument_name == ask.listed.symbol
        require(mine, "another contract's trade", NAME, Kind.LIQUIDATIONS, f"{path}.instrument_name")
        if row.liquidation is None:
            continue
        known = row.liquidation in {"T", "M", "MT"}
        require(known, f"{row.liquidation!r} is not T, M or MT", NAME, Kind.LIQUIDATIONS, f"{path}.liquidation")
        base = row.amount / row.price if inverse else row.amount
        for letter, sides in (("T", TAKER), ("M", MAKER)):
            if letter in row.liquidation:
                found.append(Liquidation(row.timestamp, sides[row.direction], row.price, base, row.trade_id + letter))
    found.sort(key=lambda row: row.time_ms)
    oldest = min((row.timestamp for row in read.trades), default=ask.now_ms)
    return [*found, Covered(oldest if read.has_more else ask.day_ms)]


def _older_trades(body: bytes, ask: Ask) -> Params | None:
    """Return the request for the trades up to the oldest of a page, which stands on both."""
    read = _result(body, _Trades, Kind.LIQUIDATIONS)
    oldest_ms = min((row.timestamp for row in read.trades), default=ask.day_ms)
    return _trade_page(ask, oldest_ms) if read.has_more and oldest_ms > ask.day_ms else None


class _Paid(msgspec.Struct):
    timestamp: TimeMs
    interest_1h: Rate


def _funding_pages(ask: Ask) -> list[Params]:
    span = {"start_timestamp": ask.start_ms, "end_timestamp": ask.end_ms - 1}
    return [params(instrument_name=ask.listed.symbol, **span)]


def parse_funding_history(body: bytes, _ask: Ask) -> list[SettledFunding]:
    """Read get_funding_rate_history: a row an hour, with what that hour cost."""
    rows = _result(body, list[_Paid], Kind.FUNDING_HISTORY)
    in_order([row.timestamp for row in rows], NAME, Kind.FUNDING_HISTORY, "$.result[{}].timestamp")
    return [SettledFunding(minute_of(row.timestamp), row.interest_1h, 1.0) for row in rows]


_CANDLES = Endpoint(
    Kind.CANDLES, f"{API}/get_tradingview_chart_data", _candle_pages, parse_candles, reach="all", step=_bar_ms
)

DERIBIT = Source(
    name=NAME,
    title="Deribit",
    url="https://www.deribit.com",
    budget=Budget(20, 1),
    refusal=refusal,
    feed=Feed.COMPLETE,
    prints="all, in the trades",
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, f"{API}/get_book_summary_by_currency", _currency, parse_instruments),
        Endpoint(Kind.TICKER, f"{API}/get_book_summary_by_currency", _currency, parse_ticker),
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES, f"{API}/get_tradingview_chart_data", _daily_pages, parse_candles, reach="200 d read"
        ),
        Endpoint(
            Kind.LIQUIDATIONS,
            f"{API}/get_last_trades_by_instrument_and_time",
            lambda ask: [_trade_page(ask, ask.now_ms)],
            parse_liquidations,
            following=_older_trades,
            # A page is 300 kB: a few tell how things are now, and no budget reaches back a day.
            most_pages=5,
            reach="5,000 trades",
        ),
    ),
    history=(
        History(_CANDLES, tuple(OFFERED_MS), CANDLE_LIMIT, also_ms=(DAY_MS,)),
        History(
            Endpoint(Kind.FUNDING_HISTORY, f"{API}/get_funding_rate_history", _funding_pages, parse_funding_history),
            # About 744 rows come at most.
            window_ms=FUNDING_ROWS * HOUR_MS,
        ),
    ),
)
