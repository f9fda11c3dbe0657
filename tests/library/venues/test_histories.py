"""What a backfill asks venues: the fundings that were paid, and windows that reach from end to end."""

from __future__ import annotations

import json

import msgspec
import pytest

from imbalance.errors import ParseError, SourceError
from imbalance.providers import PROVIDERS
from imbalance.records import Contract, Instrument, OpenInterest, SettledFunding
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, parse_time_ms
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind

AT = parse_time_ms("2025-03-10")
SYMBOLS = {
    "binance": "BTCUSDT",
    "bybit": "BTCUSDT",
    "okx": "BTC-USDT-SWAP",
    "gate": "BTC_USDT",
    "bitget": "BTCUSDT",
    "hyperliquid": "BTC",
    "htx": "BTC-USDT",
    "deribit": "BTC-PERPETUAL",
    "kraken": "PF_XBTUSD",
    "binance_coinm": "BTCUSD_PERP",
}
SOURCES = {source.name: source for source in VENUES}
T0, T1 = AT, AT + 8 * HOUR_MS


def ask_of(venue, start_ms=AT, end_ms=AT + DAY_MS, interval_ms=INTERVALS_MS["15m"]):
    listed = Instrument(venue, SYMBOLS[venue], "BTC", "USDT", Contract.LINEAR, funding_interval_hours=8.0)
    return Ask("BTC", end_ms, start_ms, end_ms, interval_ms, instrument=listed, listings=(listed,))


def history(venue, kind):
    return next(h for h in SOURCES[venue].history if h.endpoint.kind is kind)


def rows(venue, name, stamp, rate, *, newest_first, late_ms=3, as_text=True, scale=1, **more):
    made = [
        {name: SYMBOLS[venue], rate: value, stamp: str((t + late_ms) // scale) if as_text else (t + late_ms) // scale}
        | more
        for t, value in ((T0, "0.0001"), (T1, "-0.0002"))
    ]
    return made[::-1] if newest_first else made


# The documented shape of each venue's answer.
BODIES = {
    "binance": rows(
        "binance", "symbol", "fundingTime", "fundingRate", newest_first=False, as_text=False, rateType="Regular"
    ),
    "binance_coinm": rows("binance_coinm", "symbol", "fundingTime", "fundingRate", newest_first=False, as_text=False),
    "bybit": {
        "retCode": 0,
        "result": {"list": rows("bybit", "symbol", "fundingRateTimestamp", "fundingRate", newest_first=True)},
    },
    "okx": {
        "code": "0",
        "data": rows(
            "okx", "instId", "fundingTime", "realizedRate", newest_first=True, fundingRate="0.5", instType="SWAP"
        ),
    },
    "gate": [{"t": (T1 + 2000) // 1000, "r": "-0.0002"}, {"t": (T0 + 1000) // 1000, "r": "0.0001"}],
    "bitget": {"code": "00000", "data": rows("bitget", "symbol", "fundingTime", "fundingRate", newest_first=True)},
    "hyperliquid": rows("hyperliquid", "coin", "time", "fundingRate", newest_first=False, as_text=False, premium="0"),
    "htx": {
        "status": "ok",
        "ts": T1,
        "data": {
            "total_page": 2,
            "current_page": 1,
            "total_size": 100,
            "data": rows("htx", "contract_code", "funding_time", "funding_rate", newest_first=True, realized_rate=None),
        },
    },
    "deribit": {
        "result": [
            {"timestamp": T0, "index_price": 1.0, "interest_1h": 0.0001, "interest_8h": 0.0008},
            {"timestamp": T1, "index_price": 1.0, "interest_1h": -0.0002, "interest_8h": 0.0008},
        ]
    },
    "kraken": {
        "result": "success",
        "rates": [
            {"timestamp": "2025-03-10T00:00:00Z", "fundingRate": 1.8, "relativeFundingRate": 0.0001},
            {"timestamp": "2025-03-10T08:00:00.000Z", "fundingRate": 1.8, "relativeFundingRate": "-0.0002"},
        ],
    },
}
HOURS = {"binance_coinm": 8.0, "hyperliquid": 1.0, "deribit": 1.0, "kraken": 1.0}


@pytest.mark.parametrize("venue", SYMBOLS)
def test_fundings_that_were_paid_are_of_whole_minutes_oldest_first(venue):
    parse = history(venue, Kind.FUNDING_HISTORY).endpoint.parse
    found = parse(json.dumps(BODIES[venue]).encode(), ask_of(venue))
    hours = HOURS.get(venue)
    assert found == [SettledFunding(T0, 0.0001, hours), SettledFunding(T1, -0.0002, hours)]


def damaged(node, change):
    """Yield the body with each list of rows changed in one way."""
    if isinstance(node, dict):
        return {name: damaged(value, change) for name, value in node.items()}
    return change(node) if isinstance(node, list) else node


@pytest.mark.parametrize("venue", SYMBOLS)
@pytest.mark.parametrize(
    "change",
    [
        lambda found: [*found, *found],
        lambda found: [dict.fromkeys(row, "x") for row in found],
        lambda found: [dict.fromkeys(row, 5) for row in found],
        lambda _found: [1, 2],
        lambda _found: "rows",
    ],
)
def test_damaged_fundings_are_errors_that_name_the_place(venue, change):
    parse = history(venue, Kind.FUNDING_HISTORY).endpoint.parse
    with pytest.raises(ParseError, match=f"{venue} funding history"):
        parse(json.dumps(damaged(BODIES[venue], change)).encode(), ask_of(venue))


@pytest.mark.parametrize("venue", [name for name in SYMBOLS if name not in {"gate", "deribit", "kraken"}])
def test_fundings_of_another_contract_are_not_taken(venue):
    other = json.dumps(BODIES[venue]).replace(SYMBOLS[venue], "OTHER").encode()
    with pytest.raises(ParseError, match="was not asked for"):
        history(venue, Kind.FUNDING_HISTORY).endpoint.parse(other, ask_of(venue))


def test_hyperliquid_paid_every_eight_hours_before_june_2023():
    stamps = [parse_time_ms("2023-06-08T00:00:00"), parse_time_ms("2023-06-08T01:00:00")]
    body = [{"coin": "BTC", "fundingRate": "0.1", "premium": "0", "time": t} for t in stamps]
    found = history("hyperliquid", Kind.FUNDING_HISTORY).endpoint.parse(
        json.dumps(body).encode(), ask_of("hyperliquid")
    )
    assert [row.interval_hours for row in found] == [8.0, 1.0]


def test_a_funding_history_of_hyperliquid_is_posted_with_numbers():
    endpoint = history("hyperliquid", Kind.FUNDING_HISTORY).endpoint
    [query] = endpoint.pages(ask_of("hyperliquid"))
    assert json.loads(endpoint.asked(query)[1]) == {
        "type": "fundingHistory",
        "coin": "BTC",
        "startTime": AT,
        "endTime": AT + DAY_MS - 1,
    }


def test_pages_of_htx_are_followed_until_the_start_is_reached():
    endpoint = history("htx", Kind.FUNDING_HISTORY).endpoint
    body = json.dumps(BODIES["htx"]).encode()
    assert dict(endpoint.following(body, ask_of("htx", start_ms=T0 - 1)))["page_index"] == "2"
    assert endpoint.following(body, ask_of("htx", start_ms=T0 + 3)) is None
    last = msgspec.json.decode(body)
    last["data"]["total_page"] = 1
    assert endpoint.following(json.dumps(last).encode(), ask_of("htx", start_ms=0)) is None


def test_pages_of_bitget_are_as_many_as_the_span_has_fundings():
    pages = history("bitget", Kind.FUNDING_HISTORY).endpoint.pages
    assert [dict(page)["pageNo"] for page in pages(ask_of("bitget", start_ms=AT + DAY_MS - 100 * 8 * HOUR_MS))] == ["1"]
    assert len(pages(ask_of("bitget", start_ms=AT + DAY_MS - 100 * 8 * HOUR_MS - 1))) == 2


def times_asked(query, venue):
    """Return the first and last time [ms] that a query names."""
    told = dict(query)
    names = [
        ("startTime", "endTime"),
        ("start", "end"),
        ("from", "to"),
        ("since", "to"),
        ("start_timestamp", "end_timestamp"),
    ]
    first, last = next((int(told[a]), int(told[b])) for a, b in names if a in told and b in told)
    scale = 1000 if first < 10**11 else 1
    return first * scale, last * scale


@pytest.mark.parametrize(
    "venue", ["binance", "bybit", "gate", "bitget", "hyperliquid", "htx", "deribit", "kraken", "binance_coinm"]
)
def test_a_window_of_bars_is_one_request_that_reaches_from_end_to_end(venue):
    found = history(venue, Kind.CANDLES)
    step_ms = INTERVALS_MS["15m"]
    ask = ask_of(venue, end_ms=AT + found.rows * step_ms)
    [query] = found.endpoint.pages(ask)
    first, last = times_asked(query, venue)
    assert first <= ask.start_ms
    assert last >= ask.end_ms - 1000


def test_a_window_of_okx_asks_for_as_many_rows_as_it_has_bars():
    found = history("okx", Kind.CANDLES)
    [query] = found.endpoint.pages(ask_of("okx", end_ms=AT + found.rows * INTERVALS_MS["15m"]))
    assert (dict(query)["after"], dict(query)["limit"]) == (str(AT + found.rows * INTERVALS_MS["15m"]), "300")


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "kraken", "binance_coinm"])
def test_a_window_of_open_interest_is_one_request(venue):
    found = history(venue, Kind.OPEN_INTEREST_HISTORY)
    step_ms = min(found.offered_ms)
    pages = found.endpoint.pages(ask_of(venue, end_ms=AT + found.rows * step_ms, interval_ms=step_ms))
    assert len(pages) == 1


def test_open_interest_at_the_start_of_a_window_of_kraken_is_asked_for():
    ask = ask_of("kraken")
    [query] = history("kraken", Kind.OPEN_INTEREST_HISTORY).endpoint.pages(ask)
    first_s = int(dict(query)["since"])
    body = {"result": {"timestamp": [first_s], "data": ["7"], "more": False}, "errors": []}
    found = history("kraken", Kind.OPEN_INTEREST_HISTORY).endpoint.parse(json.dumps(body).encode(), ask)
    assert found == [OpenInterest(ask.start_ms, 7.0)]


def test_statistics_of_gate_are_of_the_length_asked_for_and_begin_a_bucket_before():
    [query] = history("gate", Kind.CONTRACT_STATS).endpoint.pages(ask_of("gate"))
    told = dict(query)
    assert (told["interval"], int(told["from"]) * 1000, told["limit"]) == ("15m", AT - 15 * 60_000, "97")


# By source and series: rows a request, hours a window, days and rows that are kept, lengths [h] read besides, how many
# lengths are offered, and the day on which the series begins; 0 and empty where a source sets no bound.
NEARLY_30, NEARLY_90 = 30 - 1 / 24, 90 - 1 / 24  # an hour less: the end moves on while windows are asked for
WALKED = {
    "binance candles": (1500, 0, 0, 0, (24,), 11, ""),
    "binance open interest history": (499, 0, NEARLY_30, 0, (), 1, ""),
    "binance long/short ratio (accounts)": (499, 0, NEARLY_30, 0, (), 1, ""),
    "binance long/short ratio (top accounts)": (499, 0, NEARLY_30, 0, (), 1, ""),
    "binance long/short ratio (top positions)": (499, 0, NEARLY_30, 0, (), 1, ""),
    "binance funding history": (0, 1000, 0, 0, (), 0, ""),
    "binance_coinm candles": (1500, 0, 0, 0, (24,), 11, ""),
    "binance_coinm open interest history": (499, 0, NEARLY_30, 0, (), 1, ""),
    "binance_coinm funding history": (0, 1000, 0, 0, (), 0, ""),
    "bybit candles": (1000, 0, 0, 0, (24,), 11, ""),
    "bybit open interest history": (199, 0, 0, 0, (24,), 6, ""),
    "bybit long/short ratios": (499, 0, 0, 0, (), 6, "2020-07-20"),
    "bybit funding history": (0, 200, 0, 0, (), 0, ""),
    "okx candles": (300, 0, 0, 0, (24,), 11, ""),
    "okx open interest history": (99, 0, 0, 1439, (1, 24), 9, ""),
    "okx long/short ratio (accounts)": (100, 0, 0, 1439, (1, 24), 9, ""),
    "okx long/short ratio (top accounts)": (100, 0, 0, 1439, (1, 24), 9, ""),
    "okx long/short ratio (top positions)": (100, 0, 0, 1439, (1, 24), 9, ""),
    "okx funding history": (0, 400, 94, 0, (), 0, ""),
    "gate candles": (2000, 0, 0, 9990, (24,), 7, ""),
    "gate contract statistics": (999, 0, NEARLY_90, 0, (1,), 6, ""),
    "gate liquidations": (0, 24, NEARLY_90, 0, (), 0, ""),
    "gate funding history": (0, 1000, 0, 0, (), 0, ""),
    "bitget candles": (1000, 0, 0, 0, (24,), 10, ""),
    "bitget funding history": (0, 0, 0, 0, (), 0, ""),
    "hyperliquid candles": (5000, 0, 0, 5000, (24,), 10, ""),
    "hyperliquid funding history": (0, 500, 0, 0, (), 0, "2023-05-12"),
    "htx candles": (2000, 0, 730, 0, (), 6, ""),
    "htx liquidations": (0, 24, NEARLY_90, 0, (), 0, ""),
    "htx funding history": (0, 0, 0, 0, (), 0, ""),
    "deribit candles": (4000, 0, 0, 0, (24,), 10, ""),
    "deribit funding history": (0, 700, 0, 0, (), 0, ""),
    "kraken candles": (2000, 0, 0, 0, (24,), 8, ""),
    "kraken open interest history": (999, 0, 0, 0, (), 8, "2023-01-01"),
    "kraken funding history": (0, 0, 365, 0, (), 0, ""),
    "fear_greed sentiment": (0, 0, 0, 0, (), 0, "2018-02-01"),
    "cftc commitments of traders": (0, 0, 0, 0, (), 0, "2018-04-01"),
    "coinmetrics long-term holders": (0, 0, 0, 0, (), 0, ""),
    "coinalyze liquidations by venue": (0, 0, 1500, 0, (), 0, ""),
}
EVERY = [(source, found) for source in (*VENUES, *PROVIDERS) for found in source.history]


@pytest.mark.parametrize(("source", "found"), EVERY, ids=lambda v: getattr(v, "name", ""))
def test_a_history_is_asked_for_as_far_as_it_goes_in_pieces_that_are_allowed(source, found):
    rows, hours, days, kept, also, offered, begins = WALKED[f"{source.name} {found.endpoint.name}"]
    assert (found.rows, found.window_ms, found.depth_rows) == (rows, hours * HOUR_MS, kept)
    assert found.depth_ms == pytest.approx(days * DAY_MS)
    assert found.also_ms == tuple(hour * HOUR_MS for hour in also)
    assert len(found.offered_ms) == offered
    assert found.first_ms == (parse_time_ms(begins) if begins else 0)
    assert len(EVERY) == len(WALKED)


@pytest.mark.parametrize(
    ("venue", "kind", "end"),
    [
        # Bars and fundings up to the end, levels at the end itself.
        *((v, Kind.FUNDING_HISTORY, -1) for v in ("binance", "binance_coinm", "bybit", "hyperliquid", "deribit")),
        ("gate", Kind.FUNDING_HISTORY, -1000),
        *((v, Kind.CANDLES, -1) for v in ("binance", "binance_coinm", "bybit", "hyperliquid", "deribit")),
        *((v, Kind.CANDLES, -1000) for v in ("gate", "htx", "kraken")),
        ("bitget", Kind.CANDLES, 0),
        *((v, Kind.OPEN_INTEREST_HISTORY, 0) for v in ("binance", "binance_coinm", "bybit")),
        ("binance", Kind.LONG_SHORT, 0),
        ("bybit", Kind.LONG_SHORT, 0),
    ],
)
def test_a_window_names_its_first_moment_and_its_last(venue, kind, end):
    found = history(venue, kind)
    step_ms = min(found.offered_ms, default=INTERVALS_MS["15m"])
    ask = ask_of(venue, end_ms=AT + (found.rows * step_ms or DAY_MS), interval_ms=step_ms)
    [query] = found.endpoint.pages(ask)
    assert times_asked(query, venue) == (ask.start_ms, ask.end_ms + end)
    # No more rows fit into a request; Hyperliquid counts its own.
    later = msgspec.structs.replace(ask, now_ms=ask.end_ms + 1, end_ms=ask.end_ms + 1)
    assert len(found.endpoint.pages(later)) == (2 if found.rows and venue != "hyperliquid" else 1)


@pytest.mark.parametrize("source", [s for s in (*VENUES, *PROVIDERS) if s.history], ids=lambda s: s.name)
def test_every_history_says_how_it_is_walked(source):
    for found in source.history:
        assert bool(found.offered_ms) == bool(found.rows)
        assert not (found.rows and found.window_ms)
        # Bars divide into what is offered, days among them where they are asked for beside.
        assert set(found.also_ms) <= set(found.offered_ms)
        with pytest.raises(SourceError):
            found.endpoint.parse(b"\xff{", ask_of(source.name if source.is_venue else "okx"))
