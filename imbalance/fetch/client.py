"""One shared client: addresses, keys, budgets, retries, body cap, and what went wrong in plain words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterable
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import stamina
import stamina.instrumentation

from imbalance.errors import (
    NotRecordedError,
    RateLimitedError,
    RefusedError,
    SourceError,
    TooLargeError,
    UnreachableError,
    UsageError,
)
from imbalance.fetch.budget import Budgets, shared_file
from imbalance.fetch.recording import Recorder, Recording, ReplayTransport
from imbalance.wire import Endpoint, Kind, Params, Source
from imbalance.wire.refusals import SERVER_ERROR, TEAPOT, TOO_MANY, way_out

MOST_BYTES = 32 * 1024 * 1024
ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 5.0
SHORT_RETRY_AFTER_S = 1.0
BAN_S = 120.0

stamina.instrumentation.set_on_retry_hooks([])


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
            raise UsageError(f"IMBALANCE_{source.variable}_URL must be http://HOST or https://HOST, not {url!r}")
        return url.rstrip("/")

    def key(self, source: Source) -> str | None:
        """Return the source's key, where one is set."""
        return self.get(f"IMBALANCE_{source.variable}_KEY") or None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the process's environment."""
        return cls({k: v for k, v in os.environ.items() if k.startswith("IMBALANCE_")})


class Client:
    """Asks endpoints; one for all sources of a run.

    In a replay the same code runs over a transport that serves the recording, without budgets and waits.
    """

    def __init__(
        self,
        settings: Settings,
        recording: Recording | None = None,
        recorder: Recorder | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.recording = recording
        self.recorder = recorder
        self.budgets = Budgets(None if recording else shared_file())
        self.clock_ahead_s: dict[str, float] = {}
        self.requests: dict[str, int] = {}
        self.received_bytes: dict[str, int] = {}
        self.latency_ms: dict[str, float] = {}
        self._listings: dict[tuple[str, str, Params], bytes] = {}
        # The pool looks through its idle connections at every turn: a few are worth keeping, many cost more.
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=3)
        timeout = httpx.Timeout(30.0)
        headers = {"user-agent": "imbalance"}
        if recording is not None:
            self._http = httpx.AsyncClient(transport=ReplayTransport(recording), trust_env=False, headers=headers)
            return
        try:
            self._http = httpx.AsyncClient(transport=transport, limits=limits, timeout=timeout, headers=headers)
        except (ValueError, httpx.HTTPError) as error:
            raise UsageError(f"the proxy variables cannot be used: {error}") from None

    async def close(self) -> None:
        """Close all connections."""
        self.budgets.close()
        await self._http.aclose()

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
            attempts=1 if self.recording else ATTEMPTS,
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
        request = self._request(source, endpoint, query)
        if self.recording is None:
            await self._wait_for_room(source, endpoint)
        started = time.perf_counter()
        self.requests[source.name] = self.requests.get(source.name, 0) + 1
        try:
            async with self._sent(request) as response:
                body = await _capped(response.aiter_bytes(), source, endpoint)
                status, headers = response.status_code, response.headers
        except httpx.UnsupportedProtocol as error:
            if self.recording is None:
                raise UsageError(f"IMBALANCE_{source.variable}_URL: {error}") from None
            raise NotRecordedError(source.name, endpoint.name, str(error), "Record it again.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if self.recorder:
                self.recorder.keep_error(request, type(error).__name__)
            raise _unreachable(error, source, endpoint) from None
        took_s = time.perf_counter() - started
        self.latency_ms.setdefault(source.name, took_s * 1000)
        if self.recording is None:
            self._heed(source, endpoint, headers, took_s)
        self.received_bytes[source.name] = self.received_bytes.get(source.name, 0) + len(body)
        if self.recorder:
            self.recorder.keep(request, status, body, headers.get("content-type", ""))
        refused = source.refusal(status, body, endpoint.name)
        if refused is None:
            return body
        if isinstance(refused, RateLimitedError):
            self._slow_down(source, endpoint, refused, _retry_after_s(headers.get("retry-after")))
        raise refused

    def _slow_down(self, source: Source, endpoint: Endpoint, told: RateLimitedError, after_s: float | None) -> None:
        """Let every run on this machine wait as long as the source asks; where it does not say, as long as it may."""
        told.retry_after_s = after_s
        if self.recording is not None:
            return
        if after_s is None:
            after_s = SHORT_RETRY_AFTER_S if told.status == TOO_MANY else BAN_S
        self.budgets.pause(self._budget(source, endpoint), after_s)

    def _budget(self, source: Source, endpoint: Endpoint) -> str:
        """Return the name of what the exchange counts together: a host, or a path that it counts apart."""
        return f"{self.settings.url(source)} {endpoint.path if endpoint.budget else ''}"

    async def _wait_for_room(self, source: Source, endpoint: Endpoint) -> None:
        budget, name = endpoint.budget or source.budget, self._budget(source, endpoint)
        while (wait_s := self.budgets.reserve(name, endpoint.weight, budget.weight, budget.period_s)) > 0:
            pause_s = self.budgets.paused_s(name)
            if pause_s > LONGEST_RETRY_AFTER_S:
                message = f"asked for a pause, {pause_s:.0f} s of which are left: it was not asked again"
                raise RateLimitedError(source.name, endpoint.name, message, "Wait until then.", TEAPOT)
            await asyncio.sleep(wait_s)

    def _heed(self, source: Source, endpoint: Endpoint, headers: httpx.Headers, took_s: float) -> None:
        """Take from an answer's headers what the exchange has counted, and what time it is there."""
        used = headers.get(source.used_header, "") if source.used_header else ""
        if used.isdigit() and endpoint.budget is None:
            self.budgets.told(self._budget(source, endpoint), float(used), source.budget.period_s)
        with contextlib.suppress(ValueError, KeyError):
            ahead_s = parsedate_to_datetime(headers["date"]).timestamp() - (time.time() - took_s / 2)
            self.clock_ahead_s.setdefault(source.name, ahead_s)

    def budget_used(self, source: Source) -> float | None:
        """Return the share of a source's budget that is used now, by all runs on this machine; None in a replay."""
        if self.recording is not None:
            return None
        name = self._budget(source, source.endpoints[0])
        return self.budgets.used(name, source.budget.period_s) / source.budget.weight

    @contextlib.asynccontextmanager
    async def _sent(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    def _request(self, source: Source, endpoint: Endpoint, query: Params) -> httpx.Request:
        path, left = endpoint.address(query)
        content = None if endpoint.body is None else msgspec.json.encode(endpoint.body(left))
        headers = {} if content is None else {"content-type": "application/json"}
        key = self.settings.key(source)
        if source.key_header and key and self.recording is None:
            if not key.isascii() or not key.isprintable():
                raise UsageError(f"IMBALANCE_{source.variable}_KEY holds characters that no key has")
            headers[source.key_header] = source.key_prefix + key
        try:
            url = httpx.URL(self.settings.url(source) + path, params=None if content else list(left))
        except httpx.InvalidURL as error:
            raise UsageError(f"IMBALANCE_{source.variable}_URL is no address: {error}") from None
        return self._http.build_request(
            "GET" if content is None else "POST",
            url,
            headers=headers,
            content=content,
            extensions={
                "source": source.name,
                "path": path,
                "query": url.query.decode() if content is None else content.decode(),
                "timeout": {"connect": 5.0},
            },
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _capped(chunks: AsyncIterator[bytes], source: Source, endpoint: Endpoint) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLargeError(source.name, endpoint.name, f"the answer exceeds {MOST_BYTES // 2**20} MB")
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


def _unreachable(error: Exception, source: Source, endpoint: Endpoint) -> SourceError:
    words: dict[type[Exception], str] = {
        httpx.ConnectError: "cannot be reached",
        httpx.ConnectTimeout: "cannot be reached (no answer to the connection)",
        httpx.ReadTimeout: "does not answer",
        httpx.RemoteProtocolError: "broke off or does not speak HTTP",
        httpx.ReadError: "broke off",
        httpx.ProxyError: "cannot be reached through the proxy",
        httpx.DecodingError: "sent a body that cannot be decompressed",
    }
    told = words.get(type(error), "failed")
    detail = str(error).strip() or type(error).__name__
    hint = "Check the connection. " + way_out(source.name) if isinstance(error, httpx.ConnectError) else ""
    return UnreachableError(source.name, endpoint.name, f"{told}: {detail}", hint)


def open_client(replay: Path | None, record: Path | None, settings: Settings) -> Client:
    """Return the client of a run: live, recording, or replaying."""
    if replay is not None and record is not None:
        raise UsageError("--replay and --record cannot be used together")
    recording = Recording(replay) if replay is not None else None
    recorder = Recorder(record, _now_ms) if record is not None else None
    return Client(settings, recording, recorder)


def usable(sources: Iterable[Source], client: Client) -> list[Source]:
    """Return the sources that can be asked: keyed ones need their key, or to be in the recording."""
    if client.recording is not None:
        return [s for s in sources if s.name in client.recording.sources]
    return [s for s in sources if not s.key_header or client.settings.key(s)]
