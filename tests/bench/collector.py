"""How a collector bears it: ``python -m tests.bench.collector [SECONDS] [RATE] [DISCONNECTS] [KILLS] [ADDRESS]``.

A server process on loopback speaks as every venue. First messages at a rate (5,000 a second for a minute, unless said
otherwise): whether any is lost, memory, and share of one core. Then disconnects (100), each of which must stand as a
gap, to the second. Then kills (40) at random moments: what was acknowledged must be there, once, in a sound store.
Where a PostgreSQL server is given, the stores lie there, and it ends the collector's connections so many times (20) as
it records: the stream goes on, so that nothing may be missing.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imbalance.collector import running
from imbalance.collector.options import Options
from imbalance.fetch.settings import SourceSettings
from imbalance.store import opening, reading, upkeep
from imbalance.stream import reader
from imbalance.venues.streams import STREAMS
from tests.support import postgres
from tests.support.exchange import Exchange
from tests.support.streams import Order, Streams, frames, now_ms, serving

VENUES = list(STREAMS)
TICK_S = 0.02
SETTLE_S = 3.0
CUTS, CUT_S = 20, 1.5
PAGE = os.sysconf("SC_PAGE_SIZE")
CLOCK = os.sysconf("SC_CLK_TCK")


def order(n: int) -> Order:
    """Return the n-th liquidation: no two are alike."""
    return Order("long" if n % 2 else "short", 80_000.0 + n % 1000, 0.001 * (1 + n // 1000), now_ms(), str(n))


async def flood(streams: Streams, rate: float, seconds: float) -> dict[str, int]:
    """Send so many messages a second, each with one liquidation, to the venues in turn; return how many to each."""
    sent = dict.fromkeys(VENUES, 0)
    started, n = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < seconds:
        due = int(passed * rate)
        for number in range(n, due):
            venue = VENUES[number % len(VENUES)]
            await streams.send(venue, *frames(venue, [order(number)]))
            sent[venue] += 1
        n = due
        await asyncio.sleep(TICK_S)
    return sent


async def disconnect(streams: Streams, many: int) -> list[tuple[str, int, int]]:
    """End connections one after the other, politely and not, a message before and after each; return when [ms]."""
    drawn = random.Random(11)  # noqa: S311  the same every time
    found = []
    await asyncio.sleep(2)
    for n in range(many):
        venue = VENUES[n % len(VENUES)]
        await streams.subscribed(venue)
        await asyncio.sleep(drawn.uniform(0, 0.3))
        await streams.send(venue, *frames(venue, [order(n)]))
        times = streams.connections[venue]
        await streams.drop(venue, rude=n % 2 == 1)
        down_ms = now_ms()
        await streams.subscribed(venue, times=times + 1)
        found.append((venue, down_ms, now_ms()))
    return found


async def served() -> None:
    """Serve until told to end; commands come as lines of JSON on stdin, answers go as such to stdout."""
    with Exchange() as exchange:
        async with serving() as streams:
            print(json.dumps(exchange.environment | streams.environment), flush=True)
            trickle: asyncio.Task[Any] | None = None
            while line := await asyncio.to_thread(sys.stdin.readline):
                asked = json.loads(line)
                told: Any = None
                if asked[0] == "ready":
                    for venue in asked[1]:
                        await streams.subscribed(venue)
                elif asked[0] == "flood":
                    told = await flood(streams, *asked[1:])
                elif asked[0] == "disconnect":
                    told = await disconnect(streams, asked[1])
                elif asked[0] == "trickle":
                    trickle = asyncio.create_task(flood(streams, asked[1], 86_400))
                print(json.dumps(told), flush=True)
            if trickle is not None:
                trickle.cancel()


class Server:
    """The server process, spoken to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.environment: dict[str, str] = self._told()

    def _told(self) -> Any:
        return json.loads(self.process.stdout.readline())  # type: ignore[union-attr]

    def ask(self, *words: Any) -> Any:
        self.process.stdin.write(json.dumps(words) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return self._told()


@contextmanager
def server() -> Iterator[Server]:
    words = [sys.executable, "-m", "tests.bench.collector", "serve"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.wait(10)


def collecting(address: str, environment: dict[str, str], venues: list[str], tells: int = -1) -> int:
    """Fork a collector; return its process. Rows that are stored are told as lines to `tells`."""
    child = os.fork()
    if child:
        return child
    try:
        reader.STEADY_S = 0.0  # so that those who are cut off often do not wait ever longer

        def told(rows: int) -> None:
            if tells >= 0:
                os.write(tells, f"{rows}\n".encode())

        options = Options(symbols=("BTC",), venues=tuple(venues))
        running.collect(options, SourceSettings(environment), address, running.Watch(saved=told))
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  a fork must not go on as its parent
        sys.stderr.write(f"collector: {error!r}\n")
        os._exit(1)


def stop(child: int) -> int:
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def used(process: int) -> tuple[float, float]:
    """Return what a process has used of a core [s], and its memory [MB]."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / CLOCK, pages * PAGE / 2**20


def stored(address: str) -> tuple[dict[str, int], dict[str, list[tuple[int, int]]], list[str]]:
    """Return rows and gaps by venue, and what is wrong with the store."""
    rows: dict[str, int] = {}
    gaps: dict[str, list[tuple[int, int]]] = {}
    with opening.opened(address) as store:
        with store.reading() as connection:
            for number, one in reading.all_series(connection, data="liquidations").items():
                found = reading.arrays(connection, number, "liquidations")
                keys = set(zip(*(found[n].tolist() for n in ("price", "quantity_base", "position")), strict=True))
                rows[one.venue] = found["time_ms"].size
                if len(keys) != rows[one.venue]:
                    print(f"  {one.venue}: {rows[one.venue] - len(keys)} rows are doubled")
                gaps[one.venue] = [gap[:2] for gap in reading.missing(connection, number)]
        return rows, gaps, upkeep.faults(store)


def bench_flood(server: Server, address: str, rate: float, seconds: float) -> None:
    child = collecting(address, server.environment, VENUES)
    server.ask("ready", VENUES)
    server.process.stdin.write(json.dumps(["flood", rate, seconds]) + "\n")  # type: ignore[union-attr]
    server.process.stdin.flush()  # type: ignore[union-attr]
    memory, before, started = [], used(child)[0], time.perf_counter()
    while time.perf_counter() - started < seconds:
        time.sleep(1)
        memory.append(used(child)[1])
    core = (used(child)[0] - before) / (time.perf_counter() - started)
    sent: dict[str, int] = server._told()
    time.sleep(SETTLE_S)
    code = stop(child)
    rows, gaps, faults = stored(address)
    many = sum(sent.values())
    lost = {venue: n - rows.get(venue, 0) for venue, n in sent.items() if n != rows.get(venue, 0)}
    print(f"{many:,} messages in {seconds:.0f} s ({many / seconds:,.0f} a second), {sum(rows.values()):,} stored")
    print(f"  lost: {lost or 'none'}; gaps: {sum(map(len, gaps.values()))}; exit {code}; store: {faults or 'sound'}")
    print(f"  {core * 100:.0f} % of one core; memory (median and most of each fifth): ", end="")
    fifth = max(len(memory) // 5, 1)
    parts = [memory[i : i + fifth] for i in range(0, len(memory), fifth)][:5]
    print(", ".join(f"{statistics.median(part):.0f} ({max(part):.0f})" for part in parts), "MB")


def bench_disconnects(server: Server, address: str, many: int) -> None:
    child = collecting(address, server.environment, VENUES)
    server.ask("ready", VENUES)
    started = time.perf_counter()
    told = server.ask("disconnect", many)
    took = time.perf_counter() - started
    time.sleep(SETTLE_S)
    code = stop(child)
    rows, gaps, faults = stored(address)
    early, late, missing = [], [], 0
    for venue, down_ms, up_ms in told:
        delay_ms = STREAMS[venue].delay_ms
        near = [gap for gap in gaps[venue] if abs(gap[0] - (down_ms - delay_ms)) < 1000 and abs(gap[1] - up_ms) < 1000]
        if len(near) != 1:
            missing += 1
            continue
        start, end = near[0]
        early.append(down_ms - delay_ms - start)
        late.append(end - up_ms)
    print(
        f"{many} disconnects in {took:.0f} s: {many - missing} stand as gaps to the second, {missing} do not; ", end=""
    )
    print(f"{sum(map(len, gaps.values()))} gaps in all")
    print(f"  {sum(rows.values())} of {many} messages before them stored; exit {code}; store: {faults or 'sound'}")
    if early:
        print(f"  starts {min(early)} to {max(early)} ms before the break less the venue's delay, ", end="")
        print(f"ends {min(late)} to {max(late)} ms after it was subscribed again")


def bench_kills(server: Server, address: str, many: int) -> None:
    server.ask("trickle", 3000.0)
    drawn = random.Random(7)  # noqa: S311  the same every time
    acknowledged = 0
    for _ in range(many):
        told, tells = os.pipe()
        child = collecting(address, server.environment, ["binance", "bybit", "okx"], tells)
        os.close(tells)
        time.sleep(drawn.uniform(0.1, 4.0))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lines = b""
        while piece := os.read(told, 65536):
            lines += piece
        os.close(told)
        acknowledged += int(lines.decode().split()[-1]) if lines else 0
    rows, gaps, faults = stored(address)
    many_rows = sum(rows.values())
    print(f"{many} kills: {acknowledged:,} rows acknowledged, {many_rows:,} stored, ", end="")
    print(f"{max(acknowledged - many_rows, 0)} lost; store: {faults or 'sound'}; ", end="")
    print(f"{sum(map(len, gaps.values()))} gaps of {3 * (many - 1)} between runs")


def bench_cuts(server: Server, address: str, rate: float, many: int) -> None:
    """Take the collector's connections to the store away while it records, some in the middle of a transaction."""
    told, tells = os.pipe()
    child = collecting(address, server.environment, VENUES, tells)
    os.close(tells)
    server.ask("ready", VENUES)
    seconds = many * CUT_S
    server.process.stdin.write(json.dumps(["flood", rate, seconds]) + "\n")  # type: ignore[union-attr]
    server.process.stdin.flush()  # type: ignore[union-attr]
    drawn = random.Random(17)  # noqa: S311  the same every time
    idle = busy = 0
    for n in range(many):
        time.sleep(drawn.uniform(0, CUT_S))
        if n % 2:
            busy += postgres.end_connections(address, busy_within_s=CUT_S)
        else:
            idle += postgres.end_connections(address)
    sent: dict[str, int] = server._told()
    time.sleep(SETTLE_S)
    code = stop(child)
    with os.fdopen(told, "rb") as lines:
        acknowledged = int(lines.read().split()[-1])
    rows, gaps, faults = stored(address)
    print(f"{busy} connections ended in a transaction, {idle} at random: {sum(sent.values()):,} sent, ", end="")
    print(f"{acknowledged:,} acknowledged, {sum(rows.values()):,} stored")
    print(f"  gaps: {sum(map(len, gaps.values()))}; exit {code}; store: {faults or 'sound'}")


def main(
    seconds: float = 60.0, rate: float = 5000.0, disconnects: float = 100, kills: float = 40, place: str | None = None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder

        @contextmanager
        def begun(name: str) -> Iterator[tuple[Server, str]]:
            with server() as running_, postgres.store(place, Path(folder), name) as address:
                yield running_, address

        if seconds:
            with begun("flood") as given:
                bench_flood(*given, rate, seconds)
        if disconnects:
            with begun("disconnects") as given:
                bench_disconnects(*given, int(disconnects))
        if kills:
            with begun("kills") as given:
                bench_kills(*given, int(kills))
        if place and kills:
            with begun("cuts") as given:
                bench_cuts(*given, rate, CUTS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(served())
    else:
        main(*map(float, sys.argv[1:5]), *sys.argv[5:])
