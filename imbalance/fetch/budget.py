"""Request budgets that all runs on this machine share: a small locked file of what was asked when.

Each request is written down before it is sent, under a lock that other processes wait for, and counts from then until
its period after the answer has passed. An exchange sees it somewhere between the two, so that no window of its own can
hold more than the budget, however slow this machine is. One that never left this machine no longer counts. Where an
exchange says how much it has counted, that stands if it is more; where it asks for a pause, everyone pauses. A file
that cannot be used leaves each process with a budget of its own.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from imbalance import files

T = TypeVar("T")
MEMORY = ":memory:"
KEPT_SHARE = 0.9  # others may share the address
BUSY_S = 5.0
LOOK_AGAIN_S = 0.1
# The longest ban that an exchange documents, Binance's; a longer one is a mistake, or meant badly.
LONGEST_PAUSE_S = 3 * 86_400.0
LONGEST_FLIGHT_S = 60.0  # longer than any deadline that is usual
SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (number INTEGER PRIMARY KEY, budget TEXT, until REAL, weight REAL, flown_by INTEGER);
CREATE INDEX IF NOT EXISTS asked_of ON asked (budget, until);
CREATE TABLE IF NOT EXISTS paused (budget TEXT PRIMARY KEY, until REAL);
"""
# SQLite keeps text in a column of numbers: nothing that was not written here counts.
DAMAGED = {
    "asked": "typeof(until) <> 'real' OR typeof(weight) <> 'real' OR typeof(flown_by) <> 'integer'",
    "paused": "typeof(until) <> 'real'",
}


def shared_file() -> Path:
    """Return where the file lies."""
    import platformdirs

    return platformdirs.user_cache_path("imbalance") / "budgets.db"


class Budgets:
    """What was asked of each budget, in a file or, where that cannot be, in memory."""

    def __init__(self, file: Path | None) -> None:
        try:
            self._store = _shared(file) if file is not None else _opened(MEMORY)
        except (OSError, sqlite3.Error):
            self._store = _opened(MEMORY)

    def reserve(self, budget: str, weight: float, allowed: float, period_s: float) -> tuple[int, float]:
        """Return the number under which a request is written down and 0, or 0 and the seconds to wait before trying.

        Parameters
        ----------
        budget : name of what the exchange counts together.
        allowed : weight that it allows in any `period_s`.
        """
        now = time.time()

        def reserved() -> tuple[int, float]:
            wait = self._pause(budget, now) or self._wait(budget, weight, allowed * KEPT_SHARE, now)
            if wait > 0 and self._land(budget, now + period_s):
                wait = self._pause(budget, now) or self._wait(budget, weight, allowed * KEPT_SHARE, now)
            if wait > 0:
                return 0, wait
            return self._write(budget, now + LONGEST_FLIGHT_S, weight, os.getpid()), 0.0

        return self._locked(reserved, (0, LOOK_AGAIN_S))

    def answered(self, number: int, counts_s: float) -> None:
        """Let a request count for so many seconds from now on: its period, or 0 where it never left this machine."""
        with contextlib.suppress(sqlite3.Error):  # at worst it counts for longer than it must
            self._store.execute(
                "UPDATE asked SET until = ?, flown_by = 0 WHERE number = ?", (time.time() + counts_s, number)
            )

    def told(self, budget: str, used: float, period_s: float) -> None:
        """Believe an exchange that has counted more than is written down here."""
        now = time.time()

        def believed() -> None:
            missing = used - self._sum(budget, now)
            if missing > 0:
                self._write(budget, now + period_s, missing)

        self._locked(believed, None)

    def pause(self, budget: str, seconds: float) -> None:
        """Let nobody ask for a while."""
        until = time.time() + seconds
        command = "INSERT INTO paused VALUES (?1, ?2) ON CONFLICT (budget) DO UPDATE SET until = max(until, ?2)"
        self._locked(lambda: self._store.execute(command, (budget, until)), None)

    def paused_s(self, budget: str) -> float:
        """Return for how many seconds nobody may ask."""
        return self._locked(lambda: self._pause(budget, time.time()), 0.0)

    def used(self, budget: str) -> float:
        """Return the weight that counts now."""
        return self._locked(lambda: self._sum(budget, time.time()), 0.0)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _locked(self, action: Callable[[], T], otherwise: T) -> T:
        """Do something while no other process does, or give `otherwise` where the others leave no room.

        Where the file cannot be used any more it is done in memory, and so is all that follows.
        """
        try:
            return self._alone(action)
        except sqlite3.Error as error:
            if _is_locked(error):
                return otherwise
            self._store = _opened(MEMORY)
            return self._alone(action)

    def _alone(self, action: Callable[[], T]) -> T:
        self._store.execute("BEGIN IMMEDIATE")
        try:
            found = action()
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                self._store.execute("ROLLBACK")
            raise
        self._store.execute("COMMIT")
        return found

    def _pause(self, budget: str, now: float) -> float:
        row = self._store.execute("SELECT until FROM paused WHERE budget = ?", (budget,)).fetchone()
        return min(max(row[0] - now, 0.0), LONGEST_PAUSE_S) if row else 0.0

    def _sum(self, budget: str, now: float) -> float:
        found = self._store.execute("SELECT total(weight) FROM asked WHERE budget = ? AND until > ?", (budget, now))
        return float(found.fetchone()[0])

    def _write(self, budget: str, until: float, weight: float, flown_by: int = 0) -> int:
        row = self._store.execute(
            "INSERT INTO asked (budget, until, weight, flown_by) VALUES (?, ?, ?, ?)", (budget, until, weight, flown_by)
        )
        return row.lastrowid or 0

    def _wait(self, budget: str, weight: float, allowed: float, now: float) -> float:
        """Return the seconds until enough has left the period; what exceeds the budget alone goes when all has."""
        rows = self._store.execute(
            "SELECT until, weight FROM asked WHERE budget = ? AND until > ? ORDER BY until", (budget, now)
        ).fetchall()
        over, wait = sum(used for _until, used in rows) + weight - allowed, 0.0
        for until, used in rows:
            if over <= 0:
                break
            over -= used
            wait = until - now
        return wait

    def _land(self, budget: str, until: float) -> bool:
        """Let requests of processes that are gone count for no longer than until then; tell whether there were any."""
        flying = self._store.execute("SELECT DISTINCT flown_by FROM asked WHERE budget = ? AND flown_by > 0", (budget,))
        gone = [process for (process,) in flying.fetchall() if not _runs(process)]
        for process in gone:
            self._store.execute(
                "UPDATE asked SET until = min(until, ?), flown_by = 0 WHERE flown_by = ? AND budget = ?",
                (until, process, budget),
            )
        return bool(gone)


def _is_locked(error: sqlite3.Error) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _runs(process: int) -> bool:
    if os.name != "posix":  # elsewhere asking would be a signal
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _shared(file: Path) -> sqlite3.Connection:
    """Open the file; one that is damaged is made anew."""
    files.private_folder(file.parent)
    # SQLite gives the files beside it the same mode.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, files.PRIVATE))
    if stat.S_IMODE(file.stat().st_mode) != files.PRIVATE:
        with contextlib.suppress(PermissionError):  # it is someone else's
            file.chmod(files.PRIVATE)
    try:
        return _opened(str(file))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        file.unlink(missing_ok=True)
        return _opened(str(file))


def _opened(name: str) -> sqlite3.Connection:
    """Open the file, as often as it takes while others are making it at the same moment."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return _made(name)
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _made(name: str) -> sqlite3.Connection:
    store = sqlite3.connect(name, timeout=BUSY_S, isolation_level=None)
    try:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("PRAGMA synchronous = OFF")
        store.executescript(SCHEMA)
        for table, damaged in DAMAGED.items():
            passed = f"DELETE FROM {table} WHERE until < ? OR {damaged}"  # noqa: S608  names of our own
            store.execute(passed, (time.time(),))
    except sqlite3.Error:
        store.close()
        raise
    return store
