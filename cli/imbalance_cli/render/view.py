"""A document as blocks: what is shown and in which order, for terminal and Markdown alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from imbalance.report import tree, words

LEAST_ROWS_A_SIDE = 5


@dataclass(frozen=True)
class Title:
    """What is shown, of when, from where."""

    left: str
    right: str


@dataclass(frozen=True)
class Line:
    """A sentence; `style` is a word that the terminal knows how to draw."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """A column; those with the highest `drop` go first where the screen is too narrow. Text may wrap."""

    name: str
    right: bool = False
    wrap: bool = False
    drop: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of cells; `styles` names a style for each row."""

    columns: list[Column]
    rows: list[list[str]]
    styles: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bar:
    """A run of prices with the forced liquidations in it."""

    low: float
    high: float
    distance: float
    usd: float
    side: str


@dataclass(frozen=True)
class Bars:
    """The map: bars from the highest price to the lowest, the price between the sides."""

    price: float
    above: list[Bar]
    below: list[Bar]


Block = Title | Line | Table | Bars


def blocks_of(document: tree.Document) -> list[Block]:
    """Return the blocks of a document."""
    if isinstance(document, tree.Report):
        return _report(document)
    if isinstance(document, tree.ClustersReport):
        return [
            _title(document, "liquidation map"),
            *_scenario(document),
            *_map(document),
            *_windows(document),
            *_gaps(document),
        ]
    if isinstance(document, tree.OpenInterestReport):
        return [
            _title(document, "open interest"),
            *_scenario(document),
            *_interest(document),
            *_gaps(document),
        ]
    if isinstance(document, tree.VolumeReport):
        return [_title(document, "volume"), *_scenario(document), *_volume(document.volume), *_gaps(document)]
    if isinstance(document, tree.LiquidationsReport):
        return [
            _title(document, "liquidations, 24 h"),
            *_scenario(document),
            *_liquidations(document),
            *_gaps(document),
        ]
    if isinstance(document, tree.SentimentReport):
        return [
            _title(document, "Fear & Greed"),
            *_scenario(document),
            *_mood(document.sentiment),
            *_gaps(document),
        ]
    if isinstance(document, tree.HeatmapReport):
        size = f"{len(document.time)} columns of time, {len(document.edges) - 1} bins of price"
        ways = Line(f"{size}: see --format table or json, or -o map.png")
        return [_title(document, "heatmap"), *_scenario(document), ways, *_gaps(document)]
    if isinstance(document, tree.CascadeReport):
        return [_title(document, "cascade"), *_scenario(document), *_cascade(document), *_gaps(document)]
    if isinstance(document, tree.ValidateReport):
        return [_title(document, "validation"), *_scenario(document), *_validation(document), *_gaps(document)]
    return [_title(document, "sources"), *_scenario(document), *_sources(document.sources), *_gaps(document)]


def _title(document: tree.Document, what: str) -> Title:
    symbol = "" if isinstance(document, tree.SentimentReport) else f"{document.symbol} "
    asked = [s for s in document.sources if s.status != "skipped"]
    good = sum(s.status == "ok" for s in asked)
    told = f"{good} of {len(asked)} sources" if asked else "bars file"
    moment = document.as_of.replace("T", " ").removesuffix(":00Z").removesuffix("Z")
    return Title(f"{symbol}{what}", f"{moment} UTC   {told}")


def _scenario(document: tree.Document) -> list[Block]:
    if document.scenario:
        return [Line(f"scenario {document.scenario}: synthetic data in the exchanges' formats, not live", "warn")]
    if document.mode == "replay":
        return [Line("replay of a recording, not live", "warn")]
    return []


def _report(r: tree.Report) -> list[Block]:
    price = r.market_price
    head = [f"mark {words.price(price.mark)}", f"24h {words.fraction(price.change_24h)}"]
    if price.days_since_high >= 1:
        head.append(f"{price.days_since_high:.0f}d {words.fraction(price.change_since_high)}")
    if r.funding.rate_8h is not None:
        head.append(f"funding {r.funding.rate_8h * 100:+.3f} %/8h")
    return [
        _title(r, "futures imbalance"),
        *_scenario(r),
        Line("   ".join(head)),
        _metrics(r.metrics),
        _bars(r),
        Line(r.verdict.text, "verdict"),
        _signals(r.signals),
        *_model(r),
        *_gaps(r),
    ]


def _value(m: tree.Metric) -> str:
    if m.value is None:
        return words.MISSING
    mark = " est" if m.kind == "estimated" else ""
    if m.unit == "usd":
        return words.usd(m.value) + (mark or " obs")
    if m.unit == "fraction":
        return f"{m.value * 100:+.0f} %"
    return f"{m.value:.0f}" if m.unit == "index" else words.ratio(m.value) + mark


def _span(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return ""
    show = words.usd if unit == "usd" else words.ratio
    return f"{show(low)}-{show(high)}"


def _metrics(metrics: list[tree.Metric]) -> Table:
    columns = [
        Column("Metric"),
        Column("Value", right=True),
        Column("90 % range", right=True, drop=1),
        Column("Significance", wrap=True, drop=2),
    ]
    rows, styles = [], []
    for m in metrics:
        rows.append([m.label, _value(m), _span(m.low, m.high, m.unit), m.significance])
        styles.append({"short_liquidation_risk": "short", "long_liquidation_risk": "long"}.get(m.id, ""))
        for q in m.quoted:
            band = f" {words.band(*q.band)}" if q.band else ""
            span = _span(q.own_low, q.own_high, "usd")
            own = f"ours there {words.usd(q.own_value)} ({span}), exposed {words.usd(q.own_exposed)}"
            rows.append([f"  {_name(q.source)}{band}", words.usd(q.value), "", own])
            styles.append("quoted")
    return Table(columns, rows, styles)


def _name(source: str) -> str:
    return {"coinglass": "CoinGlass", "cryptoquant": "CryptoQuant", "fear_greed": "alternative.me"}.get(source, source)


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
    calibrated = "calibrated" if r.model.calibrated else "not calibrated: no observed liquidations, the prior stands"
    worst = max(audit.long_exposed_base, audit.short_exposed_base)
    share = worst / audit.open_interest_base if audit.open_interest_base else 0.0
    return [
        Line(
            f"forced: what would be liquidated, {forced.value * 100:.0f} % ({forced.low * 100:.0f}-"
            f"{forced.high * 100:.0f} %) of exposed; "
            f"range mostly from: {r.model.dominant_uncertainty}; {calibrated}",
            "dim",
        ),
        Line(
            f"audit: the larger side's exposed positions are {share * 100:.0f} % of "
            f"{audit.open_interest_base:,.0f} open; "
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
            _span(c.usd_low, c.usd_high, "usd"),
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
    spans: list[tuple[str, tree.Risk]] = [(f"+-{w.window_pct:g} %", w) for w in r.windows]
    spans += [(words.band(b.low, b.high), b) for b in r.bands]
    rows = [
        [
            name,
            words.usd(w.long.usd),
            _span(w.long.low, w.long.high, "usd"),
            words.usd(w.short.usd),
            _span(w.short.low, w.short.high, "usd"),
            words.ratio(w.ratio),
            words.ratio(w.path_implied_ratio),
            f"{words.ratio(w.lift)} ({_span(w.lift_low, w.lift_high, 'ratio')})"
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
    note = "S:L takes both sides to open equally; Path is what the price path alone gives; Lift is their quotient."
    return [Table(columns, rows), Line(note, "dim")]


def _interest(r: tree.OpenInterestReport) -> list[Block]:
    o = r.open_interest
    rows = [
        [
            v.name,
            f"{v.open_interest_base:,.0f}",
            words.usd(v.open_interest_usd),
            f"{v.share * 100:.0f} %",
            words.fraction(v.change_24h),
        ]
        for v in o.venues
    ]
    rows.append(["sum", f"{o.total_base:,.0f}", words.usd(o.total_usd), "", ""])
    columns = [
        Column("Venue"),
        Column(r.symbol, right=True),
        Column("USD", right=True),
        Column("Share", right=True, drop=1),
        Column("24h", right=True),
    ]
    found: list[Block] = [Table(columns, rows)]
    if o.missing:
        found.append(Line(f"the sum lacks {', '.join(o.missing)}", "warn"))
    if o.change:
        c = o.change
        found.append(
            Line(
                f"{words.fraction(c.value, 0)} from the low of {c.low_date} ({c.low_base:,.0f}), {c.of}; "
                f"low by {c.source}"
            )
        )
    return found


def _volume(v: tree.Volume) -> list[Block]:
    rows = [
        [x.name, words.usd(x.volume_24h_usd), words.usd(x.month_usd), words.usd(x.previous_month_usd)] for x in v.venues
    ]
    rows.append(["sum", words.usd(v.total_24h_usd), words.usd(v.total_month_usd), ""])
    columns = [
        Column("Venue"),
        Column("24h", right=True),
        Column(v.month, right=True),
        Column("month before", right=True),
    ]
    lacking = [Line(f"the sum lacks {', '.join(v.missing)}", "warn")] if v.missing else []
    return [Table(columns, rows), *lacking]


def _liquidations(r: tree.LiquidationsReport) -> list[Block]:
    seen = r.liquidations
    rows = [
        [
            _name(x.source),
            words.usd(x.long_usd),
            words.usd(x.short_usd),
            words.usd(x.long_usd + x.short_usd),
            x.feed,
            x.to[5:16].replace("T", " "),
        ]
        for x in seen.observed
    ]
    columns = [
        Column("Source"),
        Column("Long", right=True),
        Column("Short", right=True),
        Column("Sum", right=True),
        Column("Feed", drop=1),
        Column("24 h to", drop=2),
    ]
    found: list[Block] = [Table(columns, rows)]
    if seen.missing:
        found.append(Line(f"not seen: {', '.join(seen.missing)} publish none over REST or failed", "warn"))
    if seen.largest_since:
        s = seen.largest_since
        found.append(Line(f"largest since {s.date or f'before {s.history_from}'}, by {_name(s.source)}"))
    return found


def _ranged(r: tree.Range | None, show: Callable[[float], str]) -> list[str]:
    return [words.MISSING, ""] if r is None else [show(r.value), f"{show(r.low)}-{show(r.high)}"]


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %" if abs(value) < 0.1 else f"{value * 100:.0f} %"  # noqa: PLR2004


def _cascade(r: tree.CascadeReport) -> list[Block]:
    kind, forced = "buying" if r.side == "short" else "selling", r.forced
    told = (
        f"price {words.price(r.price)}   to {words.price(r.target)} ({words.fraction(r.shock)}): "
        f"forced {kind} on the way {words.usd(forced.value)} est ({_span(forced.low, forced.high, 'usd')}) "
        f"of {words.usd(r.exposed_usd)} exposed"
    )
    lines: list[Block] = [Line(told)]
    rows = [
        [
            law.name,
            *_ranged(law.push_needed, _percent),
            *_ranged(law.cost_usd, words.usd),
            *_ranged(law.carried, _percent),
            *_ranged(law.reach, words.short_price),
            *_ranged(law.reproduction, words.ratio),
        ]
        for law in r.laws
    ]
    heads = [Column("Impact law")]
    for name, drop in (("Push needed", 0), ("It costs", 2), ("Carried", 0), ("Then reaches", 1), ("Largest R", 3)):
        heads += [Column(name, right=True, drop=drop), Column("90 %", right=True, drop=4 + drop)]
    lines.append(Table(heads, rows))
    told = (
        "Push needed: what others must move for the target to be reached; Carried: the share of the way that "
        "liquidations do; Then reaches: where a push of the whole way ends (the map itself ends at x/÷1.52); "
        "R above 1: the move feeds itself."
    )
    lines.append(Line(told, "dim"))
    if any(law.reach is None for law in r.laws):
        lines.append(Line("no order book was read: the book laws are missing", "warn"))
    return lines


def _gain(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def _validation(r: tree.ValidateReport) -> list[Block]:
    if not r.methods:
        return [Line("too few bars were both predicted and observed to score", "warn")]
    rows = [
        [
            m.name,
            f"{m.spearman:.3f}",
            words.MISSING if m.partial_spearman is None else f"{m.partial_spearman:.3f}",
            _gain(m.r2_gain, m.r2_gain_low, m.r2_gain_high),
            _gain(m.over_null, m.over_null_low, m.over_null_high),
        ]
        for m in r.methods
    ]
    columns = [
        Column("Predicts by"),
        Column("Rank", right=True),
        Column("Partial", right=True),
        Column("R2 over move (90 %)", right=True, drop=1),
        Column("over path null (90 %)", right=True, drop=2),
    ]
    inside = words.MISSING if r.inside_range_share is None else f"{r.inside_range_share * 100:.0f} %"
    told = f"{r.bars_tested} bars tested, walking forward; {inside} of what was observed lies in its 90 % range"
    found: list[Block] = [Table(columns, rows, ["short" if m.name == "model" else "" for m in r.methods]), Line(told)]
    note = "Rank: Spearman, observed against predicted. Partial: the same given the bar's own move."
    found.append(Line(note, "dim"))
    if r.horizons:
        kept = [[f"{h.days:g} d", str(h.cases), f"{h.spearman:.3f}", f"{h.ln_error:.2f}"] for h in r.horizons]
        heads = [
            Column("Map kept"),
            Column("Cases", right=True),
            Column("Rank", right=True),
            Column("|ln error|", right=True),
        ]
        found.append(Table(heads, kept))
    return found


def _mood(mood: tree.Sentiment) -> list[Block]:
    week = f"; a week ago {mood.week_ago}" if mood.week_ago is not None else ""
    return [Line(f"{mood.value}  {mood.label}  ({mood.date}{week}; source: alternative.me)")]


def _sources(sources: list[tree.SourceState]) -> list[Block]:
    rows = [
        [
            s.name,
            s.status,
            words.MISSING if s.latency_ms is None else f"{s.latency_ms:.0f} ms",
            (s.newest or words.MISSING)[5:16].replace("T", " ") if s.newest else words.MISSING,
            s.last_good[5:16].replace("T", " ") if s.last_good else words.MISSING,
            " ".join(x for x in (s.message, s.hint) if x),
        ]
        for s in sources
    ]
    columns = [
        Column("Source"),
        Column("Status"),
        Column("Latency", right=True),
        Column("Newest", drop=2),
        Column("Last good", drop=1),
        Column("What it means", wrap=True, drop=3),
    ]
    return [Table(columns, rows, ["warn" if s.status in {"failed", "partial"} else "" for s in sources])]


def _gaps(document: tree.Document) -> list[Block]:
    return [Line(f"gap: {g.source} {g.what}: {g.message}", "warn" if g.failed else "dim") for g in document.gaps]
