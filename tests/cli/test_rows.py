"""Cells and sentences of screens, at the limits from which they say something else."""

from __future__ import annotations

import pytest
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import plain, reading_views, render, schema, source_views, states_gaps, trial_views, view
from imbalance_cli.render.markdown import to_markdown
from imbalance_cli.render.parts import Bar, Bars, Beside, Column, Line, Table, Title, apart
from imbalance_cli.render.tidy import to_csv
from msgspec import structs

from imbalance.report import tree
from tests.support.maps import HEAD, MOMENT, side_risk


def lines_of(blocks):
    return [block.text for block in blocks if isinstance(block, Line)]


def tables_of(blocks):
    return [block for block in blocks if isinstance(block, Table)]


def interest(**changes):
    venues = [
        tree.VenueOpenInterest("okx", 123_500.0, 10.2e9, 0.756, 0.008),
        tree.VenueOpenInterest("gate", 40_000.0, 3e9, None, None, "x", 20_000.0),
    ]
    section = tree.OpenInterest(163_500.0, 13.2e9, venues, [], None)
    return tree.OpenInterestReport(
        schema="imbalance.open-interest/1", price=82_512.0, open_interest=structs.replace(section, **changes), **HEAD
    )


def test_open_interest_by_venue():
    (table,) = tables_of(found := reading_views.interest(interest()))
    assert table.rows == [
        ["okx", "123,500", "10.2B", "76 %", "+0.8 %"],
        ["gate", "40,000", "3.0B", "-", "-"],
        ["sum", "163,500", "13.2B", "", ""],
    ]
    assert table.kept == (2,)
    assert lines_of(found) == []
    assert [line.split(":")[0] for line in lines_of(reading_views.interest(interest(total_base_low=143_500.0)))] == [
        "gate"
    ]


def test_what_is_told_beneath_open_interest():
    told = lines_of(
        reading_views.interest(
            interest(
                missing=["htx"],
                total_base_low=143_499.6,
                concentration=tree.Concentration(["okx", "gate", "htx"], "okx", 0.456, 0.3149),
                quoted=[tree.QuotedTotal("coinglass", 5e10)],
                change=tree.OpenInterestChange(0.314, 94_000.0, "2025-10-05", 123_500.0, "okx", "cryptoquant"),
            )
        )
    )
    assert told == [
        "the sum lacks htx",
        "gate: taken as one side; if they count both, half: the sum is 143,500",
        "concentration over 3 venues: okx holds 46 %; HHI 0.31",
        "CoinGlass: 50.0B quoted, over the exchanges that it reads",
        "+31 % from the low of 2025-10-05 (94,000), okx; low by CryptoQuant",
    ]


def test_volume_by_venue():
    venues = [
        tree.VenueVolume("okx", 2e9, 1.0, 5e10, 6e10, 30, 30),
        tree.VenueVolume("gate", 1e9, 1.0, None, None, 29, 30),
    ]
    table, *lines = reading_views.volume(tree.Volume("2026-01", 3e9, 5e10, venues, ["htx"], [], ["gate"]))
    assert table.rows == [
        ["okx", "2.0B", "50.0B", "60.0B"], ["gate", "1.0B", "-", "-"], ["sum", "3.0B", "50.0B", ""]
    ]  # fmt: skip
    assert table.kept == (2,)
    assert lines_of(lines) == ["the sum lacks htx", "the month's sum lacks gate (29 of 30 days)"]


def test_a_mood_tells_the_week_before_where_it_is_known():
    mood = tree.Sentiment(16, "Extreme Fear", "2026-01-30", 0, "fear_greed")
    assert lines_of(reading_views.mood(mood))[0].startswith("16  Extreme Fear  (2026-01-30; a week ago 0; ")
    assert "week" not in lines_of(reading_views.mood(structs.replace(mood, week_ago=None)))[0]
    assert lines_of(reading_views.mood(structs.replace(mood, old="x")))[1] == "not today's: x"


def observed(source, **fields):
    return tree.ObservedLiquidations(source, 1e6, 2e6, "2026-01-29T12:00:59Z", MOMENT, "unknown", "prints", **fields)


def liquidations(observed, since=None, **changes):
    section = tree.Liquidations(3e6, 1e6, 2e6, ["okx"], observed, ["htx", "gate", "kraken"], since)
    return tree.LiquidationsReport(
        schema="imbalance.liquidations/1", liquidations=structs.replace(section, **changes), **HEAD
    )


def test_liquidations_by_source():
    rows = [
        observed("okx"), observed("gate", whole_day=False), observed("kraken", whole_day=False, lower_bound=True),
        observed("coinalyze", quoted=True, doubtful="too many"), observed("htx", lower_bound=True),
    ]  # fmt: skip
    found = reading_views.liquidations(liquidations(rows, tree.LargestSince(None, "2023-01-01", "coinglass")))
    assert tables_of(found)[0].rows[0] == [
        "okx", "1.0M", "2.0M", "3.0M", "unknown", "01-29 12:00", "01-30 12:00", "prints"
    ]  # fmt: skip
    assert tables_of(found)[0].rows[3][0] == "Coinalyze (quoted)"
    assert lines_of(found) == [
        "Best available 24 h total: 3.0M obs (okx)",
        "Coinalyze is doubtful and in no sum: too many",
        "A lower bound, not in any total: kraken, htx",
        "Covers less than 24 h, not in any total: gate",
        "Largest since before 2023-01-01, by CoinGlass",
    ]
    none = lines_of(reading_views.liquidations(liquidations([], usd=None, of=[])))
    assert none == ["No full-day feed from: htx, gate, kraken"]
    since = tree.LargestSince("2024-11-05", "2023-01-01", "coinglass")
    assert lines_of(reading_views.liquidations(liquidations([], since)))[-1] == "Largest since 2024-11-05, by CoinGlass"


def position(i, **fields):
    given = {
        "side": "long" if i % 2 else "short", "quantity_base": 1.0, "notional_usd": 1e6 * (20 - i), "entry_price": 90.5,
        "liquidation_price": 80.25, "distance_pct": -19.75, "leverage": 12.5, "margin": "cross",
    }  # fmt: skip
    return tree.HeldPosition(**{**given, **fields})


def positions(rows, without=0, distances=()):
    windows = [tree.PositionsWindow(2.5, 1e6, 2e6, side_risk(3e6, exposed=9e6), side_risk(4e6, exposed=8e6))]
    return tree.PositionsReport(
        schema="imbalance.positions/1", price=100.0, accounts=8, holding=len(rows), without_liquidation_price=without,
        long_notional_usd=5e6, short_notional_usd=6e6, positions=rows, map=tree.PositionsMap([], [], []),
        windows=windows, distances=list(distances), **HEAD,
    )  # fmt: skip


def test_positions_beside_the_model():
    rows = [position(0, entry_price=None, liquidation_price=None, distance_pct=None), *map(position, range(1, 12))]
    shares = [
        tree.DistanceShare(0.0, 2.5, 0.0999, 0.5, None, 0.1), tree.DistanceShare(30.0, None, 0.25, None, 1.0, 0.0)
    ]  # fmt: skip
    found = source_views.positions(positions(rows, 1, shares))
    windows, distances, largest = tables_of(found)
    assert windows.rows == [
        ["2.5 %", "1.0M", "9.0M", "3.0M est", "1.5M-6.0M", "2.0M", "8.0M", "4.0M est", "2.0M-8.0M"]
    ]  # fmt: skip
    assert distances.rows == [
        ["0-2.5 %", "10.0 %", "50 % est", "-", "10 % est"], ["farther or none", "25 %", "-", "100 %", "0.0 % est"]
    ]  # fmt: skip
    assert [len(t) for t in (largest.rows, largest.styles)] == [10, 10]  # the largest alone
    assert largest.rows[0] == ["short", "20.0M", "-", "-", "-", "12.5x cross"]
    assert largest.rows[1] == ["long", "19.0M", "80.25", "-19.8 %", "90.5", "12.5x cross"]
    assert lines_of(found)[0] == "price 100.00   12 positions in 8 accounts: long 5.0M, short 6.0M"
    assert lines_of(found)[-1] == "1 positions have no liquidation price"
    assert "liquidation price" not in lines_of(source_views.positions(positions(rows)))[-1].removeprefix("Shares")[:40]


def test_what_each_source_gives():
    row = tree.Capability("okx", "OKX", "a key", "now", "5 d", "", "now", "7 d", "", ["x", "y"])
    table, _note = source_views.capabilities([row, tree.Capability("a", "A", "", "now", "", "9 d", "", "", "now", [])])
    assert table.rows == [
        ["okx", "5 d", "-", "7 d", "yes", "-", "x; y; needs a key"], ["a", "now", "9 d", "-", "-", "yes", ""]
    ]  # fmt: skip


def state(status="ok", **fields):
    given = {"latency_ms": 41.6, "newest": "2026-01-30T11:59:56Z", "clock_ahead_s": -1.6, "budget_used": 0.75}
    return tree.SourceState("okx", "OKX", status, 1, message="", hint="", **{**given, **fields})


def test_how_each_source_fares():
    bare = state("skipped", latency_ms=None, newest=None, clock_ahead_s=None, budget_used=None)
    table, _note = source_views.sources([state(), bare, state("stale"), state("not open")], MOMENT)
    assert table.rows[0][2:7] == ["42 ms", "4 s", "-2 s", "75 %", "-"]
    assert table.rows[1][2:7] == ["-"] * 5
    assert (table.kept, table.styles) == ((2,), ["", "", "warn", ""])


def ranged(value):
    return tree.Range(value, value / 2, value * 2)


def cascade(**changes):
    law = tree.ImpactLaw("book", ranged(110.0), ranged(0.25), ranged(0.05), ranged(1e6), ranged(0.5), None)
    beyond = tree.ImpactLaw(
        "square root", ranged(110.0), ranged(0.25), ranged(0.05), ranged(1e6), None, beyond_day=True
    )
    given = {
        "schema": "imbalance.cascade/1", "price": 100.0, "target": 105.0, "shock": 0.05, "side": "short",
        "forced": ranged(2e6), "exposed_usd": 8e6, "volume_day_usd": 1e9, "volatility_day": 0.03,
        "laws": [beyond, law], "assumptions": {},
    }  # fmt: skip
    return tree.CascadeReport(**{**HEAD, **given, **changes})


def test_a_cascade_by_its_laws():
    found = trial_views.cascade(cascade())
    assert lines_of(found)[0] == (
        "price 100.00   to 105.00 (+5.0 %): forced buying on the way 2.0M est (1.0M-4.0M) of 8.0M exposed"
    )
    (table,) = tables_of(found)
    assert table.rows == [
        ["square root", "25 %", "12 %-50 %", "> day's volume", "", "5.0 %", "2.5 %-10 %", "110", "55-220", "-", ""],
        ["book", "25 %", "12 %-50 %", "1.0M", "500K-2.0M", "5.0 %", "2.5 %-10 %", "110", "55-220", "0.5", "0.25-1.0"],
    ]
    assert len(lines_of(found)) == 2
    assert "forced selling" in lines_of(trial_views.cascade(cascade(side="long")))[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None), ({"volume_day_usd": None}, "no volume is known"), ({"volatility_day": 0.0}, "does not move"),
        ({"volatility_day": None}, "does not move"),
        ({"volume_day_usd": None, "volatility_day": 0.0}, "no volume is known"),
        ({"laws": [tree.ImpactLaw("stressed book", *[None] * 5)]}, "no order book was read"),
        ({"laws": [tree.ImpactLaw("square root", *[None] * 5)]}, None),
    ],
)  # fmt: skip
def test_a_law_that_is_missing_is_told_with_its_reason(changes, says):
    told = lines_of(trial_views.cascade(cascade(**changes)))[2:]
    assert [says in line for line in told] == ([True] if says else [])


SCORES = [
    tree.MethodScore("path", 0.6, None, 0.02, None, None, None, None, None),
    tree.MethodScore("model", 0.7124, 0.4567, 0.05, 0.01, 0.09, 0.03, None, 0.05),
]


def validation(inside=0.9, reliability=(), horizons=()):
    member = tree.Member("member 1", 0.5, [20.0, 8.5], 1.0, [0.1], [1.0], 1.0, 0.256)
    return tree.ValidateReport(
        schema="imbalance.validate/1", venues=[], verdict=tree.TrialVerdict(None, "V"), bars_tested=1234,
        inside_range_share=inside, reliability=list(reliability), methods=SCORES, members=[member],
        horizons=list(horizons), bars=[], **HEAD,
    )  # fmt: skip


def test_scores_by_method():
    classes = [tree.Reliability(0.001, 2000.0, 9, 0.0999, 0.8, 0.1, 5.0, 6.0, None, 9.0)]
    horizons = [tree.HorizonScore(0.5, 30, 60, 0.5, 0.25, 0.714, 0.825, [])]
    found = trial_views.validation(validation(0.9, classes, horizons))
    methods, reliability, kept = tables_of(found)
    assert methods.rows == [
        ["path", "0.600", "-", "+0.020", ""], ["model", "0.712", "0.457", "+0.050 (+0.010 to +0.090)", "+0.030"]
    ]  # fmt: skip
    assert (methods.styles, methods.kept) == (["", "short"], (1,))
    assert reliability.rows == [["0.001-2.0K", "9", "5", "6", "10.0 %", "80 %", "10 %"]]
    assert kept.rows == [["0.5 d", "30", "60", "0.500", "0.250", "0.71", "0.82"]]
    assert "1,234 bars tested, walking forward; 90 % of what was observed lies in its 90 % range" in lines_of(found)
    assert "The model mixes member 1 (clock 0.5, leverage 20/8.5) 26 %." in lines_of(found)
    assert len(tables_of(trial_views.validation(validation()))) == 1
    assert "walking forward; - of what" in " ".join(lines_of(trial_views.validation(validation(None))))


@pytest.mark.parametrize(
    ("inside", "way"),
    [
        (0.9, None),
        (0.86, None),
        (0.84, "too narrow"),
        (0.96, "too wide"),
        (0.94, None),
        (1.0, "too wide"),
        (0.0, "too narrow"),
    ],
)
def test_a_coverage_is_off_beyond_a_twentieth(inside, way):
    told = [block.text for block in trial_views._coverage(inside)]
    assert told == ([f"The 90 % ranges are {way} here: they held {inside * 100:.0f} %."] if way else [])


@pytest.mark.parametrize(
    ("usd", "text"), [(0.0, "0"), (0.0009, "<0.001"), (0.001, "0.001"), (1e-300, "<0.001"), (5.0, "5")]
)
def test_the_smallest_amounts_cannot_be_told_apart(usd, text):
    assert trial_views._usd(usd) == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(1.0, 2.0, "6 (1-2)"), (None, 2.0, "6"), (1.0, None, "6"), (0.0, 0.0, "6 (0-0)")]
)
def test_a_mean_has_its_range_where_both_ends_are_known(low, high, text):
    assert trial_views._observed(tree.Reliability(0, 1, 9, 0, 1, 0, 5.0, 6.0, low, high)) == text


def metric(value, unit="usd", kind="observed", **fields):
    return tree.Metric(
        id="x", label="X", value=value, unit=unit, significance="why", kind=kind, source="okx", as_of=MOMENT, **fields
    )


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (metric(None), "-"), (metric(8e8), "800M obs"), (metric(8e8, kind="estimated"), "800M est"),
        (metric(8e8, quoted_from="coinglass"), "800M quoted"), (metric(0.314, "fraction"), "+31 %"),
        (metric(16.4, "index"), "16"), (metric(0.91, "ratio", "estimated"), "0.91 est"), (metric(0.0), "0 obs"),
    ],
)  # fmt: skip
def test_values_are_told_in_their_units_with_their_marks(shown, text):
    assert view.value(shown) == text


def test_the_table_of_figures():
    quoted = tree.Quoted("coinglass", 6.5e9, (85e3, 92e3), 1.4e9, 0.5e9, 3e9, 3.8e9)
    metrics = [metric(8e8, detail="more", quoted=[quoted, structs.replace(quoted, band=None)], low=1e8, high=9e8)]
    brief, full = view._metrics(metrics, full=False), view._metrics(metrics, full=True)
    assert brief.rows == [
        ["X", "800M obs", "100M-900M", "why"], ["  CoinGlass 85K-92K", "6.5B quoted", "", "our estimate there 1.4B"],
        ["  CoinGlass", "6.5B quoted", "", "our estimate there 1.4B"],
    ]  # fmt: skip
    assert full.rows[0][3] == "why; more"
    assert full.rows[1][3] == "our estimate there 1.4B (500M-3.0B), exposed 3.8B"
    assert brief.styles == ["", "quoted", "quoted"]
    (columns,) = ([c.name for c in brief.columns if c.right],)
    assert columns == ["Value", "90 % range"]


def clusters_report(**changes):
    def risk(pct):
        return tree.WindowRisk(
            window_pct=pct, long=side_risk(1e6), short=side_risk(2e6), ratio=2.0, ratio_low=1.0, ratio_high=4.0,
            heavier="short", path_implied_ratio=1.5, lift=1.4, lift_low=1.1, lift_high=1.9,
            note="n" if pct == 20 else "",
        )  # fmt: skip

    given = {
        "schema": "imbalance.clusters/1", "price": 100.0, "venues": [],
        "model": tree.Model("model", True, None, {}, tree.Range(0.284, 0.1, 0.97), {}, "capture", 1.0),  # noqa: FBT003
        "map": tree.Map([90, 100, 110], [1, 0], [0, 2], [0.5, 0], [2, 0], [0, 1], [0, 4], [4, 0], [0, 8]),
        "risk": risk(12.0), "windows": [risk(pct) for pct in (2.0, 20.0)],
        "bands": [tree.BandRisk(**{n: getattr(risk(1), n) for n in tree.Risk.__struct_fields__}, low=85.0, high=92.0)],
        "clusters": [tree.Cluster("short", 105, 107, 106, 2e6, 1e6, 4e6, 8e6, 6.04)],
        "rows": [
            tree.MapRow("short", 100, 110, 2e6, 1e6, 4e6, 2e6, largest=True),
            tree.MapRow("short", 110, 120, 1e6, 1e6, 4e6, 3e6, largest=False),
            tree.MapRow("long", 90, 100, 1e6, 5e5, 2e6, 1e6, largest=False),
        ],
        "audit": tree.Audit(1000.0, 500.0, 756.0, 0.123, 0.5, 0.0014, []),
    }  # fmt: skip
    return tree.ClustersReport(**{**HEAD, **given, **changes})


def test_a_map_with_its_clusters():
    price, bars, clusters, forced, audit = view._map(clusters_report())
    assert price.text == "price 100.00"
    assert [bar.distance for bar in bars.above] == [pytest.approx(0.15), pytest.approx(0.05)]
    assert [bar.distance for bar in bars.below] == [pytest.approx(-0.05)]
    assert [(bar.low, bar.usd, bar.from_price_usd, bar.largest) for bar in bars.above] == [
        (110, 1e6, 3e6, False), (100, 2e6, 2e6, True)
    ]  # fmt: skip
    assert clusters.rows == [["short", "105-107", "+6.0 %", "2.0M est", "1.0M-4.0M", "8.0M"]]
    assert forced.text.startswith(
        "forced: 28 % (10-97 %) of exposed would actually be liquidated; largest uncertainty: c"
    )
    assert audit.text == (
        "audit: the larger side's exposed positions are 76 % of 1,000 open; 12 % swept, 0.1 % unexplained"
    )


def test_an_audit_of_nothing_has_no_share():
    empty = tree.Audit(0.0, 5.0, 5.0, 0.0, 0.0, 0.0, [])
    assert "are 0 % of 0 open" in view._model(clusters_report(audit=empty))[1].text
    larger = tree.Audit(100.0, 50.0, 5.0, 0.0, 0.0, 0.0, [])
    assert "are 50 % of 100 open" in view._model(clusters_report(audit=larger))[1].text


@pytest.mark.parametrize(
    ("calibrated", "days", "says"),
    [
        (True, 9.0, "; calibrated"), (False, 1.0, "a day or less of history"), (False, 1.5, "no observed liquidations"),
        (False, 2.0, "no observed liquidations"),
    ],
)  # fmt: skip
def test_why_a_map_is_not_calibrated(calibrated, days, says):
    model = structs.replace(clusters_report().model, calibrated=calibrated, history_days=days)
    assert says in view._model(clusters_report(model=model))[0].text


def test_windows_are_in_order_with_the_one_asked_for_kept():
    table, far, _note = view._windows(clusters_report())
    assert [row[0] for row in table.rows] == ["+-2 %", "+-12 %", "+-20 %", "85-92"]
    assert table.kept == (1, 3)
    assert table.rows[0][1:] == ["1.0M", "500K-2.0M", "2.0M", "1.0M-4.0M", "2.0", "1.5", "1.4 (1.1-1.9)"]
    assert far.text == "+-20 %: n"
    assert view._windows(clusters_report(bands=[]))[0].kept == (1,)
    lost = structs.replace(clusters_report().risk, lift=None)
    assert view._windows(clusters_report(risk=lost))[0].rows[1][-1] == "-"


def test_gauges_of_a_group_are_one_line_until_all_is_asked_for():
    signals = [
        tree.Signal("a", "Label a", 1.0, "", "1", "G", "x"), tree.Signal("b", "Label b", 2.0, "", "2", "G"),
        tree.Signal("c", "Label c", 3.0, "", "3"),
    ]  # fmt: skip
    assert view._gauges(signals, full=False).rows == [["G", "x 1; 2"]]
    assert view._gauges(signals, full=True).rows == [["Label a", "1"], ["Label b", "2"], ["Label c", "3"]]
    assert view._gauges(signals, full=True).styles == ["dim"] * 3


def sources(*statuses):
    return [state(status) for status in statuses]


def test_a_title_counts_the_sources_that_were_asked():
    document = clusters_report(sources=sources("ok", "failed", "skipped", "ok"))
    assert view.title_of(document) == Title("BTC liquidation map", "2026-01-30 12:00 UTC   2 of 3 sources")
    assert view.title_of(clusters_report()).right.endswith("   bars file")
    assert view.title_of(clusters_report(sources=sources("skipped"))).right.endswith("   bars file")


GAPS = [
    tree.Gap("okx", "OKX", "timed out", "Try again.", failed=True),
    tree.Gap("okx", "candles", "odd", "Hint.", failed=False),
    tree.Gap("okx", "OKX", "needs a key", failed=False, usual=True),
    tree.Gap("htx", "liquidations", "over WebSocket", failed=False, usual=True),
]


def test_gaps_are_told_by_what_they_are_of():
    document = clusters_report(sources=[state()], gaps=GAPS)
    assert [view.gap_text(document, gap) for gap in GAPS] == [
        "gap: OKX: timed out. Try again.", "gap: okx candles: odd", "gap: OKX: needs a key",
        "gap: htx liquidations: over WebSocket",
    ]  # fmt: skip
    assert [view.gap_line(document, gap).style for gap in GAPS[:2]] == ["warn", "dim"]
    assert lines_of(view._brief_gaps(document)) == [
        "gap: OKX: timed out. Try again.", "gap: okx candles: odd",
        "Needs a key: okx; no liquidations over REST: htx",
    ]  # fmt: skip
    assert view.standing_gaps(clusters_report(gaps=GAPS[:2])) == []


def heatmap(**changes):
    given = {
        "schema": "imbalance.heatmap/1", "interval": "1h", "calibrated": True,
        "forced_share": tree.Range(0.3, 0.1, 0.9),
        "time": ["2026-01-30T11:00:00Z", MOMENT], "price": [99.0, 101.0], "edges": [90.0, 100.0, 110.0],
        "long_usd": [[9.0, 0.0], [2.0, 0.0]], "short_usd": [[0.0, 8.0], [0.0, 4.0]],
        "path": tree.Path([], [], [], []),
    }  # fmt: skip
    return tree.HeatmapReport(**{**HEAD, **given, **changes})


def test_a_map_through_time_in_words():
    first, second = view._picture(heatmap(long_usd=[[9.0, 0.0], [2.0, 3.0]]))
    assert first.text == "price 101.00; forced between 90 and 110.00, last column: long 5 est, short 4 est"
    assert second.text.startswith("2 columns of time, 2 bins of price: ")


def test_cells_of_a_map_through_time_as_csv():
    assert to_csv(heatmap()).splitlines() == [
        "time,low,high,long_usd,short_usd",
        "2026-01-30T11:00:00Z,90.0,100.0,9.0,0.0", "2026-01-30T11:00:00Z,100.0,110.0,0.0,8.0",
        "2026-01-30T12:00:00Z,90.0,100.0,2.0,0.0", "2026-01-30T12:00:00Z,100.0,110.0,0.0,4.0",
    ]  # fmt: skip
    empty = to_csv(heatmap(long_usd=[[0.0, 0.0], [0.0, 0.5]], short_usd=[[0.0, 0.0], [0.0, 0.0]]))
    assert empty.splitlines()[1:] == ["2026-01-30T12:00:00Z,100.0,110.0,0.5,0.0"]


def test_bins_of_a_map_as_csv_are_those_that_hold_anything():
    told = [line.split(",") for line in to_csv(clusters_report()).splitlines() if line.startswith("map,")]
    assert [row[1:6] for row in told] == [
        ["90-100", "long_usd", "1", "0.5", "2"], ["90-100", "long_exposed_usd", "4", "", ""],
        ["100-110", "short_usd", "2", "1", "4"], ["100-110", "short_exposed_usd", "8", "", ""],
    ]  # fmt: skip
    # What may be there is told though nothing is expected.
    only_high = tree.Map([90, 100], [0], [0], [0], [3], [0], [0], [0], [0])
    told = [line for line in to_csv(clusters_report(map=only_high)).splitlines() if line.startswith("map,")]
    assert [line.split(",")[2] for line in told] == ["long_usd", "long_exposed_usd"]
    rows = to_csv(clusters_report(sources=sources("ok", "failed"))).splitlines()
    assert any(row.startswith("windows,0,") for row in rows)
    assert any(row.startswith("windows,1,") for row in rows)
    assert any(row.startswith("sources,okx,status,failed") for row in rows)
    assert not any(row.startswith(("schema,", "as_of,")) for row in rows)


def test_which_formats_tell_gaps():
    for kind in (Format.TABLE, Format.MARKDOWN, Format.JSON):
        assert states_gaps(heatmap(), kind)
    assert states_gaps(interest(), Format.CSV)
    assert not states_gaps(interest(), Format.TEXT)
    for document in (heatmap(), validation()):
        assert not states_gaps(document, Format.CSV)


def test_markdown():
    bars = Bars(100.0, [Bar(100.0, 110.0, 0.05, 2e6, 1e6, 4e6, 2e6, "short", largest=True)], [])
    table = Table([Column("A"), Column("B", right=True)], [["a|b", "1"]])
    told = to_markdown(
        [Title("T*", "# r"), Line("v", "verdict"), Line("- l"), Beside(bars, table), Table([Column("E")], [])]
    )
    assert told == (
        "## T\\*\n\n\\# r\n\n**v**\n\n\\- l\n\n"
        "| Prices | Distance | Forced (est) | 90 % range | Sum from price | Side |\n"
        "|---|---:|---:|---:|---:|---|\n"
        "| 100.00-110.00 | +5.0 % | 2.0M | 1.0M-4.0M | 2.0M | short |\n\n"
        "| A | B |\n|---|---:|\n| a\\|b | 1 |\n"
    )
    assert apart([Beside(bars, table), Line("x")]) == [bars, table, Line("x")]


def fitted(*lines):
    return plain._fitted([(rank, text) for rank, text in lines])


def test_text_is_ten_lines_of_a_hundred_characters_at_most():
    kept, detail, note, asked = plain.Rank.KEPT, plain.Rank.DETAIL, plain.Rank.NOTE, plain.Rank.ASKED
    ten = [(kept, f"line {i}") for i in range(10)]
    assert fitted(*ten) == [text for _rank, text in ten]
    eleven = fitted(*ten, (note, "last"))
    assert eleven == [*(text for _rank, text in ten[:9]), "2 more lines; use --format table"]
    # Notes go first, then details, and what was asked for last; what is left keeps its order.
    mixed = fitted((note, "n"), *[(detail, f"d{i}") for i in range(8)], (kept, "k"), (asked, "a"))
    assert mixed == [*(f"d{i}" for i in range(7)), "k", "a", "2 more lines; use --format table"]
    long = "word " * 19 + "words"  # a hundred characters
    assert fitted((kept, long)) == [long]
    assert fitted((kept, long + "s")) == [("word " * 19).strip(), "  wordss"]
    assert len(fitted(*ten[:9], (kept, long + "s"))) == 10


def test_a_row_in_text_gives_up_what_goes_first_until_it_fits():
    columns = [Column("A"), Column("B"), Column("C", drop=1), Column("D", drop=2), Column("E", drop=1)]
    row = ["a", "b" * 40, "c" * 20, "d" * 20, ""]
    # "a: B bbb..., C ccc..., D ddd..." is 3 + 42 + 2 + 22 + 2 + 22 = 93 characters.
    assert plain._row(columns, row, whole=False) == f"a: B {row[1]}, C {row[2]}, D {row[3]}"
    row[3] = "d" * 27
    assert len(plain._row(columns, row, whole=False)) == 100
    row[3] = "d" * 28
    assert plain._row(columns, row, whole=False) == f"a: B {row[1]}, C {row[2]}"
    assert plain._row(columns, row, whole=True).endswith(row[3])


@pytest.mark.parametrize(
    ("low", "high", "sides"),
    [(90.0, 110.0, ["long", "short"]), (80.0, 100.0, ["long"]), (100.0, 120.0, ["short"]), (100.0, 100.1, ["short"])],
)
def test_a_band_in_text_has_the_sides_that_can_lie_there(low, high, sides):
    fields = {n: getattr(clusters_report().risk, n) for n in tree.Risk.__struct_fields__}
    told = plain._band(tree.BandRisk(**fields, low=low, high=high), 100.0)
    assert [side for side in ("long", "short") if side in told] == sides
    if "long" in sides:
        assert "long 1.0M est (500K-2.0M)" in told
    unknown = tree.SideRisk(None, None, None, None, None)
    told = plain._band(tree.BandRisk(**{**fields, "long": unknown, "short": unknown}, low=low, high=high), 100.0)
    assert told.count("not known") == len(sides)


def test_gaps_in_text():
    document = interest(missing=["htx"])
    document.gaps = GAPS
    document.sources = [state()]
    told = render(document, Format.TEXT, Screen(80, color=False, ascii=False)).splitlines()
    assert told[0] == "BTC open interest, 2026-01-30 12:00 UTC   1 of 1 sources"
    assert "sum: BTC 163,500, USD 13.2B" in told
    assert told[-3:] == [
        "Missing (left out of sums): okx", "gap: okx candles: odd", "Needs a key: okx; no liquidations over REST: htx"
    ]  # fmt: skip
    document.notes = ["one", "two"]
    assert render(document, Format.TEXT, Screen(80, color=False, ascii=False)).splitlines()[1] == "One. Two"
    for mode, scenario, where in (
        ("replay", None, " (replay)"),
        ("replay", "x", " (scenario x, synthetic)"),
        ("live", None, ""),
    ):
        document.mode, document.scenario = mode, scenario
        first = render(document, Format.TEXT, Screen(80, color=False, ascii=False)).splitlines()[0]
        assert first == f"BTC open interest, 2026-01-30 12:00 UTC   1 of 1 sources{where}"


def test_every_document_has_a_title_but_what_sources_give():
    capability = tree.Capability("okx", "OKX", "", "now", "", "", "", "", "", [])
    offered = tree.SourcesReport(schema="imbalance.sources/1", capabilities=[capability], **HEAD)
    probed = structs.replace(offered, sources=[state()])
    plain_screen = Screen(80, color=False, ascii=False)
    for full in (False, True):
        assert isinstance(view.blocks_of(interest(), full=full)[0], Title)
        assert isinstance(view.blocks_of(probed, full=full)[0], Title)
        assert isinstance(view.blocks_of(offered, full=full)[0], Table)
    assert "Besides" in [column.name for column in view.body_of(offered, full=True)[0].columns]
    assert "Status" in [column.name for column in view.body_of(probed, full=True)[0].columns]
    for document, first in (
        (interest(), "BTC open interest"),
        (probed, "BTC sources"),
        (offered, "okx: Open interest now"),
    ):
        assert render(document, Format.TEXT, plain_screen).startswith(first)
    bars = structs.replace(interest(), mode="bars")
    assert render(bars, Format.TEXT, plain_screen).splitlines()[0].endswith("bars file")


def test_what_a_gap_and_a_sum_are_where_nothing_else_is_said():
    gap, row = tree.Gap("okx", "ticker", "x"), observed("okx")
    assert (gap.failed, gap.usual) == (True, False)
    assert (row.whole_day, row.lower_bound, row.quoted) == (True, False, False)
    columns = Column("A")
    assert (columns.right, columns.wrap, columns.drop) == (False, False, 0)


def test_what_is_not_of_now_and_not_live_is_said_first():
    clock = tree.Gap("", "time", "a week old", failed=False)
    document = structs.replace(interest(), gaps=[clock], notes=["n"])
    assert lines_of(view._first(document)) == ["a week old", "n"]
    assert lines_of(view._first(structs.replace(document, mode="replay"))) == [
        "replay of a recording, not live", "a week old", "n"
    ]  # fmt: skip
    (told, *_more) = lines_of(view._first(structs.replace(document, scenario="s")))
    assert told.startswith("scenario s: synthetic")
    assert view.old_messages(structs.replace(document, gaps=GAPS)) == []


def test_a_schema_is_indented_by_two():
    lines = schema("volume").splitlines()
    assert lines[0] == "{"
    assert lines[1].startswith('  "')
    assert lines[-1] == "}"
