"""OKX: candles, index and mark prices, tickers and funding."""

import msgspec

from imbalance.records import (
    Candle,
    Funding,
    SettledFunding,
    Ticker,
)
from imbalance.units import HOUR_MS
from imbalance.venues.okx.envelope import NAME, answer
from imbalance.wire import Ask, Kind
from imbalance.wire.decode import (
    Amount,
    Price,
    Rate,
    TimeMs,
    candles_sound,
    in_order,
    minute_of,
    of_asked,
    require,
    require_each,
)


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
    rows = answer(body, _CandleRow, Kind.CANDLES)
    in_order([r.ts for r in rows], NAME, Kind.CANDLES, "$.data[{}][0]", newest_first=True)
    told = [r.confirm in {"0", "1"} for r in rows]
    require_each(told, "neither open nor confirmed", NAME, Kind.CANDLES, "$.data[{}][8]")
    candles = [Candle(r.ts, r.open, r.high, r.low, r.close, r.base, r.quote) for r in rows]
    candles_sound(candles, NAME, Kind.CANDLES, "$.data[{}][2]")
    return candles[::-1]


class _IndexRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    confirm: str


def parse_index_price(body: bytes, _ask: Ask) -> list[Ticker]:
    """Read index-candles: the close of the newest bar."""
    rows = answer(body, _IndexRow, Kind.INDEX_PRICE)
    return [Ticker(index_price=r.close) for r in rows[:1]]


class _Ticker(msgspec.Struct, rename="camel"):
    inst_id: str
    last: Price
    open24h: Price
    ts: TimeMs
    vol_ccy24h: Amount = msgspec.field(name="volCcy24h")


def parse_ticker(body: bytes, ask: Ask) -> list[Ticker]:
    """Read ticker: volCcy24h is base coin for swaps; no quote volume is given."""
    rows = answer(body, _Ticker, Kind.TICKER)
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
    rows = answer(body, _Mark, Kind.MARK_PRICE)
    return [Ticker(r.ts, mark_price=r.mark_px) for r in rows if r.inst_id == ask.listed.symbol]


class _Funding(msgspec.Struct, rename="camel"):
    inst_id: str
    funding_rate: Rate
    funding_time: TimeMs
    next_funding_time: TimeMs


def parse_funding(body: bytes, ask: Ask) -> list[Funding]:
    """Read funding-rate: the interval is the distance of the next two fundings."""
    rows = answer(body, _Funding, Kind.FUNDING)
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


class _Settled(msgspec.Struct, rename="camel"):
    inst_id: str
    realized_rate: Rate
    funding_time: TimeMs


def parse_funding_history(body: bytes, ask: Ask) -> list[SettledFunding]:
    """Read funding-rate-history: realizedRate is what was paid; newest first."""
    rows = answer(body, _Settled, Kind.FUNDING_HISTORY)
    in_order([r.funding_time for r in rows], NAME, Kind.FUNDING_HISTORY, "$.data[{}].fundingTime", newest_first=True)
    for i, row in enumerate(rows):
        of_asked(row.inst_id, ask.listed.symbol, NAME, Kind.FUNDING_HISTORY, f"$.data[{i}].instId")
    return [SettledFunding(minute_of(r.funding_time), r.realized_rate) for r in reversed(rows)]
