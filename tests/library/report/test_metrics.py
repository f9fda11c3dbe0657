"""Rows of the table, gauges and sentences, from sections by hand."""

from __future__ import annotations

import pytest
from msgspec import structs

from imbalance.records import Commitments, Holders, LiquidationLevel, LongShort, OrderBook
from imbalance.report import metrics, others, phrases, tree
from imbalance.report.capabilities import OTHER, capabilities
from imbalance.units import DAY_MS
from imbalance.wire import Kind
from tests.support.harvests import SOURCES, gave
from tests.support.maps import MOMENT, in_dollars, side_risk

NOW_MS = 1_769_774_400_000
FOUND = in_dollars({90: 2e6}, {110: 8e6})
RISK = tree.WindowRisk(
    window_pct=15.0, long=side_risk(2e6, band=(90.0, 91.0)), short=side_risk(8e6), ratio=4.0, ratio_low=2.0,
    ratio_high=8.0, heavier="short", path_implied_ratio=2.0, lift=2.0, lift_low=1.5, lift_high=2.5,
)  # fmt: skip
INTEREST = tree.OpenInterest(1.0, 1.0, [], [], tree.OpenInterestChange(0.31, 9e4, "2025-10-05", 123_500, "okx", "okx"))
NOTHING = tree.Liquidations(None, None, None, [], [], [], None)


def rows(risk=RISK, interest=INTEREST, seen=NOTHING, mood=None, quotes=None):
    return {row.id: row for row in metrics.rows(FOUND, risk, interest, seen, mood, quotes or {}, MOMENT)}


def test_what_others_quote_is_summed_on_each_side_of_the_price():
    levels = [
        LiquidationLevel(p, usd) for p, usd in ((80, 1.0), (90, 2.0), (100, 64.0), (105, 0.0), (110, 4.0), (120, 8.0))
    ]
    quotes = metrics.quoted_bands([gave("coinglass", [(Kind.LIQUIDATION_MAP, levels)]), gave("okx")], 100.0)
    assert quotes == {"long": (3, (80, 90)), "short": (12, (110, 120))}
    assert metrics.quoted_bands([gave("coinglass", [(Kind.LIQUIDATION_MAP, levels[:2])])], 100.0) == {
        "long": (3, (80, 90))
    }
    (quoted,) = rows(quotes=quotes)["long_liquidation_risk"].quoted
    assert (quoted.source, quoted.value, quoted.band) == ("coinglass", 3, (80, 90))
    (quoted,) = rows(quotes={"long": (3, (80, 95)), "short": (12, (105, 120))})["short_liquidation_risk"].quoted
    assert (quoted.own_value, quoted.own_exposed) == (pytest.approx(8e6), pytest.approx(32e6))
    assert rows()["short_liquidation_risk"].quoted == []
    # One cent is a level, and nothing is none.
    few = [LiquidationLevel(90, 0.01), LiquidationLevel(80, 0.0)]
    assert metrics.quoted_bands([gave("coinglass", [(Kind.LIQUIDATION_MAP, few)])], 100.0) == {"long": (0.01, (90, 90))}


def test_each_side_has_its_risk():
    long, short = rows()["long_liquidation_risk"], rows()["short_liquidation_risk"]
    assert (long.value, long.low, long.high, long.band) == (2e6, 1e6, 4e6, (90, 91))
    assert (long.label, long.significance) == ("Long liquidation risk", "selling pressure 90-91")
    assert (short.value, short.significance) == (8e6, "buying pressure")
    assert short.detail == "forced within 15 % of the price, out of 32.0M exposed"
    assert long.detail == "forced within 15 % of the price, out of 8.0M exposed"


@pytest.mark.parametrize("lost", ["path_implied_ratio", "lift"])
def test_a_ratio_is_set_beside_what_its_path_implies(lost):
    told = rows()["short_long_ratio"]
    assert told.significance == "price path implies 2.0"
    assert told.detail.startswith("2.0 times that (1.5-2.5); ")
    assert (
        rows(structs.replace(RISK, **{lost: None}))["short_long_ratio"].significance == "no ratio implied by the path"
    )


@pytest.mark.parametrize(("value", "label"), [(-0.1, "decrease"), (0.0, "increase"), (0.1, "increase")])
def test_a_change_is_called_by_its_sign(value, label):
    interest = structs.replace(INTEREST, change=structs.replace(INTEREST.change, value=value))
    told = rows(interest=interest)["open_interest_change"]
    assert (told.label, told.value) == (f"Open interest {label}", value)
    assert told.significance == "from October 2025 low"


def test_a_change_names_who_tells_its_low_where_that_is_another():
    for source, more in (("okx", ""), ("cryptoquant", ", low by CryptoQuant"), ("bars", "")):
        change = structs.replace(INTEREST.change, source=source)
        told = rows(interest=structs.replace(INTEREST, change=change))["open_interest_change"]
        assert told.detail == f"123,500 now on okx{more}"
    told = rows(interest=structs.replace(INTEREST, change=None))["open_interest_change"]
    assert (told.label, told.value, told.significance, told.source) == (
        "Open interest increase",
        None,
        "no long history",
        "-",
    )


def seen(source, **fields):
    return tree.ObservedLiquidations(source, 1e6, 2e6, MOMENT, MOMENT, "unknown", **fields)


def total(of, observed, missing, since):
    return tree.Liquidations(3e6, 1e6, 2e6, of, observed, missing, since)


@pytest.mark.parametrize(
    ("section", "significance", "detail", "quoted_from"),
    [
        (NOTHING, "not known for 24 hours", "", None),
        (total(["okx"], [seen("okx")], ["htx"], None), "on okx", "not seen: htx", None),
        (total(["okx"], [seen("okx")], [], None), "on okx", "", None),
        (
            total(["coinglass"], [seen("coinglass", quoted=True)], ["htx"], None),
            "by CoinGlass", "", "coinglass",
        ),
        (
            total(["okx"], [seen("coinglass", quoted=True), seen("okx", doubtful="x")], [], None),
            "on okx; okx's 3.0M is doubtful", "", None,
        ),
        (
            total(["okx"], [], [], tree.LargestSince("2024-11-05", "2023-01-01", "coinglass")),
            "largest since November 2024", "by CoinGlass", None,
        ),
        (
            total(["okx"], [], [], tree.LargestSince(None, "2023-01-01", "coinglass")),
            "largest since before 2023-01-01", "by CoinGlass", None,
        ),
    ],
)  # fmt: skip
def test_liquidations_are_told_by_whom_they_were_seen(section, significance, detail, quoted_from):
    told = rows(seen=section)["liquidations_24h"]
    assert (told.significance, told.detail, told.quoted_from) == (significance, detail, quoted_from)
    assert told.source == (", ".join(section.of) or "-")


def test_a_mood_is_of_its_date():
    mood = tree.Sentiment(16, "Extreme Fear", "2026-01-29", None, "fear_greed")
    told = rows(mood=mood)["fear_greed"]
    assert (told.value, told.significance, told.as_of) == (16, "Extreme Fear", "2026-01-29T00:00:00Z")
    told = rows(mood=structs.replace(mood, old="a day old"))["fear_greed"]
    assert told.significance == "Extreme Fear on 2026-01-29, not now: a day old"
    told = rows()["fear_greed"]
    assert (told.value, told.significance, told.source, told.as_of) == (None, "not read", "-", MOMENT)


PRICE = tree.Price(100.0, None, -0.061, 120.0, MOMENT, 80.0, -0.145, 15.7)
NO_VOLUME = tree.Volume("2026-01", None, None, [], [])


def gauges(harvests=(), volume=NO_VOLUME, quotes=None):
    found = metrics.gauges(harvests, FOUND, PRICE, tree.Funding(-0.00011, []), volume, quotes or {})
    assert len({signal.id for signal in found}) == len(found)
    return {signal.id: signal for signal in found}


def test_price_and_funding_are_told_with_their_digits():
    told = gauges()
    assert told["change_24h"].text == "-6.1 %"
    assert told["drawdown"].text == "-14.5 % in 16 days from 120.00; low 80"
    assert told["funding_8h"].text == "-0.011 %"
    assert list(told) == ["change_24h", "drawdown", "funding_8h"]


def test_a_months_volume_is_told_of_all_and_of_the_three_largest():
    venues = [tree.VenueVolume(f"v{i}", 1.0, 1.0, None if i == 1 else 1e9 * (9 - i), None) for i in range(5)]
    told = gauges(volume=tree.Volume("2026-01", 1.0, 2.5e10, venues, [], month_missing=["htx"]))
    assert told["month_volume"].text == "25.0B without htx, of which days are missing"
    assert (told["month_volume"].label, told["month_volume"].group) == (
        "January 2026 volume, all read",
        "January volume",
    )
    assert [name for name in told if name.startswith("month_volume_")] == ["month_volume_v0", "month_volume_v2"]
    assert told["month_volume_v2"].text == "7.0B"
    assert gauges(volume=tree.Volume("2026-01", 1.0, 2.5e10, venues, []))["month_volume"].text == "25.0B"


def test_accounts_long_are_the_newest_share():
    shares = [
        LongShort(NOW_MS, "accounts", 0.65),
        LongShort(NOW_MS - 1, "accounts", 0.5),
        LongShort(NOW_MS + 1, "top", 0.1),
    ]
    told = gauges([gave("okx", [(Kind.LONG_SHORT, shares)])])["long_accounts_okx"]
    assert (told.value, told.text, told.label) == (0.65, "65 %", "Accounts long, okx")


def book(bid, ask):
    return OrderBook(NOW_MS, ((99.9, 1.0), (99.01, 2.0), (bid, 4.0)), ((100.1, 1.0), (100.99, 2.0), (ask, 4.0)))


def test_depth_is_within_one_per_cent_of_the_middle_of_the_newest_book():
    told = gauges([gave("okx", [(Kind.ORDER_BOOK, [book(98.0, 99.95), book(98.9, 101.1)])]), gave("gate")])
    assert told["depth_1pct_okx"].text == "bids 298, asks 302"
    assert told["depth_1pct_okx"].value == pytest.approx(99.9 + 2 * 99.01 + 100.1 + 2 * 100.99)
    assert told["depth_1pct_okx"].group == "Book within 1 %"
    shallow = OrderBook(NOW_MS, ((99.9, 1.0), (98.0, 2.0)), ((100.1, 1.0), (100.9, 2.0)))
    told = gauges([gave("okx", [(Kind.ORDER_BOOK, [shallow])])])["depth_1pct_okx"]
    assert (told.value, told.text, told.group) == (None, "book too shallow to tell", "")
    for sides in ((((99.0, 1.0),), ()), ((), ((101.0, 1.0),))):
        told = gauges([gave("okx", [(Kind.ORDER_BOOK, [OrderBook(NOW_MS, *sides)])])])["depth_1pct_okx"]
        assert told.value is None
    # A book around 200, while the map's price is 100.
    other = OrderBook(NOW_MS, ((199.0, 1.0), (150.0, 1.0)), ((201.0, 1.0), (250.0, 1.0)))
    assert gauges([gave("okx", [(Kind.ORDER_BOOK, [other])])])["depth_1pct_okx"].value == 400


def test_quoted_bands_are_compared_with_where_they_start():
    quotes = {"short": (6e6, (105.0, 120.0)), "long": (3e6, (80.0, 92.0))}
    told = gauges(quotes=quotes)["quoted_bands"]
    assert told.value == 2
    assert told.text.startswith("short : long 2.0 by CoinGlass, 4.0 by us, 4.0 from the path alone; ")
    assert "the bands start 5.0 % above and 8.0 % below the price" in told.text
    assert gauges(quotes={**quotes, "long": (0.0, (80.0, 92.0))})["quoted_bands"].value is None
    assert "quoted_bands" not in gauges(quotes={"short": quotes["short"]})
    assert "quoted_bands" in gauges(quotes={**quotes, "other": (1.0, (1.0, 2.0))})


TUESDAY_MS = NOW_MS - 3 * DAY_MS


def commitments(week, contract="large", interest=10.0, units=5.0):
    groups = {"dealers": (3.0 + week, 1.0, 2.0), "asset managers": (1.0, 4.0, 0.5), "others": (1.0, 1.0, 1.0)}
    return Commitments(TUESDAY_MS - 7 * DAY_MS * week, contract, units, interest + week, groups)


def test_futures_are_compared_with_the_week_before_where_all_contracts_are_there():
    reports = [commitments(1), commitments(0), commitments(0, "small", 20.0, 0.1)]
    (told,) = [others.institutional([gave("okx"), gave("cftc", [(Kind.COMMITMENTS, reports)])], 100.0)]
    assert (told.open_interest_base, told.open_interest_usd, told.change_week) == (52, 5200, None)
    assert told.groups[0].net_change_base is None
    told = others.institutional([gave("cftc", [(Kind.COMMITMENTS, reports[:2])])], 100.0)
    assert (told.date, told.change_week) == ("2026-01-27", pytest.approx(10 / 11 - 1))
    dealers = told.groups[0]
    assert (dealers.long_base, dealers.short_base, dealers.spread_base) == (15, 5, 10)
    assert (dealers.net_base, dealers.net_change_base) == (10, -5)
    # One contract more a week before is another market's.
    told = others.institutional([gave("cftc", [(Kind.COMMITMENTS, [*reports[:2], commitments(1, "small")])])], 100.0)
    assert told.change_week == pytest.approx(10 / 11 - 1)
    told = others.institutional(
        [gave("cftc", [(Kind.COMMITMENTS, [commitments(1, interest=-1.0), reports[1]])])], 100.0
    )
    assert told.change_week is None
    late = structs.replace(commitments(1), time_ms=TUESDAY_MS - 6 * DAY_MS)
    assert others.institutional([gave("cftc", [(Kind.COMMITMENTS, [late, reports[1]])])], 100.0).change_week is None
    few = [commitments(1, interest=-0.5), commitments(0, interest=1.0)]
    assert others.institutional([gave("cftc", [(Kind.COMMITMENTS, few)])], 100.0).change_week == 1.0
    assert others.institutional([gave("okx")], 100.0) is None


def test_holders_of_a_month_ago_are_those_of_its_day():
    series = [Holders(NOW_MS - i * DAY_MS, "old supply", 0.5 + i / 1000) for i in (31, 30, 29, 0)]
    (told,) = others.holders([gave("okx"), gave("coinmetrics", [(Kind.HOLDERS, series)])])
    assert (told.value, told.month_ago, told.date) == (0.5, 0.53, "2026-01-30")
    (told,) = others.holders([gave("coinmetrics", [(Kind.HOLDERS, [series[0], series[3]])])])
    assert told.month_ago is None


def test_gauges_of_other_sources():
    groups = [tree.GroupPositions(name, 9, 1, 0, 1234.4, None) for name in ("dealers", "others", "leveraged funds")]
    told = tree.Institutional("2026-01-27", 117_180.0, 9.7e9, 0.012, groups, "cftc")
    rows = [
        tree.HolderActivity("of supply", 0.61, 0.62, "2026-01-29", "coinmetrics"),
        tree.HolderActivity("days destroyed", 1.0, None, "2026-01-29", "cryptoquant"),
        tree.HolderActivity("days destroyed", 2.5e6, 3e6, "2026-01-29", "cryptoquant"),
    ]
    found = others.gauges("BTC", told, rows)
    assert [signal.text for signal in found] == [
        "117,180 BTC (9.7B), +1.2 % in a week", "leveraged funds +1,234, dealers +1,234",
        "61.0 % of supply (a month before 62.0 %)", "1 days destroyed", "2.5M days destroyed (a month before 3.0M)",
    ]  # fmt: skip
    assert [signal.group for signal in found] == ["CME futures", "", "Holders", "", ""]
    (first, _nets) = others.gauges("BTC", structs.replace(told, change_week=None), [])
    assert first.text == "117,180 BTC (9.7B)"
    assert others.gauges("BTC", None, []) == []


def score(over, low=None, high=None):
    return tree.MethodScore("model", 0.5, None, None, None, None, over, low, high)


@pytest.mark.parametrize(
    ("model", "beats", "says"),
    [
        (None, None, "Too few bars"), (score(None), None, "Too few bars"),
        (score(0.1), None, "fewer than 5 days: R2 over it +0.100"),
        (score(0.1, 0.05), None, "fewer than 5 days"), (score(0.1, None, 0.2), None, "fewer than 5 days"),
        (score(0.1, 0.001, 0.2), True, "beats its path: R2 over it +0.100 (90 % +0.001 to +0.200)"),
        (score(0.1, 0.0, 0.2), False, "cannot be told from its path"),
        (score(0.0, -0.1, 0.0), False, "cannot be told from"),
        (score(-0.1, -0.2, -0.001), False, "does worse than its path"), (score(2.5, 0.5, 3.0), True, "beats its path"),
        (score(2.5, -0.5, 0.5), False, "cannot be told from its path"),
    ],
)  # fmt: skip
def test_a_map_beats_its_path_where_the_whole_range_lies_above(model, beats, says):
    told = phrases.trial_verdict(model, 5)
    assert told.beats_path is beats
    assert says in told.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "2.0 times the weight on shorts (short : long 4.0; price path implies 2.0)"),
        ({"lift": 0.25, "lift_low": 0.1, "lift_high": 0.9}, "4.0 times the weight on longs"),
        ({"lift_low": 1.0}, "Any market after such a move would look alike"),
        ({"lift_low": 0.5, "lift_high": 1.0}, "Any market after such a move would look alike"),
        ({"lift_low": None}, "Any market after such a move would look alike"),
        ({"lift_high": None}, "Any market after such a move would look alike"),
        ({"lift_low": 1.5, "lift_high": 1.9, "lift": 1.6}, "1.6 times the weight on shorts"),
    ],
)
def test_more_than_the_path_explains_is_told_with_how_much(changes, says):
    assert says in phrases.verdict(structs.replace(RISK, **changes), []).text


@pytest.mark.parametrize("lost", ["path_implied_ratio", "lift", "ratio"])
def test_nothing_is_said_of_a_path_that_is_not_known(lost):
    told = phrases.verdict(structs.replace(RISK, **{lost: None}), []).text
    assert told == "Shorts are heavier: est. 2.0M of longs, 8.0M of shorts would be force-closed within 15 %."


def test_a_cluster_is_large_from_half_of_the_largest_on():
    def cluster(usd, away):
        return tree.Cluster("short", 100 + away, 101 + away, 100.5 + away, usd, usd, usd, usd, away)

    told = phrases.verdict(RISK, [cluster(10e6, 9.0), cluster(5e6, 4.0), cluster(4.9e6, 2.0)]).text
    assert told.endswith("Nearest large clusters: shorts 104-105 (+4 %, 5.0M).")
    # The only cluster of a side is its largest, however small: three halves of none would be none.
    assert phrases.verdict(RISK, [cluster(1.0, 3.0)]).text.endswith("shorts 103-104 (+3 %, 1).")


def test_one_kind_of_each_besides_is_named_once():
    for row in capabilities(list(SOURCES.values())):
        kinds = [name.partition(" (")[0] for name in row.other]
        own = {e.kind for e in SOURCES[row.name].endpoints}
        assert set(kinds) == {kind.value for kind in own & set(OTHER)}
