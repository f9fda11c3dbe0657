"""Every statement of the article that data can support, with its figure, its sentence and where it is from.

What an analyst thinks of it is not among them, nor what stands under `BEYOND`.
"""

from __future__ import annotations

import functools
import json
from typing import NamedTuple

import msgspec
import pytest

from imbalance import service
from imbalance.collect import Options
from imbalance.fetch.settings import SourceSettings
from imbalance.report import tree


class Statement(NamedTuple):
    """What the article says; the signal and its figure (the value, or one of its evidence); words of its sentence."""

    says: str
    signal: str
    figure: str
    value: float | str
    told: str
    source: str
    tolerance: float = 0.005


STATEMENTS = [
    Statement("14.5 % down", "drawdown", "", -0.145, "14.5 % below its highest close", "binance"),
    Statement("in 16 days", "drawdown", "days_since_high", 16, "16 days ago", "binance"),
    Statement("to near $81K", "drawdown", "low_usd", 81_004, "81,004", "binance"),
    Statement("Fear & Greed 16", "fear_greed", "", 16, "16, Extreme Fear", "fear_greed"),
    Statement("its lowest of the year", "fear_greed", "history_from", "2025-12-31", "of the 31 days", "fear_greed"),
    Statement("lows swept between $80K and $83K", "sweep", "level_low", 81_427, "broke the support 81,427", "binance"),
    Statement("the $81K sweep", "sweep", "extreme", 81_126.2, "went to 81,126 and closed back above", "binance"),
    Statement("a large cluster of longs cleared", "sweep", "cleared_share", 1.0, "clusters cleared", "binance"),
    Statement("a Wyckoff spring: not by this open interest", "spring", "range_top", 96_520, "no spring", "binance"),
    Statement("$6.5B of shorts", "quoted_bands", "short_usd", 6.5e9, "6.5B of shorts in 85K-92K", "coinglass"),
    Statement("up to $92,000", "quoted_bands", "short_high", 92_000, "85K-92K", "coinglass"),
    Statement("$1.2B of longs", "quoted_bands", "long_usd", 1.2e9, "1.2B of longs in 66K-72.6K", "coinglass"),
    Statement("down to $72,600", "quoted_bands", "long_high", 72_600, "66K-72.6K", "coinglass"),
    Statement("5 : 1", "quoted_bands", "", 5.417, "5.4 : 1", "coinglass"),
    Statement("$800M liquidated", "liquidations_24h", "", 800e6, "800M were liquidated in 24 h", "coinglass"),
    Statement("since November", "liquidations_24h", "largest_since", "2024-11-12", "since November 2024", "coinglass"),
    Statement("open interest up 31 %", "open_interest_change", "", 0.31, "+31 %", "cryptoquant"),
    Statement("to 123,500 BTC", "open_interest_change", "now_base", 123_500, "123,500 BTC", "binance"),
    Statement("from October 2025", "open_interest_change", "low_date", "2025-10-17", "of 2025-10-17", "cryptoquant"),
    Statement("while price fell", "open_interest_in_decline", "price_change", -0.145, "into the decline", "bybit"),
    Statement("Binance $378B", "month_volume", "month_usd_binance", 378e9, "binance 378B", "binance"),
    Statement("OKX $169B", "month_volume", "month_usd_okx", 169e9, "okx 169B", "okx"),
    Statement("Bybit $156B", "month_volume", "month_usd_bybit", 156e9, "bybit 156B", "bybit"),
    Statement("lowest since 2024", "month_volume", "", 977.1e9, "lowest since October 2024", "binance"),
    Statement("Binance's share", "volume_concentration", "share_binance", 378 / 977.1, "binance 39 %", "binance"),
    Statement("OKX's share", "volume_concentration", "share_okx", 169 / 977.1, "okx 17 %", "okx"),
    Statement("Bybit's share", "volume_concentration", "share_bybit", 156 / 977.1, "bybit 16 %", "bybit"),
    Statement("negative funding", "funding_8h", "", -0.000106, "shorts pay longs", "binance"),
    Statement("institutions", "cme_net_positions", "", -32_109, "leveraged funds -32,109", "cftc"),
    Statement("holders", "holders_coinmetrics", "sells", "more", "holders of old coins sell more", "coinmetrics"),
    Statement("holders", "holders_cryptoquant", "sells", "less", "holders of old coins sell less", "cryptoquant"),
]  # fmt: skip
# What no source can tell, and why.
BEYOND = {
    "January volume of $1.09T in total": "of all exchanges there are: those that are read trade less, and no source "
    "sums a month over exchanges (CoinGlass's sum is of 24 hours)",
}
# The article's four conditions, as the scenario's data answer them.
CONDITIONS = {
    "extreme_sentiment": "met",
    "concentrated_interest": "not met",
    "cleared_test": "met",
    "holders": "unknown",
}


@functools.cache
def document():
    """Return the JSON that a user gets."""
    found = service.signals(Options(replay="article"), SourceSettings(), 0, lambda _h: None)
    return json.loads(msgspec.json.encode(found))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: f"{s.signal}: {s.says}")
def test_a_statement_of_the_article(statement):
    found = document()
    row = next(s for s in found["signals"] if s["id"] == statement.signal)
    value = row["evidence"][statement.figure] if statement.figure else row["value"]
    if isinstance(statement.value, str):
        assert value == statement.value
    else:
        assert value == pytest.approx(statement.value, rel=statement.tolerance)
    assert statement.told in row["text"]
    # Traceable: each source that it names answered in this run.
    named = row["source"].split(", ")
    assert statement.source in named
    assert {s["status"] for s in found["sources"] if s["name"] in named} == {"ok"}
    assert set(named) <= {s["name"] for s in found["sources"]}
    assert row["as_of"] <= found["as_of"]
    assert row["age_s"] >= 0


def test_a_months_volume_is_told_as_that_of_the_venues_read_and_never_as_the_total():
    row = next(s for s in document()["signals"] if s["id"] == "month_volume")
    venues = [name for name in row["evidence"] if name.startswith("month_usd_")]
    assert sum(row["evidence"][name] for name in venues) == pytest.approx(row["value"])
    assert f"977B on {len(venues)} venues" in row["text"]
    assert row["value"] < 1.09e12
    assert not any("1.1T" in s["text"] or "1.09T" in s["text"] for s in document()["signals"])


def test_figures_of_others_are_told_from_those_that_were_read():
    kinds = {s["id"]: s["kind"] for s in document()["signals"]}
    assert {id_ for id_, kind in kinds.items() if kind == "quoted"} == {"quoted_bands", "liquidations_24h"}
    assert {id_ for id_, kind in kinds.items() if kind == "estimated"} == {"liquidation_concentration"}


def test_the_four_conditions_and_their_mirror():
    rally, fall = document()["checklists"]
    assert {c["id"]: c["state"] for c in rally["conditions"]} == CONDITIONS
    assert (rally["squeezed"], rally["met"], rally["not_met"], rally["unknown"]) == ("short", 2, 1, 1)
    assert {c["id"]: c["state"] for c in fall["conditions"]} == dict.fromkeys(CONDITIONS, "not met") | {
        "holders": "unknown"
    }
    assert all(c["text"] and c["evidence"] for c in rally["conditions"] + fall["conditions"])
    assert "CoinGlass 5.4 : 1 quoted, of unequal bands" in rally["conditions"][1]["text"]
    assert len(document()["risks"]) >= 2


def test_every_event_has_its_base_rate_or_says_that_there_is_none():
    found = document()
    rates = {s["id"]: s["base_rate"] for s in found["signals"] if s["base_rate"]}
    assert set(rates) == {"quadrant_24h", "sweep", "spring", "sweep_high", "upthrust"}
    for rate in [*rates.values(), *(c["base_rate"] for c in found["checklists"])]:
        assert rate["text"].startswith("no base rate: ")
        assert f"imbalance backtest {rate['signal']}" in rate["text"]
    assert rates["sweep"]["events"] is not None
    assert found["checklists"][0]["base_rate"]["events"] is None


def test_base_rates_count_the_sweeps_that_are_shown():
    found = document()
    rates = {s["id"]: s["base_rate"]["events"] for s in found["signals"] if s["base_rate"]}
    old = [event for event in found["sweeps"] if event["reclaimed"] <= "2026-01-29T12:00:00Z"]
    for side, sweep, spring in (("long", "sweep", "spring"), ("short", "sweep_high", "upthrust")):
        mine = [event for event in old if event["side"] == side]
        assert rates[sweep] == sum(event["cleared"] is not False for event in mine) > 0
        assert rates[spring] == sum(event["spring"] is not False for event in mine) > 0


def test_the_newest_sweep_is_held_against_the_map_of_before():
    *older, newest = document()["sweeps"]
    assert newest["map_usd_low"] < newest["map_usd"] < newest["map_usd_high"]
    assert all(event["map_usd"] is None for event in older)
    assert newest["levels"] == [81_427.2]
    assert 36 < newest["range_days"] < 38
    assert newest["range_crossings"] >= 2
    assert newest["reclaimed"] == "2026-01-30T02:45:00Z"


def test_the_document_is_what_its_schema_says():
    read = msgspec.convert(document(), tree.SignalsReport)
    assert msgspec.to_builtins(read) == document()
