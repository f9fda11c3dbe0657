"""Report tree to text: one function a format, each fed by the same document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imbalance.report import tree
from imbalance_cli import safe
from imbalance_cli.formats import Format

if TYPE_CHECKING:
    from imbalance_cli.context import Screen


# How the texts of a document are made safe; the rest are read on a screen.
_SAFE = {Format.JSON: safe.whole, Format.CSV: safe.cell}


def render(document: tree.Document, kind: Format, screen: Screen) -> str:
    """Return the document as text that ends in a newline."""
    document = safe.document(document, _SAFE.get(kind, safe.line))
    if kind is Format.JSON:
        return safe.json_text(msgspec.json.encode(document)) + "\n"
    if kind is Format.CSV:
        from imbalance_cli.render.tidy import to_csv

        return to_csv(document)
    if kind is Format.TEXT:
        from imbalance_cli.render.plain import to_text

        return to_text(document)
    if kind is Format.HTML:
        from imbalance_cli.render.page import to_html

        return to_html(document)
    if isinstance(document, tree.HeatmapReport) and kind is Format.TABLE:
        from imbalance_cli.render.blocks import to_blocks

        return to_blocks(document, screen)
    from imbalance_cli.render.view import blocks_of

    if kind is Format.MARKDOWN:
        from imbalance_cli.render.markdown import to_markdown

        return to_markdown(blocks_of(document, full=True))
    from imbalance_cli.render.terminal import to_terminal

    return to_terminal(blocks_of(document, full=screen.full), screen)


def states_gaps(document: tree.Document, kind: Format) -> bool:
    """Tell whether a format gives each gap its reason: text names the sources, some CSV holds one table alone."""
    tables = tree.ValidateReport | tree.HeatmapReport | tree.ScanReport | tree.ValidateCoinsReport
    bare = kind is Format.CSV and isinstance(document, tables)
    return kind is not Format.TEXT and not bare


def schema(command: str) -> str:
    """Return the JSON schema of a command's document."""
    made = msgspec.json.schema(tree.SCHEMAS[command])
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
