"""The sections of the smaller documents as parts."""

from __future__ import annotations

from collections.abc import Callable

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table

MOST_POSITIONS = 10
NOMINAL_COVERAGE = 0.9
# Even the fewest bars that are scored, 130 of two sides, tell a coverage to 0.02 (one standard error).
COVERAGE_OFF = 0.05
BEYOND_DAY = "> day's volume"


def _ranged(r: tree.Range | None, show: Callable[[float], str]) -> list[str]:
    return [words.MISSING, ""] if r is None else [show(r.value), f"{show(r.low)}-{show(r.high)}"]


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if abs(value) < 0.1 else f"{value * 100:.0f} %"  # noqa: PLR2004


def cascade(r: tree.CascadeReport) -> list[Block]:
    """Show what it takes to reach the target by each impact law."""
    kind, forced = "buying" if r.side == "short" else "selling", r.forced
    told = (
        f"price {words.price(r.price)}   to {words.price(r.target)} ({words.fraction(r.shock)}): "
        f"forced {kind} on the way {words.usd(forced.value)} est ({words.span(forced.low, forced.high, 'usd')}) "
        f"of {words.usd(r.exposed_usd)} exposed"
    )
    lines: list[Block] = [Line(told)]
    rows = [
        [
            law.name,
            *_ranged(law.push_needed, _percent),
            *([BEYOND_DAY, ""] if law.beyond_day else _ranged(law.cost_usd, words.usd)),
            *_ranged(law.carried, _percent),
            *_ranged(law.reach, words.short_price),
            *_ranged(law.reproduction, words.ratio),
        ]
        for law in r.laws
    ]
    heads = [Column("Impact law")]
    for name, drop in (("Push needed", 0), ("Cost", 2), ("From liquidations", 0), ("Ends at", 1), ("Largest R", 3)):
        heads += [Column(name, right=True, drop=drop), Column("90 %", right=True, drop=4 + drop)]
    lines.append(Table(heads, rows))
    told = (
        "Push needed: what others must move for the target to be reached; From liquidations: the share of "
        "the way that they do; Ends at: where a push of the whole way ends (the map itself ends at x/÷1.52); "
        "R above 1: the move feeds itself."
    )
    lines.append(Line(told, "dim"))
    if any(law.reach is None and "book" in law.name for law in r.laws):
        lines.append(Line("no order book was read: the book laws are missing", "warn"))
    if r.volume_day_usd is None:
        lines.append(Line("no volume is known: the square-root law is missing", "warn"))
    elif not r.volatility_day:
        lines.append(Line("the price does not move in these bars: the square-root law is missing", "warn"))
    return lines


def _gain(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _class(c: tree.Reliability) -> str:
    """Return the predictions of a class, as one amount where they do not differ."""
    low, high = words.usd(c.predicted_low_usd), words.usd(c.predicted_high_usd)
    return low if low == high else f"{low}-{high}"


def _coverage(inside: float | None) -> list[Block]:
    """Say where the 90 % ranges did not hold about 90 %."""
    if inside is None or abs(inside - NOMINAL_COVERAGE) <= COVERAGE_OFF:
        return []
    way = "too narrow" if inside < NOMINAL_COVERAGE else "too wide"
    return [Line(f"The 90 % ranges are {way} here: they held {inside * 100:.0f} %.", "warn")]


def validation(r: tree.ValidateReport) -> list[Block]:
    """Show scores by method, coverage by size of prediction, and maps kept."""
    if not r.methods:
        return [Line("too few bars were both predicted and observed to score", "warn")]
    rows = [
        [
            m.name,
            f"{m.spearman:.3f}",
            words.MISSING if m.partial_spearman is None else f"{m.partial_spearman:.3f}",
            _gain(m.r2_gain, m.r2_gain_low, m.r2_gain_high),
            _gain(m.over_null, m.over_null_low, m.over_null_high),
        ]
        for m in r.methods
    ]
    columns = [
        Column("Predicts by"),
        Column("Rank", right=True),
        Column("Partial", right=True),
        Column("R2 over move (90 %)", right=True, drop=1),
        Column("over path null (90 %)", right=True, drop=2),
    ]
    inside = words.MISSING if r.inside_range_share is None else f"{r.inside_range_share * 100:.0f} %"
    told = f"{r.bars_tested} bars tested, walking forward; {inside} of what was observed lies in its 90 % range"
    styles = ["short" if m.name == "model" else "" for m in r.methods]
    kept = tuple(i for i, m in enumerate(r.methods) if m.name == "model")
    found: list[Block] = [Table(columns, rows, styles, kept), Line(told), *_coverage(r.inside_range_share)]
    note = "Rank: Spearman, observed against predicted. Partial: the same given the bar's own move."
    found.append(Line(note, "dim"))
    if r.reliability:
        heads = [Column("Predicted"), *(Column(name, right=True) for name in ("Bars", "below", "inside", "above"))]
        held = [
            [
                _class(c),
                str(c.cases),
                *(_percent(share) for share in (c.below, c.inside, c.above)),
            ]
            for c in r.reliability
        ]
        found += [Table(heads, held), Line("Shares of bars below, inside and above their 90 % interval.", "dim")]
    if r.horizons:
        bands = [
            [
                f"{h.days:g} d",
                str(h.maps),
                str(h.bands),
                f"{h.spearman:.3f}",
                f"{h.width_spearman:.3f}",
                f"{h.ln_error:.2f}",
            ]
            for h in r.horizons
        ]
        heads = [Column("Map kept")]
        heads += [Column(name, right=True) for name in ("Maps", "Bands", "Rank", "by width", "|ln error|")]
        told = (
            "Bands of 1 % that price came to cross: what the map held there against what was liquidated then; by "
            "width: the rank correlation of the width crossed alone, a map without shape."
        )
        found += [Table(heads, bands), Line(told, "dim")]
    return found


def interest(r: tree.OpenInterestReport) -> list[Block]:
    """Show each venue, their sum, and the change since the low."""
    o = r.open_interest
    rows = [
        [
            v.name,
            words.coins(v.open_interest_base),
            words.usd(v.open_interest_usd),
            words.MISSING if v.share is None else f"{v.share * 100:.0f} %",
            words.fraction(v.change_24h),
        ]
        for v in o.venues
    ]
    rows.append(["sum", words.coins(o.total_base), words.usd(o.total_usd), "", ""])
    columns = [
        Column("Venue"),
        Column(r.symbol, right=True),
        Column("USD", right=True),
        Column("Share", right=True, drop=1),
        Column("24h", right=True),
    ]
    found: list[Block] = [Table(columns, rows, kept=(len(rows) - 1,))]
    if o.missing:
        found.append(Line(f"the sum lacks {', '.join(o.missing)}", "warn"))
    halved = [v.name for v in o.venues if v.open_interest_base_low is not None]
    if halved and o.total_base_low is not None:
        told = f"{', '.join(halved)}: taken as one side; if they count both, half: the sum is {o.total_base_low:,.0f}"
        found.append(Line(told, "warn"))
    if o.concentration:
        k = o.concentration
        spread = f"{k.largest} holds {k.largest_share * 100:.0f} %; HHI {k.hhi:.2f}"
        found.append(Line(f"concentration over {len(k.of)} venues: {spread}"))
    found += _quoted(o.quoted)
    if o.change:
        c = o.change
        found.append(
            Line(
                f"{words.fraction(c.value, 0)} from the low of {c.low_date} ({words.coins(c.low_base)}), {c.of}; "
                f"low by {words.name(c.source)}"
            )
        )
    return found


def _quoted(totals: list[tree.QuotedTotal]) -> list[Block]:
    return [
        Line(f"{words.name(t.source)}: {words.usd(t.usd)} quoted, over the exchanges that it reads") for t in totals
    ]


def volume(v: tree.Volume) -> list[Block]:
    """Show each venue and their sum."""
    rows = [
        [x.name, words.usd(x.volume_24h_usd), words.usd(x.month_usd), words.usd(x.previous_month_usd)] for x in v.venues
    ]
    rows.append(["sum", words.usd(v.total_24h_usd), words.usd(v.total_month_usd), ""])
    columns = [
        Column("Venue"),
        Column("24h", right=True),
        Column(v.month, right=True),
        Column("month before", right=True),
    ]
    lacking = [Line(f"the sum lacks {', '.join(v.missing)}", "warn")] if v.missing else []
    days = {x.name: f"{x.name} ({x.days} of {x.of_days} days)" for x in v.venues}
    if v.month_missing:
        lacking.append(Line(f"the month's sum lacks {', '.join(days[name] for name in v.month_missing)}", "warn"))
    return [Table(columns, rows, kept=(len(rows) - 1,)), *lacking, *_quoted(v.quoted)]


def _minute(time: str) -> str:
    """Return month, day, hour and minute of an ISO time: 01-30 12:00."""
    return time[5:16].replace("T", " ")


def liquidations(r: tree.LiquidationsReport) -> list[Block]:
    """Show each source, and the best total."""
    seen = r.liquidations
    rows = [
        [
            words.name(x.source) + (" (quoted)" if x.quoted else ""),
            words.usd(x.long_usd),
            words.usd(x.short_usd),
            words.usd(x.long_usd + x.short_usd),
            x.feed,
            _minute(x.start),
            _minute(x.to),
            x.prints,
        ]
        for x in seen.observed
    ]
    columns = [
        Column("Source"),
        Column("Long", right=True),
        Column("Short", right=True),
        Column("Sum", right=True),
        Column("Feed", drop=1),
        Column("from", drop=4),
        Column("to", drop=3),
        Column("What it prints", wrap=True, drop=2),
    ]
    found: list[Block] = [Table(columns, rows)]
    if seen.usd is not None:
        of = ", ".join(words.name(name) for name in seen.of)
        mark = "quoted" if any(x.quoted and x.source in seen.of for x in seen.observed) else "obs"
        found.append(Line(f"Best available 24 h total: {words.usd(seen.usd)} {mark} ({of})"))
    found += [
        Line(f"{words.name(x.source)} is doubtful and in no sum: {x.doubtful}", "warn")
        for x in seen.observed
        if x.doubtful
    ]
    cut = [x.source for x in seen.observed if x.lower_bound]
    if cut:
        found.append(Line(f"A lower bound, not in any total: {', '.join(map(words.name, cut))}", "warn"))
    part = [x.source for x in seen.observed if not x.whole_day and not x.lower_bound]
    if part:
        found.append(Line(f"Covers less than 24 h, not in any total: {', '.join(map(words.name, part))}", "warn"))
    unseen = [name for name in seen.missing if name not in {*part, *cut}]
    if unseen:
        found.append(Line(f"No full-day feed from: {', '.join(unseen)}", "warn"))
    if seen.largest_since:
        s = seen.largest_since
        found.append(Line(f"Largest since {s.date or f'before {s.history_from}'}, by {words.name(s.source)}"))
    return found


def mood(mood: tree.Sentiment) -> list[Block]:
    """Show the index."""
    week = f"; a week ago {mood.week_ago}" if mood.week_ago is not None else ""
    found: list[Block] = [Line(f"{mood.value}  {mood.label}  ({mood.date}{week}; source: alternative.me)")]
    return [*found, Line(f"not today's: {mood.old}", "warn")] if mood.old else found


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
    found.append(Table(columns, largest, [p.side for p in r.positions[:MOST_POSITIONS]]))
    if r.without_liquidation_price:
        found.append(Line(f"{r.without_liquidation_price} positions have no liquidation price", "warn"))
    return found


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
            _minute(s.last_good) if s.last_good else words.MISSING,
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
