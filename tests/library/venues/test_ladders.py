"""Maintenance ladders: a step that is missing or of another coin is an error, never a wrong rate."""

from __future__ import annotations

import json

import pytest

from imbalance.collect import Options
from imbalance.errors import ParseError
from imbalance.records import MarginTier
from imbalance.service import clusters
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.ladder import whole_ladder
from tests.library.fetch.test_paging import Paging
from tests.library.venues.test_parsers import ask_for, recorded
from tests.support.exchange import NOW_MS

PUBLISHING = [v.name for v in VENUES if any(e.kind is Kind.MARGIN_TIERS for e in v.endpoints)]
STEPS = {
    "okx": lambda body: body["data"],
    "bybit": lambda body: body["result"]["list"],
    "gate": lambda body: body,
    "bitget": lambda body: body["data"],
    "hyperliquid": lambda body: body[0]["marginTables"][0][1]["marginTiers"],
    "kraken": lambda body: body["instruments"][0]["marginLevels"],
}
# The others give one bound of a step: one missing in the middle leaves no trace.
SHOWING_HOLES = ("okx", "bybit", "gate", "bitget")


def tiers_of(venue):
    source = next(v for v in VENUES if v.name == venue)
    endpoint, ask = source.endpoint(Kind.MARGIN_TIERS), ask_for(venue)
    body = json.loads(recorded(venue, endpoint, ask))
    return body, lambda changed: endpoint.parse(json.dumps(changed).encode(), ask)


@pytest.mark.parametrize("venue", PUBLISHING)
def test_a_ladder_whose_first_step_is_missing_is_refused(venue):
    body, parse = tiers_of(venue)
    caps = [tier.cap for tier in parse(body)]
    assert caps == sorted(caps)
    steps = STEPS[venue](body)
    lowest = 1 if venue in {"okx", "bybit"} else 0  # in the scenario these two give the second step first
    del steps[lowest]
    with pytest.raises(ParseError, match=r"ladder|deduction|does not follow"):
        parse(body)


@pytest.mark.parametrize("venue", SHOWING_HOLES)
def test_a_ladder_with_a_hole_is_refused(venue):
    body, parse = tiers_of(venue)
    for missing in range(2, len(STEPS[venue](body)) - 1):
        holed = json.loads(json.dumps(body))
        del STEPS[venue](holed)[missing]
        with pytest.raises(ParseError, match=r"ladder|does not follow"):
            parse(holed)


def tier(floor, cap, rate, leverage=10.0):
    return MarginTier(floor, cap, rate, leverage)


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([tier(5, 10, 0.01)], "starts at 5"),
        ([tier(0, 10, 0.01), tier(11, 20, 0.02)], "step 2.*starts at 11, not at 10"),
        ([tier(0, 10, 0.01), tier(9, 20, 0.02)], "starts at 9"),
        ([tier(0, 10, 0.02), tier(10, 20, 0.01)], "below that"),
        ([tier(0, 0, 0.02)], "ends where it starts"),
        ([tier(0, 10, 0.1)], "exceeds the initial margin"),
        ([tier(0, 10, 0.0)], "exceeds the initial margin"),
    ],
)
def test_what_is_wrong_with_a_ladder_is_named(steps, fault):
    with pytest.raises(ParseError, match=fault):
        whole_ladder(steps, "x", "$[{}]")
    assert whole_ladder([], "x", "$[{}]") == []


def shifted(step):
    """Return a body of steps, changed one by one."""
    body, _parse = tiers_of("okx")
    rows = [row for row in map(step, body["data"]) if row]
    return Paging("okx", "position-tiers", lambda _q: body | {"data": rows})


@pytest.mark.parametrize(
    "step",
    [
        lambda row: None if row["minSz"] == "0" else row,
        lambda row: row | {"instFamily": "ETH-USDT", "uly": "ETH-USDT"},
        lambda row: row | {"instFamily": "BTC-USD", "uly": "BTC-USD"},
    ],
    ids=["first step missing", "another coin", "another settlement"],
)
def test_the_default_stands_in_for_a_ladder_of_okx_that_cannot_be_used(step):
    with shifted(step) as exchange:
        found = clusters(Options(venues=("okx",)), exchange.settings, NOW_MS, lambda _h: None)
    assert any("a default ladder is used" in note for venue in found.venues for note in venue.notes)
    assert any(gap.what == "margin tiers" and gap.failed for gap in found.gaps)


def test_okx_steps_of_two_families_are_told_apart():
    with shifted(lambda row: row) as exchange:
        whole = clusters(Options(venues=("okx",)), exchange.settings, NOW_MS, lambda _h: None)
    body, _parse = tiers_of("okx")
    others = [row | {"instFamily": "ETH-USDT", "uly": "ETH-USDT", "mmr": "0.3"} for row in body["data"]]
    both = body | {"data": others + body["data"]}
    with Paging("okx", "position-tiers", lambda _q: both) as exchange:
        mixed = clusters(Options(venues=("okx",)), exchange.settings, NOW_MS, lambda _h: None)
    assert mixed.risk == whole.risk
