"""Files that end in the middle of a page, as a machine that loses its power leaves them, and pages that are damaged."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from imbalance.errors import StoreError
from imbalance.store import opening, upkeep
from tests.library.store.test_killed import stored
from tests.library.store.writer import BATCH, SERIES, write

BATCHES = 5
PAGE, FRAME = 4096, 24


@pytest.fixture
def left(tmp_path):
    """A store and what it has not yet taken over from its log, as they lie when its writer vanishes."""
    file, beside = tmp_path / "history.db", tmp_path / "left.db"
    write(str(file), 0)
    with opening.opened(str(file)) as store, store.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM series").fetchall()  # who reads keeps the log
        for at in range(1, BATCHES):
            write(str(file), at)
        for end in ("", "-wal"):
            shutil.copy(f"{file}{end}", f"{beside}{end}")
    return beside


def nonsense(size):
    return np.random.default_rng(size).bytes(size)


def whole_batches(file):
    times_ms, known = stored(str(file))
    batches = len(times_ms) // BATCH
    assert times_ms == list(range(0, batches * BATCH * SERIES.interval_ms, SERIES.interval_ms))
    assert [span[:2] for span in known] == [(0, batches * BATCH * SERIES.interval_ms)]
    return batches


@pytest.mark.parametrize("more", [1, FRAME - 1, FRAME, FRAME + 100, FRAME + PAGE - 1, FRAME + PAGE, 3 * PAGE])
def test_a_page_that_was_begun_when_the_power_failed_costs_nothing_acknowledged(left, more):
    with left.with_name("left.db-wal").open("ab") as log:
        log.write(nonsense(more))
    assert whole_batches(left) == BATCHES
    write(str(left), BATCHES)
    assert whole_batches(left) == BATCHES + 1


def test_wherever_the_log_ends_whole_batches_are_there_and_the_store_is_sound(left):
    log = left.with_name("left.db-wal")
    size, kept = log.stat().st_size, []
    content = left.read_bytes(), log.read_bytes()
    for cut in [*range(0, size, max(size // 40, 1)), size]:
        left.write_bytes(content[0])
        log.write_bytes(content[1][:cut])
        left.with_name("left.db-shm").unlink(missing_ok=True)
        kept.append(whole_batches(left))
    assert kept == sorted(kept)
    assert (min(kept), max(kept)) == (1, BATCHES)


def test_a_last_page_of_nonsense_is_told_as_damage(tmp_path):
    file = tmp_path / "history.db"
    for at in range(BATCHES):
        write(str(file), at)
    content = file.read_bytes()
    assert not (tmp_path / "history.db-wal").exists()
    file.write_bytes(content[:-PAGE] + nonsense(PAGE))
    with opening.opened(str(file)) as store, pytest.raises(StoreError, match="damaged"):
        upkeep.require_sound(store)
