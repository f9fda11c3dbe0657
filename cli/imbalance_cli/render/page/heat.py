"""The map through time as inline SVG: runs of equal strength along each row of prices, coloured by the page's style."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

import numpy as np
import numpy.typing as npt

from imbalance.report import tree, words
from imbalance.report.drawing import DECADES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVELS = 8
NEAREST = 0.2  # share of the last price that is shown to each side, more where the price itself came from farther
MARKS = 6


def heat(document: tree.HeatmapReport) -> Element:
    """Draw forced liquidations by time and price, and the price among them."""
    edges, price = np.array(document.edges), np.array(document.price)
    low = min(float(price[-1]) * (1 - NEAREST), *document.path.low)
    high = max(float(price[-1]) * (1 + NEAREST), *document.path.high)
    shown = np.flatnonzero((edges[1:] > low) & (edges[:-1] < high))
    rows, first = shown.size, int(shown[0])
    top, bottom = float(np.log(edges[first + rows])), float(np.log(edges[first]))
    sides = {
        "long": np.array(document.long_usd)[:, shown].T[::-1],
        "short": np.array(document.short_usd)[:, shown].T[::-1],
    }
    most = max(float(values.max(initial=0.0)) for values in sides.values())
    figure = Element("figure", {"class": "heat"})
    told = f"darkest: {words.usd(most)} in a bin" if most else "nothing is estimated here"
    SubElement(figure, "figcaption").text = f"Forced liquidations through time, estimated; {told}; line: price"
    frame = SubElement(figure, "div", {"class": "frame"})
    drawing = SubElement(
        frame,
        "svg",
        {"viewBox": f"0 0 {len(price)} {rows}", "preserveAspectRatio": "none", "role": "img"},
    )
    SubElement(drawing, "title").text = "heatmap of forced liquidations by time and price"
    for side, values in sides.items():
        for level, path in _paths(_levels(values, most)):
            SubElement(drawing, "path", {"class": f"{side} l{level}", "d": path})
    heights = (top - np.log(price)) / (top - bottom) * rows
    points = " ".join(f"{i + 0.5:g},{height:.2f}" for i, height in enumerate(heights))
    SubElement(drawing, "polyline", {"class": "path", "points": points, "vector-effect": "non-scaling-stroke"})
    marks = {at: words.short_price(float(np.exp(top - at * (top - bottom)))) for at in np.linspace(0.04, 0.96, MARKS)}
    for at, told in marks.items():
        SubElement(frame, "span", {"style": f"top:{at * 100:.0f}%"}).text = told
    figure.set("style", f"--marks:{max(map(len, marks.values()))}ch")
    ends = SubElement(figure, "p", {"class": "ends"})
    for time in (document.time[0], document.time[-1]):
        SubElement(ends, "span").text = time[:16].replace("T", " ") + " UTC"
    return figure


def _levels(values: Floats, most: float) -> Ints:
    """Return strengths from 0, nothing drawn, to `LEVELS`, on the same logarithmic scale as pictures."""
    if not most:
        return np.zeros(values.shape, dtype=np.int64)
    share = 1 + np.log10(np.maximum(values / most, 1e-12)) / DECADES
    return np.clip(np.ceil(share * LEVELS), 0, LEVELS).astype(np.int64)


def _paths(levels: Ints) -> list[tuple[int, str]]:
    """Return a path for each level: a rectangle a run of equal columns in a row."""
    rows, columns = levels.shape
    edge = np.ones((rows, 1), dtype=bool)
    starts = np.concatenate([edge, levels[:, 1:] != levels[:, :-1]], axis=1)
    row, start = np.nonzero(starts)
    end = np.append(start[1:], columns)
    end[np.append(row[1:] != row[:-1], True)] = columns
    level = levels[row, start]
    return [
        (n, "".join(f"M{x} {y}h{w}v1h-{w}z" for y, x, w in zip(row[k], start[k], (end - start)[k], strict=True)))
        for n in range(1, LEVELS + 1)
        if (k := level == n).any()
    ]
