"""A private PostgreSQL server for the tests, on a socket of its own; none where its programs are not at hand."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text

# Read before the tests clear the environment.
GIVEN = os.environ.get("IMBALANCE_TEST_POSTGRES")


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), default=None)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str | None]:
    """Run a server in a short folder (a socket's name has at most 107 bytes) and give its address."""
    programs = _programs()
    if GIVEN or programs is None:
        yield GIVEN
        return
    # The server refuses to run as root; Debian's package makes a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    data = folder / "data"
    if user:
        folder.chmod(0o755)
        data.mkdir()
        shutil.chown(data, user)

    def run(*words: str | Path) -> None:
        # What a server that goes on holds open is not waited for.
        subprocess.run(words, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    control = [programs / "pg_ctl", "-D", data, "-w", "-s", "-l", data / "log"]
    try:
        run(programs / "initdb", "-D", data, "-A", "trust", "-N", "-U", "postgres")
        run(*control, "-o", f"-F -k {data} -c listen_addresses=''", "start")
    except (OSError, subprocess.SubprocessError):
        yield None
        return
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(data), safe='')}"
    finally:
        run(*control, "-m", "immediate", "stop")


@contextlib.contextmanager
def apart(server: str, name: str) -> Iterator[str]:
    """Give the address of a schema of that name, which goes at the end, so that many stores lie in one database."""
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
        try:
            yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
        finally:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@contextlib.contextmanager
def store(server: str | None, folder: Path, name: str) -> Iterator[str]:
    """Give the address of a new store: in a server's database where there is one, else a file of a folder."""
    with apart(server, name) if server else contextlib.nullcontext(str(folder / f"{name}.db")) as address:
        yield address


def end_connections(address: str, *, busy_within_s: float = 0) -> int:
    """End all that the program holds open to a database, as whoever runs the server may; return how many there were.

    Parameters
    ----------
    busy_within_s : how long to wait for one in the middle of a transaction; none is waited for where it is 0.
    """
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    ending = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'imbalance' AND datname = current_database()"""
    busy = " AND xact_start IS NOT NULL" if busy_within_s else ""
    until, many = time.monotonic() + busy_within_s, 0
    with engine.connect() as connection:
        while not many:
            many = connection.execute(text(ending + busy)).scalar_one()
            if time.monotonic() >= until:
                break
    engine.dispose()
    return many
