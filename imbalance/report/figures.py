"""Figures of a report by name, as conditions are written over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from imbalance.expressions import Value
from imbalance.report import tree

Kind = Literal["number", "text"]
Side = Literal["long", "short"]
Unit = Literal["price", "usd", "base", "fraction", "ratio", "index", "text"]


class Read(NamedTuple):
    """A figure as read: with its range where it has one, and why it is missing where it is."""

    value: Value
    low: float | None = None
    high: float | None = None
    why: str = ""


class Figure(NamedTuple):
    """What may be named: ``name``, and ``name.low`` and ``name.high`` where it is `ranged`."""

    name: str
    unit: Unit
    about: str
    read: Callable[[tree.Report], Read]
    ranged: bool = False


def _lacking(what: str, missing: list[str]) -> str:
    """Return why a sum is not known: it would be smaller than it is without some venues."""
    return f"{what} of {', '.join(missing)} is not known; name the venues that are with --venue" if missing else ""


def _summed(value: float | None, what: str, missing: list[str]) -> Read:
    why = _lacking(what, missing)
    return Read(None if why else value, why=why)


def _mapped(r: tree.Report, read: Read) -> Read:
    """Return what is read off the map, but for a map that lacks a selected venue: amounts on it are too small."""
    known = {venue.name for venue in r.open_interest.venues}
    lacking = sorted({*r.open_interest.missing, *known - {venue.name for venue in r.venues}})
    return Read(None, why=_lacking("the map", lacking)) if lacking else read


def _side(side: Side) -> Callable[[tree.Report], Read]:
    def read(r: tree.Report) -> Read:
        risk = getattr(r.risk, side)
        return _mapped(r, Read(risk.usd, risk.low, risk.high, r.risk.note))

    return read


def _exposed(side: Side) -> Callable[[tree.Report], Read]:
    return lambda r: _mapped(r, Read(getattr(r.risk, side).exposed_usd, why=r.risk.note))


def _largest(side: Side) -> Callable[[tree.Report], tree.Cluster | None]:
    def found(r: tree.Report) -> tree.Cluster | None:
        return max((c for c in r.clusters if c.side == side), key=lambda c: c.usd, default=None)

    return found


def _nearest(side: Side) -> Callable[[tree.Report], tree.Cluster | None]:
    def found(r: tree.Report) -> tree.Cluster | None:
        return min((c for c in r.clusters if c.side == side), key=lambda c: abs(c.distance_pct), default=None)

    return found


Which = Callable[[Side], Callable[[tree.Report], tree.Cluster | None]]


def _cluster_usd(side: Side, which: Which = _largest) -> Callable[[tree.Report], Read]:
    def read(r: tree.Report) -> Read:
        found = which(side)(r)
        none = Read(None, why=f"no {side} cluster")
        return _mapped(r, Read(found.usd, found.usd_low, found.usd_high) if found else none)

    return read


def _cluster_distance(side: Side, which: Which = _largest) -> Callable[[tree.Report], Read]:
    def read(r: tree.Report) -> Read:
        found = which(side)(r)
        return Read(found.distance_pct / 100) if found else Read(None, why=f"no {side} cluster")

    return read


def _heavier(r: tree.Report) -> Read:
    if r.risk.ratio is None:
        return Read(None, why="the sides are not compared")
    return Read(r.risk.heavier or "neither")


def _ratio(r: tree.Report) -> Read:
    return Read(r.risk.ratio, r.risk.ratio_low, r.risk.ratio_high, "a side is 0 or not known in the window")


def _lift(r: tree.Report) -> Read:
    return Read(r.risk.lift, r.risk.lift_low, r.risk.lift_high, "a side is 0 or not known in the window")


def _change_since_low(r: tree.Report) -> Read:
    change = r.open_interest.change
    return Read(change.value) if change else Read(None, why="no history of open interest")


def _mood(r: tree.Report) -> Read:
    if r.sentiment is None:
        return Read(None, why="no source gave the index")
    # Yesterday's mood is no mood of now.
    return Read(None, why=f"the index is {r.sentiment.old}") if r.sentiment.old else Read(float(r.sentiment.value))


def _liquidated(side: Literal["", "long_", "short_"]) -> Callable[[tree.Report], Read]:
    def read(r: tree.Report) -> Read:
        seen = r.liquidations
        quoted = all(o.quoted for o in seen.observed if o.source in seen.of)
        return _summed(getattr(seen, f"{side}usd"), "what was liquidated", [] if quoted else seen.missing)

    return read


def _cme(r: tree.Report) -> Read:
    found = r.institutional
    return Read(found.open_interest_base) if found else Read(None, why="the CFTC reports no CME futures of it")


FIGURES = (
    Figure("price", "price", "mark price in USD", lambda r: Read(r.market_price.mark)),
    Figure("change_24h", "fraction", "change of the price in 24 hours", lambda r: Read(r.market_price.change_24h)),
    Figure(
        "drawdown",
        "fraction",
        "change since the high of the lookback",
        lambda r: Read(r.market_price.change_since_high),
    ),
    Figure("heavier", "text", '"long", "short" or "neither" within the window', _heavier),
    Figure("ratio", "ratio", "short : long within the window", _ratio, ranged=True),
    Figure(
        "path_implied_ratio",
        "ratio",
        "short : long that the price path alone gives",
        lambda r: Read(r.risk.path_implied_ratio, why="a side is 0 or not known in the window"),
    ),
    Figure("lift", "ratio", "ratio over what the price path alone gives", _lift, ranged=True),
    Figure("long_usd", "usd", "longs force-closed within the window", _side("long"), ranged=True),
    Figure("short_usd", "usd", "shorts force-closed within the window", _side("short"), ranged=True),
    Figure("long_exposed_usd", "usd", "longs exposed within the window", _exposed("long")),
    Figure("short_exposed_usd", "usd", "shorts exposed within the window", _exposed("short")),
    Figure("long_cluster_usd", "usd", "largest cluster of longs", _cluster_usd("long"), ranged=True),
    Figure("short_cluster_usd", "usd", "largest cluster of shorts", _cluster_usd("short"), ranged=True),
    Figure(
        "long_cluster_distance",
        "fraction",
        "from the price to that cluster's peak; negative",
        _cluster_distance("long"),
    ),
    Figure("short_cluster_distance", "fraction", "from the price to that cluster's peak", _cluster_distance("short")),
    Figure("nearest_long_usd", "usd", "nearest cluster of longs", _cluster_usd("long", _nearest), ranged=True),
    Figure("nearest_short_usd", "usd", "nearest cluster of shorts", _cluster_usd("short", _nearest), ranged=True),
    Figure(
        "nearest_long_distance",
        "fraction",
        "from the price to that cluster's peak; negative",
        _cluster_distance("long", _nearest),
    ),
    Figure(
        "nearest_short_distance",
        "fraction",
        "from the price to that cluster's peak",
        _cluster_distance("short", _nearest),
    ),
    Figure(
        "open_interest_usd",
        "usd",
        "open interest, one side, of all selected venues",
        lambda r: _summed(r.open_interest.total_usd, "open interest", r.open_interest.missing),
    ),
    Figure(
        "open_interest_base",
        "base",
        "the same in coins",
        lambda r: _summed(r.open_interest.total_base, "open interest", r.open_interest.missing),
    ),
    Figure("open_interest_change", "fraction", "its change since its low, in coins", _change_since_low),
    Figure(
        "volume_24h_usd",
        "usd",
        "traded in 24 hours on all selected venues",
        lambda r: _summed(r.volume.total_24h_usd, "volume", r.volume.missing),
    ),
    Figure(
        "funding_rate_8h",
        "fraction",
        "funding, weighted by open interest, per 8 hours",
        lambda r: Read(r.funding.rate_8h, why="no venue gave it"),
    ),
    Figure("fear_greed", "index", "Fear & Greed index of today, 0 to 100", _mood),
    Figure("liquidations_24h_usd", "usd", "liquidated in 24 hours", _liquidated("")),
    Figure(
        "seen_liquidations_24h_usd",
        "usd",
        "the same as far as any source shows it: a lower bound",
        lambda r: Read(r.liquidations.usd, why="no source shows any"),
    ),
    Figure("long_liquidations_24h_usd", "usd", "longs among them", _liquidated("long_")),
    Figure("short_liquidations_24h_usd", "usd", "shorts among them", _liquidated("short_")),
    Figure("cme_open_interest_base", "base", "open interest of CME futures, weekly", _cme),
)


def known() -> dict[str, Kind]:
    """Return every name that a condition may hold, and whether it is a number or a text."""
    names: dict[str, Kind] = {}
    for figure in FIGURES:
        names[figure.name] = "text" if figure.unit == "text" else "number"
        if figure.ranged:
            names |= {f"{figure.name}.low": "number", f"{figure.name}.high": "number"}
    return names


def values(read: Mapping[str, Read]) -> dict[str, Value]:
    """Return the values of all names."""
    found: dict[str, Value] = {}
    for figure in FIGURES:
        figures = read[figure.name]
        found[figure.name] = figures.value
        if figure.ranged:
            found |= {f"{figure.name}.low": figures.low, f"{figure.name}.high": figures.high}
    return found
