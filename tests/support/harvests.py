"""Harvests of a few rows, and what a stage of doubts says of them."""

from __future__ import annotations

from imbalance.doubts.evidence import Evidence
from imbalance.providers import PROVIDERS
from imbalance.records import Candle, Instrument, Liquidation
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.venues import VENUES
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

NOW_MS = 1_769_774_400_000  # 2026-01-30T12:00:00Z
MIDNIGHT_MS = NOW_MS - DAY_MS // 2
SOURCES = {source.name: source for source in (*VENUES, *PROVIDERS)}


def venue(place, kind=None, rows=(), **more):
    """Return a harvest of one of the venues; `more` maps names of kinds to rows."""
    source = VENUES[place]
    found = Harvest(source, Instrument(source.name, "X", "X", "USDT", source.contract), records={}, typed={})
    return filled(found, **({} if kind is None else {kind.name: rows}), **more)


def other(source, **kinds):
    """Return a harvest of a source that is no venue."""
    return filled(Harvest(source, records={}, typed={}), **kinds)


def gave(source, rows=(), **fields):
    """Return what a source gave: (kind, records) pairs."""
    harvest = Harvest(SOURCES[source], **fields)
    for kind, records in rows:
        harvest.keep(kind, list(records))
    return harvest


def filled(harvest, **kinds):
    for name, rows in kinds.items():
        harvest.keep(Kind[name], rows)
    return harvest


def doubted(stage, harvests, base="X"):
    """Return which sources are doubted, and whether the figure is left out."""
    return [(d.source, d.left_out) for d in stage(Evidence(harvests, base, NOW_MS))]


def reasons(stage, harvests, base="X", now_ms=NOW_MS):
    """Return the words of each doubt."""
    return [d.reason for d in stage(Evidence(harvests, base, now_ms))]


def hours(moves, start_ms=NOW_MS - DAY_MS):
    """Return hourly bars whose closes move so, the first of them an hour before."""
    rows, close = [], 100.0
    for i, move in enumerate([0.0, *moves]):
        opened, close = close, close * (1 + move)
        rows.append(Candle(start_ms + (i - 1) * HOUR_MS, opened, max(opened, close), min(opened, close), close, 1e9))
    return rows


def flat(count, end_ms=NOW_MS, step_ms=HOUR_MS, price=100.0, volume_base=1.0, **more):
    """Return bars of one price and volume, the last of which ends at a moment."""
    start_ms = end_ms - count * step_ms
    return [Candle(start_ms + i * step_ms, price, price, price, price, volume_base, **more) for i in range(count)]


def orders(longs, shorts):
    """Return liquidations of each side, one pair every hour."""
    at = NOW_MS - DAY_MS + HOUR_MS // 2
    return [
        Liquidation(at + i * HOUR_MS, side, 100.0, quantity)
        for i, pair in enumerate(zip(longs, shorts, strict=True))
        for side, quantity in zip((Side.LONG, Side.SHORT), pair, strict=True)
    ]
