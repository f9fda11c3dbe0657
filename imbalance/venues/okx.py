"""OKX swaps.

Every value is a string, every list newest first, errors often come with HTTP 200. Sizes are contracts;
``oiCcy`` and ``volCcy`` are base coin. ``end`` and ``after`` leave out the stamp that they name; liquidations are
walked backwards with ``after``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from imbalance.errors import ParseError, RateLimitedError, RefusedError, SourceError
from imbalance.records import (
    Candle,
    Contract,
    Covered,
    Feed,
    Funding,
    Instrument,
    Liquidation,
    LongShort,
    MarginTier,
    OpenInterest,
    OrderBook,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, Side
from imbalance.wire import Ask, Budget, Endpoint, Kind, Pages, Params, Source, coarsest_needed, once, params
from imbalance.wire.decode import (
    Amount,
    Leverage,
    Price,
    Rate,
    Ratio,
    Share,
    TimeMs,
    candles_sound,
    decode,
    in_order,
    maybe,
    of_asked,
    require,
)
from imbalance.wire.ladder import CLOSE, whole_ladder
from imbalance.wire.refusals import answered, by_status

NAME = "okx"
CANDLE_LIMIT = 300
STATISTICS_LIMIT = 100
LIQUIDATION_LIMIT = 100
DAYS = 200
# OKX counts 6 hours and more from midnight in Hong Kong unless told "utc".
BARS = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1H", "2h": "2H", "4h": "4H",
    "6h": "6Hutc", "12h": "12Hutc", "1d": "1Dutc",
}  # fmt: skip
PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")]
BAR_OF_MS = {INTERVALS_MS[name]: bar for name, bar in BARS.items()}
# The request budgets of the statistics endpoints allow this many pages at once.
HISTORY_PAGES = 4
T = TypeVar("T")


def _backwards(start_ms: int, end_ms: int, step_ms: int, limit: int) -> list[tuple[int, int]]:
    """Return (stamp that rows are older than, rows) of each page, newest first."""
    rows = -(-(end_ms - start_ms) // step_ms)
    return [(end_ms - done * step_ms, min(limit, rows - done)) for done in range(0, rows, limit)]


def _candle_pages(ask: Ask) -> list[Params]:
    return [
        params(instId=ask.listed.symbol, bar=BAR_OF_MS[ask.interval_ms], after=after, limit=rows)
        for after, rows in _backwards(ask.start_ms, ask.end_ms, ask.interval_ms, CANDLE_LIMIT)
    ]


def _daily_pages(ask: Ask) -> list[Params]:
    return [params(instId=ask.listed.symbol, bar="1Dutc", limit=DAYS)]


def _open_interest_pages(ask: Ask) -> list[Params]:
    period_ms = coarsest_needed(ask, PERIODS_MS, most_rows=HISTORY_PAGES * STATISTICS_LIMIT)
    return [
        params(instId=ask.listed.symbol, period=BAR_OF_MS[period_ms], end=end, limit=rows)
        for end, rows in _backwards(ask.start_ms, ask.end_ms + period_ms, period_ms, STATISTICS_LIMIT)
    ]


def _open_interest_daily_pages(ask: Ask) -> list[Params]:
    midnight_ms = -(-ask.now_ms // DAY_MS) * DAY_MS
    pages = _backwards(midnight_ms - DAYS * DAY_MS, midnight_ms, DAY_MS, STATISTICS_LIMIT)
    return [params(instId=ask.listed.symbol, period="1Dutc", end=end, limit=rows) for end, rows in pages]


def _family(ask: Ask) -> str:
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


def _answer(body: bytes, row: type[T], endpoint: str) -> list[T]:
    """Return the envelope's rows."""
    return answered(body, _Answer[row], refusal, NAME, endpoint).data  # type: ignore[valid-type]


class _Listed(msgspec.Struct, rename="camel"):
    inst_id: str
    ct_type: str
    settle_ccy: str
    state: str
    ct_val: str
    ct_mult: str
    ct_val_ccy: str
    lever: str
    lot_sz: str | None = None


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read instruments: linear swaps settled in USDT; a contract is ctVal x ctMult coins."""
    found = []
    for i, row in enumerate(_answer(body, _Listed, Kind.INSTRUMENTS)):
        if row.ct_type != "linear" or row.settle_ccy != "USDT" or row.state != "live":
            continue
        numbers = decode(
            msgspec.json.encode([row.ct_val, row.ct_mult, row.lever]),
            tuple[Price, Price, Leverage],
            NAME,
            f"{Kind.INSTRUMENTS} $.data[{i}]",
        )
        found.append(
            Instrument(
                venue=NAME,
                symbol=row.inst_id,
                base=row.ct_val_ccy,
                quote="USDT",
                contract=Contract.LINEAR,
                contract_size_base=numbers[0] * numbers[1],
                max_leverage=numbers[2],
                lot_base=None if row.lot_sz is None else _lot(row.lot_sz, i) * numbers[0] * numbers[1],
            )
        )
    return found


def _lot(text: str, i: int) -> float:
    return float(decode(text.encode(), Price, NAME, Kind.INSTRUMENTS, f"$.data[{i}].lotSz"))


class _OpenInterest(msgspec.Struct, rename="camel"):
    inst_id: str
    oi_ccy: Amount
    ts: TimeMs
    oi_usd: Amount | None = None


def parse_open_interest(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read open-interest: oiCcy is base coin."""
    rows = _answer(body, _OpenInterest, Kind.OPEN_INTEREST)
    return [OpenInterest(r.ts, r.oi_ccy, r.oi_usd) for r in rows if r.inst_id == ask.listed.symbol]


class _OpenInterestRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    contracts: Amount
    base: Amount
    usd: Amount


def parse_open_interest_history(body: bytes, _ask: Ask) -> list[OpenInterest]:
    """Read open-interest-history: contracts, base coin, USD."""
    rows = _answer(body, _OpenInterestRow, Kind.OPEN_INTEREST_HISTORY)
    in_order([r.ts for r in rows], NAME, Kind.OPEN_INTEREST_HISTORY, "$.data[{}][0]", newest_first=True)
    return [OpenInterest(r.ts, r.base, r.usd) for r in reversed(rows)]


class _CandleRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    contracts: Amount
    base: Amount
    quote: Amount
    confirm: str


def parse_candles(body: bytes, _ask: Ask) -> list[Candle]:
    """Read candles: volume in contracts, base coin and quote coin."""
    rows = _answer(body, _CandleRow, Kind.CANDLES)
    in_order([r.ts for r in rows], NAME, Kind.CANDLES, "$.data[{}][0]", newest_first=True)
    candles_sound(((r.low, r.high, r.open, r.close) for r in rows), NAME, Kind.CANDLES, "$.data[{}][2]")
    for i, r in enumerate(rows):
        require(r.confirm in {"0", "1"}, "neither open nor confirmed", NAME, Kind.CANDLES, f"$.data[{i}][8]")
    return [Candle(r.ts, r.open, r.high, r.low, r.close, r.base, r.quote) for r in reversed(rows)]


class _IndexRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    confirm: str


def parse_index_price(body: bytes, _ask: Ask) -> list[Ticker]:
    """Read index-candles: the close of the newest bar."""
    rows = _answer(body, _IndexRow, Kind.INDEX_PRICE)
    return [Ticker(index_price=r.close) for r in rows[:1]]


class _Ticker(msgspec.Struct, rename="camel"):
    inst_id: str
    last: Price
    open24h: Price
    ts: TimeMs
    vol_ccy24h: Amount = msgspec.field(name="volCcy24h")


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker]:
    """Read ticker: volCcy24h is base coin for swaps; no quote volume is given."""
    rows = _answer(body, _Ticker, Kind.TICKER)
    return [
        Ticker(r.ts, last_price=r.last, volume_24h_base=r.vol_ccy24h, change_24h=r.last / r.open24h - 1)
        for r in rows
        if r.inst_id == ask.listed.symbol
    ]


class _Mark(msgspec.Struct, rename="camel"):
    inst_id: str
    mark_px: Price
    ts: TimeMs


def parse_mark_price(body: bytes, ask: Ask) -> list[Ticker]:
    """Read mark-price."""
    rows = _answer(body, _Mark, Kind.MARK_PRICE)
    return [Ticker(r.ts, mark_price=r.mark_px) for r in rows if r.inst_id == ask.listed.symbol]


class _Funding(msgspec.Struct, rename="camel"):
    inst_id: str
    funding_rate: Rate
    funding_time: TimeMs
    next_funding_time: TimeMs


def parse_funding(body: bytes, ask: Ask) -> list[Funding]:
    """Read funding-rate: the interval is the distance of the next two fundings."""
    rows = _answer(body, _Funding, Kind.FUNDING)
    for i, r in enumerate(rows):
        later = r.next_funding_time > r.funding_time
        require(later, "not after fundingTime", NAME, Kind.FUNDING, f"$.data[{i}].nextFundingTime")
    return [
        Funding(
            r.funding_rate,
            next_time_ms=r.funding_time,
            interval_hours=(r.next_funding_time - r.funding_time) / HOUR_MS,
        )
        for r in rows
        if r.inst_id == ask.listed.symbol
    ]


class _RatioRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    ratio: Ratio


def _ratio_endpoint(path: str, name: str) -> Endpoint:
    def parse(body: bytes, _ask: Ask) -> list[LongShort]:
        rows = _answer(body, _RatioRow, Kind.LONG_SHORT)
        in_order([r.ts for r in rows], NAME, Kind.LONG_SHORT, "$.data[{}][0]", newest_first=True)
        return [LongShort(r.ts, name, r.ratio / (1 + r.ratio)) for r in reversed(rows)]

    def pages(ask: Ask) -> list[Params]:
        return [params(instId=ask.listed.symbol, period="1H", limit=1)]

    full = f"/api/v5/rubik/stat/contracts/{path}"
    return Endpoint(Kind.LONG_SHORT, full, pages, parse, budget=Budget(5, 2), label=f"long/short ratio ({name})")


class _Detail(msgspec.Struct, rename="camel"):
    side: str
    pos_side: str
    bk_px: Price
    sz: Amount
    ts: TimeMs


class _Orders(msgspec.Struct, rename="camel"):
    details: list[_Detail]
    inst_family: str | None = None


_POSITIONS = {
    ("long", "sell"): Side.LONG,
    ("short", "buy"): Side.SHORT,
    ("net", "sell"): Side.LONG,
    ("net", "buy"): Side.SHORT,
}


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered]:
    """Read liquidation-orders: posSide is the liquidated side; in net mode a sale closes a long.

    The price is the bankruptcy price, the size contracts.
    """
    found: list[Liquidation] = []
    for g, group in enumerate(_answer(body, _Orders, Kind.LIQUIDATIONS)):
        path = f"$.data[{g}].details"
        of_asked(group.inst_family, _family(ask), NAME, Kind.LIQUIDATIONS, f"$.data[{g}].instFamily")
        for i, d in enumerate(group.details):
            side = _POSITIONS.get((d.pos_side, d.side))
            if side is None:
                message = f"no {d.pos_side!r} position is closed by a {d.side!r} order"
                raise ParseError(NAME, Kind.LIQUIDATIONS, message, f"{path}[{i}].posSide")
            found.append(Liquidation(d.ts, side, d.bk_px, ask.listed.base_of(d.sz)))
        stamps = [d.ts for d in group.details]
        for i in range(1, len(stamps)):
            falls = stamps[i] <= stamps[i - 1]
            require(falls, "the list is newest first", NAME, Kind.LIQUIDATIONS, f"{path}[{i}].ts")
    # A full page may have cut off older ones.
    oldest = min((row.time_ms for row in found), default=0)
    reached = oldest if len(found) >= LIQUIDATION_LIMIT else ask.now_ms - DAY_MS
    return [*found[::-1], Covered(reached)]


def _liquidation_page(ask: Ask, after: int | None = None) -> Params:
    return params(instType="SWAP", instFamily=_family(ask), state="filled", after=after, limit=LIQUIDATION_LIMIT)


def _older_liquidations(body: bytes, ask: Ask) -> Params | None:
    """Return the next page's parameters: what is older than the oldest row, back to a day ago."""
    reached = parse_liquidations(body, ask)[-1]
    return _liquidation_page(ask, reached.time_ms) if reached.time_ms > ask.now_ms - DAY_MS else None


class _Book(msgspec.Struct):
    asks: list[tuple[Price, Amount, str, str]]
    bids: list[tuple[Price, Amount, str, str]]
    ts: TimeMs


def parse_order_book(body: bytes, ask: Ask) -> list[OrderBook]:
    """Read books: sizes are contracts."""
    found = []
    for b, book in enumerate(_answer(body, _Book, Kind.ORDER_BOOK)):
        for side, levels, sign in (("bids", book.bids, -1), ("asks", book.asks, 1)):
            for i in range(1, len(levels)):
                rises = sign * (levels[i][0] - levels[i - 1][0]) > 0
                path = f"$.data[{b}].{side}[{i}][0]"
                require(rises, "price levels out of order", NAME, Kind.ORDER_BOOK, path)
        bids, asks = (
            tuple((level[0], ask.listed.base_of(level[1])) for level in levels) for levels in (book.bids, book.asks)
        )
        found.append(OrderBook(book.ts, bids, asks))
    return found


class _Tier(msgspec.Struct, rename="camel"):
    min_sz: Amount
    max_sz: Amount
    mmr: Share
    max_lever: Leverage
    inst_family: str = ""
    uly: str = ""


def parse_margin_tiers(body: bytes, ask: Ask) -> list[MarginTier]:
    """Read position-tiers: unsorted, bounds in contracts, no deduction (the rate is of the whole position).

    A step starts one lot above the end of the one below.
    """
    rows = _answer(body, _Tier, Kind.MARGIN_TIERS)
    # One family was asked for: a step that names none is of it.
    own = sorted(
        (r for r in rows if {_family(ask), ""} & {r.inst_family, r.uly or r.inst_family}), key=lambda r: r.max_sz
    )
    require(bool(own) or not rows, f"no step is of {_family(ask)}", NAME, Kind.MARGIN_TIERS, "$.data[*].instFamily")
    of, lot = ask.listed.base_of, ask.listed.lot_base or ask.listed.contract_size_base
    tiers: list[MarginTier] = []
    for r in own:
        floor, below = of(r.min_sz), tiers[-1].cap if tiers else 0.0
        joins = -CLOSE * below <= floor - below <= 1.01 * lot
        tiers.append(MarginTier(below if joins else floor, of(r.max_sz), r.mmr, r.max_lever, bounds_in_base=True))
    return whole_ladder(tiers, NAME, "$.data[?tier={}]")


def _of_symbol(**more: str | int) -> Pages:
    def pages(ask: Ask) -> Sequence[Params]:
        return (params(**more, instId=ask.listed.symbol),)

    return pages


OKX = Source(
    name=NAME,
    title="OKX swaps",
    url="https://www.okx.com",
    budget=Budget(40, 2),
    refusal=refusal,
    feed=Feed.CENSORED,
    prints="at most one a second and contract",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/api/v5/public/instruments",
            once(instType="SWAP"),
            parse_instruments,
            budget=Budget(20, 2),
        ),
        Endpoint(Kind.TICKER, "/api/v5/market/ticker", _of_symbol(), parse_ticker, budget=Budget(20, 2)),
        Endpoint(
            Kind.MARK_PRICE,
            "/api/v5/public/mark-price",
            _of_symbol(instType="SWAP"),
            parse_mark_price,
            budget=Budget(10, 2),
        ),
        Endpoint(
            Kind.INDEX_PRICE,
            "/api/v5/market/index-candles",
            lambda ask: [params(instId=_family(ask), bar="1m", limit=1)],
            parse_index_price,
            budget=Budget(20, 2),
        ),
        Endpoint(Kind.FUNDING, "/api/v5/public/funding-rate", _of_symbol(), parse_funding, budget=Budget(10, 2)),
        Endpoint(
            Kind.OPEN_INTEREST,
            "/api/v5/public/open-interest",
            _of_symbol(instType="SWAP"),
            parse_open_interest,
            budget=Budget(20, 2),
        ),
        Endpoint(
            Kind.OPEN_INTEREST_HISTORY,
            "/api/v5/rubik/stat/contracts/open-interest-history",
            _open_interest_pages,
            parse_open_interest_history,
            budget=Budget(10, 2),
            reach="1,440 rows",
        ),
        Endpoint(
            Kind.OPEN_INTEREST_DAILY,
            "/api/v5/rubik/stat/contracts/open-interest-history",
            _open_interest_daily_pages,
            parse_open_interest_history,
            budget=Budget(10, 2),
        ),
        Endpoint(
            Kind.CANDLES,
            "/api/v5/market/history-candles",
            _candle_pages,
            parse_candles,
            budget=Budget(20, 2),
            reach="all",
        ),
        Endpoint(
            Kind.DAILY_CANDLES, "/api/v5/market/history-candles", _daily_pages, parse_candles, budget=Budget(20, 2)
        ),
        _ratio_endpoint("long-short-account-ratio-contract", "accounts"),
        _ratio_endpoint("long-short-account-ratio-contract-top-trader", "top accounts"),
        _ratio_endpoint("long-short-position-ratio-contract-top-trader", "top positions"),
        Endpoint(
            Kind.LIQUIDATIONS,
            "/api/v5/public/liquidation-orders",
            lambda ask: [_liquidation_page(ask)],
            parse_liquidations,
            following=_older_liquidations,
            reach="24 h",
        ),
        Endpoint(Kind.ORDER_BOOK, "/api/v5/market/books", _of_symbol(sz=400), parse_order_book),
        Endpoint(
            Kind.MARGIN_TIERS,
            "/api/v5/public/position-tiers",
            lambda ask: [params(instType="SWAP", tdMode="isolated", instFamily=_family(ask))],
            parse_margin_tiers,
            budget=Budget(10, 2),
        ),
    ),
)
