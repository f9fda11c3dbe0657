"""What an HTTP status means in plain words, for every source alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from imbalance.errors import BlockedError, KeyRefusedError, RateLimitedError, RefusedError, SourceError
from imbalance.wire.decode import decode

T = TypeVar("T")
OK = 200
UNAUTHORIZED = 401
FORBIDDEN = 403
TEAPOT = 418
TOO_MANY = 429
UNAVAILABLE_FOR_LEGAL_REASONS = 451
SERVER_ERROR = 500
LONGEST_SENTENCE = 200
_SENTENCES = (
    "msg", "message", "retMsg", "err_msg", "err-msg", "errorMessage", "error_description", "description", "detail",
    "reason", "title", "label", "error", "errors", "status", "data", "result",
)  # fmt: skip
# No part of it may run past the next "<": a page of nothing but beginnings would be searched for minutes.
_TITLE = re.compile(r"<title[^<>]*>([^<]*)</title>", re.IGNORECASE)


def way_out(source: str) -> str:
    """Return what to do where a source refuses a place."""
    return (
        f"Choose other venues with --venue, set IMBALANCE_{source.upper()}_URL to a mirror you may use, "
        "or set HTTPS_PROXY."
    )


def sentence(body: bytes) -> str:
    """Return what an error body says: a message field, a page's title or plain text; empty where it has no words."""
    try:
        found = _within(msgspec.json.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = body[: 64 * LONGEST_SENTENCE].decode("utf-8", "ignore")
        title = _TITLE.search(text)
        import html  # few answers are pages

        found = html.unescape(title[1]) if title else "" if text.lstrip()[:1] in {"<", "{", "["} else text
    return " ".join(found.split())[:LONGEST_SENTENCE]


def _within(node: object, depth: int = 3) -> str:
    """Return the first text in the fields that hold one, at most so many levels down."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        node = {"msg": node[0]} if node else {}
    if not isinstance(node, dict) or not depth:
        return ""
    return next((text for name in _SENTENCES if (text := _within(node.get(name), depth - 1)).strip()), "")


def answered(
    body: bytes, kind: type[T], refusal: Callable[[int, bytes, str], SourceError | None], source: str, endpoint: str
) -> T:
    """Decode the body of an answer with status 200 into `kind`, unless it carries an error all the same."""
    error = refusal(OK, body, endpoint)
    if error is not None:
        raise error
    return decode(body, kind, source, endpoint)


def by_status(status: int, source: str, endpoint: str, said: str = "", body: bytes = b"") -> RefusedError | None:
    """Return the error of an HTTP status, or None for 200.

    `said` is the source's own sentence, where its body has the documented shape; any other `body` is searched for one.
    """
    if status == OK:
        return None
    said = said or sentence(body)
    told = f": {said}" if said else ""
    if status == UNAVAILABLE_FOR_LEGAL_REASONS:
        message = f"does not serve this location (HTTP 451){told}"
        return BlockedError(source, endpoint, message, way_out(source), status)
    if status == FORBIDDEN:
        message = f"refuses this address: a blocked region, a firewall or too many requests (HTTP 403){told}"
        return BlockedError(source, endpoint, message, way_out(source), status)
    if status == TEAPOT:
        hint = "Leave it alone until the ban ends (minutes to days)."
        return RateLimitedError(source, endpoint, f"has banned this address for a while (HTTP 418){told}", hint, status)
    if status == TOO_MANY:
        hint = "Wait a minute, or ask less often."
        return RateLimitedError(source, endpoint, f"too many requests (HTTP 429){told}", hint, status)
    if status == UNAUTHORIZED:
        hint = f"Check IMBALANCE_{source.upper()}_KEY."
        return KeyRefusedError(source, endpoint, f"key missing or refused (HTTP 401){told}", hint, status)
    if status >= SERVER_ERROR:
        return RefusedError(source, endpoint, f"is failing (HTTP {status}){told}", "Try again later.", status)
    return RefusedError(source, endpoint, f"HTTP {status}{told}", "", status)
