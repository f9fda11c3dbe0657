"""What is counted of a stream, event by event."""

from __future__ import annotations

import pytest

from imbalance.collector.tally import Tally
from imbalance.records import Contract, Instrument, Liquidation
from imbalance.store.ledger import Course
from imbalance.units import Side
from imbalance.wire.streams import Down, Garbled, Told, Up

BTC = Instrument("gate", "BTC_USDT", "BTC", "USDT", Contract.LINEAR)


def order(time_ms, side, price=100.0, base=2.0):
    return BTC, Liquidation(time_ms, side, price, base)


def after(*events):
    tally = Tally("gate 1", "gate")
    for event in events:
        tally.note(event)
    return tally


UP, DOWN = Up("x", 1_000, [BTC, BTC]), Down("x", 2_000, "closed")


@pytest.mark.parametrize(
    ("events", "status", "gaps"),
    [
        ([], "never up", 0),
        ([DOWN], "never up", 0),
        ([UP], "up", 0),
        # What was missed until a first connection is a gap too.
        ([DOWN, UP], "up", 1),
        ([UP, DOWN], "down", 0),
        ([UP, DOWN, UP], "up", 1),
        ([UP, DOWN, UP, DOWN, UP], "up", 2),
        # What could not be read is no gap while the stream is up, however often it is subscribed again.
        ([UP, Garbled("x", 1_500, "no JSON"), UP], "up", 0),
    ],
)
def test_gaps_end_where_a_stream_is_up_again(events, status, gaps):
    tally = after(*events)
    row = tally.row(Course())
    assert (row.status, tally.gaps) == (status, gaps)
    assert row.contracts == (2 if UP in events else 0)


def test_orders_count_by_the_side_that_was_liquidated():
    tally = after(
        UP,
        Told("x", 5_000, [order(4_000, Side.LONG), order(4_250, Side.SHORT, 50.0, 0.5)]),
        Told("x", 6_000),
        Told("x", 7_000, [order(9_000, Side.LONG, 1.0, 1.0)]),
        Garbled("x", 8_000, "no JSON"),
    )
    course = Course(gaps=3, missing_ms=2_500)
    course.known.append((0, 1_000))
    course.missing.append((1_000, 2_000, "closed"))
    row = tally.row(course)
    assert (row.messages, row.unreadable, row.liquidations) == (3, 1, 3)
    assert (row.long_usd, row.short_usd) == (201.0, 25.0)
    assert row.lag_s == -2.0  # by this machine's clock
    assert (row.gaps, row.missing_s, row.message) == (3, 2.5, "no JSON")
    assert [(span.start, span.end) for span in row.known] == [("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z")]
    assert [(span.start, span.why) for span in row.missing] == [("1970-01-01T00:00:01Z", "closed")]
    assert after(UP, Told("x", 5_000, [order(4_000, Side.LONG), order(4_250, Side.LONG)])).lag_s == 0.75
