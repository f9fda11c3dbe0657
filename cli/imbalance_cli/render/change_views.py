"""What changed between two reports, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table
from imbalance_cli.render.reading_views import minute

# Shares below it, such as of funding, need more digits.
SMALL = 0.01


def changes(r: tree.DiffReport) -> list[Block]:
    """Show each figure before and after, what changed first; then what is in one report alone."""
    told = [c for c in r.changes if c.before is not None or c.after is not None]
    moved = [c for c in told if c.change != 0]
    rows = [
        [
            c.label,
            figure(c.before, c.unit),
            figure(c.after, c.unit) + (" est" if c.kind == "estimated" and c.after is not None else ""),
            c.note or difference(c),
            words.span(c.low, c.high, c.unit),
            "" if c.inside is None else "inside" if c.inside else "outside",
        ]
        for c in moved
    ]
    columns = [
        Column("Figure"),
        Column("Before", right=True),
        Column("After", right=True),
        Column("Change", wrap=True),
        Column("90 % before", right=True, drop=2),
        Column("Range", drop=1),
    ]
    styles = ["warn" if c.inside is False else "dim" if c.note else "" for c in moved]
    kept = tuple(i for i, c in enumerate(moved) if c.inside is False)
    one, other = (f"{minute(side.as_of, r.as_of)} UTC ({side.place})" for side in (r.before, r.after))
    alone = [(name, labels) for name, labels in (("New", r.new), ("Gone", r.gone)) if labels]
    same = len(told) - len(moved)
    return [
        Line(f"From {one} to {other}"),
        Table(columns, rows, styles, kept),
        *(Line(f"{name}: {', '.join(labels)}") for name, labels in alone),
        *([Line(f"{same} figure{'s' * (same != 1)} unchanged", "dim")] if same else []),
        Line("Outside: the later estimate lies beyond the earlier one's 90 % range.", "dim"),
    ]


def figure(value: float | None, unit: str) -> str:
    """Return a figure in its unit."""
    if value is None:
        return words.MISSING
    return {
        "usd": words.usd,
        "price": words.price,
        "base": words.coins,
        "fraction": _share,
        "ratio": words.ratio,
    }.get(unit, _plain)(value)


def _share(value: float) -> str:
    return words.fraction(value, 1 if abs(value) >= SMALL else 3)


def _plain(value: float) -> str:
    return f"{value:g}"


def difference(change: tree.Change) -> str:
    """Return by how much a figure changed: of shares and indices the difference, of others in per cent too."""
    if change.change is None:
        return words.MISSING
    if change.unit == "fraction":
        return f"{change.change * 100:+.{1 if abs(change.change) >= SMALL else 3}f} points"
    sign = "+" if change.change >= 0 else "-"
    told = sign + figure(abs(change.change), change.unit)
    return told if change.unit == "index" or change.relative is None else f"{told}, {words.fraction(change.relative)}"
