"""What local history holds, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table
from imbalance_cli.render.reading_views import minute


def history(r: tree.DbReport) -> list[Block]:
    """Show each series: its rows, and what is known and missing of it."""
    rows = [
        [
            s.data.replace("_", " "),
            s.source if s.venue in {None, s.source} else f"{s.source}: {s.venue}",
            s.symbol or words.MISSING,
            s.interval or words.MISSING,
            f"{s.rows:,}",
            minute(s.first) if s.first else words.MISSING,
            minute(s.last) if s.last else words.MISSING,
            f"{len(s.known)}" if s.known else words.MISSING,
            f"{len(s.missing)}" if s.missing else words.MISSING,
        ]
        for s in r.series
    ]
    columns = [
        Column("Series"),
        Column("Source"),
        Column("Coin"),
        Column("Every", right=True, drop=2),
        Column("Rows", right=True),
        Column("First", drop=3),
        Column("Last", drop=1),
        Column("Spans", right=True),
        Column("Gaps", right=True),
    ]
    reports = f"{r.reports} report{'s' * (r.reports != 1)}"
    told = f"{r.size_bytes:,} bytes; {len(r.series)} series, {reports}; schema {r.schema_version}"
    kept = tuple(i for i, s in enumerate(r.series) if s.missing)
    return [
        Line(told),
        Table(columns, rows, ["warn" if i in kept else "" for i in range(len(rows))], kept),
        Line(
            "Within a span all is known; elsewhere a missing row tells nothing. Gaps were asked for and not given.",
            "dim",
        ),
    ]
