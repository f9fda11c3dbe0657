"""The real exchanges, off by default: ``pytest -m live``."""

from __future__ import annotations

import time

import pytest

from imbalance.collect import Options
from imbalance.fetch.settings import SourceSettings
from imbalance.service import report


@pytest.mark.live
@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL"])
def test_the_live_report_has_every_keyless_source(symbol):
    found = report(
        Options(symbol=symbol), SourceSettings.from_environment(), time.time_ns() // 1_000_000, lambda _h: None
    )
    assert not [g for g in found.gaps if g.failed]
    assert found.audit.long_exposed_base <= found.audit.open_interest_base
