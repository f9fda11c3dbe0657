"""What a shell offers when it completes a word; nothing here limits what may be written."""

from __future__ import annotations

from pathlib import Path

# The coins with the most open interest in perpetual futures, November 2026, by name.
COINS = (
    "AAVE", "ADA", "APT", "ARB", "ASTER", "AVAX", "BCH", "BNB", "BTC", "DOGE", "DOT", "ENA", "ETC", "ETH", "FIL",
    "HBAR", "HYPE", "ICP", "LINK", "LTC", "NEAR", "ONDO", "OP", "SEI", "SHIB", "SOL", "SUI", "TAO", "TIA", "TON", "TRX",
    "UNI", "WIF", "WLD", "XLM", "XMR", "XRP", "ZEC",
)  # fmt: skip


def coins(incomplete: str) -> list[str]:
    """Offer coins, in any case."""
    return [coin for coin in COINS if coin.startswith(incomplete.upper())]


def venues(incomplete: str) -> list[str]:
    """Offer venues."""
    from imbalance.venues import VENUES

    return [v.name for v in VENUES if v.name.startswith(incomplete.lower())]


def recordings(incomplete: str) -> list[str]:
    """Offer the bundled scenarios, and recordings in folders."""
    from imbalance.fetch.recording import INDEX, scenarios

    place = Path(incomplete)
    place = place if incomplete.endswith("/") else place.parent
    folders = sorted(place.glob("*/" + INDEX)) if place.is_dir() else []
    offered = [*scenarios(), *(str(index.parent) for index in folders)]
    return [name for name in offered if name.startswith(incomplete)]


def intervals(incomplete: str) -> list[str]:
    """Offer bar lengths."""
    from imbalance.units import INTERVALS_MS

    return [name for name in INTERVALS_MS if name.startswith(incomplete)]


def terms(incomplete: str) -> list[str]:
    """Offer terms that can be explained."""
    from imbalance.glossary import TERMS

    return [t.name for t in TERMS if t.name.lower().startswith(incomplete.lower())]


def signals(incomplete: str) -> list[str]:
    """Offer the signals that have events."""
    from imbalance_cli.options import EVENTS

    return [name for name in EVENTS if name.startswith(incomplete)]
