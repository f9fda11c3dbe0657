"""One reading of a venue: the same figure whichever endpoint gave it, at the moment that it is of."""

from __future__ import annotations

import pytest

from imbalance.collect import Options
from imbalance.readings import open_interest_history, open_interest_now
from imbalance.records import (
    Commitments,
    ContractStats,
    Holders,
    OpenInterest,
    OpenInterestUsd,
    Sentiment,
    Ticker,
)
from imbalance.report import sections
from imbalance.service import sources
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.library.venues.test_parsers import SOURCES
from tests.support.exchange import NOW_MS, Exchange

HOURS = 60


def interest_at(time_ms):
    """Return open interest that grows by 10 coins an hour and is 1,000 now."""
    return 1000 + (time_ms - NOW_MS) / HOUR_MS * 10


def gate():
    harvest = Harvest(next(v for v in VENUES if v.name == "gate"))
    starts = [NOW_MS - i * HOUR_MS for i in range(HOURS, 0, -1)]
    harvest.keep(
        Kind.CONTRACT_STATS, [ContractStats(t, 100.0, interest_at(t + HOUR_MS), 0.0, 0.0, 0.0, 0.0) for t in starts]
    )
    return harvest


def bybit():
    harvest = Harvest(next(v for v in VENUES if v.name == "bybit"))
    stamps = [NOW_MS - i * HOUR_MS for i in range(HOURS, -1, -1)]
    harvest.keep(Kind.OPEN_INTEREST_HISTORY, [OpenInterest(t, interest_at(t)) for t in stamps])
    harvest.keep(Kind.TICKER, [OpenInterest(NOW_MS, interest_at(NOW_MS)), Ticker(NOW_MS, mark_price=100.0)])
    return harvest


@pytest.mark.parametrize("harvest", [gate(), bybit()], ids=["statistics by bucket", "history by moment"])
def test_open_interest_is_of_the_moment_that_its_stamp_tells(harvest):
    assert open_interest_now(harvest) == 1000
    assert all(r.open_interest_base == interest_at(r.time_ms) for r in open_interest_history(harvest))
    (row,) = sections.open_interest([harvest], 100.0, NOW_MS, [harvest.source]).venues
    assert row.change_24h == pytest.approx(1000 / interest_at(NOW_MS - DAY_MS) - 1)


def served(source, kind, row):
    harvest = Harvest(SOURCES[source])
    harvest.keep(kind, [row])
    return harvest


@pytest.mark.parametrize(
    ("source", "kind", "row", "fresh_ms"),
    [
        ("bybit", Kind.TICKER, lambda t: Ticker(t, mark_price=1.0), 15 * MINUTE_MS),
        ("okx", Kind.OPEN_INTEREST, lambda t: OpenInterest(t, 1.0), 15 * MINUTE_MS),
        ("fear_greed", Kind.SENTIMENT, lambda t: Sentiment(t, 16, "Fear"), 2 * DAY_MS),
        ("cftc", Kind.COMMITMENTS, lambda t: Commitments(t, "x", 5.0, 1.0, {}), 14 * DAY_MS),
        ("coinmetrics", Kind.HOLDERS, lambda t: Holders(t, "x", 1.0), 4 * DAY_MS),
        ("cryptoquant", Kind.OPEN_INTEREST_DAILY, lambda t: OpenInterestUsd(t, 1.0), 3 * DAY_MS),
    ],
)
def test_each_kind_of_figure_is_stale_after_its_own_time(source, kind, row, fresh_ms):
    for age_ms, status in ((0, "ok"), (fresh_ms, "ok"), (fresh_ms + 1, "stale")):
        harvest = served(source, kind, row(NOW_MS - age_ms))
        (state,) = sections.states([harvest], [], NOW_MS)
        assert state.status == status
        assert (f"newest {kind}" in state.message) is (status == "stale")
    # A machine whose clock is two months behind sees the same.
    harvest.clock_ahead_s = 60 * DAY_MS / 1000
    assert sections.states([harvest], [], NOW_MS - 60 * DAY_MS)[0].status == "stale"
    harvest = served(source, kind, row(NOW_MS))
    assert sections.states([harvest], [], NOW_MS + 60 * DAY_MS)[0].status == "stale"
    harvest.clock_ahead_s = -60 * DAY_MS / 1000
    assert sections.states([harvest], [], NOW_MS + 60 * DAY_MS)[0].status == "ok"


def test_a_probe_of_figures_two_months_old_is_not_ok():
    with Exchange() as exchange:
        old, new = (
            sources(Options(probe=True), exchange.settings, NOW_MS + later, lambda _h: None).sources
            for later in (60 * DAY_MS, 0)
        )
    assert {s.name for s in new if s.status != "ok"} == {"coinglass", "cryptoquant", "coinalyze"}
    # These stamp nothing: their answers are of the asking.
    assert {s.name for s in old if s.status == "ok"} == {"gate", "hyperliquid", "kraken"}
