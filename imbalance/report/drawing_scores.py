"""A validation as a picture: reliability of predictions, scores by method with their ranges, and maps kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imbalance.engine.validate import MODEL
from imbalance.report import tree
from imbalance.report.drawing import HEAD, SMALL, SMALLEST, SOLID, THIN, Theme, amount, dressed, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEAST_USD = 1.0


def draw_scores(figure: Figure, theme: Theme, shown: tree.ValidateReport) -> None:
    """Draw a panel for each part of a validation that there is; `methods` must not be empty."""
    classes = [c for c in shown.reliability if c.predicted_usd > 0 and c.observed_usd > 0]
    panels = figure.subplots(1, 1 + bool(classes) + bool(shown.horizons), squeeze=False)[0]
    _scores(panels[0], theme, shown.methods)
    if classes:
        _reliability(panels[1], theme, classes)
    if shown.horizons:
        _kept(panels[-1], theme, shown.horizons)
    for panel in panels:
        panel.grid(alpha=0.3)
        panel.set_axisbelow(True)
        dressed(panel, theme)


def _scores(axes: Axes, theme: Theme, methods: Sequence[tree.MethodScore]) -> None:
    """Draw what each method adds to a model that knows the bar's move, with its 90 % range."""
    scored = [(m, m.r2_gain) for m in methods if m.r2_gain is not None]
    color, _other = SOLID[theme]
    for place, (m, gain) in enumerate(scored):
        own = color if m.name == MODEL else theme.ink
        axes.plot(gain, place, "o", color=own)
        if m.r2_gain_low is not None and m.r2_gain_high is not None:
            axes.plot([m.r2_gain_low, m.r2_gain_high], [place, place], "|-", color=own)
    axes.set_yticks(range(len(scored)), [f"{m.name}\nrank {m.spearman:.3f}" for m, _gain in scored], fontsize=SMALL)
    axes.invert_yaxis()
    axes.axvline(0, color=theme.ink, linewidth=THIN)
    axes.set_xlabel("R2 over the bar's move (90 %)")
    axes.set_title("Scores", fontsize=HEAD)


def _reliability(axes: Axes, theme: Theme, classes: Sequence[tree.Reliability]) -> None:
    """Draw the mean observed of each class of predictions against the mean predicted, with its 90 % range."""
    color, _other = SOLID[theme]
    # Less than a dollar is next to nothing, however little.
    predicted = np.maximum([c.predicted_usd for c in classes], LEAST_USD)
    observed = np.array([c.observed_usd for c in classes])
    line = [min(predicted.min(), observed.min()), max(predicted.max(), observed.max())]
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    axes.plot(line, line, color=theme.ink, linewidth=THIN, linestyle="--", label="as predicted")
    axes.plot(predicted, observed, "o", color=color, label="mean of a class (90 %)")
    for c in classes:
        if c.observed_low_usd is not None and c.observed_high_usd is not None:
            axes.plot(
                [max(c.predicted_usd, LEAST_USD)] * 2, [c.observed_low_usd, c.observed_high_usd], "_-", color=color
            )
    axes.xaxis.set_major_formatter(amount)
    axes.yaxis.set_major_formatter(amount)
    axes.set_xlabel("predicted, a bar and side, at least $1 [USD]")
    axes.set_ylabel("observed [USD]")
    axes.set_title("Reliability", fontsize=HEAD)
    legend(axes, theme, loc="upper left", fontsize=SMALLEST)


def _kept(axes: Axes, theme: Theme, horizons: Sequence[tree.HorizonScore]) -> None:
    """Draw how maps kept for days ranked the bands that were crossed, beside the mere width."""
    color, _other = SOLID[theme]
    place, half = np.arange(len(horizons)), 0.4
    axes.bar(place - half / 2, [h.spearman for h in horizons], half, color=color, label="map")
    axes.bar(place + half / 2, [h.width_spearman for h in horizons], half, color="0.6", label="width crossed alone")
    errors = [f"|ln error| {h.ln_error:.2f}\nlevel {h.level_ln_error:.2f}" for h in horizons]
    axes.set_xticks(
        place,
        [f"{h.days:g} d, {h.maps} maps\n{told}" for h, told in zip(horizons, errors, strict=True)],
        fontsize=SMALLEST,
    )
    axes.axhline(0, color=theme.ink, linewidth=THIN)
    axes.set_ylabel("rank correlation, bands of 1 % crossed")
    axes.set_title("Maps kept", fontsize=HEAD)
    legend(axes, theme, loc="best", fontsize=SMALLEST)
