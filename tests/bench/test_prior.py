"""The comparison of the prior with real positions, on cases small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.engine.assumptions import Lives
from imbalance.engine.density import distance_edges
from tests.bench import prior
from tests.conftest import SHARED


def row(coin="BTC", direction="Long", size=2.0, entry="100", value=220.0, liquidation="88", **more):
    return {
        "coin": coin,
        "direction": direction,
        "size": size,
        "entryPx": entry,
        "positionValue": value,
        "liquidationPx": liquidation,
        **more,
    }


def test_a_position_is_read_once_and_from_both_its_entry_and_the_mark():
    short = row(coin="ETH", direction="Short", liquidation=None, traderAddress="b")
    document = {
        "whaleTracker": {
            "daily": [{"address": "a", "positions": [row(), row(coin="DOGE")]}],
            "weekly": [{"address": "a", "positions": [row()]}],
            "biggestPositions": [row(traderAddress="a"), short, row(direction="Short", traderAddress="c")],
        }
    }
    found = prior.held(document)
    assert [(h.coin, h.notional_usd) for h in found] == [("BTC", 220.0), ("ETH", 220.0), ("BTC", 220.0)]
    assert [h.from_entry for h in found] == pytest.approx([0.12, np.inf, -0.12])
    assert [h.from_mark for h in found] == pytest.approx([0.2, np.inf, -0.2])


def test_shares_lie_before_in_and_beyond_the_cells():
    found = prior.shares([-0.1, 0.05, 0.1, 0.3, np.inf], [1, 2, 3, 4, 10], np.array([0.0, 0.1, 0.2]))
    assert found == pytest.approx([0.05, 0.1, 0.15, 0.7])


def test_what_stands_is_what_was_opened_times_how_long_it_lives():
    # Two structures, as likely: one opens 3 of 4 for half a day and the rest for 2 days, the other all for a day.
    lives = Lives(np.array([2.0, 0.5, 1.0]), np.array([0.75, 0.25, 1.0]), np.zeros(3), np.array([0, 0, 1]))
    cells = np.array([[1.0, 0.0, 0.5], [0.0, 0.8, 0.5]])
    opened, stands = prior.standing(cells, lives, np.array([1.0, 1.0]))
    assert opened == pytest.approx([0.375 + 0.25, 0.1 + 0.25, 0.025])
    days = np.array([0.375 * 0.5, 0.125 * 2, 0.5])
    part = days / days.sum()
    assert stands == pytest.approx([part[0] + part[2] / 2, 0.8 * part[1] + part[2] / 2, 0.2 * part[1]])


def test_half_of_the_notional_lies_within_the_median():
    edges = np.array([0.1, 0.2, 0.4])
    assert prior.median(edges, np.array([0.2, 0.1, 0.4, 0.3])) == "30 %"
    assert prior.median(edges, np.array([0.2, 0.1, 0.1, 0.6])) == "> 40 %"


def test_near_shares_of_the_prior_add_up_and_keep_their_order():
    edges = distance_edges(14)
    cells = np.append(np.full(14, 0.05), 0.3)
    found = prior.near_prior(edges, cells)
    assert found.sum() == pytest.approx(1)
    # Even in the logarithm: what lies between two distances goes with the logarithm of their ratio.
    assert found[3] / found[2] == pytest.approx(1)
    assert found[4] / found[3] == pytest.approx(np.log(1.5) / np.log(2))


def test_a_map_by_price_is_read_by_distance():
    empty = {"currentPrice": 1.0, "longLiquidations": [], "shortLiquidations": []}
    longs = [{"price": 99.0, "value": 1.0}, {"price": 60.0, "value": 50.0}]
    map_ = {"currentPrice": 100.0, "longLiquidations": longs, "shortLiquidations": [{"price": 115.0, "value": 3.0}]}
    assert prior.near_shares({"data": {"BTC": map_, "ETH": empty, "SOL": empty}}) == pytest.approx(
        [0.25, 0, 0, 0.75, 0]
    )


def test_the_tables_are_of_all_days_and_shares(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(prior, "SHARED", tmp_path)
    prior.main()
    assert "nothing to compare" in capsys.readouterr().out
    if not (SHARED / "data").is_dir():
        pytest.skip("the recorded positions are not here")
    monkeypatch.setattr(prior, "SHARED", SHARED)
    prior.main()
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    first, second = (i for i, line in enumerate(lines) if line[0] == "distance")
    assert len({len(line) for line in lines[first:second]}) == len({len(line) for line in lines[second:]}) == 1
    for rows in (lines[first + 1 : second - 1], lines[second + 1 :]):
        sums = np.sum([[float(cell.removesuffix(" %")) for cell in line[1:]] for line in rows], axis=0)
        assert sums == pytest.approx(np.full(sums.size, 100), abs=1)
