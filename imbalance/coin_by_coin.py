"""Studies and trials of coins over their history: a task a coin, which reads its own bars and returns what is small.

What a task returns depends on nothing but its bars, and what is made of all of them on nothing but these, in the order
in which the coins were named: it is the same wherever they run and whichever ends first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from imbalance import history, jobs
from imbalance.bars.places import place_of
from imbalance.collect import Options, require_fresh
from imbalance.errors import ImbalanceError, MissingDataError, UsageError
from imbalance.library import engine_venues
from imbalance.origins import OwnBars, PastBars, StoredBars
from imbalance.report import mapping, studying, tree, validation
from imbalance.report.frame import Frame
from imbalance.report.signals.read import Past
from imbalance.units import INTERVALS_MS, interval_name, iso

STORE = "the local history"


class Coin(msgspec.Struct, frozen=True):
    """A coin and its bars up to a moment, all where there is none; `place` is where they are, in words."""

    symbol: str
    bars: PastBars
    place: str
    as_of_ms: int | None


class StudyTask(msgspec.Struct, frozen=True):
    """The study of a signal on a coin; `past` is what is known beside its bars, wherever these are."""

    coin: Coin
    signal: str
    past: Past


class TrialTask(msgspec.Struct, frozen=True):
    """The trial of the map on a coin, with maps kept for some days; a coin whose bars are too old fails."""

    coin: Coin
    horizons_days: tuple[float, ...]
    max_age_s: float | None
    now_ms: int


def backtest(options: Options, now_ms: int, run: jobs.Runner = jobs.alone) -> tree.BacktestReport:
    """Study what followed a signal on own or stored bars: ``imbalance.backtest/1``.

    Of several coins of one folder, or of the store, one that cannot be studied is a gap.

    Raises
    ------
    ImbalanceError
        What kept the first coin from being studied, where none could be.
    """
    definition, kept = studying.definition(options.signal), options.history
    if kept is None and not options.files:
        raise UsageError("stored bars are to be studied, and local history to be left alone", "Give --bars FILE.")
    coins = _coins(options, options.files, name=len(options.files) > 0)
    todo = [
        StudyTask(coin, definition.name, Past() if kept is None else history.past(kept.address, coin.symbol))
        for coin in coins
    ]
    found = _in_order(run, studied, todo)
    failed = [(coin, one) for coin, one in zip(coins, found, strict=True) if isinstance(one, ImbalanceError)]
    if failed and (len(failed) == len(coins) or len(options.files) > 1):
        raise failed[0][1]
    markets = [one for one in found if not isinstance(one, ImbalanceError)]
    gaps = tuple(tree.Gap(coin.symbol, "bars", error.message, error.hint) for coin, error in failed)
    at_ms = max((one.as_of_ms for one in markets), default=now_ms)
    symbols = " ".join(one.row.symbol for one in markets)
    notes = tuple(one.note for one in markets if one.note)
    frame = Frame("bars" if options.files else "store", None, symbols, at_ms, notes=notes, gaps=gaps)
    return frame.document(tree.BacktestReport, **studying.sections(definition, markets))


def studied(task: StudyTask) -> studying.Market | ImbalanceError:
    """Return what a study needs of a coin, or what kept it from being studied."""
    coin = task.coin
    try:
        market = coin.bars.market(coin.symbol, None, coin.as_of_ms, needs_interest=False)
        return studying.market(studying.definition(task.signal), studying.Given(coin.place, task.past.history(market)))
    except ImbalanceError as error:
        return error


def validate(options: Options, now_ms: int, run: jobs.Runner = jobs.alone) -> tree.ValidateCoinsReport:
    """Score the maps of coins, walking forward, against observed liquidations: ``imbalance.validate-coins/1``.

    Raises
    ------
    MissingDataError
        If no coin could be validated.
    """
    coins = _coins(options, () if options.bars is None else (options.bars,), name=False)
    todo = [TrialTask(coin, options.horizons_days, options.max_age_s, now_ms) for coin in coins]
    rows: list[tree.ValidatedCoin] = _in_order(run, tried, todo)
    if all(row.failed for row in rows):
        raise MissingDataError("no coin could be validated", "\n".join(f"{row.symbol}: {row.failed}" for row in rows))
    as_of = max(row.as_of for row in rows if row.as_of is not None)
    frame = Frame("store" if options.bars is None else "bars", None, " ".join(row.symbol for row in rows), now_ms)
    document = frame.document(tree.ValidateCoinsReport, rows=rows)
    return msgspec.structs.replace(document, as_of=as_of)


def tried(task: TrialTask) -> tree.ValidatedCoin:
    """Return the row of a coin: its scores, or what kept it from being scored."""
    coin = task.coin
    try:
        market = coin.bars.market(coin.symbol, None, coin.as_of_ms)
        asked_ms = coin.as_of_ms if coin.as_of_ms is not None else task.now_ms
        require_fresh(Options(max_age_s=task.max_age_s), market.as_of_ms, asked_ms)
        found = validation.sections(market, engine_venues(market), task.horizons_days)
    except ImbalanceError as error:
        return tree.ValidatedCoin(coin.symbol, failed=error.message)
    del found["bars"]  # a row a bar and side: as large as the bars themselves
    return tree.ValidatedCoin(
        coin.symbol,
        interval=interval_name(market.interval_ms),
        start=iso(int(market.time_ms[0])),
        as_of=iso(market.as_of_ms),
        notes=[*mapping.short_history(market), *mapping.later(coin.as_of_ms, market.as_of_ms)],
        gaps=[*mapping.left_out(market), *mapping.doubted(market)],
        **found,
    )


def _in_order(run: jobs.Runner, function: Callable[[Any], Any], todo: Sequence[Any]) -> list[Any]:
    found = dict(run(function, todo))
    return [found[number] for number in range(len(todo))]


def _coins(options: Options, files: Sequence[str], *, name: bool) -> list[Coin]:
    """Return the coins of a folder or of the store, or one a file; with `name` files say what coin they are of."""
    symbols = list(options.symbols)
    if len(set(symbols)) < len(symbols):
        raise UsageError("a coin is named twice", "Name each once.")
    if options.every_coin and symbols:
        raise UsageError("--all is every coin, and some are named", "Give one of the two.")
    several = options.every_coin or len(symbols) > 1
    if not files or (several and len(files) == 1 and _is_folder(files[0])):
        bars = OwnBars(files[0], options.venues) if files else _stored(options)
        place = place_of(files[0]).name if files else STORE
        there = bars.symbols()  # where there is no such place at all, no coin need say so
        coins = there if options.every_coin else symbols or ["BTC"]
        if not coins or (files and not there):
            raise bars.nothing()
        return [Coin(symbol, bars, place, options.as_of_ms) for symbol in coins]
    if options.every_coin:
        raise UsageError("--all is every coin of one folder", "Give one --bars FOLDER, parted by coin.")
    named = _named(symbols, files) if name else symbols or ["BTC"]
    if len(named) > len(files):
        hint = "Give one --bars for each." if name else "Give --bars FOLDER, parted by coin."
        raise UsageError(f"{len(named)} coins for {len(files)} files of bars", hint)
    return [
        Coin(symbol, OwnBars(file, options.venues), place_of(file).name, options.as_of_ms)
        for symbol, file in zip(named, files, strict=True)
    ]


def _is_folder(file: str) -> bool:
    """Tell whether a place is a folder, or nothing at all, which who reads it tells."""
    place = place_of(file)
    return place.is_folder() or not place.exists()


def _stored(options: Options) -> StoredBars:
    address = options.history.address if options.history else None
    return StoredBars(address, INTERVALS_MS[options.interval], options.venues)


def _named(symbols: Sequence[str], files: Sequence[str]) -> list[str]:
    """Return the coin of each file: coins name files in their order, the rest are named by themselves."""
    named = [*symbols, *(PurePath(file).name.partition(".")[0].upper() for file in files[len(symbols) :])]
    if len(set(named)) < len(named):
        raise UsageError("two of the markets have the same name", "Name the coin of each --bars, in their order.")
    return named
