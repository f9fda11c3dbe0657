"""What was read and estimated as signals: values with evidence, source and age, and the checklists made of them."""

from __future__ import annotations

from typing import Any

from imbalance.report import tree
from imbalance.report.signals import activity, checklists, levels, others, positions
from imbalance.report.signals.read import Past, Read
from imbalance.units import Side


def sections(read: Read, past: Past, map_before: levels.MapBefore) -> dict[str, Any]:
    """Build the sections of the signals' document.

    Parameters
    ----------
    past : what the store keeps of before.
    map_before : gives the map of the market as it was at a moment [ms].
    """
    found = [levels.levels(read, side, map_before) for side in Side]
    sweeps = sorted((event for one in found for event in one.events), key=lambda event: event.reclaimed)
    return {
        "price": read.market.price,
        "signals": [
            *positions.readings(read, past),
            *activity.readings(read),
            *others.readings(read, past),
            *_told(read, found),
        ],
        "sweeps": sweeps,
        "checklists": checklists.checklists(read, sweeps, levels.blind(found)),
        "risks": checklists.RISKS,
    }


def _told(read: Read, found: list[levels.Levels]) -> list[tree.Reading]:
    return [tell(read, one) for one in found for tell in (levels.sweep_reading, levels.spring_reading)]


def gauges(read: Read) -> list[tree.Signal]:
    """Return the sweeps, springs and checklists as gauges of a report, each with its base rate."""
    found = [levels.levels(read, side) for side in Side]
    sweeps = sorted((event for one in found for event in one.events), key=lambda event: event.reclaimed)
    told = [tree.Signal(r.id, r.label, r.value, r.unit, _with(r.text, r.base_rate)) for r in _told(read, found)]
    for c in checklists.checklists(read, sweeps, levels.blind(found)):
        states = "; ".join(f"{one.label.lower()}: {one.state}" for one in c.conditions)
        told.append(
            tree.Signal(
                f"{c.id}_checklist", c.label, float(c.met), "conditions", _with(f"{c.text} ({states})", c.base_rate)
            )
        )
    return told


def _with(text: str, rate: tree.BaseRate | None) -> str:
    return text if rate is None else f"{text}. {rate.text[0].upper()}{rate.text[1:]}"
