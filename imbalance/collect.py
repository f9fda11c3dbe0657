"""Gathering: what a caller may choose, one run over the sources or a recording, and the market it gives."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from imbalance.assemble import assemble
from imbalance.doubts import act, examine
from imbalance.doubts.ages import stale
from imbalance.errors import (
    MissingDataError,
    NotOpenError,
    NotRecordedError,
    StaleDataError,
    StrictError,
    UnknownSymbolError,
    UsageError,
)
from imbalance.fetch import kept, last_good
from imbalance.fetch.gather import gather
from imbalance.fetch.recording import Recorder, Recording, find
from imbalance.fetch.replay import Replay
from imbalance.fetch.settings import SourceSettings
from imbalance.liquidated import Orders
from imbalance.market import MarketData
from imbalance.providers import PROVIDERS
from imbalance.readings import mark_price
from imbalance.records import VenueLiquidations
from imbalance.remembered import RECALLED, History, Remembering, past
from imbalance.report import sections, tree
from imbalance.report.frame import Frame
from imbalance.report.since import Days
from imbalance.units import DAY_MS, INTERVALS_MS, SECOND_MS, iso
from imbalance.venue_records import by_venue, records_of
from imbalance.venues import VENUES
from imbalance.wire import Ask, Kind, Source
from imbalance.wire.answers import Answers
from imbalance.wire.harvest import Figure, Harvest

if TYPE_CHECKING:
    from imbalance.fetch.client import Client

NEAR_NAMES = 3
# The share of the time that sources have in which history must have been read.
PATIENCE = 0.3
Done = Callable[[Harvest], None]


class Options(msgspec.Struct, frozen=True):
    """What a caller may choose; the command line's options, one to one."""

    symbol: str = "BTC"
    venues: tuple[str, ...] = ()
    replay: str | None = None
    record: Path | None = None
    bars: str | None = None
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
    accounts: tuple[str, ...] = ()
    probe: bool = False
    signal: str = ""
    symbols: tuple[str, ...] = ()
    every_coin: bool = False
    files: tuple[str, ...] = ()
    history: History | None = None
    through_time: bool = False
    when: str | None = None
    alert: str | None = None
    top: int | None = None
    by: str = "open-interest"
    sort: str | None = None


class Run(msgspec.Struct):
    """What a gathering gave, with the clock and mode that the documents carry.

    `venues` are those chosen, whether or not they have anything that was `wanted`; `orders` are liquidations known from
    history, by venue and contract, `days` daily figures from there.
    """

    options: Options
    mode: tree.Mode
    scenario: str | None
    now_ms: int
    harvests: list[Harvest]
    skipped: list[tuple[str, str, str]]
    wanted: frozenset[Kind]
    venues: tuple[Source, ...]
    orders: dict[tuple[str, str], Orders] = msgspec.field(default_factory=dict)
    days: Days = msgspec.field(default_factory=dict)

    def frame(self) -> Frame:
        """Return what the documents of this run have around their sections."""
        return Frame(
            self.mode,
            self.scenario,
            self.options.symbol,
            self.now_ms,
            sources=tuple(sections.states(self.harvests, self.skipped, self.now_ms)),
            gaps=tuple(sections.gaps(self.harvests, self.skipped, self.wanted, self.venues)),
        )

    def require_listing(self) -> None:
        """Raise where every venue that answered does not list the coin."""
        require_listed(self.options.symbol, self.harvests)


def require_listed(symbol: str, harvests: Iterable[Harvest]) -> None:
    """Raise an `UnknownSymbolError` where every venue that answered does not list a coin."""
    answered = [h for h in harvests if h.source.is_venue and h.listed]
    if answered and all(h.unlisted for h in answered):
        names = sorted({base for h in answered for base in h.listed})
        import difflib

        raise UnknownSymbolError(symbol, difflib.get_close_matches(symbol, names, NEAR_NAMES, 0.5))


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
            import difflib

            near = difflib.get_close_matches(name, known, 1) or list(known)
            raise UsageError(f"no venue {name!r}", f"Did you mean {', '.join(near)}?")
    return [s for s in VENUES if not names or s.name in names] + list(PROVIDERS)


def collect(
    options: Options,
    settings: SourceSettings,
    now_ms: int,
    kinds: Iterable[Kind],
    done: Done = lambda _harvest: None,
) -> Run:
    """Ask all sources that give any of `kinds`, or replay a recording of it.

    Raises
    ------
    StrictError
        Under `strict`, if a source failed.
    """
    if options.as_of_ms is not None:
        return _known_at(options, options.as_of_ms, now_ms, frozenset(kinds))
    given = opened(options, settings, now_ms, kinds)
    remembering = _remembering(given)
    harvests: list[Harvest] = []
    with given.recorded():
        answers = _answers(given, settings)
        given.client.aio.run(_gather(given, options.timeout_s, done, harvests, remembering, answers))
    harvests += remembering.recorded({h.name for h in harvests}) if remembering is not None else []
    run = run_of(given, given.options, harvests)
    if remembering is not None:
        run.orders, run.days = remembering.orders, remembering.days
    if given.mode == "live":
        asked = [h for h in harvests if h.requests]
        last_good.note([h.name for h in asked if not h.failures and not stale(h, now_ms)], now_ms)
    if given.remembers:
        kept.note(options.symbol, harvests, settings, now_ms)
    require_all(run)
    return run


class Opened(msgspec.Struct, frozen=True):
    """What answers a run, which sources it asks and which it skips: (name, title, why)."""

    client: Client | Replay
    options: Options
    now_ms: int
    wanted: frozenset[Kind]
    venues: tuple[Source, ...]
    asked: list[Source]
    skipped: list[tuple[str, str, str]]

    @property
    def mode(self) -> tree.Mode:
        """Whether it is the network or a recording that answers."""
        return "replay" if self.client.recording else "live"

    @property
    def scenario(self) -> str | None:
        """The name of the bundled scenario, where one answers."""
        return self.client.recording.index.scenario if self.client.recording else None

    @property
    def remembers(self) -> bool:
        """Whether earlier runs may spare this one requests: a recording holds all that its options ask for."""
        recorded = self.client.recording is not None or self.client.recorder is not None
        return self.options.history is not None and not recorded

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep the recording that was asked for, if any, where nothing fails meanwhile."""
        recorder = self.client.recorder
        try:
            yield
            if recorder is not None:
                recorder.close(self.now_ms, [s.name for s in self.asked])
        except BaseException:
            if recorder is not None:
                recorder.discard()
            raise


def opened(
    options: Options, settings: SourceSettings, now_ms: int, kinds: Iterable[Kind], *, answer_s: float | None = None
) -> Opened:
    """Return what answers: the network or a recording, whose moment and accounts then stand.

    Parameters
    ----------
    answer_s : bounds each answer from when its request leaves.
    """
    wanted = frozenset(kinds)
    offered = chosen(options.venues)
    client = _client(options, settings, answer_s)
    if client.recording is not None:
        now_ms = client.recording.captured_at_ms
        if not options.accounts:
            options = msgspec.structs.replace(options, accounts=client.recording.accounts())
    sources = _giving(wanted, offered)
    asked = _usable(sources, client, settings)
    skipped = [
        (s.name, s.title, "not in the recording" if client.recording else f"needs {s.needs}")
        for s in sources
        if s not in asked
    ]
    venues = tuple(s for s in offered if s.is_venue)
    return Opened(client, options, now_ms, wanted, venues, asked, skipped)


def run_of(given: Opened, options: Options, harvests: list[Harvest]) -> Run:
    """Return the run that harvests of a coin make; what cannot be true is left out of them."""
    act(harvests, examine(harvests, options.symbol, given.now_ms))
    return Run(options, given.mode, given.scenario, given.now_ms, harvests, given.skipped, given.wanted, given.venues)


def require_all(run: Run) -> None:
    """Raise a `StrictError` where a source failed and none may."""
    failed = [str(f) for h in run.harvests for f in h.failures if not isinstance(f, NotOpenError)]
    if run.options.strict and failed:
        raise StrictError(f"{len(failed)} requests failed under --strict, the first: {failed[0]}")


def _remembering(given: Opened) -> Remembering | None:
    """Begin to read local history, where that may spare requests."""
    history = given.options.history
    if history is None or not given.remembers or not given.wanted & RECALLED:
        return None
    venues = [s for s in chosen(given.options.venues) if s.is_venue]
    return Remembering(history, venues, ask_of(given.options, given.now_ms), given.wanted)


def _answers(given: Opened, settings: SourceSettings) -> Answers:
    """Return what earlier runs were answered that still stands; whoever probes the sources asks them."""
    if not given.remembers or given.options.probe:
        return {}
    return kept.read(given.options.symbol, given.asked, settings, given.now_ms)


def _known_at(options: Options, as_of_ms: int, now_ms: int, wanted: frozenset[Kind]) -> Run:
    """Return what was known at a moment, from local history alone."""
    if as_of_ms > now_ms:
        raise UsageError(f"--as-of {iso(as_of_ms)} is yet to come")
    sources = _giving(wanted, chosen(options.venues))
    harvests, orders, days = past(options.history or History(), sources, ask_of(options, as_of_ms))
    if not any(h.candles for h in harvests):
        raise MissingDataError(
            f"nothing of {options.symbol} that was known at {iso(as_of_ms)} is stored",
            "imbalance db info tells what is, and since when.",
        )
    act(harvests, examine(harvests, options.symbol, as_of_ms))
    known = {h.name for h in harvests}
    skipped = [(s.name, s.title, "nothing was known of it then") for s in sources if s.name not in known]
    venues = tuple(s for s in sources if s.is_venue)
    return Run(options, "store", None, as_of_ms, harvests, skipped, wanted, venues, orders, days)


def _client(options: Options, settings: SourceSettings, answer_s: float | None) -> Client | Replay:
    """Return what answers: the network, recorded where asked for, or a recording."""
    if options.replay is not None:
        if options.record is not None:
            raise UsageError("--replay and --record cannot be used together")
        return Replay(Recording(find(options.replay)))
    # The network's libraries take a while to load; a replay needs none of them.
    from imbalance.fetch.client import Client

    recorder = Recorder(options.record, lambda: time.time_ns() // 1_000_000) if options.record is not None else None
    return Client(settings, recorder, answer_s=answer_s)


def _giving(wanted: frozenset[Kind], sources: Iterable[Source]) -> list[Source]:
    """Return the sources that have an endpoint of any kind that is wanted."""
    return [s for s in sources if any(e.kind in wanted for e in s.endpoints)]


def _usable(sources: Iterable[Source], client: Client | Replay, settings: SourceSettings) -> list[Source]:
    """Return the sources that can be asked: keyed ones need their key, or to be in the recording."""
    if client.recording is not None:
        return [s for s in sources if s.name in client.recording.sources]
    return [s for s in sources if not s.key_header or settings.key(s)]


async def _gather(
    given: Opened,
    timeout_s: float,
    done: Done,
    into: list[Harvest],
    remembering: Remembering | None,
    answers: Answers,
) -> None:
    # The result leaves by `into`: a task's result is written out in full by the signal handler's clean-up.
    try:
        memory = remembering.memory(timeout_s * PATIENCE) if remembering is not None else None
        ask = ask_of(given.options, given.now_ms)
        into += await gather(given.client, given.asked, ask, given.wanted, timeout_s, done, memory, answers=answers)
    finally:
        await given.client.close()


def ask_of(options: Options, now_ms: int) -> Ask:
    """Return what the options ask for at a moment."""
    interval_ms = INTERVALS_MS[options.interval]
    end_ms = -(-now_ms // interval_ms) * interval_ms
    start_ms = now_ms // interval_ms * interval_ms - options.lookback_ms // interval_ms * interval_ms
    return Ask(options.symbol, now_ms, start_ms, end_ms, interval_ms, accounts=options.accounts)


def market_of(run: Run) -> MarketData:
    """Assemble the market from what the venues gave.

    Raises
    ------
    MissingDataError
        If no venue gave price, open interest and candles.
    """
    run.require_listing()
    price = mark_price(run.harvests)
    interval_ms = INTERVALS_MS[run.options.interval]
    elsewhere = {
        (h.name, venue): rows
        for h in run.harvests
        if not h.why_left_out(Figure.LIQUIDATIONS)
        for venue, rows in by_venue(h.of(VenueLiquidations)).items()
    }
    venues = [
        records_of(h, run.options.symbol, interval_ms, elsewhere, run.orders)
        for h in run.harvests
        if h.source.is_venue and h.instrument is not None
    ]
    usable_venues = [v for v in venues if v.usable and v.candles]
    if price is None or not usable_venues:
        raise MissingDataError(
            "no venue gave price, open interest and candles, so there is nothing to map", why_not(run.harvests)
        )
    return assemble(run.options.symbol, interval_ms, run.now_ms, price, venues)


def why_not(harvests: Sequence[Harvest]) -> str:
    """Return what failed, a line a source, and what to do."""
    # A source's own words stay on its line.
    told = [" ".join(str(h.failures[0]).split()) for h in harvests if h.failures]
    way = "Check the connection, try other venues with --venue, or a longer --timeout."
    if any(isinstance(f, NotRecordedError) for h in harvests for f in h.failures):
        way = "A recording serves what was recorded: give the symbol and options that it was made with."
    return "\n  ".join([*told, way])


def require_fresh(options: Options, newest_ms: int | None, now_ms: int) -> None:
    """Raise a `StaleDataError` where the newest datum is older than the options allow."""
    if options.max_age_s is None:
        return
    if newest_ms is None or now_ms - newest_ms > options.max_age_s * SECOND_MS:
        age = "of unknown age" if newest_ms is None else f"from {iso(newest_ms)}"
        raise StaleDataError(f"the data is {age}, older than --max-age allows")


def require_fresh_run(run: Run) -> None:
    """Raise a `StaleDataError` where all that a run gave is too old."""
    stamps = [t for h in run.harvests if (t := sections.newest_ms(h)) is not None]
    require_fresh(run.options, max(stamps, default=None), run.now_ms)
