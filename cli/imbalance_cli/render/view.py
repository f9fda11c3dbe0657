"""A document as parts: what is shown and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from imbalance.report import tree, words
from imbalance.wire.harvest import Figure
from imbalance_cli.render import (
    change_views,
    check_views,
    history_views,
    job_views,
    reading_views,
    scan_views,
    signal_views,
    source_views,
    trial_views,
)
from imbalance_cli.render.parts import Bar, Bars, Beside, Block, Column, Line, Table, Title
from imbalance_cli.render.reading_views import minute

RISK_ONLY = "A map locates risk; it does not predict direction."
NO_RATE = "Gauges without a base rate have none here: only events have one, and imbalance backtest studies them."


def blocks_of(document: tree.Document, *, full: bool) -> list[Block]:
    """Return the blocks of a document; without `full` it is held to one screen."""
    if asked_nothing(document):
        return body_of(document, full=full)
    gaps = [gap_line(document, g) for g in document.gaps] if full else _brief_gaps(document)
    return [title_of(document), *_first(document), *body_of(document, full=full), *gaps]


def asked_nothing(document: tree.Document) -> bool:
    """Tell whether a document says what there is, and nothing of any moment."""
    return (isinstance(document, tree.SourcesReport) and not document.sources) or (
        isinstance(document, tree.CheckReport) and document.when is None
    )


def body_of(document: tree.Document, *, full: bool) -> list[Block]:
    """Return what a document shows between its title and its gaps."""
    if isinstance(document, tree.SourcesReport) and not document.sources:
        return source_views.capabilities(document.capabilities)
    if isinstance(document, tree.Report):
        return _report(document, full=full)
    _what, build = _VIEWS[type(document)]
    return build(document)


def title_of(document: tree.Document) -> Title:
    """Return what is shown, of when, from how many sources."""
    kind = tree.Report if isinstance(document, tree.Report) else type(document)
    what, _build = _VIEWS[kind]
    if isinstance(document, tree.DbReport):
        return Title(what, document.place)
    if isinstance(document, tree.CollectReport):
        return Title(
            f"{document.symbol} {what}",
            f"{minute(document.started, document.as_of)} to {minute(document.as_of, document.as_of)} UTC",
        )
    if isinstance(document, tree.DiffReport):
        return Title(f"{document.symbol} {what}", words.age(document.before.as_of, document.after.as_of))
    if isinstance(document, tree.BackfillReport):
        told = "dry run" if document.dry_run else document.place or ""
        return Title(f"{document.symbol} {what}", told)
    many = tree.SentimentReport | tree.ScanReport | tree.MapHistoryReport | tree.ValidateCoinsReport
    named = not isinstance(document, many) and document.symbol.count(" ") < signal_views.MANY
    left = f"{document.symbol} {what}" if named else what[0].upper() + what[1:]
    asked = [s for s in document.sources if s.status != "skipped"]
    good = sum(s.status == "ok" for s in asked)
    where = "local history" if document.mode == "store" else "bars file"
    told = f"{good} of {len(asked)} sources" if asked else where
    moment = document.as_of.replace("T", " ").removesuffix(":00Z").removesuffix("Z")
    price = f" {words.price(document.price)}" if isinstance(document, tree.Report | tree.SignalsReport) else ""
    return Title(f"{left}{price}", f"{moment} UTC   {told}")


def _first(document: tree.Document) -> list[Block]:
    """Return what is said before any figure: where the data are from, what is not of now, and the notes."""
    lines: list[Block] = [Line(message, "warn") for message in (*old_messages(document), *document.notes)]
    if document.scenario:
        told = f"scenario {document.scenario}: synthetic data in the exchanges' formats, not live"
        return [Line(told, "warn"), *lines]
    if document.mode == "replay":
        return [Line("replay of a recording, not live", "warn"), *lines]
    if document.mode == "store" and not isinstance(document, tree.DbReport | tree.DiffReport | tree.MapHistoryReport):
        return [Line("from local history, as it was known then", "warn"), *lines]
    return lines


def old_messages(document: tree.Document) -> list[str]:
    """Return what says that all figures are older than the clock."""
    return [gap.message for gap in document.gaps if gap.what == Figure.CLOCK]


def _report(r: tree.Report, *, full: bool) -> list[Block]:
    """Answer first, then what it rests on: figures, map, gauges, and how far to trust them."""
    bands = _risks([(words.band(b.low, b.high), b) for b in r.bands]) if r.bands else []
    trust = [Line(NO_RATE, "dim"), Line(RISK_ONLY, "dim"), *_model(r)] if full else [Line(_trust(r), "dim")]
    return [
        Line(r.verdict.text, "verdict"),
        _metrics(r.metrics, full=full),
        Beside(_bars(r), _gauges(r.signals, full=full)),
        *bands,
        *trust,
    ]


def _trust(r: tree.ClustersReport) -> str:
    how = "Calibrated" if r.model.calibrated else "Not calibrated"
    return f"{how}; 90 % ranges. A map locates risk, not direction. More: -v"


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


def _metrics(metrics: list[tree.Metric], *, full: bool) -> Table:
    columns = [
        Column("Metric"),
        Column("Value", right=True),
        Column("90 % range", right=True, drop=1),
        Column("Significance", wrap=True, drop=2),
    ]
    rows, styles = [], []
    for m in metrics:
        told = "; ".join(text for text in (m.significance, m.detail if full else "") if text)
        rows.append([m.label, value(m), words.span(m.low, m.high, m.unit), told])
        styles.append({"short_liquidation_risk": "short", "long_liquidation_risk": "long"}.get(m.id, ""))
        for q in m.quoted:
            band = f" {words.band(*q.band)}" if q.band else ""
            span = words.span(q.own_low, q.own_high, "usd")
            own = f"our estimate there {words.usd(q.own_value)}"
            if full:
                own += f" ({span}), exposed {words.usd(q.own_exposed)}"
            rows.append([f"  {words.name(q.source)}{band}", f"{words.usd(q.value)} quoted", "", own])
            styles.append("quoted")
    return Table(columns, rows, styles)


def _bars(document: tree.ClustersReport) -> Bars:
    def bar(row: tree.MapRow) -> Bar:
        distance = (row.low + row.high) / 2 / document.price - 1
        range_ = row.usd_low, row.usd_high
        return Bar(row.low, row.high, distance, row.usd, *range_, row.from_price_usd, row.side, row.largest)

    above, below = ([bar(row) for row in document.rows if row.side == side] for side in ("short", "long"))
    return Bars(document.price, above[::-1], below)


def _gauges(signals: list[tree.Signal], *, full: bool) -> Table:
    """Tell gauges of one group in one line; in full each by itself."""
    lines: dict[str, list[str]] = {}
    for s in signals:
        if full:
            lines[s.label] = [s.text]
        elif s.group:
            lines.setdefault(s.group, []).append(f"{s.name} {s.text}" if s.name else s.text)
    rows = [[label, "; ".join(texts)] for label, texts in lines.items()]
    return Table([Column("Gauge"), Column("Reading", wrap=True)], rows, ["dim"] * len(rows))


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
    far = [Line(f"{name}: {w.note}", "dim") for name, w in spans if w.note]
    return [Table(columns, rows, kept=kept), *far, Line(note, "dim")]


def gap_line(document: tree.Document, gap: tree.Gap) -> Line:
    """Return a gap as a line: what failed stands out from what is never there."""
    return Line(gap_text(document, gap), "warn" if gap.failed else "dim")


def _brief_gaps(document: tree.Document) -> list[Block]:
    """Tell what is missing or doubted today gap by gap, and what always is in one line."""
    return [*(gap_line(document, gap) for gap in document.gaps if not gap.usual), *standing_gaps(document)]


def standing_gaps(document: tree.Document) -> list[Line]:
    """Return what is never there in one line, or none."""
    usual: dict[str, list[str]] = {}
    for gap in document.gaps:
        if gap.usual:
            whole = gap.what == _title_of_source(document, gap)
            usual.setdefault(gap.message if whole else f"no {gap.what} over REST", []).append(words.name(gap.source))
    told = "; ".join(f"{why}: {', '.join(names)}" for why, names in usual.items())
    return [Line(told[0].upper() + told[1:], "dim")] if told else []


def _title_of_source(document: tree.Document, gap: tree.Gap) -> str:
    return next((s.title for s in document.sources if s.name == gap.source), "")


def gap_text(document: tree.Document, gap: tree.Gap) -> str:
    """Return a gap in words; one of a whole source is called by that source's title."""
    where = gap.what if gap.what == _title_of_source(document, gap) else f"{gap.source} {gap.what}"
    return f"gap: {where}: {words.sentences(gap.message, gap.hint if gap.failed else '')}"


def _picture(r: tree.HeatmapReport) -> list[Block]:
    size = f"{len(r.time)} columns of time, {len(r.edges) - 1} bins of price"
    long, short = (words.usd(sum(side[-1])) for side in (r.long_usd, r.short_usd))
    ends = " and ".join(words.price(edge) for edge in (r.edges[0], r.edges[-1]))
    told = f"forced between {ends}, last column: long {long} est, short {short} est"
    return [
        Line(f"price {words.price(r.price[-1])}; {told}"),
        Line(f"{size}: see --format table or json, or -o map.png", "dim"),
    ]


# What each document is called and what it shows between its title and its gaps.
_VIEWS: dict[type, tuple[str, Callable[[Any], list[Block]]]] = {
    tree.Report: ("futures imbalance", lambda r: _report(r, full=True)),
    tree.ClustersReport: ("liquidation map", lambda r: [*_map(r), *_windows(r)]),
    tree.OpenInterestReport: ("open interest", reading_views.interest),
    tree.VolumeReport: ("volume", lambda r: reading_views.volume(r.volume)),
    tree.LiquidationsReport: ("liquidations, 24 h", reading_views.liquidations),
    tree.SentimentReport: ("Fear & Greed", lambda r: reading_views.mood(r.sentiment)),
    tree.CascadeReport: ("cascade", trial_views.cascade),
    tree.ValidateReport: ("validation", trial_views.validation),
    tree.ValidateCoinsReport: ("Validation", trial_views.validations),
    tree.SourcesReport: ("sources", lambda r: source_views.sources(r.sources, r.as_of)),
    tree.PositionsReport: ("positions of known accounts", source_views.positions),
    tree.HeatmapReport: ("heatmap", _picture),
    tree.CheckReport: ("check", check_views.check),
    tree.WatchReport: ("watch", check_views.watch),
    tree.ScanReport: ("Scan", scan_views.scan),
    tree.MapHistoryReport: ("Maps of the past", job_views.map_history),
    tree.DbReport: ("local history", history_views.history),
    tree.SignalsReport: ("signals", signal_views.signals),
    tree.BacktestReport: ("base rates", signal_views.study),
    tree.CollectReport: ("liquidations collected", history_views.collected),
    tree.DiffReport: ("changes", change_views.changes),
    tree.BackfillReport: ("backfill", history_views.backfill),
}
