"""What a job over history made, as blocks."""

from __future__ import annotations

from imbalance.report import tree
from imbalance_cli.render.parts import Block, Column, Line, Table


def map_history(r: tree.MapHistoryReport) -> list[Block]:
    """Show a row a coin: what was written, what was there, and what failed and why."""
    coins = {p.symbol: [q for q in r.partitions if q.symbol == p.symbol] for p in r.partitions}
    rows = [
        [
            symbol,
            *(str(sum(p.state == state for p in months)) for state in ("written", "kept", "failed")),
            f"{sum(p.rows for p in months):,}",
            str(sum(p.missing for p in months)),
        ]
        for symbol, months in coins.items()
    ]
    names = ("Months written", "kept", "failed", "Rows", "No map")
    columns = [Column("Coin"), *(Column(name, right=True) for name in names)]
    why = [Line(f"{p.symbol} {p.month}: {p.why}", "warn") for p in r.partitions if p.state == "failed"]
    return [Line(f"a map every {r.every}, to {r.place}"), Table(columns, rows, kept=tuple(range(len(rows)))), *why]
