"""Gate USDT perpetuals.

The contract statistics sum liquidations by side over months, key-free, in one request, and are the default feed for
calibrating; single liquidations cost a request for each hour, so those of the last day are read only where the
statistics are missing. Stamps are seconds at a bucket's start. Sizes are contracts; open interest counts BOTH sides
there and in the tickers.
"""

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    ContractStats,
    Covered,
    Feed,
    Funding,
    Instrument,
    Liquidation,
    MarginTier,
    OpenInterest,
    SettledFunding,
    Ticker,
    Unread,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, SECOND_MS, Side, interval_name
from imbalance.wire import (
    LISTED_MS,
    Ask,
    Budget,
    Endpoint,
    History,
    Kind,
    Params,
    Source,
    coarsest_needed,
    dividing,
    holding,
    params,
    windows,
)
from imbalance.wire.at_once import AtOnce
from imbalance.wire.decode import (
    Amount,
    Leverage,
    Price,
    Rate,
    Signed,
    TimeS,
    candles_sound,
    decode,
    in_order,
    maybe,
    minute_of,
    require,
)
from imbalance.wire.ladder import whole_ladder
from imbalance.wire.refusals import OK, by_status

NAME = "gate"
ROWS = 1000
LIQUIDATION_LIMIT = 1000
CANDLE_LIMIT = 2000
LAST_BARS = 10_000
DAYS = 200
KEPT_MS = 90 * DAY_MS - HOUR_MS  # a little less than ninety days: they have moved on when a request arrives
FUNDING_LIMIT = 1000
DEDUCTION_TOLERANCE = 0.05
VALUE_TOLERANCE = 0.1
OFFERED_MS = [INTERVALS_MS[p] for p in ("1m", "5m", "15m", "30m", "1h", "4h", "1d")]
PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "4h", "1d")]


def _stats_ms(ask: Ask) -> int:
    # Hourly at the finest: liquidations of shorter buckets are mostly zero, and pages are small.
    hourly = [p for p in PERIODS_MS if p >= INTERVALS_MS["1h"]]
    return coarsest_needed(ask, hourly, most_rows=12 * 100)


def _stats_pages(ask: Ask) -> list[Params]:
    return _stats(ask, _stats_ms(ask))


def _stats(ask: Ask, period_ms: int) -> list[Params]:
    start_ms = -(-ask.start_ms // period_ms) * period_ms
    return [
        (
            ("contract", ask.listed.symbol),
            ("from", str(start // SECOND_MS)),
            ("interval", interval_name(period_ms)),
            ("limit", str(-(-(end - start) // period_ms))),
        )
        for start, end in windows(start_ms, ask.end_ms, period_ms, ROWS)
    ]


def _candles(ask: Ask, step_ms: int, start_ms: int) -> list[Params]:
    """Cut a span into requests; older bars than the last 10,000 are refused, with a few to spare."""
    first_ms = (ask.now_ms // step_ms - LAST_BARS + 10) * step_ms
    return [
        (
            ("contract", ask.listed.symbol),
            ("from", str(start // SECOND_MS)),
            ("to", str(end // SECOND_MS - 1)),
            ("interval", interval_name(step_ms)),
        )
        for start, end in windows(max(start_ms, first_ms), ask.end_ms, step_ms, CANDLE_LIMIT)
    ]


def _bar_ms(ask: Ask) -> int | None:
    return dividing(ask, OFFERED_MS)


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = _bar_ms(ask)
    return [] if step_ms is None else _candles(ask, step_ms, ask.start_ms)


def _daily_pages(ask: Ask) -> list[Params]:
    return _candles(ask, DAY_MS, ask.now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS)


def _contract(ask: Ask) -> list[Params]:
    return [params(contract=ask.listed.symbol)]


def _funding_pages(ask: Ask) -> list[Params]:
    return [
        (
            ("contract", ask.listed.symbol),
            ("limit", str(FUNDING_LIMIT)),
            ("from", str(ask.start_ms // SECOND_MS)),
            ("to", str(ask.end_ms // SECOND_MS - 1)),
        )
    ]


class _Refusal(msgspec.Struct):
    label: str
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: gate answers by HTTP status, with a label in the body."""
    if status == OK:
        return None
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    return by_status(status, NAME, endpoint, f"{told.message} ({told.label})")


class _Listed(msgspec.Struct):
    name: str
    quanto_multiplier: Price | str
    in_delisting: bool
    leverage_max: Amount
    funding_interval: Amount


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read contracts: a contract is quanto_multiplier coins; the funding interval is in seconds there."""
    found = []
    for i, row in enumerate(decode(body, list[_Listed], NAME, Kind.INSTRUMENTS)):
        base, _, quote = row.name.rpartition("_")
        if row.in_delisting or quote != "USDT":
            continue
        size = decode(msgspec.json.encode(row.quanto_multiplier), Amount, NAME, f"{Kind.INSTRUMENTS} $[{i}]")
        if not size:
            continue
        found.append(
            Instrument(
                venue=NAME,
                symbol=row.name,
                base=base,
                quote=quote,
                contract=Contract.LINEAR,
                contract_size_base=float(size),
                max_leverage=row.leverage_max or None,
                funding_interval_hours=row.funding_interval / 3600 or None,
            )
        )
    return found


class _Stats(msgspec.Struct):
    time: TimeS
    mark_price: Price
    open_interest: Amount
    long_liq_size: Amount
    short_liq_size: Amount
    long_liq_usd: Amount
    short_liq_usd: Amount
    long_taker_size: Amount | None = None
    short_taker_size: Amount | None = None
    open_interest_usd: Amount | None = None


def parse_contract_stats(body: bytes, ask: Ask) -> list[ContractStats]:
    """Read contract_stats: sizes are contracts; open interest is halved to one side, the bucket that runs left out."""
    rows = decode(body, list[_Stats], NAME, Kind.CONTRACT_STATS)
    in_order([row.time for row in rows], NAME, Kind.CONTRACT_STATS, "$[{}].time")
    size = ask.listed.base_of
    step_s = rows[1].time - rows[0].time if len(rows) > 1 else 0
    for i, row in enumerate(rows):
        if row.open_interest_usd is not None:
            value = size(row.open_interest) * row.mark_price
            fits = abs(row.open_interest_usd - value) <= VALUE_TOLERANCE * value + 1
            path = f"$[{i}].open_interest_usd"
            require(fits, "not open interest at the mark price", NAME, Kind.CONTRACT_STATS, path)
    return [
        ContractStats(
            time_ms=row.time * SECOND_MS,
            mark_price=row.mark_price,
            open_interest_base=size(row.open_interest) / 2,
            long_liquidations_base=size(row.long_liq_size),
            short_liquidations_base=size(row.short_liq_size),
            long_liquidations_usd=row.long_liq_usd,
            short_liquidations_usd=row.short_liq_usd,
            taker_buy_base=None if row.long_taker_size is None else size(row.long_taker_size),
            taker_sell_base=None if row.short_taker_size is None else size(row.short_taker_size),
        )
        for row in rows
        if len(rows) == 1 or row.time + step_s <= ask.now_ms // SECOND_MS  # one alone tells no length
    ]


def _more_stats(body: bytes, ask: Ask) -> Params | None:
    """Return the request for what is left where an answer holds fewer rows than were asked for."""
    rows = decode(body, list[_Stats], NAME, Kind.CONTRACT_STATS)
    if len(rows) < 2:  # noqa: PLR2004  a step needs two
        return None
    step_s = rows[1].time - rows[0].time
    pages = [page for page in _stats_pages(ask) if int(dict(page)["from"]) <= rows[-1].time]
    if step_s <= 0 or not pages:
        return None
    asked = dict(pages[-1])
    left = (int(asked["from"]) - rows[-1].time) // step_s + int(asked["limit"]) - 1
    # The last bucket is still filling, and may not be there yet.
    return tuple((asked | {"from": str(rows[-1].time + step_s), "limit": str(left)}).items()) if left > 1 else None


def _liquidation_pages(ask: Ask) -> list[Params]:
    hours = windows(ask.day_ms // SECOND_MS, ask.now_ms // SECOND_MS, HOUR_MS // SECOND_MS, 1)
    return [
        (
            ("contract", ask.listed.symbol),
            ("from", str(start)),
            ("to", str(end - 1)),
            ("limit", str(LIQUIDATION_LIMIT)),
        )
        for start, end in hours
    ]


class _Liquidated(msgspec.Struct):
    contract: str
    size: Signed
    fill_price: Price
    time: TimeS
    left: Signed
    order_size: Signed | None = None


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | Covered | Unread]:
    """Read liq_orders of an hour: `size` is the position's, above 0 where a long was liquidated; contracts.

    The order closes the position or a part of it; what is left of the order was not traded.
    """
    rows = decode(body, list[_Liquidated], NAME, Kind.LIQUIDATIONS)
    found: list[Liquidation | Covered | Unread] = []
    for i, row in enumerate(rows):
        path = f"$[{i}]"
        falls = i == 0 or row.time <= rows[i - 1].time
        require(falls, "the list is newest first", NAME, Kind.LIQUIDATIONS, f"{path}.time")
        require(row.size != 0, "a position of no size", NAME, Kind.LIQUIDATIONS, f"{path}.size")
        order = -row.size if row.order_size is None else row.order_size
        closes = 0 < -order / row.size <= 1
        require(closes, "does not close the position", NAME, Kind.LIQUIDATIONS, f"{path}.order_size")
        fits = 0 <= row.left / order <= 1
        require(fits, "not a part of the order", NAME, Kind.LIQUIDATIONS, f"{path}.left")
        if row.contract == ask.listed.symbol:
            side = Side.LONG if row.size > 0 else Side.SHORT
            traded = ask.listed.base_of(abs(order - row.left))
            found.append(Liquidation(row.time * SECOND_MS, side, row.fill_price, traded))
    found.reverse()
    full = [Unread()] if len(rows) >= LIQUIDATION_LIMIT else []
    return [*full, *found, Covered(ask.day_ms)]


class _Ticker(msgspec.Struct):
    contract: str
    last: Price
    mark_price: Price
    index_price: Price
    total_size: Amount
    volume_24h: Amount
    volume_24h_quote: Amount
    change_percentage: Signed
    funding_rate: Rate


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read tickers: prices, volumes, the change in per cent; open interest is halved to one side.

    The volume is that in contracts: the one in coins is cut to whole ones.
    """
    found: list[Ticker | Funding | OpenInterest] = []
    for row in decode(body, list[_Ticker], NAME, Kind.TICKER):
        if row.contract != ask.listed.symbol:
            continue
        found += [
            Ticker(
                last_price=row.last,
                mark_price=row.mark_price,
                index_price=row.index_price,
                volume_24h_base=ask.listed.base_of(row.volume_24h),
                volume_24h_usd=row.volume_24h_quote,
                change_24h=row.change_percentage / 100,
            ),
            Funding(row.funding_rate),
            OpenInterest(ask.now_ms, ask.listed.base_of(row.total_size) / 2),
        ]
    return found


class _Candle(msgspec.Struct):
    t: TimeS
    o: Price
    h: Price
    l: Price  # noqa: E741  the venue's name
    c: Price
    v: Amount
    sum: Amount


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read candlesticks: volume in contracts and in USDT; oldest first."""
    rows = decode(body, list[_Candle], NAME, Kind.CANDLES)
    in_order([row.t for row in rows], NAME, Kind.CANDLES, "$[{}].t")
    of = ask.listed.candle
    candles = [of(r.t * SECOND_MS, r.o, r.h, r.l, r.c, r.v, r.sum) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$[{}].h")
    return candles


class _Settled(msgspec.Struct):
    t: TimeS
    r: Rate


def parse_funding_history(body: bytes, _ask: Ask) -> list[SettledFunding]:
    """Read funding_rate: a second or two after each funding; newest first."""
    rows = decode(body, list[_Settled], NAME, Kind.FUNDING_HISTORY)
    in_order([row.t for row in rows], NAME, Kind.FUNDING_HISTORY, "$[{}].t", newest_first=True)
    return [SettledFunding(minute_of(row.t * SECOND_MS), row.r) for row in reversed(rows)]


class _Tier(msgspec.Struct):
    risk_limit: Price
    maintenance_rate: Price
    leverage_max: Leverage
    deduction: Amount | None = None


def parse_margin_tiers(body: bytes, _ask: Ask) -> list[MarginTier]:
    """Read risk_limit_tiers: upper bounds in USDT; older answers leave the deduction to be worked out."""
    found: list[MarginTier] = []
    deduction = 0.0
    for i, row in enumerate(decode(body, list[_Tier], NAME, Kind.MARGIN_TIERS)):
        before = found[-1] if found else None
        floor = before.cap if before else 0.0
        deduction += floor * (row.maintenance_rate - before.rate) if before else 0.0
        given = deduction if row.deduction is None else row.deduction
        follows = abs(given - deduction) <= 1 + DEDUCTION_TOLERANCE * max(given, deduction)
        require(follows, "does not follow from the steps below", NAME, Kind.MARGIN_TIERS, f"$[{i}].deduction")
        deduction = given
        found.append(MarginTier(floor, row.risk_limit, row.maintenance_rate, row.leverage_max, deduction))
    return whole_ladder(found, NAME, "$[{}].risk_limit")


_LIQUIDATIONS = Endpoint(
    Kind.LIQUIDATIONS,
    "/futures/usdt/liq_orders",
    _liquidation_pages,
    parse_liquidations,
    reach="90 d",
    instead_of=Kind.CONTRACT_STATS,
)
_CANDLES = Endpoint(
    Kind.CANDLES, "/futures/usdt/candlesticks", _candle_pages, parse_candles, reach="10,000 bars", step=_bar_ms
)

GATE = Source(
    name=NAME,
    title="Gate USDT",
    url="https://api.gateio.ws/api/v4",
    budget=Budget(200, 10),
    refusal=refusal,
    feed=Feed.UNKNOWN,
    prints="its own sums; how they are made is not documented",
    endpoints=(
        Endpoint(
            Kind.INSTRUMENTS,
            "/futures/usdt/contracts",
            lambda _ask: [()],
            parse_instruments,
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.TICKER,
            "/futures/usdt/tickers",
            _contract,
            parse_ticker,
            at_once=AtOnce((), "contract", "contract", 1),
        ),
        Endpoint(
            Kind.CONTRACT_STATS,
            "/futures/usdt/contract_stats",
            _stats_pages,
            parse_contract_stats,
            following=_more_stats,
            reach="90 d",
            # The next bucket begins with the end of the newest, and is told at its own.
            holds=lambda ask: 2 * _stats_ms(ask),
        ),
        _LIQUIDATIONS,
        _CANDLES,
        Endpoint(Kind.DAILY_CANDLES, "/futures/usdt/candlesticks", _daily_pages, parse_candles, reach="200 d read"),
        Endpoint(
            Kind.MARGIN_TIERS,
            "/futures/usdt/risk_limit_tiers",
            _contract,
            parse_margin_tiers,
            holds=holding(LISTED_MS),
        ),
    ),
    history=(
        History(_CANDLES, tuple(OFFERED_MS), CANDLE_LIMIT, also_ms=(DAY_MS,), depth_rows=LAST_BARS - 10),
        History(
            Endpoint(
                Kind.CONTRACT_STATS,
                "/futures/usdt/contract_stats",
                # Open interest stands at a bucket's end: that of the start is of the bucket before.
                lambda ask: _stats(
                    msgspec.structs.replace(ask, start_ms=ask.start_ms - ask.interval_ms), ask.interval_ms
                ),
                parse_contract_stats,
            ),
            tuple(PERIODS_MS),
            ROWS - 1,
            also_ms=(HOUR_MS,),
            depth_ms=KEPT_MS,
        ),
        # A day of single orders: a request for each hour.
        History(_LIQUIDATIONS, window_ms=DAY_MS, depth_ms=KEPT_MS),
        History(
            Endpoint(Kind.FUNDING_HISTORY, "/futures/usdt/funding_rate", _funding_pages, parse_funding_history),
            window_ms=FUNDING_LIMIT * HOUR_MS,
        ),
    ),
)
