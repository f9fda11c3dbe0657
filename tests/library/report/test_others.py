"""CME futures by group, holders, and positions of known accounts."""

from __future__ import annotations

import json

import pytest

from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.recording import Recording, find
from imbalance.fetch.settings import Settings
from imbalance.service import positions, report
from tests.support.exchange import Exchange

ARTICLE = Options(replay="article")


@pytest.fixture(scope="module")
def found():
    return report(ARTICLE, Settings(), 0, lambda _h: None)


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
    read = positions(ARTICLE, Settings(), 0, lambda _h: None)
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
