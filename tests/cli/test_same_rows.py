"""Every command says the same in every format: what the table shows is in Markdown, CSV and JSON, the sums in text."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
from typing import NamedTuple

import msgspec
import pytest
from imbalance_cli.context import Screen
from imbalance_cli.formats import Format
from imbalance_cli.render import render
from imbalance_cli.render.tidy import COLUMNS
from imbalance_cli.render.view import value

from imbalance import service
from imbalance.collect import Options
from imbalance.fetch.settings import SourceSettings
from imbalance.report import tree, words
from tests.library.test_market import rows, write

BANDS = ((85_000.0, 92_000.0), (70_000.0, 90_000.0), (95_000.0, 99_000.0))
SMALL = ["open_interest", "volume", "liquidations", "fear_greed", "sources"]
MAPS = ["report", "clusters", "cascade", "heatmap_report"]
CASES = [
    *[("article", command) for command in (*SMALL, *MAPS, "positions")],
    *[("article-keyless", command) for command in (*SMALL, "report")],
    *[("bars", command) for command in (*MAPS, "validate")],
]
NUMBER = re.compile(r"\d[\d,.]*\d|\d")


class Figure(NamedTuple):
    """A figure by the name of its row, as screens show it and as it is; text states the `kept` ones always."""

    name: str
    shown: str
    raw: float | None
    kept: bool = False


kept = functools.partial(Figure, kept=True)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    table = [[*r[:9], 5 * (r[2] / r[4] - 1) * 100, 5 * (r[3] / r[2] - 1) * 100] for r in rows(24 * 30)]
    bars = write(tmp_path_factory.mktemp("bars") / "a.csv", table)

    @functools.cache
    def document(scenario, command):
        where = {"bars": bars} if scenario == "bars" else {"replay": scenario}
        options = Options(**where, bands=BANDS, window_pct=7.0, columns=30, bins=20, horizons_days=(1.0, 3.0))
        return getattr(service, command)(options, SourceSettings(), 0, lambda _h: None)

    return document


def risks(name, risk, price, *, kept):
    sides = [("long", risk.long)] if not isinstance(risk, tree.BandRisk) or risk.low < price else []
    sides += [("short", risk.short)] if not isinstance(risk, tree.BandRisk) or risk.high > price else []
    return [Figure(name, words.usd(side.usd), side.usd, kept) for _side, side in sides]


def mapped(d):
    found = []
    for band in d.bands:
        found += risks(words.band(band.low, band.high), band, d.price, kept=True)
    return found


def of_report(d):
    found, mark = mapped(d), "quoted" if d.scenario == "article" else "obs"
    for m in d.metrics:
        shown = f"{words.usd(m.value)} {mark}" if m.id == "liquidations_24h" else value(m)
        # The ratio stands in the answer, and the index gives way.
        found.append(Figure(m.label, shown, m.value, m.id not in {"fear_greed", "short_long_ratio"}))
        found += [kept(words.name(q.source), f"{words.usd(q.value)} quoted", q.value) for q in m.quoted]
    return [
        *found,
        *(Figure(s.label, s.text, s.value) for s in d.signals),
        kept("", d.verdict.text.partition(". ")[0], None),
    ]


def of_clusters(d):
    found = mapped(d)
    for window in (*d.windows, d.risk):
        found += risks(f"+-{window.window_pct:g} %", window, d.price, kept=window is d.risk)
    return found + [Figure(c.side, words.usd(c.usd), c.usd) for c in d.clusters]


def of_interest(d):
    o = d.open_interest
    found = [Figure(v.name, words.usd(v.open_interest_usd), v.open_interest_usd) for v in o.venues]
    found += [kept("sum", f"{o.total_base:,.0f}", o.total_base)]
    found += [kept("sum", words.usd(o.total_usd), o.total_usd)]
    found += [kept("from the low", words.fraction(o.change.value, 0), o.change.value)]
    return found + [kept(words.name(q.source), f"{words.usd(q.usd)} quoted", q.usd) for q in o.quoted]


def of_volume(d):
    v = d.volume
    found = [Figure(x.name, words.usd(x.month_usd), x.month_usd) for x in v.venues]
    found += [kept("sum", words.usd(x), x) for x in (v.total_24h_usd, v.total_month_usd)]
    return found + [kept(words.name(q.source), f"{words.usd(q.usd)} quoted", q.usd) for q in v.quoted]


def of_liquidations(d):
    seen = d.liquidations
    found = [Figure(words.name(x.source), words.usd(x.long_usd), x.long_usd) for x in seen.observed]
    mark = "quoted" if d.scenario == "article" else "obs"
    return [*found, kept("total", f"{words.usd(seen.usd)} {mark}", seen.usd)]


def of_cascade(d):
    found = [kept("forced", words.usd(d.forced.value), d.forced.value)]
    return found + [
        Figure(law.name, words.usd(law.cost_usd.value), law.cost_usd.value)
        for law in d.laws
        if law.cost_usd and not law.beyond_day
    ]


def of_validation(d):
    found = [Figure(m.name, f"{m.spearman:.3f}", m.spearman, m.name == "model") for m in d.methods]
    share = d.inside_range_share
    found += [kept("90 %", f"{share * 100:.0f} %", share)]
    return found + [Figure(f"{h.days:g} d", f"{h.spearman:.3f}", h.spearman) for h in d.horizons]


def of_positions(d):
    found = [kept("positions", words.usd(usd), usd) for usd in (d.long_notional_usd, d.short_notional_usd)]
    return found + [Figure(f"{w.window_pct:g} %", words.usd(w.model_long.usd), w.model_long.usd) for w in d.windows]


FIGURES = {
    tree.Report: of_report,
    tree.ClustersReport: of_clusters,
    tree.OpenInterestReport: of_interest,
    tree.VolumeReport: of_volume,
    tree.LiquidationsReport: of_liquidations,
    tree.SentimentReport: lambda d: [kept("", str(d.sentiment.value), d.sentiment.value)],
    tree.SourcesReport: lambda d: [Figure(s.name, s.status, None) for s in d.sources],
    tree.CascadeReport: of_cascade,
    tree.HeatmapReport: lambda d: [kept("price", words.price(d.price[-1]), d.price[-1])],
    tree.PositionsReport: of_positions,
    tree.ValidateReport: of_validation,
}


def written(document, kind):
    return render(document, kind, Screen(1000, color=False, ascii=False, full=True))


def unescaped(markdown):
    return re.sub(r"\\(.)", r"\1", markdown)


def leaves(node):
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return {node} if not isinstance(node, dict | list) else set().union(*map(leaves, inner), set())


def numbers_of(cells):
    found = set()
    for cell in cells:
        try:
            found.add(float(cell))
        except ValueError:
            continue
    return found


def stated(figure, lines):
    return any(figure.name in line and figure.shown in line for line in lines)


@pytest.mark.parametrize(("scenario", "command"), CASES)
def test_every_format_holds_the_same_rows(documents, scenario, command):
    document = documents(scenario, command)
    figures = FIGURES[type(document)](document)
    assert figures
    table, text = written(document, Format.TABLE).splitlines(), written(document, Format.TEXT).splitlines()
    markdown = unescaped(written(document, Format.MARKDOWN)).splitlines()
    told = leaves(json.loads(written(document, Format.JSON)))
    cells = [list(row.values()) for row in csv.DictReader(io.StringIO(written(document, Format.CSV)))]
    drawn, one_table = isinstance(document, tree.HeatmapReport), isinstance(document, tree.ValidateReport)
    for figure in figures:
        assert drawn or stated(figure, table), figure
        assert stated(figure, markdown), figure
        assert not figure.kept or stated(figure, text), figure
        if figure.raw is not None:
            assert figure.raw in told, figure
            assert drawn or one_table or figure.raw in numbers_of(c for row in cells for c in row), figure
    if isinstance(document, tree.ClustersReport):
        held = {x for side in (document.map.long_usd, document.map.short_usd) for x in side if x}
        assert held <= numbers_of(row[3] for row in cells if row[0] == "map")
    if one_table:
        assert [[str(x) for x in msgspec.structs.astuple(b)] for b in document.bars] == cells
    elif not drawn:
        assert all(len(row) == len(COLUMNS) and row[0] and row[2] for row in cells)
    if drawn:
        held = {x for side in (document.long_usd, document.short_usd) for column in side for x in column if x}
        assert held <= numbers_of(c for row in cells for c in row)
    else:
        # Whatever number the table shows, named here or not, Markdown shows too.
        assert set(NUMBER.findall("\n".join(table))) <= set(NUMBER.findall("\n".join(markdown)))


@pytest.mark.parametrize(("scenario", "command"), CASES)
def test_text_keeps_failures_and_counts_what_it_leaves_out(documents, scenario, command):
    document = msgspec.structs.replace(documents(scenario, command))
    document.gaps = [*document.gaps, *(tree.Gap(name, "candles", "timed out", "Wait.") for name in ("okx", "gate"))]
    lines = written(document, Format.TEXT).splitlines()
    assert "Missing (left out of sums): gate, okx" in lines
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 100
    if re.fullmatch(r"\d+ more lines; use --format table", lines[-1]):
        assert len(lines) == 10
    for kind in (Format.TABLE, Format.MARKDOWN):
        lines = unescaped(written(document, kind)).splitlines()
        assert "gap: okx candles: timed out. Wait." in lines


def test_lines_are_left_out_by_rank_and_counted():
    from imbalance_cli.render.plain import Rank, _fitted

    ranks = [Rank.NOTE, Rank.KEPT, *[Rank.DETAIL] * 9, Rank.KEPT, Rank.NOTE, Rank.KEPT]
    lines = [(rank, f"{i} {rank.name}") for i, rank in enumerate(ranks)]
    shown = _fitted(lines)
    assert shown == [
        "1 KEPT",
        *(f"{i} DETAIL" for i in range(2, 8)),
        "11 KEPT",
        "13 KEPT",
        "5 more lines; use --format table",
    ]
    assert _fitted(lines[:10]) == [text for _rank, text in lines[:10]]


@pytest.mark.parametrize(("scenario", "service_name"), [("article", "coinglass"), ("article-keyless", None)])
def test_a_sum_that_another_service_published_is_named_as_such(documents, scenario, service_name):
    found = json.loads(written(documents(scenario, "report"), Format.JSON))
    row = next(m for m in found["metrics"] if m["id"] == "liquidations_24h")
    assert (row["kind"], row["quoted_from"]) == ("observed", service_name)
    assert {o["source"] for o in found["liquidations"]["observed"] if o["quoted"]} == (
        {"coinglass", "coinalyze"} if service_name else set()
    )
    rows = csv.DictReader(io.StringIO(written(documents(scenario, "report"), Format.CSV)))
    kinds = [r["kind"] for r in rows if (r["section"], r["name"]) == ("metrics", "liquidations_24h")]
    assert kinds == ["quoted" if service_name else "observed"]
