"""What is told of figures against stored history, and what is not."""

from __future__ import annotations

import pytest

from imbalance.report import tree
from imbalance.report.since import statements
from imbalance.units import DAY_MS, HOUR_MS

NOW_MS = 1_769_774_400_000  # 2026-01-30 12:00
MIDNIGHT_MS = NOW_MS - 12 * HOUR_MS


def history(*values, last_ms=MIDNIGHT_MS - DAY_MS, step_ms=DAY_MS, of="X"):
    """Return values by day, the last of them of yesterday."""
    return {last_ms - i * step_ms: (float(v), of) for i, v in enumerate(reversed(values))}


def told(days, **given):
    nothing = {
        "interest": tree.OpenInterest(0.0, 0.0, [], [], None),
        "seen": tree.Liquidations(None, None, None, [], [], [], None),
        "mood": None,
        "funding": tree.Funding(None, []),
        "volume": tree.Volume("2026-01", None, None, [], []),
    }
    return statements(days, NOW_MS, **(nothing | given))


def liquidations(usd, of=("okx",)):
    return tree.Liquidations(usd, usd, 0.0, list(of), [], [], None)


DAY_BEFORE_MS = MIDNIGHT_MS - 2 * DAY_MS


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((9, *[1] * 7), "largest since 2026-01-21"),
        ((9, *[1] * 90), "largest since October 2025"),
        ((5, *[1] * 7), "largest since 2026-01-21"),
        ((4.9, *[1] * 7), "largest of the 9 days known"),
        # It was as large within the week.
        ((9, *[1] * 5), "largest since 2026-01-23"),
        ((9, *[1] * 4), ""),
        ([1] * 4, ""),
        ([1] * 6, "largest of the 7 days known"),
    ],
)
def test_liquidations_are_the_largest_since_or_of_the_days_known(values, expected):
    days = {("liquidations", "okx"): history(*values, last_ms=DAY_BEFORE_MS)}
    assert told(days, seen=liquidations(5.0)).get("liquidations_24h", "") == expected


def test_a_sum_is_compared_with_the_sum_of_the_same_sources():
    days = {("liquidations", "okx"): history(9, *[1] * 9, last_ms=DAY_BEFORE_MS)}
    assert told(days, seen=liquidations(5.0, ("okx", "gate"))) == {}
    days["liquidations", "gate"] = history(*[1] * 9, last_ms=DAY_BEFORE_MS)
    # The day of 9 is known of one of them alone.
    assert told(days, seen=liquidations(5.0, ("okx", "gate"))) == {"liquidations_24h": "largest of the 10 days known"}


def test_a_gap_and_another_contract_end_what_is_told():
    known = history(9, *[1] * 19, last_ms=DAY_BEFORE_MS)
    cut = {t: row for t, row in known.items() if t != DAY_BEFORE_MS - 10 * DAY_MS}
    renamed = {t: (v, "X" if t > DAY_BEFORE_MS - 10 * DAY_MS else "Y") for t, (v, _of) in known.items()}
    stopped = {t - 2 * DAY_MS: row for t, row in known.items()}
    for days, expected in (
        (known, "largest since 2026-01-09"),
        (cut, "largest of the 11 days known"),
        (renamed, "largest of the 11 days known"),
        (stopped, None),
    ):
        found = told({("liquidations", "okx"): days}, seen=liquidations(5.0))
        assert found.get("liquidations_24h") == expected


def test_open_interest_is_told_of_the_venue_that_has_most_of_what_is_stored():
    rows = [tree.VenueOpenInterest(name, base, base, 0.5, None) for name, base in (("binance", 9.0), ("okx", 5.0))]
    interest = tree.OpenInterest(14.0, 14.0, rows, [], None)
    days = {("open_interest", "okx"): history(6, *[4] * 9)}
    assert told(days, interest=interest) == {"open_interest_change": "okx highest since 2026-01-20"}
    days["open_interest", "okx"] = history(4, *[6] * 9)
    assert told(days, interest=interest) == {"open_interest_change": "okx lowest since 2026-01-20"}


def test_sentiment_is_compared_with_the_days_before_its_own():
    mood = tree.Sentiment(16, "Extreme Fear", "2026-01-30", None, "fear_greed")
    days = {("sentiment", "fear_greed"): history(12, *[30] * 99, 16, last_ms=MIDNIGHT_MS)}
    assert told(days, mood=mood) == {"fear_greed": "lowest since October 2025"}
    mood.old = "2 days"
    assert told(days, mood=mood) == {}


def test_funding_is_told_where_it_is_paid_every_eight_hours():
    interest = tree.OpenInterest(1.0, 1.0, [tree.VenueOpenInterest("okx", 1.0, 1.0, 1.0, None)], [], None)
    rates = history(-3, *[1] * 60, last_ms=MIDNIGHT_MS, step_ms=8 * HOUR_MS)
    for hours, expected in ((8.0, {"funding_8h": "okx lowest since 2026-01-10"}), (4.0, {})):
        funding = tree.Funding(-2.0, [tree.VenueFunding("okx", -2.0, hours, -2.0, None)])
        days = {("funding", "okx"): rates}
        assert {
            k: v for k, v in told(days, interest=interest, funding=funding).items() if k == "funding_8h"
        } == expected


def test_the_last_whole_month_is_compared_with_those_before():
    volume = tree.Volume("2026-01", 1.0, 1.0, [tree.VenueVolume("okx", 1.0, 1.0, 1.0, 1.0)], [])
    # September to December 2025, and 29 days of January.
    values = [*[1] * 30, *[3] * 31, *[3] * 30, *[2] * 31, *[9] * 29]
    days = {("volume", "okx"): history(*values)}
    assert told(days, volume=volume) == {"month_volume": "December 2025 lowest since September 2025"}
    del days["volume", "okx"][MIDNIGHT_MS - 80 * DAY_MS]
    assert told(days, volume=volume) == {}


@pytest.mark.parametrize(("days_ago", "expected"), [(7, {"fear_greed": "lowest since 2026-01-23"}), (6, {})])
def test_what_was_so_within_the_week_is_not_told(days_ago, expected):
    mood = tree.Sentiment(16, "Extreme Fear", "2026-01-30", None, "fear_greed")
    values = [30.0] * 20 + [12.0] + [30.0] * (days_ago - 1)
    assert told({("sentiment", "fear_greed"): history(*values)}, mood=mood) == expected
