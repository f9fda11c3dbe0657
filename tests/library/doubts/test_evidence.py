"""Bars as arrays against plain walks over their rows, and what is gone once a figure is left out."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.doubts import act
from imbalance.doubts.evidence import Doubt, Evidence, aligned, bars_of, forget
from imbalance.providers.coinglass import COINGLASS
from imbalance.records import Candle, ContractStats, Funding, LiquidationSum, OpenInterest, Ticker
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Figure
from tests.support.harvests import NOW_MS, flat, other, venue


def some(seed=1, count=40):
    """Return hourly bars of which some lack, with volumes of their own."""
    generator = np.random.default_rng(seed)
    rows = [
        Candle(NOW_MS + i * HOUR_MS, 2.0, 4.0 + i, 1.0, 3.0, float(generator.integers(1, 99))) for i in range(count)
    ]
    return [row for row in rows if generator.random() < 0.7 or row is rows[0] or row is rows[1]]


def test_bars_are_the_columns_of_their_rows():
    rows = some()
    bars = bars_of(rows)
    assert bars.step_ms == HOUR_MS
    for column in ("time_ms", "high", "low", "close", "volume_base"):
        assert getattr(bars, column).tolist() == [getattr(row, column) for row in rows]
    assert bars_of(rows[:1]).step_ms == DAY_MS
    assert bars_of([]).close.size == 0


@pytest.mark.parametrize("quarter", range(-2, 10))
@pytest.mark.parametrize("length", range(9))
def test_volume_is_of_all_bars_that_a_span_touches(quarter, length):
    rows = some()
    start_ms, end_ms = NOW_MS + quarter * HOUR_MS // 4, NOW_MS + (quarter + length) * HOUR_MS // 4
    plain = sum(r.volume_base for r in rows if r.time_ms < end_ms and r.time_ms + HOUR_MS > start_ms)
    assert bars_of(rows).traded(start_ms, end_ms) == plain * (length > 0 or quarter % 4 > 0)
    both = bars_of(rows).traded(np.array([start_ms, start_ms]), np.array([end_ms, end_ms - length * HOUR_MS]))
    assert both[0] == bars_of(rows).traded(start_ms, end_ms)
    assert both[1] >= 0


@pytest.mark.parametrize(
    ("start", "end", "share"), [(0, 4, 0.75), (0, 3, 2 / 3), (1, 2, 1.0), (0, 0.5, 1.0), (2, 4, 0.5)]
)
def test_which_share_of_a_span_is_there(start, end, share):
    rows = [row for row in flat(4, NOW_MS + 4 * HOUR_MS) if row.time_ms != NOW_MS + 2 * HOUR_MS]
    assert bars_of(rows).held(NOW_MS + int(start * HOUR_MS), NOW_MS + int(end * HOUR_MS)) == pytest.approx(share)


def test_series_are_aligned_by_their_times():
    one, two = some(1), some(2)
    times_ms, table = aligned({"a": bars_of(one), "b": bars_of(two)}, lambda bars: (bars.volume_base, bars.high))
    assert times_ms.tolist() == sorted({row.time_ms for row in one + two})
    for own, rows in zip(table, (one, two), strict=True):
        known = {row.time_ms: (row.volume_base, row.high) for row in rows}
        plain = [known.get(time_ms, (np.nan, np.nan)) for time_ms in times_ms.tolist()]
        np.testing.assert_array_equal(own.T, plain)


@pytest.mark.parametrize(
    ("count", "missing", "volume"), [(24, None, 24.0), (23, None, None), (30, None, 24.0), (24, 5, None), (30, 2, 24.0)]
)
def test_the_volume_of_24_hours_needs_all_of_its_bars(count, missing, volume):
    rows = [row for i, row in enumerate(flat(count)) if i != missing]
    evidence = Evidence([venue(0, Kind.CANDLES, rows), venue(1)], "X", NOW_MS)
    assert evidence.day_volume_base(VENUES[0].name) == volume
    assert evidence.day_volume_base(VENUES[1].name) is None


def full():
    return venue(
        0,
        Kind.CANDLES,
        flat(24),
        DAILY_CANDLES=flat(3, step_ms=DAY_MS),
        TICKER=[Ticker(NOW_MS, 1.0, 1.0, 1.0, 5.0, 6.0), Funding(1e-4)],
        OPEN_INTEREST=[OpenInterest(NOW_MS, 1.0)],
        CONTRACT_STATS=[ContractStats(NOW_MS, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)],
    )


@pytest.mark.parametrize(
    ("figure", "bars", "days", "volume", "told"),
    [
        (Figure.VOLUME, True, True, None, None),
        (Figure.SIZES, True, False, None, None),
        (Figure.ALL, False, False, None, None),
        (Figure.CANDLES, False, True, None, 5.0),
        (Figure.DAILY_CANDLES, True, False, 24.0, 5.0),
        (Figure.FUNDING, True, True, 24.0, 5.0),
    ],
)
def test_what_is_left_out_is_no_evidence(figure, bars, days, volume, told):
    evidence = Evidence([full()], "X", NOW_MS)
    name = VENUES[0].name
    evidence.leave_out([Doubt(name, figure, "", left_out=False)])
    assert (name in evidence.bars, name in evidence.days, evidence.day_volume_base(name)) == (True, True, 24.0)
    evidence.leave_out([Doubt(name, figure, "")])
    assert (name in evidence.bars, name in evidence.days, evidence.day_volume_base(name)) == (bars, days, volume)
    assert [row.volume_24h_base for row in evidence.venues[0].of(Ticker)] == (
        [told] if figure is not Figure.ALL else []
    )
    assert (name, figure) in evidence.told
    assert full().of(Ticker)[0].volume_24h_base == 5.0


def test_what_is_forgotten_of_a_harvest():
    for figure, gone in (
        (Figure.INDEX, set()),
        (Figure.INTEREST, {OpenInterest, ContractStats}),
        (Figure.LIQUIDATIONS, {ContractStats}),
        (Figure.FUNDING, {Funding}),
    ):
        harvest = full()
        forget(harvest, figure)
        left = {type_ for type_ in (Ticker, Funding, OpenInterest, ContractStats) if harvest.of(type_)}
        assert left == {Ticker, Funding, OpenInterest, ContractStats} - gone
        assert (harvest.of(Ticker)[0].index_price is None) == (figure is Figure.INDEX)


def test_doubts_are_kept_with_their_source():
    harvests = [full(), other(COINGLASS, LIQUIDATION_SUMS=[LiquidationSum(NOW_MS, 1.0, 1.0)])]
    act(
        harvests,
        [
            Doubt(VENUES[0].name, Figure.LIQUIDATIONS, "a"),
            Doubt(COINGLASS.name, Figure.LIQUIDATIONS, "b"),
            Doubt(VENUES[0].name, Figure.CANDLES, "c", left_out=False),
        ],
    )
    assert not harvests[0].of(ContractStats)
    assert harvests[1].of(LiquidationSum)
    assert [e.reason for h in harvests for e in h.failures] == ["left out, since a", "left out, since b"]
    assert [e.reason for e in harvests[0].doubted] == ["c"]
    assert harvests[0].candles


def test_empty_answers_and_venues_without_the_coin_are_told_apart():
    unlisted = venue(2)
    unlisted.instrument = None
    evidence = Evidence([venue(0, Kind.CANDLES, []), unlisted, other(COINGLASS)], "X", NOW_MS)
    assert evidence.empty == [(VENUES[0].name, Kind.CANDLES)]
    assert [h.name for h in evidence.venues] == [VENUES[0].name]
    assert [h.name for h in evidence.others] == [COINGLASS.name]
