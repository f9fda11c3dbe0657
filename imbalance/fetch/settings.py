"""The environment's say in fetching: base URLs and keys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import urlsplit

from imbalance.errors import UsageError
from imbalance.fetch.redact import Redactor, secrets_of, without_userinfo
from imbalance.wire import Source


class Settings(dict[str, str]):
    """The ``IMBALANCE_*`` variables that apply: base URLs and keys by source."""

    def url(self, source: Source) -> str:
        """Return the source's base URL, overridden or its own."""
        url = self.get(f"IMBALANCE_{source.variable}_URL") or source.url
        try:
            parts = urlsplit(url)
            known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise UsageError(
                f"IMBALANCE_{source.variable}_URL must be http://HOST or https://HOST, not {without_userinfo(url)!r}"
            )
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
    def from_environment(cls) -> Settings:
        """Read the process's environment."""
        return cls({k: v for k, v in os.environ.items() if k.startswith("IMBALANCE_")})
