"""Positions by distance and beside the map, on a map and accounts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imbalance.engine.liquidation_map import Audit, VenueAudit
from imbalance.records import Position
from imbalance.report import positions
from imbalance.units import Side
from tests.support.maps import by_hand, in_dollars


def held(side, liquidation_price, notional=100.0, quantity=1.0):
    return Position(0, side, quantity, notional, 100.0, liquidation_price, 10.0, "cross")


def shares_read(side, prices):
    found = in_dollars({90: 1.0}, {110: 1.0})
    rows = positions.distances([held(side, price) for price in prices], found)
    return [getattr(row, f"{side}_read_share") for row in rows]


@pytest.mark.parametrize(
    ("side", "price", "row"),
    [
        # Classes of 0-2, 2-5, 5-10, 10-20, 20-30 % and farther; a limit belongs to the class that begins at it.
        (Side.LONG, 99.0, 0), (Side.LONG, 98.5, 0), (Side.LONG, 97.9, 1), (Side.LONG, 94.9, 2), (Side.LONG, 89.9, 3),
        (Side.LONG, 75.0, 4), (Side.LONG, 69.9, 5), (Side.LONG, None, 5), (Side.LONG, 101.0, 0), (Side.LONG, 150.0, 0),
        (Side.SHORT, 101.5, 0), (Side.SHORT, 102.1, 1), (Side.SHORT, 105.1, 2), (Side.SHORT, 110.1, 3),
        (Side.SHORT, 125.0, 4), (Side.SHORT, 130.1, 5), (Side.SHORT, None, 5), (Side.SHORT, 99.0, 0),
        (Side.SHORT, 125.5, 4), (Side.SHORT, 150.0, 5), (Side.LONG, 50.0, 5), (Side.LONG, 100.0, 0),
        (Side.SHORT, 100.0, 0),
    ],
)  # fmt: skip
def test_a_position_is_in_the_class_of_its_distance(side, price, row):
    assert shares_read(side, [price]) == [1.0 if i == row else 0.0 for i in range(6)]
    other = "short" if side is Side.LONG else "long"
    found = positions.distances([held(side, price)], in_dollars({90: 1.0}, {110: 1.0}))
    assert [getattr(r, f"{other}_read_share") for r in found] == [None] * 6


def test_shares_are_of_a_sides_notional():
    rows = positions.distances(
        [held(Side.LONG, 99.0, 300.0), held(Side.LONG, 75.0, 100.0), held(Side.SHORT, 101.0, 50.0)],
        in_dollars({90: 1.0}, {110: 1.0}),
    )
    assert [row.long_read_share for row in rows] == [0.75, 0, 0, 0, 0.25, 0]
    assert [row.short_read_share for row in rows] == [1, 0, 0, 0, 0, 0]
    assert [(row.low_pct, row.high_pct) for row in rows] == [
        (0, 2), (2, 5), (5, 10), (10, 20), (20, 30), (30, None)
    ]  # fmt: skip


def test_the_models_shares_are_coins_exposed_of_open_interest():
    # Bins 90-91 and 110-111 hold 4 x 1,000 USD exposed, at their middle prices, of 1,000 coins open.
    found = in_dollars({90: 1000.0}, {111: 1000.0})
    rows = positions.distances([], found)
    long, short = 4000 / np.sqrt(90 * 91) / 1000, 4000 / np.sqrt(111 * 112) / 1000
    assert [row.long_model_share for row in rows] == pytest.approx([0, 0, long, 0, 0, 1 - long])
    assert [row.short_model_share for row in rows] == pytest.approx([0, 0, 0, short, 0, 1 - short])


@pytest.mark.parametrize(("interest", "share"), [(0.0, None), (0.5, 1.0), (1.0, 1.0)])
def test_shares_of_no_interest_are_missing_and_none_is_above_one(interest, share):
    audit = Audit((VenueAudit("okx", interest, 0.0, 0.0),), 0, 0, 0)
    rows = positions.distances([], in_dollars({90: 1000.0}, {111: 1000.0}, audit=audit))
    assert rows[2].long_model_share == share
    assert rows[5].long_model_share == (None if share is None else 0.0)


def test_what_accounts_hold_and_the_model_stand_side_by_side():
    found = by_hand([1, 2, 0, 0], [0, 0, 3, 4], [80, 90, 100, 110, 120])
    read = [
        held(Side.LONG, 90.0, 50.0, 2.0),
        held(Side.LONG, None, 70.0),
        held(Side.SHORT, 110.0, 60.0, 3.0),
        held(Side.SHORT, 119.0, 80.0, 5.0),
    ]
    told = positions.sections(read, 7, found)
    assert (told["accounts"], told["holding"], told["without_liquidation_price"]) == (7, 4, 1)
    assert (told["long_notional_usd"], told["short_notional_usd"]) == (120, 140)
    assert [p.notional_usd for p in told["positions"]] == [80, 70, 60, 50]
    assert [p.distance_pct for p in told["positions"]] == [
        pytest.approx(19),
        None,
        pytest.approx(10),
        pytest.approx(-10),
    ]
    windows = {w.window_pct: w for w in told["windows"]}
    # A position at the very end of a window is in it.
    assert (windows[10.0].long_usd, windows[10.0].short_usd) == (180, 330)
    assert (windows[5.0].long_usd, windows[5.0].short_usd) == (0, 0)
    assert (windows[20.0].long_usd, windows[20.0].short_usd) == (180, 330 + 595)
    assert windows[10.0].model_long.usd == pytest.approx(2)
    assert windows[10.0].model_short.usd == pytest.approx(3)
    binned = told["map"]
    assert (sum(binned.long_usd), sum(binned.short_usd)) == (180, 330 + 595)


def test_a_window_includes_both_its_ends():
    found = by_hand([1, 0], [0, 1], [64, 128, 192], price=128.0)
    read = [positions.Known(Side.LONG, 96.0, 1.0), positions.Known(Side.SHORT, 160.0, 1.0)]
    window = positions._window(25.0, read, found)
    assert (window.long_usd, window.short_usd) == (96, 160)
    beyond = ((Side.LONG, 95.9), (Side.SHORT, 160.1), (Side.LONG, 160.1))
    window = positions._window(25.0, [positions.Known(side, price, 1.0) for side, price in beyond], found)
    assert (window.long_usd, window.short_usd) == (0, 0)
