"""Figures that cannot be true, or are not of now: each doubted by name, with what it is held against.

A venue at another price or with a dead feed is left out whole; else the figure alone is, and what needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from imbalance.doubts import (
    ages,
    books,
    interest,
    liquidations,
    mood,
    prices,
    quotes,
    ratios,
    series,
    sides,
    sizes,
    times,
)
from imbalance.doubts.evidence import Doubt, Evidence, forget
from imbalance.errors import DoubtfulError
from imbalance.wire.harvest import Figure, Harvest

# What one stage leaves out is no measure for the next.
STAGES = (
    times.feeds,
    prices.marks,
    prices.bars,
    prices.days,
    interest.own,
    interest.supply,
    interest.positions,
    sizes.volumes,
    sizes.turnover,
    books.books,
    sizes.funding,
    liquidations.venues,
    quotes.liquidations,
    sides.swapped,
    liquidations.coverage,
    quotes.totals,
    quotes.levels,
    quotes.open_interest,
    ratios.ratios,
    ages.old,
    mood.mood,
    series.holes,
    times.clock,
)


def examine(harvests: Sequence[Harvest], base: str, now_ms: int) -> list[Doubt]:
    """Return what is doubted; the harvests are left as they are.

    Parameters
    ----------
    harvests : what each source gave.
    base : the coin.
    now_ms : the moment of the run [ms]; what came without a time has it.
    """
    evidence = Evidence(harvests, base, now_ms)
    found: list[Doubt] = []
    for stage in STAGES:
        told = stage(evidence)
        evidence.leave_out(told)
        found += told
    return found


def act(harvests: Sequence[Harvest], doubts: Sequence[Doubt]) -> None:
    """Leave out what cannot be true, and keep with every source what is doubted of it."""
    named = {h.name: h for h in harvests}
    for doubt in doubts:
        harvest = named[doubt.source]
        if doubt.left_out:
            # What a source says of other exchanges stays to be shown as doubtful.
            if harvest.source.is_venue or doubt.figure is not Figure.LIQUIDATIONS:
                forget(harvest, doubt.figure)
            harvest.failures.append(DoubtfulError(harvest.name, doubt.figure.value, f"left out, since {doubt.reason}"))
        else:
            harvest.doubted.append(DoubtfulError(harvest.name, doubt.figure.value, doubt.reason))


__all__ = ["Doubt", "act", "examine"]
