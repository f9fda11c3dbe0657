"""Signals of a report: what is unknown, since when, against which past, and from before which moment."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from msgspec import structs

from imbalance.backtest.base_rate import base_rate
from imbalance.collect import market_of
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.library import liquidation_map
from imbalance.records import Candle, Holders, LongShort, Ticker
from imbalance.report import bars_sections, mapping, others, sections, tree
from imbalance.report import signals as signalling
from imbalance.report.metrics import quoted_bands
from imbalance.report.signals import activity, checklists, levels, positions, rates
from imbalance.report.signals import others as beside
from imbalance.report.signals.rates import rate_of
from imbalance.report.signals.read import Past, Read, reading
from imbalance.signals.events import DEFINITIONS
from imbalance.signals.past import Series
from imbalance.units import DAY_MS, Side, parse_time_ms
from imbalance.wire import Kind
from tests.support.edits import Scenario
from tests.support.exchange import NOW_MS
from tests.support.harvests import gave
from tests.support.walks import history, walk


@pytest.fixture(scope="module")
def whole():
    """Return the scenario as signals are made of it."""
    run = Scenario().run
    market = market_of(run)
    found = liquidation_map(market)
    interest = sections.open_interest(run.harvests, market.price, NOW_MS, run.venues)
    return Read(
        market=market,
        harvests=run.harvests,
        at_ms=NOW_MS,
        found=found,
        risk=mapping.window(found, 15),
        price=sections.market_price(market, run.harvests),
        interest=interest,
        volume=sections.volume(run.harvests, market.price, NOW_MS, run.venues),
        liquidations=sections.liquidations(run.harvests, NOW_MS, run.venues),
        sentiment=sections.sentiment(run.harvests),
        funding=sections.funding(run.harvests, interest),
        institutional=others.institutional(run.harvests, market.price),
        holders=others.holders(run.harvests),
        quotes=quoted_bands(run.harvests, market.price),
    )


@pytest.fixture(scope="module")
def bare():
    """Return bars alone."""
    market = walk(11, 40)
    found = liquidation_map(market)
    interest = bars_sections.open_interest(market)
    return Read(
        market, [], market.as_of_ms, found, mapping.window(found, 15), sections.market_price(market, []), interest,
        bars_sections.volume(market), bars_sections.liquidations(market), None, sections.funding([], interest), None,
        [], {},
    )  # fmt: skip


def test_bars_alone_have_signals_of_their_own(bare):
    found = signalling.sections(bare, Past(), lambda ms: liquidation_map(bare.market.until(ms)))
    ids = {s.id for s in found["signals"]}
    assert {"drawdown", "sweep", "spring", "sweep_high", "upthrust"} <= ids
    assert not {"basis", "fear_greed", "month_volume", "interest_concentration"} & ids
    states = [[c.state for c in one.conditions] for one in found["checklists"]]
    assert all(one[0] == one[3] == "unknown" for one in states)


def test_the_map_of_before_ends_where_the_level_broke(whole):
    asked = []

    def before(moment_ms: int) -> LiquidationMap:
        asked.append(moment_ms)
        return whole.found

    newest = levels.levels(whole, Side.LONG, before).events[-1]
    assert asked == [parse_time_ms(newest.broken)]
    low, high = newest.extreme, newest.levels[-1]
    assert newest.map_usd == whole.found.band(low, high).long.usd
    # One of weeks ago asks for none.
    asked.clear()
    old = msgspec.structs.replace(whole, at_ms=NOW_MS + 4 * DAY_MS)
    assert levels.levels(old, Side.LONG, before).events[-1].map_usd is None
    assert asked == []


@pytest.mark.parametrize(("side", "extreme", "band"), [(Side.LONG, 8.0, (8.0, 20.0)), (Side.SHORT, 22.0, (10.0, 22.0))])
def test_the_map_of_before_is_of_what_lay_between_the_nearest_level_and_the_extreme(
    whole, monkeypatch, side, extreme, band
):
    real, asked = levels._event, []

    class Map:
        def band(self, low, high):
            asked.append((low, high))
            return mapping.window(whole.found, 15)

    def event(*args):
        return structs.replace(real(*args), levels=[10.0, 20.0], extreme=extreme)

    first = levels.levels(whole, side).events[-1]
    now = msgspec.structs.replace(whole, at_ms=parse_time_ms(first.reclaimed) + levels.RECENT_MS)
    monkeypatch.setattr(levels, "_event", event)
    told = levels.levels(now, side, lambda _ms: Map()).events[-1]
    assert asked == [band]
    held = getattr(mapping.window(whole.found, 15), side.value)
    assert (told.map_usd, told.map_usd_low, told.map_usd_high) == (held.usd, held.low, held.high)
    later = msgspec.structs.replace(now, at_ms=now.at_ms + 1)
    assert levels.levels(later, side, lambda _ms: Map()).events[-1].map_usd is None


def test_a_test_of_support_is_of_three_days(whole):
    sweeps = levels.levels(whole, Side.LONG).events
    won_back = parse_time_ms(sweeps[-1].reclaimed)

    def state(at_ms, events):
        return checklists.checklists(msgspec.structs.replace(whole, at_ms=at_ms), events)[0].conditions[2].state

    assert state(won_back + 3 * DAY_MS, sweeps[-1:]) == "met"
    assert state(won_back + 3 * DAY_MS + 1, sweeps[-1:]) == "not met"
    assert state(NOW_MS, [with_cleared(sweeps[-1], cleared=None)]) == "unknown"
    assert state(NOW_MS, [with_cleared(sweeps[-1], cleared=False)]) == "not met"
    # Of the other side it is no test.
    assert checklists.checklists(whole, sweeps)[1].conditions[2].state == "not met"


def with_cleared(event, *, cleared):
    return structs.replace(event, cleared=cleared)


def test_a_week_is_needed_to_know_a_level(bare):
    for days, known in ((6, False), (7, True)):
        # The bars begin at midnight.
        market = bare.market.until(int(bare.market.time_ms[0]) + days * DAY_MS)
        read = msgspec.structs.replace(bare, market=market, at_ms=market.as_of_ms)
        found = [levels.levels(read, side) for side in Side]
        assert (levels.blind(found) == set()) is known
        test = checklists.checklists(read, [], levels.blind(found))[0].conditions[2]
        assert (test.state, "too few days" in test.text) == (("not met", False) if known else ("unknown", True))
        assert ("Fewer than 7 days" in levels.sweep_reading(read, found[0]).text) is not known


def test_an_index_that_is_old_leaves_sentiment_unknown(whole):
    mood = tree.Sentiment(16, "Extreme Fear", "2026-01-20", None, "fear_greed", "ten days old")
    old = msgspec.structs.replace(whole, sentiment=mood)
    condition = checklists.checklists(old, [])[0].conditions[0]
    assert (condition.state, "not of today" in condition.text) == ("unknown", True)


def test_sides_that_cannot_be_compared_leave_crowding_unknown(whole):
    short = msgspec.structs.replace(whole, found=msgspec.structs.replace(whole.found, comparable=False))
    crowding = checklists.checklists(short, [])[0].conditions[1]
    assert (crowding.state, "than the path implies is not known" in crowding.text) == ("unknown", True)
    heavy = msgspec.structs.replace(whole, risk=mapping.window(whole.found, 15))
    heavy.risk.lift_low, heavy.risk.lift_high = 1.1, 2.0
    rally, fall = checklists.checklists(heavy, [])
    assert (rally.conditions[1].state, fall.conditions[1].state) == ("met", "not met")


def test_open_interest_is_held_against_a_figure_of_each_day_before(whole):
    crowding = checklists.checklists(whole, [])[0].conditions[1]
    interest = checklists.total([v.open_interest_base for v in whole.market.venues], whole.market.interval_ms)
    day = DAY_MS // whole.market.interval_ms
    daily = [float(value) for value in interest[-2::-day] if np.isfinite(value)]
    below = sum(value < interest[-1] for value in daily) + sum(value == interest[-1] for value in daily) / 2
    assert crowding.evidence["open_interest_percentile"] == below / len(daily)
    days = round(np.isfinite(interest).sum() * whole.market.interval_ms / DAY_MS)
    assert f"open interest higher than on {below / len(daily) * 100:.0f} % of {days} days;" in crowding.text


def test_the_basis_is_that_of_the_venue_in_the_middle(whole):
    def told(**prices):
        harvests = [gave(name, [(Kind.TICKER, [row])]) for name, row in prices.items()]
        return positions.basis(msgspec.structs.replace(whole, harvests=harvests))

    (row,) = told(
        okx=Ticker(mark_price=101.0, index_price=100.0), bybit=Ticker(mark_price=99.0, index_price=100.0),
        gate=Ticker(mark_price=99.5, index_price=100.0), htx=Ticker(mark_price=99.5),
        kraken=Ticker(index_price=99.5), coinglass=Ticker(mark_price=1.0, index_price=2.0),
    )  # fmt: skip
    assert row.value == pytest.approx(-0.005)
    assert row.text.startswith("Perpetuals trade 0.500 % below the index in the middle of 3; ")
    assert row.evidence == {
        "basis_okx": pytest.approx(0.01), "basis_bybit": pytest.approx(-0.01), "basis_gate": pytest.approx(-0.005),
    }  # fmt: skip
    assert row.source == "okx, bybit, gate"
    (row,) = told(okx=Ticker(mark_price=100.0, index_price=100.0))
    assert row.text.startswith("Perpetuals trade 0.000 % above the index in the middle of 1; ")
    assert told(okx=Ticker(mark_price=100.0)) == []


def test_what_bands_hold_is_told_with_how_far_they_begin(whole):
    price = whole.found.price
    above, below = (price * 1.05, price * 1.2), (price * 0.7, price * 0.9)
    quotes = {"short": (6e9, above), "long": (2e9, below)}
    (row,) = beside.quoted_bands(msgspec.structs.replace(whole, quotes=quotes))
    assert "one begins 5.0 % above the price, the other 10.0 % below, so" in row.text
    assert (row.value, row.kind, row.source) == (3.0, "quoted", "coinglass")
    assert (row.evidence["short_low"], row.evidence["short_high"]) == above
    assert (row.evidence["long_low"], row.evidence["long_high"]) == below
    for lacking in ("short", "long"):
        one = {name: quote for name, quote in quotes.items() if name != lacking}
        assert beside.quoted_bands(msgspec.structs.replace(whole, quotes=one)) == []
    (row,) = beside.quoted_bands(msgspec.structs.replace(whole, quotes=quotes | {"long": (0.0, below)}))
    assert row.value is None


def test_figures_are_held_against_what_is_stored(whole):
    past = Series(np.arange(40, dtype=np.int64), np.linspace(-1e-3, 1e-3, 40))
    (told,) = positions.funding(whole, {"binance": past})
    assert told.evidence["percentile_binance"] == pytest.approx(18 / 40, abs=0.03)
    assert "higher than 4" in told.text
    (unknown,) = positions.funding(whole, {})
    assert "none of its past is stored" in unknown.text
    rows = positions.accounts(whole, {"okx": Series(past.time_ms, np.linspace(0.1, 0.2, 40))})
    assert {r.id: r.evidence["percentile"] for r in rows}["long_accounts_okx"] == 1.0


def test_accounts_are_told_by_their_newest_share(whole):
    rows = [LongShort(NOW_MS, "accounts", 0.75), LongShort(NOW_MS - 1, "accounts", 0.5), LongShort(NOW_MS, "x", 0.1)]
    harvests = [gave("okx", [(Kind.LONG_SHORT, rows)]), gave("gate"), gave("htx", [(Kind.LONG_SHORT, rows[2:])])]
    (told,) = positions.accounts(msgspec.structs.replace(whole, harvests=harvests), {})
    assert told.evidence == {"long_share": 0.75, "long_short_ratio": 3.0, "percentile": None}
    assert told.text.startswith("75 % of accounts on okx are net long; ")
    alone = [gave("okx", [(Kind.LONG_SHORT, [LongShort(NOW_MS, "accounts", 1.0)])])]
    (told,) = positions.accounts(msgspec.structs.replace(whole, harvests=alone), {})
    assert told.evidence["long_short_ratio"] is None


@pytest.mark.parametrize(
    ("now", "told"),
    [(101.0, "positions were added into the decline"), (100.0, "positions left in the decline"), (99.0, "left in")],
)
def test_open_interest_in_a_decline(whole, now, told):
    interest = np.full(whole.market.time_ms.size, 50.0)
    at = int(np.searchsorted(whole.market.time_ms, parse_time_ms(whole.price.high_time)))
    interest[at], interest[-1] = 100.0, now
    (first, *_others) = whole.market.venues
    market = msgspec.structs.replace(
        whole.market, venues=(msgspec.structs.replace(first, open_interest_base=interest),)
    )
    (row,) = positions.interest_in_decline(msgspec.structs.replace(whole, market=market))
    assert row.value == now / 100 - 1
    assert told in row.text
    assert f"while price fell {-whole.price.change_since_high * 100:.1f} %" in row.text


def test_an_age_is_no_less_than_none(whole):
    def age(of_ms):
        return reading(whole, "x", "X", None, "", "", {}, "okx", of_ms).age_s

    assert [age(NOW_MS - 1500), age(NOW_MS), age(NOW_MS + 1500)] == [1.5, 0.0, 0.0]


def test_the_mood_looks_as_far_back_as_the_store(whole):
    days = parse_time_ms("2025-12-01") + np.arange(31, dtype=np.int64) * DAY_MS
    values = np.r_[50.0, 16.0, np.full(29, 40.0)]
    (told,) = beside.mood(whole, Past(mood=Series(days, values)))
    assert told.evidence["lowest_since"] == "2025-12-02"
    assert "the lowest since 2025-12-02" in told.text
    now_ms = parse_time_ms(whole.sentiment.date)
    moved = np.array([now_ms - 7 * DAY_MS, now_ms - DAY_MS])
    (week,) = beside.mood(msgspec.structs.replace(whole, harvests=[]), Past(mood=Series(moved, np.array([30.0, 10.0]))))
    assert (week.evidence["day_before"], week.evidence["week_ago"]) == (10.0, 30.0)
    assert week.text.startswith("Fear & Greed is 16, Extreme Fear, +6 since the day before, -14 in a week")
    # Beyond a day that is missing nothing is told: it may have been lower.
    kept = np.arange(31) != 20
    (torn,) = beside.mood(whole, Past(mood=Series(days[kept], values[kept])))
    assert torn.evidence["lowest_since"] is None
    assert torn.evidence["history_from"] == "2025-12-22"
    greedy = msgspec.structs.replace(
        whole, sentiment=tree.Sentiment(90, "Extreme Greed", "2026-01-30", None, "fear_greed")
    )
    (high,) = beside.mood(greedy, Past())
    assert "the highest of the 31 days known without a break" in high.text
    assert high.evidence["percentile"] == 1.0


def test_months_are_those_that_most_venues_tell(whole):
    (told,) = activity.month_volume(whole)
    assert told.text.endswith("by the day the lowest since October 2024 on binance, okx, bybit")
    assert len([name for name in told.evidence if name.startswith("usd_a_day_")]) == 25

    def without(*, monthly: float | None):
        harvests = [h.copied() for h in whole.harvests]
        for harvest in harvests:
            rows = harvest.at(Kind.MONTHLY_CANDLES, Candle)
            harvest.forget({Kind.MONTHLY_CANDLES})
            if monthly is not None and rows:
                scaled = [structs.replace(row, volume_usd=row.volume_usd * monthly) for row in rows]
                harvest.keep(Kind.MONTHLY_CANDLES, scaled)
        return activity.month_volume(msgspec.structs.replace(whole, harvests=harvests))[0]

    assert "since before August 2025, the first one read" in without(monthly=None).text
    # Months that are not the sum of their days are of something else.
    assert without(monthly=1.06).text == without(monthly=None).text
    assert "October 2024" in without(monthly=1.04).text


def test_months_are_those_of_venues_with_two_thirds_of_this_month(monkeypatch):
    own = {"okx": {1: 1.0, 2: 2.0, 3: 3.0}, "bybit": {1: 10.0, 2: 20.0}, "gate": {}}
    monkeypatch.setattr(activity, "_of_venue", lambda _read, name: own[name])
    for okx, found in (
        (2.0, (["okx"], {1: 1.0, 2: 2.0, 3: 3.0})),
        (1.99, (["okx", "bybit"], {1: 11.0, 2: 22.0})),
    ):
        assert activity._means(None, {"okx": okx, "bybit": 3.0 - okx, "gate": 0.0}) == found
    assert activity._means(None, {"okx": 1.0, "bybit": 0.0, "gate": 2.0}) == ([], {})


def test_a_month_with_more_than_the_one_before_is_no_lowest():
    means = {(2026, 1): 5.0, (2025, 12): 4.0, (2025, 11): 6.0}
    assert activity._lowest_since(means, ["a"], 1) == "; by the day more than in December 2025"
    means[2026, 1] = 3.9
    assert activity._lowest_since(means, ["a"], 2).endswith("since before November 2025, the first one read on a")
    assert activity._lowest_since({(2026, 1): 5.0}, ["a"], 1) == ""


def test_holders_are_told_by_weeks_where_they_are_known(whole):
    rows = {h.name: h.at(Kind.HOLDERS, Holders) for h in whole.harvests if Kind.HOLDERS in h.records}
    now, before = beside.weeks_of(whole, "cryptoquant")
    values = [row.value for row in sorted(rows["cryptoquant"], key=lambda row: row.time_ms)]
    assert now == pytest.approx(sum(values[-7:]) / 7)
    assert before == pytest.approx(sum(values[-35:-28]) / 7)
    fewer = msgspec.structs.replace(whole, harvests=[h.copied() for h in whole.harvests])
    for harvest in fewer.harvests:
        kept = harvest.at(Kind.HOLDERS, Holders)[1:]
        harvest.forget({Kind.HOLDERS})
        harvest.keep(Kind.HOLDERS, kept)
    assert beside.weeks_of(fewer, "cryptoquant") is None
    dormant = tree.HolderActivity("supply not moved in a year", 0.61, 0.60, "2026-01-29", "coinmetrics")
    assert beside.sells_less(dormant, None) is True
    assert beside.sells_less(dormant, (0.60, 0.61)) is False
    moved = tree.HolderActivity("coin days destroyed", 5.0, 6.0, "2026-01-29", "cryptoquant")
    assert beside.sells_less(moved, None) is True
    assert beside.sells_less(moved, (6.0, 5.0)) is False
    moved.month_ago = None
    assert beside.sells_less(moved, None) is None


def test_a_base_rate_is_of_the_longest_history_there_is(whole):
    own = history(2, 150)
    stored = msgspec.structs.replace(whole, stored=own)
    rate = rate_of(stored.history, "new-shorts")
    fired = DEFINITIONS["new-shorts"].detect(own).fired
    moved = np.log(own.market.close[24:] / own.market.close[:-24])
    assert rate.events == int(fired[:-24].sum()) >= 20
    assert rate.event_return == pytest.approx(moved[fired[:-24]].mean())
    assert rate.text.startswith(f"24 h after {rate.events} such events in 150 days of bars: ")
    assert rate_of(stored.history, "rally").events is not None
    assert rate_of(whole.history, "rally").events is None
    assert rate_of(whole.history, "sweep").history_days == 30.0


@pytest.mark.parametrize(("events", "told"), [(0, "no such events"), (1, "1 such event "), (19, "19 such events")])
def test_a_base_rate_of_fewer_than_twenty_events_says_so(whole, events, told):
    market = history(2, 150).market
    fired = np.zeros(market.close.size, dtype=bool)
    fired[24 : 24 + events] = True
    text = rates.told("sweep", base_rate(market, fired))
    assert text.startswith(f"no base rate: {told}")
    assert "in 150 days of bars, too few to say" in text
    fired[24:44] = True
    assert rates.told("sweep", base_rate(market, fired)).startswith("24 h after 20 such events")


def test_a_report_tells_sweeps_and_checklists_with_their_base_rates(whole):
    gauges = {s.id: s for s in signalling.gauges(whole)}
    assert set(gauges) == {"sweep", "spring", "sweep_high", "upthrust", "rally_checklist", "fall_checklist"}
    assert all("base rate" in s.text and not s.group for s in gauges.values())
    assert "extreme fear: met" in gauges["rally_checklist"].text
