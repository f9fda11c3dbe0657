"""Coins beside each other, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table

# What goes first where the screen is narrow is what a report of the coin tells best.
COLUMNS = [
    Column("Coin"),
    Column("Price", right=True),
    Column("Heavier"),
    Column("S:L", right=True),
    Column("90 %", right=True, drop=1),
    Column("Lift", right=True, drop=2),
    Column("Nearest long", right=True, drop=5),
    Column("Nearest short", right=True, drop=5),
    Column("OI", right=True),
    Column("from low", right=True, drop=3),
    Column("Funding", right=True, drop=4),
    Column("Liq 24h", right=True, drop=6),
]


def scan(r: tree.ScanReport) -> list[Block]:
    """Show a row a coin, and beneath them why some have none."""
    told = [f"the largest by {r.ranked}"] if r.ranked else []
    told += [f"where {r.when}"] if r.when else []
    told += [f"by {r.sort.removeprefix('-')}{', smallest first' if r.sort[0] == '-' else ''}"] if r.sort else []
    styles = ["warn" if row.failed else "" for row in r.rows]
    lines = [Line("; ".join(told), "dim")] if told else []
    failed = [Line(f"{row.symbol}: {row.failed}", "warn") for row in r.rows if row.failed]
    unknown = [Line(f"left out, for it is not known of them: {', '.join(r.unknown)}", "warn")] if r.unknown else []
    note = Line("S:L is short : long within the window; nearest clusters are estimates.", "dim")
    return [*lines, Table(COLUMNS, [_cells(row) for row in r.rows], styles), *failed, *unknown, note]


def _cells(row: tree.ScanRow) -> list[str]:
    def told(name: str, unit: str) -> str:
        return words.figure(row.figures.get(name), unit)

    def cluster(side: str) -> str:
        if row.figures.get(f"nearest_{side}_usd") is None:
            return words.MISSING
        return f"{told(f'nearest_{side}_usd', 'usd')} {told(f'nearest_{side}_distance', 'fraction')}"

    return [
        row.symbol,
        told("price", "price"),
        "failed" if row.failed else told("heavier", "text"),
        told("ratio", "ratio"),
        _span(row.figures.get("ratio.low"), row.figures.get("ratio.high")),
        told("lift", "ratio"),
        cluster("long"),
        cluster("short"),
        told("open_interest_usd", "usd"),
        told("open_interest_change", "fraction"),
        told("funding_rate_8h", "fraction"),
        _liquidated(told("liquidations_24h_usd", "usd"), told("seen_liquidations_24h_usd", "usd")),
    ]


def _liquidated(whole: str, seen: str) -> str:
    """Return what was liquidated, or, where some venues do not tell, what is more than."""
    return f">{seen}" if whole == words.MISSING != seen else whole


def _span(low: float | str | None, high: float | str | None) -> str:
    if isinstance(low, float) and isinstance(high, float):
        return words.span(low, high, "ratio")
    return words.MISSING
