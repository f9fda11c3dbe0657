"""A liquidation map to its sections."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import msgspec
import numpy as np

from imbalance.engine import liquidation_map as engine
from imbalance.engine.estimate import SHORTEST_HISTORY_MS
from imbalance.engine.margin import LONG, SHORT
from imbalance.market import NO_INTEREST, Floats, MarketData
from imbalance.report import tree, words
from imbalance.units import DAY_MS, interval_name, iso

WINDOWS_PCT = (2.0, 5.0, 10.0, 15.0, 20.0)
BIN_DIGITS = 2
MOST_ROWS = 6  # a side of the map in rows
PART = 0.05  # of a row: what is left beyond the last one that is worth no row of its own


def significant(values: Floats) -> list[float]:
    """Return values with twelve significant digits: enough for any price, from a fraction of a cent up."""
    return [float(f"{value:.12g}") for value in values]


def range_(r: engine.Range) -> tree.Range:
    """Build a range."""
    return tree.Range(r.value, r.low, r.high)


def _side(s: engine.SideRisk, *, known: bool) -> tree.SideRisk:
    return tree.SideRisk(s.usd, s.low, s.high, s.exposed_usd, s.band) if known else tree.SideRisk(*[None] * 5)


def _risk(found: engine.LiquidationMap, low: float, high: float) -> dict[str, Any]:
    risk = found.band(low, high)
    ratio, lift = risk.ratio, risk.lift
    notes = [_far_side(found.price, low, high), beyond_map(found, low, high)]
    return {
        "note": "; ".join(text for text in notes if text),
        "long": _side(risk.long, known=high > found.edges[0]),
        "short": _side(risk.short, known=low < found.edges[-1]),
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "heavier": risk.heavier,
        "path_implied_ratio": risk.path_implied_ratio,
        "lift": lift.value if lift else None,
        "lift_low": lift.low if lift else None,
        "lift_high": lift.high if lift else None,
    }


def window(found: engine.LiquidationMap, pct: float) -> tree.WindowRisk:
    """Build the risk of a window."""
    share = pct / 100
    return tree.WindowRisk(window_pct=pct, **_risk(found, found.price * (1 - share), found.price * (1 + share)))


def band(found: engine.LiquidationMap, low: float, high: float) -> tree.BandRisk:
    """Build the risk of a band."""
    return tree.BandRisk(low=low, high=high, **_risk(found, low, high))


def beyond_map(found: engine.LiquidationMap, low: float, high: float) -> str:
    """Return that a span reaches beyond the map, where nothing is known; empty where it does not."""
    first, last = float(found.edges[0]), float(found.edges[-1])
    if low >= first and high <= last:
        return ""
    return f"the map ends at {words.price(first)} and {words.price(last)}: what lies beyond is not known and in no sum"


def _far_side(price: float, low: float, high: float) -> str:
    """Return why a side is 0 in a band that lies wholly on the other side of the price; empty where it does not."""
    if low >= price:
        return "above the price shorts alone are liquidated: long is 0, and there is no ratio"
    if high <= price:
        return "below the price longs alone are liquidated: short is 0, and there is no ratio"
    return ""


def short_history(market: MarketData) -> list[str]:
    """Return what must be said first where the market's history is too short to compare sides; else nothing."""
    if market.history_ms > SHORTEST_HISTORY_MS:
        return []
    bars = market.history_ms // market.interval_ms
    told = f"only {bars} bars of {interval_name(market.interval_ms)} are known, a day or less: nothing is calibrated, "
    return [told + "the ranges are the prior's, and the sides are not compared"]


def later(asked_ms: int | None, end_ms: int) -> list[str]:
    """Return what to say where bars end before the moment asked for."""
    if asked_ms is None or asked_ms <= end_ms:
        return []
    return [f"--as-of {iso(asked_ms)} is later than the last bar known then, which ends at {iso(end_ms)}"]


def left_out(market: MarketData) -> list[tree.Gap]:
    """Return a gap for each venue that has no open interest, so that maps and sums lack it."""
    return [
        tree.Gap(v.name, "open interest", NO_INTEREST, failed=False) for v in market.venues if not v.has_open_interest
    ]


def doubted(market: MarketData) -> list[tree.Gap]:
    """Return a gap for each figure of a bars file that is doubted."""
    from imbalance.doubts.bars import examine_bars

    return [tree.Gap(d.source, d.figure.value, d.reason, failed=False) for d in examine_bars(market)]


def rows(found: engine.LiquidationMap, share: float, side: Literal["short", "long"]) -> list[tree.MapRow]:
    """Lay a side's map out in rows between round prices, from the price outward to a share of it.

    Rows end where the map does: what lies beyond is not known, and no 0.
    """
    price, edges = found.price, [found.price]
    step = nice_step(price * share, MOST_ROWS)
    if side == "short":
        reach = float(found.edges[-1])
        end, at = min(price * (1 + share), reach), math.floor(price / step) * step + step
        while edges[-1] < end - PART * step:
            edges.append(min(at, reach))
            at += step
    else:
        reach = float(found.edges[0])
        end, at = max(price * (1 - share), reach), math.ceil(price / step) * step - step
        while edges[-1] > end + PART * step:
            edges.append(max(at, reach))
            at -= step
    # A sliver between the price and the nearest round one is no row of its own.
    if len(edges) > 2 and abs(edges[1] - price) < PART * step:  # noqa: PLR2004
        del edges[1]
    spans = [sorted(pair) for pair in itertools.pairwise(edges)]
    held = _held_of_largest(found, spans, side)
    marked = held.index(max(held)) if any(held) else None
    built, total = [], 0.0
    for i, (low, high) in enumerate(spans):
        risk = getattr(found.band(low, high), side)
        total += risk.usd
        built.append(tree.MapRow(side, low, high, risk.usd, risk.low, risk.high, total, i == marked))
    return built


def _held_of_largest(
    found: engine.LiquidationMap, spans: list[list[float]], side: Literal["short", "long"]
) -> list[float]:
    """Return what each span holds of a side's largest cluster [USD]; all 0 where most of it lies in none."""
    largest = next((c for c in found.clusters() if c.side == side), None)
    if largest is None:
        return [0.0] * len(spans)
    parts = [(max(low, largest.low), min(high, largest.high)) for low, high in spans]
    held = [found.held(LONG if side == "long" else SHORT, low, max(low, high)) for low, high in parts]
    return held if sum(held) >= largest.usd / 2 else [0.0] * len(spans)


def nice_step(span: float, most: int) -> float:
    """Return a round step (1, 2, 2.5 or 5 times a power of ten) that cuts `span` into at most `most`."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))


def map_(found: engine.LiquidationMap) -> tree.Map:
    """Build the map bin by bin."""

    def bins(values: Floats) -> list[float]:
        return [round(v, BIN_DIGITS) for v in values.tolist()]

    long_low, long_high = found.bounds(LONG)
    short_low, short_high = found.bounds(SHORT)
    return tree.Map(
        edges=significant(found.edges),
        long_usd=bins(found.forced[LONG]),
        short_usd=bins(found.forced[SHORT]),
        long_usd_low=bins(long_low),
        long_usd_high=bins(long_high),
        short_usd_low=bins(short_low),
        short_usd_high=bins(short_high),
        long_exposed_usd=bins(found.exposed[LONG]),
        short_exposed_usd=bins(found.exposed[SHORT]),
    )


def clusters(found: engine.LiquidationMap) -> list[tree.Cluster]:
    """Build the largest clusters of each side."""
    return [
        tree.Cluster(c.side, c.low, c.high, c.peak, c.usd, c.usd_low, c.usd_high, c.exposed_usd, c.distance * 100)
        for c in found.clusters()
    ]


def venues(market: MarketData) -> list[tree.Venue]:
    """Build the list of venues in a map."""
    rows = []
    for v in market.venues:
        known = np.flatnonzero(np.isfinite(v.open_interest_base)) if v.has_open_interest else np.array([], dtype=int)
        base = float(v.open_interest_base[known[-1]]) if known.size else None
        start = int(market.time_ms[known[0]]) if known.size else int(market.time_ms[0])
        rows.append(
            tree.Venue(
                v.name,
                base,
                base * market.price if base is not None else None,
                interval_name(market.interval_ms),
                iso(start),
                str(v.feed),
                list(v.notes),
            )
        )
    return rows


def sections(
    market: MarketData, found: engine.LiquidationMap, window_pct: float, bands: list[tree.Band]
) -> dict[str, Any]:
    """Build all sections that a map gives: price, venues, model, map, risk, windows, bands, clusters, audit."""
    model, audit = found.model, found.audit
    return {
        "price": found.price,
        "venues": venues(market),
        "model": tree.Model(
            model.name,
            model.calibrated,
            range_(model.printed_share) if model.printed_share else None,
            {name: range_(r) for name, r in model.capture.items()},
            range_(model.forced_share),
            model.assumptions | ({"data": "; ".join(market.notes)} if market.notes else {}),
            model.dominant_uncertainty,
            market.history_ms / DAY_MS,
        ),
        "map": map_(found),
        "risk": window(found, window_pct),
        "windows": [window(found, pct) for pct in WINDOWS_PCT],
        "bands": [band(found, low, high) for low, high in bands],
        "clusters": clusters(found),
        "rows": [row for side in ("short", "long") for row in rows(found, window_pct / 100, side)],
        "audit": tree.Audit(
            audit.total("open_interest_base"),
            audit.total("long_exposed_base"),
            audit.total("short_exposed_base"),
            audit.swept_share,
            audit.closed_share,
            audit.unexplained_share,
            [tree.VenueAudit(**msgspec.structs.asdict(v)) for v in audit.venues],
        ),
    }
