"""Notifications through Apprise: addresses hold secrets, so that errors name them by their number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imbalance.errors import UsageError

if TYPE_CHECKING:
    import apprise


def addressed(urls: Sequence[str]) -> list[apprise.Apprise]:
    """Return a way to tell each address.

    Raises
    ------
    UsageError
        Where one is none, or Apprise is not installed.
    """
    if not urls:
        return []
    try:
        import apprise
    except ImportError:
        raise UsageError("--notify needs Apprise", "pip install 'imbalance[notify]'") from None
    asset = apprise.AppriseAsset(app_id="imbalance", app_desc="imbalance", app_url="")
    ways = []
    for number, url in enumerate(urls, 1):
        way = apprise.Apprise(asset=asset)
        if not way.add(url):
            raise UsageError(f"--notify: address {number} is none that Apprise knows")
        ways.append(way)
    return ways


def told(ways: Sequence[apprise.Apprise], title: str, text: str) -> list[int]:
    """Tell all addresses; return the numbers of those that could not be told."""
    return [number for number, way in enumerate(ways, 1) if not way.notify(body=text, title=title)]
