"""Paths, and a home of its own for every run: no test reads or writes the user's configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every unattended run; new ones at a desk. No deadline: a busy machine is not a failure.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("fixed" if os.environ.get("CI") else "desk")

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("IMBALANCE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(place))
    for name in list(os.environ):
        if name.startswith("IMBALANCE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def samples():
    folder = SHARED / "contracts" / "samples"
    if not folder.is_dir():
        pytest.skip("the recorded samples are not here")
    return folder


_CELLS: list[tuple[str, str]] = []


@pytest.fixture
def matrix_cells():
    return _CELLS


def pytest_terminal_summary(terminalreporter):
    if _CELLS:
        sources, faults = ({cell[i] for cell in _CELLS} for i in (0, 1))
        told = f"fault matrix: {len(sources)} sources x {len(faults)} faults = {len(_CELLS)} cells"
        terminalreporter.write_line(told)
