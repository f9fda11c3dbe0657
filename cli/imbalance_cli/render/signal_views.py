"""Signals, checklists and event studies as blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

from imbalance.report import tree, words
from imbalance_cli.render.parts import Block, Column, Line, Table
from imbalance_cli.render.reading_views import minute

STYLES = {"met": "", "not met": "dim", "unknown": "warn"}
MANY = 3  # markets of a study: more have a row each, and of their outcomes those alone that chance does not explain
KINDS = {"observed": "", "estimated": " (est)", "quoted": " (quoted)"}


def signals(r: tree.SignalsReport) -> list[Block]:
    """Show the checklists first, then every signal with its sentence, then the sweeps in the bars."""
    found: list[Block] = [Line("; ".join(c.text for c in r.checklists) + ".", "verdict")]
    found += [_checklist(c) for c in r.checklists]
    return [
        *found,
        _readings(r),
        *_base_rates(r),
        *_sweeps(r),
        Line(f"No figure here tells of {'; '.join(r.risks)}.", "dim"),
    ]


def _checklist(c: tree.Checklist) -> Table:
    rows = [[one.label, one.state, one.text] for one in c.conditions]
    columns = [Column(c.label), Column("State"), Column("Rests on", wrap=True, drop=1)]
    return Table(columns, rows, [STYLES[one.state] for one in c.conditions])


def _readings(r: tree.SignalsReport) -> Table:
    rows = [[s.label, s.text, _source(s), words.age(s.as_of, r.as_of)] for s in r.signals]
    columns = [
        Column("Signal"),
        Column("Reading", wrap=True),
        Column("Source", drop=2),
        Column("Age", right=True, drop=1),
    ]
    return Table(columns, rows)


def _source(s: tree.Reading) -> str:
    """Return the first source and how many more there are: JSON names them all."""
    first, *more = s.source.split(", ")
    return f"{words.name(first)}{f' +{len(more)}' if more else ''}{KINDS[s.kind]}"


def _base_rates(r: tree.SignalsReport) -> list[Block]:
    """Tell what followed each signal before, and in one line which have too little history to tell."""
    rates = [s.base_rate for s in r.signals if s.base_rate is not None] + [c.base_rate for c in r.checklists]
    told = [f"{rate.signal}: {rate.text}" for rate in rates if rate.event_return is not None]
    few = [f"{rate.signal} {rate.events}" for rate in rates if rate.event_return is None and rate.events is not None]
    blind = [rate.signal for rate in rates if rate.events is None]
    none = [f"too few events to say in {rates[0].history_days:.0f} days of bars ({', '.join(few)})"] if few else []
    none += [f"nothing stored of what they need ({', '.join(blind)})"] if blind else []
    if none:
        told.append(f"No base rate: {'; '.join(none)}. imbalance backtest SIGNAL reads what is stored.")
    return [Line(text, "dim") for text in told]


def _sweeps(r: tree.SignalsReport) -> list[Block]:
    rows = [
        [
            "lows" if e.side == "long" else "highs",
            minute(e.broken, r.as_of),
            minute(e.reclaimed, r.as_of),
            ", ".join(map(words.price, e.levels)),
            words.price(e.extreme),
            words.price(e.close),
            words.MISSING if e.cleared_share is None else f"{math.floor(e.cleared_share * 100)} %",
            {True: "yes", False: "no", None: "?"}[e.spring],
        ]
        for e in r.sweeps
    ]
    columns = [
        Column("Sweep of"),
        Column("broken"),
        Column("won back"),
        Column("Levels", right=True),
        Column("Extreme", right=True),
        Column("Close", right=True, drop=2),
        Column("Cleared", right=True, drop=1),
        Column("Spring", drop=3),
    ]
    return [Table(columns, rows)] if rows else []


def study(r: tree.BacktestReport) -> list[Block]:
    """Show whether there is evidence, on what it rests, and every outcome."""
    found: list[Block] = [Line(r.verdict.text, "verdict" if r.verdict.evidence is not None else "warn")]
    found.append(Line(f"{r.signal}: {r.meaning}"))
    shown = r.outcomes
    if len(r.markets) > MANY:
        found.append(_markets(r))
        shown = [o for o in r.outcomes if o.evidence]
    for m in r.markets if len(r.markets) <= MANY else []:
        part = f", {m.in_part} of them on less than all that it asks" if m.in_part else ""
        told = f"{m.symbol}: {m.events} events{part} in {m.bars:,} bars of {m.interval}, {m.start[:10]} to {m.to[:10]}"
        found.append(Line(f"{told}, {m.place}"))
    rows = [[o.symbol, o.outcome, o.horizon, *_figures(o)] for o in shown]
    columns = [
        Column("Market"),
        Column("Outcome"),
        Column("Horizon", right=True),
        Column("Events", right=True, drop=3),
        Column("After", right=True),
        Column("Any time", right=True),
        Column("Difference (90 %)", right=True, drop=1),
        Column("p Newey-West", right=True, drop=5),
        Column("p placebo", right=True, drop=4),
        Column("p adjusted", right=True),
    ]
    kept = tuple(i for i, o in enumerate(shown) if o.evidence)
    if rows:
        found.append(Table(columns, rows, ["short" if i in kept else "" for i in range(len(rows))], kept))
    found.append(
        Line(
            "After: means over events; any time: over all bars. p: how often chance does as well; adjusted: for all "
            "rows at once (Romano-Wolf over placebo dates), of which evidence asks 0.05. Costs are not taken off.",
            "dim",
        )
    )
    return found


def _markets(r: tree.BacktestReport) -> Table:
    """Show a row a market: what was looked at, and how many of its outcomes chance does not explain."""
    rows = []
    for m in r.markets:
        own = [o for o in r.outcomes if o.symbol == m.symbol]
        least = min((o.adjusted_p for o in own if o.adjusted_p is not None), default=None)
        rows.append(
            [
                m.symbol,
                f"{m.bars:,} of {m.interval}",
                f"{m.start[:10]} to {m.to[:10]}",
                str(m.events),
                words.MISSING if least is None else f"{least:.3f}",
                f"{sum(o.evidence for o in own)} of {len(own)}",
            ]
        )
    columns = [Column("Market"), Column("Bars", right=True, drop=1), Column("From", drop=2)]
    columns += [Column(name, right=True) for name in ("Events", "least p adjusted", "Evidence")]
    return Table(columns, rows, kept=tuple(range(len(rows))))


def _figures(o: tree.StudiedOutcome) -> list[str]:
    show: Callable[[float | None], str] = lambda v: words.fraction(v, 2) if o.outcome == "return" else _size(v)  # noqa: E731
    difference = words.fraction(o.difference, 2)
    if o.low is not None and o.high is not None:
        difference += f" ({o.low * 100:+.2f} to {o.high * 100:+.2f})"
    chances = [words.MISSING if p is None else f"{p:.3f}" for p in (o.newey_west_p, o.placebo_p, o.adjusted_p)]
    return [str(o.events), show(o.event_mean), show(o.all_mean), difference, *chances]


def _size(value: float | None) -> str:
    return words.MISSING if value is None else f"{value * 100:.2f} %"
