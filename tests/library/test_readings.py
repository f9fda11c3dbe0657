"""One reading of a venue: the same figure whichever endpoint gave it, at the moment that it is of."""

from __future__ import annotations

import pytest

from imbalance.readings import open_interest_history, open_interest_now
from imbalance.records import ContractStats, OpenInterest, Ticker
from imbalance.report import sections
from imbalance.units import DAY_MS, HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest
from tests.support.exchange import NOW_MS

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
    (row,) = sections.open_interest([harvest], 100.0, NOW_MS).venues
    assert row.change_24h == pytest.approx(1000 / interest_at(NOW_MS - DAY_MS) - 1)
