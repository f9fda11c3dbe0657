"""Use cases that join the parts: what the commands and `import imbalance` call."""

from __future__ import annotations

import asyncio
import dataclasses
import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbalance import __version__
from imbalance.assemble import VenueRecords, assemble
from imbalance.engine.estimate import Assumptions, Venue
from imbalance.engine.estimate import estimate as run_engine
from imbalance.engine.heatmap import LiquidationHeatmap
from imbalance.engine.heatmap import heatmap as run_heatmap
from imbalance.engine.liquidation_map import LiquidationMap
from imbalance.errors import MissingDataError, StaleDataError, StrictError, UnknownSymbolError, UsageError
from imbalance.fetch import last_good
from imbalance.fetch.client import Client, Settings, open_client, usable
from imbalance.fetch.gather import gather
from imbalance.fetch.recording import find
from imbalance.market import MarketData, VenueBars, read_bars
from imbalance.providers import PROVIDERS
from imbalance.records import ContractStats, Feed, MarginTier, OpenInterest, OrderBook, TakerVolume
from imbalance.report import bars_sections, cascading, mapping, metrics, sections, tree, validation
from imbalance.units import DAY_MS, INTERVALS_MS, SECOND_MS, interval_name, iso
from imbalance.venues import VENUES, ladders
from imbalance.wire import Ask, Kind, Source
from imbalance.wire.harvest import Harvest, in_time

NEAR_NAMES = 3

MAP_KINDS = frozenset(
    {
        Kind.MARK_PRICE,
        Kind.TICKER,
        Kind.OPEN_INTEREST,
        Kind.OPEN_INTEREST_HISTORY,
        Kind.CANDLES,
        Kind.TAKER_VOLUME,
        Kind.CONTRACT_STATS,
        Kind.MARGIN_TIERS,
    }
)
INTEREST_KINDS = frozenset(
    {
        Kind.MARK_PRICE,
        Kind.TICKER,
        Kind.OPEN_INTEREST,
        Kind.OPEN_INTEREST_HISTORY,
        Kind.OPEN_INTEREST_DAILY,
        Kind.DAILY_CANDLES,
        Kind.CONTRACT_STATS,
    }
)
VOLUME_KINDS = frozenset({Kind.MARK_PRICE, Kind.TICKER, Kind.DAILY_CANDLES, Kind.CONTRACT_STATS})
LIQUIDATION_KINDS = frozenset({Kind.LIQUIDATIONS, Kind.CONTRACT_STATS, Kind.LIQUIDATION_SUMS, Kind.LIQUIDATION_DAILY})
HEALTH_KINDS = frozenset(
    {Kind.TICKER, Kind.CONTRACT_STATS, Kind.SENTIMENT, Kind.LIQUIDATION_SUMS, Kind.OPEN_INTEREST_DAILY}
)


@dataclasses.dataclass(frozen=True)
class Options:
    """What a caller may choose; the command line's options, one to one."""

    symbol: str = "BTC"
    venues: tuple[str, ...] = ()
    replay: str | None = None
    record: Path | None = None
    bars: Path | None = None
    as_of_ms: int | None = None
    interval: str = "15m"
    lookback_ms: int = 30 * DAY_MS
    window_pct: float = 15.0
    bands: tuple[tuple[float, float], ...] = ()
    horizons_days: tuple[float, ...] = ()
    shock: float | None = None
    to_price: float | None = None
    columns: int = 200
    bins: int = 200
    timeout_s: float = 15.0
    strict: bool = False
    max_age_s: float | None = None


@dataclasses.dataclass
class Run:
    """What a gathering gave, with the clock and mode that the documents carry."""

    options: Options
    mode: tree.Mode
    scenario: str | None
    now_ms: int
    harvests: list[Harvest]
    skipped: list[tuple[str, str, str]]
    wanted: frozenset[Kind]

    def head(self, command: str) -> dict[str, Any]:
        """Return what every document starts with."""
        return _head(command, self.mode, self.scenario, self.options.symbol, self.now_ms)

    def tail(self) -> dict[str, Any]:
        """Return the sources and gaps."""
        return {
            "sources": sections.states(self.harvests, self.skipped),
            "gaps": sections.gaps(self.harvests, self.skipped, self.wanted),
        }

    def require_listing(self) -> None:
        """Raise where every venue that answered does not list the coin."""
        venues = [h for h in self.harvests if h.source.is_venue]
        answered = [h for h in venues if h.listed]
        if answered and all(h.unlisted for h in answered):
            names = sorted({base for h in answered for base in h.listed})
            near = difflib.get_close_matches(self.options.symbol, names, NEAR_NAMES, 0.5)
            raise UnknownSymbolError(self.options.symbol, near)


def _head(command: str, mode: tree.Mode, scenario: str | None, symbol: str, as_of_ms: int) -> dict[str, Any]:
    return {
        "schema": tree.schema_name(command),
        "version": __version__,
        "mode": mode,
        "scenario": scenario,
        "symbol": symbol,
        "as_of": iso(as_of_ms),
    }


def chosen(names: Sequence[str]) -> list[Source]:
    """Return the venues named (all, where none is) and all providers.

    Raises
    ------
    UsageError
        For a name that no venue has.
    """
    known = {s.name: s for s in VENUES}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or list(known)
            raise UsageError(f"no venue {name!r}", f"Did you mean {', '.join(near)}?")
    return [s for s in VENUES if not names or s.name in names] + list(PROVIDERS)


def collect(
    options: Options,
    settings: Settings,
    now_ms: int,
    kinds: Iterable[Kind],
    done: Callable[[Harvest], None] = lambda _harvest: None,
) -> Run:
    """Ask all sources that give any of `kinds`, or replay a recording of it.

    Raises
    ------
    StrictError
        Under `strict`, if a source failed.
    """
    wanted = frozenset(kinds)
    sources = [s for s in chosen(options.venues) if any(e.kind in wanted for e in s.endpoints)]
    replay = find(options.replay) if options.replay is not None else None
    client = open_client(replay, options.record, settings)
    scenario = None
    if client.recording is not None:
        now_ms = client.recording.captured_at_ms
        scenario = client.recording.index.scenario
    asked = usable(sources, client)
    skipped = [
        (s.name, s.title, "not in the recording" if client.recording else f"needs {s.needs}")
        for s in sources
        if s not in asked
    ]
    harvests: list[Harvest] = []
    asyncio.run(_gather(client, asked, ask_of(options, now_ms), wanted, options.timeout_s, done, harvests))
    if client.recorder is not None:
        client.recorder.close(now_ms, [s.name for s in asked])
    if client.recording is None:
        last_good.note([h.name for h in harvests if not h.failures], now_ms)
    run = Run(options, "replay" if replay else "live", scenario, now_ms, harvests, skipped, wanted)
    failed = [str(f) for h in harvests for f in h.failures]
    if options.strict and failed:
        raise StrictError(f"{len(failed)} requests failed under --strict, the first: {failed[0]}")
    return run


async def _gather(
    client: Client,
    sources: list[Source],
    ask: Ask,
    wanted: frozenset[Kind],
    timeout_s: float,
    done: Callable[[Harvest], None],
    into: list[Harvest],
) -> None:
    # The result leaves by `into`: a task's result is written out in full by the signal handler's clean-up.
    try:
        into += await gather(client, sources, ask, wanted, timeout_s, done)
    finally:
        await client.close()


def ask_of(options: Options, now_ms: int) -> Ask:
    """Return what the options ask for at a moment."""
    interval_ms = INTERVALS_MS[options.interval]
    end_ms = -(-now_ms // interval_ms) * interval_ms
    start_ms = now_ms // interval_ms * interval_ms - options.lookback_ms // interval_ms * interval_ms
    return Ask(options.symbol, now_ms, start_ms, end_ms, interval_ms)


def market_of(run: Run) -> MarketData:
    """Assemble the market from what the venues gave.

    Raises
    ------
    MissingDataError
        If no venue gave price, open interest and candles.
    """
    run.require_listing()
    price = sections.mark_price(run.harvests)
    venues = [_records(h, run.options.symbol) for h in run.harvests if h.source.is_venue and h.instrument is not None]
    usable_venues = [v for v in venues if v.usable and v.candles]
    if price is None or not usable_venues:
        raise MissingDataError(
            "no venue gave price, open interest and candles, so there is nothing to map", _why(run.harvests)
        )
    return assemble(run.options.symbol, INTERVALS_MS[run.options.interval], run.now_ms, price, venues)


def _why(harvests: Sequence[Harvest]) -> str:
    """Return what failed, a line a source, and what to do."""
    told = [str(h.failures[0]) for h in harvests if h.failures]
    way = "Check the connection, try other venues with --venue, or a longer --timeout."
    return "\n  ".join([*told, way])


def _records(harvest: Harvest, base: str) -> VenueRecords:
    tiers = in_order_of_cap(harvest.of(MarginTier))
    note = "" if tiers else "margin ladder not read, a default stands in"
    if not tiers:
        tiers, stored = ladders.stored(harvest.name, base)
        note = stored or note
    if harvest.instrument is None:
        raise ValueError("records of a venue that does not list the coin")
    return VenueRecords(
        harvest.instrument,
        candles=harvest.candles,
        open_interest=in_time(
            harvest.at(Kind.OPEN_INTEREST_HISTORY, OpenInterest)
            + harvest.at(Kind.OPEN_INTEREST, OpenInterest)
            + harvest.at(Kind.TICKER, OpenInterest)
        ),
        taker_volume=in_time(harvest.of(TakerVolume)),
        statistics=in_time(harvest.of(ContractStats)),
        tiers=tiers,
        tiers_note=note,
    )


def in_order_of_cap(tiers: Sequence[MarginTier]) -> list[MarginTier]:
    """Return a ladder with rising caps."""
    return sorted(tiers, key=lambda tier: tier.cap)


def liquidation_map(
    market: MarketData,
    *,
    calibrate: str = "auto",
    tiers: dict[str, list[MarginTier]] | None = None,
    seed: int = 0,
) -> LiquidationMap:
    """Estimate the liquidation map of a market at its last bar.

    Parameters
    ----------
    calibrate : "auto" fits to observed liquidations where there are enough; "off" keeps the prior.
    tiers : maintenance ladders by venue name, in place of those that came with the data.
    """
    if calibrate not in {"auto", "off"}:
        raise UsageError(f"calibrate must be 'auto' or 'off', not {calibrate!r}")
    venues = engine_venues(market, tiers)
    path = (market.open, market.high, market.low, market.close)
    return run_engine(
        market.symbol,
        market.time_ms,
        market.interval_ms,
        path,
        market.price,
        venues,
        calibrated=calibrate == "auto",
        seed=seed,
    )


def estimate(
    bars: MarketData,
    *,
    symbol: str = "BTC",
    as_of: str | int | None = None,
    calibrate: str = "auto",
    tiers: dict[str, list[MarginTier]] | None = None,
    seed: int = 0,
) -> LiquidationMap:
    """Estimate the liquidation map of bars: the library's front door.

    Parameters
    ----------
    bars : of `read_bars`.
    symbol : base coin, for labels.
    as_of : ISO-8601 time or epoch ms; nothing later may influence the result.
    calibrate, tiers, seed : as in `liquidation_map`.
    """
    market = dataclasses.replace(bars, symbol=symbol)
    if as_of is not None:
        from imbalance.units import parse_time_ms

        try:
            market = market.until(as_of if isinstance(as_of, int) else parse_time_ms(as_of))
        except ValueError:
            raise UsageError(f"as_of {as_of!r} is neither ISO-8601 nor epoch milliseconds") from None
    return liquidation_map(market, calibrate=calibrate, tiers=tiers, seed=seed)


def engine_venues(market: MarketData, tiers: dict[str, list[MarginTier]] | None = None) -> list[Venue]:
    """Return the market's venues as the engine takes them."""
    return [_engine_venue(v, market, (tiers or {}).get(v.name)) for v in market.venues]


def _engine_venue(venue: VenueBars, market: MarketData, own: list[MarginTier] | None) -> Venue:
    given = own if own is not None else venue.tiers or ladders.stored(venue.name, market.symbol)[0]
    tiers = in_order_of_cap(given)
    unit = [market.price if t.bounds_in_base else 1.0 for t in tiers]
    return Venue(
        name=venue.name,
        complete_feed=venue.feed is Feed.COMPLETE,
        volume=venue.volume_base,
        open_interest=venue.open_interest_base,
        long_liquidations=venue.long_liquidations_base,
        short_liquidations=venue.short_liquidations_base,
        cap_usd=np.array([t.cap * u for t, u in zip(tiers, unit, strict=True)]),
        rate=np.array([t.rate for t in tiers]),
        deduction_usd=np.array([t.deduction_usd for t in tiers]),
        most_leverage=max((t.max_leverage for t in tiers), default=125.0),
    )


def _bars(options: Options, now_ms: int) -> MarketData:
    if options.bars is None:
        raise ValueError("no bars file")
    market = read_bars(options.bars, symbol=options.symbol, as_of_ms=options.as_of_ms)
    _fresh(options, market.as_of_ms, now_ms)
    return market


def _fresh(options: Options, newest_ms: int | None, now_ms: int) -> None:
    if options.max_age_s is None:
        return
    if newest_ms is None or now_ms - newest_ms > options.max_age_s * SECOND_MS:
        age = "of unknown age" if newest_ms is None else f"from {iso(newest_ms)}"
        raise StaleDataError(f"the data is {age}, older than --max-age allows")


def _fresh_run(run: Run) -> None:
    stamps = [t for h in run.harvests if (t := sections.newest_ms(h)) is not None]
    _fresh(run.options, max(stamps, default=None), run.now_ms)


Done = Callable[[Harvest], None]


def clusters(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.ClustersReport:
    """Map the market: ``imbalance.clusters/1``."""
    if options.bars is not None:
        market = _bars(options, now_ms)
        head = _head("clusters", "bars", None, options.symbol, market.as_of_ms)
        tail: dict[str, Any] = {}
    else:
        run = collect(options, settings, now_ms, MAP_KINDS, done)
        market = market_of(run)
        _fresh_run(run)
        head, tail = run.head("clusters"), run.tail()
    found = liquidation_map(market)
    return tree.ClustersReport(
        **head,
        **mapping.sections(market, found, options.window_pct, list(options.bands)),
        **tail,
    )


def through_time(
    market: MarketData, found: LiquidationMap, *, columns: int = 1000, bins: int = 1000
) -> LiquidationHeatmap:
    """Return the map of a market through time, with the weights that its last map found."""
    return run_heatmap(
        market.symbol,
        market.time_ms,
        market.interval_ms,
        (market.open, market.high, market.low, market.close),
        np.stack([v.volume_base for v in market.venues]),
        np.stack([v.open_interest_base for v in market.venues]),
        found.weights,
        Assumptions(),
        columns,
        bins,
    )


def heatmap(
    bars: MarketData,
    *,
    columns: int = 1000,
    bins: int = 1000,
    symbol: str = "BTC",
    calibrate: str = "auto",
    seed: int = 0,
) -> LiquidationHeatmap:
    """Return the liquidation map of bars through time: `time_ms`, `edges`, `long_usd`, `short_usd`.

    Parameters
    ----------
    bars : of `read_bars`.
    columns, bins : of time and price; no more columns than bars.
    symbol, calibrate, seed : as in `estimate`.
    """
    if columns < 1 or bins < 1:
        raise UsageError("columns and bins must be at least 1")
    market = dataclasses.replace(bars, symbol=symbol)
    found = liquidation_map(market, calibrate=calibrate, seed=seed)
    return through_time(market, found, columns=columns, bins=bins)


def heatmap_report(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.HeatmapReport:
    """Map the market through time: ``imbalance.heatmap/1``."""
    if options.bars is not None:
        market = _bars(options, now_ms)
        head = _head("heatmap", "bars", None, options.symbol, market.as_of_ms)
        tail: dict[str, Any] = {}
    else:
        run = collect(options, settings, now_ms, MAP_KINDS, done)
        market = market_of(run)
        _fresh_run(run)
        head, tail = run.head("heatmap"), run.tail()
    found = liquidation_map(market)
    built = through_time(market, found, columns=options.columns, bins=options.bins)
    return tree.HeatmapReport(
        **head,
        **tail,
        interval=interval_name(market.interval_ms),
        calibrated=found.model.calibrated,
        forced_share=mapping.range_(found.model.forced_share),
        time=[iso(int(t)) for t in built.time_ms],
        price=built.price.tolist(),
        edges=[round(e, 8) for e in built.edges.tolist()],
        long_usd=np.round(built.long_usd, 2).tolist(),
        short_usd=np.round(built.short_usd, 2).tolist(),
    )


def cascade(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.CascadeReport:
    """Push the price and follow the liquidations that it sets off: ``imbalance.cascade/1``."""
    books: list[OrderBook] = []
    if options.bars is not None:
        market = _bars(options, now_ms)
        head = _head("cascade", "bars", None, options.symbol, market.as_of_ms)
        tail: dict[str, Any] = {}
    else:
        run = collect(options, settings, now_ms, MAP_KINDS | {Kind.ORDER_BOOK}, done)
        market = market_of(run)
        _fresh_run(run)
        head, tail = run.head("cascade"), run.tail()
        books = [book for h in run.harvests for book in h.of(OrderBook)[-1:]]
    found = liquidation_map(market)
    return tree.CascadeReport(
        **head, **cascading.sections(market, found, books, options.shock, options.to_price), **tail
    )


def validate(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.ValidateReport:
    """Score the map, walking forward, against observed liquidations: ``imbalance.validate/1``."""
    if options.bars is not None:
        market = _bars(options, now_ms)
        head = _head("validate", "bars", None, options.symbol, market.as_of_ms)
        tail: dict[str, Any] = {}
    else:
        run = collect(options, settings, now_ms, MAP_KINDS, done)
        market = market_of(run)
        _fresh_run(run)
        head, tail = run.head("validate"), run.tail()
    return tree.ValidateReport(
        **head, **validation.sections(market, engine_venues(market), options.horizons_days), **tail
    )


def report(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.Report:
    """Map the market beside its other gauges: ``imbalance.report/1``."""
    if options.bars is not None:
        return _bars_report(options, now_ms)
    run = collect(options, settings, now_ms, Kind, done)
    market = market_of(run)
    _fresh_run(run)
    found = liquidation_map(market)
    price = market.price
    interest = sections.open_interest(run.harvests, price, run.now_ms)
    volume = sections.volume(run.harvests, price, run.now_ms)
    seen = sections.liquidations(run.harvests, run.now_ms)
    mood = sections.sentiment(run.harvests)
    funding = sections.funding(run.harvests, interest)
    market_price = sections.market_price(market, run.harvests)
    quotes = metrics.quoted_bands(run.harvests, price)
    mapped = mapping.sections(market, found, options.window_pct, list(options.bands))
    risk = mapped["risk"]
    head = run.head("report")
    return tree.Report(
        **head,
        **mapped,
        **run.tail(),
        open_interest=interest,
        volume=volume,
        liquidations=seen,
        sentiment=mood,
        funding=funding,
        market_price=market_price,
        metrics=metrics.rows(found, risk, interest, seen, mood, quotes, head["as_of"]),
        signals=metrics.gauges(run.harvests, found, market_price, funding, volume, quotes),
        verdict=metrics.verdict(risk),
    )


def _bars_report(options: Options, now_ms: int) -> tree.Report:
    market = _bars(options, now_ms)
    found = liquidation_map(market)
    mapped = mapping.sections(market, found, options.window_pct, list(options.bands))
    risk = mapped["risk"]
    head = _head("report", "bars", None, options.symbol, market.as_of_ms)
    interest, seen = bars_sections.open_interest(market), bars_sections.liquidations(market)
    volume, funding = bars_sections.volume(market), tree.Funding(None, [])
    market_price = sections.market_price(market, [])
    return tree.Report(
        **head,
        **mapped,
        open_interest=interest,
        volume=volume,
        liquidations=seen,
        sentiment=None,
        funding=funding,
        market_price=market_price,
        metrics=metrics.rows(found, risk, interest, seen, None, {}, head["as_of"]),
        signals=metrics.gauges([], found, market_price, funding, volume, {}),
        verdict=metrics.verdict(risk),
    )


def _some(run: Run, what: str, rows: Sequence[object]) -> None:
    run.require_listing()
    if not rows:
        raise MissingDataError(f"no source gave {what}", _why(run.harvests))
    _fresh_run(run)


def open_interest(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.OpenInterestReport:
    """Read open interest: ``imbalance.open-interest/1``."""
    run = collect(options, settings, now_ms, INTEREST_KINDS, done)
    price = sections.mark_price(run.harvests)
    built = sections.open_interest(run.harvests, price or 0.0, run.now_ms)
    _some(run, "open interest", built.venues if price is not None else [])
    return tree.OpenInterestReport(**run.head("open-interest"), price=price or 0.0, open_interest=built, **run.tail())


def volume(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.VolumeReport:
    """Read traded volume: ``imbalance.volume/1``."""
    run = collect(options, settings, now_ms, VOLUME_KINDS, done)
    built = sections.volume(run.harvests, sections.mark_price(run.harvests) or 0.0, run.now_ms)
    _some(run, "volume", built.venues)
    return tree.VolumeReport(**run.head("volume"), volume=built, **run.tail())


def liquidations(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.LiquidationsReport:
    """Read observed liquidations: ``imbalance.liquidations/1``."""
    run = collect(options, settings, now_ms, LIQUIDATION_KINDS, done)
    built = sections.liquidations(run.harvests, run.now_ms)
    _some(run, "liquidations", built.observed)
    return tree.LiquidationsReport(**run.head("liquidations"), liquidations=built, **run.tail())


def fear_greed(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.SentimentReport:
    """Read the Fear & Greed index: ``imbalance.fear-greed/1``."""
    run = collect(options, settings, now_ms, {Kind.SENTIMENT}, done)
    built = sections.sentiment(run.harvests)
    _some(run, "the Fear & Greed index", [built] if built else [])
    if built is None:
        raise ValueError("unreachable: checked above")
    return tree.SentimentReport(**run.head("fear-greed"), sentiment=built, **run.tail())


def sources(options: Options, settings: Settings, now_ms: int, done: Done) -> tree.SourcesReport:
    """Ask every source a little and say how each fared: ``imbalance.sources/1``."""
    run = collect(options, settings, now_ms, HEALTH_KINDS, done)
    rows = sections.states(run.harvests, run.skipped)
    good = last_good.read()
    for row in rows:
        row.last_good = iso(good[row.name]) if row.name in good else None
    return tree.SourcesReport(**run.head("sources"), sources=rows, gaps=run.tail()["gaps"])
