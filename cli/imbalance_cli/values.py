"""What a user writes as text (spans, prices, bands, accounts) as values; errors name the option."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from imbalance import files
from imbalance.errors import UsageError
from imbalance.units import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, parse_time_ms

# No coin is, or was, outside; what is computed from a price far outside leaves what numbers can hold.
LOWEST_PRICE, HIGHEST_PRICE = 1e-12, 1e12
MOST_ADDRESS_BYTES = 1_000_000
_SPAN = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)$")
_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}$")
_UNITS_MS = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


def span_ms(option: str, text: str) -> int:
    """Return a span such as 90s, 15m, 4h, 30d in milliseconds."""
    found = _SPAN.match(text.strip())
    length_ms = float(found[1]) * _UNITS_MS[found[2]] if found else math.inf
    if length_ms == math.inf:
        raise UsageError(f"{option} {text!r} is not a duration", "Write a number and s, m, h, d or w: 15m, 30d.")
    return round(length_ms)


def band(text: str) -> tuple[float, float]:
    """Return a band LOW:HIGH of prices; K stands for thousands."""
    try:
        low, high = (price("--band", part) for part in text.split(":"))
    except ValueError:
        raise UsageError(f"--band {text!r} is not LOW:HIGH", "Write two prices: 85000:92000 or 85K:92K.") from None
    if low >= high:
        raise UsageError(f"--band {text!r}: the low price must be below the high one")
    return low, high


def accounts(given: Sequence[str], file: Path | None) -> tuple[str, ...]:
    """Return the accounts of options and file, each once.

    Raises
    ------
    UsageError
        Naming the option or line that is no address.
    """
    named = [("--address", text) for text in given]
    if file is not None:
        try:
            lines = files.read(file, MOST_ADDRESS_BYTES).decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--addresses {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
        bare = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)]
        named += [(f"{file}, line {number}", line) for number, line in bare if line]
    for where, text in named:
        if not _ADDRESS.match(text):
            raise UsageError(f"{where}: {text[:60]!r} is no address", "Write 0x and 40 hexadecimal digits.")
    return tuple(dict.fromkeys(text.lower() for _where, text in named))


def shock(text: str | None, to: str | None) -> float | None:
    """Return a push such as -8% as a fraction; `to` is the price that would say the same thing."""
    if text is None:
        return None
    if to is not None:
        raise UsageError("--shock and --to say the same thing: give one")
    try:
        return float(text.strip().removesuffix("%")) / 100
    except ValueError:
        raise UsageError(f"--shock {text!r} is not a percentage", "Write +5% or -8%.") from None


def price(option: str, text: str) -> float:
    """Return a price; K stands for thousands."""
    plain = text.replace(",", "")
    try:
        value = float(plain[:-1]) * 1000 if plain[-1:] in {"k", "K"} else float(plain)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a price", "Write 85000 or 85K.") from None
    if not LOWEST_PRICE <= value <= HIGHEST_PRICE:
        raise UsageError(f"{option} {text!r}: a price lies between {LOWEST_PRICE:g} and {HIGHEST_PRICE:g}")
    return value


def horizons(text: str | None) -> tuple[float, ...]:
    """Return spans such as 1d,3d,7d in days."""
    parts = text.split(",") if text else []
    return tuple(span_ms("--horizon", part) / DAY_MS for part in parts)


def time_ms(text: str, option: str = "--as-of") -> int:
    """Return a time in epoch milliseconds."""
    try:
        return parse_time_ms(text)
    except (ValueError, OverflowError):
        message = f"{option} {text!r} is neither ISO-8601 nor epoch milliseconds"
        raise UsageError(message, "Write 2026-01-30T12:00:00Z.") from None
