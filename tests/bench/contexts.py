"""A pytest plugin that tells coverage which test runs: a property test would hide behind hypothesis' own runner."""

from __future__ import annotations

from collections.abc import Iterator

import coverage
import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what runs under the test's name, its parameters left off."""
    traced = coverage.Coverage.current()
    if traced is not None:
        traced.switch_context(item.nodeid.partition("[")[0])
    result = yield
    if traced is not None:
        traced.switch_context("")
    return result
