"""Use cases and what they rest on at their limits: choices, spans, ages, and what the engine is given."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

import imbalance
from imbalance import history, library, service
from imbalance.collect import (
    Options,
    Run,
    _usable,
    ask_of,
    chosen,
    market_of,
    require_fresh,
    require_fresh_run,
    why_not,
)
from imbalance.engine.assumptions import Assumptions
from imbalance.errors import (
    MissingDataError,
    NotRecordedError,
    StaleDataError,
    UnknownSymbolError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch.settings import SourceSettings
from imbalance.glossary import lookup
from imbalance.records import Contract, Feed, Instrument, MarginTier, Ticker
from imbalance.report import mapping, validation
from imbalance.results import heatmap, liquidation_map
from imbalance.results.liquidation_map import result
from imbalance.store.rows import Series
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.wire import Kind
from tests.support import bars
from tests.support.harvests import SOURCES, gave
from tests.support.maps import in_dollars

NOW_MS = 1_769_774_400_000


def test_a_report_is_of_thirty_days_of_bitcoin_where_nothing_is_chosen():
    plain = Options()
    assert (plain.symbol, plain.interval, plain.lookback_ms) == ("BTC", "15m", 30 * DAY_MS)
    assert (plain.window_pct, plain.timeout_s, plain.columns, plain.bins) == (15, 15, 200, 200)
    assert (plain.strict, plain.probe) == (False, False)


@pytest.mark.parametrize(
    ("now_ms", "start", "end"),
    [(10 * HOUR_MS, 8, 10), (10 * HOUR_MS + 1, 8, 11), (11 * HOUR_MS - 1, 8, 11), (11 * HOUR_MS, 9, 11)],
)
def test_bars_are_asked_for_from_whole_ones_to_the_running_one(now_ms, start, end):
    ask = ask_of(Options(interval="1h", lookback_ms=2 * HOUR_MS + 59 * MINUTE_MS), now_ms)
    assert (ask.start_ms, ask.end_ms, ask.interval_ms) == (start * HOUR_MS, end * HOUR_MS, HOUR_MS)


def test_venues_are_chosen_by_name_and_providers_always():
    assert [s.name for s in chosen([])] == list(SOURCES)
    named = [s.name for s in chosen(["okx", "gate"])]
    assert {name for name in named if SOURCES[name].is_venue} == {"okx", "gate"}
    assert len(named) == 2 + sum(not s.is_venue for s in SOURCES.values())
    with pytest.raises(UsageError) as caught:
        chosen(["binanc"])
    assert caught.value.hint == "Did you mean binance?"
    with pytest.raises(UsageError) as caught:
        chosen(["zzz"])
    assert "okx" in caught.value.hint


def test_sources_with_a_key_are_asked_where_it_is_there(monkeypatch):
    keyed = next(s for s in SOURCES.values() if s.key_header)
    both, live = [SOURCES["okx"], keyed], SimpleNamespace(recording=None)
    assert _usable(both, live, SourceSettings.from_environment()) == [SOURCES["okx"]]
    monkeypatch.setenv(f"IMBALANCE_{keyed.variable}_KEY", "k")
    assert _usable(both, live, SourceSettings.from_environment()) == both
    recorded = SimpleNamespace(recording=SimpleNamespace(sources=["gate", keyed.name]))
    assert _usable(both, recorded, SourceSettings()) == [keyed]


@pytest.mark.parametrize(
    ("newest_ms", "most_s", "fresh"),
    [
        (1000, 4.0, True),
        (1000, 3.999, False),
        (None, 4.0, False),
        (None, None, True),
        (0, None, True),
        (5000, 0.0, True),
    ],
)
def test_data_are_fresh_up_to_the_age_that_is_allowed(newest_ms, most_s, fresh):
    options = Options(max_age_s=most_s)
    if fresh:
        require_fresh(options, newest_ms, 5000)
    else:
        with pytest.raises(StaleDataError, match="of unknown age" if newest_ms is None else "from 1970"):
            require_fresh(options, newest_ms, 5000)


def run(harvests, **options):
    venues = tuple(h.source for h in harvests)
    return Run(Options(**options), "replay", None, NOW_MS, harvests, [], frozenset(), venues)


def test_a_run_is_as_fresh_as_its_newest_figure():
    old, new = (gave("okx", [(Kind.TICKER, [Ticker(NOW_MS - age)])]) for age in (9000, 1000))
    require_fresh_run(run([old, new, gave("gate")], max_age_s=1.0))
    with pytest.raises(StaleDataError, match="from 2026"):
        require_fresh_run(run([old], max_age_s=1.0))
    with pytest.raises(StaleDataError, match="unknown age"):
        require_fresh_run(run([gave("gate")], max_age_s=1.0))


def test_a_coin_that_no_venue_lists_is_told_with_those_like_it():
    listed = ("BTC", "BTCX", "BTCY", "BTCZ", "DOGE")
    unlisted = [gave("okx", listed=listed), gave("gate", listed=("ETH",)), gave("htx")]
    with pytest.raises(UnknownSymbolError) as caught:
        run(unlisted, symbol="BTCW").require_listing()
    told = str(caught.value) + caught.value.hint
    assert sum(name in told.replace("BTCW", "") for name in ("BTCX", "BTCY", "BTCZ")) >= 2
    assert "DOGE" not in told
    instrument = Instrument("gate", "BTC_USDT", "BTC", "USDT", Contract.LINEAR)
    run([unlisted[0], gave("gate", listed=listed, instrument=instrument)]).require_listing()
    run([gave("htx")]).require_listing()
    with pytest.raises(MissingDataError, match="nothing to map"):
        market_of(run([gave("htx", [(Kind.TICKER, [Ticker(NOW_MS, mark_price=1.0)])])]))


def test_why_nothing_came_is_told_by_what_failed_first():
    broken = gave(
        "okx", failures=[UnreachableError("okx", "a", "first\n  two"), UnreachableError("okx", "b", "second")]
    )
    assert why_not([broken, gave("gate")]).splitlines()[0] == "okx a: first two"
    assert "second" not in why_not([broken])
    assert "Check the connection" in why_not([broken])
    assert "A recording serves" in why_not([gave("okx", failures=[NotRecordedError("okx", "a", "x")])])


def test_positions_need_accounts_and_their_venue():
    for options, told in (
        (Options(), "no accounts given"),
        (Options(accounts=("0x1",), venues=("okx",)), "read from hyperliquid"),
        (Options(replay="article", venues=("okx",)), "read from hyperliquid"),
    ):
        with pytest.raises(UsageError, match=told):
            service.positions(options, SourceSettings(), 0, lambda _h: None)


@pytest.mark.parametrize(("asked_ms", "told"), [(None, 0), (NOW_MS, 0), (NOW_MS - 1, 0), (NOW_MS + 1, 1)])
def test_a_moment_later_than_the_bars_is_told(asked_ms, told):
    assert len(mapping.later(asked_ms, NOW_MS)) == told


def market(**series):
    return bars.market([100.0] * 3, bars.venue("okx", 3, open_interest=1.0, **series), bars.venue("none", 3))


def test_the_engine_is_given_venues_with_their_ladders():
    plain = market()
    (found,) = library.engine_venues(plain)
    assert (found.name, found.complete_feed, found.inverse) == ("okx", False, False)
    assert found.cap_usd.size == 0
    (found,) = library.engine_venues(bars.market([100.0] * 3, bars.venue("binance", 3, open_interest=1.0)))
    assert found.cap_usd.size == found.rate.size > 1  # the ladder that is stored
    own = [MarginTier(10.0, 20.0, 0.02, 50.0, bounds_in_base=True), MarginTier(0.0, 10.0, 0.01, 75.0, 3.0)]
    (found,) = library.engine_venues(plain, {"okx": own})
    assert found.cap_usd.tolist() == [10, 2000]  # in order; what is told in coins counts at the price
    assert (found.rate.tolist(), found.deduction_usd.tolist(), found.most_leverage) == ([0.01, 0.02], [3, 0], 75)
    (found,) = library.engine_venues(plain, {"okx": []})
    assert (found.cap_usd.size, found.most_leverage) == (0, 125)
    held = msgspec.structs.replace(plain.venues[0], tiers=tuple(own), feed=Feed.COMPLETE, contract=Contract.INVERSE)
    (found,) = library.engine_venues(msgspec.structs.replace(plain, venues=(held,)))
    assert (found.complete_feed, found.inverse, found.cap_usd.tolist()) == (True, True, [10, 2000])
    with pytest.raises(MissingDataError, match="no venue has open interest"):
        library.engine_venues(msgspec.structs.replace(plain, venues=plain.venues[1:]))


@pytest.mark.parametrize(("columns", "bins"), [(0, 5), (5, 0), (-1, 1)])
def test_a_picture_has_a_column_and_a_bin_at_least(columns, bins):
    with pytest.raises(UsageError, match="at least 1"):
        imbalance.heatmap(market(), columns=columns, bins=bins)


def moving(count=60):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.01, count)))
    return bars.market(close, bars.venue("okx", count, open_interest=1000.0, volume=50.0))


def test_a_picture_of_one_cell_can_be_drawn_and_there_are_a_thousand_to_each_side_unless_told():
    told = imbalance.heatmap(moving(), columns=1, bins=1)
    assert told.long_usd.shape == (1, 1)
    assert repr(told).startswith(
        "LiquidationHeatmap BTC, 2026-01-30T12:00:00Z to 2026-01-30T12:00:00Z, bars of 1h\n1 columns x 1 bins"
    )
    wide = imbalance.heatmap(moving(1002))
    assert wide.long_usd.shape[1] == 1000
    assert 500 <= wide.long_usd.shape[0] <= 1000
    assert (
        library.through_time(moving(1002), library.liquidation_map(moving(1002))).long_usd.shape == wide.long_usd.shape
    )


def test_estimates_of_the_same_bars_are_the_same():
    plain, named = imbalance.estimate(moving()), imbalance.estimate(moving(), symbol="ETH", seed=0)
    assert (plain.symbol, named.symbol) == ("BTC", "ETH")
    assert (plain.draws == library.liquidation_map(moving()).draws).all()
    assert (plain.draws == imbalance.estimate(moving(), seed=0).draws).all()
    assert not (plain.draws == imbalance.estimate(moving(), seed=1).draws).all()
    with pytest.raises(UsageError, match="calibrate must be"):
        imbalance.estimate(moving(), calibrate="on")
    cut = imbalance.estimate(moving(), as_of=bars.START_MS + 30 * HOUR_MS)
    assert cut.as_of_ms == bars.START_MS + 30 * HOUR_MS
    assert imbalance.heatmap(moving(), columns=5, bins=5, seed=0).long_usd.shape == (5, 5)


def test_a_map_prints_its_answer_in_three_lines_of_a_hundred_columns():
    found = result(in_dollars({90: 2e6, 88: 1e6}, {116: 8e6, 110: 1e6}, 60, 140))
    first, *middle, last = repr(found).splitlines()
    assert first == "LiquidationMap BTC 100.00, 2026-01-30T12:00:00Z, calibrated"
    assert last == "80 bins from 60 to 140.00"
    # Within 15 %: what lies above 115 is not in it.
    assert " ".join(middle).startswith("Longs are heavier") or "est. 3.0M of longs, 1.0M of shorts" in " ".join(middle)
    assert max(map(len, middle)) <= 100


def test_what_is_printed_breaks_at_a_hundred_columns_alone(monkeypatch):
    found = result(in_dollars({90: 2e6}, {110: 8e6}))
    text = "x" * 60 + " " + "y" * 39 + " z"
    monkeypatch.setattr(liquidation_map.phrases, "verdict", lambda *_, **__: SimpleNamespace(text=text))
    assert repr(found).splitlines()[1:3] == [text[:100], "z"]
    text = "x" * 60 + " " + "y" * 40
    assert repr(found).splitlines()[1:3] == [text[:60], "y" * 40]


def test_moments_are_told_to_the_millisecond():
    (moment,) = heatmap._moments(np.array([NOW_MS + 500]))
    assert moment.isoformat() == "2026-01-30T12:00:00.500000+00:00"


def test_pictures_are_light_unless_told():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    found = result(in_dollars({90: 2e6}, {110: 8e6}))
    assert found.plot().get_facecolor() == (1, 1, 1, 1)
    assert imbalance.heatmap(moving(), columns=2, bins=2).plot().get_facecolor() == (1, 1, 1, 1)


def long_market(days, **series):
    count = days * 24
    venue = bars.venue("okx", count, open_interest=1000.0, volume=50.0, **series)
    return bars.market(100 + np.arange(count) % 7, venue)


def test_a_validation_needs_more_than_six_days_and_liquidations():
    observed = {"long_liquidations": 1.0, "short_liquidations": 1.0}
    short = long_market(6, **observed)
    with pytest.raises(MissingDataError, match="more than 6 days of bars"):
        validation.sections(short, library.engine_venues(short), [])
    none = long_market(7)
    with pytest.raises(MissingDataError, match="no observed liquidations"):
        validation.sections(none, library.engine_venues(none), [])
    enough = bars.market(
        100 + np.arange(145) % 7, bars.venue("okx", 145, open_interest=1000.0, volume=50.0, **observed)
    )
    with pytest.raises(UsageError, match="less than a bar, here 1h"):
        validation.sections(enough, library.engine_venues(enough), [1 / 24 - 1e-9])
    told = validation.sections(enough, library.engine_venues(enough), [1 / 24])
    assert told["bars_tested"] >= 0


def test_members_are_told_by_what_they_suppose():
    assumptions = Assumptions()
    first, *_others = told = validation._members(assumptions, SimpleNamespace(fits=[]))
    assert [member.name for member in told] == [f"member {n}" for n in range(1, len(told) + 1)]
    assert sum(member.weight for member in told) == pytest.approx(1)
    assert [member.weight_learnt for member in told] == [member.weight for member in told]
    assert first.lifetime_days == pytest.approx([1 / hazard for hazard in assumptions.structures[0].hazard_a_day])
    fits = [SimpleNamespace(share=[n] * len(told)) for n in (0.1, 0.2, 0.3)]
    assert {m.weight_learnt for m in validation._members(assumptions, SimpleNamespace(fits=fits))} == {0.3}


def test_bars_of_a_validation_are_those_with_all_that_is_scored():
    def both(*values):
        return np.array([values, values], dtype=float)

    found = SimpleNamespace(
        observed=both(1, np.nan, 3, 4), predicted=both(5, 6, np.nan, 8), low=both(1, 1, 1, 1), high=both(9, 9, 9, 9)
    )
    found.low[1, 3] = np.nan
    rows = validation._bars(bars.market([1.0] * 4), found)
    assert [(row.time, row.side, row.observed_usd, row.predicted_usd) for row in rows] == [
        (bars.START_MS, "long", 1, 5), (bars.START_MS, "short", 1, 5)
    ]  # fmt: skip


def test_a_series_without_bars_has_no_interval():
    told = history._series(Series(data="ticker", source="okx", symbol="BTC"), None, [], [])
    assert (told.venue, told.instrument, told.what, told.interval) == (None, None, None, None)
    assert (told.symbol, told.rows, told.first, told.last) == ("BTC", 0, None, None)
    one = Series(data="candles", source="okx", venue="v", instrument="i", what="w", interval_ms=MINUTE_MS)
    told = history._series(one, None, [], [])
    assert (told.venue, told.symbol, told.instrument, told.what, told.interval) == ("v", None, "i", "w", "1m")


def test_history_goes_out_as_its_suffix_says(tmp_path, monkeypatch):
    columns = {"time": [NOW_MS], "venue": ["okx"], "close": [1.5]}
    monkeypatch.setattr(history.stored_bars, "bars", lambda *_: columns)

    class Store:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def reading(self):
            return self

    monkeypatch.setattr(history.opening, "opened", lambda *_a, **_k: Store())
    plain = b"time,venue,close\n2026-01-30T12:00:00Z,okx,1.5\n"
    assert history.export(None, "BTC", HOUR_MS, tmp_path / "a.CSV") == 1
    assert (tmp_path / "a.CSV").read_bytes() == plain
    history.export(None, "BTC", HOUR_MS, tmp_path / "a.csv.gz")
    zipped = (tmp_path / "a.csv.gz").read_bytes()
    assert gzip.decompress(zipped) == plain
    assert zipped[4:8] == bytes(4)  # the same history is the same file
    with pytest.raises(UsageError, match="suffix is none of"):
        history.export(None, "BTC", HOUR_MS, tmp_path / "a.gz")
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    import pandas as pd

    history.export(None, "BTC", HOUR_MS, tmp_path / "a.parquet")
    assert list(pd.read_parquet(tmp_path / "a.parquet").columns) == list(columns)


def test_terms_like_one_that_is_none_are_three_at_most():
    with pytest.raises(UsageError) as caught:
        lookup("long liquidation rsk")
    assert "long liquidation risk" in caught.value.hint
    assert caught.value.hint.count(",") == 2
    with pytest.raises(UsageError) as caught:
        lookup("zzzzqqq")
    assert caught.value.hint.count(",") > 9
    assert lookup("January 2026 volume").name == lookup("december volume").name
