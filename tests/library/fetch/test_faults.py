"""Sources that fail in every way, over a real socket: a labelled gap, never a traceback or a wrong number."""

from __future__ import annotations

import time

import pytest

from imbalance.collect import Options
from imbalance.errors import MissingDataError, StrictError, UnknownSymbolError
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import PROVIDERS
from imbalance.service import open_interest, report
from imbalance.venues import VENUES
from tests.support.exchange import FAULTS, NOW_MS, SOURCES, Exchange

KEYED = {s.name for s in PROVIDERS if s.key_header}
KEYLESS = [name for name in SOURCES if name not in KEYED]
STATUSES = ["302", "403", "418", "429", "451", "500"]
TIMEOUT_S = 3.0


def run(exchange, use=report, **options):
    return use(Options(timeout_s=TIMEOUT_S, **options), exchange.settings, NOW_MS, lambda _h: None)


@pytest.fixture(scope="module")
def whole():
    with Exchange() as exchange:
        return run(exchange)


def test_without_faults_the_live_path_gives_what_the_replay_gives(whole):
    replayed = report(Options(replay="article-keyless"), SourceSettings(), 0, lambda _h: None)
    assert whole.mode == "live"
    assert [m.value for m in whole.metrics] == [m.value for m in replayed.metrics]
    assert not [g for g in whole.gaps if g.failed]


@pytest.mark.parametrize("fault", ["refused", *FAULTS, *STATUSES])
def test_a_failing_venue_is_a_labelled_gap_and_left_out_of_sums(fault, whole):
    with Exchange({"bybit": fault}) as exchange:
        started = time.monotonic()
        found = run(exchange)
        elapsed = time.monotonic() - started
    assert elapsed < TIMEOUT_S + 10  # the deadline itself, plus the engine on a busy machine
    failed = {g.source for g in found.gaps if g.failed}
    assert failed == {"bybit"}
    assert all(g.message and "Traceback" not in g.message for g in found.gaps)
    assert "bybit" in found.open_interest.missing
    assert {v.name for v in found.venues} == {v.name for v in VENUES} - {"bybit"}
    expected = sum(v.open_interest_base for v in whole.open_interest.venues if v.name != "bybit")
    assert found.open_interest.total_base == pytest.approx(expected)
    state = next(s for s in found.sources if s.name == "bybit")
    assert state.status == "failed"
    if fault in {"403", "451"}:
        assert "--venue" in state.hint
        assert "IMBALANCE_BYBIT_URL" in state.hint


@pytest.mark.parametrize("source", KEYLESS)
def test_each_source_may_fail_alone(source):
    with Exchange({source: "html"}) as exchange:
        found = run(exchange)
    assert {g.source for g in found.gaps if g.failed} == {source}
    if source == "fear_greed":
        row = next(m for m in found.metrics if m.id == "fear_greed")
        assert row.value is None
        assert found.sentiment is None


def test_strict_turns_a_gap_into_an_error():
    with Exchange({"gate": "500"}) as exchange, pytest.raises(StrictError, match="gate"):
        run(exchange, strict=True)


def test_all_dead_names_every_cause():
    with Exchange(dict.fromkeys(SOURCES, "refused")) as exchange, pytest.raises(MissingDataError) as caught:
        run(exchange)
    assert all(name in caught.value.hint for name in KEYLESS)


def test_an_unknown_symbol_suggests_near_names():
    with Exchange() as exchange, pytest.raises(UnknownSymbolError) as caught:
        run(exchange, symbol="SOLX")
    assert "SOL" in caught.value.near


def test_too_many_requests_is_asked_again_and_a_ban_is_not():
    with Exchange({"gate": "429", "okx": "418"}) as exchange:
        run(exchange, use=open_interest)
        tries = [source for source, _path, _query in exchange.asked]
    assert tries.count("gate") == 3
    assert tries.count("okx") == 1


def test_keyed_sources_are_not_asked_without_a_key():
    with Exchange() as exchange:
        found = run(exchange)
        assert not KEYED & {source for source, _p, _q in exchange.asked}
    assert {s.name for s in found.sources if s.status == "skipped"} == KEYED


def test_keys_are_sent_but_never_recorded(tmp_path):
    secret = "s3cret-key-of-mine"  # noqa: S105
    with Exchange() as exchange:
        settings = exchange.settings
        settings.update({f"IMBALANCE_{name.upper()}_KEY": secret for name in KEYED})
        options = Options(timeout_s=TIMEOUT_S, record=tmp_path / "kept")
        live = report(options, settings, NOW_MS, lambda _h: None)
        assert sum(secret in head for head in exchange.headers) == sum(s in KEYED for s, _p, _q in exchange.asked) > 0
    kept = b"".join(p.read_bytes() for p in (tmp_path / "kept").rglob("*") if p.is_file())
    assert secret.encode() not in kept
    again = report(Options(replay=str(tmp_path / "kept")), settings, 0, lambda _h: None)
    assert [m.value for m in again.metrics] == [m.value for m in live.metrics]
    assert next(m for m in again.metrics if m.id == "short_liquidation_risk").quoted[0].value == pytest.approx(6.5e9)


def test_a_recorded_failure_replays_as_the_same_gap(tmp_path):
    with Exchange({"okx": "reset", "gate": "451"}) as exchange:
        live = run(exchange, record=tmp_path / "kept")
    again = report(Options(replay=str(tmp_path / "kept")), exchange.settings, 0, lambda _h: None)
    told = [{(g.source, g.what) for g in r.gaps if g.failed} for r in (live, again)]
    assert told[0] == told[1]
    assert {source for source, _what in told[0]} == {"okx", "gate"}


class Closed(Exchange):
    """Coin Metrics answers as it does where a series is not open to all."""

    async def _answer(self, writer, source, path, query):
        if source != "coinmetrics":
            return await super()._answer(writer, source, path, query)
        told = b'{"error": {"type": "forbidden", "message": "Requested metric is not available."}}'
        return self._send(writer, 403, told)


def test_a_series_that_is_open_to_nobody_is_a_gap_and_no_failure():
    with Closed() as exchange:
        found = run(exchange, strict=True)
    (gap,) = [g for g in found.gaps if g.source == "coinmetrics"]
    assert not gap.failed
    assert "without a key" in gap.message
    assert "IMBALANCE_CRYPTOQUANT_KEY" in gap.hint
    assert next(s for s in found.sources if s.name == "coinmetrics").status == "not open"
    assert not [row for row in found.holders if row.source == "coinmetrics"]
