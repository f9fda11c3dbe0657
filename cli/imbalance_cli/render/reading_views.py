"""Documents of one reading as blocks: open interest, volume, liquidations, sentiment."""

from __future__ import annotations

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table


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


def minute(time: str, now: str) -> str:
    """Return month, day, hour and minute of an ISO time, and its year if that is not now's: 01-30 12:00."""
    return time[5 if time[:4] == now[:4] else 0 : 16].replace("T", " ")


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
            minute(x.start, r.as_of),
            minute(x.to, r.as_of),
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
