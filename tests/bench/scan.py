"""How long a scan takes against the bound that the documented limits set, and whether it stays within them.

python -m tests.bench.scan COINS [VENUE...]

Every answer takes 50 ms. The bound of a budget is when its last request may leave at the earliest: with room for W in
any period of P seconds, N of weight leave in no less than P * (ceil(N / W) - 1).
"""

from __future__ import annotations

import collections
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from imbalance.collect import Options
from imbalance.providers import PROVIDERS
from imbalance.scan import KINDS, scan
from imbalance.venues import VENUES
from imbalance.wire import Endpoint, Kind, Source
from tests.support.coins import names
from tests.support.exchange import NOW_MS, Exchange

DELAY_S = 0.05
Asked = tuple[float, str, str, str]


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = home
        measure(int(sys.argv[1]), tuple(sys.argv[2:]))


def measure(coins: int, venues: tuple[str, ...]) -> None:
    # The server has a process of its own, so that its work is not counted as the program's.
    command = [sys.executable, "-m", "tests.support.coins", str(DELAY_S), str(coins)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline())
        started = time.perf_counter()
        exchange = Exchange()
        exchange.port = port
        ended = []
        options = Options(symbols=tuple(names(coins)), venues=venues)
        found = scan(
            options,
            exchange.settings,
            NOW_MS,
            lambda *_: ended.append((time.perf_counter() - started, time.process_time())),
        )
        took_s = time.perf_counter() - started
        server.stdin.close()
        asked = [tuple(row) for row in json.loads(server.stdout.readline())]
    load = os.getloadavg()[0]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    failed = [row for row in found.rows if row.failed]
    where = ", ".join(venues) or "all venues"
    print(f"{coins} coins on {where}, load {load:.1f}: {len(asked)} requests, {len(failed)} failed")
    budgets = by_budget(asked)
    for name, (bound_s, most, weight, allowed) in sorted(budgets.items(), key=lambda b: -b[1][0])[:6]:
        print(f"  {name}: weight {weight:g}, bound {bound_s:g} s, at most {most:g} of {allowed:g} in a period")
    bound_s = max(bound for bound, *_ in budgets.values())
    over = [name for name, (_b, most, _w, allowed) in budgets.items() if most > allowed]
    ratio = f"{took_s / bound_s:.2f} times the bound" if bound_s else "no budget binds"
    print(f"{took_s:.1f} s, {ratio}; first row after {ended[0][0]:.2f} s; peak {peak_mb:.0f} MB")
    print(f"processor time {time.process_time():.1f} s, {ended[0][1]:.2f} s of it up to the first row")
    print(f"over a limit: {', '.join(over) or 'none'}")


def by_budget(asked: Sequence[Asked]) -> dict[str, tuple[float, float, float, float]]:
    """Return, by budget, its bound [s], the most weight in any of its periods, all weight, and what is allowed."""
    sources = {source.name: source for source in (*VENUES, *PROVIDERS)}
    used: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
    budgets = {}
    for at, name, path, query in asked:
        endpoint, weight = _cost(sources[name], path, query)
        key = f"{name} {path if endpoint.budget else ''}".strip()
        budgets[key] = endpoint.budget or sources[name].budget
        used[key].append((at, weight))
    found = {}
    for key, rows in used.items():
        budget, weight = budgets[key], sum(w for _at, w in rows)
        bound_s = budget.period_s * (math.ceil(weight / budget.weight) - 1)
        found[key] = (bound_s, _most(rows, budget.period_s), weight, budget.weight)
    return found


def _cost(source: Source, path: str, query: str) -> tuple[Endpoint, float]:
    """Return the endpoint that was asked, and the weight of the request."""
    wanted = [e for e in source.endpoints if e.kind in KINDS or e.kind is Kind.INSTRUMENTS]
    for endpoint in wanted:
        if endpoint.at_once and endpoint.for_all(endpoint.at_once).asked(endpoint.at_once.query) == (path, query):
            return endpoint.for_all(endpoint.at_once), endpoint.at_once.weight
    same = [e for e in wanted if re.fullmatch(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(e.path)), path)]
    if source.name == "hyperliquid":
        same = [e for e in same if (e.kind is Kind.CANDLES) == ("candle" in query)]
    return same[-1], same[-1].weight


def _most(rows: Sequence[tuple[float, float]], period_s: float) -> float:
    """Return the most weight that lies in any period."""
    rows, most, inside, first = sorted(rows), 0.0, 0.0, 0
    for at, weight in rows:
        inside += weight
        while rows[first][0] <= at - period_s:
            inside -= rows[first][1]
            first += 1
        most = max(most, inside)
    return most


if __name__ == "__main__":
    main()
