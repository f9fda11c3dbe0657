"""Documents as pictures."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from imbalance.errors import MissingDataError
from imbalance.report import drawing, drawing_scores, tree
from imbalance_cli import safe
from imbalance_cli.formats import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Drawn = tree.HeatmapReport | tree.ClustersReport | tree.ValidateReport


def to_picture(document: Drawn, kind: Picture, *, dark: bool) -> bytes:
    """Draw a document as PNG or SVG.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    MissingDataError
        If a validation has no scores.
    """
    document = safe.document(document, safe.caption)
    figure, theme = drawing.canvas(dark=dark)
    where = f"synthetic scenario {document.scenario}" if document.scenario else document.mode
    if isinstance(document, tree.ValidateReport):
        if not document.methods:
            raise MissingDataError(document.verdict.text)
        drawing_scores.draw_scores(figure, theme, document)
        told = document.verdict.text
        drawing.heading(figure, theme, f"{document.symbol} validation", document.as_of, where, told)
        return _written(figure, kind)
    if isinstance(document, tree.HeatmapReport):
        what, forced = "liquidations through time", document.forced_share
        path = document.path
        drawing.draw_heatmap(
            figure,
            theme,
            [datetime.fromisoformat(time) for time in document.time],
            np.array(document.edges),
            np.array(document.long_usd),
            np.array(document.short_usd),
            [datetime.fromisoformat(time) for time in path.time],
            (np.array(path.low), np.array(path.high), np.array(path.close)),
            document.interval,
        )
    else:
        what, forced = "liquidation map", document.model.forced_share
        drawing.draw_map(figure, theme, document.map, document.price)
    drawing.title(figure, theme, f"{document.symbol} {what}", document.as_of, where, forced)
    return _written(figure, kind)


def _written(figure: Figure, kind: Picture) -> bytes:
    import matplotlib as mpl

    stream = io.BytesIO()
    # The same figures are the same bytes: no moment in them, and no names drawn at random.
    with mpl.rc_context({"svg.hashsalt": "imbalance"}):
        figure.savefig(stream, format=kind, metadata={"Date": None} if kind is Picture.SVG else None)
    return stream.getvalue()
