"""Tables of all screens: which side a column keeps to, and which go first where the screen is narrow."""

from __future__ import annotations

import itertools
import re

import pytest
from imbalance_cli.render.history_views import backfill, history
from imbalance_cli.render.parts import Table
from imbalance_cli.render.terminal import _shown
from imbalance_cli.render.view import blocks_of

from imbalance.report import tree
from tests.cli.test_explain import SCREENS, document_of, tables_of
from tests.support.maps import HEAD, MOMENT

NUMBER = re.compile(r"[+<>-]?\d[\d,.]*[KMBT]?(?: ?%| h| d| s| ms| min)?(?: est| obs| quoted)?(?:-.*)?(?: \(.*\))?")
LEFT = {
    "Prices",
    "from",
    "to",
    "Last good",
    "First",
    "Last",
    "broken",
    "won back",
}  # where rather than how much, and when
# What each screen gives up, first to last, as it gets narrower.
GOES = {
    "report": ["Significance", "90 % range"],
    "clusters": ["Exposed", "90 % range", "90 % 90 %", "Lift", "Path"],
    "cascade": ["90 %", "90 %", "90 %", "90 % 90 %", "Largest R", "Cost", "Ends at"],
    "validate": ["over path null (90 %)", "R2 over move (90 %)", "Mean", "Observed (90 %)"],
    "open_interest": ["Share"],
    "volume": [],
    "liquidations": ["from", "to", "What it prints", "Feed"],
    "fear_greed": [],
    "positions": ["90 % 90 %", "forced forced", "model exposed model exposed", "Leverage", "Entry"],
    "sources": ["What it means", "Age", "Budget", "Clock", "Last good"],
    "heatmap_report": [],
    "signals": ["Rests on", "Rests on", "Source", "Age", "Spring", "Close", "Cleared"],
}


def given_up(table):
    widths = [_shown(table, width) for width in range(400, 0, -1)]
    lost = [[i for i in more if i not in fewer] for more, fewer in itertools.pairwise(widths) if more != fewer]
    return [" ".join(table.columns[i].name for i in gone) for gone in lost]


@pytest.mark.parametrize("name", SCREENS)
def test_figures_keep_to_the_right_and_words_to_the_left(name):
    for table in tables_of(document_of(name, "article")):
        for i, column in enumerate(table.columns[1:], 1):
            cells = [row[i] for row in table.rows if row[i] not in {"", "-", "> day's volume"}]
            if cells:
                figures = all(NUMBER.fullmatch(cell) for cell in cells) and column.name not in LEFT
                assert column.right is figures, column.name


@pytest.mark.parametrize("name", SCREENS)
def test_what_is_needed_least_goes_first(name):
    tables = {tuple(c.name for c in table.columns): table for table in tables_of(document_of(name, "article"))}
    gone = [given_up(table) for table in tables.values() if table.rows]
    assert list(itertools.chain.from_iterable(gone)) == GOES[name]


def test_what_sources_give_goes_from_what_is_besides_on():
    document = tree.SourcesReport(schema="imbalance.sources/1", capabilities=[
        tree.Capability("okx", "OKX", "", "now", "5 d", "300 bars", "now", "7 d", "now", ["positions"] * 9)
    ], **HEAD)  # fmt: skip
    table = blocks_of(document, full=False)[0]
    assert given_up(table) == ["Funding", "Tiers", "Candles", "Besides"]


def stored(**fields):
    given = {
        "data": "open_interest", "source": "okx", "venue": None, "symbol": "BTC", "instrument": None, "what": None,
        "interval": "15m", "rows": 12_345, "first": "2026-01-01T00:00:00Z", "last": MOMENT,
        "known": [tree.KnownSpan(MOMENT, MOMENT)] * 3, "missing": [],
    }  # fmt: skip
    return tree.StoredSeries(**{**given, **fields})


@pytest.mark.parametrize(("reports", "told"), [(0, "0 reports"), (1, "1 report;"), (2, "2 reports")])
def test_what_is_stored(reports, told):
    gap = tree.MissingSpan(MOMENT, MOMENT, "x")
    series = [
        stored(),
        stored(venue="okx"),
        stored(source="coinalyze", venue="okx", missing=[gap, gap]),
        stored(symbol=None, interval=None, first=None, last=None, known=[]),
    ]
    shown = tree.DbReport(
        schema="imbalance.db/1", place="x", schema_version=2, size_bytes=1_234_567, reports=reports, series=series,
        **{**HEAD, "mode": "store"},
    )  # fmt: skip
    line, table, _note = history(shown)
    assert told in line.text
    assert line.text.startswith("1,234,567 bytes; 4 series, ")
    assert isinstance(table, Table)
    assert table.rows[0] == ["open interest", "okx", "BTC", "15m", "12,345", "01-01 00:00", "01-30 12:00", "3", "-"]
    assert table.rows[1][1] == "okx"
    assert (table.rows[2][1], table.rows[2][8]) == ("coinalyze: okx", "2")
    assert table.rows[3][2:8] == ["-", "-", "12,345", "-", "-", "-"]
    assert (table.styles, table.kept) == (["", "", "warn", ""], (2,))
    assert given_up(table) == ["First", "Every", "Last"]
    assert [c.name for c in table.columns if c.right] == ["Every", "Rows", "Spans", "Gaps"]


def filled(**fields):
    given = {
        "data": "open_interest", "source": "okx", "venue": None, "instrument": "BTC-USDT-SWAP", "what": None,
        "interval": "15m", "unit": "page", "units": 1_234, "requests": 2_468, "rows": 12_345, "missing": 0, "failed": 0,
        "skipped": 0, "spans": [tree.KnownSpan("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        tree.KnownSpan("2026-01-02T06:00:00Z", "2026-01-02T07:00:00Z"),
        tree.KnownSpan("2026-01-03T00:00:00Z", MOMENT)],
    }  # fmt: skip
    return tree.FilledSeries(**{**given, **fields})


def backfilled(series, *, dry_run=False):
    return backfill(
        tree.BackfillReport(
            schema="imbalance.backfill/1",
            since="2026-01-01T00:00:00Z",
            dry_run=dry_run,
            place=None,
            series=series,
            **{**HEAD, "mode": "live"},
        )
    )


def test_what_was_backfilled():
    line, table = backfilled(
        [
            filled(),
            filled(what="1m", unit="file", units=1, rows=5, missing=1_000, failed=1_001, skipped=2),
            filled(instrument=None, interval=None, spans=[], skipped=1),
        ]
    )
    assert line.text == "BTC since 2026-01-01: 24,695 rows stored"
    whole = ["okx", "BTC-USDT-SWAP", "15m", "2026-01-01", MOMENT[:10]]
    assert table.rows[0] == ["open interest", *whole, "1,234 pages", "12,345", "-", "-"]
    assert table.rows[1] == ["open interest (1m)", *whole, "1 file", "5", "1,000", "1,003"]
    assert table.rows[2] == ["open interest", "okx", "-", "-", "-", "-", "1,234 pages", "12,345", "-", "1"]
    assert (table.styles, table.kept) == (["", "warn", "warn"], (1, 2))
    assert given_up(table) == ["Not there", "Contract", "From To", "Every", "Rows"]
    assert [c.name for c in table.columns if c.right] == ["Every", "Read", "Rows", "Not there", "Failed"]


def test_what_a_backfill_would_read():
    line, table = backfilled([filled(), filled(requests=2)], dry_run=True)
    assert line.text == "BTC since 2026-01-01: 2,470 requests to make; nothing was read"
    assert [row[7] for row in table.rows] == ["-", "-"]
    assert [c.name for c in table.columns][6] == "To read"
    (line,) = backfilled([])
    assert line.text == "Nothing is missing since 2026-01-01."
