"""One shared client: addresses, keys, budgets, retries, body cap, and what went wrong in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import zlib
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from types import ModuleType

import httpx
import stamina
import stamina.instrumentation

from imbalance.errors import (
    DeadlineError,
    RateLimitedError,
    RefusedError,
    TooLargeError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch.budget import Budgets, shared_file
from imbalance.fetch.recording import MOST_BYTES, Key, Recorder
from imbalance.fetch.replay import unreachable
from imbalance.fetch.settings import SourceSettings
from imbalance.fetch.turns import Line
from imbalance.providers import PROVIDERS
from imbalance.venues import VENUES
from imbalance.wire import Budget, Endpoint, Kind, Params, Source
from imbalance.wire.refusals import SERVER_ERROR, TEAPOT, TOO_MANY

ENCODINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
ANY_HEADER = 32 + zlib.MAX_WBITS  # gzip or zlib
ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 5.0
SHORT_RETRY_AFTER_S = 1.0
BAN_S = 120.0
LOOK_AGAIN_S = 0.2
LATE_S = 5.0
# What ended before a request could leave: no exchange has counted it.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout, httpx.UnsupportedProtocol)

stamina.instrumentation.set_on_retry_hooks([])


class Client:
    """Asks endpoints; one for all sources of a run.

    Where many coins wait for the same budgets, `answer_s` bounds each answer from when its request leaves.
    """

    recording = None
    aio: ModuleType = asyncio

    def __init__(
        self,
        settings: SourceSettings,
        recorder: Recorder | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        answer_s: float | None = None,
    ) -> None:
        self.settings = settings
        self.answer_s = answer_s
        self.recorder = recorder
        self.redactor = settings.redactor([*VENUES, *PROVIDERS])
        self.budgets = Budgets(shared_file())
        self.clock_ahead_s: dict[str, float] = {}
        self.requests: dict[str, int] = {}
        self.received_bytes: dict[str, int] = {}
        self.latency_ms: dict[str, float] = {}
        self._lines: dict[str, Line] = {}
        self._listings: dict[tuple[str, str, Params], bytes] = {}
        self._transport = transport
        self._pools: dict[str, httpx.AsyncClient] = {}
        self._trust: ssl.SSLContext | None = None

    def _pool(self, source: Source) -> httpx.AsyncClient:
        """Return the source's own connections: a pool looks through all of its own at every turn."""
        if source.name not in self._pools:
            # Reading the certificates takes a while: once for all, and only where one is looked at.
            if self._trust is None and self.settings.url(source).startswith("https"):
                self._trust = httpx.create_ssl_context()
            try:
                self._pools[source.name] = httpx.AsyncClient(
                    transport=self._transport,
                    verify=self._trust or False,
                    limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
                    timeout=httpx.Timeout(30.0),
                    headers={"user-agent": "imbalance", "accept-encoding": "gzip"},
                )
            except (ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
                raise UsageError(f"the proxy variables cannot be used: {self.redactor.text(str(error))}") from None
        return self._pools[source.name]

    async def close(self) -> None:
        """Close all connections."""
        self.budgets.close()
        for pool in self._pools.values():
            await pool.aclose()

    async def get(self, source: Source, endpoint: Endpoint, query: Params) -> bytes:
        """Return the body of one request, after retries where they can help.

        Raises
        ------
        SourceError
            Of the kind that says what went wrong.
        """
        # A listing often carries more than names: those who ask for the same again get the same.
        same = (source.name, endpoint.path, query)
        if same in self._listings:
            return self._listings[same]
        async for attempt in stamina.retry_context(
            on=_worth_another_try,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=0.15,
            wait_max=2.0,
            wait_jitter=0.15,
        ):
            with attempt:
                body = await self._once(source, endpoint, query)
                if endpoint.kind is Kind.INSTRUMENTS:
                    self._listings[same] = body
                return body
        raise AssertionError("a retry context returns or raises")

    async def _once(self, source: Source, endpoint: Endpoint, query: Params) -> bytes:
        key = (source.name, *endpoint.asked(query))
        request = self._request(source, endpoint, key)
        number = await self._room(source, endpoint)
        started = time.perf_counter()
        self.requests[source.name] = self.requests.get(source.name, 0) + 1
        # A request that was given up may still be on its way.
        counts_s = (endpoint.budget or source.budget).period_s + LATE_S
        try:
            async with asyncio.timeout(self.answer_s), self._sent(source, request) as response:
                body = self.redactor.bytes(await _capped(response, source, endpoint))
                status, headers = response.status_code, response.headers
                counts_s -= LATE_S
        except TimeoutError:
            message = f"no complete answer within {self.answer_s:g} s"
            raise DeadlineError(source.name, endpoint.name, message) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if isinstance(error, NEVER_SENT):
                counts_s = 0.0
            if isinstance(error, httpx.UnsupportedProtocol):
                raise UsageError(f"IMBALANCE_{source.variable}_URL: {self.redactor.text(str(error))}") from None
            if self.recorder:
                self.recorder.keep_error(key, type(error).__name__)
            told = self.redactor.text(str(error).strip())
            raise unreachable(type(error).__name__, told, source, endpoint) from None
        finally:
            self.budgets.answered(number, counts_s)
        took_s = time.perf_counter() - started
        self.latency_ms.setdefault(source.name, took_s * 1000)
        self.received_bytes[source.name] = self.received_bytes.get(source.name, 0) + len(body)
        self._heed(source, endpoint, headers, took_s)
        if self.recorder:
            url = str(request.url.copy_with(username=None, password=None, query=None))
            content_type = self.redactor.text(headers.get("content-type", ""))
            self.recorder.keep(key, url, status, body, content_type)
        refused = source.refusal(status, body, endpoint.name)
        if refused is None:
            return body
        if isinstance(refused, RateLimitedError):
            self._slow_down(source, endpoint, refused, _retry_after_s(headers.get("retry-after")))
        raise refused

    def _slow_down(self, source: Source, endpoint: Endpoint, told: RateLimitedError, after_s: float | None) -> None:
        """Let every run on this machine wait as long as the source asks; where it does not say, as long as it may."""
        told.retry_after_s = after_s
        if after_s is None:
            after_s = SHORT_RETRY_AFTER_S if told.status == TOO_MANY else BAN_S
        self.budgets.pause(self._budget(source, endpoint), after_s)

    def _budget(self, source: Source, endpoint: Endpoint) -> str:
        """Return the name of what the exchange counts together: a host, or a path that it counts apart."""
        return f"{source.name} {self.settings.shown_url(source)} {endpoint.path if endpoint.budget else ''}"

    async def _room(self, source: Source, endpoint: Endpoint) -> int:
        """Wait until the budget has room for a request, and return the number that it is written down under."""
        budget, name = endpoint.budget or source.budget, self._budget(source, endpoint)
        # One at a time: those behind need not look while the first still waits.
        async with self._lines.setdefault(name, Line()):
            return await self._first(source, endpoint, budget, name)

    async def _first(self, source: Source, endpoint: Endpoint, budget: Budget, name: str) -> int:
        while True:
            number, wait_s = self.budgets.reserve(name, endpoint.weight, budget.weight, budget.period_s)
            if number:
                return number
            pause_s = self.budgets.paused_s(name)
            if pause_s > LONGEST_RETRY_AFTER_S:
                message = f"rate-limited: {pause_s:.0f} s of its pause remain, nothing was asked"
                raise RateLimitedError(source.name, endpoint.name, message, "Wait until then.", TEAPOT)
            # Answers that come meanwhile make room sooner than was told.
            await asyncio.sleep(min(wait_s, LOOK_AGAIN_S))

    def _heed(self, source: Source, endpoint: Endpoint, headers: httpx.Headers, took_s: float) -> None:
        """Take from an answer's headers what the exchange has counted, and what time it is there."""
        used = headers.get(source.used_header, "") if source.used_header else ""
        if used.isdigit() and endpoint.budget is None:
            self.budgets.told(self._budget(source, endpoint), float(used), source.budget.period_s)
        with contextlib.suppress(ValueError, KeyError):
            ahead_s = parsedate_to_datetime(headers["date"]).timestamp() - (time.time() - took_s / 2)
            self.clock_ahead_s.setdefault(source.name, ahead_s)

    def budget_used(self, source: Source) -> float:
        """Return the share of a source's budget that is used now, by all runs on this machine."""
        name = self._budget(source, source.endpoints[0])
        return self.budgets.used(name) / source.budget.weight

    @contextlib.asynccontextmanager
    async def _sent(self, source: Source, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._pool(source).send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    def _request(self, source: Source, endpoint: Endpoint, key: Key) -> httpx.Request:
        _name, path, text = key
        posted = endpoint.body is not None
        headers = {"content-type": "application/json"} if posted else {}
        secret = self.settings.key(source)
        if source.key_header and secret:
            if not secret.isascii() or not secret.isprintable():
                raise UsageError(f"IMBALANCE_{source.variable}_KEY holds characters that no key has")
            if source.key_header == "Authorization" and "@" in self.settings.url(source).partition("/")[2]:
                message = (
                    f"IMBALANCE_{source.variable}_URL holds a password, and the key of {source.name} goes in its place"
                )
                raise UsageError(message, "Take the user and password out of the address, or the key away.")
            headers[source.key_header] = source.key_prefix + secret
        try:
            url = httpx.URL(self.settings.url(source) + path + ("" if posted or not text else f"?{text}"))
        except httpx.InvalidURL as error:
            raise UsageError(
                f"IMBALANCE_{source.variable}_URL is no address: {self.redactor.text(str(error))}"
            ) from None
        return self._pool(source).build_request(
            "POST" if posted else "GET",
            url,
            headers=headers,
            content=text.encode() if posted else None,
            extensions={"key": key, "timeout": {"connect": 5.0}},
        )


async def _capped(response: httpx.Response, source: Source, endpoint: Endpoint) -> bytes:
    """Return the body, decompressed here piece by piece: a small answer may be a bomb."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise httpx.DecodingError(f"content-encoding {encoding!r}, which was not asked for", request=response.request)
    unpack = zlib.decompressobj(ANY_HEADER) if ENCODINGS[encoding] else None
    body = bytearray()
    try:
        async for raw in response.aiter_raw():
            body += raw if unpack is None else unpack.decompress(raw, MOST_BYTES + 1 - len(body))
            if len(body) > MOST_BYTES:
                raise TooLargeError(source.name, endpoint.name, f"the answer exceeds {MOST_BYTES // 2**20} MB")
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from None
    if unpack is not None and not unpack.eof:
        raise httpx.DecodingError("its end is missing", request=response.request)
    return bytes(body)


def _worth_another_try(error: Exception) -> bool | float:
    """Tell stamina whether, or after how many seconds, to ask again."""
    if isinstance(error, RateLimitedError):
        if error.status != TOO_MANY:
            return False
        wait_s = error.retry_after_s if error.retry_after_s is not None else SHORT_RETRY_AFTER_S
        return wait_s if wait_s <= LONGEST_RETRY_AFTER_S else False
    if isinstance(error, RefusedError):
        return error.status >= SERVER_ERROR
    return isinstance(error, UnreachableError)


def _retry_after_s(header: str | None) -> float | None:
    if not header:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
