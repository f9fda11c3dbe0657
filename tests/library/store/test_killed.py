"""Writers that are killed, and writers and readers at once: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from imbalance.store import opening, reading, upkeep
from tests.library.store.writer import BATCH, SERIES, write

KILLS = 40
LATEST_KILL_S = 0.02


def stored(address):
    with opening.opened(address) as store, store.reading() as connection:
        [(number, one)] = reading.all_series(connection).items()
        times_ms = reading.arrays(connection, number, one.data, ("time_ms",))["time_ms"].tolist()
        known = reading.known(connection, number)
    with opening.opened(address) as store:
        assert upkeep.faults(store) == []
    return times_ms, known


def _write_on(address, at, tells):
    """Write batch after batch and acknowledge each, until killed."""
    try:
        while True:
            at += 1
            write(address, at)
            os.write(tells, b".")
    finally:
        os._exit(1)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(address):
    """One process forks a writer a kill: to start each anew would take minutes."""
    write(address, 0)
    draw = random.Random(7)  # noqa: S311  the same every time, and no secret
    acknowledged = 0
    # A client of a server that is killed is no more to it than one that hangs up.
    for _ in range(KILLS // 5 if address.startswith("postgresql") else KILLS):
        told, tells = os.pipe()
        child = os.fork()
        if not child:
            _write_on(address, acknowledged, tells)
        os.close(tells)
        # Counted from the first one on, so that kills fall between and into writes alike.
        first = os.read(told, 1)
        time.sleep(draw.uniform(0, LATEST_KILL_S))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        rest = b""
        while piece := os.read(told, 4096):
            rest += piece
        os.close(told)
        acknowledged += len(first + rest)
        times_ms, known = stored(address)
        batches = len(times_ms) // BATCH
        # What is there is a whole number of batches, one of which may have been stored and not yet acknowledged.
        assert times_ms == list(range(0, batches * BATCH * SERIES.interval_ms, SERIES.interval_ms))
        assert acknowledged + 1 <= batches <= acknowledged + 2
        assert [span[:2] for span in known] == [(0, batches * BATCH * SERIES.interval_ms)]


def test_four_writers_and_four_readers_at_once(address):
    write(address, 0)
    each = 6
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.library.store.writer", address, str(1 + each * i), str(each)],
            stderr=subprocess.PIPE,
        )
        for i in range(4)
    ]
    wrong = []
    done = threading.Event()

    def read():
        least = 0
        while not done.is_set():
            try:
                many = len(stored(address)[0])
            except Exception as error:  # noqa: BLE001  whatever a reader meets fails the test
                wrong.append(error)
                return
            if many % BATCH or many < least:
                wrong.append(many)
            least = many

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    told = [writer.communicate(timeout=120)[1] for writer in writers]
    done.set()
    for reader in readers:
        reader.join()
    assert told == [b""] * 4
    assert wrong == []
    times_ms, known = stored(address)
    assert len(times_ms) == len(set(times_ms)) == (1 + 4 * each) * BATCH
    assert len(known) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with (
        pytest.raises(opening.StoreError, match="Permission denied"),
        opening.opened(str(tmp_path / "x.db"), make=True),
    ):
        pass
