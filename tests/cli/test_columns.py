"""Tables of all screens: which side a column keeps to, and which go first where the screen is narrow."""

from __future__ import annotations

import itertools
import re

import pytest
from imbalance_cli.render.history_views import history
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
