"""OKX: instruments, open interest and margin tiers."""

import msgspec

from imbalance.records import (
    Contract,
    Instrument,
    MarginTier,
    OpenInterest,
)
from imbalance.venues.okx.envelope import NAME, answer, family
from imbalance.wire import Ask, Kind
from imbalance.wire.decode import (
    Amount,
    Leverage,
    Price,
    Share,
    TimeMs,
    decode,
    in_order,
    require,
)
from imbalance.wire.ladder import CLOSE, whole_ladder


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
    for i, row in enumerate(answer(body, _Listed, Kind.INSTRUMENTS)):
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
    rows = answer(body, _OpenInterest, Kind.OPEN_INTEREST)
    return [OpenInterest(r.ts, r.oi_ccy, r.oi_usd) for r in rows if r.inst_id == ask.listed.symbol]


class _OpenInterestRow(msgspec.Struct, array_like=True):
    ts: TimeMs
    contracts: Amount
    base: Amount
    usd: Amount


def parse_open_interest_history(body: bytes, _ask: Ask) -> list[OpenInterest]:
    """Read open-interest-history: contracts, base coin, USD."""
    rows = answer(body, _OpenInterestRow, Kind.OPEN_INTEREST_HISTORY)
    in_order([r.ts for r in rows], NAME, Kind.OPEN_INTEREST_HISTORY, "$.data[{}][0]", newest_first=True)
    return [OpenInterest(r.ts, r.base, r.usd) for r in reversed(rows)]


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
    rows = answer(body, _Tier, Kind.MARGIN_TIERS)
    # One family was asked for: a step that names none is of it.
    own = sorted(
        (r for r in rows if {family(ask), ""} & {r.inst_family, r.uly or r.inst_family}), key=lambda r: r.max_sz
    )
    require(bool(own) or not rows, f"no step is of {family(ask)}", NAME, Kind.MARGIN_TIERS, "$.data[*].instFamily")
    of, lot = ask.listed.base_of, ask.listed.lot_base or ask.listed.contract_size_base
    tiers: list[MarginTier] = []
    for r in own:
        floor, below = of(r.min_sz), tiers[-1].cap if tiers else 0.0
        joins = -CLOSE * below <= floor - below <= 1.01 * lot
        tiers.append(MarginTier(below if joins else floor, of(r.max_sz), r.mmr, r.max_lever, bounds_in_base=True))
    return whole_ladder(tiers, NAME, "$.data[?tier={}]")
