"""Pictures by matplotlib's Figure (no pyplot, no display): the map through time, and the map of now with its ranges."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from imbalance.errors import UsageError
from imbalance.report import tree, words
from imbalance_cli import safe
from imbalance_cli.formats import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DECADES = 1.5
PALETTES = {"shorts": "Blues", "longs": "Reds"}
COLORS = {"shorts": "#2b7bba", "longs": "#c9302c"}
DRAWN_WINDOW = 0.2  # share of the price that the map of now shows to each side


def to_picture(document: tree.HeatmapReport | tree.ClustersReport, kind: Picture) -> bytes:
    """Draw a document as PNG or SVG.

    Shorts are blue and longs red; without colour the price line parts them, and both are named at their places.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib", "pip install 'imbalance[plot]'") from None
    document = safe.document(document, safe.caption)
    figure = Figure(figsize=(12, 7), dpi=120, layout="constrained")
    if isinstance(document, tree.HeatmapReport):
        _through_time(figure, document)
    else:
        _now(figure, document)
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata={"Date": None} if kind is Picture.SVG else None)
    return stream.getvalue()


def _amount(value: float, _at: Any = None) -> str:  # noqa: ANN401  matplotlib's position, of no use here
    return f"${words.usd(value)}" if value else "0"


def _price(value: float, _at: Any = None) -> str:  # noqa: ANN401  as above
    return f"{value:,.6g}"


def _title(figure: Figure, document: tree.HeatmapReport | tree.ClustersReport, what: str, forced: tree.Range) -> None:
    """Say what, where, when, and how far to trust it."""
    where = f"synthetic scenario {document.scenario}" if document.scenario else document.mode
    share = f"{forced.value * 100:.0f} % ({forced.low * 100:.0f}-{forced.high * 100:.0f} %) of open positions"
    moment = document.as_of.replace("T", " ").removesuffix(":00Z") + " UTC"
    figure.suptitle(
        f"{document.symbol} {what}, {moment} ({where})\n"
        f"estimated: {share} would be force-closed there; a map locates risk, it predicts no direction",
        fontsize=10,
        parse_math=False,
    )


def _price_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(_price)
    axes.yaxis.set_minor_formatter(_price)
    axes.set_ylim(low, high)


def _through_time(figure: Figure, document: tree.HeatmapReport) -> None:
    """Draw columns of time by bins of price, the last column as a profile at the right edge."""
    from matplotlib import dates
    from matplotlib.colors import LogNorm

    axes, profile = figure.subplots(1, 2, sharey=True, width_ratios=(8, 1))
    ends = dates.date2num([datetime.fromisoformat(t) for t in document.time])  # type: ignore[no-untyped-call]
    step = ends[1] - ends[0] if len(ends) > 1 else 1.0
    times = np.append(ends[0] - step, ends)
    sides = {"shorts": np.array(document.short_usd), "longs": np.array(document.long_usd)}
    most = max(float(values.max()) for values in sides.values()) or 1.0
    heights = np.diff(document.edges)
    for name, values in sides.items():
        shown = np.ma.masked_less_equal(values.T, most * 10**-DECADES)
        norm = LogNorm(most * 10**-DECADES, most)
        mesh = axes.pcolormesh(times, document.edges, shown, cmap=PALETTES[name], norm=norm, rasterized=True)
        bar = figure.colorbar(mesh, ax=profile, shrink=0.4, aspect=15, format=_amount)
        bar.set_label(f"{name} in a bin")
        bar.minorticks_off()
        profile.barh(document.edges[:-1], values[-1], heights, align="edge", color=COLORS[name])
    axes.plot(ends, document.price, color="black", linewidth=1.2, label="price")
    profile.axhline(document.price[-1], color="black", linewidth=1.2)
    profile.xaxis.set_major_formatter(_amount)
    profile.locator_params(axis="x", nbins=2)
    profile.set_title("now", fontsize=9)
    _price_axis(axes, document.edges[0], document.edges[-1])
    axes.set_ylabel("price [USD]")
    axes.set_xlabel(f"time [UTC], bars of {document.interval}")
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    axes.text(0.01, 0.96, "shorts are liquidated if price rises here", transform=axes.transAxes, fontsize=9)
    axes.text(0.01, 0.03, "longs are liquidated if price falls here", transform=axes.transAxes, fontsize=9)
    axes.legend(loc="upper right", framealpha=0.8)
    _title(figure, document, "liquidations through time", document.forced_share)


def _now(figure: Figure, document: tree.ClustersReport) -> None:
    """Draw forced liquidations by price with their 90 % range, and their sum from the price outward."""
    axes, sums = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    m, edges = document.map, np.array(document.map.edges)
    heights, price = np.diff(edges), document.price
    inside = (edges[1:] > price * (1 - DRAWN_WINDOW)) & (edges[:-1] < price * (1 + DRAWN_WINDOW))
    sides = {
        "shorts": (m.short_usd, m.short_usd_low, m.short_usd_high),
        "longs": (m.long_usd, m.long_usd_low, m.long_usd_high),
    }
    most = most_summed = 0.0
    for name, series in sides.items():
        usd, low, high = (np.array(values) for values in series)
        most = max(most, float(high[inside].max(initial=0.0)))
        axes.barh(edges[:-1], usd, heights, align="edge", color=COLORS[name], label=f"{name}, estimated")
        middles = (edges[1:] + edges[:-1]) / 2
        axes.fill_betweenx(middles, low, high, color=COLORS[name], alpha=0.25, linewidth=0, label="90 % range of a bin")
        away = np.cumsum(usd) if name == "shorts" else np.cumsum(usd[::-1])[::-1]
        most_summed = max(most_summed, float(away[inside].max(initial=0.0)))
        held = away > 0
        sums.plot(away[held], (edges[1:] if name == "shorts" else edges[:-1])[held], color=COLORS[name], label=name)
    for panel in (axes, sums):
        panel.axhline(price, color="black", linewidth=1.2, label=f"price {words.price(price)}")
        panel.xaxis.set_major_formatter(_amount)
        panel.grid(axis="x", alpha=0.3)
        panel.legend(loc="best", framealpha=0.8, fontsize=8)
    _price_axis(axes, price * (1 - DRAWN_WINDOW), price * (1 + DRAWN_WINDOW))
    axes.set_xlim(0, most * 1.05 or 1.0)
    sums.set_xlim(0, most_summed * 1.05 or 1.0)
    axes.set_ylabel("price [USD]")
    axes.set_xlabel("forced liquidations in a bin of 0.25 % [USD]")
    sums.set_xlabel("sum from the price outward [USD]")
    _title(figure, document, "liquidation map", document.model.forced_share)
