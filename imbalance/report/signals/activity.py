"""Signals of what is traded and liquidated: the month's volume, its spread over venues, and the last day's orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from imbalance import signals
from imbalance.records import Candle
from imbalance.report import tree, words
from imbalance.report.signals.read import Read, reading
from imbalance.signals.concentration import spread
from imbalance.signals.since import previous
from imbalance.wire import Kind

MOST_SHARES = 3
# Venues that traded two thirds of the month speak for it where the others' history is shorter.
MOST_OF_MONTH = 2 / 3
MONTHS_AGREE = 0.05
Means = dict[tuple[int, int], float]


def _month_name(month: tuple[int, int]) -> str:
    return words.month(f"{month[0]:04d}-{month[1]:02d}-01")


def month_volume(read: Read) -> list[tree.Reading]:
    """Return the month's volume of all venues that tell it whole, and since when a day's mean was as low."""
    v = read.volume
    by_venue = {row.name: row.month_usd for row in v.venues if row.month_usd is not None}
    if v.total_month_usd is None or not by_venue:
        return []
    label = f"{words.month(v.month + '-01')} volume"
    first = ", ".join(f"{name} {words.usd(usd)}" for name, usd in list(by_venue.items())[:MOST_SHARES])
    reaching, means = _means(read, by_venue)
    since = _lowest_since(means, reaching, len(by_venue))
    text = f"{label} so far is {words.usd(v.total_month_usd)} on {len(by_venue)} venues ({first}){since}"
    evidence: tree.Evidence = {f"month_usd_{name}": usd for name, usd in by_venue.items()}
    evidence |= {f"usd_a_day_{year:04d}_{month:02d}": usd for (year, month), usd in means.items()}
    return [
        reading(read, "month_volume", label, v.total_month_usd, "usd", text, evidence, ", ".join(by_venue), read.at_ms)
    ]


def _means(read: Read, usd: Mapping[str, float]) -> tuple[list[str], Means]:
    """Return venues, and the sum of their mean volumes of a day by month, the newest first.

    They are those that together traded most of this month and go back further than any other such set does.
    """
    each = {name: means for name in usd if (means := _of_venue(read, name))}
    best: tuple[list[str], Means] = ([], {})
    for depth in sorted({len(means) for means in each.values()}):
        reaching = [name for name, means in each.items() if len(means) >= depth]
        if sum(usd[name] for name in reaching) >= MOST_OF_MONTH * sum(usd.values()):
            months = list(each[reaching[0]])[:depth]
            best = reaching, {month: sum(each[name][month] for name in reaching) for month in months}
    return best


def _of_venue(read: Read, name: str) -> Means:
    """Return a venue's means by its candles of months where these agree with those of days, else by days alone."""
    harvest = next(h for h in read.harvests if h.name == name)
    by_days = signals.volume_per_day(harvest.in_time(Candle, Kind.DAILY_CANDLES), read.at_ms)
    by_months = signals.month_means(harvest.at(Kind.MONTHLY_CANDLES, Candle), read.at_ms)
    both = [(by_days[month], by_months[month]) for month in by_days if month in by_months]
    agree = bool(both) and all(abs(one / other - 1) <= MONTHS_AGREE for one, other in both if other > 0)
    return by_months if agree and len(by_months) > len(by_days) else by_days


def _lowest_since(means: Means, venues: Sequence[str], of: int) -> str:
    """Say since when a month's days had as little volume on average; nothing where no month before is known."""
    if len(means) < 2:  # noqa: PLR2004  this month and one to compare it with
        return ""
    now, *before = means.values()
    names = list(means)[1:]
    on = f" on {', '.join(venues)}" if len(venues) < of else ""
    found = previous(now, list(enumerate(before)), smaller=True)  # by the month's place, newest first
    if found is None or found.at_ms is None:
        return f"; by the day the lowest since before {_month_name(names[-1])}, the first one read{on}"
    if found.at_ms == 0:
        return f"; by the day more than in {_month_name(names[0])}{on}"
    return f"; by the day the lowest since {_month_name(names[found.at_ms])}{on}"


def _concentrated(
    read: Read, id_: str, label: str, what: str, amounts: Mapping[str, float], kind: Literal["observed", "estimated"]
) -> list[tree.Reading]:
    found = spread(amounts)
    if found is None or len(found.shares) < 2:  # noqa: PLR2004  one venue is not spread
        return []
    first = ", ".join(f"{name} {words.share(share)}" for name, share in list(found.shares.items())[:MOST_SHARES])
    text = f"{what}: {first}, of {len(found.shares)} venues; HHI {found.hhi:.2f}"
    evidence: tree.Evidence = {f"share_{name}": share for name, share in found.shares.items()}
    return [reading(read, id_, label, found.hhi, "hhi", text, evidence, ", ".join(found.shares), read.at_ms, kind=kind)]


def concentrations(read: Read) -> list[tree.Reading]:
    """Return how volume, open interest and what may be liquidated are spread over venues."""
    month = {row.name: row.month_usd for row in read.volume.venues if row.month_usd is not None}
    day = {row.name: row.volume_24h_usd for row in read.volume.venues if row.volume_24h_usd is not None}
    held = {row.name: row.open_interest_base for row in read.interest.venues}
    mass = {v.name: v.long_exposed_base + v.short_exposed_base for v in read.found.audit.venues}
    span, traded = ("month", month) if month else ("24 h", day)
    return [
        *_concentrated(
            read, "volume_concentration", f"Volume by venue, {span}", f"Volume ({span})", traded, "observed"
        ),
        *_concentrated(read, "interest_concentration", "Open interest by venue", "Open interest", held, "observed"),
        *_concentrated(
            read, "liquidation_concentration", "Liquidation mass by venue", "Exposed positions", mass, "estimated"
        ),
    ]


def liquidations(read: Read) -> list[tree.Reading]:
    """Return the last day's liquidations by side, and since when they were as large."""
    seen = read.liquidations
    if seen.usd is None or seen.long_usd is None or seen.short_usd is None:
        return []
    since, told = seen.largest_since, ""
    if since is not None:
        told = f"; the largest since {words.month(since.date) if since.date else f'before {since.history_from}'}"
    rows = {row.source: row for row in seen.observed}
    quoted = any(rows[name].quoted for name in seen.of)
    text = (
        f"{words.usd(seen.usd)} were liquidated in 24 h, {words.usd(seen.long_usd)} of longs and "
        f"{words.usd(seen.short_usd)} of shorts, by {', '.join(map(words.name, seen.of))}{told}"
    )
    evidence: tree.Evidence = {
        "long_usd": seen.long_usd,
        "short_usd": seen.short_usd,
        "largest_since": since.date if since else None,
        "history_from": since.history_from if since else None,
    }
    id_, source = "liquidations_24h", ", ".join(seen.of)
    kind: Literal["quoted", "observed"] = "quoted" if quoted else "observed"
    return [reading(read, id_, "Liquidations 24h", seen.usd, "usd", text, evidence, source, read.at_ms, kind=kind)]


def readings(read: Read) -> list[tree.Reading]:
    """Return all of them, in the order in which they are told."""
    return [*month_volume(read), *concentrations(read), *liquidations(read)]
