"""The use case of many coins beside each other: each read and mapped as a report is, within the shared budgets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from imbalance import ranking
from imbalance.collect import Opened, Options, ask_of, opened, require_all, run_of
from imbalance.errors import ImbalanceError, MissingDataError, UsageError
from imbalance.expressions import Expression, parse
from imbalance.fetch.gather import gather
from imbalance.fetch.settings import SourceSettings
from imbalance.fetch.shared import Shared
from imbalance.fetch.turns import TURN
from imbalance.report import figures, scanning, tree
from imbalance.report.frame import Frame
from imbalance.service import MAP_KINDS, report_of
from imbalance.units import DAY_MS, SECOND_MS
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

# What the figures of a row are read from: no order books, no ratios, no days and months of candles.
KINDS = MAP_KINDS | {
    Kind.FUNDING,
    Kind.FUNDING_INTERVALS,
    Kind.OPEN_INTEREST_DAILY,
    Kind.LIQUIDATIONS,
    Kind.LIQUIDATION_SUMS,
    Kind.SENTIMENT,
    Kind.COMMITMENTS,
}
# More than any budget allows in its period, so that none stands idle; so few that their answers fit in memory.
COINS_AT_ONCE = 12
# The first row is waited for: its coin is read alone, for as long as this.
ALONE_S = 3.0
# A coin is begun when answers to those before are read as they come; where they never are, after as long as `BUSY_S`.
PROMPT_S = 0.05
BUSY_S = 3.0
# A coin waits for its turn in the budgets for as long as it takes: what is bounded is each answer.
LONGEST_S = DAY_MS / SECOND_MS

Done = Callable[[tree.ScanRow | None, int], None]


class _Scan(msgspec.Struct):
    """What a scan has found so far: a row a coin, but for those that a condition leaves out or that it is `unknown` of.

    `states` are how the sources fared, coin by coin.
    """

    given: Opened
    condition: Expression | None
    done: Done
    symbols: Sequence[str] = ()
    ranked: str | None = None
    rows: dict[str, tree.ScanRow] = msgspec.field(default_factory=dict)
    unknown: list[str] = msgspec.field(default_factory=list)
    states: list[tree.SourceState] = msgspec.field(default_factory=list)

    def keep(self, row: tree.ScanRow) -> None:
        """Keep a row that the condition lets through; one that failed always is."""
        holds = True if row.failed or self.condition is None else self.condition.holds(row.figures)
        if holds is None:
            self.unknown.append(row.symbol)
        if holds:
            self.rows[row.symbol] = row
        self.done(self.rows.get(row.symbol), len(self.symbols))


def scan(
    options: Options, settings: SourceSettings, now_ms: int, done: Done = lambda _row, _coins: None
) -> tree.ScanReport:
    """Read a row a coin: ``imbalance.scan/1``.

    Parameters
    ----------
    options : `symbols` are the coins; where there are none, the `top` of those listed, largest first, or all.
    done : called as each coin ends, in any order, with its row (None where `when` leaves it out) and how many coins
        there are.

    Raises
    ------
    MissingDataError
        If no coin could be read.
    """
    condition = parse(options.when, figures.known()) if options.when is not None else None
    if options.sort is not None and options.sort.removeprefix(scanning.REVERSED) not in scanning.columns():
        raise UsageError(f"--sort {options.sort!r} is no column", f"Columns: {', '.join(scanning.columns())}.")
    given = opened(options, settings, now_ms, KINDS, answer_s=options.timeout_s)
    found = _Scan(given, condition, done)
    with given.recorded():
        asyncio.run(_all(found))
    rows = [found.rows[symbol] for symbol in found.symbols if symbol in found.rows]
    if rows and all(row.failed for row in rows) and len(rows) == len(found.symbols):
        raise MissingDataError("no coin could be read", "\n  ".join(dict.fromkeys(row.failed for row in rows)))
    frame = Frame(given.mode, given.scenario, "", given.now_ms, sources=tuple(scanning.together(found.states)))
    return scanning.report(
        frame, rows, ranked=found.ranked, when=options.when, sort=options.sort, unknown=sorted(found.unknown)
    )


async def _all(found: _Scan) -> None:
    """Read every coin, a few at once; they are mapped one after the other in a thread while others wait for answers.

    They are begun one by one, and those that were begun first go first wherever they wait.
    """
    given = found.given
    client = Shared(given.client)
    places, beginning = asyncio.Semaphore(COINS_AT_ONCE), asyncio.Lock()
    tasks: list[asyncio.Task[None]] = []
    with ThreadPoolExecutor(max_workers=1) as mapping:

        async def one(turn: int, symbol: str) -> None:
            TURN.set(turn)
            options = msgspec.structs.replace(given.options, symbol=symbol)
            async with places:
                async with beginning:
                    await _begun(tasks[:turn])
                ask = ask_of(options, given.now_ms)
                harvests = await gather(client, given.asked, ask, given.wanted, LONGEST_S)
                row, states = await asyncio.get_running_loop().run_in_executor(mapping, _read, given, options, harvests)
            found.states += states
            found.keep(row)

        try:
            found.symbols = await _coins(client, found)
            tasks += [asyncio.create_task(one(*coin)) for coin in enumerate(found.symbols)]
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()


async def _begun(before: Sequence[asyncio.Task[None]]) -> None:
    """Wait until those before are under way: the first done, the others read as their answers come."""
    if len(before) == 1:
        await asyncio.wait(before, timeout=ALONE_S)
    until = time.perf_counter() + (BUSY_S if before else 0.0)
    while (asked := time.perf_counter()) < until:
        await asyncio.sleep(PROMPT_S)
        if time.perf_counter() - asked < 2 * PROMPT_S:
            return


async def _coins(client: Shared, found: _Scan) -> Sequence[str]:
    """Return the coins that are named, or the largest of those that the venues list."""
    options = found.given.options
    if options.symbols:
        return list(dict.fromkeys(symbol.upper() for symbol in options.symbols))
    venues = [source for source in found.given.asked if source.is_venue]
    ask = ask_of(options, found.given.now_ms)
    symbols, of = await ranking.ranked(client, venues, ask, options.timeout_s, options.by)
    found.ranked = f"{options.by.replace('-', ' ')} on {', '.join(of)}"
    return symbols[: options.top]


def _read(given: Opened, options: Options, harvests: list[Harvest]) -> tuple[tree.ScanRow, Sequence[tree.SourceState]]:
    """Return a coin's row and how its sources fared; what keeps it from being read is its row."""
    run = run_of(given, options, harvests)
    frame = run.frame()
    try:
        require_all(run)
        return scanning.row(report_of(run)), frame.sources
    except ImbalanceError as error:
        return scanning.failed(frame, error), frame.sources
