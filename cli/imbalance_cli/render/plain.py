"""Text for mail from cron: at most ten lines, no drawing."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Bars, Line, Table, Title
from imbalance_cli.render.view import blocks_of, old_messages, value

MOST_LINES = 10


def to_text(document: tree.Document) -> str:
    """Write a document in at most ten lines."""
    lines = _report(document) if isinstance(document, tree.Report) else _other(document)
    if len(lines) > MOST_LINES:
        lines = [
            *lines[: MOST_LINES - 1],
            f"and {len(lines) - MOST_LINES + 1} lines more: see --format table",
        ]
    return "\n".join(lines) + "\n"


def _report(r: tree.Report) -> list[str]:
    kind = f" (scenario {r.scenario}, synthetic)" if r.scenario else f" ({r.mode})" if r.mode != "live" else ""
    price = r.market_price
    lines = [f"{r.symbol} {words.price(price.mark)}, 24h {words.fraction(price.change_24h)}, {r.as_of}{kind}"]
    lines += old_messages(r)
    for m in r.metrics:
        span = words.span(m.low, m.high, m.unit)
        line = f"{m.label}: {value(m)}{f' ({span})' if span else ''}; {m.significance}"
        for q in m.quoted:
            band = f" {words.band(*q.band)}" if q.band else ""
            line += f"; {q.source}{band} {words.usd(q.value)}, ours there {words.usd(q.own_value)}"
        lines.append(line)
    lines.append(r.verdict.text)
    failed = sorted({g.source for g in r.gaps if g.failed})
    if failed:
        lines.append(f"Missing (left out of sums): {', '.join(failed)}")
    return lines


def _other(document: tree.Document) -> list[str]:
    lines = []
    for block in blocks_of(document):
        if isinstance(block, Title):
            lines.append(f"{block.left}, {block.right}")
        elif isinstance(block, Line):
            lines.append(block.text)
        elif isinstance(block, Table):
            for row in block.rows:
                cells = [f"{c.name} {v}" for c, v in zip(block.columns[1:], row[1:], strict=True) if v]
                lines.append(f"{row[0]}: {', '.join(cells)}")
        elif isinstance(block, Bars):
            continue
    return lines
