"""What a second report asks for, by what is asked and by how long after the first; against a loopback exchange.

Ten minutes later within a bar, and across the end of a bar and of an hour. What is recorded ends with the hour: the
seven ratios that a report asks for when an hour has ended are there before it does, and are not in the last column.

python -m tests.bench.second_report
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter

from imbalance import history, service
from imbalance.collect import Options
from imbalance.fetch.client import Client
from imbalance.remembered import History
from imbalance.units import MINUTE_MS
from imbalance.wire import Kind
from tests.support.exchange import NOW_MS, Exchange

# Minutes after the whole hour of the first report, and of the second.
WHEN = {"the same bar": (1, 11), "a bar later": (-16, -6), "an hour later": (-63, -53)}


class Counting:
    """Counts the requests of a client by what they ask for."""

    def __init__(self) -> None:
        self.asked: Counter[Kind] = Counter()
        once = Client._once

        async def counted(client, source, endpoint, query):
            self.asked[endpoint.kind] += 1
            return await once(client, source, endpoint, query)

        Client._once = counted


def asked(counting: Counting, minutes: tuple[int, int]) -> list[Counter[Kind]]:
    """Return what two reports ask for, so many minutes after the whole hour."""
    with tempfile.TemporaryDirectory() as home, Exchange(nearest=True) as exchange:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = os.environ["XDG_DATA_HOME"] = home
        runs = []
        for minute in minutes:
            counting.asked.clear()
            harvests, now_ms = [], NOW_MS + minute * MINUTE_MS
            document = service.report(Options(history=History()), exchange.settings, now_ms, harvests.append)
            runs.append(Counter(counting.asked))
            history.save(None, harvests, document, now_ms)
    return runs


def main() -> None:
    counting = Counting()
    found = {name: asked(counting, minutes) for name, minutes in WHEN.items()}
    first = next(iter(found.values()))[0]
    print(f"{'':24} {'first':>6} " + " ".join(f"{name:>14}" for name in found))
    for kind in sorted(first):
        print(f"{kind:24} {first[kind]:6} " + " ".join(f"{runs[1][kind]:14}" for runs in found.values()))
    print(f"{'all':24} {first.total():6} " + " ".join(f"{runs[1].total():14}" for runs in found.values()))
    shares = (runs[1].total() / runs[0].total() for runs in found.values())
    print(f"{'of the first':24} {'':6} " + " ".join(f"{share:14.1%}" for share in shares))


if __name__ == "__main__":
    main()
