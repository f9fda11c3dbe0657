"""The event study: what it finds where something is, what it does not where nothing is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from imbalance.backtest.outcomes import LEAST_EVENTS
from imbalance.backtest.study import Studied, study
from imbalance.report import studying
from imbalance.signals.events import Firings
from tests.support.walks import of_prices


def studied(seed, bars=24 * 200, every=70, jump=0.0, symbol="BTC", events=None):
    """Return a random walk whose price jumps in the hour after each event."""
    g = np.random.default_rng(seed)
    fired = np.zeros(bars, dtype=bool)
    fired[every::every] = True
    if events is not None:
        fired[np.flatnonzero(fired)[events:]] = False
    steps = g.normal(0, 0.005, bars) + jump * np.concatenate([[False], fired[:-1]])
    log = np.cumsum(steps)
    market = of_prices(log, log, log, log, None, None, None)
    return Studied(msgspec.structs.replace(market, symbol=symbol), Firings(fired, 0))


def events(one):
    return {one.market.symbol: int(one.firings.fired.sum())}


def test_a_jump_after_events_is_found_where_it_is():
    results = study([studied(1, jump=0.01)], draws=300)
    found = {(r.horizon_ms // 3_600_000, r.outcome) for r in results if r.evidence}
    assert (1, "return") in found
    assert (168, "realised volatility") not in found
    one = results[0]
    assert (one.symbol, one.outcome, one.events) == ("BTC", "return", 68)
    assert one.difference == pytest.approx(one.event_mean - one.all_mean)
    assert one.low < one.difference < one.high
    assert one.difference == pytest.approx(0.01, abs=0.003)
    verdict = studying.verdict("sweep", events(studied(1)), results)
    assert verdict.evidence is True
    assert verdict.text.startswith("Evidence (BTC 68 events; ")
    assert "BTC return of 1h +" in verdict.text


def test_nothing_is_found_where_nothing_is():
    wrong = 0
    for seed in range(12):
        wrong += any(r.evidence for r in study([studied(100 + seed, bars=24 * 60)], draws=100, seed=seed))
    assert wrong <= 3


def test_more_markets_ask_for_more():
    alone = study([studied(5, jump=0.0025)], draws=300)
    joined = study([studied(5, jump=0.0025), *(studied(s, symbol=str(s)) for s in (6, 7))], draws=300)
    own = [r for r in joined if r.symbol == "BTC"]
    assert [r.difference for r in own] == [r.difference for r in alone]
    assert sum(r.adjusted_p for r in own) > sum(r.adjusted_p for r in alone)
    assert len(joined) == 3 * len(alone)


def test_few_events_are_no_evidence_and_say_how_many():
    few = studied(1, jump=0.05, events=LEAST_EVENTS - 1)
    results = study([few], draws=50)
    assert all(np.isnan(r.adjusted_p) and np.isnan(r.placebo_p) and not r.evidence for r in results)
    told = studying.verdict("sweep", events(few), results)
    assert told.evidence is None
    assert "BTC 19; 20 are the least" in told.text
    assert not np.isnan(study([studied(1, events=LEAST_EVENTS)], draws=50)[0].adjusted_p)
    none = study([studied(1, events=0)], draws=50)
    assert np.isnan(none[0].difference)


def test_no_evidence_says_so():
    results = study([studied(9)], draws=200)
    told = studying.verdict("sweep", events(studied(9)), results)
    assert told.evidence is False
    assert told.text.startswith("No evidence: nothing that followed sweep differs")
    assert "BTC 68 events, 17 outcomes" in told.text


def test_events_without_direction_are_told_as_such():
    rows = [row._replace(adjusted_p=0.01) for row in study([studied(9)], draws=50)]
    sizes = [r for r in rows if r.outcome != "return"]
    assert "Which way price goes it does not tell" in studying.verdict("sweep", events(studied(9)), sizes).text
    larger = [r._replace(difference=1.0) for r in sizes]
    told = studying.verdict("sweep", events(studied(9)), larger).text
    assert "larger moves within 1h to 7d (BTC; smallest adjusted p 0.01)" in told
    assert "smaller" not in told
    assert "Which way" not in studying.verdict("sweep", events(studied(9)), rows).text
