"""What need not be asked for again, and the market as it was known: nothing later, nothing that a hole hides."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imbalance.liquidated import Orders, in_bars
from imbalance.readings import running_day
from imbalance.records import Candle, Covered, Liquidation, OpenInterest
from imbalance.store import opening, past, recall, rows, writing
from imbalance.store.ledger import STREAM
from imbalance.store.rows import EARLIER, HOLE, Batch, Series
from imbalance.store.spans import runs
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind
from imbalance.wire.harvest import Harvest, Known

SOURCES = {s.name: s for s in VENUES}
STEP_MS = 15 * MINUTE_MS
NOW_MS = 1_000 * DAY_MS + 5 * MINUTE_MS
START_MS = 1_000 * DAY_MS - DAY_MS
END_MS = 1_000 * DAY_MS + STEP_MS
ASK = Ask("BTC", NOW_MS, START_MS, END_MS, STEP_MS)
LISTED = ("binance", "binance", "BTC", "BTCUSDT", "linear")


def bar(time_ms, price=100.0):
    prices = {"open": price, "high": price + 2, "low": price - 2, "close": price + 1}
    return {"time_ms": time_ms} | prices | {"volume_base": 2.0, "volume_usd": 200.0, "taker_buy_base": None}


def bars(times_ms, step_ms=STEP_MS, price=100.0, missing=()):
    series = Series("candles", *LISTED, interval_ms=step_ms)
    return Batch(series, [bar(t, price) for t in times_ms], runs(times_ms, step_ms), missing)


def levels(times_ms, step_ms):
    series = Series("open_interest", *LISTED, interval_ms=step_ms)
    found = [{"time_ms": t, "open_interest_base": float(t), "open_interest_usd": None} for t in times_ms]
    return Batch(series, found, runs(times_ms, step_ms))


def orders(times_ms, known, name="binance", symbol="BTCUSDT", what=""):
    plain = {"position": "long", "price": 100.0, "quantity_base": 1.0, "order_id": "", "nth": 0}
    series = Series("liquidations", name, name, "BTC", symbol, "linear", what)
    return Batch(series, [plain | {"time_ms": t} for t in times_ms], known)


def saved(address, *batches, learned_ms=NOW_MS):
    with opening.opened(address, make=True) as store, store.writing() as connection:
        writing.save(connection, batches, learned_ms)


def recalled(address, ask=ASK, names=("binance",)):
    with opening.opened(address) as store, store.reading() as connection:
        return recall.recall(connection, [SOURCES[n] for n in names], ask, frozenset(Kind))


def known(address, kind, **given):
    return recalled(address, **given).memory.get(("binance", "BTCUSDT", kind))


def steps(first, last, step_ms=STEP_MS):
    return list(range(first, last, step_ms))


@pytest.mark.parametrize(("late_ms", "again"), [(MINUTE_MS - 1, STEP_MS), (MINUTE_MS, 0)])
def test_only_what_follows_is_asked_and_a_last_bar_that_was_read_soon_after_its_end(address, late_ms, again):
    end_ms = END_MS - STEP_MS
    saved(address, bars(steps(START_MS, end_ms)), learned_ms=end_ms + late_ms)
    found = known(address, Kind.CANDLES)
    assert found.left == [(end_ms - again, END_MS)]
    assert [row.time_ms for row in found.records] == steps(START_MS, end_ms - again)
    assert found.records[0] == Candle(START_MS, 100.0, 102.0, 98.0, 101.0, 2.0, 200.0, None)


def test_a_last_bar_that_was_read_once_more_is_known(address):
    end_ms = END_MS - STEP_MS
    saved(address, bars(steps(START_MS, end_ms)), learned_ms=end_ms)
    saved(address, bars([end_ms - STEP_MS]), learned_ms=end_ms + MINUTE_MS)
    assert known(address, Kind.CANDLES).left == [(end_ms, END_MS)]


def of_venues(address, ask, volumes, end_ms, *, missing=()):
    """Save bars of venues, each with its volume, up to a moment; return what is left to ask of each."""
    for name, volume in volumes.items():
        one = bars(steps(START_MS, end_ms))
        contract = one.series._replace(source=name, venue=name)
        rows_ = [row | {"volume_base": volume} for row in one.rows if row["time_ms"] not in missing]
        saved(address, Batch(contract, rows_, runs((r["time_ms"] for r in rows_), STEP_MS)), learned_ms=NOW_MS)
    memory = recalled(address, ask, tuple(volumes)).memory
    return {name: memory[name, "BTCUSDT", Kind.CANDLES].left for name in volumes}


def test_a_bar_that_runs_is_asked_of_the_venue_that_the_path_is_of(address):
    end_ms = END_MS - STEP_MS
    running, volumes = [(end_ms, END_MS)], {"binance": 1.0, "bybit": 3.0, "okx": 2.0}
    assert of_venues(address, ASK, volumes, end_ms) == {"binance": [], "bybit": running, "okx": []}


@pytest.mark.parametrize(("since_ms", "left"), [(15 * MINUTE_MS - 1, False), (15 * MINUTE_MS, True)])
def test_a_long_bar_is_asked_of_all_when_it_has_run_for_a_while(address, since_ms, left):
    end_ms = 1_000 * DAY_MS
    ask = Ask("BTC", end_ms + since_ms, START_MS, end_ms + HOUR_MS, HOUR_MS)
    whole = {"binance": 1.0, "bybit": 3.0}
    assert of_venues(address, ask, whole, end_ms)["binance"] == ([(end_ms, end_ms + HOUR_MS)] if left else [])


@pytest.mark.parametrize(("ended", "left"), [(0, False), (1, True)])
def test_a_short_bar_that_has_ended_is_asked_of_all(address, ended, left):
    end_ms, step_ms = 1_000 * DAY_MS, 5 * MINUTE_MS
    now_ms = end_ms + ended * step_ms + MINUTE_MS
    for name, volume in (("binance", 1.0), ("bybit", 3.0)):
        one = bars(steps(START_MS, end_ms, step_ms), step_ms)
        rows_ = [row | {"volume_base": volume} for row in one.rows]
        saved(address, Batch(one.series._replace(source=name, venue=name), rows_, one.known), learned_ms=now_ms)
    ask = Ask("BTC", now_ms, START_MS, end_ms + (ended + 1) * step_ms, step_ms)
    found = recalled(address, ask, ("binance", "bybit")).memory["binance", "BTCUSDT", Kind.CANDLES]
    assert found.left == ([(end_ms, ask.end_ms)] if left else [])


def test_a_hole_and_bars_that_have_ended_since_are_asked_of_all(address):
    end_ms = END_MS - 2 * STEP_MS
    hole = (START_MS + 4 * STEP_MS, START_MS + 5 * STEP_MS)
    found = of_venues(address, ASK, {"binance": 1.0, "bybit": 3.0}, end_ms, missing={hole[0]})
    assert found == {name: [hole, (end_ms, END_MS)] for name in ("binance", "bybit")}


def test_a_hole_is_asked_for_unless_the_source_said_that_it_has_none(address):
    times = steps(START_MS, START_MS + 4 * STEP_MS) + steps(START_MS + 6 * STEP_MS, END_MS - STEP_MS)
    saved(address, bars(times))
    hole = (START_MS + 4 * STEP_MS, START_MS + 6 * STEP_MS)
    assert known(address, Kind.CANDLES).left == [hole, (END_MS - STEP_MS, END_MS)]
    saved(address, bars(times, missing=[(*hole, "timed out")]))
    assert hole in known(address, Kind.CANDLES).left
    saved(address, bars(times, missing=[(*hole, HOLE)]), learned_ms=NOW_MS + 1)
    assert known(address, Kind.CANDLES).left == [(END_MS - STEP_MS, END_MS)]


def test_what_lies_before_is_asked_for(address):
    saved(address, bars(steps(START_MS + HOUR_MS, END_MS - STEP_MS)))
    assert known(address, Kind.CANDLES).left == [(START_MS, START_MS + HOUR_MS), (END_MS - STEP_MS, END_MS)]


def test_shorter_bars_make_longer_ones_that_are_whole(address):
    times = steps(START_MS, START_MS + 2 * HOUR_MS, 5 * MINUTE_MS)
    times.remove(START_MS + 20 * MINUTE_MS)
    saved(address, bars(times, 5 * MINUTE_MS))
    found = known(address, Kind.CANDLES)
    # The bar that lacks a part is not known.
    assert [row.time_ms for row in found.records] == [
        START_MS,
        *steps(START_MS + 30 * MINUTE_MS, START_MS + 2 * HOUR_MS),
    ]
    assert (START_MS + STEP_MS, START_MS + 2 * STEP_MS) in found.left
    assert found.records[0] == Candle(START_MS, 100.0, 102.0, 98.0, 101.0, 6.0, 600.0, None)


def test_bars_of_the_length_itself_go_before_shorter_ones(address):
    saved(address, bars(steps(START_MS, START_MS + 2 * HOUR_MS), price=100.0))
    saved(address, bars(steps(START_MS, START_MS + 4 * HOUR_MS, 5 * MINUTE_MS), 5 * MINUTE_MS, price=500.0))
    opens = [row.open for row in known(address, Kind.CANDLES).records]
    assert opens == [100.0] * 8 + [500.0] * 8


def test_rows_that_are_gone_are_asked_for_though_their_span_is_there(address):
    batch = bars(steps(START_MS, END_MS - STEP_MS))
    saved(address, batch._replace(rows=batch.rows[:-5] + batch.rows[-4:]))
    assert known(address, Kind.CANDLES) is None


def test_longer_bars_tell_nothing_of_shorter_ones(address):
    saved(address, bars(steps(START_MS, END_MS - HOUR_MS, HOUR_MS), HOUR_MS))
    assert known(address, Kind.CANDLES) is None


@pytest.mark.parametrize(("last", "left"), [(END_MS - 2 * STEP_MS, True), (END_MS - STEP_MS, False)])
def test_a_level_that_is_yet_to_come_is_not_asked_for(address, last, left):
    saved(address, levels(steps(START_MS, last + 1), STEP_MS))
    found = known(address, Kind.OPEN_INTEREST_HISTORY)
    assert found.left == ([(last + STEP_MS, END_MS)] if left else [])
    assert [row.time_ms for row in found.records] == steps(START_MS, last + 1)


@pytest.mark.parametrize(("late_ms", "again"), [(MINUTE_MS - 1, STEP_MS), (MINUTE_MS, 0)])
def test_a_level_is_asked_again_in_case_a_source_counts_its_buckets_from_their_start(address, late_ms, again):
    last = END_MS - 2 * STEP_MS
    saved(address, levels(steps(START_MS, last + 1), STEP_MS), learned_ms=last + STEP_MS + late_ms)
    assert known(address, Kind.OPEN_INTEREST_HISTORY).left == [(last + STEP_MS - again, END_MS)]


@pytest.mark.parametrize(("before_ms", "left"), [(0, True), (1, False)])
def test_a_span_in_which_no_level_lies_is_not_asked_for(address, before_ms, left):
    saved(address, levels(steps(START_MS + STEP_MS, END_MS - STEP_MS + 1), STEP_MS))
    ask = msgspec.structs.replace(ASK, start_ms=START_MS + before_ms)
    found = known(address, Kind.OPEN_INTEREST_HISTORY, ask=ask)
    assert found.left == ([(START_MS, START_MS + STEP_MS)] if left else [])


def test_finer_levels_stand_in_at_the_moments_asked_for(address):
    saved(address, levels(steps(START_MS, NOW_MS, 5 * MINUTE_MS), 5 * MINUTE_MS))
    found = known(address, Kind.OPEN_INTEREST_HISTORY)
    assert found.records[:2] == [
        OpenInterest(START_MS, float(START_MS)),
        OpenInterest(START_MS + STEP_MS, START_MS + 9e5),
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 95), min_size=1), st.sets(st.integers(0, 95)))
def test_what_is_known_and_what_is_left_are_the_span_between_them(tmp_path_factory, one, other):
    address = str(tmp_path_factory.mktemp("store") / "x.db")
    for part in (one, other):
        saved(address, bars([START_MS + n * STEP_MS for n in sorted(part)]))
    found = known(address, Kind.CANDLES)
    held = {row.time_ms for row in found.records} if found else set()
    left = {t for a, b in (found.left if found else [(START_MS, END_MS)]) for t in range(a, b, STEP_MS)}
    assert held | left == set(steps(START_MS, END_MS))
    assert not held & left
    assert held <= {START_MS + n * STEP_MS for n in one | other}


DAY_AGO_MS = NOW_MS - DAY_MS
HALF_AN_HOUR_AGO_MS = NOW_MS - HOUR_MS // 2


@pytest.mark.parametrize(
    ("name", "span", "expected"),
    [
        # Gate can be asked for what is new: what is known must reach back a day without a hole.
        ("gate", (DAY_AGO_MS, NOW_MS - HOUR_MS), (DAY_AGO_MS, NOW_MS - HOUR_MS - MINUTE_MS)),
        ("gate", (DAY_AGO_MS + 1, NOW_MS - HOUR_MS), None),
        ("gate", (DAY_AGO_MS - DAY_MS, DAY_AGO_MS + MINUTE_MS), None),
        # Of Deribit fewer pages are read than a day has: what was read before goes on, where it is longer than what is
        # new.
        (
            "deribit",
            (NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 2 + 1),
            (NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 2 + 1 - MINUTE_MS),
        ),
        ("deribit", (NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 2), None),
        ("deribit", (NOW_MS - MINUTE_MS, NOW_MS), None),
        # Binance cannot: what is known must be known up to now, however short.
        ("binance", (NOW_MS - HOUR_MS, NOW_MS - 2 * MINUTE_MS), (NOW_MS - HOUR_MS, NOW_MS)),
        ("binance", (NOW_MS - HOUR_MS, NOW_MS - 2 * MINUTE_MS - 1), None),
    ],
)
def test_orders_are_taken_from_the_store_where_no_hole_is_between(address, name, span, expected):
    saved(address, orders([span[0], span[0] + 5], [span], name, "X"))
    found = recalled(address, names=(name,)).memory.get((name, "X", Kind.LIQUIDATIONS))
    if expected is None:
        assert found is None
        return
    assert found.spans == [expected]
    assert found.records[0] == Covered(expected[0])
    assert found.records[1] == Liquidation(span[0], Side.LONG, 100.0, 1.0)


def test_new_orders_join_those_known_unless_a_hole_is_between():
    past_order, early, late = (Liquidation(t, Side.LONG, 1.0, 1.0) for t in (10, 15, 25))
    before = Known([Covered(5), past_order], [(5, 20)], [])
    for covered, expected in ((20, [Covered(5), past_order, late, Covered(20)]), (21, [early, late, Covered(21)])):
        harvest = Harvest(SOURCES["gate"], records={}, typed={})
        harvest.keep(Kind.LIQUIDATIONS, [early, late, Covered(covered)])
        harvest.join(Kind.LIQUIDATIONS, before)
        assert harvest.records[Kind.LIQUIDATIONS] == expected


def test_only_what_is_new_is_saved():
    found = [Candle(t, 1.0, 2.0, 0.5, 1.5, 1.0) for t in steps(START_MS + STEP_MS, END_MS)]
    harvest = Harvest(SOURCES["binance"], records={}, typed={}, asked_ms=START_MS)
    harvest.keep(Kind.CANDLES, found[-2:])
    harvest.join(Kind.CANDLES, Known(found[:-2], [(START_MS, found[-2].time_ms)], []))
    [batch] = rows.batches(harvest, "BTC", NOW_MS)
    assert [row["time_ms"] for row in batch.rows] == [found[-2].time_ms]
    assert batch.series.interval_ms == STEP_MS
    assert batch.known == [(START_MS + STEP_MS, found[-1].time_ms)]
    assert batch.missing == [(START_MS, START_MS + STEP_MS, EARLIER)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=4),
    st.lists(st.integers(0, 99), max_size=8),
    st.integers(1, 7),
)
def test_a_bar_that_is_partly_in_a_gap_is_missing_and_an_empty_one_is_zero(spans, stamps, interval):
    known_spans = [(a, a + length) for a, length in spans]
    moments = sorted(t for t in stamps if any(a <= t < b for a, b in known_spans))
    ones = np.ones(len(moments))
    given_orders = Orders(known_spans, np.array(moments, dtype=np.int64), ones, 2 * ones)
    time_ms = np.arange(0, 90, interval, dtype=np.int64)
    long, short = in_bars(given_orders, time_ms, interval)
    for i, open_ms in enumerate(time_ms):
        whole = any(a <= open_ms and open_ms + interval <= b for a, b in known_spans)
        inside = sum(open_ms <= t < open_ms + interval for t in moments)
        expected = (inside, 2 * inside) if whole else (np.nan, np.nan)
        np.testing.assert_array_equal((long[i], short[i]), expected)


def known_at(address, moment_ms, names=("binance",)):
    ask = Ask("BTC", moment_ms, moment_ms - DAY_MS, moment_ms, STEP_MS)
    with opening.opened(address) as store, store.reading() as connection:
        found, seen = past.harvests(connection, [SOURCES[n] for n in names], ask)
    return {h.name: {k: list(v) for k, v in h.records.items()} for h in found}, seen


def test_nothing_later_changes_what_was_known(address):
    moment_ms = 1_000 * DAY_MS + 10 * HOUR_MS
    times = steps(moment_ms - DAY_MS, moment_ms)
    order_ms = moment_ms - 2 * MINUTE_MS
    saved(
        address,
        bars(times),
        levels([*times, moment_ms], STEP_MS),
        orders([order_ms - HOUR_MS, order_ms], [(moment_ms - DAY_MS, moment_ms)]),
        learned_ms=moment_ms,
    )
    before, _seen = known_at(address, moment_ms)
    assert len(before["binance"][Kind.CANDLES]) == len(times)
    assert before["binance"][Kind.OPEN_INTEREST] == [OpenInterest(moment_ms, float(moment_ms))]
    later = steps(moment_ms - DAY_MS, moment_ms + DAY_MS)
    saved(
        address,
        bars(later),
        levels(later, STEP_MS),
        # Of the past too: they were not known then.
        orders([order_ms - 5, order_ms, moment_ms + 5], [(moment_ms - 3 * DAY_MS, moment_ms + DAY_MS)]),
        bars(steps(moment_ms - 2 * DAY_MS, moment_ms, 5 * MINUTE_MS), 5 * MINUTE_MS),
        learned_ms=moment_ms + DAY_MS,
    )
    assert known_at(address, moment_ms)[0] == before
    assert known_at(address, moment_ms - 1)[0] == {}


def test_a_row_that_was_changed_later_is_not_what_was_known(address):
    moment_ms = 1_000 * DAY_MS
    times = steps(moment_ms - HOUR_MS, moment_ms)
    saved(address, bars(times), learned_ms=moment_ms)
    saved(address, bars(times[:1], price=900.0), learned_ms=moment_ms + 1)
    found = known_at(address, moment_ms)[0]["binance"][Kind.CANDLES]
    assert [row.time_ms for row in found] == times[1:]


def test_a_day_that_runs_is_made_of_its_bars(address):
    moment_ms = 1_000 * DAY_MS + HOUR_MS
    days = bars([998 * DAY_MS, 999 * DAY_MS], DAY_MS)
    saved(address, bars(steps(moment_ms - 2 * HOUR_MS, moment_ms)), days, learned_ms=moment_ms)
    found = known_at(address, moment_ms)[0]["binance"][Kind.DAILY_CANDLES]
    assert [row.time_ms for row in found] == [998 * DAY_MS, 999 * DAY_MS, 1_000 * DAY_MS]
    assert (found[-1].volume_base, found[-1].volume_usd, found[-1].taker_buy_base) == (8.0, 800.0, None)
    # One bar too few, and it is not told.
    assert len(known_at(address, moment_ms + STEP_MS)[0]["binance"][Kind.DAILY_CANDLES]) == 2


def test_orders_known_then_end_where_the_recording_had_come(address):
    moment_ms = 1_000 * DAY_MS
    saved(address, bars(steps(moment_ms - HOUR_MS, moment_ms)), learned_ms=moment_ms)
    saved(
        address, orders([moment_ms - 9, moment_ms - 7], [(moment_ms - DAY_MS, moment_ms - 5)]), learned_ms=moment_ms - 5
    )
    assert known_at(address, moment_ms)[1]["binance"].spans == [(moment_ms - DAY_MS, moment_ms - 5)]
    saved(address, orders([moment_ms + 9], [(moment_ms - 5, moment_ms + 10)]), learned_ms=moment_ms + 10)
    assert known_at(address, moment_ms)[1]["binance"].spans == [(moment_ms - DAY_MS, moment_ms - 7)]


TODAY_MS = 1_000 * DAY_MS


@pytest.mark.parametrize(
    ("first", "last", "known_days"),
    [
        (62, 1, 62),
        (61, 1, None),
        (250, 1, 200),
        # Yesterday has ended since.
        (70, 2, None),
    ],
)
def test_days_are_not_asked_for_while_yesterday_is_the_last(address, first, last, known_days):
    days = [TODAY_MS - n * DAY_MS for n in range(first, last - 1, -1)]
    saved(address, bars(days, DAY_MS))
    found = known(address, Kind.DAILY_CANDLES)
    assert (found and (len(found.records), found.left)) == (known_days and (known_days, []))


@pytest.mark.parametrize(("last", "is_known"), [(0, True), (1, False)])
def test_daily_levels_are_known_with_that_of_this_midnight(address, last, is_known):
    days = levels([TODAY_MS - n * DAY_MS for n in range(70, last - 1, -1)], DAY_MS)
    saved(address, days._replace(series=days.series._replace(source="okx", venue="okx", instrument="X")))
    told = recalled(address, names=("okx",)).memory.get(("okx", "X", Kind.OPEN_INTEREST_DAILY))
    assert (told is not None) == is_known


def test_days_with_a_hole_are_asked_for(address):
    days = [TODAY_MS - n * DAY_MS for n in range(100, 0, -1) if n != 30]
    saved(address, bars(days, DAY_MS))
    assert known(address, Kind.DAILY_CANDLES) is None


@pytest.mark.parametrize(
    ("times", "now_ms", "is_told"),
    [
        (steps(-STEP_MS, 4 * STEP_MS), 4 * STEP_MS, True),
        (steps(-STEP_MS, 4 * STEP_MS), 4 * STEP_MS - 1, True),
        (steps(-STEP_MS, 4 * STEP_MS), 5 * STEP_MS - 1, True),
        # The bar that runs is missing, or was.
        (steps(-STEP_MS, 4 * STEP_MS), 5 * STEP_MS, False),
        (steps(STEP_MS, 4 * STEP_MS), 4 * STEP_MS, False),
        ([-STEP_MS, 0, 2 * STEP_MS, 3 * STEP_MS], 4 * STEP_MS, False),
        (steps(-2 * STEP_MS, 0), STEP_MS // 2, False),
        ([0], STEP_MS // 2, False),
    ],
)
def test_the_day_that_runs_is_the_sum_of_all_its_bars(times, now_ms, is_told):
    made = [Candle(TODAY_MS + t, 10.0, 10.0 + i, 10.0 - i, 10.5, 2.0, 20.0, None) for i, t in enumerate(times)]
    many = sum(t >= 0 for t in times)
    high = 10.0 + len(times) - 1
    expected = Candle(TODAY_MS, 10.0, high, 20.0 - high, 10.5, 2.0 * many, 20.0 * many, None)
    assert running_day(made, TODAY_MS + now_ms) == ([expected] if is_told else [])


def test_bars_that_had_not_ended_or_lack_a_part_are_not_of_the_past(address):
    moment_ms = 1_000 * DAY_MS
    times = steps(moment_ms - HOUR_MS, moment_ms, 5 * MINUTE_MS)
    times.remove(moment_ms - 40 * MINUTE_MS)
    saved(address, bars(times, 5 * MINUTE_MS), learned_ms=moment_ms - 2 * HOUR_MS)
    found = known_at(address, moment_ms - 5 * MINUTE_MS)[0]["binance"][Kind.CANDLES]
    assert [row.time_ms for row in found] == [moment_ms - HOUR_MS, moment_ms - 30 * MINUTE_MS]


@pytest.mark.parametrize("longest", ["", STREAM])
def test_of_a_stream_and_of_answers_the_one_that_is_known_for_longer_counts_and_never_both(address, longest):
    spans = {longest: (START_MS, NOW_MS), ({"", STREAM} - {longest}).pop(): (NOW_MS - HOUR_MS, NOW_MS)}
    times = {what: [NOW_MS - 90_000 - len(what), NOW_MS - 60_000 - len(what)] for what in spans}
    saved(address, *(orders(times[what], [span], what=what) for what, span in spans.items()), bars([START_MS]))
    found = recalled(address).orders["binance", "BTCUSDT"]
    assert (found.spans, found.time_ms.tolist()) == ([spans[longest]], times[longest])
    with opening.opened(address) as store, store.reading() as connection:
        harvests, seen = past.harvests(connection, [SOURCES["binance"]], ASK)[:2]
    assert seen["binance"].time_ms.tolist() == times[longest]
    assert [row.time_ms for row in harvests[0].at(Kind.LIQUIDATIONS, Liquidation)] == times[longest]


def test_pages_of_a_venue_that_can_be_asked_are_not_joined_to_what_its_stream_told(address):
    gate = ("gate", "BTC_USDT")
    saved(address, orders([NOW_MS - HOUR_MS], [(START_MS, NOW_MS)], *gate, STREAM))
    assert Kind.LIQUIDATIONS not in {kind for _name, _symbol, kind in recalled(address, names=("gate",)).memory}
    saved(address, orders([NOW_MS - HOUR_MS], [(START_MS - DAY_MS, NOW_MS)], *gate))
    assert Kind.LIQUIDATIONS in {kind for _name, _symbol, kind in recalled(address, names=("gate",)).memory}


def test_orders_known_of_a_venue_count_on_their_own_side_alone(address):
    series = Series("liquidations", "binance", "binance", "BTC", "BTCUSDT", "linear")
    told = [("long", 2.0), ("short", 3.0), ("long", 5.0)]
    rows = [
        {"time_ms": NOW_MS - HOUR_MS + i, "position": side, "price": 100.0, "quantity_base": base}
        | {"order_id": "", "nth": 0}
        for i, (side, base) in enumerate(told)
    ]
    saved(address, Batch(series, rows, [(START_MS, NOW_MS)]), bars([START_MS]))
    found = recalled(address).orders["binance", "BTCUSDT"]
    assert (found.long_base.tolist(), found.short_base.tolist()) == ([2.0, 0.0, 5.0], [0.0, 3.0, 0.0])
