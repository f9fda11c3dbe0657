"""A condition held against the market, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table


def check(r: tree.CheckReport) -> list[Block]:
    """Show whether the condition holds, and the figures that it names; without one, all that there are."""
    if r.when is None:
        rows = [[f"{f.name}{' .low .high' if f.ranged else ''}", f.unit, f.about] for f in r.figures]
        written = "a fraction is written -5% or -0.05; .low and .high are the ends of a 90 % range"
        return [Table([Column("Figure"), Column("Unit"), Column("Meaning", wrap=True)], rows), Line(written, "dim")]
    verdict = "not known" if r.holds is None else "true" if r.holds else "false"
    rows = [
        [
            f.name,
            words.figure(f.value, f.unit),
            words.span(f.low, f.high, f.unit),
            f.missing or f.about,
        ]
        for f in r.figures
    ]
    columns = [
        Column("Figure"),
        Column("Value", right=True),
        Column("90 % range", right=True),
        Column("Meaning", wrap=True),
    ]
    quiet = [Line(f"told before, and quiet until {r.quiet_until}")] if r.quiet_until else []
    return [
        Line(f"{r.when}: {verdict}", "verdict"),
        *quiet,
        Table(columns, rows, kept=tuple(range(len(rows)))),
    ]


def watch(r: tree.WatchReport) -> list[Block]:
    """Show what changed since the round before, and every figure."""
    rows = [
        [f.name, words.figure(f.value, f.unit), words.span(f.low, f.high, f.unit), f.missing or f.about]
        for f in r.figures
    ]
    columns = [
        Column("Figure"),
        Column("Value", right=True),
        Column("90 % range", right=True, drop=1),
        Column("Meaning", wrap=True, drop=2),
    ]
    return [Line(r.verdict, "verdict"), *changed(r), Table(columns, rows)]


def changed(r: tree.WatchReport) -> list[Line]:
    """Return what changed in a line, or that nothing did; none in the first round."""
    if r.since is None:
        return []
    told = [f"{c.name} {words.figure(c.before, c.unit)} to {words.figure(c.after, c.unit)}" for c in r.changes]
    return [Line(f"since {r.since}: {'; '.join(told) or 'nothing changed'}")]
