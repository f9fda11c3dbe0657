"""CFTC commitments of traders: CME bitcoin and ether futures by group of traders, weekly.

Positions are contracts, one side; every value comes as a string. A report of a Tuesday is published the Friday after
at 15:30 in New York: before that nobody knew it.
"""

import msgspec

from imbalance.errors import SourceError
from imbalance.records import Commitments
from imbalance.units import DAY_MS, MINUTE_MS, parse_time_ms
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Params, Source, holding
from imbalance.wire.decode import Amount, decode, iso_ms, maybe, require
from imbalance.wire.refusals import by_status

NAME = "cftc"
WEEKS = 8
ALL_WEEKS = 5000
FIRST_MS = parse_time_ms("2018-04-01")
# Standard and micro contract of each coin: code and coins a contract.
CONTRACTS = {
    "BTC": {"133741": 5.0, "133742": 0.1},
    "ETH": {"146021": 50.0, "146022": 0.1},
}
MICRO = {"133742", "146022"}
UNITS = {code: units for codes in CONTRACTS.values() for code, units in codes.items()}
# From the start of the Tuesday to the latest hour, in winter time, of the Friday's publication.
PUBLISHED_AFTER_MS = 3 * DAY_MS + (20 * 60 + 30) * MINUTE_MS


def _pages(ask: Ask, weeks: int = WEEKS) -> list[Params]:
    codes = CONTRACTS.get(ask.base)
    if not codes:
        return []
    named = ",".join(f"'{code}'" for code in codes)
    return [
        (
            ("$where", f"cftc_contract_market_code in({named})"),
            ("$order", "report_date_as_yyyy_mm_dd DESC"),
            ("$limit", str(weeks * len(codes))),
        )
    ]


class _Refusal(msgspec.Struct):
    message: str = ""


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status with the publisher's sentence."""
    told = maybe(body, _Refusal)
    said = told.message if told is not None else ""
    return by_status(status, NAME, endpoint, said, body)


class _Row(msgspec.Struct):
    report_date_as_yyyy_mm_dd: str
    cftc_contract_market_code: str
    open_interest_all: Amount
    dealer_positions_long_all: Amount
    dealer_positions_short_all: Amount
    dealer_positions_spread_all: Amount
    asset_mgr_positions_long: Amount
    asset_mgr_positions_short: Amount
    asset_mgr_positions_spread: Amount
    lev_money_positions_long: Amount
    lev_money_positions_short: Amount
    lev_money_positions_spread: Amount
    other_rept_positions_long: Amount
    other_rept_positions_short: Amount
    other_rept_positions_spread: Amount
    nonrept_positions_long_all: Amount
    nonrept_positions_short_all: Amount
    contract_market_name: str | None = None


def parse_commitments(body: bytes, ask: Ask) -> list[Commitments]:
    """Read the futures-only report of traders in financial futures; both sides must add up to open interest."""
    found: dict[tuple[int, str], Commitments] = {}
    for i, row in enumerate(decode(body, list[_Row], NAME, Kind.COMMITMENTS)):
        time_ms = iso_ms(row.report_date_as_yyyy_mm_dd, NAME, Kind.COMMITMENTS, f"$[{i}].report_date_as_yyyy_mm_dd")
        code = row.cftc_contract_market_code
        path = f"$[{i}].cftc_contract_market_code"
        require(code in UNITS, f"{code!r} was not asked for", NAME, Kind.COMMITMENTS, path)
        name = row.contract_market_name
        named = name is None or name.startswith("MICRO ") == (code in MICRO)
        require(named, f"{name!r} has another code", NAME, Kind.COMMITMENTS, path)
        require((time_ms, code) not in found, "the report occurs twice", NAME, Kind.COMMITMENTS, path)
        groups = {
            "dealers": (row.dealer_positions_long_all, row.dealer_positions_short_all, row.dealer_positions_spread_all),
            "asset managers": (
                row.asset_mgr_positions_long,
                row.asset_mgr_positions_short,
                row.asset_mgr_positions_spread,
            ),
            "leveraged funds": (
                row.lev_money_positions_long,
                row.lev_money_positions_short,
                row.lev_money_positions_spread,
            ),
            "other reportable": (
                row.other_rept_positions_long,
                row.other_rept_positions_short,
                row.other_rept_positions_spread,
            ),
            "not reportable": (row.nonrept_positions_long_all, row.nonrept_positions_short_all, 0.0),
        }
        for side in (0, 1):
            held = sum(group[side] + group[2] for group in groups.values())
            adds_up = abs(held - row.open_interest_all) <= 1
            path = f"$[{i}].open_interest_all"
            require(adds_up, f"the groups hold {held:g}", NAME, Kind.COMMITMENTS, path)
        if time_ms + PUBLISHED_AFTER_MS <= ask.now_ms:
            found[time_ms, code] = Commitments(time_ms, code, UNITS[code], row.open_interest_all, groups)
    return [found[key] for key in sorted(found)]


CFTC = Source(
    name=NAME,
    title="CFTC commitments of traders",
    url="https://publicreporting.cftc.gov",
    budget=Budget(10, 10),
    refusal=refusal,
    is_venue=False,
    endpoints=(
        Endpoint(
            Kind.COMMITMENTS,
            "/resource/gpe5-46if.json",
            _pages,
            parse_commitments,
            reach="2018; 8 weeks read",
            # Until the next week's may be published.
            holds=holding(7 * DAY_MS + PUBLISHED_AFTER_MS),
        ),
    ),
    history=(
        History(
            Endpoint(
                Kind.COMMITMENTS, "/resource/gpe5-46if.json", lambda ask: _pages(ask, ALL_WEEKS), parse_commitments
            ),
            first_ms=FIRST_MS,
        ),
    ),
)
