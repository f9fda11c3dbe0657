"""Every term that a first screen prints can be looked up."""

from __future__ import annotations

import pytest
from imbalance_cli.commands.explain import explain

from imbalance.collect import Options
from imbalance.errors import UsageError
from imbalance.fetch.settings import Settings
from imbalance.glossary import TERMS, lookup
from imbalance.service import report


@pytest.mark.parametrize("scenario", ["article", "article-keyless"])
def test_every_figure_and_gauge_of_a_report_is_explained(scenario):
    document = report(Options(replay=scenario), Settings(), 0, lambda _h: None)
    printed = {m.label for m in document.metrics}
    printed |= {s.group for s in document.signals if s.group}
    printed |= {"est", "obs", "quoted", "90 % range", "price path implies", "sum from price", "cluster", "calibrated"}
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
