"""What a second report asks for, ten minutes after the first, by what is asked; against a loopback exchange.

python -m tests.bench.second_report
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter

from imbalance import history, service
from imbalance.collect import Options
from imbalance.fetch.client import Client
from imbalance.remembered import History
from imbalance.units import MINUTE_MS
from imbalance.wire import Kind
from tests.support.exchange import NOW_MS, Exchange

SERIES = {
    Kind.CANDLES,
    Kind.DAILY_CANDLES,
    Kind.OPEN_INTEREST_HISTORY,
    Kind.OPEN_INTEREST_DAILY,
    Kind.LIQUIDATIONS,
}


class Counting:
    """Counts the requests of a client by what they ask for."""

    def __init__(self) -> None:
        self.asked: Counter[Kind] = Counter()
        once = Client._once

        async def counted(client, source, endpoint, query):
            self.asked[endpoint.kind] += 1
            return await once(client, source, endpoint, query)

        Client._once = counted


def main() -> None:
    with tempfile.TemporaryDirectory() as home, Exchange(nearest=True) as exchange:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = os.environ["XDG_DATA_HOME"] = home
        counting = Counting()
        runs = []
        for now_ms in (NOW_MS, NOW_MS + 10 * MINUTE_MS):
            counting.asked.clear()
            harvests = []
            started = time.perf_counter()
            document = service.report(Options(history=History()), exchange.settings, now_ms, harvests.append)
            print(f"{sum(h.received_bytes for h in harvests):>10,} bytes, {time.perf_counter() - started:.2f} s")
            runs.append(Counter(counting.asked))
            history.save(None, harvests, document, now_ms)
    first, second = runs
    for kind in sorted(first | second):
        print(f"{kind:24} {first[kind]:4} {second[kind]:4}{'  series' if kind in SERIES else ''}")
    for name, kinds in (("series", SERIES), ("all", set(first | second))):
        before, after = (sum(run[kind] for kind in kinds) for run in runs)
        print(f"{name:24} {before:4} {after:4}  {after / before:.0%}")


if __name__ == "__main__":
    main()
