"""CoinGlass v4, with a key: liquidation sums, open interest and volume over exchanges, and its liquidation map.

Errors come inside HTTP 200 with a string code. The unit of the map's levels is not stated; they are taken
as USD and only ever quoted.
"""

import msgspec

from imbalance.errors import KeyRefusedError, RateLimitedError, RefusedError, SourceError
from imbalance.records import LiquidationLevel, LiquidationSum, Total
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.wire import Ask, Budget, Endpoint, Kind, Pages, Params, Source, params
from imbalance.wire.decode import Amount, Price, TimeMs, decode, in_order, maybe, of_asked, require
from imbalance.wire.refusals import OK, by_status

NAME = "coinglass"
EXCHANGES = "Binance,OKX,Bybit,Gate,Bitget,HTX,Hyperliquid,Deribit,Kraken"
DAYS = 1000
# The share of what was bought is given in hundredths of a per cent.
RATIO_OFF = 0.001


def _history(interval: str, rows: int, step_ms: int) -> Pages:
    def pages(ask: Ask) -> list[Params]:
        end_ms = ask.now_ms // step_ms * step_ms
        return [
            params(
                exchange_list=EXCHANGES,
                symbol=ask.base,
                interval=interval,
                limit=rows,
                start_time=end_ms - rows * step_ms,
                end_time=end_ms,
            )
        ]

    return pages


class _Refusal(msgspec.Struct):
    code: str
    msg: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: a code other than "0", inside HTTP 200."""
    told = maybe(body, _Refusal)
    if told is None:
        return by_status(status, NAME, endpoint, body=body)
    if told.code == "0":
        return by_status(status, NAME, endpoint, body=body)
    if told.code in {"401", "403"}:
        hint = "Check IMBALANCE_COINGLASS_KEY and what its plan includes."
        return KeyRefusedError(NAME, endpoint, f"key refused: {told.msg} (code {told.code})", hint, 401)
    if told.code == "429":
        return RateLimitedError(NAME, endpoint, f"too many requests: {told.msg}", "Wait a minute.", 429)
    busy = told.code.startswith("5")
    return RefusedError(NAME, endpoint, f"{told.msg} (code {told.code})", "", 503 if busy else 400)


class _Sum(msgspec.Struct):
    time: TimeMs
    aggregated_long_liquidation_usd: Amount
    aggregated_short_liquidation_usd: Amount


class _History(msgspec.Struct):
    data: list[_Sum]


def _opened(body: bytes, endpoint: str) -> bytes:
    error = refusal(OK, body, endpoint)
    if error is not None:
        raise error
    return body


def parse_liquidation_sums(body: bytes, _ask: Ask) -> list[LiquidationSum]:
    """Read liquidation/aggregated-history: USD by side and bucket."""
    rows = decode(_opened(body, Kind.LIQUIDATION_SUMS), _History, NAME, Kind.LIQUIDATION_SUMS).data
    in_order([row.time for row in rows], NAME, Kind.LIQUIDATION_SUMS, "$.data[{}].time")
    return [
        LiquidationSum(row.time, row.aggregated_long_liquidation_usd, row.aggregated_short_liquidation_usd)
        for row in rows
    ]


class _Inner(msgspec.Struct):
    data: dict[str, list[tuple[Price, Amount, float | None, float | None]]]


class _Map(msgspec.Struct):
    data: _Inner


def parse_liquidation_map(body: bytes, _ask: Ask) -> list[LiquidationLevel]:
    """Read liquidation/aggregated-map: [price, level, leverage or null, null] by price."""
    read = decode(_opened(body, Kind.LIQUIDATION_MAP), _Map, NAME, Kind.LIQUIDATION_MAP)
    levels = [LiquidationLevel(row[0], row[1]) for rows in read.data.data.values() for row in rows]
    return sorted(levels, key=lambda level: level.price)


class _Exchange(msgspec.Struct):
    exchange: str
    open_interest_usd: Amount
    symbol: str | None = None


class _Exchanges(msgspec.Struct):
    data: list[_Exchange]


def parse_open_interest(body: bytes, ask: Ask) -> list[Total]:
    """Read open-interest/exchange-list: the row "All", in USD."""
    rows = decode(_opened(body, "open interest"), _Exchanges, NAME, "open interest").data
    for i, row in enumerate(rows):
        of_asked(row.symbol, ask.base, NAME, "open interest", f"$.data[{i}].symbol")
    return [Total("open_interest", row.open_interest_usd) for row in rows if row.exchange == "All"]


class _Traded(msgspec.Struct):
    buy_vol_usd: Amount
    sell_vol_usd: Amount
    buy_ratio: Amount | None = None
    symbol: str | None = None


class _Volume(msgspec.Struct):
    data: _Traded


def parse_volume(body: bytes, ask: Ask) -> list[Total]:
    """Read taker-buy-sell-volume/exchange-list: what takers bought and sold in 24 hours, in USD."""
    row = decode(_opened(body, "volume"), _Volume, NAME, "volume").data
    of_asked(row.symbol, ask.base, NAME, "volume", "$.data.symbol")
    total = row.buy_vol_usd + row.sell_vol_usd
    fits = row.buy_ratio is None or abs(row.buy_vol_usd - row.buy_ratio / 100 * total) <= RATIO_OFF * total
    require(fits, "not the share of what was bought", NAME, "volume", "$.data.buy_ratio")
    return [Total("volume_24h", total)]


COINGLASS = Source(
    name=NAME,
    title="CoinGlass",
    url="https://open-api-v4.coinglass.com/api",
    budget=Budget(30, 60),
    refusal=refusal,
    is_venue=False,
    key_header="CG-API-KEY",
    used_header="api-key-use-limit",
    prints="what it received of each exchange's stream",
    needs="a key in IMBALANCE_COINGLASS_KEY",
    endpoints=(
        Endpoint(
            Kind.LIQUIDATION_SUMS,
            "/futures/liquidation/aggregated-history",
            _history("4h", 6, 4 * HOUR_MS),
            parse_liquidation_sums,
            reach="24 h read",
        ),
        Endpoint(
            Kind.LIQUIDATION_DAILY,
            "/futures/liquidation/aggregated-history",
            _history("1d", DAYS, DAY_MS),
            parse_liquidation_sums,
            reach="1,000 d",
        ),
        Endpoint(
            Kind.LIQUIDATION_MAP,
            "/futures/liquidation/aggregated-map",
            lambda ask: [params(symbol=ask.base, range="30d")],
            parse_liquidation_map,
        ),
        Endpoint(
            Kind.TOTALS,
            "/futures/open-interest/exchange-list",
            lambda ask: [params(symbol=ask.base)],
            parse_open_interest,
            label="open interest",
        ),
        Endpoint(
            Kind.TOTALS,
            "/futures/taker-buy-sell-volume/exchange-list",
            lambda ask: [params(symbol=ask.base, range="24h")],
            parse_volume,
            label="volume",
        ),
    ),
)
