"""What local history holds, and what was collected for it, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table
from imbalance_cli.render.reading_views import minute


def backfill(r: tree.BackfillReport) -> list[Block]:
    """Show what was read of each series, or would be."""
    rows = [
        [
            s.data.replace("_", " ") + (f" ({s.what})" if s.what else ""),
            s.source,
            s.instrument or words.MISSING,
            s.interval or words.MISSING,
            s.spans[0].start[:10] if s.spans else words.MISSING,
            s.spans[-1].end[:10] if s.spans else words.MISSING,
            f"{s.units:,} {s.unit}{'s' * (s.units != 1)}",
            words.MISSING if r.dry_run else f"{s.rows:,}",
            f"{s.missing:,}" if s.missing else words.MISSING,
            f"{s.failed + s.skipped:,}" if s.failed + s.skipped else words.MISSING,
        ]
        for s in r.series
    ]
    columns = [
        Column("Series"),
        Column("Source"),
        Column("Contract", drop=4),
        Column("Every", right=True, drop=2),
        Column("From", drop=3),
        Column("To", drop=3),
        Column("Read" if not r.dry_run else "To read", right=True),
        Column("Rows", right=True, drop=1),
        Column("Not there", right=True, drop=5),
        Column("Failed", right=True),
    ]
    marks = ["warn" if s.failed + s.skipped else "" for s in r.series]
    if not r.series:
        return [Line(f"Nothing is missing since {r.since[:10]}.")]
    total = f"{sum(s.rows for s in r.series):,} rows stored"
    if r.dry_run:
        total = f"{words.counted(sum(s.requests for s in r.series), 'request')} to make; nothing was read"
    kept = tuple(i for i, mark in enumerate(marks) if mark)
    return [Line(f"{r.symbol} since {r.since[:10]}: {total}"), Table(columns, rows, marks, kept)]


def history(r: tree.DbReport) -> list[Block]:
    """Show each series: its rows, and what is known and missing of it."""
    rows = [
        [
            s.data.replace("_", " "),
            s.source if s.venue in {None, s.source} else f"{s.source}: {s.venue}",
            s.symbol or words.MISSING,
            s.interval or words.MISSING,
            f"{s.rows:,}",
            minute(s.first, r.as_of) if s.first else words.MISSING,
            minute(s.last, r.as_of) if s.last else words.MISSING,
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


def collected(r: tree.CollectReport) -> list[Block]:
    """Show each stream: what it told, and what is missing of it."""
    rows = [
        [
            s.name,
            s.status,
            f"{s.contracts:,}",
            f"{s.liquidations:,}",
            words.usd(s.long_usd),
            words.usd(s.short_usd),
            words.MISSING if s.lag_s is None else f"{s.lag_s:.1f} s",
            f"{s.gaps}" if s.gaps else words.MISSING,
            f"{s.missing_s:,.0f} s" if s.gaps else words.MISSING,
        ]
        for s in r.streams
    ]
    columns = [
        Column("Stream"),
        Column("Status", drop=3),
        Column("Contracts", right=True, drop=4),
        Column("Liquidations", right=True),
        Column("Long", right=True),
        Column("Short", right=True),
        Column("Lag", right=True, drop=2),
        Column("Gaps", right=True),
        Column("Missing", right=True, drop=1),
    ]
    worse = tuple(i for i, s in enumerate(r.streams) if s.status != "up" or s.gaps or s.unreadable)
    told = f"{r.saved:,} rows saved in {r.place}"
    if r.snapshots:
        told += f", {r.snapshots:,} of them snapshots of open interest"
    unread = [
        Line(f"{s.name}: {words.counted(s.unreadable, 'message')} could not be read: {s.message}", "warn")
        for s in r.streams
        if s.unreadable
    ]
    return [
        Line(told),
        Table(columns, rows, ["warn" if i in worse else "" for i in range(len(rows))], worse),
        *unread,
        Line(
            "Some venues tell one order a second and contract at most: their sums are lower bounds. "
            "What was missing is stored as a gap.",
            "dim",
        ),
    ]
