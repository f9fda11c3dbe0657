"""What was collected, what followed signals before, and what a study found, laid out by hand-made figures."""

from __future__ import annotations

import msgspec
from imbalance_cli.render.history_views import collected
from imbalance_cli.render.signal_views import _base_rates, _readings, _sweeps, study

from imbalance.report import tree
from tests.cli.test_columns import given_up
from tests.support.maps import HEAD, MOMENT


def stream(name, **fields):
    given = {
        "venue": name, "status": "up", "contracts": 1_234, "messages": 9, "unreadable": 0, "liquidations": 5_678,
        "long_usd": 2e6, "short_usd": 3e6, "lag_s": 0.25, "gaps": 0, "missing_s": 0.0, "known": [], "missing": [],
        "message": "",
    }  # fmt: skip
    return tree.CollectedStream(name, **given | fields)


def test_what_was_collected():
    streams = [
        stream("okx"),
        stream("gate", gaps=2, missing_s=1_234.6),
        stream("htx", status="down", lag_s=None),
        stream("bybit", unreadable=2, message="no JSON"),
    ]
    for snapshots, told in ((0, ""), (1_000, ", 1,000 of them snapshots of open interest")):
        shown = tree.CollectReport(
            schema="imbalance.collect/1", place="x.db", started=MOMENT, saved=12_345, snapshots=snapshots,
            streams=streams, **HEAD,
        )  # fmt: skip
        line, table, unread, note = collected(shown)
        assert line.text == f"12,345 rows saved in x.db{told}"
    assert table.rows == [
        ["okx", "up", "1,234", "5,678", "2.0M", "3.0M", "0.2 s", "-", "-"],
        ["gate", "up", "1,234", "5,678", "2.0M", "3.0M", "0.2 s", "2", "1,235 s"],
        ["htx", "down", "1,234", "5,678", "2.0M", "3.0M", "-", "-", "-"],
        ["bybit", "up", "1,234", "5,678", "2.0M", "3.0M", "0.2 s", "-", "-"],
    ]
    assert (table.styles, table.kept) == (["", "warn", "warn", "warn"], (1, 2, 3))
    assert unread.text == "bybit: 2 messages could not be read: no JSON"
    assert note.style == "dim"
    assert given_up(table) == ["Contracts", "Status", "Lag", "Missing"]
    assert [c.right for c in table.columns] == [False, False, *[True] * 7]


def rate(signal, events, after=None):
    return tree.BaseRate(signal, events, 30.4, "24h", after, 0.0, None, None, f"text of {signal}")


def reading(name, base_rate=None, **fields):
    given = {
        "id": name, "label": name, "value": 1.0, "unit": "usd", "text": f"of {name}", "evidence": {}, "source": "okx",
        "as_of": MOMENT, "age_s": 0.0, "kind": "observed", "base_rate": base_rate,
    }  # fmt: skip
    return tree.Reading(**given | fields)


def signals(*rows, checklists=()):
    lists = [tree.Checklist("rally", f"c{i}", "short", 0, 0, 0, [], "", each) for i, each in enumerate(checklists)]
    return tree.SignalsReport(
        schema="imbalance.signals/1", price=100.0, signals=list(rows), sweeps=[], checklists=lists, risks=[], **HEAD
    )


def test_what_followed_is_told_of_signals_with_enough_events():
    found = _base_rates(signals(
        reading("a", rate("a", 30, 0.01)), reading("b"), reading("c", rate("c", 3)), reading("d", rate("d", None)),
        checklists=[rate("e", 40, 0.02), rate("f", 4), rate("g", None)],
    ))  # fmt: skip
    told, listed, none = (line.text for line in found)
    assert (told, listed) == ("a: text of a", "e: text of e")
    assert none == (
        "No base rate: too few events to say in 30 days of bars (c 3, f 4); nothing stored of what they need (d, g). "
        "imbalance backtest SIGNAL reads what is stored."
    )
    assert [line.text for line in _base_rates(signals(reading("a", rate("a", 30, 0.01))))] == ["a: text of a"]


def test_a_reading_names_its_first_source():
    table = _readings(
        signals(
            reading("a", source="coinglass, okx, gate", kind="quoted"),
            reading("b", kind="estimated", as_of="2026-01-30T09:00:00Z"),
        )
    )
    assert [row[2:] for row in table.rows] == [["CoinGlass +2 (quoted)", "0 s"], ["okx (est)", "3 h"]]
    assert [(c.right, c.wrap, c.drop) for c in table.columns] == [
        (False, False, 0), (False, True, 0), (False, False, 2), (True, False, 1),
    ]  # fmt: skip


def test_sweeps_by_when_they_were_won_back():
    def event(side, share, *, spring):
        none = dict.fromkeys(tree.SweepEvent.__struct_fields__)
        return tree.SweepEvent(
            **none | {
                "side": side, "broken": "2026-01-29T10:00:00Z", "reclaimed": MOMENT, "levels": [100.0, 200.0],
                "extreme": 90.0, "close": 110.0, "cleared_share": share, "spring": spring,
            }
        )  # fmt: skip

    rows = [event("long", 0.925, spring=True), event("short", None, spring=False), event("short", 0.5, spring=None)]
    [table] = _sweeps(msgspec.structs.replace(signals(), sweeps=rows))
    shared = ["01-29 10:00", "01-30 12:00", "100.00, 200.00", "90", "110.00"]
    assert table.rows == [
        ["lows", *shared, "92 %", "yes"], ["highs", *shared, "-", "no"], ["highs", *shared, "50 %", "?"],
    ]  # fmt: skip
    assert [c.right for c in table.columns] == [False, False, False, True, True, True, True, False]
    assert given_up(table) == ["Spring", "Close", "Cleared"]
    assert _sweeps(signals()) == []


def outcome(**fields):
    given = {
        "name": "x", "symbol": "BTC", "horizon": "1d", "outcome": "return", "events": 30, "event_mean": 0.0123,
        "all_mean": -0.0045, "difference": 0.0168, "low": -0.01, "high": 0.05, "newey_west_p": 0.0412,
        "placebo_p": 0.05, "adjusted_p": 0.1, "evidence": False,
    }  # fmt: skip
    return tree.StudiedOutcome(**given | fields)


def test_what_a_study_found():
    market = tree.StudiedMarket("BTC", "x.db", "1h", MOMENT, MOMENT, 12_345, 30, 0, [])
    few = dict.fromkeys(("event_mean", "difference", "low", "high", "newey_west_p", "placebo_p", "adjusted_p"))
    shown = tree.BacktestReport(
        schema="imbalance.backtest/1", signal="sweep", meaning="lows won back",
        verdict=tree.StudyVerdict(True, "Evidence."),  # noqa: FBT003
        markets=[market, tree.StudiedMarket("ETH", "y.csv", "1h", MOMENT, MOMENT, 9, 5, 2, [])],
        outcomes=[outcome(), outcome(outcome="absolute return", evidence=True), outcome(events=5, **few)], **HEAD,
    )  # fmt: skip
    verdict, what, one, other, table, note = study(shown)
    assert (verdict.text, verdict.style, what.text) == ("Evidence.", "verdict", "sweep: lows won back")
    assert one.text == "BTC: 30 events in 12,345 bars of 1h, 2026-01-30 to 2026-01-30, x.db"
    assert "ETH: 5 events, 2 of them on less than all that it asks in 9 bars" in other.text
    assert table.rows == [
        ["BTC", "return", "1d", "30", "+1.23 %", "-0.45 %", "+1.68 % (-1.00 to +5.00)", "0.041", "0.050", "0.100"],
        ["BTC", "absolute return", "1d", "30", "1.23 %", "-0.45 %", "+1.68 % (-1.00 to +5.00)", "0.041", "0.050",
         "0.100"],
        ["BTC", "return", "1d", "5", "-", "-0.45 %", "-", "-", "-", "-"],
    ]  # fmt: skip
    assert (table.styles, table.kept, note.style) == (["", "short", ""], (1,), "dim")
    assert [c.right for c in table.columns] == [False, False, *[True] * 8]
    assert given_up(table) == ["p Newey-West", "p placebo", "Events", "Difference (90 %)"]
    shown.verdict.evidence = None
    assert study(shown)[0].style == "warn"
