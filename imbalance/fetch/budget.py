"""Request budgets that all runs on this machine share: a small locked file of what was asked when.

Each request is written down before it is sent, under a lock that other processes wait for, so that ten reports at once
ask no more than one may. Where an exchange says how much it has counted, that stands if it is more; where it asks for a
pause, everyone pauses. A file that cannot be used leaves each process with a budget of its own.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

# What arrives late falls into a later window of the exchange's than of ours: some room is left.
KEPT_SHARE = 0.8
BUSY_S = 5.0
LONGEST_PERIOD_S = 600.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (budget TEXT, at REAL, weight REAL);
CREATE INDEX IF NOT EXISTS asked_when ON asked (budget, at);
CREATE TABLE IF NOT EXISTS paused (budget TEXT PRIMARY KEY, until REAL);
"""


def shared_file() -> Path:
    """Return where the file lies."""
    import platformdirs

    return platformdirs.user_cache_path("imbalance") / "budgets.db"


class Budgets:
    """What was asked of each budget, in a file or, where that cannot be, in memory."""

    def __init__(self, file: Path | None) -> None:
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._store = _opened(":memory:" if file is None else str(file))
        except (OSError, sqlite3.Error):
            self._store = _opened(":memory:")

    def reserve(self, budget: str, weight: float, allowed: float, period_s: float) -> float:
        """Write down a request, or return how many seconds to wait before trying again.

        Parameters
        ----------
        budget : name of what the exchange counts together.
        allowed : weight that it allows in any `period_s`.
        """
        now = time.time()
        with self._locked() as store:
            store.execute("DELETE FROM asked WHERE at < ?", (now - LONGEST_PERIOD_S,))
            pause = self._pause(budget, now)
            if pause > 0:
                return pause
            rows = store.execute(
                "SELECT at, weight FROM asked WHERE budget = ? AND at > ? ORDER BY at", (budget, now - period_s)
            ).fetchall()
            over, wait = sum(used for _at, used in rows) + weight - allowed * KEPT_SHARE, 0.0
            # Wait until enough of the oldest has left the period; what exceeds the budget alone goes when all has.
            for at, used in rows:
                if over <= 0:
                    break
                over -= used
                wait = at + period_s - now
            if wait <= 0:
                store.execute("INSERT INTO asked VALUES (?, ?, ?)", (budget, now, weight))
            return max(wait, 0.0)

    def told(self, budget: str, used: float, period_s: float) -> None:
        """Believe an exchange that has counted more than is written down here."""
        now = time.time()
        with self._locked() as store:
            missing = used - self._sum(budget, now - period_s)
            if missing > 0:
                store.execute("INSERT INTO asked VALUES (?, ?, ?)", (budget, now, missing))

    def pause(self, budget: str, seconds: float) -> None:
        """Let nobody ask for a while."""
        with self._locked() as store:
            store.execute(
                "INSERT INTO paused VALUES (?1, ?2) ON CONFLICT (budget) DO UPDATE SET until = max(until, ?2)",
                (budget, time.time() + seconds),
            )

    def paused_s(self, budget: str) -> float:
        """Return for how many seconds nobody may ask."""
        with self._locked():
            return self._pause(budget, time.time())

    def used(self, budget: str, period_s: float) -> float:
        """Return the weight asked in the last `period_s`."""
        with self._locked():
            return self._sum(budget, time.time() - period_s)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _pause(self, budget: str, now: float) -> float:
        row = self._store.execute("SELECT until FROM paused WHERE budget = ?", (budget,)).fetchone()
        return max(row[0] - now, 0.0) if row else 0.0

    def _sum(self, budget: str, since: float) -> float:
        found = self._store.execute("SELECT total(weight) FROM asked WHERE budget = ? AND at > ?", (budget, since))
        return float(found.fetchone()[0])

    @contextlib.contextmanager
    def _locked(self) -> Iterator[sqlite3.Connection]:
        try:
            self._store.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            # A disk that filled up or a file that was damaged meanwhile: go on alone.
            self._store = _opened(":memory:")
            self._store.execute("BEGIN IMMEDIATE")
        try:
            yield self._store
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._store.execute("COMMIT")


def _opened(name: str) -> sqlite3.Connection:
    store = sqlite3.connect(name, timeout=BUSY_S, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = OFF")
    store.executescript(SCHEMA)
    return store
