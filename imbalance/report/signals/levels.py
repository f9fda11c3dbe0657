"""Sweeps and springs of both sides: as events, and the newest of each as a signal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np

from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.report import tree, words
from imbalance.report.signals.rates import rate_of
from imbalance.report.signals.read import Read, reading
from imbalance.signals.checklist import RECENT_MS
from imbalance.signals.levels import REACH_DAYS
from imbalance.signals.sided import Sided, sided
from imbalance.signals.springs import Spring
from imbalance.signals.sweeps import CLEARED_FROM, Sweep
from imbalance.units import DAY_MS, Side, iso, parse_time_ms

MapBefore = Callable[[int], LiquidationMap]


class _Words(msgspec.Struct, frozen=True):
    """What the events of a side are called."""

    sweep: str
    sweep_label: str
    spring: str
    article: str
    spring_label: str
    level: str
    day: str
    back: str


_CALLED = {
    Side.LONG: _Words("sweep", "Liquidity sweep", "spring", "a", "Wyckoff spring", "support", "low", "above"),
    Side.SHORT: _Words(
        "sweep-high", "Liquidity sweep, highs", "upthrust", "an", "Upthrust", "resistance", "high", "below"
    ),
}


class Levels(msgspec.Struct, frozen=True):
    """The sweeps of a side in the bars, oldest first, and the view of the market that they are in."""

    view: Sided
    events: list[tree.SweepEvent]


def blind(found: Sequence[Levels]) -> set[Side]:
    """Return the sides of which too few days are known for any level."""
    return {one.view.side for one in found if not one.view.knows_levels}


def levels(read: Read, side: Side, map_before: MapBefore | None = None) -> Levels:
    """Return the sweeps of a side, each with what confirms it.

    Parameters
    ----------
    map_before : gives the map of the market as it was at a moment [ms]; asked for the newest sweep alone, where that
        is recent.
    """
    view = sided(read.market, side, read.daily())
    found = view.sweeps()
    springs = {spring.sweep: spring for spring in view.springs(found)}
    events = [_event(view, sweep, springs.get(sweep)) for sweep in found]
    recent = events and read.at_ms - parse_time_ms(events[-1].reclaimed) <= RECENT_MS
    if recent and map_before is not None:
        event = events[-1]
        nearest = event.levels[-1] if side is Side.LONG else event.levels[0]
        low, high = sorted((event.extreme, nearest))
        broken_ms = int(view.time_ms[found[-1].broken])
        held = getattr(map_before(broken_ms).band(low, high), side.value)
        event.map_usd, event.map_usd_low, event.map_usd_high = held.usd, held.low, held.high
    return Levels(view, events)


def _event(view: Sided, sweep: Sweep, spring: Spring | None) -> tree.SweepEvent:
    share = view.cleared(sweep)
    liquidated = float(np.sum(view.liquidated[sweep.broken : sweep.reclaimed + 1]))
    change = None if spring is None else spring.interest_change
    by_price = sorted((view.price(level.price), level.day_ms) for level in sweep.levels)
    side: Literal["long", "short"] = "long" if view.side is Side.LONG else "short"
    return tree.SweepEvent(
        side=side,
        broken=iso(int(view.time_ms[sweep.broken])),
        reclaimed=iso(int(view.time_ms[sweep.reclaimed]) + view.interval_ms),
        levels=[price for price, _day in by_price],
        level_days=[iso(day_ms)[:10] for _price, day_ms in by_price],
        extreme=view.price(sweep.extreme),
        close=view.price(float(view.close[sweep.reclaimed])),
        cleared_share=share,
        cleared=None if share is None else share >= CLEARED_FROM,
        liquidated_base=liquidated if np.isfinite(liquidated) else None,
        interest_change=None if change is None else float(np.expm1(change)),
        range_top=None if spring is None else view.price(spring.range.top),
        range_days=None if spring is None else spring.range.age_ms / DAY_MS,
        range_crossings=None if spring is None else spring.range.crossings,
        spring=False if spring is None else spring.confirmed,
    )


def told(event: tree.SweepEvent) -> str:
    """Return a sweep in a sentence: its levels, how far it went, and what it cleared."""
    called = _CALLED[Side(event.side)]
    pairs = zip(event.levels, event.level_days, strict=True)
    broken = ", ".join(f"{words.price(p)} ({called.day} of {d})" for p, d in pairs)
    text = (
        f"Price broke the {called.level} {broken} on {_minute(event.broken)}, went to {words.price(event.extreme)} and "
        f"closed back {called.back} on {_minute(event.reclaimed)}; {_cleared(event)}"
    )
    if event.map_usd is not None:
        span = words.span(event.map_usd_low, event.map_usd_high, "usd")
        text += f"; the map of before held {words.usd(event.map_usd)} of {event.side}s there, est ({span})"
    return text


def _cleared(event: tree.SweepEvent) -> str:
    if event.cleared_share is None:
        return f"whether clusters of {event.side}s were cleared is not known"
    more = f"more {event.side}s liquidated than in {math.floor(event.cleared_share * 100)} % of spans as long"
    return f"{more}: clusters {'cleared' if event.cleared else 'not cleared'}"


def _joined(*sources: str) -> str:
    """Return names of sources, each once."""
    return ", ".join(dict.fromkeys(name for part in sources for name in part.split(", ") if name))


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _evidence(event: tree.SweepEvent) -> tree.Evidence:
    return {
        "level_low": event.levels[0],
        "level_high": event.levels[-1],
        "level_day": event.level_days[0],
        "extreme": event.extreme,
        "close": event.close,
        "broken": event.broken,
        "cleared_share": event.cleared_share,
        "liquidated_base": event.liquidated_base,
        "map_usd": event.map_usd,
        "interest_change": event.interest_change,
        "range_top": event.range_top,
        "range_days": event.range_days,
        "range_crossings": event.range_crossings,
    }


def sweep_reading(read: Read, found: Levels) -> tree.Reading:
    """Return the newest sweep of a side as a signal."""
    called = _CALLED[found.view.side]
    rate = rate_of(read.history, called.sweep)
    id_, label = called.sweep.replace("-", "_"), called.sweep_label
    source = _joined(read.path_source, *read.liquidation_sources(found.view.side))
    if not found.events:
        text = f"No {called.level} was broken and won back in these bars"
        if not found.view.knows_levels:
            text = f"Fewer than {2 * REACH_DAYS + 1} days are known: no {called.level} is"
        return reading(read, id_, label, None, "price", text, {}, source, read.market.as_of_ms, base_rate=rate)
    event = found.events[-1]
    of_ms, evidence = parse_time_ms(event.reclaimed), _evidence(event)
    return reading(read, id_, label, event.extreme, "price", told(event), evidence, source, of_ms, base_rate=rate)


def spring_reading(read: Read, found: Levels) -> tree.Reading:
    """Return the newest spring of a side, or the newest sweep that may be one, as a signal."""
    called = _CALLED[found.view.side]
    label, id_ = called.spring_label, called.spring
    in_range = [event for event in found.events if event.range_top is not None]
    rate = rate_of(read.history, called.spring)
    if not in_range:
        text = f"No sweep in these bars was at an end of a range of two weeks and more: no {called.spring}"
        source, of_ms = read.path_source, read.market.as_of_ms
        return reading(read, id_, label, None, "price", text, {}, source, of_ms, base_rate=rate)
    event = in_range[-1]
    one = f"{called.article} {called.spring}"
    state = {True: one, False: f"no {called.spring}", None: f"{one} by price alone"}
    ends = " to ".join(words.price(p) for p in sorted((event.levels[0], event.range_top or event.extreme)))
    change = "open interest through it is not known"
    if event.interest_change is not None:
        change = f"open interest changed {words.fraction(event.interest_change)} through it"
    text = (
        f"The sweep of {_minute(event.reclaimed)} was at an end of the range {ends} since {event.level_days[0]}; "
        f"{change}, {_cleared(event)}: {state[event.spring]}"
    )
    of_ms = parse_time_ms(event.reclaimed)
    source = _joined(read.path_source, read.interest_sources, *read.liquidation_sources(found.view.side))
    return reading(read, id_, label, event.extreme, "price", text, _evidence(event), source, of_ms, base_rate=rate)
