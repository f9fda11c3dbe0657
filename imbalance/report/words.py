"""Numbers as people write them: one place, so that every format says the same."""

from __future__ import annotations

import re
from datetime import datetime

from imbalance.units import plain

MISSING = "-"
# Private use: it is as wide as a space, no wrapper breaks a line at it, and no text from outside can hold it.
GLUE = "\ue000"
_BOUND = re.compile(r"(?<=\d) (?=(?:%|h|d)(?!\w))|(?<=\bshort) (?=: )|(?<=\bshort :) (?=long\b)|(?<=More:) (?=-v\b)")
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def usd(value: float | None) -> str:
    """Return an amount short: 1.9B, 800M, 12K."""
    if value is None:
        return MISSING
    for scale, letter in _SCALES:
        if abs(value) >= scale * 0.9995:
            scaled = value / scale
            return f"{scaled:.0f}{letter}" if abs(scaled) >= 99.5 else f"{scaled:.1f}{letter}"  # noqa: PLR2004
    return _small(value) if abs(value) < 99.5 else f"{value:.0f}"  # noqa: PLR2004


def coins(value: float) -> str:
    """Return a quantity of coins: 123,500 or 0.42."""
    return _small(value) if abs(value) < 99.5 else f"{value:,.0f}"  # noqa: PLR2004


def _small(value: float) -> str:
    """Return a quantity below a hundred with two digits: a small market's are not all 0."""
    return plain(value, 2)


def price(value: float | None) -> str:
    """Return a price with the digits that its size deserves: 82,512 or 0.3462."""
    if value is None:
        return MISSING
    if abs(value) >= 10_000:  # noqa: PLR2004
        return f"{value:,.0f}"
    if abs(value) >= 100:  # noqa: PLR2004
        return f"{value:,.2f}"
    return plain(value, 5)


def short_price(value: float) -> str:
    """Return a price for a band: 84.1K, 129.2, 0.346."""
    if value >= 1e4:  # noqa: PLR2004
        text = f"{value / 1e3:.1f}"
        return f"{text.removesuffix('.0')}K"
    return plain(value, 4)


def band(low: float, high: float) -> str:
    """Return a band of prices: 84.1K-91.6K."""
    return f"{short_price(low)}-{short_price(high)}"


def fraction(value: float | None, digits: int = 1) -> str:
    """Return a signed per cent: +31.0 %."""
    return MISSING if value is None else f"{value * 100:+.{digits}f} %"


def share(value: float) -> str:
    """Return a share in per cent, with a decimal below a tenth: 2.5 %, 31 %."""
    return f"{value * 100:.1f} %" if abs(value) < 0.1 else f"{value * 100:.0f} %"  # noqa: PLR2004


def ratio(value: float | None) -> str:
    """Return a ratio with two significant digits."""
    if value is None:
        return MISSING
    return f"{value:.1f}" if value > 0.95 else plain(value, 2)  # noqa: PLR2004


def age(newest: str, as_of: str) -> str:
    """Return the time between two ISO times: 4 s, 12 min, 3 h, 2 d."""
    seconds = (datetime.fromisoformat(as_of) - datetime.fromisoformat(newest)).total_seconds()
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def month(date: str) -> str:
    """Return the month of an ISO date: October 2025."""
    return f"{_MONTHS[int(date[5:7]) - 1]} {date[:4]}"


def span(low: float | None, high: float | None, unit: str) -> str:
    """Return a range, in USD or as ratios; empty where there is none."""
    if low is None or high is None:
        return ""
    show = usd if unit == "usd" else ratio
    return f"{show(low)}-{show(high)}"


def figure(value: float | str | None, unit: str) -> str:
    """Return a figure of a unit: 1.9B, 123,500, -0.011 %, 4.5, 16 or a text."""
    if value is None or isinstance(value, str):
        return value or MISSING
    if unit == "fraction":
        return fraction(value, 3 if abs(value) < 1e-3 else 1)  # noqa: PLR2004  a funding rate has small per cents
    shown = {"price": price, "usd": usd, "base": coins, "ratio": ratio}
    return shown[unit](value) if unit in shown else plain(value, thousands="")


def sentences(*parts: str) -> str:
    """Return texts as sentences one after the other; empty ones are left out, the last stays as it is."""
    given = [part.strip() for part in parts if part.strip()]
    ended = [part if part[-1] in ".!?:" else f"{part}." for part in given[:-1]]
    return " ".join([*ended, *given[-1:]])


def counted(many: int, what: str) -> str:
    """Return how many there are of something: 1 contract, 2 contracts."""
    return f"{many:,} {what}{'s' * (many != 1)}"


def name(source: str) -> str:
    """Return a source's name as it writes itself."""
    return {
        "coinglass": "CoinGlass",
        "cryptoquant": "CryptoQuant",
        "coinalyze": "Coinalyze",
        "coinmetrics": "Coin Metrics",
        "cftc": "CFTC",
        "fear_greed": "alternative.me",
    }.get(source, source)


def glued(text: str) -> str:
    """Return a text to be wrapped, in which no line may end between a number and its unit."""
    return _BOUND.sub(GLUE, text)


def unglued(text: str) -> str:
    """Return a text that was wrapped, with its spaces again."""
    return text.replace(GLUE, " ")
