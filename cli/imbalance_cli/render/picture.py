"""Documents as pictures."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np

from imbalance.report import drawing, tree
from imbalance_cli import safe
from imbalance_cli.formats import Picture


def to_picture(document: tree.HeatmapReport | tree.ClustersReport, kind: Picture, *, dark: bool) -> bytes:
    """Draw a document as PNG or SVG.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    document = safe.document(document, safe.caption)
    figure, theme = drawing.canvas(dark=dark)
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
    where = f"synthetic scenario {document.scenario}" if document.scenario else document.mode
    drawing.title(figure, theme, f"{document.symbol} {what}", document.as_of, where, forced)
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata={"Date": None} if kind is Picture.SVG else None)
    return stream.getvalue()
