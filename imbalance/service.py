"""The use cases: one function a command, from options to a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from imbalance.collect import (
    Done,
    Options,
    Run,
    chosen,
    collect,
    market_of,
    require_fresh,
    require_fresh_run,
    why_not,
)
from imbalance.errors import MissingDataError, UsageError
from imbalance.fetch.settings import SourceSettings
from imbalance.library import engine_venues, liquidation_map, through_time
from imbalance.market import MarketData
from imbalance.readings import mark_price
from imbalance.records import OrderBook, Position
from imbalance.report import mapping, metrics, others, phrases, sections, tree
from imbalance.report import signals as signalling
from imbalance.report.capabilities import capabilities
from imbalance.report.frame import Frame
from imbalance.report.signals.read import Past, Read
from imbalance.report.since import Days, statements
from imbalance.results.liquidation_map import LiquidationMap
from imbalance.units import interval_name, iso
from imbalance.wire import Kind, Source
from imbalance.wire.harvest import Harvest

MAP_KINDS = frozenset(
    {
        Kind.MARK_PRICE,
        Kind.TICKER,
        Kind.OPEN_INTEREST,
        Kind.OPEN_INTEREST_HISTORY,
        Kind.CANDLES,
        Kind.CONTRACT_STATS,
        Kind.MARGIN_TIERS,
        Kind.VENUE_LIQUIDATIONS,
    }
)
# A report says nothing of months long ago.
REPORT_KINDS = frozenset(Kind) - {Kind.MONTHLY_CANDLES}
INTEREST_KINDS = frozenset(
    {
        Kind.MARK_PRICE,
        Kind.TICKER,
        Kind.OPEN_INTEREST,
        Kind.OPEN_INTEREST_HISTORY,
        Kind.OPEN_INTEREST_DAILY,
        Kind.DAILY_CANDLES,
        Kind.CONTRACT_STATS,
        Kind.TOTALS,
    }
)
VOLUME_KINDS = frozenset(
    {Kind.MARK_PRICE, Kind.TICKER, Kind.OPEN_INTEREST, Kind.DAILY_CANDLES, Kind.CONTRACT_STATS, Kind.TOTALS}
)
LIQUIDATION_KINDS = frozenset(
    {
        Kind.LIQUIDATIONS,
        Kind.CONTRACT_STATS,
        Kind.VENUE_LIQUIDATIONS,
        Kind.LIQUIDATION_SUMS,
        Kind.LIQUIDATION_DAILY,
    }
)
HEALTH_KINDS = frozenset(
    {
        Kind.TICKER,
        Kind.MARK_PRICE,
        Kind.OPEN_INTEREST,
        Kind.SENTIMENT,
        Kind.LIQUIDATION_SUMS,
        Kind.VENUE_LIQUIDATIONS,
        Kind.OPEN_INTEREST_DAILY,
        Kind.COMMITMENTS,
        Kind.HOLDERS,
    }
)


class _Market(msgspec.Struct, frozen=True):
    """A market with the frame of its documents, from a bars file or from a run over the sources."""

    bars: MarketData
    frame: Frame
    harvests: Sequence[Harvest]
    accounts: tuple[str, ...] = ()
    venues: tuple[Source, ...] = ()
    days: Days = msgspec.field(default_factory=dict)


def _market(
    options: Options, settings: SourceSettings, now_ms: int, done: Done, kinds: Iterable[Kind] = MAP_KINDS
) -> _Market:
    """Return the market that a command works on: the user's bars where given, else what the sources give."""
    if options.bars is not None:
        # Most runs read no table of bars.
        from imbalance.reader import read_bars

        market = read_bars(options.bars, symbol=options.symbol, as_of_ms=options.as_of_ms, venues=options.venues)
        require_fresh(options, market.as_of_ms, options.as_of_ms if options.as_of_ms is not None else now_ms)
        notes = (*mapping.short_history(market), *mapping.later(options.as_of_ms, market.as_of_ms))
        gaps = (*mapping.left_out(market), *mapping.doubted(market))
        frame = Frame("bars", None, options.symbol, market.as_of_ms, notes=notes, gaps=gaps)
        return _Market(market, frame, [])
    return _gathered(collect(options, settings, now_ms, kinds, done))


def _gathered(run: Run) -> _Market:
    """Return the market that a run over the sources gave."""
    market = market_of(run)
    require_fresh_run(run)
    frame = run.frame()
    notes, gaps = tuple(mapping.short_history(market)), (*frame.gaps, *mapping.left_out(market))
    frame = msgspec.structs.replace(frame, notes=notes, gaps=gaps)
    return _Market(market, frame, run.harvests, run.options.accounts, run.venues, run.days)


def clusters(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.ClustersReport:
    """Map the market: ``imbalance.clusters/1``."""
    market = _market(options, settings, now_ms, done)
    found = liquidation_map(market.bars)
    return market.frame.document(
        tree.ClustersReport,
        **mapping.sections(market.bars, found, options.window_pct, list(options.bands)),
    )


def heatmap_report(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.HeatmapReport:
    """Map the market through time: ``imbalance.heatmap/1``."""
    market = _market(options, settings, now_ms, done)
    found = liquidation_map(market.bars)
    return _through_time(market, found, options)


def _through_time(market: _Market, found: LiquidationMap, options: Options) -> tree.HeatmapReport:
    built = through_time(market.bars, found, columns=options.columns, bins=options.bins)
    return market.frame.document(
        tree.HeatmapReport,
        interval=interval_name(market.bars.interval_ms),
        calibrated=found.model.calibrated,
        forced_share=mapping.range_(found.model.forced_share),
        time=[iso(int(t)) for t in built.time_ms],
        price=built.price.tolist(),
        edges=mapping.significant(built.edges),
        long_usd=np.round(built.long_usd, 2).tolist(),
        short_usd=np.round(built.short_usd, 2).tolist(),
        path=tree.Path(
            [iso(int(t)) for t in built.path_time_ms],
            built.path.low.tolist(),
            built.path.high.tolist(),
            built.path.close.tolist(),
        ),
    )


def positions(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.PositionsReport:
    """Read accounts' own positions and set them beside the map: ``imbalance.positions/1``."""
    from imbalance.report import positions as building

    if not options.accounts and options.replay is None:
        raise UsageError("no accounts given", "Name them with --address 0x..., or in a file with --addresses FILE.")
    if options.venues and "hyperliquid" not in options.venues:
        raise UsageError("positions are read from hyperliquid: name it with --venue too, or name no venue")
    market = _market(options, settings, now_ms, done, MAP_KINDS | {Kind.POSITIONS})
    harvests = [h for h in market.harvests if Kind.POSITIONS in h.records]
    if not harvests:
        raise MissingDataError("no accounts were read", why_not(market.harvests))
    read = [row for h in harvests for row in h.of(Position)]
    found = liquidation_map(market.bars)
    return market.frame.document(tree.PositionsReport, **building.sections(read, len(market.accounts), found))


def cascade(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.CascadeReport:
    """Push the price and follow the liquidations that it sets off: ``imbalance.cascade/1``."""
    from imbalance.report import cascading

    market = _market(options, settings, now_ms, done, MAP_KINDS | {Kind.ORDER_BOOK})
    books = [book for h in market.harvests for book in h.of(OrderBook)[-1:]]
    found = liquidation_map(market.bars)
    return market.frame.document(
        tree.CascadeReport, **cascading.sections(market.bars, found, books, options.shock, options.to_price)
    )


def validate(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.ValidateReport:
    """Score the map, walking forward, against observed liquidations: ``imbalance.validate/1``."""
    from imbalance.report import validation

    market = _market(options, settings, now_ms, done)
    return market.frame.document(
        tree.ValidateReport,
        **validation.sections(market.bars, engine_venues(market.bars), options.horizons_days),
    )


def _read(given: _Market, options: Options, found: LiquidationMap) -> Read:
    """Return a market's sections beside its map: what a report tells and signals are made of."""
    market, harvests, at_ms = given.bars, given.harvests, given.frame.as_of_ms
    if options.bars is not None:
        from imbalance.report import bars_sections

        interest, volumes = bars_sections.open_interest(market), bars_sections.volume(market)
        seen = bars_sections.liquidations(market)
    else:
        interest = sections.open_interest(harvests, market.price, at_ms, given.venues, given.days)
        volumes = sections.volume(harvests, market.price, at_ms, given.venues)
        seen = sections.liquidations(harvests, at_ms, given.venues)
    return Read(
        market=market,
        harvests=harvests,
        at_ms=at_ms,
        found=found,
        risk=mapping.window(found, options.window_pct),
        price=sections.market_price(market, harvests),
        interest=interest,
        volume=volumes,
        liquidations=seen,
        sentiment=sections.sentiment(harvests),
        funding=sections.funding(harvests, interest),
        institutional=others.institutional(harvests, market.price),
        holders=others.holders(harvests),
        quotes=metrics.quoted_bands(harvests, market.price),
    )


def report(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.Report:
    """Map the market beside its other gauges: ``imbalance.report/1``."""
    return _report(_market(options, settings, now_ms, done, REPORT_KINDS), options)


def report_of(run: Run) -> tree.Report:
    """Build the report of what a run gave."""
    return _report(_gathered(run), run.options)


def _report(given: _Market, options: Options) -> tree.Report:
    found = liquidation_map(given.bars)
    read = _read(given, options, found)
    mapped = mapping.sections(given.bars, found, options.window_pct, list(options.bands))
    risk, as_of = mapped["risk"], iso(read.at_ms)
    days = given.days, read.at_ms
    since = statements(*days, read.interest, read.liquidations, read.sentiment, read.funding, read.volume)
    page = {"through_time": _through_time(given, found, options)} if options.through_time else {}
    return given.frame.document(
        tree.ReportPage if options.through_time else tree.Report,
        **mapped,
        **page,
        open_interest=read.interest,
        volume=read.volume,
        liquidations=read.liquidations,
        sentiment=read.sentiment,
        funding=read.funding,
        institutional=read.institutional,
        holders=read.holders,
        market_price=read.price,
        metrics=metrics.rows(found, risk, read.interest, read.liquidations, read.sentiment, read.quotes, as_of, since),
        signals=[
            *metrics.gauges(read.harvests, found, read.price, read.funding, read.volume, read.quotes, since),
            *others.gauges(given.bars.symbol, read.institutional, read.holders),
            *signalling.gauges(read),
        ],
        verdict=phrases.verdict(risk, mapped["clusters"], comparable=found.comparable),
    )


def signals(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.SignalsReport:
    """Read every signal with its evidence, and the checklists: ``imbalance.signals/1``."""
    from imbalance import history

    given = _market(options, settings, now_ms, done, Kind)
    kept = options.history if given.frame.mode == "live" else None
    past = Past() if kept is None else history.past(kept.address, options.symbol)
    read = _read(given, options, liquidation_map(given.bars))
    if kept is not None:
        stored = history.longer(kept.address, given.bars)
        read = msgspec.structs.replace(read, stored=None if stored is None else past.history(stored))

    def map_before(moment_ms: int) -> LiquidationMap:
        return liquidation_map(given.bars.until(moment_ms))

    return given.frame.document(tree.SignalsReport, **signalling.sections(read, past, map_before))


def _some(run: Run, what: str, rows: Sequence[object]) -> None:
    run.require_listing()
    if not rows:
        raise MissingDataError(f"no source gave {what}", why_not(run.harvests))
    require_fresh_run(run)


def open_interest(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.OpenInterestReport:
    """Read open interest: ``imbalance.open-interest/1``."""
    run = collect(options, settings, now_ms, INTEREST_KINDS, done)
    price = mark_price(run.harvests)
    built = sections.open_interest(run.harvests, price or 0.0, run.now_ms, run.venues)
    _some(run, "open interest", built.venues if price is not None else [])
    return run.frame().document(tree.OpenInterestReport, price=price or 0.0, open_interest=built)


def volume(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.VolumeReport:
    """Read traded volume: ``imbalance.volume/1``."""
    run = collect(options, settings, now_ms, VOLUME_KINDS, done)
    built = sections.volume(run.harvests, mark_price(run.harvests) or 0.0, run.now_ms, run.venues)
    _some(run, "volume", built.venues)
    return run.frame().document(tree.VolumeReport, volume=built)


def liquidations(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.LiquidationsReport:
    """Read observed liquidations: ``imbalance.liquidations/1``."""
    run = collect(options, settings, now_ms, LIQUIDATION_KINDS, done)
    built = sections.liquidations(run.harvests, run.now_ms, run.venues)
    run.require_listing()
    silent = [
        f"{g.source}: {g.message}" for g in sections.gaps(run.harvests, [], run.wanted, run.venues) if not g.failed
    ]
    if not built.observed and silent and not any(h.failures for h in run.harvests):
        way = "Choose venues that publish them (`imbalance sources`), or set IMBALANCE_COINALYZE_KEY (free)."
        raise MissingDataError("no source gave liquidations", "\n  ".join([*silent, way]))
    _some(run, "liquidations", built.observed)
    return run.frame().document(tree.LiquidationsReport, liquidations=built)


def fear_greed(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.SentimentReport:
    """Read the Fear & Greed index: ``imbalance.fear-greed/1``."""
    run = collect(options, settings, now_ms, {Kind.SENTIMENT}, done)
    built = sections.sentiment(run.harvests)
    _some(run, "the Fear & Greed index", [built] if built else [])
    if built is None:
        raise ValueError("unreachable: checked above")
    return run.frame().document(tree.SentimentReport, sentiment=built)


def check(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.CheckReport:
    """Hold a condition against the market: ``imbalance.check/1``; without one, name the figures that it may hold."""
    from imbalance.expressions import parse
    from imbalance.report import checking, figures

    if options.when is None:
        head = Frame("live", None, options.symbol, now_ms)
        return head.document(tree.CheckReport, alert=None, when=None, holds=None, figures=checking.every_figure())
    expression = parse(options.when, figures.known())
    found = report(options, settings, now_ms, done)
    shared = {name: getattr(found, name) for name in (*tree.Head.__struct_fields__, "sources", "gaps")}
    failed = [gap for gap in found.gaps if not gap.usual]  # what is never there is told by the figure that lacks it
    told = shared | {"schema": tree.schema_name(tree.CheckReport), "alert": options.alert, "gaps": failed}
    return tree.CheckReport(**told, **checking.sections(found, expression))


def sources(options: Options, settings: SourceSettings, now_ms: int, done: Done) -> tree.SourcesReport:
    """Say what every source gives and, where they are probed, how each fares: ``imbalance.sources/1``."""
    from imbalance.fetch import last_good

    offered = capabilities(chosen(options.venues))
    if not options.probe and options.replay is None and options.record is None:
        return Frame("live", None, options.symbol, now_ms).document(tree.SourcesReport, capabilities=offered)
    run = collect(options, settings, now_ms, HEALTH_KINDS, done)
    frame = run.frame()
    good = last_good.read() if run.mode == "live" else {}
    for row in frame.sources:
        row.last_good = iso(good[row.name]) if row.name in good else None
    return frame.document(tree.SourcesReport, capabilities=offered)
