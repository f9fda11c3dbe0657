"""OKX swaps.

Every value is a string, every list newest first, errors often come with HTTP 200. Sizes are contracts;
``oiCcy`` and ``volCcy`` are base coin. ``end`` and ``after`` leave out the stamp that they name; liquidations are
walked backwards with ``after``.
"""

from collections.abc import Sequence

import msgspec

from imbalance.records import (
    Feed,
    LongShort,
)
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS
from imbalance.venues.okx.contracts import (
    parse_instruments,
    parse_margin_tiers,
    parse_open_interest,
    parse_open_interest_history,
)
from imbalance.venues.okx.envelope import NAME, answer, family, refusal
from imbalance.venues.okx.orders import liquidation_page, older_liquidations, parse_liquidations, parse_order_book
from imbalance.venues.okx.prices import (
    parse_candles,
    parse_funding,
    parse_funding_history,
    parse_index_price,
    parse_mark_price,
    parse_ticker,
)
from imbalance.wire import (
    BRIEF_MS,
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
    holding,
    once,
    params,
)
from imbalance.wire.at_once import AtOnce
from imbalance.wire.decode import (
    Ratio,
    TimeMs,
    in_order,
)

CANDLE_LIMIT = 300


STATISTICS_LIMIT = 100


DAYS = 200
MONTHS = 37


# OKX counts 6 hours and more from midnight in Hong Kong unless told "utc".
BARS = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1H", "2h": "2H", "4h": "4H",
    "6h": "6Hutc", "12h": "12Hutc", "1d": "1Dutc",
}  # fmt: skip


PERIODS_MS = [INTERVALS_MS[p] for p in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")]


BAR_OF_MS = {INTERVALS_MS[name]: bar for name, bar in BARS.items()}


STATISTICS_ROWS = 1440  # kept of each length


FUNDING_LIMIT = 400


FUNDING_DEPTH_MS = 94 * DAY_MS


# The request budgets of the statistics endpoints allow this many pages at once.
HISTORY_PAGES = 4


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


def _period_ms(ask: Ask) -> int:
    return coarsest_needed(ask, PERIODS_MS, most_rows=HISTORY_PAGES * STATISTICS_LIMIT)


def _monthly_pages(ask: Ask) -> list[Params]:
    return [params(instId=ask.listed.symbol, bar="1Mutc", limit=MONTHS)]


def _open_interest_pages(ask: Ask) -> list[Params]:
    period_ms = _period_ms(ask)
    return [
        params(instId=ask.listed.symbol, period=BAR_OF_MS[period_ms], end=end, limit=rows)
        for end, rows in _backwards(ask.start_ms, ask.end_ms + period_ms, period_ms, STATISTICS_LIMIT)
    ]


def _open_interest_daily_pages(ask: Ask) -> list[Params]:
    midnight_ms = -(-ask.now_ms // DAY_MS) * DAY_MS
    pages = _backwards(midnight_ms - DAYS * DAY_MS, midnight_ms, DAY_MS, STATISTICS_LIMIT)
    return [params(instId=ask.listed.symbol, period="1Dutc", end=end, limit=rows) for end, rows in pages]


def _ratio_pages(ask: Ask) -> list[Params]:
    step_ms = ask.interval_ms
    return [
        params(instId=ask.listed.symbol, period=BAR_OF_MS[step_ms], end=end, limit=rows)
        for end, rows in _backwards(ask.start_ms, ask.end_ms, step_ms, STATISTICS_LIMIT)
    ]


def _funding_pages(ask: Ask) -> list[Params]:
    return [params(instId=ask.listed.symbol, after=ask.end_ms, limit=FUNDING_LIMIT)]


class _RatioRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    ratio: Ratio


def _ratio_endpoint(path: str, name: str) -> Endpoint:
    def parse(body: bytes, _ask: Ask) -> list[LongShort]:
        rows = answer(body, _RatioRow, Kind.LONG_SHORT)
        in_order([r.ts for r in rows], NAME, Kind.LONG_SHORT, "$.data[{}][0]", newest_first=True)
        return [LongShort(r.ts, name, r.ratio / (1 + r.ratio)) for r in reversed(rows)]

    def pages(ask: Ask) -> list[Params]:
        return [params(instId=ask.listed.symbol, period="1H", limit=1)]

    full = f"/api/v5/rubik/stat/contracts/{path}"
    label = f"long/short ratio ({name})"
    return Endpoint(Kind.LONG_SHORT, full, pages, parse, budget=Budget(5, 2), label=label, holds=holding(HOUR_MS))


def _of_symbol(**more: str | int) -> Pages:
    def pages(ask: Ask) -> Sequence[Params]:
        return (params(**more, instId=ask.listed.symbol),)

    return pages


_OPEN_INTEREST_HISTORY = Endpoint(
    Kind.OPEN_INTEREST_HISTORY,
    "/api/v5/rubik/stat/contracts/open-interest-history",
    _open_interest_pages,
    parse_open_interest_history,
    budget=Budget(10, 2),
    reach="1,440 rows",
    step=_period_ms,
)
_CANDLES = Endpoint(
    Kind.CANDLES,
    "/api/v5/market/history-candles",
    _candle_pages,
    parse_candles,
    budget=Budget(20, 2),
    reach="all",
    step=bar_ms,
)
_RATIOS = (
    _ratio_endpoint("long-short-account-ratio-contract", "accounts"),
    _ratio_endpoint("long-short-account-ratio-contract-top-trader", "top accounts"),
    _ratio_endpoint("long-short-position-ratio-contract-top-trader", "top positions"),
)
_LENGTHS = (HOUR_MS, DAY_MS)  # so many rows are kept of each: longer ones reach further


def _all_swaps(path: str = "") -> AtOnce:
    return AtOnce(params(instType="SWAP"), "instId", "instId", 1, within=("data",), path=path)


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
            holds=holding(LISTED_MS),
        ),
        Endpoint(
            Kind.TICKER,
            "/api/v5/market/ticker",
            _of_symbol(),
            parse_ticker,
            budget=Budget(20, 2),
            holds=holding(BRIEF_MS),
            at_once=_all_swaps("/api/v5/market/tickers"),
        ),
        Endpoint(
            Kind.MARK_PRICE,
            "/api/v5/public/mark-price",
            _of_symbol(instType="SWAP"),
            parse_mark_price,
            budget=Budget(10, 2),
            at_once=_all_swaps(),
        ),
        Endpoint(
            Kind.INDEX_PRICE,
            "/api/v5/market/index-candles",
            lambda ask: [params(instId=family(ask), bar="1m", limit=1)],
            parse_index_price,
            budget=Budget(20, 2),
        ),
        Endpoint(
            Kind.FUNDING,
            "/api/v5/public/funding-rate",
            _of_symbol(),
            parse_funding,
            budget=Budget(10, 2),
            holds=holding(BRIEF_MS),
            at_once=AtOnce(params(instId="ANY"), "instId", "instId", 1, within=("data",)),
        ),
        Endpoint(
            Kind.OPEN_INTEREST,
            "/api/v5/public/open-interest",
            _of_symbol(instType="SWAP"),
            parse_open_interest,
            budget=Budget(20, 2),
            at_once=_all_swaps(),
        ),
        _OPEN_INTEREST_HISTORY,
        Endpoint(
            Kind.OPEN_INTEREST_DAILY,
            "/api/v5/rubik/stat/contracts/open-interest-history",
            _open_interest_daily_pages,
            parse_open_interest_history,
            budget=Budget(10, 2),
        ),
        _CANDLES,
        Endpoint(
            Kind.DAILY_CANDLES, "/api/v5/market/history-candles", _daily_pages, parse_candles, budget=Budget(20, 2)
        ),
        Endpoint(
            Kind.MONTHLY_CANDLES, "/api/v5/market/history-candles", _monthly_pages, parse_candles, budget=Budget(20, 2)
        ),
        *_RATIOS,
        Endpoint(
            Kind.LIQUIDATIONS,
            "/api/v5/public/liquidation-orders",
            lambda ask: [liquidation_page(ask)],
            parse_liquidations,
            following=older_liquidations,
            reach="24 h",
        ),
        Endpoint(Kind.ORDER_BOOK, "/api/v5/market/books", _of_symbol(sz=400), parse_order_book),
        Endpoint(
            Kind.MARGIN_TIERS,
            "/api/v5/public/position-tiers",
            lambda ask: [params(instType="SWAP", tdMode="isolated", instFamily=family(ask))],
            parse_margin_tiers,
            budget=Budget(10, 2),
            holds=holding(LISTED_MS),
        ),
    ),
    history=(
        History(_CANDLES, tuple(BAR_OF_MS), CANDLE_LIMIT, also_ms=(DAY_MS,)),
        # One row fewer than a page has: that of the window's end is on it too.
        History(
            _OPEN_INTEREST_HISTORY, tuple(PERIODS_MS), STATISTICS_LIMIT - 1, _LENGTHS, depth_rows=STATISTICS_ROWS - 1
        ),
        *(
            History(
                msgspec.structs.replace(ratio, pages=_ratio_pages),
                tuple(PERIODS_MS),
                STATISTICS_LIMIT,
                _LENGTHS,
                depth_rows=STATISTICS_ROWS - 1,
            )
            for ratio in _RATIOS
        ),
        History(
            Endpoint(
                Kind.FUNDING_HISTORY,
                "/api/v5/public/funding-rate-history",
                _funding_pages,
                parse_funding_history,
                budget=Budget(10, 2),
            ),
            window_ms=FUNDING_LIMIT * HOUR_MS,
            depth_ms=FUNDING_DEPTH_MS,
        ),
    ),
)
