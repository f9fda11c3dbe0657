"""Bitget USDT perpetuals.

Open interest is in coins, taken as one side, which no document says; it has no history. Liquidations reach back three
days; the unit of their amounts is not documented and is told from each answer by the contract's lot step.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    Covered,
    Feed,
    Funding,
    Instrument,
    Liquidation,
    MarginTier,
    OpenInterest,
    SettledFunding,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, Side
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
    coins_of,
    dividing,
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
    TimeMs,
    candles_sound,
    in_order,
    maybe,
    minute_of,
    of_asked,
    require,
)
from imbalance.wire.ladder import whole_ladder
from imbalance.wire.refusals import OK, answered, by_status

NAME = "bitget"
PRODUCT = "USDT-FUTURES"
CANDLE_LIMIT = 1000
LIQUIDATION_LIMIT = 100
DAYS = 90
FUNDING_LIMIT = 100
FUNDING_HOURS = 8.0
OK_CODE = "00000"
# A lot finer than that of an older listing, read off volumes.
KNOWN_LOTS = {"BTCUSDT": 0.0001}
MOST = 0.9
MOST_LOTS = 1e8
# Bar lengths with the venue's names (UTC days) and how many days back they go.
GRANULARITIES = {
    INTERVALS_MS["1m"]: ("1m", 30),
    INTERVALS_MS["3m"]: ("3m", 30),
    INTERVALS_MS["5m"]: ("5m", 30),
    INTERVALS_MS["15m"]: ("15m", 52),
    INTERVALS_MS["30m"]: ("30m", 62),
    INTERVALS_MS["1h"]: ("1H", 83),
    INTERVALS_MS["4h"]: ("4H", 240),
    INTERVALS_MS["6h"]: ("6Hutc", 360),
    INTERVALS_MS["12h"]: ("12Hutc", 360),
    INTERVALS_MS["1d"]: ("1Dutc", 360),
}
T = TypeVar("T")


def _contract(**more: str | int) -> Pages:
    def pages(ask: Ask) -> list[Params]:
        return [params(symbol=ask.listed.symbol, productType=PRODUCT, **more)]

    return pages


def _bar_ms(ask: Ask) -> int | None:
    return dividing(ask, list(GRANULARITIES))


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = _bar_ms(ask)
    if step_ms is None:
        return []
    name, days = GRANULARITIES[step_ms]
    first_ms = -(-(ask.now_ms - days * DAY_MS) // step_ms) * step_ms
    return [
        params(
            symbol=ask.listed.symbol,
            productType=PRODUCT,
            granularity=name,
            startTime=start,
            endTime=end,
            limit=CANDLE_LIMIT,
        )
        for start, end in windows(max(ask.start_ms, first_ms), ask.end_ms, step_ms, CANDLE_LIMIT)
    ]


def _liquidation_pages(ask: Ask) -> list[Params]:
    return [params(category=PRODUCT, symbol=ask.listed.symbol, limit=LIQUIDATION_LIMIT)]


class _Refusal(msgspec.Struct):
    code: str
    msg: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: an HTTP status with a code and a sentence in the body."""
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    if told.code == OK_CODE:
        return by_status(status, NAME, endpoint, body=body)
    said = f"{told.msg} (code {told.code})"
    # A code that is the status of a limit says so even where the status is 200.
    meant = int(told.code) if told.code in {"429", "403"} else 400
    return by_status(status if status != OK else meant, NAME, endpoint, said)


class _Envelope(msgspec.Struct, Generic[T]):
    data: T


def _data(body: bytes, kind: type[T], endpoint: str) -> T:
    return answered(body, _Envelope[kind], refusal, NAME, endpoint).data  # type: ignore[valid-type]


class _Listed(msgspec.Struct, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    symbol_type: str
    symbol_status: str
    size_multiplier: Price
    max_lever: Amount
    fund_interval: Hours


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read contracts: perpetuals quoted in USDT; sizes are in coins, the funding interval in hours."""
    found = []
    for row in _data(body, list[_Listed], Kind.INSTRUMENTS):
        if row.symbol_type != "perpetual" or row.quote_coin != "USDT" or row.symbol_status != "normal":
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
                max_leverage=row.max_lever or None,
                funding_interval_hours=row.fund_interval,
                lot_base=row.size_multiplier * coins,
            )
        )
    return found


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_pr: Price
    mark_price: Price
    index_price: Price
    holding_amount: Amount
    base_volume: Amount
    quote_volume: Amount
    change24h: Rate
    funding_rate: Rate
    ts: TimeMs


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read ticker: prices, volumes, funding and open interest of one contract."""
    listed = ask.listed
    found: list[Ticker | Funding | OpenInterest] = []
    for row in _data(body, list[_Ticker], Kind.TICKER):
        if row.symbol != listed.symbol:
            continue
        found += [
            Ticker(
                row.ts,
                listed.price_of(row.last_pr),
                listed.price_of(row.mark_price),
                listed.price_of(row.index_price),
                listed.base_of(row.base_volume),
                row.quote_volume,
                row.change24h,
            ),
            Funding(row.funding_rate, row.ts),
            OpenInterest(row.ts, listed.base_of(row.holding_amount)),
        ]
    return found


class _Candle(msgspec.Struct, array_like=True):
    start: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    turnover: Amount


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read candles: volume in coins and in USDT; oldest first."""
    rows = _data(body, list[_Candle], Kind.CANDLES)
    in_order([row.start for row in rows], NAME, Kind.CANDLES, "$.data[{}][0]")
    of = ask.listed.candle
    candles = [of(r.start, r.open, r.high, r.low, r.close, r.volume, r.turnover) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$.data[{}][2]")
    return candles


class _Order(msgspec.Struct):
    symbol: str
    side: str
    price: Price
    amount: Price
    ts: TimeMs


class _Orders(msgspec.Struct):
    rows: list[_Order] = msgspec.field(name="list")
    cursor: str = ""


SIDES = {"buy": Side.LONG, "sell": Side.SHORT}


def _whole_share(values: Sequence[float], lot: float) -> float:
    """Return the share of sizes [base] that are a whole number of lots, as far as their digits tell."""
    lots = [value / lot for value in values]
    # A quotient of two decimals is right to about 1e-12: from 1e8 lots on nothing is told.
    whole = [round(n) > 0 and abs(n - round(n)) <= 1e-6 + 1e-10 * n and n < MOST_LOTS for n in lots]
    return sum(whole) / len(whole)


def _in_coins(rows: Sequence[_Order], listed: Instrument) -> bool:
    """Tell whether amounts are coins (else USDT): the unit in which nearly all are whole lots.

    Nearly, since one row off the lot, as after a change of it, changes the unit of none.
    """
    lot = min(listed.lot_base or 0.0, KNOWN_LOTS.get(listed.symbol, float("inf")))
    path = "$.data.list[*].amount"
    require(lot > 0, "no lot to tell the unit by", NAME, Kind.LIQUIDATIONS, path)
    coins = _whole_share([listed.base_of(row.amount) for row in rows], lot)
    quote = _whole_share([listed.base_of(row.amount / row.price) for row in rows], lot)
    clear = max(coins, quote) >= MOST and min(coins, quote) < 1 - MOST
    require(clear, "whole lots neither or both as coins and as USDT", NAME, Kind.LIQUIDATIONS, path)
    return coins > quote


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered]:
    """Read liquidations: `side` is the position's (buy: a long was liquidated); newest first.

    Amounts are coins or USDT, the same in all rows.
    """
    found = _data(body, _Orders, Kind.LIQUIDATIONS).rows
    rows = [row for row in found if row.symbol == ask.listed.symbol]
    stamps = [row.ts for row in rows]
    for i in range(1, len(stamps)):
        path = f"$.data.list[{i}].ts"
        require(stamps[i] <= stamps[i - 1], "the list is newest first", NAME, Kind.LIQUIDATIONS, path)
    for i, row in enumerate(rows):
        require(row.side in SIDES, f"{row.side!r} is no side", NAME, Kind.LIQUIDATIONS, f"$.data.list[{i}].side")
    size = ask.listed.base_of
    coins = bool(rows) and _in_coins(rows, ask.listed)
    base = [size(row.amount) if coins else size(row.amount / row.price) for row in rows]
    orders = [
        Liquidation(row.ts, SIDES[row.side], ask.listed.price_of(row.price), quantity)
        for row, quantity in zip(rows, base, strict=True)
    ]
    # A full page may have cut off older ones.
    reached = min(stamps) if len(found) >= LIQUIDATION_LIMIT and stamps else ask.now_ms - 3 * DAY_MS
    return [*reversed(orders), Covered(reached)]


def _older_liquidations(body: bytes, ask: Ask) -> Params | None:
    told = _data(body, _Orders, Kind.LIQUIDATIONS)
    if len(told.rows) < LIQUIDATION_LIMIT or told.rows[-1].ts < ask.day_ms or not told.cursor:
        return None
    return params(category=PRODUCT, symbol=ask.listed.symbol, limit=LIQUIDATION_LIMIT, cursor=told.cursor)


class _Tier(msgspec.Struct, rename="camel"):
    symbol: str
    start_unit: Amount
    end_unit: Price
    leverage: Leverage
    keep_margin_rate: Price


def parse_margin_tiers(body: bytes, ask: Ask) -> list[MarginTier]:
    """Read query-position-lever: steps of notional in USDT; deductions keep maintenance margin continuous."""
    rows = [row for row in _data(body, list[_Tier], Kind.MARGIN_TIERS) if row.symbol == ask.listed.symbol]
    found: list[MarginTier] = []
    deduction = 0.0
    for i, row in enumerate(rows):
        deduction += row.start_unit * (row.keep_margin_rate - found[-1].rate) if i else 0.0
        found.append(MarginTier(row.start_unit, row.end_unit, row.keep_margin_rate, row.leverage, deduction))
    return whole_ladder(found, NAME, "$.data[{}]")


class _Paid(msgspec.Struct, rename="camel"):
    symbol: str
    funding_rate: Rate
    funding_time: TimeMs


def _funding_pages(ask: Ask) -> list[Params]:
    """Return the pages back to the start: they are numbered from the newest on, and no answer says its number."""
    page_ms = round(FUNDING_LIMIT * (ask.listed.funding_interval_hours or FUNDING_HOURS) * HOUR_MS)
    return [
        params(symbol=ask.listed.symbol, productType=PRODUCT, pageSize=FUNDING_LIMIT, pageNo=number)
        for number in range(1, -(-(ask.now_ms - ask.start_ms) // page_ms) + 1)
    ]


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read history-fund-rate: newest first, page by page."""
    rows = _data(body, list[_Paid], Kind.FUNDING_HISTORY)
    in_order([r.funding_time for r in rows], NAME, Kind.FUNDING_HISTORY, "$.data[{}].fundingTime", newest_first=True)
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$.data[{i}].symbol")
    return [SettledFunding(minute_of(r.funding_time), r.funding_rate) for r in reversed(rows)]


_CANDLES = Endpoint(
    Kind.CANDLES, "/api/v2/mix/market/candles", _candle_pages, parse_candles, reach="30 to 360 d", step=_bar_ms
)

BITGET = Source(
    name=NAME,
    title="Bitget USDT",
    url="https://api.bitget.com",
    budget=Budget(20, 1),
    refusal=refusal,
    feed=Feed.CENSORED,
    disputed="taken as one side; half of it if it counts both, which is open",
    prints="the largest of each side, second and contract",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/api/v2/mix/market/contracts",
            lambda _ask: [params(productType=PRODUCT)],
            parse_instruments,
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.TICKER,
            "/api/v2/mix/market/ticker",
            _contract(),
            parse_ticker,
            at_once=AtOnce(
                params(productType=PRODUCT),
                "symbol",
                "symbol",
                1,
                within=("data",),
                path="/api/v2/mix/market/tickers",
            ),
        ),
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES,
            "/api/v2/mix/market/candles",
            _contract(granularity="1Dutc", limit=DAYS),
            parse_candles,
            reach="90 d read",
        ),
        Endpoint(
            Kind.LIQUIDATIONS,
            "/api/v3/market/liquidations",
            _liquidation_pages,
            parse_liquidations,
            following=_older_liquidations,
            budget=Budget(5, 1),
            reach="3 d",
        ),
        Endpoint(
            Kind.MARGIN_TIERS,
            "/api/v2/mix/market/query-position-lever",
            _contract(),
            parse_margin_tiers,
            budget=Budget(10, 1),
            holds=holding(LISTED_MS),
        ),
    ),
    history=(
        History(_CANDLES, tuple(GRANULARITIES), CANDLE_LIMIT, also_ms=(DAY_MS,)),
        History(
            Endpoint(
                Kind.FUNDING_HISTORY, "/api/v2/mix/market/history-fund-rate", _funding_pages, parse_funding_history
            )
        ),
    ),
)
