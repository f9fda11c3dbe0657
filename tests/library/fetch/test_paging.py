"""Walks from page to page, against a server that pages as each exchange documents: all is read once, or it is said."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec
import pytest
from imbalance_cli.render import reading_views
from imbalance_cli.render.parts import Line

from imbalance.collect import Options
from imbalance.service import clusters, liquidations, volume
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.wire import Kind
from tests.library.venues.test_parsers import SOURCES, ask_for
from tests.support.exchange import NOW_MS, Exchange

SECOND_MS = 1000


class Paging(Exchange):
    """Answers one path of one source from a function of the query, all else as the scenario does."""

    def __init__(self, source, ending, answer):
        super().__init__()
        self.paged, self.ending, self.answer = source, ending, answer

    async def _answer(self, writer, source, path, query):
        if source != self.paged or not path.endswith(self.ending):
            return await super()._answer(writer, source, path, query)
        body = self.answer(dict(parse_qsl(query)))
        status = 200 if body is not None else 500
        return self._send(writer, status, json.dumps(body).encode())


def observed(exchange, venue):
    """Return the venue's row, and the section."""
    found = liquidations(Options(venues=(venue,)), exchange.settings, NOW_MS, lambda _h: None).liquidations
    return next(row for row in found.observed if row.source == venue), found


def htx_order(number, at_ms):
    return {
        "query_id": number, "contract_code": "BTC-USDT", "direction": "sell", "offset": "close", "volume": 1000,
        "price": 100.0, "created_at": at_ms, "amount": 1.0, "trade_turnover": 100.0,
    }  # fmt: skip


def htx(rows, page, *, inclusive=False):
    """Answer as v3 swap_liquidation_orders: newest first, before `from_id` (or from it on), so many rows a page."""

    def answer(q):
        last = int(q.get("from_id", 10**9)) + inclusive
        window = range(int(q["start_time"]), int(q["end_time"]) + 1)
        own = [row for row in rows if row["created_at"] in window and row["query_id"] < last]
        return {"code": 200, "msg": "", "data": own[::-1][:page], "ts": NOW_MS}

    return Paging("htx", "swap_liquidation_orders", answer)


DAY = [htx_order(i, NOW_MS - DAY_MS + 1 + i * 30 * MINUTE_MS) for i in range(48)]
BUSY = [htx_order(i, NOW_MS - HOUR_MS + i * SECOND_MS) for i in range(30)]


@pytest.mark.parametrize("page", [1, 2, 3, 50])
def test_htx_is_walked_however_few_rows_a_page_holds(page):
    with htx(DAY, page) as exchange:
        row, found = observed(exchange, "htx")
    assert (row.long_usd, row.whole_day, row.lower_bound) == (4800.0, True, False)
    assert (found.of, found.usd) == (["htx"], 4800.0)


@pytest.mark.parametrize(("rows", "page", "usd"), [(BUSY, 1, 2000.0), (BUSY, 2, 3000.0)])
def test_htx_says_at_least_where_the_walk_ends_early(rows, page, usd):
    with htx(rows, page) as exchange:
        row, found = observed(exchange, "htx")
    assert row.long_usd == usd
    assert row.lower_bound is (usd < 3000.0)
    assert row.prints.startswith("at least") is row.lower_bound
    assert ("htx" in found.missing) is row.lower_bound
    assert row.whole_day is not row.lower_bound


def test_a_lower_bound_is_shown_as_one():
    with htx(BUSY, 1) as exchange:
        found = liquidations(Options(venues=("htx",)), exchange.settings, NOW_MS, lambda _h: None)
    told = [block.text for block in reading_views.liquidations(found) if isinstance(block, Line)]
    assert "A lower bound, not in any total: htx" in told
    assert not any(text.startswith("Covers less") for text in told)


def test_htx_rows_that_stand_on_two_pages_count_once():
    with htx(DAY, 3, inclusive=True) as exchange:
        row, _found = observed(exchange, "htx")
        # Four rows a window: two pages, and one that gives its own first row again.
        assert sum(path.endswith("swap_liquidation_orders") for _s, path, _q in exchange.asked) == 12 * 3
    assert (row.long_usd, row.lower_bound) == (4800.0, True)


def iso(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def kraken(trades):
    """Answer as history: the hundred trades before `lastTime`, newest first."""

    def answer(q):
        rows = sorted((t for t in trades if iso(t["at"]) < q.get("lastTime", "9")), key=lambda t: -t["at"])[:100]
        shown = [{k: v for k, v in t.items() if k != "at"} | {"time": iso(t["at"])} for t in rows]
        return {"result": "success", "serverTime": iso(NOW_MS), "history": shown}

    return Paging("kraken", "/history", answer)


def trade(i, at_ms, **more):
    row = {"at": at_ms, "uid": f"u{i}", "price": 100, "size": "1.0", "side": "sell", "type": "liquidation"}
    return {k: v for k, v in (row | more).items() if v is not None}


def test_kraken_is_walked_back_as_far_as_its_budget_allows_and_says_how_far():
    # Two trades in each moment, so that pages end in the middle of one.
    trades = [trade(i, NOW_MS - (i + 1) // 2 * SECOND_MS) for i in range(1200)]
    with kraken(trades) as exchange:
        row, found = observed(exchange, "kraken")
        assert sum(path.endswith("/history") for _s, path, _q in exchange.asked) == 5
    reach = (NOW_MS - datetime.fromisoformat(row.start).timestamp() * 1000) // 1000
    assert 240 <= reach <= 250
    # All of every moment but the oldest, of which one may be on the page before.
    assert row.long_usd in {100.0 * (2 * reach), 100.0 * (2 * reach + 1)}
    assert not row.whole_day
    assert "kraken" in found.missing


class Slow(Paging):
    """Answers the first page, and none that follows it."""

    async def _answer(self, writer, source, path, query):
        if "lastTime" in query or "from_id" in query:
            await asyncio.sleep(60)
        return await super()._answer(writer, source, path, query)


@pytest.mark.parametrize(("venue", "usd"), [("kraken", 10_000.0), ("htx", 1200.0)])
def test_what_was_read_before_the_deadline_counts_as_the_part_it_is(venue, usd):
    whole = kraken([trade(i, NOW_MS - i * SECOND_MS) for i in range(300)]) if venue == "kraken" else htx(DAY, 1)
    with Slow(venue, whole.ending, whole.answer) as exchange:
        options = Options(venues=(venue,), timeout_s=1.5)
        found = liquidations(options, exchange.settings, NOW_MS, lambda _h: None)
    row = next(row for row in found.liquidations.observed if row.source == venue)
    assert (row.long_usd, row.whole_day, row.lower_bound) == (usd, False, venue == "htx")
    assert any(gap.source == venue and "timed out" in gap.message for gap in found.gaps)


def test_kraken_covers_a_quiet_day_whole():
    trades = [trade(i, NOW_MS - i * 10 * MINUTE_MS) for i in range(200)]
    with kraken(trades) as exchange:
        row, _found = observed(exchange, "kraken")
    assert (row.whole_day, row.long_usd) == (True, 14_400.0)


def test_kraken_counts_later_stages_of_defaults_apart():
    trades = [trade(0, NOW_MS - 1), trade(1, NOW_MS - 2, type="assignment"), trade(2, NOW_MS - 3, type="termination")]
    trades += [trade(3, NOW_MS - 4, type="fill"), trade(4, NOW_MS - 2 * DAY_MS)]
    with kraken(trades) as exchange:
        row, _found = observed(exchange, "kraken")
    assert (row.long_usd, row.later_stages_usd, row.lower_bound) == (100.0, 200.0, False)
    assert "apart" in row.prints


@pytest.mark.parametrize("lacks", [{"side": None}, {"size": None}, {"type": None}])
def test_kraken_trades_that_lack_a_field_make_the_sum_a_lower_bound(lacks):
    with kraken([trade(0, NOW_MS - 1), trade(1, NOW_MS - 2, **lacks), trade(2, NOW_MS - 2 * DAY_MS)]) as exchange:
        row, _found = observed(exchange, "kraken")
    assert (row.long_usd, row.lower_bound, row.whole_day) == (100.0, True, False)


def test_an_empty_history_is_not_a_day_without_liquidations():
    with kraken([]) as exchange:
        row, _found = observed(exchange, "kraken")
    assert (row.start, row.whole_day) == (row.to, False)


def test_deribit_pages_meet_in_a_trade_that_counts_once():
    trades = [
        {"timestamp": NOW_MS - i * SECOND_MS, "trade_id": str(10**6 - i), "price": 100.0, "amount": 100.0}
        for i in range(2500)
    ]
    for row in trades:
        row |= {"direction": "sell", "liquidation": "T", "instrument_name": "BTC-PERPETUAL"}

    def answer(q):
        own = [t for t in trades if t["timestamp"] <= int(q["end_timestamp"])]
        return {"jsonrpc": "2.0", "result": {"trades": own[:1000], "has_more": len(own) > 1000}}

    with Paging("deribit", "get_last_trades_by_instrument_and_time", answer) as exchange:
        row, _found = observed(exchange, "deribit")
    assert (row.long_usd, row.whole_day) == (250_000.0, True)


def okx(q):
    """Answer with full pages however far back they are asked for."""
    last = int(q.get("after", NOW_MS))
    rows = [
        {"bkPx": "100", "posSide": "long", "side": "sell", "sz": "100", "ts": str(last - 1 - i)} for i in range(100)
    ]
    return {"code": "0", "msg": "", "data": [{"instFamily": "BTC-USDT", "details": rows}]}


def test_okx_says_how_far_a_walk_came_that_ended_early():
    with Paging("okx", "liquidation-orders", okx) as exchange:
        row, found = observed(exchange, "okx")
    assert (row.long_usd, row.whole_day) == (2000 * 100.0, False)
    assert "okx" in found.missing


def test_gate_reads_single_liquidations_where_its_statistics_fail():
    with Exchange() as whole, Paging("gate", "contract_stats", lambda _q: None) as broken:
        sums, _found = observed(whole, "gate")
        orders, found = observed(broken, "gate")
        assert not [path for _s, path, _q in whole.asked if path.endswith("liq_orders")]
    assert orders.whole_day
    assert orders.long_usd == pytest.approx(sums.long_usd, rel=0.02)
    assert orders.short_usd == pytest.approx(sums.short_usd, rel=0.02)
    assert "gate" not in found.missing


def test_gate_statistics_are_whole_where_the_exchange_gives_fewer_rows_a_page():
    recorded = Exchange().recording
    (key,) = (k for k in recorded.answers if k[1].endswith("contract_stats"))
    rows = json.loads(recorded.body(*recorded.answers[key]))

    def capped(q):
        return [row for row in rows if row["time"] >= int(q["from"])][: min(int(q["limit"]), 100)]

    with Exchange() as whole, Paging("gate", "contract_stats", capped) as short:
        maps = [clusters(Options(venues=("gate",)), e.settings, NOW_MS, lambda _h: None) for e in (whole, short)]
        assert sum(path.endswith("contract_stats") for _s, path, _q in short.asked) == -(-len(rows) // 100)
    assert maps[0].risk == maps[1].risk


def test_the_volume_of_htx_is_that_of_24_hours_and_no_other():
    with Exchange() as exchange:
        recorded = exchange.recording
        (key,) = (k for k in recorded.answers if k[0] == "htx" and "15min" in k[2] and "1769688000" in k[2])
        bars = json.loads(recorded.body(*recorded.answers[key]))
        day = [bar for bar in bars["data"] if bar["id"] * 1000 >= NOW_MS - DAY_MS]
        (row,) = volume(Options(venues=("htx",)), exchange.settings, NOW_MS, lambda _h: None).volume.venues
        assert row.volume_24h_usd == pytest.approx(sum(bar["trade_turnover"] for bar in day) / 2)

    def without(q):
        start, end = int(q["from"]), int(q["to"])
        kept = [bar for bar in bars["data"] if start <= bar["id"] <= end]
        return bars | {"data": kept[:40] + kept[41:]}

    with Paging("htx", "history/kline", without) as exchange:
        found = volume(Options(), exchange.settings, NOW_MS, lambda _h: None).volume
    assert "htx" in found.missing


@pytest.mark.parametrize("source", ["binance", "binance_coinm"])
def test_no_history_of_open_interest_is_asked_beyond_now(source):
    """While a bar runs its end is still to come."""
    running = msgspec.structs.replace(ask_for(source), end_ms=NOW_MS, now_ms=NOW_MS - 5 * MINUTE_MS)
    pages = [dict(page) for page in SOURCES[source].endpoint(Kind.OPEN_INTEREST_HISTORY).pages(running)]
    assert max(int(page["endTime"]) for page in pages) == running.now_ms
    assert all(int(page["startTime"]) < int(page["endTime"]) for page in pages)
