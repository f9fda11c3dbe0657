"""A whole run against a loopback archive and APIs: what is stored, what is asked again, what goes wrong."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from imbalance import history, read_bars
from imbalance.backfill import reading as units_reading
from imbalance.backfill import run
from imbalance.backfill.units import LEFT_OUT, NOT_THERE
from imbalance.dumps import binance
from imbalance.dumps.binance import COIN_M, KLINES, METRICS, USD_M, File
from imbalance.errors import MissingDataError, StoreError, StrictError, UnknownSymbolError, UsageError
from imbalance.fetch import client as fetching
from imbalance.store import opening, writing
from imbalance.store.rows import Batch, Series
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS
from tests.library.backfill.world import ANSWERS, NOW_MS, SINCE_MS, Told, fill, stored
from tests.library.backfill.world import USD_M as USD_M_LISTING
from tests.support import archive
from tests.support.archive import Archive, day, open_interest_at, price_at

STEP_MS = INTERVALS_MS["5m"]
BARS = ("binance", "candles", "", INTERVALS_MS["15m"])
LEVELS = ("binance", "open_interest", "", STEP_MS)
# APIs of statistics reach back thirty days: from then on they do not reach what the archive has.
LATER_MS = NOW_MS + 33 * DAY_MS
# What the archive has on 12 March at noon, and the APIs give for the rest.
ARCHIVED_TO_MS = day("2025-03-12")


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    archive.fill(folder, SINCE_MS, NOW_MS, interval="15m")
    return folder


@pytest.fixture
def server(dumps):
    with Archive(dumps, dict(ANSWERS)) as running:
        yield running


@pytest.fixture
def file(tmp_path):
    return tmp_path / "history.db"


def files_asked(server):
    return [target for target in server.asked if target.endswith(".zip")]


def test_files_and_apis_fill_the_store_from_the_first_day_to_now(server, file):
    document = fill(server, file)
    assert document.gaps == []
    found = stored(file)
    bars, known, missing = found[BARS]
    assert bars["time_ms"].tolist() == list(range(SINCE_MS, NOW_MS, BARS[3]))
    assert (bars["open"] == [price_at(t) for t in bars["time_ms"]]).all()
    assert (known, missing) == ([(SINCE_MS, NOW_MS)], [])
    levels, known, missing = found[LEVELS]
    assert levels["time_ms"].tolist() == list(range(SINCE_MS, NOW_MS + 1, STEP_MS))
    assert levels["open_interest_base"].tolist() == pytest.approx([open_interest_at(t) for t in levels["time_ms"]])
    # The first moment is in the file of the day before, and in the API.
    assert (known, missing) == ([(SINCE_MS, NOW_MS + STEP_MS)], [])
    assert {what for _venue, data, what, _step in found if data == "ratios"} == {
        "accounts",
        "top accounts",
        "top positions",
    }
    paid, known, _missing = found["binance", "funding", "settled", 0]
    assert paid["time_ms"].tolist() == list(range(SINCE_MS, NOW_MS, 8 * HOUR_MS))
    assert known == [(SINCE_MS, NOW_MS)]
    assert found["binance", "candles", "", DAY_MS][0]["time_ms"].tolist() == list(
        range(SINCE_MS, ARCHIVED_TO_MS, DAY_MS)
    )
    mood, known, _missing = found["fear_greed", "sentiment", "", DAY_MS]
    assert mood["time_ms"][-1] == ARCHIVED_TO_MS
    # Pages may touch.
    many = sum(rows["time_ms"].size for rows, _known, _missing in found.values())
    assert many <= sum(series.rows for series in document.series) <= many + 10


def test_a_second_run_asks_for_nothing_that_is_known(server, file):
    fill(server, file)
    server.asked.clear()
    document = fill(server, file)
    assert files_asked(server) == []
    # Weeks without a report and days without a figure of holders may only be late.
    assert {series.source for series in document.series} <= {"cftc", "coinmetrics"}


def test_a_day_later_the_day_is_read_and_nothing_else(server, file, dumps):
    fill(server, file)
    kinds = ((METRICS, ""), (KLINES, "15m"), (KLINES, "1d"))
    places = [archive.store(dumps, File(USD_M, kind, "BTCUSDT", "2025-03-12", interval)) for kind, interval in kinds]
    server.asked.clear()
    fill(server, file, now_ms=NOW_MS + DAY_MS)
    for place in places:
        place.unlink()
    # That of metrics would tell nothing new of the half that the APIs gave: it is read for the other.
    assert {target[-14:-4] for target in files_asked(server)} == {"2025-03-12"}
    assert stored(file)[BARS][1] == [(SINCE_MS, NOW_MS + DAY_MS)]


def test_a_dry_run_says_what_it_would_ask_for_and_stores_nothing(server, file):
    document = fill(server, file, dry_run=True)
    assert not file.exists()
    assert files_asked(server) == []
    assert document.dry_run
    told = {(s.source, s.data, s.interval, s.what): s for s in document.series}
    metrics = told["binance_archive", "open_interest, ratios", "5m", None]
    assert (metrics.unit, metrics.units, metrics.requests, metrics.rows) == ("file", 4, 8, 0)
    assert [(span.start, span.end) for span in metrics.spans] == [("2025-03-08T00:05:00Z", "2025-03-12T00:05:00Z")]
    bars = told["binance", "candles", "15m", None]
    assert [(span.start, span.end) for span in bars.spans] == [("2025-03-12T00:00:00Z", "2025-03-12T12:00:00Z")]
    planned = {series.unit: series.units for series in document.series}
    watched = Told()
    fill(server, file, told=watched)
    assert watched.many == len(watched.outcomes) >= sum(series.units for series in document.series)
    assert sum("requests=2" in str(outcome.unit) for outcome in watched.outcomes) == sum(
        series.units for series in document.series if series.unit == "file"
    )
    assert set(planned) == {"file", "page"}


def test_a_day_without_a_file_is_a_gap_with_its_reason_and_is_not_asked_for_again(server, file):
    server.faults["metrics-2025-03-09"] = "404"
    document = fill(server, file, now_ms=LATER_MS)
    [metrics] = [s for s in document.series if s.data.startswith("open_interest,")]
    # Those of the last weeks are not there either.
    assert (metrics.missing, metrics.failed) == (1 + 33, 0)
    _levels, known, missing = stored(file)[LEVELS]
    # The moment that a day begins is in the file before, and that at its end in its own.
    assert (day("2025-03-09") + STEP_MS, day("2025-03-10") + STEP_MS, NOT_THERE) in missing
    assert known[0] == (SINCE_MS + STEP_MS, day("2025-03-09") + STEP_MS)
    server.faults.clear()
    server.asked.clear()
    fill(server, file, now_ms=LATER_MS)
    assert files_asked(server) == []
    fill(server, file, now_ms=LATER_MS, again=True)
    assert "2025-03-09" in {target[-14:-4] for target in files_asked(server)}
    assert stored(file)[LEVELS][1][0] == (SINCE_MS + STEP_MS, ARCHIVED_TO_MS + STEP_MS)


def test_a_young_gap_is_asked_for_again(server, file):
    server.faults["metrics-2025-03-11"] = "404"
    server.answers["/futures/data/openInterestHist"] = lambda _query: []
    fill(server, file)
    server.faults.clear()
    server.asked.clear()
    fill(server, file)
    assert [target[-14:-4] for target in files_asked(server)] == ["2025-03-11"]


def test_what_files_lack_an_api_gives(server, file):
    server.faults["15m-2025-03-10"] = "404"
    fill(server, file)
    bars, known, missing = stored(file)[BARS]
    assert (known, missing) == ([(SINCE_MS, NOW_MS)], [])
    assert bars["time_ms"].tolist() == list(range(SINCE_MS, NOW_MS, BARS[3]))


@pytest.mark.parametrize(("fault", "told"), [("cut", "SHA-256"), ("500", "500"), ("403", "403")])
def test_a_damaged_or_refused_file_is_named_stores_nothing_and_is_read_the_next_time(server, file, fault, told):
    server.faults["metrics-2025-03-09.zip"] = fault
    document = fill(server, file, now_ms=LATER_MS)
    [gap] = document.gaps
    assert (gap.source, gap.what[:26]) == ("binance_archive", "BTCUSDT-metrics-2025-03-09")
    assert told in gap.message
    levels, _known, missing = stored(file)[LEVELS]
    inside = (levels["time_ms"] > day("2025-03-09")) & (levels["time_ms"] <= day("2025-03-10"))
    assert not inside.any()
    assert not any(from_ms < day("2025-03-10") and why == NOT_THERE for from_ms, _to, why in missing)
    server.faults.clear()
    server.asked.clear()
    fill(server, file, now_ms=LATER_MS)
    assert min(target[-14:-4] for target in files_asked(server)) == "2025-03-09"
    assert stored(file)[LEVELS][1][0] == (SINCE_MS + STEP_MS, ARCHIVED_TO_MS + STEP_MS)


def test_a_file_whose_checksum_is_missing_is_not_believed(server, file):
    server.faults["metrics-2025-03-09.zip.CHECKSUM"] = "404"
    [gap] = fill(server, file, now_ms=LATER_MS).gaps
    assert gap.what == "BTCUSDT-metrics-2025-03-09.zip.CHECKSUM"
    assert not any(day("2025-03-09") < t <= day("2025-03-10") for t in stored(file)[LEVELS][0]["time_ms"])


def test_a_listing_that_is_refused_leaves_the_archive(server, file):
    server.faults["exchangeInfo"] = "451"
    document = fill(server, file)
    assert any("451" in gap.message for gap in document.gaps)
    assert stored(file)[BARS][1] == [(SINCE_MS, ARCHIVED_TO_MS)]


def test_a_source_that_cannot_be_reached_is_not_asked_a_hundred_times(server, file):
    server.faults["/data/"] = "403"
    document = fill(server, file, since_ms=day("2025-02-01"))
    files = [series for series in document.series if series.unit == "file"]
    assert sum(series.skipped for series in files) > 0
    assert sum(series.failed for series in files) <= 5 + 12
    # Whatever the archive keeps, the API of bars gives.
    assert stored(file)[BARS][1] == [(day("2025-02-01"), NOW_MS)]


def test_pages_of_an_api_are_walked_back_to_the_first_day(server, file):
    document = fill(server, file, venues=("bybit",))
    assert document.gaps == []
    found = stored(file)
    levels, known, _missing = found["bybit", "open_interest", "", INTERVALS_MS["15m"]]
    assert levels["time_ms"].tolist() == list(range(SINCE_MS, NOW_MS + 1, INTERVALS_MS["15m"]))
    assert levels["open_interest_base"].tolist() == pytest.approx([open_interest_at(t) for t in levels["time_ms"]])
    assert known == [(SINCE_MS, NOW_MS + INTERVALS_MS["15m"])]
    assert found["bybit", "candles", "", INTERVALS_MS["15m"]][1] == [(SINCE_MS, NOW_MS)]
    assert found["bybit", "candles", "", DAY_MS][1] == [(SINCE_MS, day("2025-03-12"))]
    assert found["bybit", "ratios", "accounts", INTERVALS_MS["15m"]][0]["long_share"][0] == 0.6
    assert found["bybit", "funding", "settled", 0][0]["time_ms"].size == 14
    assert not any(venue == "binance" for venue, *_rest in found)


def test_a_page_that_fails_is_named_and_the_others_are_stored(server, file):
    calls = []

    def sometimes(query):
        calls.append(query)
        return {"retCode": 10001, "retMsg": "no"} if len(calls) == 2 else ANSWERS["/v5/market/open-interest"](query)

    server.answers["/v5/market/open-interest"] = sometimes
    document = fill(server, file, venues=("bybit",))
    assert [(gap.source, gap.what) for gap in document.gaps] == [("bybit", "open interest history")]
    server.answers["/v5/market/open-interest"] = ANSWERS["/v5/market/open-interest"]
    fill(server, file, venues=("bybit",))
    assert stored(file)["bybit", "open_interest", "", INTERVALS_MS["15m"]][1] == [
        (SINCE_MS, NOW_MS + INTERVALS_MS["15m"])
    ]


def test_what_an_answer_leaves_out_is_a_gap(server, file):
    def holed(query):
        found = ANSWERS["/v5/market/kline"](query)
        rows = found["result"]["list"]
        found["result"]["list"] = [row for row in rows if int(row[0]) != day("2025-03-09") or query["interval"] == "D"]
        return found

    server.answers["/v5/market/kline"] = holed
    fill(server, file, venues=("bybit",))
    hole = (day("2025-03-09"), day("2025-03-09") + INTERVALS_MS["15m"], LEFT_OUT)
    assert stored(file)["bybit", "candles", "", INTERVALS_MS["15m"]][2] == [hole]


def test_a_folder_is_read_without_the_network(dumps, file, tmp_path):
    document = fill(None, file, folder=dumps, venues=())
    found = stored(file)
    assert found[BARS][1] == [(SINCE_MS, ARCHIVED_TO_MS)]
    assert {venue for venue, *_rest in found} == {"binance", "binance_coinm"}
    inverse, _known, _missing = found["binance_coinm", "candles", "", INTERVALS_MS["15m"]]
    assert inverse["volume_usd"] == pytest.approx(inverse["volume_base"] * inverse["open"], rel=1e-6)
    again = fill(None, file, folder=dumps, venues=())
    assert (len(document.series), again.series) == (6, [])
    flat = tmp_path / "flat"
    flat.mkdir()
    one = File(USD_M, METRICS, "BTCUSDT", "2025-03-09")
    (flat / one.name).write_bytes((dumps / one.path[1:]).read_bytes())
    [series] = fill(None, tmp_path / "flat.db", folder=flat).series
    assert (series.units, series.rows) == (1, 4 * 288)


def test_bars_of_a_folder_are_of_the_length_asked_for_or_all(dumps, file):
    lengths = {s.interval for s in fill(None, file, folder=dumps, dry_run=True).series if s.data == "candles"}
    assert lengths == {"15m", "1d"}
    lengths = {
        s.interval for s in fill(None, file, folder=dumps, dry_run=True, interval="5m").series if s.data == "candles"
    }
    assert lengths == {"1d"}


def test_liquidations_of_coin_m_are_stored_by_position(file, tmp_path):
    made = File(COIN_M, binance.LIQUIDATIONS, "BTCUSD_PERP", "2024-03-02")
    archive.store(tmp_path / "dumps", made)
    fill(None, file, folder=tmp_path / "dumps", venues=(), since_ms=day("2024-03-01"))
    orders, known, missing = stored(file)["binance_coinm", "liquidations", "", 0]
    assert (known, missing) == ([(made.from_ms, made.to_ms)], [])
    assert orders["time_ms"].tolist() == list(range(made.from_ms + 123, made.to_ms, HOUR_MS))
    assert orders["position"].tolist() == ["long", "short"] * 12
    assert (orders["quantity_base"] * orders["price"]).tolist() == pytest.approx([100 * (i + 1) for i in range(24)])


def test_a_folder_with_a_damaged_file_gives_the_others(file, tmp_path):
    folder = tmp_path / "dumps"
    places = [archive.store(folder, File(USD_M, METRICS, "BTCUSDT", f"2025-03-{i:02}")) for i in (8, 9, 10)]
    places[1].write_bytes(places[1].read_bytes()[:-100])
    [gap] = fill(None, file, folder=folder).gaps
    assert (gap.what, "SHA-256" in gap.message) == (places[1].name, True)
    # Without a checksum beside it, the zip itself tells.
    places[1].with_name(places[1].name + ".CHECKSUM").unlink()
    [gap] = fill(None, file, folder=folder).gaps
    assert "cannot be unpacked" in gap.message
    assert len(stored(file)[LEVELS][0]["time_ms"]) == 2 * 288
    for place in (places[0], places[2]):
        place.unlink()
    with pytest.raises(MissingDataError, match="nothing was read"):
        fill(None, tmp_path / "other.db", folder=folder)
    archive.store(folder, File(USD_M, METRICS, "BTCUSDT", "2025-03-08"))
    with pytest.raises(StrictError, match="1 failed under --strict"):
        fill(None, tmp_path / "strict.db", folder=folder, strict=True)
    assert len(stored(tmp_path / "strict.db")[LEVELS][0]["time_ms"]) == 288


def test_what_cannot_be_asked_is_told_at_once(server, file, tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        fill(None, file, folder=tmp_path / "nowhere")
    with pytest.raises(MissingDataError, match="no file in it is of BTC"):
        fill(None, file, folder=tmp_path)
    with pytest.raises(UsageError, match="--since is in the future"):
        fill(server, file, since_ms=NOW_MS)
    with pytest.raises(UsageError, match="no venue 'binanse'"):
        fill(server, file, venues=("binanse",))
    with pytest.raises(UnknownSymbolError, match="BTCX"):
        fill(server, file, symbol="BTCX")
    (tmp_path / "closed.db").mkdir()
    with pytest.raises(StoreError):
        fill(server, tmp_path / "closed.db")


def test_nobody_there_is_told_and_makes_no_history(file):
    class Nobody:
        url = "http://127.0.0.1:9"

    with pytest.raises(MissingDataError):
        fill(Nobody, file)


def test_rows_are_those_that_a_live_run_stores(server, file):
    """The archive and the API of the same bars make the same rows: a later reading changes nothing."""
    fill(server, file)
    first = stored(file)[BARS][0]
    server.faults["/data/"] = "404"
    second_file = file.with_name("second.db")
    fill(server, second_file)
    second = stored(second_file)[BARS][0]
    for name in ("time_ms", "open", "high", "low", "close"):
        assert np.array_equal(first[name], second[name])


def test_the_checksums_of_the_fixtures_are_their_own(dumps):
    for place in list(dumps.rglob("*.zip"))[:5]:
        told = place.with_name(place.name + ".CHECKSUM").read_text().split()[0]
        assert told == hashlib.sha256(place.read_bytes()).hexdigest()


def test_gate_gives_sums_single_orders_and_open_interest(server, file):
    document = fill(server, file, venues=("gate",))
    assert document.gaps == []
    found = stored(file)
    quarter, hour = INTERVALS_MS["15m"], HOUR_MS
    for step_ms in (quarter, hour):
        levels, known, missing = found["gate", "open_interest", "", step_ms]
        assert levels["open_interest_base"].tolist() == pytest.approx([open_interest_at(t) for t in levels["time_ms"]])
        assert (known, missing) == ([(SINCE_MS, NOW_MS + step_ms)], [])
        sums, known, _missing = found["gate", "liquidation_sums", "", step_ms]
        assert set(sums["long_base"]) == {1.0}
        assert known == [(SINCE_MS - step_ms, NOW_MS)]
    orders, known, missing = found["gate", "liquidations", "", 0]
    assert orders["time_ms"].tolist() == list(range(SINCE_MS + hour // 2, NOW_MS, hour))
    assert (known, missing) == ([(SINCE_MS, NOW_MS)], [])
    assert set(zip(orders["position"], orders["quantity_base"], orders["nth"], strict=True)) == {("long", 1.0, 0)}


def test_single_orders_are_asked_for_only_where_a_stream_was_not_heard(server, file):
    heard = (day("2025-03-10") + 6 * HOUR_MS, day("2025-03-10") + 18 * HOUR_MS)
    series = Series("liquidations", "gate", "gate", "BTC", "BTC_USDT", "linear")
    with opening.opened(str(file), make=True) as store, store.writing() as connection:
        writing.save(connection, [Batch(series, [], [heard])], NOW_MS - DAY_MS)
    fill(server, file, venues=("gate",))
    orders, known, _missing = stored(file)["gate", "liquidations", "", 0]
    # What the stream did not print there is not added: its orders may have other stamps.
    assert not any(heard[0] <= t < heard[1] for t in orders["time_ms"])
    assert known == [(SINCE_MS, NOW_MS)]


def test_a_store_that_others_write_to_is_told_and_what_was_stored_stays(server, file, monkeypatch):
    fill(server, file)
    many = stored(file)[BARS][0]["time_ms"].size
    monkeypatch.setattr(run, "WAIT_S", 0.05)
    with (
        opening.opened(str(file)) as store,
        store.writing(),
        pytest.raises(StoreError, match="another process is writing to it"),
    ):
        fill(server, file, since_ms=SINCE_MS - DAY_MS)
    assert stored(file)[BARS][0]["time_ms"].size == many


def test_what_was_filled_is_a_bars_file(server, file, tmp_path):
    fill(server, file)
    made = tmp_path / "bars.csv"
    assert history.export(str(file), "BTC", INTERVALS_MS["15m"], made) == (NOW_MS - SINCE_MS) // INTERVALS_MS["15m"]
    bars = read_bars(made, symbol="BTC")
    [venue] = bars.venues
    assert np.isfinite(venue.open_interest_base).all()
    assert venue.open_interest_base[-1] == pytest.approx(open_interest_at(NOW_MS))


def test_a_source_that_asks_for_a_pause_is_given_one(server, file, monkeypatch):
    calls = []

    def busy(query):
        calls.append(query)
        return {"retCode": 10006, "retMsg": "wait"} if len(calls) <= 5 else ANSWERS["/v5/market/kline"](query)

    server.answers["/v5/market/kline"] = busy
    monkeypatch.setattr(fetching, "SHORT_RETRY_AFTER_S", 0.01)
    monkeypatch.setattr(units_reading, "SHORTEST_PAUSE_S", 0.01)
    document = fill(server, file, venues=("bybit",))
    assert document.gaps == []
    assert stored(file)["bybit", "candles", "", INTERVALS_MS["15m"]][1] == [(SINCE_MS, NOW_MS)]


def test_a_coin_whose_name_no_file_can_have_is_read_of_the_api_alone(server, file):
    listing = {"symbols": [USD_M_LISTING["symbols"][0] | {"symbol": "币安人生USDT", "baseAsset": "币安人生"}]}
    server.answers["/fapi/v1/exchangeInfo"] = lambda _query: listing
    fill(server, file, symbol="币安人生")
    assert files_asked(server) == []
    assert stored(file)[BARS][1] == [(SINCE_MS, NOW_MS)]
