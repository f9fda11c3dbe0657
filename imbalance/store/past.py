"""The sources as they were known at a moment: harvests of what had been learned by then, and of nothing later.

A row that was learned or changed later is not there. Of a span that was recorded further later, what lies before the
last row that was known at the moment counts as known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from imbalance.liquidated import Orders
from imbalance.readings import running_day
from imbalance.records import (
    Candle,
    Commitments,
    Contract,
    ContractStats,
    Covered,
    Funding,
    Holders,
    Instrument,
    LiquidationSum,
    LongShort,
    OpenInterestUsd,
    Sentiment,
    VenueLiquidations,
)
from imbalance.store import reading, records
from imbalance.store.asking import Reader
from imbalance.store.reading import Arrays
from imbalance.store.rows import Series
from imbalance.units import DAY_MS, HOUR_MS, Side
from imbalance.wire import Ask, Endpoint, Kind, Record, Source
from imbalance.wire.harvest import Harvest

DAYS = 200
# Open interest of longer ago is not that of the moment.
LATEST_INTEREST_MS = HOUR_MS
# The last liquidation of longer ago does not tell that the recording went on.
LATEST_ORDER_MS = HOUR_MS
Found = Iterator[tuple[Kind, Sequence[Record]]]


class Past:
    """What was known of a coin at a moment, `ask.now_ms`."""

    def __init__(self, connection: Reader, ask: Ask) -> None:
        self.connection = connection
        self.ask = ask
        self.series = reading.all_series(connection, symbol=ask.base) | reading.all_series(connection, symbol="")

    def harvest(self, source: Source) -> Harvest | None:
        """Return what a source had given by then; None where that is nothing."""
        own = {n: one for n, one in self.series.items() if one.source == source.name}
        instrument = None
        if source.is_venue:
            own, instrument = self._contract(own)
        harvest = Harvest(source, instrument, (self.ask.base,) if source.lists else ())
        for build in BUILDERS:
            for kind, rows in build(self, source, own):
                if rows:
                    harvest.keep(kind, rows)
        return harvest if harvest.records else None

    def orders(self, source: Source) -> Orders | None:
        """Return the liquidations over the span that were known by then."""
        own, _instrument = self._contract({n: one for n, one in self.series.items() if one.source == source.name})
        number, spans = self.printed(own, self.ask.start_ms)
        if number is None:
            return None
        rows = self.rows(number, "liquidations", self.ask.start_ms)
        long, short = (np.where(rows["position"] == side.value, rows["quantity_base"], 0.0) for side in Side)
        return Orders(spans, rows["time_ms"], long, short)

    def printed(self, own: dict[int, Series], start_ms: int) -> tuple[int | None, list[tuple[int, int]]]:
        """Return which series of single liquidations was known for longest since a moment, and its spans.

        A stream and the answers of the same venue tell the same orders: one of them is read, never both.
        """
        known = {
            n: [(max(a, start_ms), b) for a, b in self.spans(n) if b > start_ms]
            for n, one in own.items()
            if one.data == "liquidations"
        }
        number = max(known, key=lambda n: sum(b - a for a, b in known[n]), default=None)
        return (number, known[number]) if number is not None and known[number] else (None, [])

    def _contract(self, own: dict[int, Series]) -> tuple[dict[int, Series], Instrument | None]:
        """Return the series of the contract that was known last, and that contract."""
        newest = {
            n: int(self.rows(n, "candles", self.ask.start_ms, ("time_ms",))["time_ms"].max(initial=0))
            for n, one in own.items()
            if one.data == "candles"
        }
        if not newest:
            return {}, None
        last = own[max(newest, key=lambda n: newest[n])]
        kept = {n: one for n, one in own.items() if (one.instrument, one.venue) == (last.instrument, last.venue)}
        return kept, Instrument(last.venue, last.instrument, self.ask.base, "USD", Contract(last.contract))

    def rows(self, number: int, data: str, start_ms: int, names: Sequence[str] = (), *, length_ms: int = 0) -> Arrays:
        """Return the rows of a series that had ended and were known at the moment."""
        end_ms = self.ask.now_ms - length_ms + 1
        return reading.arrays(
            self.connection, number, data, names, start_ms=start_ms, end_ms=end_ms, learned_by_ms=self.ask.now_ms
        )

    def spans(self, number: int) -> list[tuple[int, int]]:
        """Return what of the time before the moment was known by then."""
        found = []
        for from_ms, to_ms, learned_ms in reading.known(self.connection, number):
            end_ms = min(to_ms, self.ask.now_ms)
            if learned_ms > self.ask.now_ms:
                stamps = self.rows(number, "liquidations", from_ms, ("time_ms",))["time_ms"]
                end_ms = int(stamps[stamps < end_ms].max(initial=from_ms))
            if end_ms > from_ms:
                found.append((from_ms, end_ms))
        return found

    def of_step(self, own: dict[int, Series], data: str, endpoint: Endpoint | None, start_ms: int) -> Arrays | None:
        """Return rows of the length that the source would be asked for, from whatever series give them."""
        step_ms = (endpoint.step(self.ask) if endpoint and endpoint.step else None) or self.ask.interval_ms
        parts: list[Arrays] = []
        fitting = [(one.interval_ms, n) for n, one in own.items() if one.data == data and one.interval_ms]
        for interval_ms, number in sorted(fitting):
            if step_ms % interval_ms == 0:
                length_ms = interval_ms if data == "candles" else 0
                rows = self.rows(number, data, start_ms, records.COLUMNS[data], length_ms=length_ms)
                parts.append(records.of_step(data, rows, interval_ms, step_ms))
        if not parts:
            return None
        together = {name: np.concatenate([part[name] for part in parts]) for name in records.COLUMNS[data]}
        # Of two of the same moment the one of the longest rows stands: it is the venue's own.
        _times, last = np.unique(together["time_ms"][::-1], return_index=True)
        at = together["time_ms"].size - 1 - last
        return {name: values[at] for name, values in together.items()}


def harvests(connection: Reader, sources: Iterable[Source], ask: Ask) -> tuple[list[Harvest], dict[str, Orders]]:
    """Return what sources had given by a moment, `ask.now_ms`, and the liquidations known then by venue."""
    past = Past(connection, ask)
    offered = list(sources)
    found = [harvest for source in offered if (harvest := past.harvest(source)) is not None]
    orders = {source.name: known for source in offered if source.is_venue and (known := past.orders(source))}
    return found, orders


def _of(own: dict[int, Series], data: str, interval_ms: int | None = None) -> list[tuple[int, Series]]:
    return [
        (n, one)
        for n, one in own.items()
        if one.data == data and (interval_ms is None or one.interval_ms == interval_ms)
    ]


def _plain(row: Arrays, names: Sequence[str]) -> list[tuple[Any, ...]]:
    columns = ([None if v != v else v for v in row[name].tolist()] for name in names)  # noqa: PLR0124
    return list(zip(*columns, strict=True))


def _endpoint(source: Source, kind: Kind) -> Endpoint | None:
    return next((e for e in source.endpoints if e.kind is kind), None)


def _candles(past: Past, source: Source, own: dict[int, Series]) -> Found:
    rows = past.of_step(own, "candles", _endpoint(source, Kind.CANDLES), past.ask.start_ms)
    bars = records.candles(rows) if rows else []
    yield Kind.CANDLES, bars
    for number, _one in _of(own, "candles", DAY_MS):
        days = past.rows(number, "candles", past.ask.now_ms - DAYS * DAY_MS, length_ms=DAY_MS)
        yield Kind.DAILY_CANDLES, [*records.candles(days), *running_day(bars, past.ask.now_ms)]


def _interest(past: Past, source: Source, own: dict[int, Series]) -> Found:
    rows = past.of_step(own, "open_interest", _endpoint(source, Kind.OPEN_INTEREST_HISTORY), past.ask.start_ms)
    levels = records.levels(rows) if rows else []
    yield Kind.OPEN_INTEREST_HISTORY, levels
    since_ms = past.ask.now_ms - DAYS * DAY_MS
    for number, _one in _of(own, "open_interest", DAY_MS):
        days = past.rows(number, "open_interest", since_ms)
        yield Kind.OPEN_INTEREST_DAILY, records.levels(days)
        usd = _plain(days, ("time_ms", "open_interest_base", "open_interest_usd"))
        yield Kind.OPEN_INTEREST_DAILY, [OpenInterestUsd(t, usd_) for t, base, usd_ in usd if base is None]
    moments = [
        row
        for number, one in _of(own, "open_interest")
        if one.interval_ms < DAY_MS
        for row in records.levels(past.rows(number, "open_interest", past.ask.now_ms - LATEST_INTEREST_MS))
    ]
    if source.is_venue and moments:
        yield Kind.OPEN_INTEREST, [max(moments, key=lambda row: row.time_ms)]


def _funding(past: Past, _source: Source, own: dict[int, Series]) -> Found:
    for number, _one in _of(own, "funding"):
        rows = past.rows(number, "funding", past.ask.now_ms - DAY_MS)
        names = ("rate", "time_ms", "next_time_ms", "interval_hours")
        found = [
            Funding(rate, time_ms, None if next_ms is None else int(next_ms), hours)
            for rate, time_ms, next_ms, hours in _plain(rows, names)
        ]
        yield Kind.FUNDING, found[-1:]


def _ratios(past: Past, _source: Source, own: dict[int, Series]) -> Found:
    for number, one in _of(own, "ratios"):
        rows = past.rows(number, "ratios", past.ask.now_ms - DAY_MS)
        found = [LongShort(t, one.what, share) for t, share in _plain(rows, ("time_ms", "long_share"))]
        yield Kind.LONG_SHORT, found[-1:]


def _liquidations(past: Past, _source: Source, own: dict[int, Series]) -> Found:
    now_ms = past.ask.now_ms
    number, spans = past.printed(own, now_ms - DAY_MS)
    if number is not None and spans[-1][1] >= now_ms - LATEST_ORDER_MS:
        rows = records.liquidations(past.rows(number, "liquidations", spans[-1][0]))
        yield Kind.LIQUIDATIONS, [Covered(spans[-1][0]), *rows]


def _sums(past: Past, source: Source, own: dict[int, Series]) -> Found:
    ask = past.ask
    for number, one in _of(own, "liquidation_sums"):
        since_ms = 0 if one.interval_ms == DAY_MS else ask.start_ms
        rows = past.rows(number, "liquidation_sums", since_ms, length_ms=one.interval_ms)
        buckets = _plain(rows, ("time_ms", "long_usd", "short_usd"))
        if source.is_venue:
            yield Kind.CONTRACT_STATS, _statistics(past, source, own, rows, one.interval_ms)
        elif one.venue:
            seen = [VenueLiquidations(t, one.venue, long, short, one.interval_ms) for t, long, short in buckets]
            yield Kind.VENUE_LIQUIDATIONS, seen
        else:
            daily = one.interval_ms == DAY_MS
            kind = Kind.LIQUIDATION_DAILY if daily else Kind.LIQUIDATION_SUMS
            yield kind, [LiquidationSum(t, long, short) for t, long, short in buckets]


def _statistics(
    past: Past, source: Source, own: dict[int, Series], rows: Arrays, bucket_ms: int
) -> Sequence[ContractStats]:
    """Return a venue's own buckets: open interest stands at their ends, the price at the bar that opens with them."""
    closes = {
        row.time_ms: row.close
        for kind, found in _candles(past, source, own)
        if kind is Kind.CANDLES
        for row in found
        if isinstance(row, Candle)
    }
    interest = {
        row.time_ms: row.open_interest_base
        for number, one in _of(own, "open_interest", bucket_ms)
        for row in records.levels(past.rows(number, "open_interest", past.ask.start_ms))
    }
    names = ("time_ms", "long_base", "short_base", "long_usd", "short_usd")
    return [
        ContractStats(t, closes[t], interest[t + bucket_ms], *sums)
        for t, *sums in _plain(rows, names)
        if t in closes and t + bucket_ms in interest and None not in sums
    ]


def _mood(past: Past, _source: Source, own: dict[int, Series]) -> Found:
    for number, _one in _of(own, "sentiment"):
        rows = past.rows(number, "sentiment", past.ask.now_ms - DAYS * DAY_MS)
        yield Kind.SENTIMENT, [Sentiment(t, int(v), word) for t, v, word in _plain(rows, ("time_ms", "value", "label"))]
    for number, one in _of(own, "holders"):
        rows = past.rows(number, "holders", past.ask.now_ms - DAYS * DAY_MS)
        yield Kind.HOLDERS, [Holders(t, one.what, v) for t, v in _plain(rows, ("time_ms", "value"))]
    for number, one in _of(own, "commitments"):
        yield Kind.COMMITMENTS, _commitments(past.rows(number, "commitments", 0), one.instrument)


def _commitments(rows: Arrays, contract: str) -> list[Commitments]:
    names = ("time_ms", "units", "open_interest", "trader_group", "long", "short", "spread")
    weeks = groupby(_plain(rows, names), key=lambda row: row[:3])
    return [
        Commitments(time_ms, contract, units, interest, {row[3]: row[4:] for row in groups})
        for (time_ms, units, interest), groups in weeks
    ]


BUILDERS: tuple[Callable[[Past, Source, dict[int, Series]], Found], ...] = (
    _candles,
    _interest,
    _funding,
    _ratios,
    _liquidations,
    _sums,
    _mood,
)
