"""A coin that costs a hundred-thousandth of a dollar, and less: prices are decimals everywhere, and exact in JSON."""

from __future__ import annotations

import json
import re
import sys

import imbalance_cli.app
import msgspec
import pytest

from tests.cli.test_signals import write
from tests.support.walks import walk

EXPONENT = re.compile(r"\d[eE][-+]?\d")


@pytest.fixture(scope="module", params=[1e-7, 1e-11])
def tiny(request, tmp_path_factory):
    """Bars of a market whose coins are so many times smaller."""
    market, small = walk(6, 20), request.param
    prices = {name: getattr(market, name) * small for name in ("open", "high", "low", "close")}
    coins = ("open_interest_base", "long_liquidations_base", "short_liquidations_base")
    venues = tuple(
        msgspec.structs.replace(v, **{name: getattr(v, name) / small for name in coins}) for v in market.venues
    )
    scaled = msgspec.structs.replace(market, venues=venues, **prices)
    return scaled, write(tmp_path_factory.mktemp("tiny") / "pepe.csv", scaled, volume_base=100 / small)


@pytest.mark.parametrize("kind", ["table", "text", "markdown", "html"])
@pytest.mark.parametrize("words", [("report", "-v"), ("clusters", "-v"), ("signals",), ("cascade", "--shock", "+4%")])
def test_prices_are_decimals(monkeypatch, capsys, tiny, kind, words):
    _market, file = tiny
    monkeypatch.setattr(sys, "argv", ["imbalance", *words, "PEPE", "--bars", str(file), "-f", kind, "--width", "100"])
    imbalance_cli.app.main()
    out = capsys.readouterr().out
    shown = re.sub(r"#[0-9a-fA-F]{3,8}\b|<style>.*?</style>", "", out, flags=re.DOTALL)
    assert "0.0000" in shown
    assert not EXPONENT.search(shown)


def test_json_holds_the_price_as_it_was_read(monkeypatch, capsys, tiny):
    market, file = tiny
    monkeypatch.setattr(sys, "argv", ["imbalance", "clusters", "PEPE", "--bars", str(file), "--json"])
    imbalance_cli.app.main()
    found = json.loads(capsys.readouterr().out)
    assert found["price"] == market.close[-1]
    assert found["map"]["edges"][len(found["map"]["edges"]) // 2] == pytest.approx(market.close[-1], rel=1e-11)
