"""A document as one HTML file: nothing is fetched, no script runs; readable on a phone, in the dark and on paper."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from imbalance.report import tree, words
from imbalance_cli.render.page.heat import heat
from imbalance_cli.render.parts import Bar, Bars, Block, Line, Table, Title, apart, listed
from imbalance_cli.render.view import blocks_of

PAIR, WIDE = 2, 8  # columns that stand beside each other on a phone too, and that are close to each other anywhere


def to_html(document: tree.Document) -> str:
    """Write a document as HTML, with the map through time where it holds one."""
    root = Element("html", lang="en")
    head = SubElement(root, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="color-scheme", content="light dark")
    blocks = apart(blocks_of(document, full=True))
    titles = [block.left for block in blocks if isinstance(block, Title)]
    SubElement(head, "title").text = titles[0] if titles else "imbalance"
    SubElement(head, "style").text = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    body = SubElement(SubElement(root, "body"), "main")
    for block in blocks:
        _add(body, block)
        if isinstance(block, Bars) and isinstance(document, tree.ReportPage):
            body.append(heat(document.through_time))
    if isinstance(document, tree.HeatmapReport):
        body.append(heat(document))
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _add(body: Element, block: Block) -> None:
    if isinstance(block, Title):
        header = SubElement(body, "header")
        SubElement(header, "h1").text = block.left
        SubElement(header, "p").text = listed(block.right)
    elif isinstance(block, Line):
        SubElement(body, "p", {"class": block.style or "plain"}).text = _bound(block.text)
    elif isinstance(block, Table):
        _table(body, block)
    elif isinstance(block, Bars):
        _bars(body, block)


def _table(body: Element, table: Table) -> None:
    if not table.rows:
        return
    columns = len(table.columns)
    kind = "pair" if columns == PAIR else "wide" if columns >= WIDE else ""
    drawn = SubElement(body, "table", {"class": kind} if kind else {})
    heads = SubElement(SubElement(drawn, "thead"), "tr")
    for column in table.columns:
        SubElement(heads, "th", {"class": "right"} if column.right else {}).text = column.name
    rows = SubElement(drawn, "tbody")
    for cells, style in zip(table.rows, table.styles or [""] * len(table.rows), strict=True):
        row = SubElement(rows, "tr", {"class": style} if style else {})
        for column, cell in zip(table.columns, cells, strict=True):
            # On a phone a row becomes a card, and each cell says what it is.
            told = {"data-label": column.name} | ({"class": "right"} if column.right else {})
            SubElement(row, "td", told).text = _bound(cell.strip())


def _bound(text: str) -> str:
    """Return a text that no browser breaks between a number and its unit."""
    return words.glued(text).replace(words.GLUE, "\u00a0")


def _bars(body: Element, bars: Bars) -> None:
    """Draw the map: a row a run of prices, its bar with the 90 % range as a lighter tail, and the price amid them."""
    figure = SubElement(body, "figure", {"class": "map"})
    caption = SubElement(figure, "figcaption")
    caption.text = "Forced liquidations by price, estimated, with 90 % ranges; right: sum from the price outward"
    rows = SubElement(figure, "div", {"class": "rows"})
    # No end of a range is cut: how far apart they are is what is to be seen.
    most = max((bar.usd_high for bar in (*bars.above, *bars.below)), default=0.0)
    for bar in bars.above:
        _bar(rows, bar, most)
    SubElement(rows, "p", {"class": "price"}).text = f"price {words.price(bars.price)}: shorts above, longs below"
    for bar in bars.below:
        _bar(rows, bar, most)


def _bar(rows: Element, bar: Bar, most: float) -> None:
    scale = 100.0 / most if most else 0.0
    row = SubElement(rows, "div", {"class": f"row {bar.side}"})
    mark = " largest" if bar.largest else ""
    SubElement(row, "span", {"class": "band"}).text = words.band(bar.low, bar.high)
    SubElement(row, "span", {"class": "far"}).text = words.fraction(bar.distance)
    drawing = SubElement(
        row, "svg", {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "class": f"bar{mark}", "role": "img"}
    )
    span = words.span(bar.usd_low, bar.usd_high, "usd")
    SubElement(drawing, "title").text = f"{bar.side}s {words.usd(bar.usd)} est, 90 % range {span}"
    low, usd, high = (value * scale for value in (bar.usd_low, bar.usd, bar.usd_high))
    for name, left, right in (("value", 0.0, usd), ("tail", low, high)):
        y, height = ("0", "10") if name == "value" else ("3", "4")
        SubElement(
            drawing,
            "rect",
            {"class": name, "x": f"{left:.2f}", "y": y, "width": f"{max(right - left, 0):.2f}", "height": height},
        )
    SubElement(row, "span", {"class": "usd"}).text = words.usd(bar.usd)
    SubElement(row, "span", {"class": "range"}).text = span
    SubElement(row, "span", {"class": "sum"}).text = words.usd(bar.from_price_usd) + (" *" if bar.largest else "")
