"""Positions of accounts, and what sources give and how they fare, as blocks."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table
from imbalance_cli.render.reading_views import minute

MOST_POSITIONS = 10


def positions(r: tree.PositionsReport) -> list[Block]:
    """Show what was read beside the model, and the largest positions."""
    told = (
        f"price {words.price(r.price)}   {r.holding} positions in {r.accounts} accounts: "
        f"long {words.usd(r.long_notional_usd)}, short {words.usd(r.short_notional_usd)}"
    )
    heads = [Column("Within")]
    for side in ("Long", "Short"):
        heads += [
            Column(f"{side} read", right=True),
            Column("model exposed", right=True, drop=1),
            Column("forced", right=True, drop=2),
            Column("90 %", right=True, drop=3),
        ]
    rows = [
        [
            f"{w.window_pct:g} %",
            *(
                cell
                for read, model in ((w.long_usd, w.model_long), (w.short_usd, w.model_short))
                for cell in (
                    words.usd(read),
                    words.usd(model.exposed_usd),
                    f"{words.usd(model.usd)} est",
                    words.span(model.low, model.high, "usd"),
                )
            ),
        ]
        for w in r.windows
    ]
    largest = [
        [
            p.side,
            words.usd(p.notional_usd),
            words.MISSING if p.liquidation_price is None else words.price(p.liquidation_price),
            words.MISSING if p.distance_pct is None else f"{p.distance_pct:+.1f} %",
            words.MISSING if p.entry_price is None else words.price(p.entry_price),
            f"{p.leverage:g}x {p.margin}",
        ]
        for p in r.positions[:MOST_POSITIONS]
    ]
    columns = [
        Column("Side"),
        Column("Notional", right=True),
        Column("Liquidated at", right=True),
        Column("Distance", right=True),
        Column("Entry", right=True, drop=1),
        Column("Leverage", drop=2),
    ]
    found: list[Block] = [Line(told), Table(heads, rows)]
    found.append(
        Line(
            "Read: coins at the venue's own liquidation prices, of these accounts alone. Model: the whole market.",
            "dim",
        )
    )
    found += _distances(r.distances)
    found.append(Table(columns, largest, [p.side for p in r.positions[:MOST_POSITIONS]]))
    if r.without_liquidation_price:
        found.append(Line(f"{r.without_liquidation_price} positions have no liquidation price", "warn"))
    return found


def _distances(shares: list[tree.DistanceShare]) -> list[Block]:
    """Show how far away positions are liquidated: those that were read, and the market's by the model."""
    columns = [Column("Distance")]
    for side in ("Long", "Short"):
        columns += [Column(f"{side} read", right=True), Column("model exposed", right=True)]
    rows = [
        [
            f"{d.low_pct:g}-{d.high_pct:g} %" if d.high_pct is not None else "farther or none",
            _share(d.long_read_share),
            _share(d.long_model_share, " est"),
            _share(d.short_read_share),
            _share(d.short_model_share, " est"),
        ]
        for d in shares
    ]
    told = (
        "Shares of notional by distance from the price: of these accounts, and of the whole market's open interest. "
        "None: no liquidation price, or for the model not placed on the map. Accounts that are known are no sample of "
        "the market: they are large, and most large ones are farther from their liquidation."
    )
    return [Table(columns, rows), Line(told, "dim")]


def _share(value: float | None, mark: str = "") -> str:
    return words.MISSING if value is None else f"{words.share(value)}{mark}"


def capabilities(rows: list[tree.Capability]) -> list[Block]:
    """Return what each source gives."""
    shown = [
        [
            c.name,
            *(x or words.MISSING for x in (c.open_interest_history or c.open_interest, c.candles, c.liquidations)),
            *("yes" if x else words.MISSING for x in (c.funding, c.margin_tiers)),
            "; ".join([*c.other, *([f"needs {c.needs}"] if c.needs else [])]),
        ]
        for c in rows
    ]
    columns = [
        Column("Source"),
        Column("Open interest"),
        Column("Candles", drop=2),
        Column("Liquidations"),
        Column("Funding", drop=4),
        Column("Tiers", drop=3),
        Column("Besides", wrap=True, drop=1),
    ]
    return [Table(columns, shown), Line("How far back each series reaches; --probe checks each source.", "dim")]


def sources(sources: list[tree.SourceState], as_of: str) -> list[Block]:
    """Return how each source fares."""
    rows = [
        [
            s.name,
            s.status,
            words.MISSING if s.latency_ms is None else f"{s.latency_ms:.0f} ms",
            words.MISSING if s.newest is None else words.age(s.newest, as_of),
            words.MISSING if s.clock_ahead_s is None else f"{s.clock_ahead_s:+.0f} s",
            words.MISSING if s.budget_used is None else f"{s.budget_used * 100:.0f} %",
            minute(s.last_good, as_of) if s.last_good else words.MISSING,
            words.sentences(s.message, s.hint),
        ]
        for s in sources
    ]
    columns = [
        Column("Source"),
        Column("Status"),
        Column("Latency", right=True),
        Column("Age", right=True, drop=4),
        Column("Clock", right=True, drop=2),
        Column("Budget", right=True, drop=3),
        Column("Last good", drop=1),
        Column("What it means", wrap=True, drop=5),
    ]
    worse = {"failed", "partial", "doubtful", "stale"}
    note = "Age: of the newest datum. Clock: ahead of this machine's. Budget: used of what the source allows."
    kept = tuple(i for i, s in enumerate(sources) if s.status in worse)
    return [Table(columns, rows, ["warn" if i in kept else "" for i in range(len(rows))], kept), Line(note, "dim")]
