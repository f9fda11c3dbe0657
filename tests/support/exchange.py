"""A loopback server that answers as every source at once, from the bundled scenario, with faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any, Self

from imbalance.fetch.recording import Entry, Recording, find
from imbalance.fetch.settings import SourceSettings
from imbalance.providers import PROVIDERS
from imbalance.venues import VENUES

# A certificate of a host that does not exist, with its key: made for this server and used nowhere else.
CERTIFICATE = Path(__file__).with_name("elsewhere.pem")
NOW_MS = 1_769_774_400_000
# The times that a series is asked for, and how many rows of it.
NUMBERS = re.compile(r"(?<=limit=)\d+|\d{9,}")
SOURCES = [s.name for s in (*VENUES, *PROVIDERS)]
BOMB = gzip.compress(b"[" + b" " * 100_000_000)
HTML = b"<!DOCTYPE html><html><body>Attention required</body></html>"
STATUS_TEXT = {200: "OK", 302: "Found", 403: "Forbidden", 418: "Teapot", 429: "Too Many", 451: "Legal", 500: "Error"}


class Exchange:
    """Runs in a thread; `faults` maps a source to the fault that all its answers show.

    With `nearest`, what was not recorded is answered with what was recorded of the same series for the nearest times.
    """

    def __init__(
        self,
        faults: dict[str, str] | None = None,
        delay_s: float = 0.0,
        *,
        tls: bool = False,
        nearest: bool = False,
    ) -> None:
        self.faults = faults or {}
        self.tls = tls
        self.nearest = nearest
        self.delay_s = delay_s
        self.clock_ahead_s = 0.0
        self.recording = Recording(find("article"))
        self.bodies: dict[Entry, bytes] = {}
        self._near: dict[tuple[str, str, str], tuple[Entry, Path] | None] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.headers: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    @property
    def settings(self) -> SourceSettings:
        """The addresses of this server, for the service."""
        return SourceSettings(self.environment)

    @property
    def environment(self) -> dict[str, str]:
        scheme = "https" if self.tls else "http"
        urls = {f"IMBALANCE_{s.upper()}_URL": f"{scheme}://127.0.0.1:{self.port}/{s}" for s in SOURCES}
        dead = {f"IMBALANCE_{s.upper()}_URL": "http://127.0.0.1:1" for s, f in self.faults.items() if f == "refused"}
        return urls | dead

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        context = None
        if self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(CERTIFICATE)
        writers = []

        def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            self._loop.create_task(self._client(reader, writer))

        server = await asyncio.start_server(met, "127.0.0.1", 0, backlog=256, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # Whoever came last may have met nobody yet; a connection closes in the turn after it is told to.
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            contextlib.closing(writer),
            contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError),
        ):
            while head := await reader.readuntil(b"\r\n\r\n"):
                target = head.split(b" ", 2)[1].decode()
                self.headers.append(head.decode())
                path, _, query = target.partition("?")
                source, _, rest = path.lstrip("/").partition("/")
                if head.startswith(b"POST"):
                    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                    query = (await reader.readexactly(int(length.split(b":")[1]))).decode()
                self.asked.append((source, "/" + rest, query))
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not await self._answer(writer, source, "/" + rest, query):
                    break

    async def _answer(self, writer: asyncio.StreamWriter, source: str, path: str, query: str) -> bool:
        """Answer one request; False closes the connection."""
        fault = self.faults.get(source, "")
        found = self.recording.answers.get((source, path, query)) or self._nearest(source, path, query)
        body = self._body(found) if found else b"{}"
        if fault[:3].isdigit():
            status = int(fault[:3])
            more = {"Retry-After": fault.rpartition(" ")[2]} if "after" in fault else {}
            more |= {"Location": f"/{source}{path}?{query}"} if status == 302 else {}
            return self._send(writer, status, HTML, more)
        if fault in DAMAGES and found:
            return self._send(writer, 200, json.dumps(DAMAGES[fault](json.loads(body))).encode())
        if fault in FAULTS:
            return await FAULTS[fault](self, writer, body)
        return self._send(writer, 200 if found else 404, body)

    def _nearest(self, source: str, path: str, query: str) -> tuple[Entry, Path] | None:
        if not self.nearest:
            return None
        key = (source, path, query)
        if key not in self._near:
            self._near[key] = self._found(*key)
        return self._near[key]

    def _found(self, source: str, path: str, query: str) -> tuple[Entry, Path] | None:
        asked = [*map(int, NUMBERS.findall(query))]
        same = [
            (sum(abs(int(a) - b) for a, b in zip(NUMBERS.findall(other), asked, strict=True)), found)
            for (name, place, other), found in self.recording.answers.items()
            if (name, place) == (source, path) and NUMBERS.sub("", other) == NUMBERS.sub("", query)
        ]
        return min(same, key=lambda pair: pair[0])[1] if same else None

    def _body(self, found: tuple[Entry, Path]) -> bytes:
        if found[0] not in self.bodies:
            self.bodies[found[0]] = self.recording.body(*found)
        return self.bodies[found[0]]

    def _send(self, writer: asyncio.StreamWriter, status: int, body: bytes, more: dict[str, str] | None = None) -> bool:
        lines = [f"HTTP/1.1 {status} {STATUS_TEXT.get(status, 'X')}", f"Content-Length: {len(body)}"]
        lines.append(f"Date: {formatdate(time.time() + self.clock_ahead_s, usegmt=True)}")
        lines += [f"{k}: {v}" for k, v in (more or {}).items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return True

    async def never(self, _writer: asyncio.StreamWriter, _body: bytes) -> bool:
        await asyncio.sleep(60)
        return False

    async def dripping(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)
        return False

    async def reset(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()
        return False

    async def huge(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n[")
        chunk = b" " * 1_000_000
        for _ in range(10_000):
            writer.write(chunk)
            await writer.drain()
        return False

    async def html(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        return self._send(writer, 200, HTML)

    async def garbage(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        writer.write(b"\x00\xff\xfe not http at all\r\n\r\n")
        return False

    async def truncated(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        return self._send(writer, 200, body[: len(body) * 2 // 3])

    async def empty(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        return self._send(writer, 200, b"")

    async def short(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 100}\r\n\r\n".encode() + body)
        await writer.drain()
        return False

    async def bad_chunk(self, writer: asyncio.StreamWriter, body: bytes) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + body + b"\r\n0\r\n\r\n")
        await writer.drain()
        return False

    async def other_json(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        return self._send(writer, 200, b'{"hello": ["world"]}')

    async def bad_gzip(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        return self._send(writer, 200, b"\x1f\x8b\x08\x00 this is no gzip", {"Content-Encoding": "gzip"})

    async def bomb(self, writer: asyncio.StreamWriter, _body: bytes) -> bool:
        return self._send(writer, 200, BOMB, {"Content-Encoding": "gzip"})


FAULTS = {
    name: getattr(Exchange, name)
    for name in (
        "never", "dripping", "reset", "short", "huge", "html", "garbage", "truncated", "empty", "other_json",
        "bad_chunk", "bad_gzip", "bomb",
    )
}  # fmt: skip


def leaves_as(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a damage that changes every number, written as one or as text."""

    def damage(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: damage(v) for k, v in node.items()}
        if isinstance(node, list):
            return [damage(v) for v in node]
        number = isinstance(node, int | float) or (isinstance(node, str) and node.replace(".", "", 1).isdigit())
        return change(node) if number and not isinstance(node, bool) else node

    return damage


def lists_as(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """Return a damage that changes every list of rows."""

    def damage(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: damage(v) for k, v in node.items()}
        if isinstance(node, list):
            rows = [damage(v) for v in node]
            return change(rows) if rows and all(isinstance(v, dict | list) for v in rows) else rows
        return node

    return damage


DAMAGES: dict[str, Callable[[Any], Any]] = {
    "wrong types": leaves_as(lambda _n: {"unexpected": []}),
    "not a number": leaves_as(lambda _n: float("nan")),
    "as text nan": leaves_as(lambda _n: "NaN"),
    "huge numbers": leaves_as(lambda _n: 10**300),
    "doubled rows": lists_as(lambda rows: [row for row in rows for _ in (0, 1)]),
    "shuffled rows": lists_as(lambda rows: rows[1::2] + rows[::2]),
    "no rows": lists_as(lambda _rows: []),
}


def main() -> None:
    """Serve until stdin closes: the delay of each answer in seconds, and whether what is nearest is answered."""
    with Exchange(delay_s=float(sys.argv[1]), nearest=sys.argv[2:] == ["nearest"]) as exchange:
        print(exchange.port, flush=True)
        sys.stdin.read()
        print(sum(path.endswith("liquidation-orders") for _source, path, _query in exchange.asked), flush=True)


if __name__ == "__main__":
    main()
