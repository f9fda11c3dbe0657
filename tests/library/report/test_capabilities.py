"""What a source gives, and how spread open interest is, from a few rows by hand."""

from __future__ import annotations

import pytest

from imbalance.report import tree
from imbalance.report.capabilities import capabilities
from imbalance.report.sections.interest import _concentration
from imbalance.venues import VENUES


def test_a_series_is_told_with_its_reach_and_a_figure_of_now_as_such():
    found = {row.name: row for row in capabilities(VENUES)}
    assert (found["binance"].open_interest, found["binance"].open_interest_history) == ("now", "30 d")
    assert (found["binance"].liquidations, found["binance"].margin_tiers) == ("", "")
    assert (found["gate"].margin_tiers, found["gate"].candles) == ("now", "10,000 bars")


@pytest.mark.parametrize(
    ("shares", "missing", "index"),
    [
        ({"binance": 0.5, "okx": 0.3, "gate": 0.2}, [], 0.38),
        ({"binance": 0.5, "okx": 0.3, "gate": 0.2}, ["htx", "kraken"], 0.38),
        ({"binance": 0.5, "okx": 0.3, "gate": 0.2}, ["htx", "kraken", "deribit"], None),
        ({"binance": 0.5, "okx": 0.3, "gate": 0.2}, ["bybit"], None),
        ({"binance": 0.6, "okx": 0.4}, [], None),
    ],
)
def test_concentration_is_told_where_most_of_the_market_was_read(shares, missing, index):
    rows = [tree.VenueOpenInterest(name, share, share, share, None) for name, share in shares.items()]
    found = _concentration(rows, missing)
    assert (found is None) == (index is None)
    if found is not None:
        assert (found.largest, found.hhi) == ("binance", pytest.approx(index))
