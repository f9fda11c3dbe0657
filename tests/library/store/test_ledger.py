"""What streams told becomes rows, spans and gaps: against a plain account of each second, and in a store."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance.records import Contract, Instrument, Liquidation
from imbalance.store import opening, reading, upkeep, writing
from imbalance.store.ledger import IDLE, UNREADABLE, Ledger, series_of
from imbalance.store.rows import Batch
from imbalance.store.spans import left, union
from imbalance.units import Side
from imbalance.wire.streams import Down, Garbled, Told, Up

BTC = Instrument("bybit", "BTCUSDT", "BTC", "USDT", Contract.LINEAR)
ETH = Instrument("bybit", "ETHUSDT", "ETH", "USDT", Contract.LINEAR)
DELAY = 5


def ledger(ended_ms=None):
    return Ledger({"bybit": DELAY}, ended_ms or {})


def order(time_ms, base=1.0, number=""):
    return Liquidation(time_ms, Side.LONG, 100.0, base, number)


def spans(batches, one=BTC):
    """Return what is known and missing of a contract in all batches."""
    own = [batch for batch in batches if batch.series == series_of(one)]
    return [span for b in own for span in b.known], [gap for b in own for gap in b.missing]


def rows(batches, one=BTC):
    return [row for batch in batches if batch.series == series_of(one) for row in batch.rows]


def test_a_stream_that_breaks_leaves_a_gap_from_what_was_certain_to_where_it_is_up_again():
    made = ledger()
    for event in (Up("bybit", 100, [BTC]), Told("bybit", 150), Down("bybit", 160, "broke"), Up("bybit", 200, [BTC])):
        made.note(event)
    # What happened in the last moments before the break may not have been sent.
    assert spans(made.batches()) == ([(100, 160 - DELAY)], [(160 - DELAY, 200, "broke")])
    made.note(Told("bybit", 300))
    assert made.batches() == []
    assert made.spans() == [((200, 300 - DELAY), [series_of(BTC)])]
    made.stop(310)
    assert spans(made.batches()) == ([(200, 300 - DELAY)], [])
    course = made.course("bybit")
    assert (list(course.known), course.gaps, course.missing_ms) == (
        [(100, 160 - DELAY), (200, 300 - DELAY)], 1, 200 - 160 + DELAY,
    )  # fmt: skip


def test_one_that_never_was_up_leaves_nothing_and_one_that_is_down_at_the_end_what_is_missing():
    made = ledger()
    made.note(Down("bybit", 100, "refused"))
    made.stop(500)
    assert made.batches() == []
    made = ledger()
    made.note(Down("bybit", 100, "refused"))
    made.note(Down("bybit", 150, "refused again"))
    made.note(Up("bybit", 200, [BTC]))
    assert spans(made.batches()) == ([], [(100, 200, "refused again")])
    made.note(Told("bybit", 250))
    made.note(Down("bybit", 260, "broke"))
    made.stop(500)
    assert spans(made.batches()) == ([(200, 255)], [(255, 500, "broke")])


def test_the_time_between_two_runs_is_missing():
    made = ledger({series_of(BTC): 40})
    made.note(Up("bybit", 100, [BTC, ETH]))
    found = made.batches()
    assert spans(found) == ([], [(40, 100, IDLE)])
    assert spans(found, ETH) == ([], [])  # nothing was promised of it before


def test_a_message_that_cannot_be_read_is_a_gap_and_many_of_them_are_one():
    made = ledger()
    made.note(Up("bybit", 100, [BTC]))
    made.note(Told("bybit", 150))
    for at_ms in range(160, 200):
        made.note(Garbled("bybit", at_ms, "$.data"))
    made.note(Told("bybit", 300))
    found = made.batches()
    assert spans(found) == ([(100, 145)], [(145, 199, UNREADABLE)])
    assert len(found) == 2
    assert made.spans() == [((199, 295), [series_of(BTC)])]
    assert made.course("bybit").gaps == 1
    # Where it is down nothing is known anyway.
    made = ledger()
    made.note(Garbled("bybit", 100, "$"))
    made.note(Up("bybit", 200, [BTC]))
    assert made.batches() == []


def test_a_connection_that_takes_over_goes_on_with_what_both_carry():
    made = ledger()
    made.note(Up("bybit", 100, [BTC]))
    made.note(Told("bybit", 200))
    made.note(Up("bybit", 300, [BTC, ETH]))
    made.note(Told("bybit", 400))
    assert made.batches() == []
    assert made.spans() == [((100, 395), [series_of(BTC)]), ((300, 395), [series_of(ETH)])]
    made.note(Up("bybit", 500, [ETH]))
    made.note(Told("bybit", 600))
    assert spans(made.batches()) == ([(100, 395)], [])
    made.stop(600)
    assert spans(made.batches(), ETH) == ([(300, 595)], [])
    assert made.course("bybit").gaps == 0


def test_orders_alike_in_one_message_are_several_and_a_message_that_comes_twice_is_one():
    made = ledger()
    alike = [
        (BTC, order(7)),
        (BTC, order(7)),
        (ETH, order(7)),
        (BTC, order(7, number="x")),
        (BTC, order(7, number="x")),
    ]
    for _ in range(2):
        made.note(Told("bybit", 100, alike))
    found = made.batches()
    assert [(row["order_id"], row["nth"]) for row in rows(found)] == [("", 0), ("", 1), ("x", 0)]
    assert [row["nth"] for row in rows(found, ETH)] == [0]
    assert rows(found)[0] == {
        "time_ms": 7, "position": "long", "price": 100.0, "quantity_base": 1.0, "order_id": "", "nth": 0,
    }  # fmt: skip


EVENTS = st.lists(
    st.tuples(st.sampled_from(["up", "told", "garbled", "down"]), st.integers(1, 30), st.integers(0, 2)), max_size=30
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.sets(st.integers(0, 30)))
def test_no_moment_is_known_that_was_not_and_none_between_is_forgotten(events, saves):
    """A plain account: a moment is known where it is up, heard later by more than the delay, and all could be read."""
    made, batches, at, started = ledger(), [], 100, None
    up_ms, certain, known, broke_ms = None, 0, set(), None
    for i, (kind, step, _less) in enumerate(events):
        at += step
        if kind == "up":
            made.note(Up("bybit", at, [BTC]))
            up_ms = at if up_ms is None else up_ms
            started = at if started is None and broke_ms is None else broke_ms if started is None else started
            certain = max(certain, at)
        elif kind == "told":
            made.note(Told("bybit", at))
            certain = max(certain, at)
        elif kind == "garbled":
            made.note(Garbled("bybit", at, "?"))
            if up_ms is not None:
                known |= set(range(up_ms, max(up_ms, certain - DELAY)))
                up_ms = at
            certain = max(certain, at)
        else:
            made.note(Down("bybit", at, "?"))
            if up_ms is not None:
                certain = max(certain, at)
                known |= set(range(up_ms, max(up_ms, certain - DELAY)))
                up_ms = None
            broke_ms = at if broke_ms is None else broke_ms
        if i in saves:
            batches += made.batches()
    if up_ms is not None:
        known |= set(range(up_ms, max(up_ms, certain - DELAY)))
    end_ms = max(up_ms, certain - DELAY) if up_ms is not None else at + 1
    made.stop(at + 1)
    batches += made.batches()
    found, gaps = spans(batches)
    assert {ms for a, b in found for ms in range(a, b)} == known
    if started is not None:
        missing = {ms for a, b, _why in gaps for ms in range(a, b)}
        assert known.isdisjoint(missing)
        assert known | missing == set(range(started, end_ms))


def stored(address, one=BTC):
    with opening.opened(address) as store, store.reading() as connection:
        numbers = {series: n for n, series in reading.all_series(connection).items()}
        found = numbers[series_of(one)]
        return (
            [span[:2] for span in reading.known(connection, found)],
            [gap[:3] for gap in reading.missing(connection, found)],
        )


def test_a_span_that_goes_on_reaches_further_in_a_store(address):
    series = [series_of(one) for one in (BTC, ETH)]
    for to_ms in (200, 300, 250):
        with opening.opened(address, make=True) as store, store.saving(series) as connection:
            writing.extend(connection, series, 100, to_ms, to_ms)
    assert stored(address) == stored(address, ETH) == ([(100, 300)], [])
    with opening.opened(address) as store, store.reading() as connection:
        assert reading.ended_ms(connection, data="liquidations") == dict.fromkeys(series, 300)
        assert reading.ended_ms(connection, data="candles") == {}


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ([(350, 400)], []),
        ([(50, 150)], []),
        ([(500, 600)], []),
        ([], [(320, 380, "x")]),
        ([], [(380, 500, "x")]),
        ([], [(20, 60, "x")]),
        ([(50, 90), (310, 320)], [(330, 340, "x"), (450, 460, "y")]),
    ],
)
def test_what_another_wrote_meanwhile_is_respected(address, known, missing):
    """The fast way must come to what the plain one comes to, whatever is in its way."""
    one = series_of(BTC)
    with opening.opened(address, make=True) as store:
        with store.saving([one]) as connection:
            writing.extend(connection, [one], 100, 300, 1)
            writing.save(connection, [Batch(one, [], known, missing)], 2)
        with store.saving([one]) as connection:
            writing.extend(connection, [one], 100, 400, 3)
    all_known = union([writing.Span(a, b, 0) for a, b in [(100, 400), *known]])
    expected = left([writing.Gap(*gap, 0) for gap in missing], all_known)
    assert stored(address) == ([span[:2] for span in all_known], [gap[:3] for gap in expected])
    with opening.opened(address) as store:
        assert upkeep.faults(store) == []


def test_a_ledger_makes_a_sound_store(address):
    made = ledger()
    events = [
        Up("bybit", 1000, [BTC, ETH]), Told("bybit", 1100, [(BTC, order(1090)), (BTC, order(1090))]),
        Garbled("bybit", 1200, "?"), Told("bybit", 1300), Down("bybit", 1400, "broke"), Up("bybit", 1500, [BTC]),
        Told("bybit", 1600, [(BTC, order(1090)), (BTC, order(1599, 2.0))]),
    ]  # fmt: skip
    with opening.opened(address, make=True) as store:
        for learned_ms, event in enumerate(events, 5000):
            made.note(event)
            with store.saving([series_of(BTC), series_of(ETH)]) as connection:
                writing.save(connection, made.batches(), learned_ms)
                for (from_ms, to_ms), series in made.spans():
                    writing.extend(connection, series, from_ms, to_ms, learned_ms)
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            [number] = [n for n, one in reading.all_series(connection).items() if one == series_of(BTC)]
            found = reading.arrays(connection, number, "liquidations")
    assert found["time_ms"].tolist() == [1090, 1090, 1599]
    assert stored(address) == (
        [(1000, 1095), (1200, 1395), (1500, 1595)], [(1095, 1200, UNREADABLE), (1395, 1500, "broke")],
    )  # fmt: skip
    # The one that was not carried again is known no further, and no gap says that it was asked for.
    assert stored(address, ETH) == ([(1000, 1095), (1200, 1395)], [(1095, 1200, UNREADABLE)])
