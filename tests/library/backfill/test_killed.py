"""A few kills at random moments; `tests.bench.backfill` makes hundreds."""

from __future__ import annotations

import itertools
import os
import signal

import pytest

from imbalance.store import writing
from imbalance.units import DAY_MS
from tests.library.backfill.killed import kill_often, require_whole
from tests.library.backfill.world import NOW_MS, SINCE_MS, fill, stored
from tests.support import archive

KILLS = 5
LONGEST_S = 0.25


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_run_that_is_killed_leaves_whole_files_and_the_next_goes_on(tmp_path):
    dumps = tmp_path / "dumps"
    archive.fill(dumps, SINCE_MS - 2 * DAY_MS, NOW_MS, interval="15m")
    given = {"folder": dumps, "venues": (), "since_ms": SINCE_MS - 2 * DAY_MS}
    whole = tmp_path / "whole.db"
    fill(None, whole, **given)
    expected = require_whole(whole)
    # Whichever was killed last, the next run completes it.
    last = kill_often(None, (tmp_path / f"killed{n}.db" for n in itertools.count()), KILLS, LONGEST_S, **given)
    fill(None, last, **given)
    assert require_whole(last) == expected
    for key, (rows, known, missing) in stored(whole).items():
        again = stored(last)[key]
        assert again[1:] == (known, missing)
        assert all((again[0][name] == values).all() for name, values in rows.items() if name in {"time_ms", "open"})


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("written", [1, 2, 5])
def test_rows_are_not_stored_without_the_spans_that_they_cover(tmp_path, written):
    """The process dies at the worst moment: rows are written, their spans are not."""
    dumps, file = tmp_path / "dumps", tmp_path / "history.db"
    archive.fill(dumps, SINCE_MS, NOW_MS, interval="15m", coin_m=False)
    given = {"folder": dumps, "venues": ()}
    child = os.fork()
    if not child:
        left = written

        def note(_connection, _series, known, *_):
            nonlocal left
            left -= bool(known)
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            writing._note = note
            fill(None, file, **given)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert require_whole(file) == 0
    fill(None, file, **given)
    assert require_whole(file) > 0
