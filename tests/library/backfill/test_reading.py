"""Which units are asked for when a source cannot be reached, and what a run tells of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from imbalance.backfill import reading, telling
from imbalance.backfill.reading import MOST_IN_A_ROW, Outcome
from imbalance.backfill.run import Request
from imbalance.backfill.units import PageUnit
from imbalance.errors import NotOpenError, RefusedError, UnreachableError
from imbalance.store.rows import Series
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import BYBIT
from imbalance.wire import Ask

AWAY, REFUSED = UnreachableError("bybit", "candles", "away"), RefusedError("bybit", "candles", "no", "", 400)
TARGET = Series("candles", "bybit", "bybit", "BTC", "BTCUSDT", "linear", "", HOUR_MS)
START_MS = 1_767_225_600_000  # 2026-01-01


def unit(day, target=TARGET, requests=3):
    start_ms = START_MS + day * DAY_MS
    ask = Ask("BTC", start_ms + DAY_MS, start_ms, start_ms + DAY_MS, HOUR_MS)
    return PageUnit(BYBIT, BYBIT.history[0], ask, (target,), ((ask.start_ms, ask.end_ms),), requests)


def outcomes(monkeypatch, answers):
    """Return what becomes of units, each of which gives the answer of its place: an error, or rows."""
    told, left = [], iter(answers)

    async def found(_client, _outcome):
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(reading, "_found", found)
    queue = [unit(day) for day in range(len(answers))]
    keeper = SimpleNamespace(add=len)
    asyncio.run(reading._work(None, queue, reading._Source(), keeper, told.append))
    return told


def test_a_source_that_cannot_be_reached_five_times_in_a_row_is_not_asked_again(monkeypatch):
    told = outcomes(monkeypatch, [AWAY] * (MOST_IN_A_ROW + 2))
    assert [one.asked for one in told] == [True] * 5 + [False] * 2
    assert [one.error for one in told] == [AWAY] * 5 + [None] * 2


@pytest.mark.parametrize("between", [REFUSED, "rows"])
def test_an_answer_in_between_begins_the_count_anew(monkeypatch, between):
    told = outcomes(monkeypatch, [AWAY] * (MOST_IN_A_ROW - 1) + [between] + [AWAY] * MOST_IN_A_ROW + ["rows"])
    assert [one.asked for one in told] == [True] * 10 + [False]
    assert [one.rows for one in told] == [0] * 4 + [4 * (between == "rows")] + [0] * 6


def test_what_a_run_tells_of_its_units():
    units = [unit(0), unit(1), unit(3), unit(4), unit(9, TARGET._replace(data="funding", interval_ms=0))]
    became = [
        Outcome(units[0], rows=24),
        Outcome(units[1], error=AWAY),
        Outcome(units[2], missing=True),
        Outcome(units[3], asked=False),
    ]
    request = Request(symbol="BTC", since_ms=START_MS, venues=("bybit",))
    told = telling.document(request, units, became, [], "x.db", START_MS)
    bars, fundings = told.series
    assert (bars.units, bars.requests, bars.rows, bars.missing, bars.failed, bars.skipped) == (4, 12, 24, 1, 1, 1)
    assert [(span.start[:10], span.end[:10]) for span in bars.spans] == [
        ("2026-01-01", "2026-01-03"), ("2026-01-04", "2026-01-06"),
    ]  # fmt: skip
    assert (bars.unit, bars.interval, bars.instrument, bars.what) == ("page", "1h", "BTCUSDT", None)
    assert (fundings.units, fundings.rows, fundings.failed, fundings.interval) == (1, 0, 0, None)
    assert [(gap.what, gap.message, gap.failed) for gap in told.gaps] == [("candles", "away", True)]
    assert (told.since, told.place, told.dry_run) == ("2026-01-01T00:00:00Z", "x.db", False)


@pytest.mark.parametrize(("many", "more"), [(20, []), (21, ["1 more failed"]), (30, ["10 more failed"])])
def test_twenty_failures_are_told_one_by_one(many, more):
    failed = [Outcome(unit(day), error=AWAY) for day in range(many)]
    found = telling._gaps(failed, [])
    assert [gap.message for gap in found[20:]] == more
    assert len(found) == 20 + len(more)
    (apart,) = telling._gaps([], [SimpleNamespace(failures=[NotOpenError("okx", "funding", "not open")])])
    assert apart.failed is False
