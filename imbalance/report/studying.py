"""Event studies as a document: what followed a signal, and whether chance explains it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from imbalance.backtest.chance import require_library
from imbalance.backtest.outcomes import HORIZONS_MS, LEAST_EVENTS, horizons
from imbalance.backtest.study import Part, Result, Studied, joined, part_of
from imbalance.errors import MissingDataError, UsageError
from imbalance.report import tree, words
from imbalance.signals.events import DEFINITIONS, Definition, History, lacking
from imbalance.units import DAY_MS, HOUR_MS, interval_name, iso


class Given(NamedTuple):
    """A market to look for a signal in, and where it is from."""

    place: str
    history: History


def definition(name: str) -> Definition:
    """Return the definition of a signal.

    Raises
    ------
    UsageError
        With names like it.
    """
    if name in DEFINITIONS:
        return DEFINITIONS[name]
    near = difflib.get_close_matches(name, DEFINITIONS, 1, 0.5)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(DEFINITIONS)}."
    raise UsageError(f"no signal {name!r} that has events", hint)


class Market(NamedTuple):
    """What a study needs of a market, small whatever its number of bars; `as_of_ms` is the end of the last one.

    `note` says which horizons its bars do not tell; empty where they tell all.
    """

    as_of_ms: int
    row: tree.StudiedMarket
    part: Part
    note: str


def market(of: Definition, given: Given) -> Market:
    """Return what a study of a signal needs of a market.

    Raises
    ------
    UsageError
        If the libraries of statistics are not installed.
    MissingDataError
        If something that the signal needs is not known.
    """
    require_library()
    missing = lacking(given.history, of)
    if missing:
        raise MissingDataError(
            f"{of.name} needs {' and '.join(missing)}, of which nothing is known for {given.history.market.symbol}",
            "Live runs store what they read; open interest may be a column of the bars.",
        )
    studied = Studied(given.history.market, of.detect(given.history))
    known = given.history.market
    note = _left_out(known.symbol, known.interval_ms, known.time_ms.size)
    return Market(known.as_of_ms, _market(given.place, studied), part_of(studied), note)


def _left_out(symbol: str, interval_ms: int, bars: int) -> str:
    told = {count * interval_ms for count in horizons(interval_ms, bars)}
    names = [horizon_name(length_ms) for length_ms in HORIZONS_MS if length_ms not in told]
    why = f"no whole number of its {interval_name(interval_ms)} bars, or longer than a tenth of these {bars:,}"
    return f"{symbol}: nothing is told of {', '.join(names)}: {why}" if names else ""


def sections(of: Definition, markets: Sequence[Market]) -> dict[str, Any]:
    """Build the sections of the study of a signal on markets."""
    results = joined([one.part for one in markets])
    return {
        "signal": of.name,
        "meaning": of.meaning,
        "verdict": verdict(of.name, {one.row.symbol: one.row.events for one in markets}, results),
        "markets": [one.row for one in markets],
        "outcomes": [_outcome(result) for result in results],
    }


def _market(place: str, studied: Studied) -> tree.StudiedMarket:
    market, firings = studied
    close_ms = market.time_ms[firings.fired] + market.interval_ms
    return tree.StudiedMarket(
        market.symbol,
        place,
        interval_name(market.interval_ms),
        iso(int(market.time_ms[0])),
        iso(market.as_of_ms),
        int(market.time_ms.size),
        int(close_ms.size),
        firings.in_part,
        [iso(int(time_ms)) for time_ms in close_ms],
    )


def horizon_name(length_ms: int) -> str:
    """Return a horizon in hours up to half a day, then in days."""
    return f"{length_ms // DAY_MS}d" if length_ms % DAY_MS == 0 else f"{length_ms // HOUR_MS}h"


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _outcome(r: Result) -> tree.StudiedOutcome:
    horizon = horizon_name(r.horizon_ms)
    return tree.StudiedOutcome(
        name=f"{r.symbol} {r.outcome} {horizon}",
        symbol=r.symbol,
        horizon=horizon,
        outcome=r.outcome,
        events=r.events,
        event_mean=_known(r.event_mean),
        all_mean=r.all_mean,
        difference=_known(r.difference),
        low=_known(r.low),
        high=_known(r.high),
        newey_west_p=_known(r.newey_west_p),
        placebo_p=_known(r.placebo_p),
        adjusted_p=_known(r.adjusted_p),
        evidence=r.evidence,
    )


def verdict(name: str, events: Mapping[str, int], results: Sequence[Result]) -> tree.StudyVerdict:
    """Say whether anything followed that chance does not explain, and on how many events that rests.

    Parameters
    ----------
    name : of the signal.
    events : how many there were on each market.
    """
    counts = ", ".join(f"{symbol} {many}" for symbol, many in events.items())
    tested = [r for r in results if not np.isnan(r.adjusted_p)]
    if not tested:
        text = f"No evidence: too few events of {name} to tell anything ({counts}; {LEAST_EVENTS} are the least)."
        return tree.StudyVerdict(None, text)
    found = [r for r in tested if r.evidence]
    least = min(r.adjusted_p for r in tested)
    if not found:
        text = (
            f"No evidence: nothing that followed {name} differs from any other time more than chance explains "
            f"({counts} events, {len(tested)} outcomes, smallest adjusted p {least:.2g})."
        )
        return tree.StudyVerdict(evidence=False, text=text)
    told = [_told(r) for r in found if r.outcome == "return"]
    way = "" if told else " Which way price goes it does not tell."
    for name_of, sign in (("larger", 1), ("smaller", -1)):
        moves = [r for r in found if r.outcome != "return" and r.difference * sign > 0]
        told += [_moves(name_of, moves)] if moves else []
    text = f"Evidence ({counts} events; {len(found)} of {len(tested)} outcomes): {'; '.join(told)}.{way}"
    return tree.StudyVerdict(evidence=True, text=text)


def _told(r: Result) -> str:
    event, every = (words.fraction(v, 2) for v in (r.event_mean, r.all_mean))
    what = f"{r.symbol} return of {horizon_name(r.horizon_ms)}"
    return f"{what} {event}, any time {every}, adjusted p {r.adjusted_p:.2g}"


def _moves(name: str, found: Sequence[Result]) -> str:
    """Say over which horizons, and where, moves are larger or smaller than at any time."""
    first, last = (horizon_name(end(r.horizon_ms for r in found)) for end in (min, max))
    span = first if first == last else f"{first} to {last}"
    where = ", ".join(dict.fromkeys(r.symbol for r in found))
    least = min(r.adjusted_p for r in found)
    return f"{name} moves within {span} ({where}; smallest adjusted p {least:.2g})"
