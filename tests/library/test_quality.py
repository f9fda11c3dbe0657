"""A venue whose figures cannot be true is named and left out; the others stay."""

from __future__ import annotations

import copy

import msgspec
import pytest

from imbalance.collect import Options, collect
from imbalance.doubts import examine
from imbalance.errors import StrictError
from imbalance.fetch.settings import SourceSettings
from imbalance.records import Candle, OpenInterest, Ticker
from imbalance.service import clusters, open_interest, report
from imbalance.units import HOUR_MS
from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.exchange import NOW_MS, Exchange

REPLAY = Options(replay="article-keyless")


@pytest.fixture(scope="module")
def healthy():
    return collect(REPLAY, SourceSettings(), 0, Kind).harvests


def doubts(harvests):
    """Return why each venue is doubted, by its name."""
    return {doubt.source: doubt.reason for doubt in examine(harvests, "BTC", NOW_MS)}


def changed(harvests, name, kind, change):
    """Return the harvests with one venue's records of a type changed."""
    out = []
    for harvest in harvests:
        own = copy.copy(harvest)
        if harvest.name == name:
            own.records = {
                k: [change(i, r) if isinstance(r, kind) else r for i, r in enumerate(rows)]
                for k, rows in harvest.records.items()
            }
            own.typed, own.ordered = {}, {}
            for rows in own.records.values():
                for row in rows:
                    own.typed.setdefault(type(row), []).append(row)
        out.append(own)
    return out


def times(field, factor, which=lambda _i: True):
    def change(i, row):
        value = getattr(row, field)
        return msgspec.structs.replace(row, **{field: value * factor}) if which(i) and value is not None else row

    return change


def tenfold(row):
    return msgspec.structs.replace(row, open_interest_base=row.open_interest_base * 10, open_interest_usd=None)


def test_nothing_is_doubted_in_sound_figures(healthy):
    assert doubts(healthy) == {}


@pytest.mark.parametrize("venue", sorted(v.name for v in VENUES))
def test_each_venue_alone_makes_a_report(venue):
    only = msgspec.structs.replace(REPLAY, venues=(venue,))
    found = report(only, SourceSettings(), 0, lambda _h: None)
    assert found.risk.long.usd > 0
    assert found.audit.long_exposed_base <= found.audit.open_interest_base
    assert open_interest(only, SourceSettings(), 0, lambda _h: None).price == pytest.approx(82_512, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        (Ticker, times("mark_price", 10), "10 times that of the other venues"),
        (Ticker, times("mark_price", 0.001), "0.001 times"),
        (OpenInterest, lambda i, r: tenfold(r) if i > 1000 else r, "jumps from"),
        (OpenInterest, times("open_interest_usd", 100), "imply a price of"),
        (
            OpenInterest,
            lambda _i, r: msgspec.structs.replace(r, open_interest_base=5.0, open_interest_usd=None),
            "5 for",
        ),
        (Candle, lambda _i, r: msgspec.structs.replace(r, time_ms=r.time_ms - 9 * HOUR_MS), "its newest bar is of"),
        (Candle, lambda _i, r: Candle(r.time_ms, 82_500, 82_500, 82_500, 82_500, 0.0), "have not moved"),
    ],
    ids=["price of another unit", "price of a thousandth", "jump", "value", "frozen", "stale", "no trade"],
)
def test_what_cannot_be_true_is_told(kind, change, told, healthy):
    found = doubts(changed(healthy, "binance", kind, change))
    assert set(found) == {"binance"}
    assert told in found["binance"]


def test_figures_now_that_disagree_with_the_history(healthy):
    harvests = changed(healthy, "bybit", OpenInterest, lambda _i, r: r)
    harvest = next(h for h in harvests if h.name == "bybit")
    harvest.records[Kind.TICKER] = [
        tenfold(r) if isinstance(r, OpenInterest) else r for r in harvest.records[Kind.TICKER]
    ]
    assert "disagrees with its own history" in doubts(harvests)["bybit"]


def test_one_venue_alone_is_held_against_its_own_bars(healthy):
    alone = [h for h in changed(healthy, "bybit", Ticker, times("mark_price", 10)) if h.name == "bybit"]
    assert "10 times its last close" in doubts(alone)["bybit"]


class Wrong(Exchange):
    """Bitget sends prices a tenth of what they are."""

    def _send(self, writer, status, body, more=None):
        if b'"requestTime"' in body and b'"holdingAmount"' in body:
            body = body.replace(b'"markPrice":"82512.4"', b'"markPrice":"8251.24"')
        return super()._send(writer, status, body, more)


def test_a_doubtful_venue_is_a_gap_and_in_no_sum():
    with Wrong() as exchange:
        found = report(Options(), exchange.settings, NOW_MS, lambda _h: None)
        with pytest.raises(StrictError, match="bitget"):
            report(Options(strict=True), exchange.settings, NOW_MS, lambda _h: None)
    assert {g.source for g in found.gaps if g.failed} == {"bitget"}
    assert next(s for s in found.sources if s.name == "bitget").status == "doubtful"
    assert "bitget" in found.open_interest.missing
    assert "bitget" not in {v.name for v in found.venues}


def test_what_is_open_counts_as_one_side_in_sums_shares_and_map_alike():
    found = open_interest(REPLAY, SourceSettings(), 0, lambda _h: None).open_interest
    rows = {v.name: v for v in found.venues}
    assert {name for name, v in rows.items() if v.disputed} == {"hyperliquid", "bitget"}
    assert found.total_base == pytest.approx(sum(v.open_interest_base for v in rows.values()))
    for v in rows.values():
        assert v.share == pytest.approx(v.open_interest_base / found.total_base)
        assert v.open_interest_base_low == (v.open_interest_base / 2 if v.disputed else None)
    halves = rows["hyperliquid"].open_interest_base_low + rows["bitget"].open_interest_base_low
    assert found.total_base - found.total_base_low == pytest.approx(halves)
    assert found.total_usd - found.total_usd_low == pytest.approx(halves * 82_512.4, rel=1e-3)
    assert found.concentration.of == list(rows)
    assert found.concentration.hhi == pytest.approx(sum(v.share**2 for v in rows.values()))
    mapped = clusters(REPLAY, SourceSettings(), 0, lambda _h: None)
    assert {v.name: v.open_interest_base for v in mapped.venues} == pytest.approx(
        {name: v.open_interest_base for name, v in rows.items()}, rel=1e-3
    )
    assert mapped.audit.open_interest_base == pytest.approx(found.total_base, rel=1e-3)
    assert {v.name for v in mapped.venues if any("one side" in n for n in v.notes)} == {"hyperliquid", "bitget"}


@pytest.mark.parametrize(
    ("venues", "down", "spread"),
    [
        ((), (), True),
        ((), ("htx", "kraken"), True),
        ((), ("binance",), False),
        ((), ("gate", "bitget", "htx", "kraken", "deribit"), False),
        (("gate", "htx", "kraken"), (), True),
        (("gate", "htx"), (), False),
        (("binance",), (), False),
    ],
)
def test_no_concentration_is_told_where_much_is_missing(venues, down, spread):
    with Exchange(dict.fromkeys(down, "refused")) as exchange:
        found = open_interest(Options(venues=venues), exchange.settings, NOW_MS, lambda _h: None).open_interest
    assert set(found.missing) == set(down)
    assert (found.concentration is not None) is spread


# One side of each venue's open interest in the scenario, in coins: what its maker drew, whatever the venue's own unit.
TRUE_INTEREST = {
    "binance": 123_500,
    "bybit": 53_352,
    "okx": 33_098,
    "gate": 30_504.5,
    "bitget": 23_465,
    "hyperliquid": 19_760,
    "htx": 16_055,
    "deribit": 13_585,
    "kraken": 2_470,
    "binance_coinm": 14_820,
}


def test_every_venue_is_read_in_its_own_units(healthy):
    found = open_interest(REPLAY, SourceSettings(), 0, lambda _h: None)
    assert {v.name: v.open_interest_base for v in found.open_interest.venues} == pytest.approx(TRUE_INTEREST, rel=1e-3)
    for harvest in (h for h in healthy if h.source.is_venue):
        candles = harvest.candles
        day = [c for c in candles if c.time_ms >= candles[-1].time_ms - 23.75 * HOUR_MS]
        ticker = {f: v for r in harvest.of(Ticker) for f in r.__struct_fields__ if (v := getattr(r, f)) is not None}
        volume = ticker["volume_24h_base"] if "volume_24h_base" in ticker else ticker["volume_24h_usd"] / 82_512.4
        assert volume == pytest.approx(sum(c.volume_base for c in day), rel=0.03)
        for candle in candles:
            if candle.volume_usd:
                assert candle.low * 0.98 <= candle.volume_usd / candle.volume_base <= candle.high * 1.02
