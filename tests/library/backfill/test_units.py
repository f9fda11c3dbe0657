"""What is asked for: windows on a grid, as far as a series reaches, less what is covered."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.backfill import units
from imbalance.backfill.units import FILES_LACK, LEFT_OUT, NOT_THERE, PAGES_LACK, YOUNG_MS
from imbalance.dumps import binance
from imbalance.dumps.binance import KLINES, USD_M
from imbalance.records import Contract, Instrument
from imbalance.store.rows import Series
from imbalance.store.spans import Gap, Span
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Ask, Endpoint, History, Kind
from tests.support.archive import day

NOW_MS = day("2025-03-12") + 12 * HOUR_MS
LISTED = Instrument("binance", "BTCUSDT", "BTC", "USDT", Contract.LINEAR)
ENDPOINT = Endpoint(Kind.CANDLES, "/x", lambda _ask: [()], lambda _body, _ask: [])
STEP_MS = INTERVALS_MS["15m"]


def ask_of(since_ms=NOW_MS - DAY_MS, interval_ms=STEP_MS):
    return Ask("BTC", NOW_MS, since_ms, NOW_MS, interval_ms, instrument=LISTED)


@pytest.mark.parametrize(
    ("end_ms", "learned_ms", "why", "settled"),
    [
        (100, 100 + YOUNG_MS, NOT_THERE, True),
        (100, 100 + YOUNG_MS - 1, NOT_THERE, False),
        (100, 100 + YOUNG_MS, "the source was down", False),
    ],
)
def test_what_was_missing_is_settled_once_it_is_old_and_for_good(end_ms, learned_ms, why, settled):
    gap = Gap(0, end_ms, why, learned_ms)
    [(from_ms, to_ms)] = units.settled([], [gap], FILES_LACK) or [(0, 0)]
    assert (from_ms, to_ms == end_ms) == (0, settled)
    assert units.settled([], [gap], frozenset()) == []


def test_a_long_gap_is_settled_up_to_what_was_young():
    gap = Gap(0, 2 * YOUNG_MS, NOT_THERE, 2 * YOUNG_MS)
    assert units.settled([Span(3 * YOUNG_MS, 4 * YOUNG_MS, 1)], [gap], FILES_LACK) == [
        (0, YOUNG_MS),
        (3 * YOUNG_MS, 4 * YOUNG_MS),
    ]


def test_an_api_is_asked_for_what_files_lack_and_not_for_what_it_left_out():
    assert NOT_THERE in FILES_LACK
    assert NOT_THERE not in PAGES_LACK
    assert LEFT_OUT in PAGES_LACK


@given(
    st.integers(1, 50),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
def test_windows_cover_a_span_once_on_a_grid_that_does_not_move(rows, start, length):
    history = History(ENDPOINT, (STEP_MS,), rows)
    start_ms, end_ms = start * STEP_MS, (start + length) * STEP_MS
    found = list(units.windows(history, start_ms, end_ms, STEP_MS))
    assert [t for a, b in found for t in range(a, b, STEP_MS)] == list(range(start_ms, end_ms, STEP_MS))
    assert all(a % (rows * STEP_MS) == 0 for a, _b in found[1:])
    assert all(b - a <= rows * STEP_MS for a, b in found)


def test_a_series_reaches_as_far_as_it_is_kept():
    ask = ask_of(since_ms=0)
    hours = (HOUR_MS,)
    assert units.reach(History(ENDPOINT, hours, 10, depth_rows=5), ask, HOUR_MS)[0] == NOW_MS - 5 * HOUR_MS
    assert units.reach(History(ENDPOINT, hours, 10, depth_ms=DAY_MS), ask, HOUR_MS)[0] == NOW_MS - DAY_MS
    assert units.reach(History(ENDPOINT, hours, 10, first_ms=7 * DAY_MS), ask, HOUR_MS)[0] == 7 * DAY_MS
    assert units.reach(History(ENDPOINT, hours, 10), ask, HOUR_MS) == (0, NOW_MS)
    # Whole steps: neither the one that began before nor the one that runs.
    odd = Ask("BTC", NOW_MS + 1, MINUTE_MS, NOW_MS + 1, HOUR_MS)
    assert units.reach(History(ENDPOINT, hours, 10), odd, HOUR_MS) == (HOUR_MS, NOW_MS)


@pytest.mark.parametrize(
    ("offered", "also", "asked", "read"),
    [
        ((MINUTE_MS, STEP_MS), (), STEP_MS, [STEP_MS]),
        ((MINUTE_MS, 10 * MINUTE_MS), (), STEP_MS, [MINUTE_MS]),
        ((HOUR_MS, DAY_MS), (DAY_MS,), STEP_MS, [HOUR_MS, DAY_MS]),
        ((STEP_MS, DAY_MS), (DAY_MS,), DAY_MS, [DAY_MS]),
        ((), (), STEP_MS, [0]),
    ],
)
def test_the_longest_length_that_bars_divide_into_is_read(offered, also, asked, read):
    history = History(ENDPOINT, offered, 10 if offered else 0, also)
    assert units.steps_of(history, ask_of(interval_ms=asked)) == read


def test_only_what_is_missing_of_a_window_is_asked_for():
    bybit = next(source for source in VENUES if source.name == "bybit")
    ask = Ask("BTC", NOW_MS, NOW_MS - 2 * HOUR_MS, NOW_MS, STEP_MS, instrument=LISTED)
    series = units.own_series(bybit, "BTC", LISTED)._replace(data="candles", interval_ms=STEP_MS)
    covered = {series: [(0, NOW_MS - HOUR_MS), (NOW_MS - HOUR_MS // 2, NOW_MS - STEP_MS)]}
    [unit, *_others] = [u for u in units.page_units(bybit, ask, covered) if u.targets == (series,)]
    assert (unit.from_ms, unit.to_ms, unit.ask.now_ms) == (NOW_MS - HOUR_MS, NOW_MS, NOW_MS)
    assert unit.parts == ((NOW_MS - HOUR_MS, NOW_MS - HOUR_MS // 2), (NOW_MS - STEP_MS, NOW_MS))
    covered[series] = [(0, NOW_MS)]
    assert series not in {one for u in units.page_units(bybit, ask, covered) for one in u.targets}


def candles(interval):
    return Series("candles", "binance", "binance", "BTC", "BTCUSDT", "linear", interval_ms=INTERVALS_MS[interval])


def names(covered):
    found = units.file_units(LISTED, day("2024-11-01"), NOW_MS, ["1d"], covered)
    return [unit.name for unit in found if unit.file.kind == KLINES]


def test_days_are_read_in_place_of_a_month_that_lacks_a_few():
    whole = (day("2024-11-01"), NOW_MS)
    three = [(whole[0], day("2024-12-05")), (day("2024-12-08"), whole[1])]
    assert names({candles("1d"): three}) == [f"BTCUSDT-1d-2024-12-{d:02}.zip" for d in (5, 6, 7)]
    four = [(whole[0], day("2024-12-05")), (day("2024-12-09"), whole[1])]
    assert names({candles("1d"): four}) == ["BTCUSDT-1d-2024-12.zip"]
    assert names({candles("1d"): [whole]}) == []
    assert names({})[:5] == [
        f"BTCUSDT-1d-{month}.zip" for month in ("2024-11", "2024-12", "2025-01", "2025-02", "2025-03-01")
    ]


def test_a_file_of_several_series_is_read_until_all_are_covered():
    [file] = binance.files(USD_M, binance.METRICS, "BTCUSDT", day("2025-03-10"), day("2025-03-11") + 10 * HOUR_MS)
    unit = units.file_unit(file, LISTED, binance.ARCHIVE)
    assert [(one.data, one.what) for one in unit.targets] == [
        ("open_interest", ""),
        ("ratios", "accounts"),
        ("ratios", "top accounts"),
        ("ratios", "top positions"),
    ]
    whole = (unit.from_ms, unit.to_ms)
    covered = {one: [whole] for one in unit.targets}
    assert units.wanted(unit.targets, *whole, covered) == []
    for one in unit.targets:
        assert units.wanted(unit.targets, *whole, covered | {one: []}) == [whole]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6))
def test_what_is_wanted_and_what_is_covered_make_the_whole(parts):
    covered = units.joined((a, a + length) for a, length in parts)
    wanted = units.wanted([candles("1d")], 10, 50, {candles("1d"): covered})
    inside = {t for a, b in covered for t in range(a, b)}
    assert {t for a, b in wanted for t in range(a, b)} == set(range(10, 50)) - inside
    assert all(a[1] < b[0] for a, b in itertools.pairwise(wanted))
