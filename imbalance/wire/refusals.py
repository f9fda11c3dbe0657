"""What an HTTP status means in plain words, for every source alike."""

from __future__ import annotations

from imbalance.errors import BlockedError, KeyRefusedError, RateLimitedError, RefusedError

OK = 200
UNAUTHORIZED = 401
FORBIDDEN = 403
TEAPOT = 418
TOO_MANY = 429
UNAVAILABLE_FOR_LEGAL_REASONS = 451
SERVER_ERROR = 500


def way_out(source: str) -> str:
    """Return what to do where a source refuses a place."""
    return (
        f"Choose other venues with --venue, set IMBALANCE_{source.upper()}_URL to a mirror you may use, "
        "or set HTTPS_PROXY."
    )


def by_status(status: int, source: str, endpoint: str, said: str = "") -> RefusedError | None:
    """Return the error of an HTTP status, or None for 200.

    `said` is the source's own sentence, if its body holds one.
    """
    told = f": {said}" if said else ""
    if status == OK:
        return None
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
