"""The checklist of a squeeze and its mirror, each condition with what it rests on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from imbalance.report import tree, words
from imbalance.report.signals.levels import told
from imbalance.report.signals.others import sells_less, weeks_of
from imbalance.report.signals.rates import rate_of
from imbalance.report.signals.read import Read
from imbalance.signals import checklist
from imbalance.signals.past import percentile
from imbalance.signals.sided import total
from imbalance.units import DAY_MS, Side, parse_time_ms

# What no figure here tells of; the article names the first two.
RISKS = [
    "news: regulation, macroeconomics, a hack or a default at an exchange",
    "large holders' intentions, and orders that are not displayed or not on these exchanges",
    "options, whose hedging buys and sells futures",
    "traders with both sides: a short that hedges coins held is not squeezed as another is",
]


def checklists(read: Read, sweeps: Sequence[tree.SweepEvent], blind: Collection[Side] = ()) -> list[tree.Checklist]:
    """Return the checklist of a rally, that squeezes shorts, and of a fall, that squeezes longs.

    Parameters
    ----------
    sweeps : of both sides.
    blind : sides of which no level is known, so that none could be swept.
    """
    return [_checklist(read, squeezed, sweeps, blind) for squeezed in (Side.SHORT, Side.LONG)]


def _checklist(
    read: Read, squeezed: Side, sweeps: Sequence[tree.SweepEvent], blind: Collection[Side]
) -> tree.Checklist:
    rally = squeezed is Side.SHORT
    conditions = [
        _sentiment(read, squeezed),
        _interest(read, squeezed),
        _test(read, squeezed, sweeps, blind),
        _holders(read, squeezed),
    ]
    states = [c.state for c in conditions]
    met, unmet, unknown = (states.count(state) for state in ("met", "not met", "unknown"))
    name, side = ("rally", "short") if rally else ("fall", "long")
    text = f"{met} of {len(states)} conditions of a {name} that squeezes {side}s are met"
    text += f", {unknown} {'is' if unknown == 1 else 'are'} unknown" if unknown else ""
    return tree.Checklist(
        "rally" if rally else "fall",
        f"{name.capitalize()} checklist",
        "short" if rally else "long",
        met,
        unmet,
        unknown,
        conditions,
        text,
        rate_of(read.history, name),
    )


def _sentiment(read: Read, squeezed: Side) -> tree.Condition:
    m = read.sentiment
    index = None if m is None or m.old else float(m.value)
    bound = f"{checklist.EXTREME} or below" if squeezed is Side.SHORT else f"{100 - checklist.EXTREME} or above"
    text = "Fear & Greed was not read" if m is None else f"Fear & Greed {m.value}, {m.label}"
    if m is not None and m.old:
        text += f", not of today: {m.old}"
    state = checklist.all_of(checklist.extreme_sentiment(index, squeezed))
    evidence: tree.Evidence = {"fear_greed": index, "date": m.date if m else None, "by": m.source if m else None}
    label = "Extreme fear" if squeezed is Side.SHORT else "Extreme greed"
    return tree.Condition("extreme_sentiment", label, state, f"{text}; {bound} is extreme", evidence)


def _interest(read: Read, squeezed: Side) -> tree.Condition:
    market, risk = read.market, read.risk
    interest = total([v.open_interest_base for v in market.venues], market.interval_ms)
    day = max(DAY_MS // market.interval_ms, 1)
    # A figure a day: bars of one day are hardly more than one.
    share = percentile(interest[:-1][::-day], float(interest[-1]))
    comparable = read.found.comparable
    heavier = checklist.heavier_than_path(
        risk.lift_low if comparable else None, risk.lift_high if comparable else None, squeezed
    )
    side = squeezed.value
    parts = ["open interest against its past is not known"]
    if share is not None:
        days = f"{np.isfinite(interest).sum() * market.interval_ms / DAY_MS:.0f}"
        parts = [f"open interest higher than on {share * 100:.0f} % of {days} days"]
    if heavier is None:
        parts.append(f"whether {side}s are heavier than the path implies is not known")
    else:
        lift = f"{words.ratio(risk.lift)} ({words.span(risk.lift_low, risk.lift_high, 'ratio')})"
        parts.append(f"{side}s {'' if heavier else 'not '}beyond what the path implies, lift {lift}")
    if {"short", "long"} <= set(read.quotes):
        quoted = read.quotes["short"][0] / read.quotes["long"][0] if read.quotes["long"][0] else None
        parts.append(f"CoinGlass {words.ratio(quoted)} : 1 quoted, of unequal bands")
    evidence: tree.Evidence = {
        "open_interest_percentile": share,
        "ratio": risk.ratio,
        "path_implied_ratio": risk.path_implied_ratio,
        "lift": risk.lift,
        "lift_low": risk.lift_low,
        "lift_high": risk.lift_high,
    }
    state = checklist.all_of(checklist.high_interest(share), heavier)
    label = f"High interest, {side}s crowded"
    return tree.Condition("concentrated_interest", label, state, "; ".join(parts), evidence)


def _test(read: Read, squeezed: Side, sweeps: Sequence[tree.SweepEvent], blind: Collection[Side]) -> tree.Condition:
    hit = "long" if squeezed is Side.SHORT else "short"
    recent = [
        event
        for event in sweeps
        if event.side == hit and read.at_ms - parse_time_ms(event.reclaimed) <= checklist.RECENT_MS
    ]
    unseen = hit in blind
    state = checklist.any_of(*([None] if unseen else [event.cleared for event in recent]))
    days = checklist.RECENT_MS // DAY_MS
    level = "support" if hit == "long" else "resistance"
    text = told(recent[-1]) if recent else f"no {level} was broken and won back in {days} days"
    text = f"too few days are known for any {level}" if unseen else text
    evidence: tree.Evidence = {"sweeps": float(len(recent)), "newest": recent[-1].reclaimed if recent else None}
    if recent:
        evidence |= {"extreme": recent[-1].extreme, "cleared_share": recent[-1].cleared_share}
    label = f"{level.capitalize()} test cleared {hit}s"
    return tree.Condition("cleared_test", label, state, text, evidence)


def _holders(read: Read, squeezed: Side) -> tree.Condition:
    told_ = {row.source: sells_less(row, weeks_of(read, row.source)) for row in read.holders}
    state = checklist.holders_wait(list(told_.values()), squeezed)
    said = {True: "less", False: "more", None: "not known"}
    parts = [f"{words.name(name)}: {said[less]} than a month ago" for name, less in told_.items() if less is not None]
    text = "; ".join(parts) or "nothing was read of holders of old coins"
    if state == "unknown" and len(parts) > 1:
        text += "; the sources do not agree"
    evidence: tree.Evidence = {name: {True: "less", False: "more", None: None}[less] for name, less in told_.items()}
    label = f"Holders sell {'less' if squeezed is Side.SHORT else 'more'}"
    return tree.Condition("holders", label, state, text, evidence)
