"""The environment's say in fetching: base URLs and keys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from imbalance.errors import UsageError
from imbalance.fetch.redact import Redactor, secrets_of, without_userinfo
from imbalance.wire import Source


class SourceSettings(dict[str, str]):
    """The ``IMBALANCE_*`` variables that apply: base URLs and keys by source."""

    def url(self, source: Source) -> str:
        """Return the source's base URL, overridden or its own."""
        return self._address(f"IMBALANCE_{source.variable}_URL", source.url, ("http", "https"))

    def stream_url(self, source: Source, own: str) -> str:
        """Return the address of the source's stream, overridden or its `own`."""
        return self._address(f"IMBALANCE_{source.variable}_WS_URL", own, ("ws", "wss"))

    def _address(self, variable: str, own: str, schemes: tuple[str, str]) -> str:
        url = self.get(variable) or own
        try:
            parts = urlsplit(url)
            known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            ways = " or ".join(f"{scheme}://HOST" for scheme in schemes)
            raise UsageError(f"{variable} must be {ways}, not {without_userinfo(url)!r}")
        return url.rstrip("/")

    def shown_url(self, source: Source) -> str:
        """Return the source's base URL without user and password, to be written down."""
        return without_userinfo(self.url(source))

    def redactor(self, sources: Iterable[Source]) -> Redactor:
        """Return what takes the keys of all sources, and the passwords in addresses, out of their answers."""
        return Redactor(secrets_of(self, {s.key_prefix for s in sources} - {""}))

    def key(self, source: Source) -> str | None:
        """Return the source's key, where one is set."""
        return self.get(f"IMBALANCE_{source.variable}_KEY") or None

    @classmethod
    def from_environment(cls) -> SourceSettings:
        """Read the process's environment."""
        return cls({k: v for k, v in os.environ.items() if k.startswith("IMBALANCE_")})
