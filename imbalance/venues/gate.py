"""Gate USDT perpetuals: the contract statistics.

They sum liquidations by side with months of history, key-free, and are the default feed for calibrating.
Stamps are seconds at a bucket's start; open interest counts BOTH sides, in contracts.
"""

from __future__ import annotations

import msgspec

from imbalance.errors import SourceError
from imbalance.records import Contract, ContractStats, Feed, Instrument
from imbalance.units import INTERVALS_MS, SECOND_MS, interval_name
from imbalance.wire import Ask, Budget, Endpoint, Kind, Params, Source, coarsest_needed, windows
from imbalance.wire.decode import Amount, Price, Ratio, TimeS, decode, in_order
from imbalance.wire.refusals import OK, by_status

NAME = "gate"
ROWS = 100
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


class _Refusal(msgspec.Struct):
    label: str
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error an answer carries: gate answers by HTTP status, with a label in the body."""
    if status == OK:
        return None
    try:
        told = msgspec.json.decode(body, type=_Refusal)
    except msgspec.MsgspecError:
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


def parse_contract_stats(body: bytes, ask: Ask) -> list[ContractStats]:
    """Read contract_stats: sizes are contracts; open interest is halved to one side."""
    rows = decode(body, list[_Stats], NAME, Kind.CONTRACT_STATS)
    in_order([row.time for row in rows], NAME, Kind.CONTRACT_STATS, "$[{}].time")
    size = ask.listed.base_of
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


GATE = Source(
    name=NAME,
    title="Gate contract statistics",
    url="https://api.gateio.ws/api/v4",
    budget=Budget(200, 10),
    refusal=refusal,
    feed=Feed.UNKNOWN,
    endpoints=(
        Endpoint(Kind.INSTRUMENTS, "/futures/usdt/contracts", lambda _ask: [()], parse_instruments),
        Endpoint(Kind.CONTRACT_STATS, "/futures/usdt/contract_stats", _stats_pages, parse_contract_stats),
    ),
)
