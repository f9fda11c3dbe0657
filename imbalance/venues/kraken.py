"""Kraken Futures' linear perpetuals (``PF_``).

XBT is BTC. Sizes and open interest are coins. Funding is hourly and absolute: over the price it is a fraction. Errors
come with HTTP 200. Liquidations are marked in the trades, a hundred a page: as many are read as the budget allows, and
how far they reach is said. The taker is taken for who was liquidated: the documents do not say.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from imbalance.errors import RefusedError, SourceError
from imbalance.records import (
    Candle,
    Contract,
    Covered,
    Funding,
    Instrument,
    LaterStage,
    Liquidation,
    MarginTier,
    OpenInterest,
    SettledFunding,
    Ticker,
    Unread,
)
from imbalance.units import DAY_MS, INTERVALS_MS, SECOND_MS, Side, interval_name, parse_time_ms
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
from imbalance.wire.decode import (
    Amount,
    Price,
    Signed,
    TimeMs,
    TimeS,
    candles_sound,
    decode,
    in_order,
    iso_ms,
    maybe,
    minute_of,
    require,
)
from imbalance.wire.ladder import whole_ladder
from imbalance.wire.refusals import answered, by_status

NAME = "kraken"
API = "/derivatives/api/v3"
CHARTS = "/api/charts/v1"
CANDLE_LIMIT = 2000
HISTORY_ROWS = 1000
DAYS = 200
OFFERED_MS = [INTERVALS_MS[i] for i in ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")]
PERIODS_MS = [INTERVALS_MS[i] for i in ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d")]
NO_CAP_USD = 1e12
FIRST_INTEREST_MS = parse_time_ms("2023-01-01")
FUNDINGS_KEPT_MS = 365 * DAY_MS
MOST_RATE = 1.0
_PERPETUAL = re.compile(r"^PF_([A-Z0-9]+)USD$")
_COINS = {"XBT": "BTC"}


def _everything(_ask: Ask) -> list[Params]:
    return [()]


def _candles(ask: Ask, step_ms: int, start_ms: int) -> list[Params]:
    return [
        (
            ("symbol", ask.listed.symbol),
            ("interval", interval_name(step_ms)),
            ("from", str(start // SECOND_MS)),
            ("to", str(end // SECOND_MS - 1)),
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


def _period_ms(ask: Ask) -> int:
    return coarsest_needed(ask, PERIODS_MS, most_rows=HISTORY_ROWS)


def _history(ask: Ask, since_s: int) -> Params:
    period_ms = _period_ms(ask)
    return (
        ("symbol", ask.listed.symbol),
        ("since", str(since_s)),
        ("to", str(ask.now_ms // SECOND_MS)),
        ("interval", str(period_ms // SECOND_MS)),
    )


def _history_pages(ask: Ask) -> list[Params]:
    return [_history(ask, ask.start_ms // SECOND_MS)]


class _Refusal(msgspec.Struct):
    result: Any = None
    error: str = ""
    errors: list[Any] = []


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: `result` error, or errors of severity E, with HTTP 200 or not."""
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    said = told.error if told.result == "error" else ""
    for row in told.errors:
        if isinstance(row, dict) and row.get("severity") == "E":
            said = said or " ".join(str(row[k]) for k in ("type", "field", "msg") if row.get(k) is not None)
    if not said and told.result != "error":
        return by_status(status, NAME, endpoint, body=body)
    return by_status(status, NAME, endpoint, said, body) or RefusedError(NAME, endpoint, said or "error", "", status)


def _base(symbol: str) -> str | None:
    found = _PERPETUAL.match(symbol.upper())
    return None if found is None else _COINS.get(found[1], found[1])


class _Level(msgspec.Struct, rename="camel"):
    initial_margin: Price
    maintenance_margin: Price
    num_non_contract_units: Amount | None = None


class _Listed(msgspec.Struct, rename="camel"):
    symbol: str
    tradeable: bool
    contract_size: Price | None = None
    margin_levels: list[_Level] = []


class _Listing(msgspec.Struct):
    instruments: list[_Listed]


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read instruments: linear perpetuals that trade; one contract is one coin."""
    found = []
    for i, row in enumerate(answered(body, _Listing, refusal, NAME, Kind.INSTRUMENTS).instruments):
        base = _base(row.symbol)
        if base is None or not row.tradeable:
            continue
        path = f"$.instruments[{i}].contractSize"
        require(row.contract_size == 1, "sizes are coins only where this is 1", NAME, Kind.INSTRUMENTS, path)
        found.append(Instrument(NAME, row.symbol.upper(), base, "USD", Contract.LINEAR, funding_interval_hours=1.0))
    return found


def parse_margin_tiers(body: bytes, ask: Ask) -> list[MarginTier]:
    """Read instruments: steps start at a notional in USD; their rate is taken for the whole position above it.

    The most leverage of a step is one over its initial margin.
    """
    for i, row in enumerate(answered(body, _Listing, refusal, NAME, Kind.MARGIN_TIERS).instruments):
        if row.symbol.upper() != ask.listed.symbol:
            continue
        floors = [level.num_non_contract_units or 0.0 for level in row.margin_levels]
        found: list[MarginTier] = []
        for j, level in enumerate(row.margin_levels):
            path = f"$.instruments[{i}].marginLevels[{j}].initialMargin"
            require(level.initial_margin <= 1, "above the whole position", NAME, Kind.MARGIN_TIERS, path)
            cap = floors[j + 1] if j + 1 < len(floors) else NO_CAP_USD
            found.append(MarginTier(floors[j], cap, level.maintenance_margin, 1 / level.initial_margin))
        return whole_ladder(found, NAME, f"$.instruments[{i}].marginLevels[{{}}]")
    return []


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    mark_price: Price | None = None
    index_price: Price | None = None
    last: Price | None = None
    vol24h: Amount | None = None
    volume_quote: Amount | None = None
    open_interest: Amount | None = None
    funding_rate: Signed | None = None
    change24h: Signed | None = None


class _Tickers(msgspec.Struct):
    tickers: list[_Ticker]


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read tickers: prices, volume and open interest in coins, the change in per cent, funding in USD per coin."""
    found: list[Ticker | Funding | OpenInterest] = []
    for row in answered(body, _Tickers, refusal, NAME, Kind.TICKER).tickers:
        if row.symbol.upper() != ask.listed.symbol or row.mark_price is None or row.open_interest is None:
            continue
        change = None if row.change24h is None else row.change24h / 100
        found += [
            Ticker(None, row.last, row.mark_price, row.index_price, row.vol24h, row.volume_quote, change),
            OpenInterest(ask.now_ms, row.open_interest),
        ]
        if row.funding_rate is not None:
            found.append(Funding(row.funding_rate / row.mark_price, interval_hours=1.0))
    return found


class _Candle(msgspec.Struct):
    time: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount


class _Candles(msgspec.Struct):
    candles: list[_Candle]


def parse_candles(body: bytes, _ask: Ask) -> list[Candle]:
    """Read charts of trades: volume in coins; oldest first."""
    rows = answered(body, _Candles, refusal, NAME, Kind.CANDLES).candles
    in_order([row.time for row in rows], NAME, Kind.CANDLES, "$.candles[{}].time")
    candles = [Candle(r.time, r.open, r.high, r.low, r.close, r.volume) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$.candles[{}].high")
    return candles


class _Trade(msgspec.Struct):
    time: str
    price: Price
    type: str | None = None
    side: str | None = None
    size: Amount | None = None
    uid: str = ""


class _Trades(msgspec.Struct):
    history: list[_Trade]


SIDES = {"sell": Side.LONG, "buy": Side.SHORT}
LATER_STAGES = {"assignment", "termination"}


def _trades(body: bytes) -> list[tuple[int, _Trade]]:
    rows = answered(body, _Trades, refusal, NAME, Kind.LIQUIDATIONS).history
    return [(iso_ms(row.time, NAME, Kind.LIQUIDATIONS, f"$.history[{i}].time"), row) for i, row in enumerate(rows)]


def parse_liquidations(body: bytes, ask: Ask) -> list[Liquidation | LaterStage | Covered | Unread]:
    """Read history: trades of type liquidation; the taker is who was liquidated, so a sell closed a long.

    Type, side and size are optional: where a row lacks what it takes to count it, the sum is a lower bound.
    """
    trades = _trades(body)
    found: list[Liquidation | LaterStage | Covered | Unread] = []
    for i, (at_ms, row) in enumerate(trades):
        known = row.side is None or row.side in SIDES
        require(known, f"{row.side!r} is no side", NAME, Kind.LIQUIDATIONS, f"$.history[{i}].side")
        if row.type in LATER_STAGES and row.size is not None:
            found.append(LaterStage(at_ms, str(row.type), row.price, row.size))
        elif row.type is None or (row.type == "liquidation" and (row.side is None or row.size is None)):
            found.append(Unread())
        elif row.type == "liquidation" and row.side is not None and row.size is not None:
            found.append(Liquidation(at_ms, SIDES[row.side], row.price, row.size, row.uid))
    return [*reversed(found), Covered(min((at_ms for at_ms, _row in trades), default=ask.now_ms))]


def _liquidation_page(ask: Ask, last_ms: int | None = None) -> Params:
    before = None
    if last_ms is not None:
        moment = datetime.fromtimestamp(last_ms / SECOND_MS, UTC)
        before = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return params(symbol=ask.listed.symbol, lastTime=before)


def _older_liquidations(body: bytes, ask: Ask) -> Params | None:
    """Return the request for the trades before the oldest of a page, back to a day ago.

    Where trades have their own names it reaches one millisecond into the page: others of that moment may not be on it.
    """
    trades = _trades(body)
    if not trades:
        return None
    oldest_ms, oldest = min(trades, key=lambda trade: trade[0])
    return _liquidation_page(ask, oldest_ms + bool(oldest.uid)) if oldest_ms > ask.day_ms else None


class _Series(msgspec.Struct):
    timestamp: list[TimeS]
    data: msgspec.Raw
    more: bool = False


class _Analytics(msgspec.Struct):
    result: _Series


class _Bucket(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    open: Amount
    high: Amount
    low: Amount
    close: Amount


def _closes(data: bytes) -> list[float]:
    """Return each bucket's value, or the close of its open, high, low and close: a series holds one or the other."""
    endpoint, path = Kind.OPEN_INTEREST_HISTORY, "$.result.data"
    if b"[" not in data[1:]:
        return decode(data, list[Amount], NAME, endpoint, path)
    rows = decode(data, list[_Bucket], NAME, endpoint, path)
    candles_sound(rows, NAME, endpoint, path + "[{}]")
    return [row.close for row in rows]


def parse_open_interest_history(body: bytes, ask: Ask) -> list[OpenInterest]:
    """Read analytics open-interest: a value or its open, high, low, close by bucket; the close stands at its end."""
    series = answered(body, _Analytics, refusal, NAME, Kind.OPEN_INTEREST_HISTORY).result
    closes = _closes(bytes(series.data))
    same = len(series.timestamp) == len(closes)
    require(same, "not as long as timestamp", NAME, Kind.OPEN_INTEREST_HISTORY, "$.result.data")
    in_order(series.timestamp, NAME, Kind.OPEN_INTEREST_HISTORY, "$.result.timestamp[{}]")
    step_s = int(dict(_history(ask, 0))["interval"])
    ends_ms = [(stamp + step_s) * SECOND_MS for stamp in series.timestamp]
    # The last bucket is still filling.
    return [OpenInterest(end, value) for end, value in zip(ends_ms, closes, strict=True) if end <= ask.now_ms]


def _more_history(body: bytes, ask: Ask) -> Params | None:
    series = answered(body, _Analytics, refusal, NAME, Kind.OPEN_INTEREST_HISTORY).result
    return _history(ask, series.timestamp[-1] + 1) if series.more and series.timestamp else None


class _Paid(msgspec.Struct, rename="camel"):
    timestamp: str
    relative_funding_rate: Signed


class _AllPaid(msgspec.Struct):
    rates: list[_Paid]


def parse_funding_history(body: bytes, _ask: Ask) -> list[SettledFunding]:
    """Read historicalfundingrates: hourly, oldest first; fundingRate itself is an amount of money."""
    rows = answered(body, _AllPaid, refusal, NAME, Kind.FUNDING_HISTORY).rates
    times = [
        minute_of(iso_ms(row.timestamp, NAME, Kind.FUNDING_HISTORY, f"$.rates[{i}].timestamp"))
        for i, row in enumerate(rows)
    ]
    in_order(times, NAME, Kind.FUNDING_HISTORY, "$.rates[{}].timestamp")
    for i, row in enumerate(rows):
        path = f"$.rates[{i}].relativeFundingRate"
        require(abs(row.relative_funding_rate) < MOST_RATE, "no rate", NAME, Kind.FUNDING_HISTORY, path)
    return [SettledFunding(t, row.relative_funding_rate, 1.0) for t, row in zip(times, rows, strict=True)]


_OPEN_INTEREST_HISTORY = Endpoint(
    Kind.OPEN_INTEREST_HISTORY,
    f"{CHARTS}/analytics/{{symbol}}/open-interest",
    _history_pages,
    parse_open_interest_history,
    following=_more_history,
    reach="2023",
    step=_period_ms,
)
_CANDLES = Endpoint(
    Kind.CANDLES, f"{CHARTS}/trade/{{symbol}}/{{interval}}", _candle_pages, parse_candles, reach="all", step=_bar_ms
)

KRAKEN = Source(
    name=NAME,
    title="Kraken Futures",
    url="https://futures.kraken.com",
    # No limit is stated: a burst of what one report asks, then about two a second.
    budget=Budget(20, 10),
    refusal=refusal,
    prints="all, in the trades",
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, f"{API}/instruments", _everything, parse_instruments, holds=holding(LISTED_MS)),
        Endpoint(Kind.MARGIN_TIERS, f"{API}/instruments", _everything, parse_margin_tiers, holds=holding(LISTED_MS)),
        Endpoint(Kind.TICKER, f"{API}/tickers", _everything, parse_ticker),
        Endpoint(
            Kind.LIQUIDATIONS,
            f"{API}/history",
            lambda ask: [_liquidation_page(ask)],
            parse_liquidations,
            following=_older_liquidations,
            # Two a second are allowed, and the other series are asked at the same time.
            most_pages=5,
            reach="500 trades",
        ),
        _OPEN_INTEREST_HISTORY,
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES,
            f"{CHARTS}/trade/{{symbol}}/{{interval}}",
            _daily_pages,
            parse_candles,
            reach="200 d read",
        ),
    ),
    history=(
        History(_CANDLES, tuple(OFFERED_MS), CANDLE_LIMIT, also_ms=(DAY_MS,)),
        History(
            # A bucket's close stands at its end: that of the start is of the bucket before.
            msgspec.structs.replace(
                _OPEN_INTEREST_HISTORY, pages=lambda ask: [_history(ask, (ask.start_ms - ask.interval_ms) // SECOND_MS)]
            ),
            tuple(PERIODS_MS),
            HISTORY_ROWS - 1,
            first_ms=FIRST_INTEREST_MS,
        ),
        History(
            Endpoint(
                Kind.FUNDING_HISTORY,
                "/derivatives/api/v4/historicalfundingrates",
                lambda ask: [params(symbol=ask.listed.symbol)],
                parse_funding_history,
            ),
            depth_ms=FUNDINGS_KEPT_MS,
        ),
    ),
)
