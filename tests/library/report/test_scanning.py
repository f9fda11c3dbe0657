"""Rows of a scan: their order, and what many coins' gaps and sources are together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance.report import scanning, tree


def row(symbol, failed="", gaps=(), **figures):
    head = {"schema": "s", "version": "v", "mode": "live", "scenario": None, "as_of": "t"}
    return tree.ScanRow(symbol=symbol, figures=figures, missing={}, failed=failed, gaps=list(gaps), **head)


def state(name, status, message=""):
    return tree.SourceState(name, name, status, 1, None, "2026", message, "")


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=8))
def test_the_largest_come_first_and_what_is_missing_last_whichever_way(values):
    rows = [row(f"C{i}", lift=value) for i, value in enumerate(values)]
    for sort, sign in (("lift", -1), ("-lift", 1)):
        ordered = [r.figures["lift"] for r in scanning.in_order(rows, sort)]
        known = sorted((v for v in values if v is not None), key=lambda v: sign * v)
        assert ordered == known + [None] * values.count(None)


def test_texts_go_from_a_and_rows_that_failed_have_no_figures():
    rows = [row("B", heavier="short"), row("C", failed="why"), row("A", heavier="long")]
    assert [r.symbol for r in scanning.in_order(rows, "heavier")] == ["A", "B", "C"]
    assert [r.symbol for r in scanning.in_order(rows, "-heavier")] == ["B", "A", "C"]
    assert [r.symbol for r in scanning.in_order(rows, "symbol")] == ["A", "B", "C"]
    assert [r.symbol for r in scanning.in_order(rows, "-symbol")] == ["C", "B", "A"]


def test_gaps_of_a_source_are_one_and_count_coins_that_could_be_read():
    def gap(message, what="ticker", failed=True):
        return tree.Gap("okx", what, message, failed=failed)

    rows = [
        row("A", gaps=[gap("late", failed=False), gap("more", "candles")]),
        row("B", gaps=[gap("late")]),
        row("C"),
        row("D", failed="why", gaps=[gap("gone")]),
    ]
    (merged,) = scanning.merged(rows)
    assert (merged.what, merged.message, merged.failed) == ("ticker", "2 of 4 coins, A first: late", True)
    (alone,) = scanning.merged(rows[:1])
    assert alone.message == "A: late"
    assert scanning.merged(rows[2:]) == []


@pytest.mark.parametrize(
    ("statuses", "together"),
    [
        (("ok", "ok"), "ok"),
        (("ok", "unlisted"), "ok"),
        (("unlisted", "unlisted"), "unlisted"),
        (("ok", "failed"), "partial"),
        (("failed", "failed"), "failed"),
        (("failed", "stale", "unlisted"), "partial"),
    ],
)
def test_a_source_is_ok_where_it_was_of_all_that_it_lists(statuses, together):
    (found,) = scanning.together([state("okx", status, f"why {status}") for status in statuses])
    assert (found.status, found.newest) == (together, None)
    if together == "partial":
        assert found.message == "why failed"
