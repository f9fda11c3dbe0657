"""Sentences on a report's figures against all that is stored: largest since, lowest since, of the days known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from imbalance.report import tree, words
from imbalance.signals.since import History, Since, months, previous, unbroken
from imbalance.units import DAY_MS, HOUR_MS, iso

FUNDING_MS = 8 * HOUR_MS
# What was as large a few days ago is nothing to tell.
LEAST_MS = 7 * DAY_MS
# Of months, what one of the two before was.
LEAST_OF_MONTHS_MS = 62 * DAY_MS
# Longer ago a month is named, not a day.
LONG_AGO_MS = 60 * DAY_MS
Days = Mapping[tuple[str, str], History]


def statements(
    days: Days,
    now_ms: int,
    interest: tree.OpenInterest,
    seen: tree.Liquidations,
    mood: tree.Sentiment | None,
    funding: tree.Funding,
    volume: tree.Volume,
) -> dict[str, str]:
    """Return what is told of a figure by the id of its row; nothing where too little is known without a break.

    Parameters
    ----------
    days : stored figures by (what, source).
    now_ms : the moment of the figures [ms].
    """
    told = {
        "open_interest_change": _interest(days, now_ms, interest),
        "liquidations_24h": _liquidations(days, now_ms, seen),
        "fear_greed": _mood(days, mood),
        "funding_8h": _funding(days, now_ms, funding, interest),
        "month_volume": _volume(days, now_ms, volume),
    }
    return {name: text for name, text in told.items() if text}


def together(histories: Sequence[History]) -> History:
    """Return the sum over histories on the days that all have: of something else where one of them is."""
    if not histories:
        return {}
    common = set(histories[0]).intersection(*histories[1:])
    return {
        day: (sum(history[day][0] for history in histories), " ".join(history[day][1] for history in histories))
        for day in common
    }


def _told(found: Since | None, now_ms: int, word: str, least_ms: int = LEAST_MS) -> str:
    if found is None or now_ms - found.known_from_ms < least_ms:
        return ""
    if found.at_ms is None:
        return f"{word} of the {(now_ms - found.known_from_ms) // DAY_MS} days known"
    if now_ms - found.at_ms < least_ms:
        return ""
    date = iso(found.at_ms)[:10]
    return f"{word} since {words.month(date) if now_ms - found.at_ms > LONG_AGO_MS else date}"


def _either(value: float, steps: Sequence[tuple[int, float]], now_ms: int, least_ms: int = LEAST_MS) -> str:
    """Return that a figure is the highest or the lowest in a while, whichever holds."""
    high, low = previous(value, steps), previous(value, steps, smaller=True)
    return _told(high, now_ms, "highest", least_ms) or _told(low, now_ms, "lowest", least_ms)


def _interest(days: Days, now_ms: int, interest: tree.OpenInterest) -> str:
    now = {row.name: row.open_interest_base for row in interest.venues if ("open_interest", row.name) in days}
    if not now:
        return ""
    # Of the venue that has most of it, of those whose history is stored.
    name = max(now, key=lambda one: now[one])
    text = _either(now[name], unbroken(days["open_interest", name], now_ms, DAY_MS), now_ms)
    return f"{name} {text}" if text else ""


def _liquidations(days: Days, now_ms: int, seen: tree.Liquidations) -> str:
    own = [days.get(("liquidations", name), {}) for name in seen.of]
    if seen.usd is None or not own or not all(own):
        return ""
    steps = unbroken(together(own), now_ms - DAY_MS, DAY_MS)
    return _told(previous(seen.usd, steps), now_ms, "largest")


def _mood(days: Days, mood: tree.Sentiment | None) -> str:
    if mood is None or mood.old:
        return ""
    at_ms = round(datetime.fromisoformat(f"{mood.date}T00:00:00+00:00").timestamp() * 1000)
    return _either(mood.value, unbroken(days.get(("sentiment", mood.source), {}), at_ms, DAY_MS), at_ms)


def _funding(days: Days, now_ms: int, funding: tree.Funding, interest: tree.OpenInterest) -> str:
    """Return what is told of the rate of the venue with most open interest, where it is paid every 8 hours."""
    rates = {row.name: row.rate for row in funding.venues if row.interval_hours == FUNDING_MS / HOUR_MS}
    known = [row.name for row in interest.venues if row.name in rates and ("funding", row.name) in days]
    if not known:
        return ""
    steps = unbroken(days["funding", known[0]], now_ms, FUNDING_MS)
    text = _either(rates[known[0]], steps, now_ms)
    return f"{known[0]} {text}" if text else ""


def _volume(days: Days, now_ms: int, volume: tree.Volume) -> str:
    """Return what is told of the last whole month's volume."""
    own = [days.get(("volume", row.name), {}) for row in volume.venues if row.month_usd is not None]
    if not own or not all(own):
        return ""
    whole = months(unbroken(together(own), now_ms, DAY_MS))
    if len(whole) < 2:  # noqa: PLR2004  one month is compared with those before
        return ""
    (first_ms, usd), before = whole[0], whole[1:]
    text = _either(usd, before, first_ms, LEAST_OF_MONTHS_MS)
    return f"{words.month(iso(first_ms))} {text}" if text else ""
