"""Every term that a screen prints can be looked up."""

from __future__ import annotations

import functools
import re

import pytest
from imbalance_cli.commands.explain import explain
from imbalance_cli.render.parts import Beside, Table
from imbalance_cli.render.view import blocks_of

from imbalance import service
from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.settings import SourceSettings
from imbalance.glossary import TERMS, lookup
from imbalance.report import figures, studying, tree
from imbalance.report.frame import Frame
from imbalance.signals.events import DEFINITIONS, History
from tests.support.walks import walk

# What any reader knows, the coin, and a month.
PLAIN = r"from|to|BTC|\d{4}-\d{2}"
SCREENS = (
    "report", "clusters", "heatmap_report", "cascade", "validate", "open_interest", "volume", "liquidations",
    "fear_greed", "positions", "sources", "signals",
)  # fmt: skip


@functools.cache
def document_of(name, scenario):
    options = Options(replay=scenario, horizons_days=(1.0,))
    return getattr(service, name)(options, SourceSettings(), 0, lambda _h: None)


def tables_of(document):
    for full in (False, True):
        for block in blocks_of(document, full=full):
            if isinstance(block, Table | Beside):
                yield block.right if isinstance(block, Beside) else block


@pytest.mark.parametrize("name", SCREENS)
def test_every_column_of_every_screen_is_explained(name):
    heads = {column.name for table in tables_of(document_of(name, "article")) for column in table.columns}
    for head in heads - {""}:
        assert re.fullmatch(PLAIN, head, re.IGNORECASE) or lookup(head).meaning


@pytest.mark.parametrize("scenario", ["article", "article-keyless"])
def test_every_figure_and_gauge_of_a_report_is_explained(scenario):
    document = document_of("report", scenario)
    printed = {m.label for m in document.metrics} | {s.label for s in document.signals}
    printed |= {s.group for s in document.signals if s.group}
    printed |= {"est", "obs", "quoted", "90 % range", "price path implies", "sum from price", "cluster", "calibrated"}
    for term in printed:
        assert lookup(term).meaning


def test_every_signal_and_condition_is_explained():
    document = document_of("signals", "article")
    printed = {s.label for s in document.signals} | {c.label for c in document.checklists}
    printed |= {c.label for one in document.checklists for c in one.conditions} | {"met", "not met", "unknown"}
    printed |= {s.evidence["quadrant"] for s in document.signals if s.evidence.get("quadrant")}
    for term in printed:
        assert lookup(term).meaning


def test_every_study_is_explained():
    history = History(walk(6, 40))
    definition = studying.definition("sweep")
    sections = studying.sections(definition, [studying.market(definition, studying.Given("here", history))])
    document = Frame("bars", None, "BTC", 0).document(tree.BacktestReport, **sections)
    heads = {column.name for table in tables_of(document) for column in table.columns}
    heads |= {o.outcome for o in document.outcomes} | set(DEFINITIONS)
    for head in heads:
        assert lookup(head).meaning


def test_every_figure_that_a_condition_may_hold_is_explained():
    for name in figures.known():
        assert lookup(name).meaning, name
    assert lookup("drawdown").name == "price since its high"
    assert lookup("lift.low").name == "lift"
    with pytest.raises(UsageError):
        lookup("ratio.loud")


def test_every_law_method_and_status_is_explained():
    rows = {law.name for law in document_of("cascade", "article").laws}
    rows |= {method.name for method in document_of("validate", "article").methods}
    rows |= {source.status for source in document_of("sources", "article").sources}
    for term in rows:
        assert lookup(term).meaning


def test_marks_of_the_map_and_words_in_sentences_are_explained():
    printed = {
        "▲",
        "▼",
        "◆",
        "░",
        "»",
        "largest",
        "largest cluster",
        "nearest large clusters",
        "window",
        "map",
        "prior",
    }
    printed |= {"scenario", "synthetic", "not in the recording", "margin ladder", "coin days destroyed"}
    printed |= {
        "leveraged funds",
        "asset managers",
        "dealers",
        "forced share",
        "capture",
        "leverage",
        "too few liquidations",
        "form of the model",
        "heatmap",
        "cascade",
    }
    for term in printed:
        assert lookup(term).meaning


def test_names_and_aliases_belong_to_one_term():
    names = [name.lower() for term in TERMS for name in (term.name, *term.aliases)]
    assert len(names) == len(set(names))


def test_a_term_is_told_with_what_it_rests_on(capsys):
    explain(["price", "PATH", "implies"])
    told = capsys.readouterr().out
    assert told.startswith("price path implies\n\nThe ratio of sides")
    assert "\nFormula: " in told
    assert "\nKnown errors: " in told
    assert max(map(len, told.splitlines())) <= 80
    explain(None)
    told = capsys.readouterr().out
    assert all(f"{term.name} " in told for term in TERMS)
    assert max(map(len, told.splitlines())) <= 80


def test_an_unknown_term_names_those_like_it():
    with pytest.raises(UsageError, match="no term 'exposd'") as found:
        explain(["exposd"])
    assert "exposed" in found.value.hint
