"""Gate USDT perpetuals.

The contract statistics sum liquidations by side over months, key-free, and are the default feed for calibrating. Stamps
are seconds at a bucket's start. Sizes are contracts; open interest counts BOTH sides there and in the tickers.
"""

from __future__ import annotations

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    ContractStats,
    Feed,
    Funding,
    Instrument,
    MarginTier,
    OpenInterest,
    Ticker,
)
from imbalance.units import DAY_MS, INTERVALS_MS, SECOND_MS, interval_name
from imbalance.wire import Ask, Budget, Endpoint, Kind, Params, Source, coarsest_needed, dividing, params, windows
from imbalance.wire.decode import (
    Amount,
    Leverage,
    Price,
    Rate,
    Ratio,
    Signed,
    TimeS,
    decode,
    in_order,
    maybe,
    require,
    sound_candle,
)
from imbalance.wire.refusals import OK, by_status

NAME = "gate"
ROWS = 100
CANDLE_LIMIT = 2000
LAST_BARS = 10_000
DAYS = 200
DEDUCTION_TOLERANCE = 0.05
VALUE_TOLERANCE = 0.1
OFFERED_MS = [INTERVALS_MS[p] for p in ("1m", "5m", "15m", "30m", "1h", "4h", "1d")]
PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "4h", "1d")]


def _stats_pages(ask: Ask) -> list[Params]:
    # Hourly at the finest: liquidations of shorter buckets are mostly zero, and pages are small.
    hourly = [p for p in PERIODS_MS if p >= INTERVALS_MS["1h"]]
    period_ms = coarsest_needed(ask, hourly, most_rows=12 * ROWS)
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


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = dividing(ask, OFFERED_MS)
    return [] if step_ms is None else _candles(ask, step_ms, ask.start_ms)


def _daily_pages(ask: Ask) -> list[Params]:
    return _candles(ask, DAY_MS, ask.now_ms // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS)


def _contract(ask: Ask) -> list[Params]:
    return [params(contract=ask.listed.symbol)]


class _Refusal(msgspec.Struct):
    label: str
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: gate answers by HTTP status, with a label in the body."""
    if status == OK:
        return None
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint)
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
    lsr_account: Ratio | None = None
    long_taker_size: Amount | None = None
    short_taker_size: Amount | None = None
    open_interest_usd: Amount | None = None


def parse_contract_stats(body: bytes, ask: Ask) -> list[ContractStats]:
    """Read contract_stats: sizes are contracts; open interest is halved to one side."""
    rows = decode(body, list[_Stats], NAME, Kind.CONTRACT_STATS)
    in_order([row.time for row in rows], NAME, Kind.CONTRACT_STATS, "$[{}].time")
    size = ask.listed.base_of
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
            long_account_ratio=row.lsr_account,
        )
        for row in rows
    ]


class _Ticker(msgspec.Struct):
    contract: str
    last: Price
    mark_price: Price
    index_price: Price
    total_size: Amount
    volume_24h_base: Amount
    volume_24h_quote: Amount
    change_percentage: Signed
    funding_rate: Rate


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read tickers: prices, volumes, the change in per cent; open interest is halved to one side."""
    found: list[Ticker | Funding | OpenInterest] = []
    for row in decode(body, list[_Ticker], NAME, Kind.TICKER):
        if row.contract != ask.listed.symbol:
            continue
        found += [
            Ticker(
                last_price=row.last,
                mark_price=row.mark_price,
                index_price=row.index_price,
                volume_24h_base=row.volume_24h_base,
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
    for i, row in enumerate(rows):
        sound = sound_candle(row.l, row.h, row.o, row.c)
        require(sound, "high and low do not hold open and close", NAME, Kind.CANDLES, f"$[{i}].h")
    return [Candle(r.t * SECOND_MS, r.o, r.h, r.l, r.c, ask.listed.base_of(r.v), r.sum) for r in rows]


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
        rises = before is None or (row.risk_limit > before.cap and row.maintenance_rate >= before.rate)
        rises &= row.maintenance_rate * row.leverage_max < 1
        require(rises, "does not follow from the step below", NAME, Kind.MARGIN_TIERS, f"$[{i}].risk_limit")
        floor = before.cap if before else 0.0
        deduction += floor * (row.maintenance_rate - before.rate) if before else 0.0
        given = deduction if row.deduction is None else row.deduction
        follows = abs(given - deduction) <= 1 + DEDUCTION_TOLERANCE * max(given, deduction)
        require(follows, "does not follow from the steps below", NAME, Kind.MARGIN_TIERS, f"$[{i}].deduction")
        deduction = given
        found.append(MarginTier(floor, row.risk_limit, row.maintenance_rate, row.leverage_max, deduction))
    return found


GATE = Source(
    name=NAME,
    title="Gate USDT",
    url="https://api.gateio.ws/api/v4",
    budget=Budget(200, 10),
    refusal=refusal,
    feed=Feed.UNKNOWN,
    prints="its own sums; how they are made is not documented",
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, "/futures/usdt/contracts", lambda _ask: [()], parse_instruments),
        Endpoint(Kind.TICKER, "/futures/usdt/tickers", _contract, parse_ticker),
        Endpoint(Kind.CONTRACT_STATS, "/futures/usdt/contract_stats", _stats_pages, parse_contract_stats, reach="90 d"),
        Endpoint(Kind.CANDLES, "/futures/usdt/candlesticks", _candle_pages, parse_candles, reach="10,000 bars"),
        Endpoint(Kind.DAILY_CANDLES, "/futures/usdt/candlesticks", _daily_pages, parse_candles, reach="200 d read"),
        Endpoint(Kind.MARGIN_TIERS, "/futures/usdt/risk_limit_tiers", _contract, parse_margin_tiers),
    ),
)
