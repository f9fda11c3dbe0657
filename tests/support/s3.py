"""An S3 server on loopback that holds what one puts into it: listing, heads and ranges, as much as readers ask for."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class S3:
    """Objects by bucket and key, and what was asked of them: method, key and how many bytes were sent."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.sent: list[tuple[str, str, int]] = []
        self.url = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to read here."""
        return KEYS | {"AWS_ENDPOINT_URL": self.url}

    def put(self, folder: Path, bucket: str) -> None:
        """Put all files of a folder into a bucket."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.objects[f"{bucket}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()

    def sent_of(self, part: str) -> int:
        """Return how many bytes were sent of objects whose key holds a text."""
        return sum(size for method, key, size in self.sent if method == "GET" and part in key)


@contextmanager
def server() -> Iterator[S3]:
    """Serve until the end."""
    held = S3()
    handler = type("Handler", (_Handler,), {"held": held})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.daemon_threads = True
    held.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: S3

    def log_message(self, *words: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        asked = urlsplit(self.path)
        name, query = unquote(asked.path).strip("/"), {k: v[0] for k, v in parse_qs(asked.query).items()}
        bucket = name.partition("/")[0]
        if any(name.startswith(part) for part in self.held.refused):
            self._send(403, _error("AccessDenied", "Access Denied"), body=body)
        elif not any(key.startswith(f"{bucket}/") for key in self.held.objects):
            self._send(404, _error("NoSuchBucket", "The specified bucket does not exist"), body=body)
        elif name == bucket:
            self._send(200, self._listing(bucket, query), body=body)
        elif name not in self.held.objects:
            self._send(404, _error("NoSuchKey", "The specified key does not exist."), body=body)
        else:
            self._object(name, body=body)

    def _listing(self, bucket: str, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        contents, prefixes = [], {}
        for name, content in sorted(self.held.objects.items()):
            key = name.partition("/")[2]
            if not name.startswith(f"{bucket}/{prefix}"):
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                prefixes[prefix + rest.partition(delimiter)[0] + delimiter] = None
                continue
            contents.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>2026-02-01T00:00:00.000Z</LastModified>"
                f"<ETag>{_tag(content)}</ETag><Size>{len(content)}</Size></Contents>"
            )
        common = "".join(f"<CommonPrefixes><Prefix>{escape(p)}</Prefix></CommonPrefixes>" for p in prefixes)
        many = len(contents) + len(prefixes)
        return (
            f"<ListBucketResult {NAMESPACE}><Name>{bucket}</Name><KeyCount>{many}</KeyCount>"
            f"<IsTruncated>false</IsTruncated>{''.join(contents)}{common}</ListBucketResult>"
        ).encode()

    def _object(self, name: str, *, body: bool) -> None:
        content = self.held.objects[name]
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        first, _dash, last = asked.partition("-")
        part = content[int(first) : int(last or len(content)) + 1] if asked else content
        more = {"ETag": _tag(content), "Last-Modified": formatdate(0, usegmt=True), "Accept-Ranges": "bytes"}
        if asked:
            more["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        self._send(206 if asked else 200, part, body=body, more=more)
        self.held.sent.append((self.command, name, len(part)))

    def _send(self, status: int, content: bytes, *, body: bool, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
