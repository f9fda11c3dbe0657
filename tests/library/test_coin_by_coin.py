"""Coins studied and tried one by one: the same wherever they run, whichever ends first, whoever fails beside them."""

from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import numpy as np
import pytest

from imbalance import coin_by_coin, jobs
from imbalance.backtest.study import Studied, joined, part_of, study
from imbalance.coin_by_coin import Coin, StudyTask, TrialTask, studied, tried
from imbalance.collect import Options
from imbalance.errors import BarsError, MissingDataError, UsageError
from imbalance.origins import OwnBars
from imbalance.remembered import History
from imbalance.report.signals.read import Past
from imbalance.signals.past import Series
from imbalance.store import opening, writing
from imbalance.store import rows as stored_rows
from imbalance.units import DAY_MS, HOUR_MS
from tests.library.backtest.test_study import studied as walk
from tests.library.test_map_history import JANUARY_MS, backwards, bars, put

pytest.importorskip("pyarrow")
pytest.importorskip("arch")
pytest.importorskip("statsmodels")
DAYS = 16
NOW_MS = JANUARY_MS + DAYS * DAY_MS


@pytest.fixture
def folder(tmp_path):
    """Three coins with liquidations, and one that is damaged."""
    for seed, symbol in enumerate(("AAA", "BBB", "CCC")):
        frame = bars(JANUARY_MS, DAYS * 24, seed)
        frame["long_liquidations_base"] = 500 * (frame["open"] / frame["low"] - 1)
        frame["short_liquidations_base"] = 500 * (frame["high"] / frame["open"] - 1)
        put(tmp_path, symbol, "2026-01", frame)
    put(tmp_path, "DDD", "2026-01", frame).write_bytes(b"damaged")
    return tmp_path


def asked(folder, *symbols, **more):
    return Options(bars=str(folder), files=(str(folder),), symbols=symbols, **more)


def fear(folder):
    """Return a store that knows a fear that comes and goes, and nothing else."""
    file = folder.parent / f"{folder.name}.db"
    mood = [{"time_ms": JANUARY_MS + n * DAY_MS, "value": float(10 + 80 * (n % 2)), "label": "x"} for n in range(DAYS)]
    batch = stored_rows.Batch(stored_rows.Series("sentiment", "fear_greed", interval_ms=DAY_MS), mood)
    with opening.opened(str(file), make=True) as store, store.writing() as connection:
        writing.save(connection, [batch], NOW_MS)
    return History(str(file))


def test_a_study_is_the_same_wherever_its_coins_run(folder):
    options = asked(folder, "CCC", "AAA", signal="fear", history=fear(folder))
    here = coin_by_coin.backtest(options, NOW_MS)
    assert [m.symbol for m in here.markets] == ["CCC", "AAA"]
    assert all(m.events for m in here.markets)
    assert coin_by_coin.backtest(options, NOW_MS, jobs.local(2)) == here


def test_horizons_that_bars_do_not_tell_are_named(folder):
    found = coin_by_coin.backtest(asked(folder, "CCC", signal="fear", history=fear(folder)), NOW_MS)
    told = {outcome.horizon for outcome in found.outcomes}
    (note,) = found.notes
    assert note.startswith("CCC: nothing is told of ")
    assert told
    assert told | {name for name in ("1h", "4h", "12h", "1d", "3d", "7d") if f" {name}" in note} == {
        "1h", "4h", "12h", "1d", "3d", "7d",
    }  # fmt: skip
    assert not told & set(note.split(": ")[1].removeprefix("nothing is told of ").split(", "))


def test_parts_join_to_the_study_of_whole_markets():
    markets = [walk(1, jump=0.01), walk(5, symbol="ETH", bars=24 * 150), walk(7, symbol="X", events=3)]
    # ETH begins later: its days are some of all.
    later = msgspec.structs.replace(markets[1].market, time_ms=markets[1].market.time_ms + 37 * DAY_MS)
    markets[1] = Studied(later, markets[1].firings)
    parts = [pickle.loads(pickle.dumps(part_of(one, draws=99, seed=3))) for one in markets]  # noqa: S301  our own
    whole = study(markets, draws=99, seed=3)
    np.testing.assert_array_equal([r[3:] for r in joined(parts, draws=99, seed=3)], [r[3:] for r in whole])
    found = next(r for r in whole if r.symbol == "ETH" and r.events)
    alone = next(r for r in study(markets[1:2], draws=99, seed=3) if r[:3] == found[:3])
    assert (found.newey_west_p, found.placebo_p, found.difference) == (
        alone.newey_west_p, alone.placebo_p, alone.difference,
    )  # fmt: skip
    # Over days of all markets other ones are drawn.
    assert found.low != alone.low


def test_what_a_task_returns_grows_by_the_day_and_not_by_the_bar():
    few, many = (part_of(walk(1, bars=24 * days, every=40)) for days in (140, 240))
    cases = sum(case.tested is not None for case in many.cases)
    assert cases == sum(case.tested is not None for case in few.cases) > 10
    grown = len(pickle.dumps(many)) - len(pickle.dumps(few))
    assert grown < 100 * (cases * 4 + 1) * 8 + 1000


def test_a_trial_is_the_same_wherever_its_coins_run(folder):
    options = asked(folder, "BBB", "AAA", horizons_days=(1.0,))
    here = coin_by_coin.validate(options, NOW_MS)
    assert [row.symbol for row in here.rows] == ["BBB", "AAA"]
    assert coin_by_coin.validate(options, NOW_MS, backwards) == here
    alone = tried(TrialTask(Coin("AAA", OwnBars(str(folder)), "x", None), (1.0,), None, NOW_MS))
    assert here.rows[1] == alone
    assert alone.bars_tested
    assert alone.model is not None
    assert (here.schema, here.mode, here.as_of) == ("imbalance.validate-coins/1", "bars", alone.as_of)


def test_a_trial_is_of_the_venues_that_are_named(folder):
    whole = coin_by_coin.validate(asked(folder, "BBB", "AAA"), NOW_MS)
    assert coin_by_coin.validate(asked(folder, "BBB", "AAA", venues=("okx",)), NOW_MS) == whole
    with pytest.raises(MissingDataError, match="no coin") as caught:
        coin_by_coin.validate(asked(folder, "BBB", "AAA", venues=("kraken",)), NOW_MS)
    assert "no bars of kraken" in caught.value.hint


def test_a_cluster_gives_the_same(folder):
    distributed = pytest.importorskip("distributed")
    options = asked(folder, every_coin=True, signal="fear", history=fear(folder))
    here = coin_by_coin.backtest(options, NOW_MS)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None, memory_limit=0
    ) as cluster:
        assert coin_by_coin.backtest(options, NOW_MS, jobs.cluster(cluster.scheduler_address)) == here
    assert [gap.source for gap in here.gaps] == ["DDD"]


def test_a_coin_that_fails_says_why_beside_the_others(folder):
    told = coin_by_coin.validate(asked(folder, every_coin=True), NOW_MS)
    assert [row.symbol for row in told.rows] == ["AAA", "BBB", "CCC", "DDD"]
    assert [bool(row.failed) for row in told.rows] == [False, False, False, True]
    assert "symbol=DDD/month=2026-01/bars.parquet: damaged Parquet" in told.rows[3].failed
    assert (told.rows[3].as_of, told.rows[3].methods, told.rows[3].model) == (None, [], None)
    study = coin_by_coin.backtest(asked(folder, "AAA", "DDD", "ZZZ", signal="sweep"), NOW_MS)
    assert [m.symbol for m in study.markets] == ["AAA"]
    assert [(gap.source, gap.failed) for gap in study.gaps] == [("DDD", True), ("ZZZ", True)]
    assert "nothing of ZZZ" in study.gaps[1].message


def test_nothing_is_told_where_every_coin_fails(folder):
    with pytest.raises(BarsError, match="symbol=DDD"):
        coin_by_coin.backtest(asked(folder, "DDD", "ZZZ", signal="sweep"), NOW_MS)
    with pytest.raises(MissingDataError, match="no coin could be validated") as caught:
        coin_by_coin.validate(asked(folder, "DDD", "ZZZ"), NOW_MS)
    assert "DDD: " in caught.value.hint
    assert "ZZZ: " in caught.value.hint


def test_a_file_that_was_named_must_be_there(folder):
    named = (str(folder), str(folder / "nothing.csv"))
    with pytest.raises(BarsError, match="no such file"):
        coin_by_coin.backtest(Options(files=named, symbols=("AAA", "BBB"), signal="sweep"), NOW_MS)


def test_bars_that_are_too_old_are_no_trial(folder):
    for max_age_s, failed in ((3600.0, False), (3599.0, True)):
        task = TrialTask(Coin("AAA", OwnBars(str(folder)), "x", None), (), max_age_s, NOW_MS + HOUR_MS)
        assert ("older than --max-age allows" in tried(task).failed) == failed
    at_ms = NOW_MS - DAY_MS
    cut = tried(TrialTask(Coin("AAA", OwnBars(str(folder)), "x", at_ms), (), 1.0, NOW_MS + 9 * DAY_MS))
    assert (cut.failed, cut.as_of) == ("", "2026-01-16T00:00:00Z")


def test_which_coins_are_meant(folder, tmp_path):
    file, plain = tmp_path / "one.csv", tmp_path / "plain"
    bars(JANUARY_MS, 48).to_csv(file)
    plain.mkdir()
    bars(JANUARY_MS, 48).to_parquet(plain / "bars.parquet")
    for options, told in (
        (asked(plain, "AAA", "BBB"), "plain is not parted by coin and month"),
        (asked(plain, every_coin=True), "plain is not parted by coin and month"),
        (asked(folder, "AAA", "AAA"), "a coin is named twice"),
        (asked(folder, "AAA", every_coin=True), "--all is every coin, and some are named"),
        (asked(file, "AAA", "BBB"), "2 coins for 1 files of bars"),
        (asked(file, every_coin=True), "--all is every coin of one folder"),
        (Options(files=(str(folder), str(file)), every_coin=True), "--all is every coin of one folder"),
    ):
        with pytest.raises(UsageError, match=told):
            coin_by_coin.backtest(msgspec.structs.replace(options, signal="sweep"), NOW_MS)
    # A coin that is not named is BTC to a trial, as ever; to a study it is what its file is called.
    with pytest.raises(MissingDataError, match="no coin could be validated") as caught:
        coin_by_coin.validate(asked(file), NOW_MS)
    assert caught.value.hint.startswith("BTC: no observed liquidations")
    assert coin_by_coin.backtest(asked(file, signal="sweep"), NOW_MS).symbol == "ONE"


def test_a_password_in_a_url_is_told_nowhere(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/me:secret@host/one.csv", bars(JANUARY_MS, 48).to_csv().encode())
    url = "memory://me:secret@host/one.csv"
    assert OwnBars(url).name == "memory://me:***@host/one.csv"
    (market,) = coin_by_coin.backtest(Options(files=(url,), signal="sweep"), NOW_MS).markets
    assert market.place == "memory://me:***@host/one.csv"


def test_what_is_known_beside_the_bars_goes_along_with_the_task(folder):
    """A worker elsewhere has no store: its own one, if it has any, must not change what comes out."""
    mood = Series(JANUARY_MS + DAY_MS * np.arange(DAYS), np.array([10.0, 90.0] * (DAYS // 2)))
    task = StudyTask(Coin("AAA", OwnBars(str(folder)), "x", None), "fear", Past(mood))
    found = studied(pickle.loads(pickle.dumps(task)))  # noqa: S301  our own
    assert found.row.events == studied(task).row.events > 0
    lacking = studied(msgspec.structs.replace(task, past=Past()))
    assert isinstance(lacking, MissingDataError)
    assert isinstance(pickle.loads(pickle.dumps(lacking)), MissingDataError)  # noqa: S301  our own
    assert Path(task.coin.bars.name) == folder.resolve()
