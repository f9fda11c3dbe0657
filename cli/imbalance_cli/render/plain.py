"""Text for mail from cron: at most ten lines of at most a hundred characters, no drawing.

Bands that were asked for and failures always survive, then sums and changes; then come the rows of tables, and
explanations go first.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from enum import IntEnum

from imbalance.report import tree, words
from imbalance_cli.render.parts import Column, Line, Table
from imbalance_cli.render.view import asked_nothing, body_of, gap_text, old_messages, standing_gaps, title_of, value

MOST_LINES = 10
MOST_COLUMNS = 100


class Rank(IntEnum):
    """What goes last to first where there are too many lines."""

    ASKED = 0
    KEPT = 1
    DETAIL = 2
    NOTE = 3


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
    wrapped = [_wrapped(text) for _rank, text in lines]
    if sum(map(len, wrapped)) <= MOST_LINES:
        return [*itertools.chain.from_iterable(wrapped)]
    by_rank = sorted(range(len(lines)), key=lambda i: lines[i][0])
    heights = itertools.accumulate(len(wrapped[i]) for i in by_rank)
    shown = sorted(i for i, height in zip(by_rank, heights, strict=True) if height < MOST_LINES)
    told = itertools.chain.from_iterable(wrapped[i] for i in shown)
    return [*told, f"{len(lines) - len(shown)} more lines; use --format table"]


def _wrapped(text: str) -> list[str]:
    """Return a text in lines that are narrow enough."""
    return [*map(words.unglued, textwrap.wrap(words.glued(text), MOST_COLUMNS, subsequent_indent="  "))]


def where(document: tree.Document) -> str:
    """Return what says in a line that a document is of no live market; nothing where it is."""
    if document.scenario:
        return f" (scenario {document.scenario}, synthetic)"
    return f" ({document.mode})" if document.mode != "live" else ""


def _report(r: tree.Report) -> Lines:
    price = r.market_price
    head = f"{r.symbol} {words.price(price.mark)}, 24h {words.fraction(price.change_24h)}, {r.as_of}{where(r)}"
    lines = [(Rank.KEPT, head)]
    heavier, *more = re.split(r"(?<=\.) (?=[A-Z])", r.verdict.text)
    lines += [(Rank.KEPT, sentence) for sentence in (heavier, *more[:-1])]
    lines += [(Rank.DETAIL, sentence) for sentence in more[-1:]]
    for m in r.metrics:
        lines.append((RANKS.get(m.unit, Rank.KEPT), _metric(m)))
    if r.bands:
        lines.append((Rank.ASKED, f"Bands: {'; '.join(_band(b, r.price) for b in r.bands)}"))
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
    if not asked_nothing(document):
        title = title_of(document)
        place = "" if document.mode == "bars" else where(document)
        lines.append((Rank.KEPT, f"{title.left}, {title.right}{place}"))
    for block in body_of(document, full=True):
        if isinstance(block, Line):
            lines.append((Rank.NOTE if block.style == "dim" else Rank.KEPT, block.text))
        elif isinstance(block, Table):
            for i, row in enumerate(block.rows):
                rank = Rank.KEPT if i in block.kept else Rank.DETAIL
                lines.append((rank, _row(block.columns, row, whole=i in block.kept)))
    return lines


def _row(columns: list[Column], row: list[str], *, whole: bool) -> str:
    """Return a row as text; what a narrow screen drops first goes first here too, but for a row that must be whole."""
    told = ""
    for most in sorted({column.drop for column in columns}, reverse=True):
        cells = [f"{c.name} {v}" for c, v in zip(columns[1:], row[1:], strict=True) if v and c.drop <= most]
        told = f"{row[0]}: {', '.join(cells)}"
        if whole or len(told) <= MOST_COLUMNS:
            break
    return told


def _gaps(document: tree.Document) -> Lines:
    """Return what failed in one line, what is doubted line by line, and what is never there in one."""
    lines: Lines = []
    failed = sorted({g.source for g in document.gaps if g.failed})
    if failed:
        lines.append((Rank.ASKED, f"Missing (left out of sums): {', '.join(failed)}"))
    doubted = [
        gap for gap in document.gaps if not gap.failed and not gap.usual and gap.message not in old_messages(document)
    ]
    lines += [(Rank.DETAIL, gap_text(document, gap)) for gap in doubted]
    lines += [(Rank.DETAIL, line.text) for line in standing_gaps(document)]
    return lines
