"""The same tests on both databases: a store of its own for each."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support import postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    folder = Path(tempfile.mkdtemp(prefix="imb"))
    with postgres.server(folder) as address:
        yield address
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    if request.param == "sqlite":
        yield str(tmp_path / "history.db")
        return
    server = request.getfixturevalue("server")
    if server is None:
        pytest.skip("no PostgreSQL is at hand")
    name = f"store{next(_numbers)}"
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
        separator = "&" if "?" in server else "?"
        yield f"{server}{separator}options=-csearch_path%3D{name}"
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()
