"""HTX linear perpetuals.

Volumes and open interest sum BOTH sides, in contracts and in coins: they are halved. Stamps of candles are seconds, of
everything else milliseconds. Days begin at 16:00 UTC, so no daily bars are read; the trade that comes with open
interest is that of the running day, so the volume of 24 hours is summed from bars. How many liquidations a page holds
is not documented (one reader saw one): all pages are walked. Errors come with HTTP 200, spelled with underscores or
hyphens by path.
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
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, SECOND_MS, Side
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
    dividing,
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
    TimeMs,
    TimeS,
    candles_sound,
    in_order,
    maybe,
    minute_of,
    of_asked,
    require,
    require_each,
)
from imbalance.wire.refusals import answered, by_status

NAME = "htx"
CANDLE_LIMIT = 2000
HISTORY_ROWS = 200
LIQUIDATION_WINDOW_MS = 2 * HOUR_MS
DAY_STEP_MS = INTERVALS_MS["15m"]
LISTED = 1
CANDLES_KEPT_MS = 730 * DAY_MS
# A little less than ninety days: they have moved on when a request arrives.
LIQUIDATIONS_KEPT_MS = 90 * DAY_MS - HOUR_MS
MOST_LIQUIDATION_PAGES = 2000
FUNDING_LIMIT = 50
MOST_FUNDING_PAGES = 400
OK_CODE = 200
KLINE_NAMES = {
    INTERVALS_MS[name]: told
    for name, told in {
        "1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min", "1h": "60min", "4h": "4hour",
    }.items()
}  # fmt: skip
PERIOD_NAMES = {
    INTERVALS_MS[name]: told for name, told in {"1h": "60min", "4h": "4hour", "12h": "12hour", "1d": "1day"}.items()
}
T = TypeVar("T")


def _contract(ask: Ask) -> list[Params]:
    return [params(contract_code=ask.listed.symbol)]


def _history_ms(ask: Ask) -> int:
    return next((ms for ms in PERIOD_NAMES if ask.span_ms <= ms * HISTORY_ROWS), DAY_MS)


def _history_pages(ask: Ask) -> list[Params]:
    period = PERIOD_NAMES[_history_ms(ask)]
    return [params(contract_code=ask.listed.symbol, period=period, size=HISTORY_ROWS, amount_type=2)]


def _bar_ms(ask: Ask) -> int | None:
    return dividing(ask, list(KLINE_NAMES))


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = _bar_ms(ask)
    if step_ms is None:
        return []
    return [
        (
            ("contract_code", ask.listed.symbol),
            ("period", KLINE_NAMES[step_ms]),
            ("from", str(start // SECOND_MS)),
            ("to", str(end // SECOND_MS - 1)),
        )
        for start, end in windows(ask.start_ms, ask.end_ms, step_ms, CANDLE_LIMIT)
    ]


def _day_pages(ask: Ask) -> list[Params]:
    """Return the request for the bars that end in the last 24 hours, the running one among them."""
    first_s = _first_of_day_ms(ask) // SECOND_MS
    query = (("contract_code", ask.listed.symbol), ("period", KLINE_NAMES[DAY_STEP_MS]))
    return [(*query, ("from", str(first_s)), ("to", str(first_s + DAY_MS // SECOND_MS - 1)))]


def _first_of_day_ms(ask: Ask) -> int:
    return -(-ask.now_ms // DAY_STEP_MS) * DAY_STEP_MS - DAY_MS


def _liquidation_page(ask: Ask, number: int, from_id: int | None = None) -> Params:
    """Return the request for the newest rows of a window of the last day, or for those before one of them."""
    start = ask.now_ms - DAY_MS + number * LIQUIDATION_WINDOW_MS
    end = start + LIQUIDATION_WINDOW_MS - 1
    symbol = ask.listed.symbol
    return params(contract=symbol, trade_type=0, start_time=start, end_time=end, direct="prev", from_id=from_id)


def _liquidation_pages(ask: Ask) -> list[Params]:
    first = (ask.day_ms - (ask.now_ms - DAY_MS)) // LIQUIDATION_WINDOW_MS
    return [_liquidation_page(ask, number) for number in range(first, DAY_MS // LIQUIDATION_WINDOW_MS)]


class _Refusal(msgspec.Struct):
    status: str = "ok"
    err_code: int | str = ""
    err_msg: str = ""
    dashed_code: int | str = msgspec.field(name="err-code", default="")
    dashed_msg: str = msgspec.field(name="err-msg", default="")
    code: int = OK_CODE
    msg: str = ""
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: a status other than ok, or a code other than 200."""
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    if told.status == "ok" and told.code == OK_CODE:
        return by_status(status, NAME, endpoint, body=body)
    code = told.err_code or told.dashed_code or told.code
    said = f"{told.err_msg or told.dashed_msg or told.msg or told.message} (code {code})"
    if "too many" in said.lower() or "too-many" in said.lower():
        return RateLimitedError(NAME, endpoint, f"too many requests: {said}", "Wait a minute.", 429)
    return by_status(status, NAME, endpoint, said, body) or RefusedError(NAME, endpoint, said, "", status)


class _Envelope(msgspec.Struct, Generic[T]):
    data: T
    ts: TimeMs
    ch: str | None = None


def _read(body: bytes, kind: type[T], endpoint: str) -> _Envelope[T]:
    return answered(body, _Envelope[kind], refusal, NAME, endpoint)  # type: ignore[valid-type]


class _Listed(msgspec.Struct):
    symbol: str
    contract_code: str
    contract_size: Price
    contract_status: int
    settlement_period: Hours | None = None
    contract_type: str = "swap"


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read swap_contract_info: listed perpetuals in USDT; a contract is contract_size coins."""
    return [
        Instrument(
            venue=NAME,
            symbol=row.contract_code,
            base=row.symbol,
            quote="USDT",
            contract=Contract.LINEAR,
            contract_size_base=row.contract_size,
            funding_interval_hours=row.settlement_period,
        )
        for row in _read(body, list[_Listed], Kind.INSTRUMENTS).data
        if row.contract_status == LISTED and row.contract_type == "swap" and row.contract_code == f"{row.symbol}-USDT"
    ]


class _Interest(msgspec.Struct):
    contract_code: str
    volume: Amount
    amount: Amount
    value: Amount


def parse_open_interest(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read swap_open_interest: coins and USDT held; both sides, halved."""
    read = _read(body, list[_Interest], Kind.OPEN_INTEREST)
    found = []
    for i, row in enumerate(read.data):
        if row.contract_code != ask.listed.symbol:
            continue
        fits = abs(ask.listed.base_of(row.volume) - row.amount) <= 1e-6 * row.amount + ask.listed.contract_size_base
        require(fits, "not volume x contract size", NAME, Kind.OPEN_INTEREST, f"$.data[{i}].amount")
        found.append(OpenInterest(read.ts, row.amount / 2, row.value / 2))
    return found


class _Tick(msgspec.Struct):
    volume: Amount
    amount_type: int
    ts: TimeMs


class _History(msgspec.Struct):
    tick: list[_Tick]
    symbol: str | None = None


def parse_open_interest_history(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read swap_his_open_interest in coins: both sides, halved; the order is not documented."""
    read = _read(body, _History, Kind.OPEN_INTEREST_HISTORY).data
    of_asked(read.symbol, ask.listed.base, NAME, Kind.OPEN_INTEREST_HISTORY, "$.data.symbol")
    ticks = read.tick
    found: dict[int, OpenInterest] = {}
    for i, row in enumerate(ticks):
        path = f"$.data.tick[{i}]"
        require(row.amount_type == 2, "not in coins", NAME, Kind.OPEN_INTEREST_HISTORY, f"{path}.amount_type")  # noqa: PLR2004
        require(row.ts not in found, "the stamp occurs twice", NAME, Kind.OPEN_INTEREST_HISTORY, f"{path}.ts")
        found[row.ts] = OpenInterest(row.ts, row.volume / 2)
    return [found[time_ms] for time_ms in sorted(found)]


class _Candle(msgspec.Struct):
    id: TimeS
    open: Price
    high: Price
    low: Price
    close: Price
    vol: Amount
    amount: Amount
    trade_turnover: Amount


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read kline: coins and USDT of both sides, halved; oldest first."""
    read = _read(body, list[_Candle], Kind.CANDLES)
    rows, channel = read.data, read.ch.split(".") if read.ch else []
    of_asked(channel[1] if len(channel) > 1 else None, ask.listed.symbol, NAME, Kind.CANDLES, "$.ch")
    in_order([row.id for row in rows], NAME, Kind.CANDLES, "$.data[{}].id")
    size, slack = ask.listed.base_of, ask.listed.contract_size_base
    fits = [abs(size(row.vol) - row.amount) <= 1e-3 * row.amount + slack for row in rows]
    require_each(fits, "not vol x contract size", NAME, Kind.CANDLES, "$.data[{}].amount")
    candles = [
        Candle(r.id * SECOND_MS, r.open, r.high, r.low, r.close, r.amount / 2, r.trade_turnover / 2) for r in rows
    ]
    candles_sound(candles, NAME, Kind.CANDLES, "$.data[{}].high")
    return candles


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker]:
    """Read kline of the last 24 hours: their volume and change; nothing where a bar is missing."""
    bars = parse_candles(body, ask)
    first_ms = _first_of_day_ms(ask)
    running_ms = ask.now_ms // DAY_STEP_MS * DAY_STEP_MS
    # The running bar may not be there yet.
    if {bar.time_ms for bar in bars} | {running_ms} < set(range(first_ms, running_ms + 1, DAY_STEP_MS)):
        return []
    usd = [bar.volume_usd for bar in bars if bar.volume_usd is not None]
    change = bars[-1].close / bars[0].open - 1
    base = sum(bar.volume_base for bar in bars)
    return [Ticker(last_price=bars[-1].close, volume_24h_base=base, volume_24h_usd=sum(usd), change_24h=change)]


class _Rate(msgspec.Struct):
    contract_code: str
    funding_rate: Rate
    funding_time: TimeMs


def parse_funding(body: bytes, ask: Ask) -> list[Funding]:
    """Read swap_batch_funding_rate: the rate of the running period and when it is paid."""
    read = _read(body, list[_Rate], Kind.FUNDING)
    return [
        Funding(row.funding_rate, read.ts, row.funding_time)
        for row in read.data
        if row.contract_code == ask.listed.symbol
    ]


class _Paid(msgspec.Struct):
    contract_code: str
    funding_rate: Rate
    funding_time: TimeMs


class _PaidPage(msgspec.Struct):
    current_page: int
    total_page: int
    data: list[_Paid]


def _funding_page(ask: Ask, number: int) -> Params:
    return params(contract_code=ask.listed.symbol, page_index=number, page_size=FUNDING_LIMIT)


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read swap_historical_funding_rate: newest first, page by page."""
    rows = _read(body, _PaidPage, Kind.FUNDING_HISTORY).data.data
    path = "$.data.data[{}]"
    in_order([r.funding_time for r in rows], NAME, Kind.FUNDING_HISTORY, f"{path}.funding_time", newest_first=True)
    for i, row in enumerate(rows):
        of_asked(row.contract_code, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$.data.data[{i}].contract_code")
    return [SettledFunding(minute_of(r.funding_time), r.funding_rate) for r in reversed(rows)]


def _older_funding(body: bytes, ask: Ask) -> Params | None:
    """Return the request for the page after one, until the time asked for is reached."""
    page = _read(body, _PaidPage, Kind.FUNDING_HISTORY).data
    done = not page.data or page.current_page >= page.total_page or page.data[-1].funding_time <= ask.start_ms
    return None if done else _funding_page(ask, page.current_page + 1)


class _Order(msgspec.Struct):
    contract_code: str
    direction: str
    volume: Amount
    amount: Amount
    price: Price
    created_at: TimeMs
    query_id: int


SIDES = {"sell": Side.LONG, "buy": Side.SHORT}


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered]:
    """Read v3 swap_liquidation_orders: `direction` is the closing order's, so a sell closed a long.

    Coins at the bankruptcy price.
    """
    found: list[Liquidation | Covered] = []
    for i, row in enumerate(_read(body, list[_Order], Kind.LIQUIDATIONS).data):
        path = f"$.data[{i}]"
        require(row.direction in SIDES, f"{row.direction!r} is no side", NAME, Kind.LIQUIDATIONS, f"{path}.direction")
        if row.contract_code != ask.listed.symbol:
            continue
        fits = abs(ask.listed.base_of(row.volume) - row.amount) <= 1e-3 * row.amount + 1e-9
        require(fits, "not volume x contract size", NAME, Kind.LIQUIDATIONS, f"{path}.amount")
        found.append(Liquidation(row.created_at, SIDES[row.direction], row.price, row.amount, str(row.query_id)))
    found.sort(key=lambda row: row.time_ms)
    return [*found, Covered(ask.day_ms)]


def _older_liquidations(body: bytes, ask: Ask) -> Params | None:
    """Return the request for what is before a page in its window, until a page is empty."""
    rows = _read(body, list[_Order], Kind.LIQUIDATIONS).data
    if not rows:
        return None
    oldest = min(rows, key=lambda row: row.query_id)
    if oldest.created_at < ask.day_ms:
        return None
    number = (oldest.created_at - (ask.now_ms - DAY_MS)) // LIQUIDATION_WINDOW_MS
    return _liquidation_page(ask, number, oldest.query_id)


_LIQUIDATIONS = Endpoint(
    Kind.LIQUIDATIONS,
    "/linear-swap-api/v3/swap_liquidation_orders",
    _liquidation_pages,
    parse_liquidations,
    following=_older_liquidations,
    reach="90 d; 24 h read",
)
_CANDLES = Endpoint(
    Kind.CANDLES,
    "/linear-swap-ex/market/history/kline",
    _candle_pages,
    parse_candles,
    reach="about 2 years",
    step=_bar_ms,
)
ALL_SWAPS = AtOnce((), "contract_code", "contract_code", 1, within=("data",))

HTX = Source(
    name=NAME,
    title="HTX linear",
    url="https://api.hbdm.com",
    budget=Budget(240, 3),
    refusal=refusal,
    feed=Feed.CENSORED,
    prints="its liquidation orders, all pages",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/linear-swap-api/v1/swap_contract_info",
            lambda _ask: [()],
            parse_instruments,
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.OPEN_INTEREST,
            "/linear-swap-api/v1/swap_open_interest",
            _contract,
            parse_open_interest,
            at_once=ALL_SWAPS,
        ),
        Endpoint(
            Kind.OPEN_INTEREST_HISTORY,
            "/linear-swap-api/v1/swap_his_open_interest",
            _history_pages,
            parse_open_interest_history,
            reach="200 rows",
            step=_history_ms,
        ),
        _CANDLES,
        Endpoint(
            Kind.TICKER, "/linear-swap-ex/market/history/kline", _day_pages, parse_ticker, holds=holding(BRIEF_MS)
        ),
        Endpoint(
            Kind.FUNDING,
            "/linear-swap-api/v1/swap_batch_funding_rate",
            _contract,
            parse_funding,
            holds=holding(BRIEF_MS),
            at_once=ALL_SWAPS,
        ),
        _LIQUIDATIONS,
    ),
    history=(
        History(_CANDLES, tuple(KLINE_NAMES), CANDLE_LIMIT, depth_ms=CANDLES_KEPT_MS),
        # However few rows a page holds: a backfill has time to walk them all.
        History(
            msgspec.structs.replace(_LIQUIDATIONS, most_pages=MOST_LIQUIDATION_PAGES),
            window_ms=DAY_MS,
            depth_ms=LIQUIDATIONS_KEPT_MS,
        ),
        History(
            Endpoint(
                Kind.FUNDING_HISTORY,
                "/linear-swap-api/v1/swap_historical_funding_rate",
                lambda ask: [_funding_page(ask, 1)],
                parse_funding_history,
                following=_older_funding,
                most_pages=MOST_FUNDING_PAGES,
            )
        ),
    ),
)
