"""CME futures by group, holders, and positions of known accounts."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from imbalance_cli.render import source_views
from imbalance_cli.render.parts import Table

from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.settings import SourceSettings
from imbalance.records import Position
from imbalance.report.positions import distances
from imbalance.service import clusters, positions, report
from imbalance.units import Side
from tests.support.exchange import Exchange

ARTICLE = Options(replay="article")
WITHIN = ((0, 2), (2, 5), (5, 10), (10, 20), (20, 30))


@pytest.fixture(scope="module")
def found():
    return report(ARTICLE, SourceSettings(), 0, lambda _h: None)


def test_futures_are_summed_in_coins_and_balance(found):
    told = found.institutional
    # The report of Tuesday the 27th is published on Friday at 20:30: at noon nobody knows it yet.
    assert told.date == "2026-01-20"
    assert told.open_interest_base == pytest.approx(22_630 * 5 + 40_300 * 0.1)
    assert told.change_week == pytest.approx((22_630 * 5 + 40_300 * 0.1) / (22_320 * 5 + 39_400 * 0.1) - 1)
    for side in ("long_base", "short_base"):
        held = sum(getattr(g, side) + g.spread_base for g in told.groups)
        assert held == pytest.approx(told.open_interest_base)
    assert sum(g.net_base for g in told.groups) == pytest.approx(0, abs=1e-6)


def test_holders_of_each_source_stand_beside_each_other(found):
    rows = {row.source: row for row in found.holders}
    assert rows["coinmetrics"].measure == "supply not moved in a year"
    assert 0.5 < rows["coinmetrics"].value < rows["coinmetrics"].month_ago < 0.7
    assert rows["cryptoquant"].measure == "coin days destroyed"


def test_calibration_says_whose_eyes_it_saw_with(found):
    told = found.model.assumptions["calibration"]
    assert "binance (seen by coinalyze)" in told
    assert "gate" in told
    assert "gate (seen by" not in told


def held():
    recording = Recording(find("article"))
    for (_source, _path, text), answer in recording.answers.items():
        if "clearinghouseState" in text:
            for row in json.loads(recording.body(*answer))["assetPositions"]:
                if row["position"]["coin"] == "BTC":
                    yield row["position"]


def test_positions_are_the_accounts_own():
    read = positions(ARTICLE, SourceSettings(), 0, lambda _h: None)
    own = list(held())
    assert (read.accounts, read.holding) == (8, len(own))
    longs = sum(float(p["positionValue"]) for p in own if float(p["szi"]) > 0)
    assert read.long_notional_usd == pytest.approx(longs)
    low, high = read.map.edges[0], read.map.edges[-1]
    for side, sign, mass in (("long", 1, read.map.long_usd), ("short", -1, read.map.short_usd)):
        worth = sum(
            abs(float(p["szi"])) * float(p["liquidationPx"])
            for p in own
            if sign * float(p["szi"]) > 0 and p["liquidationPx"] and low <= float(p["liquidationPx"]) <= high
        )
        assert sum(mass) == pytest.approx(worth), side


def test_accounts_are_asked_for_by_name_and_the_model_is_not_mixed_with_them():
    accounts = Recording(find("article")).accounts()
    with Exchange() as exchange:
        few = positions(Options(accounts=accounts[:3]), exchange.settings, 1_769_774_400_000, lambda _h: None)
        asked = [query for _s, _p, query in exchange.asked if "clearinghouseState" in query]
        plain = report(Options(), exchange.settings, 1_769_774_400_000, lambda _h: None)
        with pytest.raises(UsageError, match="no accounts"):
            positions(Options(), exchange.settings, 1_769_774_400_000, lambda _h: None)
        with pytest.raises(UsageError, match="hyperliquid"):
            positions(Options(accounts=accounts, venues=("okx",)), exchange.settings, 0, lambda _h: None)
    assert len(asked) == few.accounts == 3
    with Exchange() as exchange:
        unknown = (*accounts[:2], "0x" + "ee" * 20)
        rest = positions(Options(accounts=unknown), exchange.settings, 1_769_774_400_000, lambda _h: None)
    assert (rest.accounts, rest.holding) == (3, 2)
    assert any(g.failed and g.what == "positions" for g in rest.gaps)
    window = next(w for w in plain.windows if w.window_pct == 10)
    assert next(w for w in few.windows if w.window_pct == 10).model_long == window.long


def test_distances_of_the_accounts_are_theirs_and_the_models_are_the_maps():
    read = positions(ARTICLE, SourceSettings(), 0, lambda _h: None)
    map_ = clusters(ARTICLE, SourceSettings(), 0, lambda _h: None)
    interest = map_.audit.open_interest_base
    for side, sign in (("long", -1), ("short", 1)):
        whole = sum(p.notional_usd for p in read.positions if p.side == side)
        mass = getattr(map_.map, f"{side}_exposed_usd")
        found = [getattr(d, f"{side}_model_share") for d in read.distances]
        assert sum(found) == pytest.approx(1)
        for d, model in zip(read.distances[:-1], found, strict=False):
            own = [p for p in read.positions if p.side == side and p.distance_pct is not None]
            inside = sum(p.notional_usd for p in own if d.low_pct <= sign * p.distance_pct < d.high_pct)
            assert getattr(d, f"{side}_read_share") == pytest.approx(inside / whole)
            ends = sorted(read.price * (1 + sign * pct / 100) for pct in (d.low_pct, d.high_pct))
            held = 0.0
            for low, high, usd in zip(map_.map.edges[:-1], map_.map.edges[1:], mass, strict=True):
                part = (math.log(min(high, ends[1])) - math.log(max(low, ends[0]))) / math.log(high / low)
                held += max(part, 0.0) * usd / math.sqrt(low * high)
            assert model == pytest.approx(held / interest, rel=1e-3, abs=1e-6)


def position(side, notional, liquidation):
    return Position(0, side, notional / 100, notional, 100.0, liquidation, 5.0, "cross")


def small_map(interest=80.0):
    """Return what a map of price 100 with four bins has, 10 coins exposed in each, longs below and shorts above."""
    edges = np.log(np.array([0.5, 0.9, 1.0, 1.1, 1.5]))
    coins = np.array([[10.0, 10, 0, 0], [0, 0, 10, 10]])
    audit = SimpleNamespace(total=lambda _field: interest)
    exposed = coins * 100 * np.exp((edges[1:] + edges[:-1]) / 2)
    return SimpleNamespace(price=100.0, log_edges=edges, exposed=exposed, audit=audit)


def test_shares_by_distance_of_a_small_case():
    rows = [
        position(Side.LONG, 600.0, 98.5),  # 1.5 %
        position(Side.LONG, 100.0, 101.0),  # past it already
        position(Side.LONG, 200.0, 80.0),  # 20 %, which opens the last span but one
        position(Side.LONG, 100.0, None),
    ]
    found = distances(rows, small_map())
    assert [(d.low_pct, d.high_pct) for d in found] == [(0, 2), (2, 5), (5, 10), (10, 20), (20, 30), (30, None)]
    assert [d.long_read_share for d in found] == pytest.approx([0.7, 0, 0, 0, 0.2, 0.1])
    # Nobody holds a short: a share of nothing is missing.
    assert [d.short_read_share for d in found] == [None] * 6
    near = [10 / 80 * np.log(a / b) / np.log(1 / 0.9) for a, b in ((1, 0.98), (0.98, 0.95), (0.95, 0.9))]
    far = [10 / 80 * np.log(a / b) / np.log(0.9 / 0.5) for a, b in ((0.9, 0.8), (0.8, 0.7))]
    assert [d.long_model_share for d in found] == pytest.approx([*near, *far, 1 - sum(near) - sum(far)])
    assert [d.short_model_share for d in found[:3]] == pytest.approx(
        [10 / 80 * np.log(a / b) / np.log(1.1) for a, b in ((1.02, 1), (1.05, 1.02), (1.1, 1.05))]
    )
    assert [d.long_model_share for d in distances(rows, small_map(0.0))] == [None] * 6


def test_shares_by_distance_are_shown_with_their_mark():
    table = next(
        b
        for b in source_views.positions(positions(ARTICLE, SourceSettings(), 0, lambda _h: None))
        if isinstance(b, Table) and b.columns[0].name == "Distance"
    )
    assert [row[0] for row in table.rows] == [*(f"{a}-{b} %" for a, b in WITHIN), "farther or none"]
    assert all(row[i].endswith(" est") is (i in {2, 4}) for row in table.rows for i in range(1, 5))
