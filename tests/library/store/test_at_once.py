"""Writers at once: of one series one at a time, of others as they come where the database can, and nothing is lost."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading

import pytest

from imbalance.errors import StoreBusyError, StoreError
from imbalance.store import engines, opening, reading, upkeep, writing
from imbalance.store.rows import Batch, Series
from imbalance.store.spans import Gap, Span
from tests.library.store.writer import BATCH, SERIES, batch, write

OTHER = SERIES._replace(symbol="ETH", instrument="ETH_USDT")
NEVER_S = 0.01


def known_of(address):
    with opening.opened(address) as store:
        assert upkeep.faults(store) == []
        with store.reading() as connection:
            return {
                (one.symbol, reading.arrays(connection, number, one.data)["time_ms"].size): [
                    span[:2] for span in reading.known(connection, number)
                ]
                for number, one in reading.all_series(connection).items()
            }


def refused(begin):
    with pytest.raises(StoreBusyError, match="another process is writing"), begin():
        pass


def span_of(*numbers):
    """Return the one span of batches that follow each other."""
    return [(batch(numbers[0]).known[0][0], batch(numbers[-1]).known[0][1])]


def test_who_writes_a_series_waits_for_who_writes_it_already_and_for_who_writes_any(address):
    write(address, 0)
    with opening.opened(address) as one, opening.opened(address, wait_s=NEVER_S) as late:
        with one.saving([SERIES]) as connection:
            writing.save(connection, [batch(1)], 1)
            refused(lambda: late.saving([SERIES]))
            refused(lambda: late.saving([OTHER, SERIES]))
            refused(late.writing)
        with one.writing() as connection:
            refused(lambda: late.saving([SERIES]))
            refused(lambda: late.saving([]))
            writing.save(connection, [batch(2)], 2)
        with late.saving([SERIES]) as connection:
            writing.save(connection, [batch(3)], 3)
    assert known_of(address) == {("BTC", 4 * BATCH): span_of(0, 1, 2, 3)}


def test_who_writes_other_series_waits_for_nobody_where_there_is_more_than_one_lock(address):
    assert not set(engines.locks_of([SERIES])) & set(engines.locks_of([OTHER]))
    with (
        opening.opened(address, make=True) as one,
        opening.opened(address, wait_s=NEVER_S) as other,
        one.saving([SERIES]) as held,
    ):
        # Both make their series, of the same source and data, while neither sees that of the other.
        writing.save(held, [batch(0)], 1)
        if one.is_sqlite:
            refused(lambda: other.saving([OTHER]))
            return
        with other.saving([OTHER]) as connection:
            writing.save(connection, [batch(0)._replace(series=OTHER)], 1)
        assert known_of(address) == {("ETH", BATCH): span_of(0)}
        writing.save(held, [batch(1)], 1)
    assert known_of(address) == {("ETH", BATCH): span_of(0), ("BTC", 2 * BATCH): span_of(0, 1)}


def large():
    """Return a batch that no socket takes at once: megabytes."""
    many, columns = 40_000, dict(batch(0).rows[0])
    block = {name: [value] * many for name, value in columns.items()}
    block["time_ms"] = [i * SERIES.interval_ms for i in range(many)]
    return writing.Block(SERIES, block, [(0, many * SERIES.interval_ms)])


@pytest.mark.parametrize("broken", [True, False])
def test_what_is_too_large_to_be_sent_at_once_is_stored_or_undone_whole(address, broken):
    def told(store):
        with store.saving([SERIES]) as connection:
            writing.save_columns(connection, large(), 1)
            if broken:
                raise KeyError

    with opening.opened(address, make=True) as store, contextlib.suppress(KeyError):
        told(store)
    many = len(large().columns["time_ms"])
    assert known_of(address) == ({} if broken else {("BTC", many): [(0, many * SERIES.interval_ms)]})


def test_writers_who_name_their_series_in_different_order_do_not_hold_each_other_up(address):
    many, each, failed = 6, 8, []
    with opening.opened(address, make=True):
        pass

    def work(series, first):
        try:
            with opening.opened(address, wait_s=30) as store:
                for at in range(first, first + each):
                    with store.saving(series) as connection:
                        for one in series:
                            writing.save(connection, [batch(at)._replace(series=one)], at)
        except StoreError as error:
            failed.append(error)

    orders = [[SERIES, OTHER], [OTHER, SERIES]]
    threads = [threading.Thread(target=work, args=(orders[i % 2], each * i)) for i in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    whole = span_of(0, many * each - 1)
    assert known_of(address) == {(coin, many * each * BATCH): whole for coin in ("BTC", "ETH")}


def test_locks_rise_and_are_no_more_than_a_server_has_room_for():
    series = [SERIES._replace(symbol=f"C{i}") for i in range(3000)]
    assert engines.locks_of(series) == engines.locks_of(reversed(series)) == list(range(engines.LOCKS))
    assert engines.locks_of([SERIES, OTHER]) == engines.locks_of([OTHER, SERIES, OTHER])


@pytest.mark.parametrize("what", ["save", "columns", "extend"])
def test_series_that_were_not_named_are_not_written(address, what):
    acts = {
        "save": lambda connection: writing.save(connection, [batch(0)], 1),
        "columns": lambda connection: writing.save_columns(connection, writing.Block(SERIES, {"time_ms": []}), 1),
        "extend": lambda connection: writing.extend(connection, [SERIES], 0, 9, 1),
    }
    with opening.opened(address, make=True) as store:
        with pytest.raises(RuntimeError, match="not opened for"), store.saving([OTHER]) as connection:
            acts[what](connection)
        with store.reading() as connection:
            assert reading.all_series(connection) == {}


def spoiled(store):
    """Save what the database refuses only when it is told all: a gap without a reason."""
    with store.saving([SERIES]) as connection:
        writing.save(connection, [batch(1)._replace(missing=[(-9, -5, None)])], 1)


def test_what_is_refused_at_the_end_is_told_and_leaves_nothing(address):
    write(address, 0)
    with opening.opened(address) as store:
        with pytest.raises(StoreError, match=r"(?i)not.null"):
            spoiled(store)
        assert known_of(address) == {("BTC", BATCH): span_of(0)}
        with store.saving([SERIES]) as connection:
            writing.save(connection, [batch(1)], 1)
    assert known_of(address) == {("BTC", 2 * BATCH): span_of(0, 1)}


def test_what_is_asked_for_at_once_is_what_is_asked_for_one_by_one(address, monkeypatch):
    monkeypatch.setattr(reading, "MOST_NAMED", 3)
    series = [Series("candles", "gate", "gate", f"C{i}", "", interval_ms=60_000 * (i % 2)) for i in range(8)]
    batches = []
    for i, one in enumerate(series[:7]):
        known = [(9 * k, 9 * k + 5) for k in range(i % 3)]
        missing = [(9 * k + 5, 9 * k + 7, "lost") for k in range(i % 4)]
        batches.append(Batch(one, [], known, missing))
    with opening.opened(address, make=True) as store:
        with store.saving(series) as connection:
            writing.save(connection, batches, 1)
        with store.reading() as connection:
            every = reading.all_series(connection)
            one_by_one = {
                one: (number, reading.known(connection, number), reading.missing(connection, number))
                for number, one in every.items()
            }
            found = reading.stored(connection, series)
            assert {
                one: (n, sorted(known), sorted(missing)) for one, (n, known, missing) in found.items()
            } == one_by_one
            assert reading.stored(connection, []) == {}
    # A twin that fails with the same fault would prove nothing.
    assert one_by_one[series[6]][2] == [Gap(5, 7, "lost", 1), Gap(14, 16, "lost", 1)]
    assert one_by_one[series[5]][1] == [Span(0, 5, 1), Span(9, 14, 1)]
    assert set(found) == set(series[:7])


def test_the_query_of_each_database_tells_the_same_of_random_series(address, monkeypatch):
    draw = random.Random(5)  # noqa: S311  the same every time, and no secret
    texts = ["", "BTC", "it's", "ETH"]
    series = [
        Series("candles", "gate", draw.choice(texts), draw.choice(texts), f"C{i}", interval_ms=draw.choice([0, 60_000]))
        for i in range(40)
    ]
    batches = []
    for one in series[:30]:
        edges = sorted(draw.sample(range(1000), 2 * draw.randrange(6)))
        # Known, missing, or nothing said; a series may have either, both or none.
        parts = [(a, b, draw.randrange(3)) for a, b in itertools.pairwise(edges)]
        known = [(a, b) for a, b, kind in parts if kind == 0]
        batches.append(Batch(one, [], known, [(a, b, draw.choice(texts)) for a, b, kind in parts if kind == 1]))

    def told(connection, wanted):
        found = reading.stored(connection, wanted)
        return {one: (number, sorted(known), sorted(missing)) for one, (number, known, missing) in found.items()}

    with opening.opened(address, make=True) as store:
        with store.saving(series) as connection:
            writing.save(connection, batches, 1)
        with store.reading() as connection:
            every = reading.all_series(connection)
            for many in (1, 2, 40):
                wanted = draw.sample(series, many)
                own = told(connection, wanted)
                assert own == {
                    one: (number, reading.known(connection, number), reading.missing(connection, number))
                    for number, one in every.items()
                    if one in wanted
                }
                with monkeypatch.context() as patched:
                    patched.setattr(reading, "_STORED_ASIDE", reading._STORED)
                    assert told(connection, wanted) == own
            kinds = {(bool(known), bool(missing)) for _number, known, missing in own.values()}
            assert kinds == {(False, False), (False, True), (True, False), (True, True)}
