"""Many coins over a real socket: rows, coins that fail, conditions, choice by size, recordings."""

from __future__ import annotations

import asyncio
import collections
import json
from types import SimpleNamespace

import msgspec
import pytest

from imbalance import scan as module
from imbalance.collect import Options
from imbalance.errors import MissingDataError, UsageError
from imbalance.fetch.gather import gather
from imbalance.fetch.turns import TURN
from imbalance.scan import scan
from imbalance.service import report
from imbalance.units import DAY_MS
from imbalance.venues import VENUES
from imbalance.venues.hyperliquid import HYPERLIQUID
from imbalance.wire import Kind
from tests.support.coins import Coins
from tests.support.exchange import NOW_MS

QUICK = Options(venues=("bybit",), interval="15m", lookback_ms=30 * DAY_MS)


@pytest.fixture
def exchange():
    with Coins(3) as server:
        yield server


def scanned(exchange, **more):
    """Return the document, and (symbol or None, coins) of each row as it came."""
    came = []
    found = scan(
        msgspec.structs.replace(QUICK, **more),
        exchange.settings,
        NOW_MS,
        lambda row, coins: came.append((row and row.symbol, coins)),
    )
    return found, came


def test_a_row_holds_what_a_report_of_the_coin_says(exchange):
    found, came = scanned(exchange, symbols=("QAAA", "BTC", "qaaa"))
    assert [row.symbol for row in found.rows] == ["QAAA", "BTC"]
    assert sorted(came) == [("BTC", 2), ("QAAA", 2)]
    own = report(msgspec.structs.replace(QUICK, symbol="BTC"), exchange.settings, NOW_MS, lambda _h: None)
    figures = found.rows[1].figures
    assert figures["price"] == own.market_price.mark
    assert (figures["ratio"], figures["ratio.low"], figures["lift"]) == (
        own.risk.ratio,
        own.risk.ratio_low,
        own.risk.lift,
    )
    assert figures["open_interest_usd"] == own.open_interest.total_usd
    assert figures["open_interest_change"] == own.open_interest.change.value
    assert figures["funding_rate_8h"] == own.funding.rate_8h
    nearest = min((c for c in own.clusters if c.side == "long"), key=lambda c: abs(c.distance_pct))
    assert figures["nearest_long_usd"] == nearest.usd
    assert figures["nearest_long_distance"] == nearest.distance_pct / 100
    assert set(found.rows[1].missing) == {name for name, value in figures.items() if value is None and "." not in name}
    assert figures["price"] == found.rows[0].figures["price"]
    assert [(s.name, s.status) for s in found.sources][:1] == [("bybit", "ok")]


def test_what_is_told_of_all_coins_is_asked_once(exchange):
    scanned(exchange, symbols=("QAAA", "QAAB", "QAAC"))
    asked = collections.Counter((source, path) for source, path, _query in exchange.asked)
    once = [("bybit", "/v5/market/tickers"), ("bybit", "/v5/market/instruments-info"), ("fear_greed", "/fng/")]
    assert [asked[key] for key in once] == [1, 1, 1]
    assert asked["bybit", "/v5/market/kline"] == 9
    assert not {path for _source, path in asked} & {"/v5/market/orderbook", "/v5/market/account-ratio"}


def test_a_coin_that_fails_is_a_row_that_says_why(exchange):
    found, came = scanned(exchange, symbols=("QAAA", "NOPE"))
    good, bad = found.rows
    assert (good.failed, bad.figures) == ("", {})
    assert "no venue lists a perpetual on 'NOPE'" in bad.failed
    assert ("NOPE", 2) in came
    with pytest.raises(MissingDataError, match="no coin could be read") as all_failed:
        scanned(exchange, symbols=("NOPE", "NADA"))
    assert "NADA" in all_failed.value.hint


def test_a_source_that_hangs_costs_its_deadline_once_and_is_told(exchange):
    exchange.faults["okx"] = "never"
    found, _came = scanned(exchange, symbols=("QAAA", "QAAB"), venues=("bybit", "okx"), timeout_s=2.0)
    assert [row.failed for row in found.rows] == ["", ""]
    (gap,) = [gap for gap in found.gaps if gap.source == "okx"]
    assert "2 of 2 coins, QAAA first: no complete answer within 2 s" in gap.message
    assert sum(source == "okx" for source, _path, _query in exchange.asked) == 1
    assert [s.status for s in found.sources if s.name == "okx"] == ["failed"]


def test_under_strict_a_source_that_fails_fails_the_coin(exchange):
    exchange.faults["okx"] = "500"
    with pytest.raises(MissingDataError) as failed:
        scanned(exchange, symbols=("QAAA",), venues=("bybit", "okx"), strict=True)
    assert "under --strict" in failed.value.hint


def test_conditions_leave_out_what_is_not_so_and_name_what_is_not_known(exchange):
    found, came = scanned(exchange, symbols=("QAAA", "NOPE"), when="price > 1e9")
    assert [row.symbol for row in found.rows] == ["NOPE"]
    assert sorted(came, key=str) == [("NOPE", 2), (None, 2)]
    found, _came = scanned(exchange, symbols=("QAAA",), when="liquidations_24h_usd > 1 and price > 1")
    assert (found.rows, found.unknown) == ([], ["QAAA"])
    found, _came = scanned(exchange, symbols=("QAAA",), when="price > 1", sort="-symbol")
    assert ([row.symbol for row in found.rows], found.when, found.sort) == (["QAAA"], "price > 1", "-symbol")


def test_options_that_cannot_be_are_refused_before_anything_is_asked(exchange):
    with pytest.raises(UsageError, match="--sort 'nothing' is no column") as refused:
        scanned(exchange, symbols=("QAAA",), sort="nothing")
    assert "ratio.low" in refused.value.hint
    with pytest.raises(UsageError, match="nothing"):
        scanned(exchange, symbols=("QAAA",), when="nothing > 1")
    assert exchange.asked == []


def sized(exchange, fields, factors):
    """Let the venue say that these coins are larger, by a factor that nothing else it says contradicts."""
    body = json.loads(exchange.body("bybit", "/v5/market/tickers", "category=linear"))
    for row in body["result"]["list"]:
        factor = factors.get(row["symbol"].removesuffix("USDT"), 1)
        row.update({field: str(float(row[field]) * factor) for field in fields})
    whole = exchange._whole
    exchange._whole = lambda *asked: json.dumps(body).encode() if asked[1].endswith("tickers") else whole(*asked)


@pytest.mark.parametrize(
    ("by", "fields"),
    [
        ("open-interest", ("openInterest", "singleOpenInterest", "openInterestValue")),
        ("volume", ("volume24h", "turnover24h")),
    ],
)
def test_the_largest_are_chosen_by_what_is_told_of_all(exchange, by, fields):
    sized(exchange, fields, {"QAAA": 0.99, "QAAB": 1.002, "QAAC": 1.001})
    found, _came = scanned(exchange, top=2, by=by)
    assert [row.symbol for row in found.rows] == ["QAAB", "QAAC"]
    assert found.ranked == f"{by.replace('-', ' ')} on bybit"
    _found, came = scanned(exchange, by=by, when="price < 0")
    assert came == [(None, 4)] * 4


def test_where_no_venue_tells_of_all_coins_the_coins_must_be_named(exchange):
    exchange.faults["bybit"] = "500"
    with pytest.raises(MissingDataError, match="no venue gave the open-interest of all coins") as refused:
        scanned(exchange, top=2)
    assert "Name the coins" in refused.value.hint


def test_a_recorded_scan_replays_to_the_same_rows(exchange, tmp_path):
    live, _came = scanned(exchange, symbols=("QAAA", "QAAB"), record=tmp_path / "scan")
    again, _came = scanned(exchange, symbols=("QAAA", "QAAB"), replay=str(tmp_path / "scan"))
    assert again.mode == "replay"
    assert [row.figures for row in again.rows] == [row.figures for row in live.rows]


def test_every_kind_that_a_figure_needs_is_asked():
    """A scan of all venues knows whatever a report knows of the same sources, but for what others quote."""
    asked = {e.kind for v in VENUES for e in v.endpoints}
    from imbalance.scan import KINDS

    left_out = {
        Kind.INSTRUMENTS,
        Kind.ORDER_BOOK,
        Kind.LONG_SHORT,
        Kind.DAILY_CANDLES,
        Kind.MONTHLY_CANDLES,
        Kind.POSITIONS,
        Kind.INDEX_PRICE,
    }
    assert asked - KINDS == left_out


def begun(done_after, lag_s=()):
    """Return when a coin is begun after those before it [s of a virtual clock], each done after so long.

    `lag_s` are how late the loop is each time that it is looked at.
    """
    now, late = [0.0], iter(lag_s)

    async def sleep(seconds):
        now[0] += seconds + next(late, 0.0)

    async def wait(tasks, timeout):  # noqa: ASYNC109  as the one it stands in for
        now[0] = max(now[0], min(timeout, done_after[0]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imbalance.scan.time", SimpleNamespace(perf_counter=lambda: now[0]))
        patch.setattr("imbalance.scan.asyncio", SimpleNamespace(sleep=sleep, wait=wait))
        coroutine = module._begun([None] * len(done_after))
        with pytest.raises(StopIteration):
            coroutine.send(None)
    return round(now[0], 6)


def test_the_first_coin_has_the_machine_to_itself_but_not_for_ever():
    assert begun([]) == 0
    assert begun([1.2]) == 1.25
    assert begun([99.0]) == 3.05
    # Those after the second wait for no row.
    assert begun([99.0, 99.0]) == 0.05


def test_a_coin_is_begun_when_answers_are_read_as_they_come():
    assert begun([9.0] * 3, [0.06, 0.4, 0.04]) == pytest.approx(0.65)
    # Where they never are, it is begun after three seconds all the same.
    assert begun([9.0] * 3, [0.95] * 99) == 3.0


def test_coins_are_begun_one_at_a_time_each_after_all_before_it_and_with_its_turn(exchange, monkeypatch):
    before, turns, beginning = [], {}, [0]

    async def begin(tasks):
        beginning[0] += 1
        before.append((len(tasks), beginning[0]))
        await asyncio.sleep(0.01)
        beginning[0] -= 1

    async def gathered(client, asked, ask, *rest):
        turns[ask.base] = TURN.get()
        return await gather(client, asked, ask, *rest)

    monkeypatch.setattr(module, "_begun", begin)
    monkeypatch.setattr(module, "gather", gathered)
    scanned(exchange, symbols=("QAAB", "QAAA", "QAAC"))
    assert before == [(0, 1), (1, 1), (2, 1)]
    assert turns == {"QAAB": 0, "QAAA": 1, "QAAC": 2}


def test_more_coins_are_under_way_than_the_tightest_budget_lets_through_in_its_period():
    """Else it would stand idle until a coin is done."""
    assert HYPERLIQUID.budget.weight / HYPERLIQUID.endpoint(Kind.CANDLES).weight < module.COINS_AT_ONCE
