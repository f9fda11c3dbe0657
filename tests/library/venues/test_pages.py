"""What is asked of each source: within the limits that it documents, every bar once, no request too many."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.library.venues.test_parsers import SOURCES, ask_for
from tests.support.exchange import NOW_MS

# Requests by weight that the sources document (for kraken, cryptoquant, cftc and the index, which document none: what
# is taken), as (weight of one, weight allowed, in so many seconds).
BUDGETS = {
    "binance": {
        "": (1, 2400, 60),
        "candles": (10, 2400, 60),  # of more than 1,000 bars
        "daily candles": (2, 2400, 60),  # of 100 to 499 bars
        "order book": (20, 2400, 60),  # of 1,000 levels
        "open interest history": (1, 1000, 300),
        "long/short ratio (accounts)": (1, 1000, 300),
        "long/short ratio (top accounts)": (1, 1000, 300),
        "long/short ratio (top positions)": (1, 1000, 300),
    },
    "binance_coinm": {
        "": (1, 2400, 60),
        "mark price": (10, 2400, 60),
        "candles": (10, 2400, 60),
        "daily candles": (2, 2400, 60),
        "open interest history": (1, 1000, 300),
    },
    "bybit": {"": (1, 600, 5)},
    "okx": {
        "": (1, 20, 2),
        "liquidations": (1, 40, 2),
        "order book": (1, 40, 2),
        "mark price": (1, 10, 2),
        "funding": (1, 10, 2),
        "open interest history": (1, 10, 2),
        "daily open interest": (1, 10, 2),
        "margin tiers": (1, 10, 2),
        "long/short ratio (accounts)": (1, 5, 2),
        "long/short ratio (top accounts)": (1, 5, 2),
        "long/short ratio (top positions)": (1, 5, 2),
    },
    "bitget": {"": (1, 20, 1), "liquidations": (1, 5, 1), "margin tiers": (1, 10, 1)},
    "gate": {"": (1, 200, 10)},
    "htx": {"": (1, 240, 3)},
    "deribit": {"": (1, 20, 1)},
    "kraken": {"": (1, 20, 10)},
    "hyperliquid": {
        "": (20, 1200, 60),
        "candles": (104, 1200, 60),  # 20 and one for each 60 of at most 5,000 bars
        "daily candles": (24, 1200, 60),  # 20 and one for each 60 of 200 bars
        "positions": (2, 1200, 60),
    },
    "fear_greed": {"": (1, 60, 60)},
    "cftc": {"": (1, 10, 10)},
    "coinmetrics": {"": (1, 10, 6)},
    "coinglass": {"": (1, 30, 60)},
    "cryptoquant": {"": (1, 20, 60)},
    "coinalyze": {"": (1, 40, 60), "liquidations by venue": (7, 40, 60)},  # a call for each symbol
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_source_is_asked_as_often_as_it_allows(name):
    source, told = SOURCES[name], BUDGETS[name]
    for endpoint in source.endpoints:
        budget = endpoint.budget or source.budget
        expected = told.get(endpoint.name, told[""])
        assert (endpoint.weight, budget.weight, budget.period_s) == expected, endpoint.name
        # What one report asks first is allowed at once.
        assert len(endpoint.pages(ask_for(name))) * endpoint.weight <= budget.weight, endpoint.name
    assert source.is_venue is (source in VENUES)
    assert source.refusal(200, b"{}", "x") is None


# Bars a request, and how many there are at all where a venue keeps but so many.
MOST_BARS = {
    "binance": 1500,
    "binance_coinm": 1500,
    "bybit": 1000,
    "okx": 300,
    "bitget": 1000,
    "gate": 2000,
    "htx": 2000,
    "deribit": 4000,
    "kraken": 2000,
    "hyperliquid": 5000,
}
# Days that candles of bitget go back, and bar lengths that a venue lacks, which it is asked for in shorter ones.
BITGET_DAYS = {
    "1m": 30, "3m": 30, "5m": 30, "15m": 52, "30m": 62, "1h": 83, "4h": 240, "6h": 360, "12h": 360, "1d": 360,
}  # fmt: skip
SHORTER = {
    "bitget": {"2h": "1h"},
    "gate": {"3m": "1m", "2h": "1h", "6h": "1h", "12h": "4h"},
    "htx": {"3m": "1m", "2h": "1h", "6h": "1h", "12h": "4h", "1d": "4h"},
    "deribit": {"4h": "2h"},
    "kraken": {"3m": "1m", "2h": "1h", "6h": "1h"},
    "hyperliquid": {"6h": "2h"},
}
UNITS_MS = {"m": MINUTE_MS, "min": MINUTE_MS, "H": HOUR_MS, "h": HOUR_MS, "hour": HOUR_MS, "D": DAY_MS, "d": DAY_MS}


def step_of(text):
    """Return the length that a venue's word for it means [ms]; bare numbers are minutes."""
    number, unit = re.fullmatch(r"(\d*)([A-Za-z]*?)(?:utc)?", text).groups()
    return int(number or 1) * UNITS_MS[unit or "m"]


def bars_of(name, page):
    """Return the bars that a request asks for, as the venue counts them: stamps [ms], and how long they are."""
    told = dict(page)
    step = step_of(told.get("interval") or told.get("bar") or told.get("granularity") or told.get("period")
                   or told["resolution"])  # fmt: skip
    if name == "okx":  # older than `after`, which is left out
        newest = (int(told["after"]) - 1) // step * step
        return [newest - i * step for i in range(int(told["limit"]))][::-1], step
    first, last = (
        next(int(told[key]) for key in keys if key in told)
        for keys in (("startTime", "start", "from", "start_timestamp"), ("endTime", "end", "to", "end_timestamp"))
    )
    if name in {"gate", "htx", "kraken"}:
        first, last = first * 1000, last * 1000
    if name == "bitget":  # it leaves out the end
        last -= 1
    assert "limit" not in told or int(told["limit"]) == MOST_BARS[name]
    return list(range(-(-first // step) * step, last + 1, step)), step


@pytest.mark.parametrize("interval", INTERVALS_MS)
@pytest.mark.parametrize("bars", [1, 2, 299, 300, 301, 2000, 2001, 12_000])
@pytest.mark.parametrize("name", MOST_BARS)
def test_every_bar_is_asked_for_once_in_as_few_requests_as_can_be(name, bars, interval):
    asked_ms = INTERVALS_MS[interval]
    end = -(-NOW_MS // asked_ms) * asked_ms
    ask = msgspec.structs.replace(
        ask_for(name), interval_ms=asked_ms, start_ms=end - bars * asked_ms, end_ms=end, now_ms=NOW_MS
    )
    pages = SOURCES[name].endpoint(Kind.CANDLES).pages(ask)
    rows = [bars_of(name, page) for page in pages]
    step = INTERVALS_MS[SHORTER.get(name, {}).get(interval, interval)]
    assert {length for _stamps, length in rows} <= {step}
    wanted = list(range(ask.start_ms, end, step))
    if name == "gate":  # the last 10,000 bars, a few of which may have gone by the time it answers
        wanted = [at for at in wanted if at >= (NOW_MS // step - 10_000 + 10) * step]
    if name == "bitget":
        days = BITGET_DAYS[SHORTER["bitget"].get(interval, interval)]
        wanted = [at for at in wanted if at >= NOW_MS - days * DAY_MS]
    if name == "hyperliquid":
        wanted = wanted[-5000:]
    stamps = sorted(at for page, _length in rows for at in page)
    assert stamps == wanted
    assert max((len(page) for page, _length in rows), default=0) <= MOST_BARS[name]
    assert len(pages) == -(-len(wanted) // MOST_BARS[name])


@pytest.mark.parametrize("name", MOST_BARS)
def test_daily_bars_reach_back_as_many_days_as_is_said(name):
    source = SOURCES[name]
    if not any(e.kind is Kind.DAILY_CANDLES for e in source.endpoints):
        return
    ask = msgspec.structs.replace(ask_for(name), start_ms=NOW_MS - DAY_MS, end_ms=NOW_MS + 1)
    endpoint = source.endpoint(Kind.DAILY_CANDLES)
    (page,) = endpoint.pages(ask)
    told = dict(page)
    days = 90 if name == "bitget" else 200
    if "limit" in told:
        assert (int(told["limit"]), step_of(told.get("interval") or told.get("bar") or told["granularity"])) == (
            days,
            DAY_MS,
        )
    else:
        stamps, step = bars_of(name, page)
        today = NOW_MS // DAY_MS * DAY_MS
        # The running day is one of them.
        assert (step, stamps) == (DAY_MS, [today - i * DAY_MS for i in range(days)][::-1])
    if endpoint.reach.endswith("d read"):
        assert endpoint.reach == f"{days} d read"


def history(name, rows, interval_ms=5 * MINUTE_MS):
    """Return requests for open interest over so many bars up to now."""
    ask = msgspec.structs.replace(
        ask_for(name), interval_ms=interval_ms, start_ms=NOW_MS - rows * interval_ms, end_ms=NOW_MS
    )
    kind = Kind.CONTRACT_STATS if name == "gate" else Kind.OPEN_INTEREST_HISTORY
    return ask, [dict(page) for page in SOURCES[name].endpoint(kind).pages(ask)]


@pytest.mark.parametrize(("name", "most"), [("binance", 500), ("binance_coinm", 500), ("bybit", 200)])
def test_open_interest_is_asked_for_in_windows_whose_both_ends_count(name, most):
    for rows in (1, most - 1, most, 3 * (most - 1), 3 * (most - 1) + 1):
        ask, pages = history(name, rows)
        spans = [(int(page["startTime"]), int(page["endTime"])) for page in pages]
        step = step_of(pages[0].get("period") or pages[0]["intervalTime"])
        assert step == 5 * MINUTE_MS
        assert {int(page["limit"]) for page in pages} == {most}
        # The stamp that ends one window begins the next: an end that is left out costs nothing.
        assert [a for a, _b in spans] == [ask.start_ms, *(b for _a, b in spans[:-1])]
        assert spans[-1][1] == NOW_MS
        assert all((b - a) // step + 1 <= most for a, b in spans)
        assert len(pages) == -(-rows // (most - 1))


@pytest.mark.parametrize("name", ["binance", "binance_coinm", "bybit"])
def test_open_interest_of_the_bar_that_runs_is_asked_for_up_to_now(name):
    ask = msgspec.structs.replace(
        ask_for(name), interval_ms=HOUR_MS, start_ms=NOW_MS - DAY_MS, end_ms=NOW_MS + 30 * MINUTE_MS
    )
    (page,) = SOURCES[name].endpoint(Kind.OPEN_INTEREST_HISTORY).pages(ask)
    assert int(dict(page)["endTime"]) == NOW_MS
    early = msgspec.structs.replace(ask, end_ms=NOW_MS - HOUR_MS)
    (page,) = SOURCES[name].endpoint(Kind.OPEN_INTEREST_HISTORY).pages(early)
    assert int(dict(page)["endTime"]) == NOW_MS - HOUR_MS


@pytest.mark.parametrize("name", ["binance", "binance_coinm"])
def test_binance_refuses_open_interest_of_30_days_ago(name):
    _ask, pages = history(name, 40 * 24, HOUR_MS)
    # It counts 30 days from when it reads the request.
    assert int(pages[0]["startTime"]) == NOW_MS - 30 * DAY_MS + 10 * MINUTE_MS


# The longest span that is read in the finest steps, in bars, and what comes after it.
@pytest.mark.parametrize(
    ("name", "rows", "coarser"),
    [("binance", 10_000, "15m"), ("binance_coinm", 10_000, "15m"), ("bybit", 800, "15min"), ("kraken", 1000, "900"),
     ("okx", 400, "15m")],
)  # fmt: skip
def test_longer_spans_are_read_in_coarser_steps(name, rows, coarser):
    words = {"bybit": "5min", "kraken": "300"}
    for bars, told in ((rows, words.get(name, "5m")), (rows + 1, coarser)):
        _ask, pages = history(name, bars)
        (word,) = {page.get("period") or page.get("intervalTime") or page["interval"] for page in pages}
        assert word == told
    if name == "okx":
        assert sum(int(page["limit"]) for page in history(name, rows)[1]) == rows + 1


def test_open_interest_of_htx_is_read_in_the_finest_steps_that_200_rows_hold():
    for hours, told in ((1, "60min"), (200, "60min"), (201, "4hour"), (800, "4hour"), (801, "12hour"),
                        (2400, "12hour"), (2401, "1day")):  # fmt: skip
        _ask, (page,) = history("htx", hours, HOUR_MS)
        assert (page["period"], page["size"]) == (told, "200")
        assert page["amount_type"] == "2"  # coins


def test_statistics_of_gate_are_asked_for_by_the_hour_1000_buckets_a_request():
    for hours, counts, told in ((5, [5], "1h"), (1000, [1000], "1h"), (1001, [1000, 1], "1h"),
                                (1200, [1000, 200], "1h"), (1201, [301], "4h")):  # fmt: skip
        ask, pages = history("gate", hours, HOUR_MS)
        step = step_of(told)
        first = -(-ask.start_ms // step) * step
        # The running bucket is asked for as well.
        assert sum(int(page["limit"]) for page in pages) == -(-(NOW_MS - first) // step)
        assert {page["interval"] for page in pages} == {told}
        assert [int(page["limit"]) for page in pages] == pytest.approx(counts, abs=1)
        assert all(int(page["limit"]) <= 1000 for page in pages)
        starts = [int(page["from"]) * 1000 for page in pages]
        assert starts == [first + i * 1000 * step for i in range(len(pages))]


def test_daily_open_interest_goes_back_200_days():
    ask = ask_for("okx")
    pages = [dict(page) for page in SOURCES["okx"].endpoint(Kind.OPEN_INTEREST_DAILY).pages(ask)]
    stamps = []
    for page in pages:
        assert int(page["limit"]) <= 100
        newest = (int(page["end"]) - 1) // DAY_MS * DAY_MS  # it leaves out the end
        stamps += [newest - i * DAY_MS for i in range(int(page["limit"]))]
    assert stamps == [NOW_MS // DAY_MS * DAY_MS - i * DAY_MS for i in range(200)]
    (page,) = SOURCES["bybit"].endpoint(Kind.OPEN_INTEREST_DAILY).pages(ask_for("bybit"))
    assert (dict(page)["intervalTime"], dict(page)["limit"]) == ("1d", "200")


def first_page(name, kind):
    return dict(SOURCES[name].endpoint(kind).pages(ask_for(name))[0])


def test_other_pages_are_as_long_as_each_source_documents():
    assert first_page("binance", Kind.ORDER_BOOK)["limit"] == "1000"
    assert first_page("bybit", Kind.ORDER_BOOK)["limit"] == "1000"
    assert first_page("okx", Kind.ORDER_BOOK)["sz"] == "400"
    assert first_page("bybit", Kind.INSTRUMENTS)["limit"] == "1000"
    assert first_page("okx", Kind.LIQUIDATIONS)["limit"] == "100"
    assert first_page("bitget", Kind.LIQUIDATIONS)["limit"] == "100"
    assert first_page("gate", Kind.LIQUIDATIONS)["limit"] == "1000"
    assert first_page("deribit", Kind.LIQUIDATIONS)["count"] == "1000"
    for name in ("binance", "bybit", "okx"):
        for endpoint in SOURCES[name].endpoints:
            if endpoint.kind is Kind.LONG_SHORT:
                assert dict(endpoint.pages(ask_for(name))[0])["limit"] == "1"  # the newest alone is shown
    assert first_page("okx", Kind.INDEX_PRICE)["limit"] == "1"
    assert dict(SOURCES["fear_greed"].endpoints[0].pages(ask_for("fear_greed"))[0])["limit"] == "31"


def test_walks_through_trades_end_after_as_many_as_is_said():
    for name, rows, said in (("deribit", 1000, "5,000 trades"), ("kraken", 100, "500 trades")):
        endpoint = SOURCES[name].endpoint(Kind.LIQUIDATIONS)
        assert f"{endpoint.most_pages * rows:,} trades" == endpoint.reach == said


def test_a_day_of_liquidations_is_asked_for_in_the_windows_that_are_allowed():
    gate = [dict(page) for page in SOURCES["gate"].endpoint(Kind.LIQUIDATIONS).pages(ask_for("gate"))]
    spans = [(int(page["from"]), int(page["to"])) for page in gate]
    now_s = NOW_MS // 1000
    assert spans == [(now_s - (24 - i) * 3600, now_s - (23 - i) * 3600 - 1) for i in range(24)]
    htx = [dict(page) for page in SOURCES["htx"].endpoint(Kind.LIQUIDATIONS).pages(ask_for("htx"))]
    two = 2 * HOUR_MS
    assert [(int(page["start_time"]), int(page["end_time"])) for page in htx] == [
        (NOW_MS - DAY_MS + i * two, NOW_MS - DAY_MS + (i + 1) * two - 1) for i in range(12)
    ]
    assert {(page["trade_type"], page["direct"]) for page in htx} == {("0", "prev")}  # all, newest first
    deribit = first_page("deribit", Kind.LIQUIDATIONS)
    assert (int(deribit["start_timestamp"]), int(deribit["end_timestamp"])) == (NOW_MS - DAY_MS, NOW_MS)


def test_positions_of_accounts_are_asked_for_apart():
    endpoint = SOURCES["hyperliquid"].endpoint(Kind.POSITIONS)
    assert endpoint.apart
    posted = json.loads(endpoint.asked(endpoint.pages(ask_for("hyperliquid"))[0])[1])
    assert posted["type"] == "clearinghouseState"


@pytest.mark.parametrize("second", [0, 1, 899, 900])
def test_the_day_of_htx_is_its_96_quarters_with_the_running_one(second):
    quarter = 15 * MINUTE_MS
    now = NOW_MS // quarter * quarter + second * 1000
    ask = msgspec.structs.replace(ask_for("htx"), now_ms=now)
    (page,) = SOURCES["htx"].endpoint(Kind.TICKER).pages(ask)
    told = dict(page)
    stamps = list(range(int(told["from"]) * 1000, int(told["to"]) * 1000 + 1, quarter))
    assert (told["period"], len(stamps)) == ("15min", 96)
    assert stamps[-1] < now <= stamps[-1] + quarter
