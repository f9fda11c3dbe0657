"""What a venue says now and said before: each figure read from its harvest in one place, whichever endpoint gave it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from imbalance.records import Candle, ContractStats, Funding, FundingInterval, OpenInterest, OpenInterestUsd, Ticker
from imbalance.units import DAY_MS, median
from imbalance.wire import Kind
from imbalance.wire.harvest import Harvest

FUNDING_HOURS = 8.0


def ticker(harvest: Harvest) -> Ticker:
    """Return the venue's ticker, joined from the endpoints that each gave a part."""
    found: dict[str, float | int] = {}
    for row in harvest.of(Ticker):
        found.update({f: v for f in row.__struct_fields__ if (v := getattr(row, f)) is not None})
    statistics = harvest.in_time(ContractStats)
    if statistics and "mark_price" not in found:
        found["mark_price"] = statistics[-1].mark_price
    return Ticker(**found)  # type: ignore[arg-type]


def venue_price(harvest: Harvest) -> float | None:
    """Return the venue's mark price, else its last close."""
    mark = ticker(harvest).mark_price
    if mark is not None:
        return mark
    return harvest.candles[-1].close if harvest.candles else None


def mark_price(harvests: Sequence[Harvest]) -> float | None:
    """Return the median of the venues' own mark prices.

    Where none publishes one, of their last closes, or of what their open interest is valued at.
    """
    marks = [m for h in harvests if h.of(Ticker) and (m := ticker(h).mark_price) is not None]
    marks = marks or [h.candles[-1].close for h in harvests if h.candles]
    valued = [row for h in harvests for row in open_interest_rows(h) if row.open_interest_usd]
    marks = marks or [row.open_interest_usd / row.open_interest_base for row in valued if row.open_interest_usd]
    return median(marks) if marks else None


def open_interest_rows(harvest: Harvest) -> list[OpenInterest]:
    """Return the venue's open interest now; USD alone becomes coins at the venue's price."""
    now = harvest.at(Kind.OPEN_INTEREST, OpenInterest) or harvest.at(Kind.TICKER, OpenInterest)
    price = venue_price(harvest)
    if not now and price:
        now = [
            OpenInterest(row.time_ms, row.open_interest_usd / price, row.open_interest_usd)
            for row in harvest.at(Kind.OPEN_INTEREST, OpenInterestUsd)
        ]
    return now


def open_interest_now(harvest: Harvest) -> float | None:
    """Return the venue's open interest now [base], one side."""
    now = open_interest_rows(harvest)
    if now:
        return now[-1].open_interest_base
    statistics = harvest.in_time(ContractStats)
    return statistics[-1].open_interest_base if statistics else None


def open_interest_history(harvest: Harvest) -> list[OpenInterest]:
    """Return the venue's open interest over time, in order, without the figure of now.

    A bucket of statistics tells its end: prices in it fit the bar that opens at its stamp.
    """
    rows = harvest.in_time(OpenInterest, Kind.OPEN_INTEREST_HISTORY)
    return rows or from_statistics(harvest.in_time(ContractStats))


def from_statistics(statistics: Sequence[ContractStats]) -> list[OpenInterest]:
    """Return the open interest at the end of each bucket; nothing where one bucket alone does not tell its length."""
    if len(statistics) < 2:  # noqa: PLR2004  a step needs two
        return []
    bucket_ms = min(b.time_ms - a.time_ms for a, b in itertools.pairwise(statistics))
    return [OpenInterest(s.time_ms + bucket_ms, s.open_interest_base) for s in statistics]


def funding_8h(harvest: Harvest) -> tuple[Funding | None, float | None, float | None]:
    """Return the running period's funding, its hours, and the rate for 8 hours."""
    rows = harvest.of(Funding)
    if not rows:
        return None, None, None
    hours = rows[-1].interval_hours
    if hours is None and (given := harvest.of(FundingInterval)):
        hours = given[0].hours
    if hours is None and harvest.instrument is not None:
        hours = harvest.instrument.funding_interval_hours
    return rows[-1], hours, rows[-1].rate * FUNDING_HOURS / hours if hours else None


def running_day(bars: Sequence[Candle], now_ms: int) -> list[Candle]:
    """Return the day that runs as one bar, made of shorter ones; nothing where one of them is missing.

    Parameters
    ----------
    bars : in order of time; the last may be running.
    """
    midnight_ms = now_ms // DAY_MS * DAY_MS
    day = [bar for bar in bars if bar.time_ms >= midnight_ms]
    if len(bars) < 2 or not day:  # noqa: PLR2004  a step needs two
        return []
    step_ms = min(b.time_ms - a.time_ms for a, b in itertools.pairwise(bars))
    last_ms = day[-1].time_ms
    if [bar.time_ms for bar in day] != list(
        range(midnight_ms, last_ms + 1, step_ms)
    ) or now_ms >= last_ms + 2 * step_ms:
        return []

    def total(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(day) else None

    return [
        Candle(
            midnight_ms,
            day[0].open,
            max(bar.high for bar in day),
            min(bar.low for bar in day),
            day[-1].close,
            sum(bar.volume_base for bar in day),
            total(bar.volume_usd for bar in day),
            total(bar.taker_buy_base for bar in day),
        )
    ]
