"""An archive of made-up market data in the shapes that Binance documents: on disk, and behind a loopback server."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from imbalance.dumps import binance
from imbalance.dumps.binance_tables import FUNDING_COLUMNS, KLINE_COLUMNS, LIQUIDATION_COLUMNS, METRIC_COLUMNS
from imbalance.units import DAY_MS, HOUR_MS, INTERVALS_MS

STEP_MS = INTERVALS_MS["5m"]


def zipped(csv: str, name: str = "BTCUSDT.csv") -> bytes:
    """Return a zip with one CSV, the same for the same text."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), csv, compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
    return held.getvalue()


def price_at(time_ms: int) -> float:
    """Return a price that tells its moment, whole tenths: 60,000 and up to 1,000 more."""
    return 60_000 + time_ms // STEP_MS % 10_000 / 10


def klines(file: binance.File, *, header: bool = True) -> str:
    """Return the bars of a file; the taker side is 40 % of the volume."""
    lines = [",".join(KLINE_COLUMNS)] if header else []
    inverse = file.market == binance.COIN_M
    for t in range(file.from_ms, file.to_ms, file.interval_ms):
        p, volume = price_at(t), 10 + t // STEP_MS % 7
        base, other = (volume * 1000, volume * 100_000 / p) if inverse else (volume, volume * p)
        ends = f"{t + file.interval_ms - 1},{other:.8f},{volume * 10},{base * 0.4:.3f},{other * 0.4:.8f},0"
        lines.append(f"{t},{p:.1f},{p + 5:.1f},{p - 5:.1f},{p + 1:.1f},{base:.3f},{ends}")
    return "\n".join(lines) + "\n"


def stamp(time_ms: int) -> str:
    """Return a moment as the metrics write it."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def open_interest_at(time_ms: int) -> float:
    """Return an open interest that tells its moment."""
    return 80_000 + time_ms // STEP_MS % 100_000 / 1000


def metrics(file: binance.File) -> str:
    """Return a day's metrics, labelled as those of USD-M are on that day and those of COIN-M always."""
    starts = file.market == binance.COIN_M or file.period >= "2026-06-25"
    lines = [",".join(METRIC_COLUMNS)]
    for t in range(file.from_ms + STEP_MS, file.to_ms + STEP_MS, STEP_MS):
        amount = open_interest_at(t)
        cells = [stamp(t - STEP_MS * starts), file.symbol, f"{amount:.16f}", f"{amount * price_at(t):.16f}"]
        lines.append(",".join([*cells, "1.50000000", "1.00000000", "3.00000000", "0.90000000"]))
    return "\n".join(lines) + "\n"


def fundings(file: binance.File) -> str:
    """Return a month's fundings, some milliseconds late."""
    rows = [f"{t + 3},8,0.00010000" for t in range(file.from_ms, file.to_ms, 8 * HOUR_MS)]
    return "\n".join([",".join(FUNDING_COLUMNS), *rows]) + "\n"


def liquidations(file: binance.File) -> str:
    """Return a day's liquidations, every line twice: an hour a sale, the next a purchase."""
    lines = [",".join(LIQUIDATION_COLUMNS)]
    for i, t in enumerate(range(file.from_ms + 123, file.to_ms, HOUR_MS)):
        line = f"{t},{'SELL' if i % 2 == 0 else 'BUY'},LIMIT,IOC,{i + 1},{price_at(t)},{price_at(t)},FILLED,1,{i + 1}"
        lines += [line, line]
    return "\n".join(lines) + "\n"


MAKERS = {
    binance.KLINES: klines,
    binance.METRICS: metrics,
    binance.FUNDING: fundings,
    binance.LIQUIDATIONS: liquidations,
}


def store(folder: Path, file: binance.File, body: bytes | None = None) -> Path:
    """Put a file and its checksum where the archive has them; return its place."""
    body = zipped(MAKERS[file.kind](file), file.name.replace(".zip", ".csv")) if body is None else body
    place = folder / file.path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(body)
    place.with_name(f"{place.name}.CHECKSUM").write_text(f"{hashlib.sha256(body).hexdigest()}  {place.name}\n")
    return place


def fill(folder: Path, since_ms: int, now_ms: int, *, interval: str = "5m", coin_m: bool = True) -> list[binance.File]:
    """Make all files that a backfill of bitcoin would ask for; return them."""
    made = []
    for market, symbol in ((binance.USD_M, "BTCUSDT"), (binance.COIN_M, "BTCUSD_PERP")):
        if market == binance.COIN_M and not coin_m:
            continue
        for known, kind in binance.FIRST_MS:
            if known == market:
                for length in (interval, "1d") if kind == binance.KLINES else ("",):
                    made += binance.files(market, kind, symbol, since_ms, now_ms, length)
    for file in made:
        store(folder, file)
    return made


Answer = Callable[[dict[str, str]], Any]


class Archive:
    """Serves a folder of files, and what `answers` says of other paths; `faults` maps part of a path to a fault."""

    def __init__(self, folder: Path, answers: dict[str, Answer] | None = None) -> None:
        self.folder = folder
        self.answers = answers or {}
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = archive.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that is killed is nobody's error.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]

    def answer(self, target: str) -> tuple[int, bytes]:
        """Return status and body of a request."""
        self.asked.append(target)
        parts = urlsplit(target)
        fault = next((fault for part, fault in self.faults.items() if part in target), "")
        if fault.isdigit():
            return int(fault), b""
        if parts.path in self.answers:
            return 200, json.dumps(self.answers[parts.path](dict(parse_qsl(parts.query)))).encode()
        place = self.folder / parts.path.lstrip("/")
        if not place.is_file():
            return 404, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"
        body = place.read_bytes()
        if fault == "cut" and place.suffix == ".zip":
            return 200, body[: len(body) // 2]
        return 200, body

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"


def day(text: str) -> int:
    """Return the start of a day [ms]."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


__all__ = ["DAY_MS", "Archive", "day", "fill", "klines", "metrics", "store", "zipped"]
