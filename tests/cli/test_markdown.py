"""Markdown as a renderer of GitHub's dialect reads it: tables are tables, and hold what they held."""

from __future__ import annotations

import pytest
from imbalance_cli.render.markdown import to_markdown
from imbalance_cli.render.parts import Bars, Column, Line, Table, apart
from imbalance_cli.render.view import blocks_of
from markdown_it import MarkdownIt

from tests.cli.test_explain import SCREENS, document_of

DIALECT = MarkdownIt("gfm-like", {"linkify": False})


def tables(text):
    """Return the cells of each table by row, heads first, as they are shown."""
    found = []
    for token in DIALECT.parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and token.level >= 4:
            found[-1][-1].append("".join(child.content for child in token.children))
    return found


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", SCREENS)
def test_every_table_of_every_screen_is_one(name, full):
    blocks = apart(blocks_of(document_of(name, "article"), full=full))
    text = to_markdown(blocks)
    held = [
        [[c.name for c in b.columns], *([cell.strip() for cell in row] for row in b.rows)]
        for b in blocks
        if isinstance(b, Table) and b.rows
    ]
    shown = tables(text)
    assert len(shown) == len(held) + sum(isinstance(b, Bars) for b in blocks)
    assert [table for table in shown if table in held] == held
    kinds = {child.type for token in DIALECT.parse(text) for child in token.children or ()}
    assert kinds <= {"text", "text_special", "softbreak", "strong_open", "strong_close"}


def test_what_a_table_holds_stays_in_its_cell():
    odd = ["|a|", "*b*", "_c_", "[d](e)", "`f`", "<g>", "~~h~~", "\\", "www.i.j", "http://k.l", "&amp;", "# m", "- n"]
    text = to_markdown([Table([Column(name) for name in odd], [odd, odd[::-1]]), Line("| o | p |")])
    assert tables(text) == [[odd, odd, odd[::-1]]]
    assert "<p>| o | p |</p>" in DIALECT.render(text)
