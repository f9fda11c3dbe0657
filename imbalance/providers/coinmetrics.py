"""Coin Metrics' community data (CC BY-NC 4.0): how much of a coin's supply has not moved in a year.

Active supply counts coins that moved at least once in the window; the rest of the supply is dormant. The series may be
refused without a key, which is a gap and no failure. A row is dated by its day and published the day after.
"""

import msgspec

from imbalance.errors import NotOpenError, SourceError
from imbalance.records import Holders
from imbalance.units import DAY_MS, iso
from imbalance.wire import Ask, Budget, Endpoint, History, Kind, Params, Source, holding, params
from imbalance.wire.decode import Price, decode, in_order, iso_ms, maybe, require
from imbalance.wire.refusals import FORBIDDEN, UNAUTHORIZED, by_status

NAME = "coinmetrics"
DAYS = 35
MOST_DAYS = 10_000
MEASURE = "supply not moved in a year"


def _pages(ask: Ask) -> list[Params]:
    return _days(ask, ask.now_ms - DAYS * DAY_MS, 100)


def _days(ask: Ask, start_ms: int, most: int) -> list[Params]:
    if ask.base not in {"BTC", "ETH"}:
        return []
    return [
        params(
            assets=ask.base.lower(),
            metrics="SplyAct1yr,SplyCur",
            frequency="1d",
            start_time=iso(start_ms)[:10],
            page_size=most,
            paging_from="start",
        )
    ]


class _Told(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Told


def refusal(status: int, body: bytes, endpoint: str) -> SourceError | None:
    """Return the error of the HTTP status; a series that only paying users may read is no failure."""
    read = maybe(body, _Refusal)
    if read is None:
        return by_status(status, NAME, endpoint, body=body)
    told = read.error
    if status in {UNAUTHORIZED, FORBIDDEN} and told.type in {"forbidden", "unauthorized"}:
        hint = "Set IMBALANCE_CRYPTOQUANT_KEY to read coin days destroyed instead."
        return NotOpenError(NAME, endpoint, f"does not open this series without a key: {told.message}", hint, status)
    return by_status(status, NAME, endpoint, told.message, body)


class _Row(msgspec.Struct):
    asset: str
    time: str
    active: Price | None = msgspec.field(name="SplyAct1yr", default=None)
    supply: Price | None = msgspec.field(name="SplyCur", default=None)


class _Body(msgspec.Struct):
    data: list[_Row]


def parse_holders(body: bytes, ask: Ask) -> list[Holders]:
    """Read timeseries/asset-metrics: the dormant share is 1 - SplyAct1yr / SplyCur; days that lack either are left."""
    rows = decode(body, _Body, NAME, Kind.HOLDERS).data
    times = []
    for i, row in enumerate(rows):
        times.append(iso_ms(row.time[:19], NAME, Kind.HOLDERS, f"$.data[{i}].time"))
        mine = row.asset == ask.base.lower()
        require(mine, f"{row.asset!r} was not asked for", NAME, Kind.HOLDERS, f"$.data[{i}].asset")
    in_order(times, NAME, Kind.HOLDERS, "$.data[{}].time")
    found = []
    for i, (time_ms, row) in enumerate(zip(times, rows, strict=True)):
        if row.active is None or row.supply is None:
            continue
        path = f"$.data[{i}].SplyAct1yr"
        require(row.active <= row.supply, "exceeds the supply", NAME, Kind.HOLDERS, path)
        found.append(Holders(time_ms, MEASURE, 1 - row.active / row.supply))
    return found


COINMETRICS = Source(
    name=NAME,
    title="Coin Metrics community",
    url="https://community-api.coinmetrics.io/v4",
    budget=Budget(10, 6),
    refusal=refusal,
    is_venue=False,
    endpoints=(
        Endpoint(
            Kind.HOLDERS,
            "/timeseries/asset-metrics",
            _pages,
            parse_holders,
            reach="35 d read",
            # A day is stamped at its start, and counted when it has ended.
            holds=holding(2 * DAY_MS),
        ),
    ),
    history=(
        History(
            Endpoint(
                Kind.HOLDERS,
                "/timeseries/asset-metrics",
                lambda ask: _days(ask, ask.start_ms, MOST_DAYS),
                parse_holders,
            )
        ),
    ),
)
