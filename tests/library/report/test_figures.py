"""Figures that conditions name: each off its place in a report, and missing rather than smaller than it is."""

from __future__ import annotations

from types import SimpleNamespace as Part

import pytest

from imbalance.report.figures import FIGURES, Read, known, values


def side(usd):
    return Part(usd=usd, low=usd - 1, high=usd + 1, exposed_usd=usd * 10)


def cluster(which, usd, distance_pct):
    return Part(side=which, usd=usd, usd_low=usd - 1, usd_high=usd + 1, distance_pct=distance_pct)


def report(**parts):
    """Return a report in which every figure is told from every other; `parts` replace some of it."""
    given = {
        "venues": [Part(name="okx"), Part(name="bybit")],
        "market_price": Part(mark=100.0, change_24h=-0.01, change_since_high=-0.02),
        "risk": Part(
            long=side(5.0), short=side(7.0), note="the map ends there", heavier=None, ratio=1.5, ratio_low=1.1,
            ratio_high=2.5, path_implied_ratio=1.25, lift=1.2, lift_low=0.9, lift_high=1.6,
        ),
        "clusters": [
            cluster("long", 20.0, -9.0), cluster("long", 30.0, -12.0), cluster("long", 10.0, -3.0),
            cluster("short", 40.0, 4.0), cluster("short", 50.0, 8.0), cluster("short", 45.0, 12.0),
        ],
        "open_interest": Part(
            venues=[Part(name="okx"), Part(name="bybit")], missing=[], total_usd=900.0, total_base=9.0,
            change=Part(value=0.31),
        ),
        "volume": Part(total_24h_usd=800.0, missing=[]),
        "funding": Part(rate_8h=-0.0001),
        "sentiment": Part(value=16, old=""),
        "liquidations": Part(
            usd=3.0, long_usd=1.0, short_usd=2.0, of=["okx"], missing=[],
            observed=[Part(source="okx", quoted=False), Part(source="coinglass", quoted=True)],
        ),
        "institutional": Part(open_interest_base=123.0),
    }  # fmt: skip
    return Part(**given | parts)


def read(r):
    return {figure.name: figure.read(r) for figure in FIGURES}


def test_each_figure_is_read_off_its_place():
    found = {name: figure[:3] for name, figure in read(report()).items()}
    assert found == {
        "price": (100.0, None, None), "change_24h": (-0.01, None, None), "drawdown": (-0.02, None, None),
        "heavier": ("neither", None, None), "ratio": (1.5, 1.1, 2.5), "path_implied_ratio": (1.25, None, None),
        "lift": (1.2, 0.9, 1.6), "long_usd": (5.0, 4.0, 6.0), "short_usd": (7.0, 6.0, 8.0),
        "long_exposed_usd": (50.0, None, None), "short_exposed_usd": (70.0, None, None),
        "long_cluster_usd": (30.0, 29.0, 31.0), "short_cluster_usd": (50.0, 49.0, 51.0),
        "long_cluster_distance": (-0.12, None, None), "short_cluster_distance": (0.08, None, None),
        "nearest_long_usd": (10.0, 9.0, 11.0), "nearest_short_usd": (40.0, 39.0, 41.0),
        "nearest_long_distance": (-0.03, None, None), "nearest_short_distance": (0.04, None, None),
        "open_interest_usd": (900.0, None, None), "open_interest_base": (9.0, None, None),
        "open_interest_change": (0.31, None, None), "volume_24h_usd": (800.0, None, None),
        "funding_rate_8h": (-0.0001, None, None), "fear_greed": (16.0, None, None),
        "liquidations_24h_usd": (3.0, None, None), "seen_liquidations_24h_usd": (3.0, None, None),
        "long_liquidations_24h_usd": (1.0, None, None), "short_liquidations_24h_usd": (2.0, None, None),
        "cme_open_interest_base": (123.0, None, None),
    }  # fmt: skip


def test_ranges_are_named_where_there_are_any():
    ranged = {"ratio", "lift"} | {f"{s}_{w}" for s in ("long", "short") for w in ("usd", "cluster_usd")}
    ranged |= {"nearest_long_usd", "nearest_short_usd"}
    names = known()
    assert {name.removesuffix(".low") for name in names if name.endswith(".low")} == ranged
    assert {name.removesuffix(".high") for name in names if name.endswith(".high")} == ranged
    assert {name for name, kind in names.items() if kind == "text"} == {"heavier"}
    given = values(read(report()))
    assert set(given) == set(names)
    assert (given["lift"], given["lift.low"], given["lift.high"]) == (1.2, 0.9, 1.6)


ON_THE_MAP = [f"{s}_{w}" for s in ("long", "short") for w in ("usd", "exposed_usd", "cluster_usd")]


@pytest.mark.parametrize("name", [*ON_THE_MAP, "nearest_long_usd", "nearest_short_usd"])
def test_what_is_on_a_map_that_lacks_a_venue_is_missing(name):
    interest = report().open_interest
    lost = Part(**vars(interest) | {"missing": ["gate"]})
    for lacking, r in (("gate", report(open_interest=lost)), ("bybit", report(venues=[Part(name="okx")]))):
        found = read(r)[name]
        assert found.value is None
        assert f"the map of {lacking} is not known; name the venues that are with --venue" in found.why
    # A venue that is on the map though it told no open interest now takes nothing from it.
    more = report(venues=[Part(name="okx"), Part(name="bybit"), Part(name="htx")])
    assert read(more)[name] == read(report())[name]


@pytest.mark.parametrize(
    ("names", "part", "reason"),
    [
        (("open_interest_usd", "open_interest_base"), "open_interest", "open interest of gate, htx is not known"),
        (("volume_24h_usd",), "volume", "volume of gate, htx is not known"),
        (
            ("liquidations_24h_usd", "long_liquidations_24h_usd", "short_liquidations_24h_usd"),
            "liquidations",
            "what was liquidated of gate, htx is not known",
        ),
    ],
)
def test_a_sum_that_lacks_a_venue_is_missing(names, part, reason):
    lacking = Part(**vars(getattr(report(), part)) | {"missing": ["gate", "htx"]})
    found = read(report(**{part: lacking}))
    for name in names:
        assert found[name].value is None
        assert found[name].why.startswith(reason)


def test_a_services_sum_lacks_no_venue_and_a_lower_bound_is_one():
    seen = vars(report().liquidations) | {"missing": ["gate"]}
    assert read(report(liquidations=Part(**seen)))["seen_liquidations_24h_usd"].value == 3.0
    found = read(report(liquidations=Part(**seen | {"of": ["coinglass"]})))
    assert found["liquidations_24h_usd"] == Read(3.0)


def test_what_is_not_there_says_why():
    nothing = {
        "clusters": [],
        "sentiment": None,
        "institutional": None,
        "funding": Part(rate_8h=None),
        "risk": Part(**vars(report().risk) | {"ratio": None, "heavier": "long"}),
    }
    found = read(report(**nothing))
    for name, why in (
        ("long_cluster_usd", "no long cluster"), ("nearest_short_distance", "no short cluster"),
        ("fear_greed", "no source gave the index"), ("cme_open_interest_base", "the CFTC reports no CME futures of it"),
        ("funding_rate_8h", "no venue gave it"), ("heavier", "the sides are not compared"),
        ("ratio", "a side is 0 or not known in the window"),
    ):  # fmt: skip
        assert (found[name].value, found[name].why) == (None, why)
    old = read(report(sentiment=Part(value=16, old="3 days old")))["fear_greed"]
    assert (old.value, old.why) == (None, "the index is 3 days old")
    assert read(report(risk=Part(**vars(report().risk) | {"heavier": "long"})))["heavier"].value == "long"
