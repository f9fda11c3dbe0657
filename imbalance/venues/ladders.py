"""Maintenance ladders from a dated table, for venues that publish none without a key."""

import functools
from pathlib import Path

import msgspec

from imbalance.records import MarginTier

STAND_IN = "SOL"

_Rows = dict[str, list[tuple[float, float, float, float, float]]]


class _Table(msgspec.Struct):
    note: str
    as_of: str
    venues: dict[str, _Rows]


@functools.cache
def _table() -> _Table:
    return msgspec.json.decode(Path(__file__).with_suffix(".json").read_bytes(), type=_Table)


def stored(venue: str, base: str) -> tuple[list[MarginTier], str]:
    """Return a venue's ladder for a coin and a note on where it is from; empty where the table has none.

    A coin that the table lacks takes the ladder of a mid-sized one, and the note says so.
    """
    table = _table()
    ladders = table.venues.get(venue)
    if not ladders:
        return [], ""
    name = base if base in ladders else STAND_IN if STAND_IN in ladders else next(iter(ladders))
    tiers = [
        MarginTier(floor, cap, rate, leverage, deduction) for floor, cap, rate, deduction, leverage in ladders[name]
    ]
    stand_in = "" if name == base else f", {name}'s ladder used instead"
    return tiers, f"margin ladder of {table.as_of}{stand_in}"
