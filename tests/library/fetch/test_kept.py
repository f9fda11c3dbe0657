"""What need not be asked for again: until when it stands, where it is kept, and what makes it be asked for anyway."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter

import msgspec
import pytest

from imbalance import history, service
from imbalance.collect import Options, collect
from imbalance.doubts.thresholds import AGE_MS
from imbalance.errors import RefusedError, UnreachableError
from imbalance.fetch import kept
from imbalance.fetch.client import Client
from imbalance.fetch.gather import gather
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.replay import Replay
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import PROVIDERS
from imbalance.records import Funding, FundingInterval, Instrument, LongShort, MarginTier, Ticker
from imbalance.remembered import History
from imbalance.store import rows
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Endpoint, Kind, holding
from imbalance.wire.answers import Answer, answer_of
from imbalance.wire.harvest import Harvest
from tests.library.venues.test_parsers import SOURCES, ask_for
from tests.support.exchange import NOW_MS, Exchange

SETTINGS = SourceSettings()
HELD = [(s, e) for s in (*VENUES, *PROVIDERS) for e in s.endpoints if e.holds is not None]
TIER = MarginTier(0.0, 1e6, 0.004, 125.0)
ASK = msgspec.structs.replace(ask_for("binance"), now_ms=NOW_MS)


def endpoint(span_ms):
    return Endpoint(Kind.MARGIN_TIERS, "/x", lambda _ask: [()], lambda _body, _ask: [], holds=holding(span_ms))


@pytest.mark.parametrize(
    ("given", "until_ms"),
    [
        # Without a stamp from when it was asked, else from the newest stamp, and never from what is yet to come.
        ([TIER], NOW_MS + HOUR_MS),
        ([LongShort(NOW_MS - DAY_MS, "accounts", 0.5), LongShort(NOW_MS - 1, "accounts", 0.5)], NOW_MS - 1 + HOUR_MS),
        ([LongShort(NOW_MS + 5, "accounts", 0.5)], NOW_MS + HOUR_MS),
        ([LongShort(NOW_MS - HOUR_MS + 1, "accounts", 0.5)], NOW_MS + 1),
        ([LongShort(NOW_MS - HOUR_MS, "accounts", 0.5)], None),
        # A rate is of its period.
        ([Funding(1e-4, None, NOW_MS + 1)], NOW_MS + 1),
        ([Funding(1e-4, None, NOW_MS)], None),
        ([Funding(1e-4, None, NOW_MS + DAY_MS)], NOW_MS + HOUR_MS),
        ([], None),
    ],
)
def test_an_answer_stands_until_the_next_may_be_there(given, until_ms):
    found = answer_of(endpoint(HOUR_MS), ASK, given)
    assert (found and found.until_ms) == until_ms
    assert found is None or (found.records, found.asked_ms) == (given, NOW_MS)


def test_what_holds_not_is_of_its_moment():
    assert answer_of(msgspec.structs.replace(endpoint(HOUR_MS), holds=None), ASK, [TIER]) is None


@pytest.mark.parametrize(("source", "held"), HELD, ids=[f"{s.name} {e.name}" for s, e in HELD])
def test_what_is_kept_is_asked_alike_at_any_time_and_no_older_than_a_figure_of_now_may_be(source, held):
    ask = ask_for(source.name)
    later = {name: getattr(ask, name) + 7 * MINUTE_MS for name in ("now_ms", "start_ms", "end_ms")}
    assert held.question(ask) == held.question(msgspec.structs.replace(ask, **later, known_ms=5))
    if held.kind is not Kind.TICKER:
        other = msgspec.structs.replace(ask, start_ms=ask.start_ms - 9 * DAY_MS)
        assert (held.question(ask) == held.question(other)) is (held.kind is not Kind.CONTRACT_STATS)
    assert 0 < held.holds(ask) <= AGE_MS.get(held.kind, DAY_MS)


def test_figures_of_now_are_not_kept():
    of_now = {Kind.MARK_PRICE, Kind.INDEX_PRICE, Kind.OPEN_INTEREST, Kind.ORDER_BOOK, Kind.CANDLES, Kind.LIQUIDATIONS}
    assert not of_now & {held.kind for _source, held in HELD}
    with Exchange(nearest=True) as exchange:
        run = collect(Options(history=History()), exchange.settings, NOW_MS, Kind)
    tickers = [row for h in run.harvests for a in h.answers if a.kind is Kind.TICKER for row in a.records]
    assert tickers
    # Sums of 24 hours alone: whoever tells its mark price there is asked.
    assert {type(row) for row in tickers} == {Ticker}
    assert all(row.mark_price is None and (row.volume_24h_base or row.volume_24h_usd) for row in tickers)


def answer(until_ms=NOW_MS + HOUR_MS, records=(TIER,), question="tiers?x"):
    return Answer(question, Kind.MARGIN_TIERS, "margin tiers", NOW_MS, until_ms, list(records))


def noted(*answers, name="bybit", failures=(), symbol="BTC"):
    harvest = Harvest(SOURCES[name], failures=list(failures), answers=list(answers))
    kept.note(symbol, [harvest], SETTINGS, NOW_MS)


def read(now_ms=NOW_MS, settings=SETTINGS, symbol="BTC"):
    return kept.read(symbol, [SOURCES["bybit"], SOURCES["okx"]], settings, now_ms)


def test_answers_are_read_back_until_they_stand_no_more():
    one = answer()
    noted(one)
    assert read() == read(one.until_ms - 1) == {("bybit", "tiers?x"): one}
    assert read(one.until_ms) == read(NOW_MS - 1) == read(symbol="ETH") == {}
    assert read(settings=SourceSettings(IMBALANCE_BYBIT_URL="https://elsewhere.example")) == {}


def test_newer_answers_take_the_place_of_older_ones_and_others_stay():
    noted(answer(), answer(question="other"))
    changed = MarginTier(0.0, 1e6, 0.01, 50.0)
    noted(answer(records=[changed]))
    noted(answer(), name="okx")
    found = read()
    assert found["bybit", "tiers?x"].records == [changed]
    assert set(found) == {("bybit", "tiers?x"), ("bybit", "other"), ("okx", "tiers?x")}


def test_of_a_source_that_failed_nothing_is_kept():
    noted(answer())
    noted(answer(), name="okx")
    noted(answer(question="new"), failures=[UnreachableError("bybit", "ticker", "no connection")])
    assert set(read()) == {("okx", "tiers?x")}


def damaged(change):
    file = kept._file("BTC")
    told = json.loads(file.read_bytes())
    change(told)
    file.write_text(json.dumps(told))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(version="0.0"),
        lambda told: told["answers"][0].update(type="Candle"),
        lambda told: told["answers"][0].update(type="Ticker"),
        lambda told: told["answers"][0].update(rows=[{"floor": "x"}]),
        lambda told: told["answers"][0].update(rows=[]),
        lambda told: told["answers"][0].update(until_ms=10**19),
        lambda told: told["answers"][0].update(kind="nonsense"),
        lambda told: told["answers"][0].update(type="LongShort", rows=[["x"]]),
        lambda told: told.clear(),
    ],
)
def test_what_is_damaged_or_of_another_version_is_asked_for(change):
    noted(answer())
    damaged(change)
    assert [a.records for a in read().values()] in ([], [[Ticker()]])
    noted(answer())
    assert read()["bybit", "tiers?x"] == answer()


@pytest.mark.parametrize(("ahead_ms", "is_read"), [(DAY_MS, True), (DAY_MS + 1, False)])
def test_rows_of_a_time_that_cannot_be_are_not_read(ahead_ms, is_read):
    noted(answer(records=[LongShort(NOW_MS + ahead_ms, "accounts", 0.5)]))
    assert bool(read()) is is_read


def test_a_pipe_or_a_folder_that_may_not_be_written_stops_nothing():
    file = kept._file("BTC")
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    noted(answer())
    assert read() == {}
    file.unlink()
    file.mkdir()
    noted(answer())
    assert read() == {}


class Changing(Replay):
    """A replay in which some requests are answered otherwise, and all are counted."""

    def __init__(self, change=lambda _endpoint, body: body):
        super().__init__(Recording(find("article")))
        self.change, self.asked = change, Counter()

    async def get(self, source, endpoint, query):
        self.asked[endpoint.kind] += 1
        return self.change(endpoint, await super().get(source, endpoint, query))


def harvested(client, answers, name="bybit", kinds=frozenset({Kind.TICKER, Kind.MARGIN_TIERS})):
    (found,) = asyncio.run(gather(client, [SOURCES[name]], ask_for(name), kinds, 5.0, answers=answers))
    return found


def answers_of(found):
    return {(found.name, one.question): one for one in found.answers}


def test_a_listing_and_a_ladder_are_asked_for_once():
    first = harvested(Changing(), {})
    again = harvested(client := Changing(), answers_of(first))
    assert client.asked == {Kind.TICKER: 1}
    assert again.instrument == first.instrument
    assert again.of(MarginTier) == first.of(MarginTier)
    assert [one.kind for one in again.kept] == [Kind.INSTRUMENTS, Kind.MARGIN_TIERS]
    assert again.answers == []
    # Of all coins that are listed one is kept.
    assert {row.base for row in again.kept[0].records} == {"BTC"}


def refusing(endpoint, body):
    if endpoint.kind is Kind.TICKER:
        raise RefusedError("bybit", "ticker", "symbol invalid", "", 400)
    return body


def delisted(endpoint, body):
    if endpoint.kind is not Kind.INSTRUMENTS:
        return refusing(endpoint, body)
    told = json.loads(body)
    told["result"]["list"] = [row for row in told["result"]["list"] if row["baseCoin"] != "BTC"]
    return json.dumps(told).encode()


def test_a_contract_that_is_listed_no_more_is_looked_for_at_once():
    known = answers_of(harvested(Changing(), {}))
    gone = harvested(client := Changing(delisted), known)
    assert gone.unlisted
    assert (gone.kept, gone.failures, gone.records.get(Kind.MARGIN_TIERS)) == ([], [], None)
    assert client.asked == {Kind.TICKER: 1, Kind.INSTRUMENTS: 1}
    # One that is listed still has failed, and is asked no third time.
    failed = harvested(client := Changing(refusing), known)
    assert [str(f) for f in failed.failures] == [str(RefusedError("bybit", "ticker", "symbol invalid", "", 400))]
    assert client.asked == {Kind.TICKER: 2, Kind.INSTRUMENTS: 1, Kind.MARGIN_TIERS: 1}


def test_a_contract_of_which_nothing_is_told_is_looked_for_too():
    def emptied(endpoint, body):
        if endpoint.kind is not Kind.TICKER:
            return delisted(endpoint, body)
        told = json.loads(body)
        told["result"]["list"] = []
        return json.dumps(told).encode()

    known = answers_of(harvested(Changing(), {}))
    assert harvested(Changing(emptied), known).unlisted


def test_a_source_that_cannot_be_reached_is_not_asked_twice_for_that():
    def broken(endpoint, body):
        if endpoint.kind is Kind.TICKER:
            raise UnreachableError("bybit", "ticker", "no connection")
        return body

    kinds = frozenset({Kind.MARGIN_TIERS})
    known = answers_of(harvested(Changing(), {}, kinds=kinds))
    found = harvested(client := Changing(broken), known, kinds=kinds)
    assert (client.asked, found.failures) == ({}, [])


def stricter(endpoint, body):
    if endpoint.kind is not Kind.MARGIN_TIERS:
        return body
    told = json.loads(body)
    for row in told["result"]["list"]:
        row["maintenanceMargin"] = str(1.1 * float(row["maintenanceMargin"]))
        row["mmDeduction"] = ""
    return json.dumps(told).encode()


def test_a_ladder_that_changed_is_taken_when_the_old_one_stands_no_more():
    known = answers_of(before := harvested(Changing(), {}))
    noted(*known.values())
    assert set(read(NOW_MS + 6 * HOUR_MS - 1)) == set(known)
    assert harvested(Changing(stricter), read(NOW_MS + 6 * HOUR_MS - 1)).of(MarginTier) == before.of(MarginTier)
    after = harvested(Changing(stricter), read(NOW_MS + 6 * HOUR_MS)).of(MarginTier)
    assert [row.rate for row in after] == pytest.approx([1.1 * row.rate for row in before.of(MarginTier)])


def test_what_an_earlier_run_saved_is_not_saved_as_read_now():
    found = harvested(Changing(), {}, "binance", frozenset({Kind.LONG_SHORT, Kind.MARK_PRICE, Kind.FUNDING_INTERVALS}))
    first = {batch.series.data for batch in rows.batches(found, "BTC", NOW_MS)}
    assert first == {"ratios", "funding"}
    again = harvested(Changing(), answers_of(found), "binance", frozenset(found.records) - {Kind.INSTRUMENTS})
    batches = rows.batches(again, "BTC", NOW_MS)
    # The interval between fundings is kept, and told with a rate that is new.
    assert [batch.series.data for batch in batches] == ["funding"]
    assert again.of(FundingInterval)
    assert batches[0].rows[0]["interval_hours"] == 8.0
    assert again.of(LongShort) == found.of(LongShort)


@pytest.fixture
def asked(monkeypatch):
    """Count the requests of all clients by source and kind."""
    counted, once = Counter(), Client._once

    async def counting(client, source, endpoint, query):
        counted[source.name, endpoint.kind] += 1
        return await once(client, source, endpoint, query)

    monkeypatch.setattr(Client, "_once", counting)
    return counted


def test_a_second_report_within_the_bar_asks_for_15_of_100(asked):
    with Exchange(nearest=True) as exchange:
        first, second = (reported(exchange, asked, NOW_MS + minutes * MINUTE_MS, History()) for minutes in (1, 11))
        alone = reported(exchange, asked, NOW_MS + 11 * MINUTE_MS, None)
        harvests = []
        service.sources(
            Options(history=History(), probe=True), exchange.settings, NOW_MS + 11 * MINUTE_MS, harvests.append
        )
    assert second[0].total() <= 0.15 * first[0].total()
    assert alone[0].total() == first[0].total()
    # The state of every venue is of now, and what is not is told with its time.
    by_venue = Counter(name for name, _kind in second[0])
    assert set(by_venue) == {venue.name for venue in VENUES}
    told = {(row.name, one.what): one.as_of for row in second[1].sources for one in row.kept}
    assert set(told.values()) == {"2026-01-30T12:01:00Z"}
    assert {("okx", "margin tiers"), ("binance", "instruments"), ("fear_greed", "sentiment")} <= set(told)
    assert not [one for row in (*first[1].sources, *alone[1].sources) for one in row.kept]
    # Whoever probes the sources asks them.
    assert not [one for h in harvests for one in h.kept]
    assert {h.name for h in harvests if h.requests} >= {"fear_greed", "okx", "binance"}
    # What is answered is the same, but for what is of its moment.
    assert second[1].risk.short.usd == pytest.approx(alone[1].risk.short.usd, rel=0.01)
    assert second[1].open_interest == alone[1].open_interest


def reported(exchange, asked, now_ms, kept_in):
    asked.clear()
    harvests = []
    document = service.report(Options(history=kept_in), exchange.settings, now_ms, harvests.append)
    counted = Counter(asked)
    if kept_in is not None:
        history.save(None, harvests, document, now_ms)
    return counted, document


def test_without_a_store_nothing_is_kept():
    with Exchange() as exchange:
        collect(Options(), exchange.settings, NOW_MS, {Kind.SENTIMENT})
        assert not kept._file("BTC").exists()
        collect(Options(history=History()), exchange.settings, NOW_MS, {Kind.SENTIMENT})
        assert kept._file("BTC").exists()
    assert kept._file("BTC").stat().st_mode & 0o077 == 0


def test_an_instrument_is_kept_as_it_is():
    listed = harvested(Changing(), {}).instrument
    noted(answer(records=[listed]))
    assert read()["bybit", "tiers?x"].records == [listed]
    assert isinstance(listed, Instrument)
