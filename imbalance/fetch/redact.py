"""Keys and passwords taken out of what comes from outside, before anything is made of it.

A server or proxy may send back what it was sent. What it says goes to screens, recordings and reports.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN = "***"
SHORTEST = 4  # less is in every body by chance, and keeps nothing secret
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class Redactor:
    """Takes known secrets, however they are written, out of bytes and text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        # Whatever its case: names of encodings, for one, are made lower case before they are told.
        pattern = "|".join(map(re.escape, longest_first)).encode("utf-8", "surrogateescape")
        self._pattern = re.compile(pattern, re.IGNORECASE) if forms else None

    def bytes(self, content: bytes) -> bytes:
        """Return content without secrets."""
        return content if self._pattern is None else self._pattern.sub(HIDDEN.encode(), content)

    def text(self, text: str) -> str:
        """Return text without secrets."""
        return self.bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def secrets_of(variables: Mapping[str, str], prefixes: Iterable[str]) -> Iterator[str]:
    """Yield the keys among the ``IMBALANCE_*`` variables and the passwords in their and the proxies' addresses.

    `prefixes` stand before keys in headers: they are encoded together there.
    """
    proxies = [value for name, value in os.environ.items() if name.lower() in PROXIES]
    for name, value in variables.items():
        if name.endswith("_KEY"):
            key = value.strip()
            yield key
            yield from (prefix + key for prefix in prefixes if key)
    for address in [value for name, value in variables.items() if name.endswith("_URL")] + proxies:
        yield from _passwords(address)


def without_userinfo(address: str) -> str:
    """Return an address, however damaged, without what stands before its host."""
    before, at, host = address.rpartition("@")
    scheme, slashes, _user = before.partition("://")
    return (scheme + slashes if slashes else "") + host if at else address


def _passwords(address: str) -> Iterator[str]:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
    except ValueError:
        return
    if parts.password:
        user, password = unquote(parts.username or ""), unquote(parts.password)
        yield password
        yield parts.password
        yield f"{user}:{password}"


def _forms(secret: str) -> Iterator[str]:
    import html  # most runs have no secret
    import json

    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        yield text[1:-1]
        yield text[1:-1].replace("/", "\\/")
    yield html.escape(secret)
    encoded = base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()
    for form in (encoded, encoded.replace("+", "-").replace("/", "_")):
        yield form
        yield form.rstrip("=")
        yield quote(form, safe="")
