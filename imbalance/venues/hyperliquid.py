"""Hyperliquid perpetuals, and the positions of named accounts.

Everything is a POST to one path. Funding is hourly. Whether open interest counts one side or both is disputed: it is
taken as one side, and said. Open interest has no history; market-wide liquidations
are not published, but the positions of any known address are.
"""

from typing import Literal

import msgspec

from imbalance.errors import SourceError
from imbalance.records import (
    Candle,
    Contract,
    Funding,
    Instrument,
    MarginTier,
    OpenInterest,
    Position,
    SettledFunding,
    Ticker,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, Side, interval_name, parse_time_ms
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Params, Source, dividing, once, params
from imbalance.wire.decode import (
    Amount,
    Leverage,
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
    require,
)
from imbalance.wire.ladder import whole_ladder
from imbalance.wire.refusals import by_status

NAME = "hyperliquid"
PATH = "/info"
OFFERED_MS = [INTERVALS_MS[i] for i in ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "12h", "1d")]
MOST_CANDLES = 5000
DAYS = 200
SINGLE_TIER_BELOW = 50
NO_CAP_USD = 1e12
FUNDING_LIMIT = 500
FIRST_MS = parse_time_ms("2023-05-12")
HOURLY_FROM_MS = parse_time_ms("2023-06-08T01:00:00")


def posted(query: Params) -> object:
    """Return the JSON that a request posts; a candle's parameters lie one level deeper."""
    told = dict(query)
    span = {name: int(told[name]) for name in ("startTime", "endTime") if name in told}
    if told["type"] != "candleSnapshot":
        return told | span
    return {"type": told["type"], "req": {"coin": told["coin"], "interval": told["interval"]} | span}


def _candles(ask: Ask, step_ms: int, start_ms: int) -> list[Params]:
    found = params(
        type="candleSnapshot",
        coin=ask.listed.symbol,
        interval=interval_name(step_ms),
        startTime=start_ms,
        endTime=ask.end_ms - 1,
    )
    return [found]


def _bar_ms(ask: Ask) -> int | None:
    return dividing(ask, OFFERED_MS)


def _candle_pages(ask: Ask) -> list[Params]:
    step_ms = _bar_ms(ask)
    if step_ms is None:
        return []
    return _candles(ask, step_ms, max(ask.start_ms, ask.end_ms - MOST_CANDLES * step_ms))


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: by status, with a plain sentence as body."""
    return by_status(status, NAME, endpoint, body=body)


class _Asset(msgspec.Struct, rename="camel"):
    name: str
    max_leverage: Leverage
    margin_table_id: int | None = None
    is_delisted: bool = False


class _Tier(msgspec.Struct, rename="camel"):
    lower_bound: Amount
    max_leverage: Leverage


class _Table(msgspec.Struct, rename="camel"):
    margin_tiers: list[_Tier]


class _Meta(msgspec.Struct, rename="camel"):
    universe: list[_Asset]
    margin_tables: list[tuple[int, _Table]] = []


class _Context(msgspec.Struct, rename="camel"):
    funding: Rate | None
    open_interest: Amount | None
    day_ntl_vlm: Amount | None
    mark_px: Price | None
    oracle_px: Price | None
    day_base_vlm: Amount | None = None
    prev_day_px: Price | None = None


def _markets(body: bytes, endpoint: str) -> tuple[_Meta, list[_Context]]:
    meta, contexts = decode(body, tuple[_Meta, list[_Context]], NAME, endpoint)
    require(len(meta.universe) == len(contexts), "is not as long as the universe", NAME, endpoint, "$[1]")
    return meta, contexts


def _coins(name: str) -> tuple[str, float]:
    """Return (coin, how many make one) of a name: kPEPE is a thousand PEPE."""
    return (name[1:], 1000.0) if name[:1] == "k" and name[1:].isupper() else (name, 1.0)


def parse_instruments(body: bytes, _ask: Ask) -> list[Instrument]:
    """Read metaAndAssetCtxs: the listing."""
    found = []
    for row in _markets(body, Kind.INSTRUMENTS)[0].universe:
        if row.is_delisted:
            continue
        base, coins = _coins(row.name)
        listed = Instrument(NAME, row.name, base, "USD", Contract.LINEAR, coins, coins, row.max_leverage, 1.0)
        found.append(listed)
    return found


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker | Funding | OpenInterest]:
    """Read metaAndAssetCtxs: the coin's prices, funding per hour and open interest in coins."""
    meta, contexts = _markets(body, Kind.TICKER)
    listed = ask.listed
    found: list[Ticker | Funding | OpenInterest] = []
    for asset, row in zip(meta.universe, contexts, strict=True):
        if asset.name != listed.symbol or row.mark_px is None or row.open_interest is None:
            continue
        before = row.prev_day_px
        found += [
            Ticker(
                mark_price=listed.price_of(row.mark_px),
                index_price=None if row.oracle_px is None else listed.price_of(row.oracle_px),
                volume_24h_base=None if row.day_base_vlm is None else listed.base_of(row.day_base_vlm),
                volume_24h_usd=row.day_ntl_vlm,
                change_24h=None if before is None else row.mark_px / before - 1,
            ),
            OpenInterest(ask.now_ms, listed.base_of(row.open_interest)),
        ]
        if row.funding is not None:
            found.append(Funding(row.funding, interval_hours=1.0))
    return found


def parse_margin_tiers(body: bytes, ask: Ask) -> list[MarginTier]:
    """Read metaAndAssetCtxs: maintenance is half the initial margin at the tier's most leverage.

    Deductions keep maintenance margin continuous.
    """
    meta, _contexts = _markets(body, Kind.MARGIN_TIERS)
    asset = next((row for row in meta.universe if row.name == ask.listed.symbol), None)
    if asset is None:
        return []
    tables = {number: table.margin_tiers for number, table in meta.margin_tables}
    number = asset.margin_table_id
    steps = [_Tier(0.0, asset.max_leverage)]
    if tables and number not in tables:
        # A number below 50 is itself the most leverage of a single tier.
        single = number is not None and number < SINGLE_TIER_BELOW and number == asset.max_leverage
        require(single, f"no margin table {number}", NAME, Kind.MARGIN_TIERS, f"$[0].universe[?{asset.name}]")
    elif number is not None and tables:
        steps = tables[number]
    found: list[MarginTier] = []
    deduction, before = 0.0, None
    for i, step in enumerate(steps):
        rate = 1 / (2 * step.max_leverage)
        deduction += step.lower_bound * (rate - (rate if before is None else before))
        before = rate
        cap = steps[i + 1].lower_bound if i + 1 < len(steps) else NO_CAP_USD
        found.append(MarginTier(step.lower_bound, cap, rate, step.max_leverage, deduction))
    path = f"$[0].marginTables[?{asset.margin_table_id}].marginTiers[{{}}]"
    return whole_ladder(found, NAME, path)


class _Candle(msgspec.Struct):
    t: TimeMs
    o: Price
    h: Price
    l: Price  # noqa: E741  the venue's name
    c: Price
    v: Amount
    s: str | None = None


def parse_candles(body: bytes, ask: Ask) -> list[Candle]:
    """Read candleSnapshot: volume in coins; oldest first."""
    rows = decode(body, list[_Candle], NAME, Kind.CANDLES)
    in_order([row.t for row in rows], NAME, Kind.CANDLES, "$[{}].t")
    all_of_asked([row.s for row in rows], ask.listed.symbol, NAME, Kind.CANDLES, "$[{}].s")
    candles = [ask.listed.candle(r.t, r.o, r.h, r.l, r.c, r.v) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$[{}].h")
    return candles


class _Leverage(msgspec.Struct):
    type: Literal["cross", "isolated"]
    value: Leverage


class _Held(msgspec.Struct, rename="camel"):
    coin: str
    szi: Signed
    position_value: Amount
    leverage: _Leverage
    entry_px: Price | None = None
    liquidation_px: Price | None = None


class _AssetPosition(msgspec.Struct):
    position: _Held


class _State(msgspec.Struct, rename="camel"):
    asset_positions: list[_AssetPosition]
    time: TimeMs


def parse_positions(body: bytes, ask: Ask) -> list[Position]:
    """Read clearinghouseState: the account's position in the coin with its own liquidation price."""
    state = decode(body, _State, NAME, Kind.POSITIONS)
    listed = ask.listed
    found = []
    for i, row in enumerate(state.asset_positions):
        held = row.position
        if held.coin != listed.symbol:
            continue
        path = f"$.assetPositions[{i}].position.szi"
        require(held.szi != 0, "a position of no size", NAME, Kind.POSITIONS, path)
        found.append(
            Position(
                time_ms=state.time,
                side=Side.LONG if held.szi > 0 else Side.SHORT,
                quantity_base=listed.base_of(abs(held.szi)),
                notional_usd=held.position_value,
                entry_price=None if held.entry_px is None else listed.price_of(held.entry_px),
                liquidation_price=None if held.liquidation_px is None else listed.price_of(held.liquidation_px),
                leverage=held.leverage.value,
                margin=held.leverage.type,
            )
        )
    return found


class _Paid(msgspec.Struct, rename="camel"):
    coin: str
    funding_rate: Rate
    time: TimeMs


def _funding_pages(ask: Ask) -> list[Params]:
    span = {"startTime": ask.start_ms, "endTime": ask.end_ms - 1}
    return [params(type="fundingHistory", coin=ask.listed.symbol, **span)]


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read fundingHistory: hourly since 2023-06-08 01:00 UTC, before that for 8 hours; some are late."""
    rows = decode(body, list[_Paid], NAME, Kind.FUNDING_HISTORY)
    in_order([row.time for row in rows], NAME, Kind.FUNDING_HISTORY, "$[{}].time")
    for i, row in enumerate(rows):
        of_asked(row.coin, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$[{i}].coin")
    return [SettledFunding(minute_of(r.time), r.funding_rate, 1.0 if r.time >= HOURLY_FROM_MS else 8.0) for r in rows]


_CANDLES = Endpoint(
    Kind.CANDLES, PATH, _candle_pages, parse_candles, weight=104, body=posted, reach="newest 5,000 bars", step=_bar_ms
)

_MARKETS = once(type="metaAndAssetCtxs")

HYPERLIQUID = Source(
    name=NAME,
    title="Hyperliquid",
    url="https://api.hyperliquid.xyz",
    budget=Budget(1200, 60),
    refusal=refusal,
    disputed="taken as one side; half of it if it counts both, which is open",
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, PATH, _MARKETS, parse_instruments, weight=20, body=posted),
        Endpoint(Kind.TICKER, PATH, _MARKETS, parse_ticker, weight=20, body=posted),
        Endpoint(Kind.MARGIN_TIERS, PATH, _MARKETS, parse_margin_tiers, weight=20, body=posted),
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES,
            PATH,
            lambda ask: _candles(ask, DAY_MS, ask.end_ms - DAYS * DAY_MS),
            parse_candles,
            weight=24,
            body=posted,
            reach="newest 5,000 bars",
        ),
        Endpoint(
            Kind.POSITIONS,
            PATH,
            lambda ask: [params(type="clearinghouseState", user=account) for account in ask.accounts],
            parse_positions,
            weight=2,
            body=posted,
            apart=True,
        ),
    ),
    history=(
        History(_CANDLES, tuple(OFFERED_MS), MOST_CANDLES, also_ms=(DAY_MS,), depth_rows=MOST_CANDLES),
        History(
            # 20, and one for each 20 rows.
            Endpoint(Kind.FUNDING_HISTORY, PATH, _funding_pages, parse_funding_history, weight=45, body=posted),
            window_ms=FUNDING_LIMIT * HOUR_MS,
            first_ms=FIRST_MS,
        ),
    ),
)
