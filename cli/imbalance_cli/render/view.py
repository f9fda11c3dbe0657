"""A document as parts: what is shown and in which order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from imbalance.report import tree, words
from imbalance.wire.harvest import Figure
from imbalance_cli.render import small_views
from imbalance_cli.render.parts import Bar, Bars, Block, Column, Line, Table, Title

LEAST_ROWS_A_SIDE = 5


def blocks_of(document: tree.Document) -> list[Block]:
    """Return the blocks of a document."""
    if isinstance(document, tree.SourcesReport) and not document.sources:
        return body_of(document)
    gaps = [Line(gap_text(document, g), "warn" if g.failed else "dim") for g in document.gaps]
    return [title_of(document), *_first(document), *body_of(document), *gaps]


def body_of(document: tree.Document) -> list[Block]:
    """Return what a document shows between its title and its gaps."""
    if isinstance(document, tree.SourcesReport) and not document.sources:
        return small_views.capabilities(document.capabilities)
    _what, build = _VIEWS[type(document)]
    return build(document)


def title_of(document: tree.Document) -> Title:
    """Return what is shown, of when, from how many sources."""
    what, _build = _VIEWS[type(document)]
    symbol = "" if isinstance(document, tree.SentimentReport) else f"{document.symbol} "
    asked = [s for s in document.sources if s.status != "skipped"]
    good = sum(s.status == "ok" for s in asked)
    told = f"{good} of {len(asked)} sources" if asked else "bars file"
    moment = document.as_of.replace("T", " ").removesuffix(":00Z").removesuffix("Z")
    return Title(f"{symbol}{what}", f"{moment} UTC   {told}")


def _first(document: tree.Document) -> list[Block]:
    """Return what is said before any figure: where the data are from, what is not of now, and the notes."""
    lines: list[Block] = [Line(message, "warn") for message in (*old_messages(document), *document.notes)]
    if document.scenario:
        told = f"scenario {document.scenario}: synthetic data in the exchanges' formats, not live"
        return [Line(told, "warn"), *lines]
    if document.mode == "replay":
        return [Line("replay of a recording, not live", "warn"), *lines]
    return lines


def old_messages(document: tree.Document) -> list[str]:
    """Return what says that all figures are older than the clock."""
    return [gap.message for gap in document.gaps if gap.what == Figure.CLOCK]


def _report(r: tree.Report) -> list[Block]:
    price = r.market_price
    head = [f"mark {words.price(price.mark)}", f"24h {words.fraction(price.change_24h)}"]
    if price.days_since_high >= 1:
        head.append(f"{price.days_since_high:.0f}d {words.fraction(price.change_since_high)}")
    if r.funding.rate_8h is not None:
        head.append(f"funding {r.funding.rate_8h * 100:+.3f} %/8h")
    return [
        Line("   ".join(head)),
        _metrics(r.metrics),
        _bars(r),
        *(_risks([(words.band(b.low, b.high), b) for b in r.bands]) if r.bands else []),
        Line(r.verdict.text, "verdict"),
        _signals(r.signals),
        *_model(r),
    ]


def value(m: tree.Metric) -> str:
    """Return a metric's value with its mark: est for estimated, obs for observed sums, quoted for others' sums."""
    if m.value is None:
        return words.MISSING
    mark = " est" if m.kind == "estimated" else ""
    if m.unit == "usd":
        return words.usd(m.value) + (mark or (" quoted" if m.quoted_from else " obs"))
    if m.unit == "fraction":
        return f"{m.value * 100:+.0f} %"
    return f"{m.value:.0f}" if m.unit == "index" else words.ratio(m.value) + mark


def _metrics(metrics: list[tree.Metric]) -> Table:
    columns = [
        Column("Metric"),
        Column("Value", right=True),
        Column("90 % range", right=True, drop=1),
        Column("Significance", wrap=True, drop=2),
    ]
    rows, styles = [], []
    for m in metrics:
        rows.append([m.label, value(m), words.span(m.low, m.high, m.unit), m.significance])
        styles.append({"short_liquidation_risk": "short", "long_liquidation_risk": "long"}.get(m.id, ""))
        for q in m.quoted:
            band = f" {words.band(*q.band)}" if q.band else ""
            span = words.span(q.own_low, q.own_high, "usd")
            own = f"our estimate for that band {words.usd(q.own_value)} ({span}), exposed {words.usd(q.own_exposed)}"
            rows.append([f"  {words.name(q.source)}{band}", f"{words.usd(q.value)} quoted", "", own])
            styles.append("quoted")
    return Table(columns, rows, styles)


def nice_step(span: float, rows: int) -> float:
    """Return a round step (1, 2, 2.5 or 5 times a power of ten) that cuts `span` into at most `rows`."""
    raw = span / rows
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))


def _between(edges: list[float], mass: list[float], low: float, high: float) -> float:
    total = 0.0
    for left, right, usd in zip(edges, edges[1:], mass, strict=False):
        if usd and right > low and left < high:
            total += usd * math.log(min(right, high) / max(left, low)) / math.log(right / left)
    return total


def _bars(document: tree.ClustersReport) -> Bars:
    price, window = document.price, document.risk.window_pct / 100
    step = nice_step(price * window, LEAST_ROWS_A_SIDE + 2)
    m = document.map

    def bar(low: float, high: float, side: str) -> Bar:
        usd = _between(m.edges, m.short_usd if side == "short" else m.long_usd, low, high)
        return Bar(low, high, (low + high) / 2 / price - 1, usd, side)

    first = math.floor(price / step) * step
    above, below = [], []
    at = first
    while at < price * (1 + window) - step * 0.05:
        above.append(bar(max(at, price), at + step, "short"))
        at += step
    at = first
    while at + step > price * (1 - window) + step * 0.05:
        below.append(bar(at, min(at + step, price), "long"))
        at -= step
    return Bars(price, above[::-1], below)


def _signals(signals: list[tree.Signal]) -> Table:
    return Table(
        [Column("Gauge"), Column("Reading", wrap=True)],
        [[s.label, s.text] for s in signals],
        ["dim"] * len(signals),
    )


def _model(r: tree.ClustersReport) -> list[Block]:
    forced, audit = r.model.forced_share, r.audit
    why = "a day or less of history" if r.model.history_days <= 1 else "no observed liquidations"
    calibrated = "calibrated" if r.model.calibrated else f"not calibrated: {why}, the prior stands"
    worst = max(audit.long_exposed_base, audit.short_exposed_base)
    share = worst / audit.open_interest_base if audit.open_interest_base else 0.0
    return [
        Line(
            f"forced: {forced.value * 100:.0f} % ({forced.low * 100:.0f}-{forced.high * 100:.0f} %) of exposed would "
            f"actually be liquidated; largest uncertainty: {r.model.dominant_uncertainty}; {calibrated}",
            "dim",
        ),
        Line(
            f"audit: the larger side's exposed positions are {share * 100:.0f} % of "
            f"{words.coins(audit.open_interest_base)} open; "
            f"{audit.swept_share * 100:.0f} % swept, {audit.unexplained_share * 100:.1f} % unexplained",
            "dim",
        ),
    ]


def _map(r: tree.ClustersReport) -> list[Block]:
    rows = [
        [
            c.side,
            words.band(c.low, c.high),
            f"{c.distance_pct:+.1f} %",
            words.usd(c.usd) + " est",
            words.span(c.usd_low, c.usd_high, "usd"),
            words.usd(c.exposed_usd),
        ]
        for c in r.clusters
    ]
    columns = [
        Column("Cluster"),
        Column("Prices"),
        Column("Distance", right=True),
        Column("Forced", right=True),
        Column("90 % range", right=True, drop=1),
        Column("Exposed", right=True, drop=2),
    ]
    return [
        Line(f"price {words.price(r.price)}"),
        _bars(r),
        Table(columns, rows, [c.side for c in r.clusters]),
        *_model(r),
    ]


def _windows(r: tree.ClustersReport) -> list[Block]:
    windows = {w.window_pct: w for w in (*r.windows, r.risk)}
    spans: list[tuple[str, tree.Risk]] = [(f"+-{pct:g} %", windows[pct]) for pct in sorted(windows)]
    spans += [(words.band(b.low, b.high), b) for b in r.bands]
    own = sorted(windows).index(r.risk.window_pct)
    return _risks(spans, kept=(own, *range(len(windows), len(spans))))


def _risks(spans: Sequence[tuple[str, tree.Risk]], kept: tuple[int, ...] = ()) -> list[Block]:
    rows = [
        [
            name,
            words.usd(w.long.usd),
            words.span(w.long.low, w.long.high, "usd"),
            words.usd(w.short.usd),
            words.span(w.short.low, w.short.high, "usd"),
            words.ratio(w.ratio),
            words.ratio(w.path_implied_ratio),
            f"{words.ratio(w.lift)} ({words.span(w.lift_low, w.lift_high, 'ratio')})"
            if w.lift is not None
            else words.MISSING,
        ]
        for name, w in spans
    ]
    columns = [
        Column("Within"),
        Column("Long", right=True),
        Column("90 %", right=True, drop=3),
        Column("Short", right=True),
        Column("90 %", right=True, drop=3),
        Column("S:L", right=True),
        Column("Path", right=True, drop=1),
        Column("Lift", right=True, drop=2),
    ]
    note = "S:L assumes equal leverage on both sides; Path is what the price path alone gives; Lift is their quotient."
    far = [Line(f"{name}: {w.note}", "dim") for name, w in spans if isinstance(w, tree.BandRisk) and w.note]
    return [Table(columns, rows, kept=kept), *far, Line(note, "dim")]


def gap_text(document: tree.Document, gap: tree.Gap) -> str:
    """Return a gap in words; one of a whole source is called by that source's title."""
    whole = any(s.name == gap.source and s.title == gap.what for s in document.sources)
    where = gap.what if whole else f"{gap.source} {gap.what}"
    return f"gap: {where}: {words.sentences(gap.message, gap.hint if gap.failed else '')}"


def _picture(r: tree.HeatmapReport) -> list[Block]:
    size = f"{len(r.time)} columns of time, {len(r.edges) - 1} bins of price"
    long, short = (words.usd(sum(side[-1])) for side in (r.long_usd, r.short_usd))
    return [
        Line(
            f"price {words.price(r.price[-1])}; forced over all prices, last column: long {long} est, short {short} est"
        ),
        Line(f"{size}: see --format table or json, or -o map.png", "dim"),
    ]


# What each document is called and what it shows between its title and its gaps.
_VIEWS: dict[type, tuple[str, Callable[[Any], list[Block]]]] = {
    tree.Report: ("futures imbalance", _report),
    tree.ClustersReport: ("liquidation map", lambda r: [*_map(r), *_windows(r)]),
    tree.OpenInterestReport: ("open interest", small_views.interest),
    tree.VolumeReport: ("volume", lambda r: small_views.volume(r.volume)),
    tree.LiquidationsReport: ("liquidations, 24 h", small_views.liquidations),
    tree.SentimentReport: ("Fear & Greed", lambda r: small_views.mood(r.sentiment)),
    tree.CascadeReport: ("cascade", small_views.cascade),
    tree.ValidateReport: ("validation", small_views.validation),
    tree.SourcesReport: ("sources", lambda r: small_views.sources(r.sources, r.as_of)),
    tree.PositionsReport: ("positions of known accounts", small_views.positions),
    tree.HeatmapReport: ("heatmap", _picture),
}
