"""Pictures by matplotlib's Figure (no pyplot, no display): the map through time, and the map of now with its ranges.

Shorts are blue and longs red; without colour the price line parts them, and both are named at their places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imbalance.errors import UsageError
from imbalance.report import tree, words
from imbalance.units import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

DECADES = 1.5
WIDE = 5.0  # from this ratio of the ends of an axis of prices on, labels at each digit would lie on one another
DRAWN_WINDOW = 0.2  # share of the price that the map of now shows to each side
HEAD, SMALL, SMALLEST = 10, 9, 8  # sizes of letters [points]
THIN, MARKED = 0.8, 1.2  # widths of lines [points]: of what runs through a panel, and of the price


class Theme(NamedTuple):
    """Colours: the ground, what is written on it, and each side from its weakest to its strongest."""

    ground: str
    ink: str
    shorts: tuple[str, str]
    longs: tuple[str, str]


LIGHT = Theme("#ffffff", "#1a1a1a", ("#e3eef9", "#08306b"), ("#fde5dc", "#7f0000"))
DARK = Theme("#11151a", "#e6e6e6", ("#16283c", "#7fc4ff"), ("#3a1a1a", "#ff8f7a"))
SOLID = {LIGHT: ("#2b7bba", "#c9302c"), DARK: ("#58a6e0", "#f0705c")}


def canvas(*, dark: bool) -> tuple[Figure, Theme]:
    """Return an empty figure on a light or a dark ground.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib", "pip install 'imbalance[plot]'") from None
    theme = DARK if dark else LIGHT
    return Figure(figsize=(12, 7), dpi=120, layout="constrained", facecolor=theme.ground), theme


def title(figure: Figure, theme: Theme, what: str, as_of: str, where: str, forced: tree.Range) -> None:
    """Say what, when and where the data are from, and beneath it how far to trust a map."""
    share = f"{forced.value * 100:.0f} % ({forced.low * 100:.0f}-{forced.high * 100:.0f} %) of open positions"
    told = f"estimated: {share} would be force-closed there; a map locates risk, it predicts no direction"
    heading(figure, theme, what, as_of, where, told)


def heading(figure: Figure, theme: Theme, what: str, as_of: str, where: str, told: str) -> None:
    """Say what, when and where the data are from, and beneath it what is to be told of it."""
    moment = as_of.replace("T", " ").removesuffix(":00Z").removesuffix("Z") + " UTC"
    figure.suptitle(
        f"{what}, {moment} ({where})\n{told}",
        fontsize=HEAD,
        parse_math=False,
        color=theme.ink,
    )


def amount(value: float, _at: Any = None) -> str:  # noqa: ANN401  matplotlib's position, of no use here
    """Return USD as an axis is labelled."""
    return f"${re.sub(r'[.]0(?=[A-Z]|$)', '', words.usd(value))}" if value else "0"


def _price(value: float, _at: Any = None) -> str:  # noqa: ANN401  as above
    return plain(value)


def _bin_percent(edges: Floats) -> str:
    return f"{float(np.diff(np.log(edges[:2]))[0]) * 100:.2g} %"


def dressed(axes: Axes, theme: Theme) -> None:
    """Put axes and what is written at them in the colours of a theme."""
    axes.set_facecolor(theme.ground)
    axes.tick_params(colors=theme.ink, which="both")
    for spine in axes.spines.values():
        spine.set_color(theme.ink)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_color(theme.ink)


def _price_axis(axes: Axes, low: float, high: float) -> None:
    from matplotlib.ticker import LogLocator

    axes.set_yscale("log")
    if high > low * WIDE:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_major_formatter(_price)
    axes.yaxis.set_minor_formatter(_price)
    axes.set_ylim(low, high)
    axes.set_ylabel("price [USD]")


def legend(axes: Axes, theme: Theme, **more: Any) -> None:  # noqa: ANN401  matplotlib's
    """Add a legend in the colours of a theme."""
    axes.legend(framealpha=0.8, facecolor=theme.ground, labelcolor=theme.ink, edgecolor=theme.ink, **more)


def draw_heatmap(
    figure: Figure,
    theme: Theme,
    times: Sequence[datetime],
    edges: Floats,
    long_usd: Floats,
    short_usd: Floats,
    path_times: Sequence[datetime],
    path: tuple[Floats, Floats, Floats],
    interval: str,
) -> None:
    """Draw columns of time by bins of price, the price with its range, and the last column as a profile at the right.

    Parameters
    ----------
    times, long_usd, short_usd : ends of columns, and what stands there [USD], shape (columns, bins).
    edges : of the bins [USD], shape (bins + 1,).
    path_times, path : ends of bars, and their low, high and close [USD].
    """
    from matplotlib import dates
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.ticker import LogLocator

    axes, profile = figure.subplots(1, 2, sharey=True, width_ratios=(8, 1))
    ends = dates.date2num(times)  # type: ignore[no-untyped-call]
    step = ends[1] - ends[0] if len(ends) > 1 else 1.0
    most = max(float(short_usd.max()), float(long_usd.max())) or 1.0
    scale = LogNorm(most * 10**-DECADES, most)
    for name, values, shades, solid in zip(
        ("shorts", "longs"), (short_usd, long_usd), (theme.shorts, theme.longs), SOLID[theme], strict=True
    ):
        shown = np.ma.masked_less_equal(values.T, most * 10**-DECADES)
        palette = LinearSegmentedColormap.from_list(name, shades)
        mesh = axes.pcolormesh(np.append(ends[0] - step, ends), edges, shown, cmap=palette, norm=scale, rasterized=True)
        ticks = LogLocator(subs=(1, 2, 5))
        bar = figure.colorbar(mesh, ax=profile, shrink=0.4, format=amount, ticks=ticks)
        bar.set_label(f"{name} in a bin of {_bin_percent(edges)}", color=theme.ink)
        bar.minorticks_off()
        bar.outline.set_edgecolor(theme.ink)
        bar.ax.tick_params(colors=theme.ink)
        profile.barh(edges[:-1], values[-1], np.diff(edges), align="edge", color=solid)
    moments = dates.date2num(path_times)  # type: ignore[no-untyped-call]
    low, high, close = path
    axes.fill_between(moments, low, high, color=theme.ink, alpha=0.35, linewidth=0, label="low to high")
    axes.plot(moments, close, color=theme.ink, linewidth=THIN, label="close")
    profile.axhline(close[-1], color=theme.ink, linewidth=MARKED)
    profile.xaxis.set_major_formatter(amount)
    profile.locator_params(axis="x", nbins=2)
    profile.set_title("now", fontsize=SMALL)
    _price_axis(axes, float(edges[0]), float(edges[-1]))
    axes.set_xlabel(f"time [UTC], bars of {interval}")
    axes.set_xlim(ends[0] - step, ends[-1])
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    for height, told in ((0.96, "shorts are liquidated if price rises here"), (0.03, "longs if price falls here")):
        ground = {"facecolor": theme.ground, "edgecolor": "none", "alpha": 0.8, "pad": 3}
        axes.text(0.01, height, told, transform=axes.transAxes, fontsize=SMALL, color=theme.ink, bbox=ground)
    legend(axes, theme, loc="upper right")
    dressed(axes, theme)
    dressed(profile, theme)
    axes.xaxis.get_offset_text().set_color(theme.ink)


def draw_map(figure: Figure, theme: Theme, shown: tree.Map, price: float) -> None:
    """Draw forced liquidations by price with their 90 % range, and their sum from the price outward."""
    axes, sums = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    edges = np.array(shown.edges)
    heights, middles = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    inside = (edges[1:] > price * (1 - DRAWN_WINDOW)) & (edges[:-1] < price * (1 + DRAWN_WINDOW))
    sides = {
        "shorts": (shown.short_usd, shown.short_usd_low, shown.short_usd_high),
        "longs": (shown.long_usd, shown.long_usd_low, shown.long_usd_high),
    }
    most = most_summed = 0.0
    for (name, series), color in zip(sides.items(), SOLID[theme], strict=True):
        usd, low, high = (np.array(values) for values in series)
        most = max(most, float(high[inside].max(initial=0.0)))
        axes.barh(edges[:-1], usd, heights, align="edge", color=color, label=f"{name}, estimated")
        axes.fill_betweenx(middles, low, high, color=color, alpha=0.3, linewidth=0, label="90 % range of a bin")
        away = np.cumsum(usd) if name == "shorts" else np.cumsum(usd[::-1])[::-1]
        most_summed = max(most_summed, float(away[inside].max(initial=0.0)))
        held = away > 0
        sums.plot(away[held], (edges[1:] if name == "shorts" else edges[:-1])[held], color=color, label=name)
    for panel in (axes, sums):
        panel.axhline(price, color=theme.ink, linewidth=MARKED, label=f"price {words.price(price)}")
        panel.xaxis.set_major_formatter(amount)
        panel.grid(axis="x", alpha=0.3)
        panel.locator_params(axis="x", nbins=5)
        legend(panel, theme, loc="best", fontsize=SMALLEST)
    _price_axis(axes, price * (1 - DRAWN_WINDOW), price * (1 + DRAWN_WINDOW))
    axes.set_xlim(0, most * 1.05 or 1.0)
    sums.set_xlim(0, most_summed * 1.05 or 1.0)
    axes.set_xlabel(f"forced liquidations in a bin of {_bin_percent(edges)} [USD]")
    sums.set_xlabel("sum from the price outward [USD]")
    dressed(axes, theme)
    dressed(sums, theme)
