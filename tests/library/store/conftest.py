"""The same tests on both databases: a store of its own for each."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest

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
    with postgres.apart(server, f"store{next(_numbers)}") as given:
        yield given
