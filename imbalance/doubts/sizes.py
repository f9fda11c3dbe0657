"""Volume, turnover and funding: a venue against its own bars, and against the other venues."""

from __future__ import annotations

import numpy as np

from imbalance.doubts.evidence import Doubt, Evidence, aligned, daily, known_median
from imbalance.doubts.thresholds import (
    DAY_SHARE_OFF,
    FUNDING_8H,
    FUNDING_AGREE_TIMES,
    FUNDING_BELOW_8H,
    FUNDING_FAR_8H,
    FUNDING_LEAST_BELOW,
    FUNDING_STRANGE_8H,
    FUNDING_TIMES,
    FUNDING_ZERO_8H,
    IMPLIED_OFF,
    LEAST_VENUES,
    MATERIAL,
    TURNOVER_OFF,
    TURNOVER_STRANGE,
    VOLUME_OFF,
    WHOLE,
)
from imbalance.readings import funding_8h, open_interest_now, ticker, venue_price
from imbalance.units import DAY_MS, date, median, plain
from imbalance.wire.harvest import Figure, Harvest


def volumes(evidence: Evidence) -> list[Doubt]:
    """Doubt 24-hour volumes that the bars do not add up to, and days whose volume is not that of their bars."""
    shares = _shares(evidence)
    found = []
    for harvest in evidence.venues:
        told = _day(harvest, evidence)
        if told:
            found.append(Doubt(harvest.name, Figure.VOLUME, told))
        elif evidence.day_volume_base(harvest.name) == 0 and (traded := ticker(harvest).volume_24h_base):
            told = f"the bars of 24 hours hold no volume, where the venue says {plain(traded)} coins"
            found.append(Doubt(harvest.name, Figure.CANDLES, told))
        told = _implied(harvest) or _summed(harvest.name, evidence) or shares.get(harvest.name, "")
        if told:
            found.append(Doubt(harvest.name, Figure.DAILY_CANDLES, told))
    return found


def day_volume_usd(harvest: Harvest, evidence: Evidence) -> float | None:
    """Return a venue's volume of 24 hours, as it says or by its bars."""
    now, price = ticker(harvest), venue_price(harvest)
    if now.volume_24h_usd is not None:
        return now.volume_24h_usd
    base = now.volume_24h_base if now.volume_24h_base is not None else evidence.day_volume_base(harvest.name)
    return base * price if base is not None and price else None


def _day(harvest: Harvest, evidence: Evidence) -> str:
    now, price = ticker(harvest), venue_price(harvest)
    bars = evidence.bars.get(harvest.name)
    if now.volume_24h_usd and now.volume_24h_base and price:
        implied, prices = now.volume_24h_usd / now.volume_24h_base, [price]
        if bars is not None:
            recent = slice(-DAY_MS // bars.step_ms, None)
            prices += [bars.low[recent].min(), bars.high[recent].max()]
        if not min(prices) * (1 - IMPLIED_OFF) < implied < max(prices) * (1 + IMPLIED_OFF):
            return f"its volume in coins and in USD imply a price of {plain(implied)}"
    told = now.volume_24h_base
    if told is None and now.volume_24h_usd is not None and price:
        told = now.volume_24h_usd / price
    summed = evidence.day_volume_base(harvest.name)
    if told is None or not summed or 1 / VOLUME_OFF < told / summed < VOLUME_OFF:
        return ""
    return f"its 24-hour volume of {plain(told)} coins is {told / summed:.3g} times what its bars add up to"


def _implied(harvest: Harvest) -> str:
    for row in daily(harvest):
        if not row.volume_usd or not row.volume_base:
            continue
        implied = row.volume_usd / row.volume_base
        if not row.low * (1 - IMPLIED_OFF) < implied < row.high * (1 + IMPLIED_OFF):
            return f"volume in coins and in USD imply a price of {plain(implied)} on {date(row.time_ms)}"
    return ""


def _summed(name: str, evidence: Evidence) -> str:
    bars, days = evidence.bars.get(name), evidence.days.get(name)
    if bars is None or days is None:
        return ""
    ends_ms = days.time_ms + DAY_MS
    inside = np.searchsorted(bars.time_ms, ends_ms) - np.searchsorted(bars.time_ms, days.time_ms)
    summed = bars.traded(days.time_ms, ends_ms)
    held = (ends_ms <= evidence.now_ms) & (inside >= WHOLE * DAY_MS / bars.step_ms) & (summed > 0)
    off = days.volume_base[held] / summed[held]
    wrong = (off >= VOLUME_OFF) | (off <= 1 / VOLUME_OFF)
    if not wrong.any():
        return ""
    at = int(np.argmax(wrong))
    return f"its day of {date(int(days.time_ms[held][at]))} holds {off[at]:.3g} times the volume of its bars"


def _shares(evidence: Evidence) -> dict[str, str]:
    """Hold each day's volume against the other venues' and the venue's usual share; return why, by name."""
    if len(evidence.days) < LEAST_VENUES:
        return {}
    times, table = aligned(evidence.days, lambda bars: (bars.volume_base,))
    found = {}
    volumes = table.squeeze(axis=1)
    for i, name in enumerate(evidence.days):
        own, others = volumes[i], np.delete(volumes, i, axis=0)
        middle = known_median(others)
        known = (np.isfinite(others).sum(axis=0) >= LEAST_VENUES - 1) & (own > 0) & (middle > 0)
        if not known.any():
            continue
        multiple = own[known] / middle[known]
        usual = median(multiple)
        off = np.maximum(multiple / usual, usual / multiple) > DAY_SHARE_OFF
        off &= np.maximum(multiple, usual) > MATERIAL
        if off.any():
            at = int(np.argmax(off))
            day = date(int(times[known][at]))
            found[name] = f"its day of {day} holds {multiple[at] / usual:.3g} times its usual share of the volume"
    return found


def turnover(evidence: Evidence) -> list[Doubt]:
    """Doubt volume and open interest that do not fit each other as they do on the other venues.

    Which of the two is wrong cannot be told: both are left out.
    """
    interest, volume = {}, {}
    for harvest in evidence.venues:
        held, traded, price = open_interest_now(harvest), day_volume_usd(harvest, evidence), venue_price(harvest)
        if held and traded and price:
            interest[harvest.name], volume[harvest.name] = held * price, traded
    found = []
    for name in interest if len(interest) >= LEAST_VENUES else ():
        turned = {other: volume[other] / interest[other] for other in interest}
        usual = median(value for other, value in turned.items() if other != name)
        share = max(values[name] / sum(values.values()) for values in (interest, volume))
        off = max(turned[name] / usual, usual / turned[name])
        if share <= MATERIAL or off <= TURNOVER_STRANGE:
            continue
        told = (
            f"its volume of 24 hours is {turned[name]:.3g} times its open interest, that of the other venues "
            f"{usual:.3g} times"
        )
        found.append(Doubt(name, Figure.SIZES, told, left_out=off > TURNOVER_OFF))
    return found


def funding(evidence: Evidence) -> list[Doubt]:
    """Doubt funding beyond what any venue takes, and tell of funding far from the others', of the other sign, or 0."""
    rates = {h.name: rate for h in evidence.venues if (rate := funding_8h(h)[2]) is not None}
    found = []
    for name, rate in rates.items():
        others = [value for other, value in rates.items() if other != name]
        told = f"its {rate * 100:+.3g} % for 8 hours is more than any venue takes"
        if abs(rate) > FUNDING_8H:
            found.append(Doubt(name, Figure.FUNDING, told))
        elif len(others) + 1 >= LEAST_VENUES and (_far(rate, others) or _contrary(rate, others)):
            usual = median(others)
            told = f"its {rate * 100:+.3g} % for 8 hours lies far from the {usual * 100:+.3g} % of the other venues"
            found.append(Doubt(name, Figure.FUNDING, told, left_out=False))
    return found


def _far(rate: float, others: list[float]) -> bool:
    largest = max(abs(value) for value in others)
    return abs(rate - median(others)) > FUNDING_STRANGE_8H and abs(rate) > FUNDING_TIMES * largest


def _contrary(rate: float, others: list[float]) -> bool:
    """Whether a rate is of the other sign than all others, or exactly 0, where that was never seen."""
    smallest, largest = min(abs(value) for value in others), max(abs(value) for value in others)
    signs = {np.sign(value) for value in others}
    if len(others) < LEAST_VENUES or len(signs) > 1:
        return False
    if rate == 0:
        return smallest >= FUNDING_ZERO_8H
    if np.sign(rate) in signs or largest > FUNDING_AGREE_TIMES * smallest:
        return False
    below = -1 in signs and smallest >= FUNDING_BELOW_8H and len(others) >= FUNDING_LEAST_BELOW
    return below or smallest >= FUNDING_FAR_8H
