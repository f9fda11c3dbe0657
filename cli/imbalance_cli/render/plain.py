"""Text for mail from cron: at most ten lines, no drawing.

Sums, changes, bands and failures always survive; then come the rows of tables, and explanations go first.
"""

from __future__ import annotations

import re
from enum import IntEnum

from imbalance.report import tree, words
from imbalance_cli.render.parts import Line, Table
from imbalance_cli.render.view import body_of, gap_text, old_messages, standing_gaps, title_of, value

MOST_LINES = 10


class Rank(IntEnum):
    """What goes last to first where there are too many lines."""

    KEPT = 0
    DETAIL = 1
    NOTE = 2


# The ratio is told in the answer already.
RANKS = {"ratio": Rank.NOTE, "index": Rank.DETAIL}
Lines = list[tuple[Rank, str]]


def to_text(document: tree.Document) -> str:
    """Write a document in at most ten lines; the last one says how many were left out."""
    lines = _report(document) if isinstance(document, tree.Report) else _other(document)
    first = [*old_messages(document), *document.notes]
    if first:
        lines.insert(1, (Rank.KEPT, ". ".join(note[0].upper() + note[1:] for note in first)))
    return "\n".join(_fitted(lines + _gaps(document))) + "\n"


def _fitted(lines: Lines) -> list[str]:
    if len(lines) <= MOST_LINES:
        return [text for _rank, text in lines]
    by_rank = sorted(range(len(lines)), key=lambda i: lines[i][0])
    shown = sorted(by_rank[: MOST_LINES - 1])
    return [*(lines[i][1] for i in shown), f"{len(lines) - len(shown)} more lines; use --format table"]


def _where(document: tree.Document) -> str:
    if document.scenario:
        return f" (scenario {document.scenario}, synthetic)"
    return f" ({document.mode})" if document.mode != "live" else ""


def _report(r: tree.Report) -> Lines:
    price = r.market_price
    head = f"{r.symbol} {words.price(price.mark)}, 24h {words.fraction(price.change_24h)}, {r.as_of}{_where(r)}"
    lines = [(Rank.KEPT, head)]
    heavier, *more = re.split(r"(?<=\.) (?=[A-Z])", r.verdict.text)
    lines += [(Rank.KEPT, sentence) for sentence in (heavier, *more[:-1])]
    lines += [(Rank.DETAIL, sentence) for sentence in more[-1:]]
    for m in r.metrics:
        lines.append((RANKS.get(m.unit, Rank.KEPT), _metric(m)))
    if r.bands:
        lines.append((Rank.KEPT, f"Bands: {'; '.join(_band(b, r.price) for b in r.bands)}"))
    return lines


def _metric(m: tree.Metric) -> str:
    """Return a figure with its range, where or why, and what others say of it."""
    span = words.span(m.low, m.high, m.unit)
    where = f", {words.band(*m.band)}" if m.band else f"; {m.significance}"
    line = f"{m.label}: {value(m)}{f' ({span})' if span else ''}{where}"
    for q in m.quoted:
        band = f" {words.band(*q.band)}" if q.band else ""
        line += f"; {words.name(q.source)}{band} {words.usd(q.value)} quoted, ours {words.usd(q.own_value)}"
    return line


def _band(band: tree.BandRisk, price: float) -> str:
    """Return a band's risks of the sides that can lie there: longs below the price, shorts above."""
    sides = [("long", band.long)] if band.low < price else []
    sides += [("short", band.short)] if band.high > price else []
    risks = [
        f"{name} not known" if s.usd is None else f"{name} {words.usd(s.usd)} est ({words.span(s.low, s.high, 'usd')})"
        for name, s in sides
    ]
    return f"{words.band(band.low, band.high)} {', '.join(risks)}"


def _other(document: tree.Document) -> Lines:
    lines: Lines = []
    if not isinstance(document, tree.SourcesReport) or document.sources:
        title = title_of(document)
        where = "" if document.mode == "bars" else _where(document)
        lines.append((Rank.KEPT, f"{title.left}, {title.right}{where}"))
    for block in body_of(document, full=True):
        if isinstance(block, Line):
            lines.append((Rank.NOTE if block.style == "dim" else Rank.KEPT, block.text))
        elif isinstance(block, Table):
            for i, row in enumerate(block.rows):
                cells = [f"{c.name} {v}" for c, v in zip(block.columns[1:], row[1:], strict=True) if v]
                rank = Rank.KEPT if i in block.kept else Rank.DETAIL
                lines.append((rank, f"{row[0]}: {', '.join(cells)}"))
    return lines


def _gaps(document: tree.Document) -> Lines:
    """Return what failed in one line, what is doubted line by line, and what is never there in one."""
    lines: Lines = []
    failed = sorted({g.source for g in document.gaps if g.failed})
    if failed:
        lines.append((Rank.KEPT, f"Missing (left out of sums): {', '.join(failed)}"))
    doubted = [
        gap for gap in document.gaps if not gap.failed and not gap.usual and gap.message not in old_messages(document)
    ]
    lines += [(Rank.DETAIL, gap_text(document, gap)) for gap in doubted]
    lines += [(Rank.DETAIL, line.text) for line in standing_gaps(document)]
    return lines
