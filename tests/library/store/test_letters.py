"""What a server is told goes to it in few messages, whole and as it was meant."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import OperationalError
from psycopg.errors import DivisionByZero
from sqlalchemy import select

from imbalance.errors import StoreBusyError, StoreError
from imbalance.store import opening, places, reading, schema, writing
from imbalance.store.rows import Batch, Series
from imbalance.store.spans import Gap
from tests.library.store.writer import SERIES, batch
from tests.support import postgres

ORDERS = Series("liquidations", "gate", "gate", "BTC", "BTC_USDT", "linear")
HOSTILE = [
    "it's", 'say "so"', "back\\slash", "\\'; DROP TABLE series; --", "100 %s %(own)s %%", "{1,NULL}", "NULL", "",
    ";\n;", "$1 $$", "Zo\u00eb \u65e5\u672c", "COMMIT",
]  # fmt: skip


@pytest.fixture
def store(server):
    if server is None:
        pytest.skip("no PostgreSQL is at hand")
    with postgres.apart(server, "letters") as address, opening.opened(address, make=True) as opened:
        yield opened


@contextlib.contextmanager
def traced(store, file):
    """Count how often the server was waited for: each time it said that it is ready for more."""
    trips = []
    with store.reading() as connection:
        driver = connection.connection.driver_connection.pgconn
    with file.open("w") as told:
        driver.trace(told.fileno())
        yield trips
        driver.untrace()
    trips.append(sum("ReadyForQuery" in line for line in file.read_text().splitlines()))


def save(store, *batches):
    with store.saving([one.series for one in batches]) as connection:
        writing.save(connection, batches, 1)


def test_a_write_waits_for_the_server_twice_and_once_more_for_a_new_series(store, tmp_path):
    other = batch(0)._replace(series=SERIES._replace(symbol="ETH"), missing=[(-9, -5, "lost")])
    for batches, trips in [([batch(0)], 3), ([batch(1)], 2), ([batch(2), other], 3), ([batch(3), other], 2)]:
        with traced(store, tmp_path / "trace") as found:
            save(store, *batches)
        assert found == [trips]


def test_a_span_that_goes_on_waits_for_the_server_three_times(store, tmp_path):
    end_ms = batch(0).known[0][1]
    save(store, batch(0))
    with traced(store, tmp_path / "trace") as found, store.saving([SERIES]) as connection:
        writing.extend(connection, [SERIES], 0, end_ms + 5, 2)
    assert found == [3]
    with store.reading() as connection:
        [number] = reading.all_series(connection)
        assert [span[:2] for span in reading.known(connection, number)] == [(0, end_ms + 5)]


def test_texts_are_stored_as_they_are(address):
    rows = [
        {"time_ms": i, "position": "long", "price": -1.5, "quantity_base": 1e-300, "order_id": text, "nth": 0}
        for i, text in enumerate(HOSTILE)
    ]
    series = [ORDERS._replace(symbol=text) for text in HOSTILE]
    missing = [(10 * i, 10 * i + 5, text) for i, text in enumerate(HOSTILE)]
    with opening.opened(address, make=True) as store:
        save(store, Batch(ORDERS, rows, (), missing), *(Batch(one, []) for one in series))
        with store.reading() as connection:
            numbers = {one: number for number, one in reading.all_series(connection).items()}
            found = reading.arrays(connection, numbers[ORDERS], "liquidations")
            gaps = reading.missing(connection, numbers[ORDERS])
    assert found["order_id"].tolist() == HOSTILE
    assert set(found["price"]) == {-1.5}
    assert set(found["quantity_base"]) == {1e-300}
    assert gaps == [Gap(*gap, 1) for gap in missing]
    assert set(numbers) == {ORDERS, *series}


def test_what_was_told_before_something_went_wrong_is_not_stored(address):
    def told(store, *, asked):
        with store.saving([SERIES]) as connection:
            writing.save_report(connection, "imbalance.report/1", "BTC", 1, 1, b"{}")
            if asked:
                writing.save(connection, [batch(0)], 1)
            raise KeyError

    with opening.opened(address, make=True) as store:
        for asked in (False, True):
            with contextlib.suppress(KeyError):
                told(store, asked=asked)
            with store.reading() as connection:
                assert reading.reports(connection, "BTC") == []
                assert reading.all_series(connection) == {}
        with store.saving([]) as connection:
            writing.save_report(connection, "imbalance.report/1", "BTC", 1, 1, b"{}")
        with store.reading() as connection:
            assert reading.reports(connection, "BTC") == [("imbalance.report/1", 1, b"{}")]


def test_a_message_that_fails_in_the_middle_leaves_nothing_and_a_connection_that_goes_on(store):
    def spoiled():
        with store.saving([SERIES]) as connection:
            writing.save(connection, [batch(0)], 1)
            connection.exec_driver_sql("SELECT 1 / 0")
            writing.save_report(connection, "imbalance.report/1", "BTC", 1, 1, b"{}")

    def lent():
        with store.reading() as connection:
            assert reading.reports(connection, "BTC") == []
            assert reading.all_series(connection) == {}
            return connection.connection.driver_connection

    before = lent()
    with pytest.raises(StoreError, match="division by zero"):
        spoiled()
    assert lent() is before
    save(store, batch(0))


def test_who_goes_on_after_an_error_is_not_told_that_all_is_stored(store):
    def going_on():
        with store.saving([SERIES]) as connection:
            connection.exec_driver_sql("SELECT 1 / 0")
            with pytest.raises(DivisionByZero):
                writing.save(connection, [batch(0)], 1)

    with pytest.raises(StoreError, match="refused before"):
        going_on()
    with store.reading() as connection:
        assert reading.all_series(connection) == {}


def test_what_is_asked_in_another_way_is_refused_and_not_answered_wrongly(store):
    with pytest.raises(StoreError, match="does not return rows"), store.saving([SERIES]) as connection:
        connection.execute(select(schema.STORE)).all()


def test_of_a_key_that_comes_twice_at_once_the_first_stays(address):
    once = [*batch(0).rows, *batch(1).rows]
    rows = [*once, *({**row, "close": 7.0} for row in batch(0).rows)]
    with opening.opened(address, make=True) as store:
        save(store, Batch(SERIES, rows))
        with store.reading() as connection:
            [number] = reading.all_series(connection)
            found = reading.arrays(connection, number, "candles")
    assert found["time_ms"].tolist() == [row["time_ms"] for row in once]
    assert set(found["close"]) == {1.5}


def test_a_text_that_the_driver_refuses_is_no_lost_connection(store):
    with pytest.raises(StoreError, match="NUL") as caught:
        save(store, Batch(ORDERS._replace(symbol="A\0B"), []))
    assert not isinstance(caught.value, StoreBusyError)


@pytest.mark.parametrize("state", ["55P03", "57014", "40001", "40P01"])
def test_what_came_too_late_or_in_the_way_may_be_tried_again(state):
    error = OperationalError("storniere Anfrage")
    error.sqlstate = state
    assert isinstance(places.trouble("here", error), StoreBusyError)


def test_who_waited_sees_what_was_written_meanwhile_however_the_role_isolates(store):
    own = store.engine.url.set(drivername="postgresql")
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'repeatable read'")
    try:
        with opening.opened(own.render_as_string(hide_password=False), make=True) as other:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda at: save(other, batch(at)), range(12)))
            with other.reading() as connection:
                assert len(reading.all_series(connection)) == 1
    finally:
        with store.writing() as connection:
            connection.exec_driver_sql("ALTER ROLE CURRENT_USER RESET default_transaction_isolation")


def test_a_password_at_an_address_s_end_is_not_told():
    with contextlib.closing(opening.connected("postgresql://me@/db?host=/nowhere&password=geheim")) as made:
        assert "geheim" not in made.place
        assert "/nowhere" in made.place or "%2Fnowhere" in made.place


def test_texts_go_there_and_back_whatever_encoding_the_address_has(store):
    own = store.engine.url.set(drivername="postgresql").update_query_dict({"client_encoding": "LATIN1"})
    with opening.opened(own.render_as_string(hide_password=False)) as other:
        save(other, Batch(ORDERS._replace(symbol="\u5e01\u5b89"), []))
        with other.reading() as connection:
            assert [one.symbol for one in reading.all_series(connection).values()] == ["\u5e01\u5b89"]
