"""The heatmap as a picture, by matplotlib's Figure (no pyplot, no display)."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from imbalance.errors import UsageError
from imbalance.report import tree
from imbalance_cli import safe
from imbalance_cli.formats import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 1.5


def to_picture(document: tree.HeatmapReport, kind: Picture) -> bytes:
    """Draw the map through time as PNG or SVG.

    Shorts and longs have palettes of their own, one light to blue and one light to red; without colour the price
    line parts them, and both are named at their places.
    """
    document = safe.document(document, safe.caption)
    try:
        from matplotlib import dates
        from matplotlib.colors import LogNorm
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib", "pip install 'imbalance[plot]'") from None
    figure = Figure(figsize=(12, 7), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    ends = dates.date2num([datetime.fromisoformat(t) for t in document.time])  # type: ignore[no-untyped-call]
    step = ends[1] - ends[0] if len(ends) > 1 else 1.0
    times = np.append(ends[0] - step, ends)
    sides = {"shorts": (np.array(document.short_usd), "Blues"), "longs": (np.array(document.long_usd), "Reds")}
    most = max(float(values.max()) for values, _palette in sides.values()) or 1.0
    for name, (values, palette) in sides.items():
        shown = np.ma.masked_less_equal(values.T, most * 10**-DECADES)
        norm = LogNorm(most * 10**-DECADES, most)
        mesh = axes.pcolormesh(times, document.edges, shown, cmap=palette, norm=norm, rasterized=True)
        bar = figure.colorbar(mesh, ax=axes, pad=0.01, aspect=40)
        bar.set_label(f"{name}: forced liquidations in a bin [USD, est]")
    axes.plot(ends, document.price, color="black", linewidth=1.2, label="price")
    _words(axes, document)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata={"Date": None} if kind is Picture.SVG else None)
    return stream.getvalue()


def _words(axes: Axes, document: tree.HeatmapReport) -> None:
    where = f"scenario {document.scenario} (synthetic)" if document.scenario else document.mode
    share = document.forced_share
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _at: f"{value:,.6g}")
    axes.yaxis.set_minor_formatter(lambda value, _at: f"{value:,.6g}")
    axes.set_ylim(document.edges[0], document.edges[-1])
    axes.set_ylabel("price [USD]")
    axes.set_xlabel(f"time [UTC], bars of {document.interval}")
    axes.set_title(
        f"{document.symbol} liquidations through time, to {document.as_of} ({where}; imbalance {document.version})\n"
        f"forced: {share.value * 100:.0f} % ({share.low * 100:.0f}-{share.high * 100:.0f} %) of exposed, "
        f"{'calibrated' if document.calibrated else 'not calibrated'}; where, not whether",
        fontsize=10,
        parse_math=False,
    )
    for text, height in (
        ("shorts liquidated if price rises here", 0.96),
        ("longs liquidated if price falls here", 0.03),
    ):
        axes.text(0.01, height, text, transform=axes.transAxes, fontsize=9)
    axes.legend(loc="upper right", framealpha=0.8)
