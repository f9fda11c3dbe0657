"""Signals from beside the exchanges: mood, CME's futures, holders of old coins, and what CoinGlass's bands compare."""

from __future__ import annotations

import numpy as np

from imbalance.records import Holders
from imbalance.records import Sentiment as SentimentRecord
from imbalance.report import tree, words
from imbalance.report.others import TOLD_GROUPS
from imbalance.report.signals.read import Past, Read, reading
from imbalance.signals.past import LEAST_PAST, percentile
from imbalance.signals.since import previous, unbroken
from imbalance.units import DAY_MS, iso, parse_time_ms
from imbalance.wire import Kind

HALF = 50
WEEK = 7


def mood(read: Read, past: Past) -> list[tree.Reading]:
    """Return the Fear & Greed index: its word, its change, its place in its past, and since when it was as extreme."""
    m = read.sentiment
    if m is None:
        return []
    days, values = _mood_days(read, past)
    of_ms = parse_time_ms(m.date)
    before = values[days < of_ms]
    highest = m.value > HALF
    extreme = "highest" if highest else "lowest"
    steps = unbroken({int(day_ms): (value, "") for day_ms, value in zip(days, values, strict=True)}, of_ms, DAY_MS)
    found = previous(m.value, steps, smaller=not highest)
    since = None if found is None or found.at_ms is None else iso(found.at_ms)[:10]
    start = None if found is None else iso(found.known_from_ms)[:10]
    yesterday, week = (_on(days, values, of_ms - n * DAY_MS) for n in (1, WEEK))
    share = percentile(before, m.value)
    parts = [f"Fear & Greed is {m.value}, {m.label}"]
    parts += [f"{m.value - yesterday:+.0f} since the day before"] if yesterday is not None else []
    parts += [f"{m.value - week:+.0f} in a week"] if week is not None else []
    if since is not None:
        parts.append(f"the {extreme} since {since}")
    elif len(steps) >= LEAST_PAST:
        parts.append(f"the {extreme} of the {len(steps) + 1} days known without a break, from {start} on")
    evidence: tree.Evidence = {
        "class": m.label,
        "day_before": yesterday,
        "week_ago": week,
        "percentile": share,
        f"{extreme}_since": since,
        "history_from": start,
    }
    text = ", ".join(parts) + (f" ({m.old})" if m.old else "")
    return [reading(read, "fear_greed", "Fear & Greed", float(m.value), "index", text, evidence, m.source, of_ms)]


def _mood_days(read: Read, past: Past) -> tuple[np.ndarray, np.ndarray]:
    """Return the days and values that were read and that the store keeps, in order, each day once."""
    rows = [row for h in read.harvests for row in h.in_time(SentimentRecord)]
    held = dict(zip(past.mood.time_ms.tolist(), past.mood.values.tolist(), strict=True))
    held |= {row.time_ms: float(row.value) for row in rows}
    days = sorted(held)
    return np.array(days, dtype=np.int64), np.array([held[day] for day in days])


def _on(days: np.ndarray, values: np.ndarray, day_ms: int) -> float | None:
    at = np.flatnonzero(days == day_ms)
    return float(values[at[0]]) if at.size else None


def institutional(read: Read) -> list[tree.Reading]:
    """Return CME's open interest and net positions, with the changes of a week."""
    told = read.institutional
    if told is None:
        return []
    symbol, of_ms = read.market.symbol, parse_time_ms(told.date)
    change = f", {words.fraction(told.change_week)} in a week" if told.change_week is not None else ""
    held = f"{told.open_interest_base:,.0f} {symbol} ({words.usd(told.open_interest_usd)})"
    total: tree.Evidence = {"open_interest_usd": told.open_interest_usd, "change_week": told.change_week}
    groups = {g.name: g for g in told.groups}
    nets = [_net(groups[name]) for name in TOLD_GROUPS if name in groups]
    evidence: tree.Evidence = {f"net_base_{g.name.replace(' ', '_')}": g.net_base for g in told.groups}
    evidence |= {f"net_change_base_{g.name.replace(' ', '_')}": g.net_change_base for g in told.groups}
    funds = groups.get(TOLD_GROUPS[0])
    net = funds.net_base if funds else None
    source = told.source
    return [
        reading(
            read, "cme_open_interest", "CME futures", told.open_interest_base, "base",
            f"CME futures hold {held}{change}", total, source, of_ms,
        ),
        reading(
            read, "cme_net_positions", "CME net positions", net, "base",
            f"Net on CME, in {symbol}: {', '.join(nets)}", evidence, source, of_ms,
        ),
    ]  # fmt: skip


def _net(group: tree.GroupPositions) -> str:
    change = f" ({group.net_change_base:+,.0f} in a week)" if group.net_change_base is not None else ""
    return f"{group.name} {group.net_base:+,.0f}{change}"


def sells_less(row: tree.HolderActivity, weeks: tuple[float, float] | None) -> bool | None:
    """Tell whether a source says that holders of old coins sell less than a month ago; None where it cannot.

    Of supply that has not moved, more is less selling; of coin days destroyed, less is. A day of the latter tells
    little: weeks are compared where they are known.
    """
    now, before = weeks if weeks is not None else (row.value, row.month_ago)
    if before is None or now == before:
        return None
    return now > before if "not moved" in row.measure else now < before


def weeks_of(read: Read, source: str) -> tuple[float, float] | None:
    """Return the mean of a source's last seven days and of those four weeks before; None where days are missing."""
    rows = [row for h in read.harvests if h.name == source for row in h.in_time(Holders, Kind.HOLDERS)]
    if not rows:
        return None
    by_day = {row.time_ms: row.value for row in rows}
    means = []
    for back in (0, 4 * WEEK):
        days = [rows[-1].time_ms - (back + i) * DAY_MS for i in range(WEEK)]
        if not all(day in by_day for day in days):
            return None
        means.append(sum(by_day[day] for day in days) / WEEK)
    return means[0], means[1]


def holders(read: Read) -> list[tree.Reading]:
    """Return what holders of old coins do, by source."""
    found = []
    for row in read.holders:
        weeks = weeks_of(read, row.source)
        less = sells_less(row, weeks)
        told = {True: "less than", False: "more than", None: "not known against"}[less]
        value = words.share(row.value) if row.value < 1 else words.usd(row.value)
        text = f"{words.name(row.source)}: {value} {row.measure}; holders of old coins sell {told} a month ago"
        evidence: tree.Evidence = {
            "measure": row.measure,
            "month_ago": row.month_ago,
            "week_mean": weeks[0] if weeks else None,
            "week_mean_month_ago": weeks[1] if weeks else None,
            "sells": {True: "less", False: "more", None: None}[less],
        }
        label, unit = f"Holders, {words.name(row.source)}", "fraction" if row.value < 1 else "coin days"
        id_, of_ms = f"holders_{row.source}", parse_time_ms(row.date)
        found.append(reading(read, id_, label, row.value, unit, text, evidence, row.source, of_ms))
    return found


def quoted_bands(read: Read) -> list[tree.Reading]:
    """Return what CoinGlass's bands hold, short over long, and why they do not say which side is heavier."""
    if not {"short", "long"} <= set(read.quotes):
        return []
    (short, above), (long, below) = read.quotes["short"], read.quotes["long"]
    own, path = read.found.ratio_between(above, below)
    price = read.found.price
    near = above[0] / price - 1, 1 - below[1] / price
    ratio = short / long if long else None
    text = (
        f"CoinGlass quotes {words.usd(short)} of shorts in {words.band(*above)} against {words.usd(long)} of longs in "
        f"{words.band(*below)}: {words.ratio(ratio)} : 1, ours there {words.ratio(own)} : 1, the path alone "
        f"{words.ratio(path)} : 1; one begins {near[0] * 100:.1f} % above the price, the other {near[1] * 100:.1f} % "
        "below, so that they do not say which side is heavier"
    )
    evidence: tree.Evidence = {
        "short_usd": short,
        "short_low": above[0],
        "short_high": above[1],
        "long_usd": long,
        "long_low": below[0],
        "long_high": below[1],
        "own_ratio": own,
        "path_implied_ratio": path,
    }
    label = "CoinGlass's bands"
    return [
        reading(read, "quoted_bands", label, ratio, "ratio", text, evidence, "coinglass", read.at_ms, kind="quoted")
    ]


def readings(read: Read, past: Past) -> list[tree.Reading]:
    """Return all of them, in the order in which they are told."""
    return [*mood(read, past), *quoted_bands(read), *institutional(read), *holders(read)]
