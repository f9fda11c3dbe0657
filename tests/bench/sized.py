"""What a store of a year weighs, and how long its questions take: ``python -m tests.bench.sized [SHARE] [ADDRESS]``.

The whole is a year of 5-minute bars of 200 coins on 10 venues and 20 million liquidations; a share of it (a tenth,
unless said otherwise) has so many fewer coins, and as much of each. A temporary file where no address is given; a store
that is filled already is asked alone.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sqlalchemy import text

from imbalance.store import opening, reading, upkeep, writing
from imbalance.store.rows import Block, Series
from imbalance.units import DAY_MS

STEP_MS = 300_000
BARS = 365 * DAY_MS // STEP_MS
VENUES, COINS, ORDERS = 10, 200, 20_000_000
START_MS = 1_735_689_600_000  # 2025-01-01
END_MS = START_MS + 365 * DAY_MS
TIMES = 5
BY_HOUR = """
SELECT l.time_ms / 3600000, l.position, sum(l.price * l.quantity_base)
FROM liquidations AS l JOIN series AS s ON s.id = l.series
WHERE s.symbol = 'COIN0' GROUP BY 1, 2
"""


def bars(venue: str, coin: str, random: np.random.Generator) -> Block:
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.002, BARS)))
    volume = random.gamma(2, 50, BARS)
    columns = {
        "time_ms": (START_MS + STEP_MS * np.arange(BARS)).tolist(),
        "open": close.tolist(),
        "high": (close * 1.001).tolist(),
        "low": (close * 0.999).tolist(),
        "close": close.tolist(),
        "volume_base": volume.tolist(),
        "volume_usd": (volume * close).tolist(),
        "taker_buy_base": (volume / 2).tolist(),
    }
    series = Series("candles", venue, venue, coin, f"{coin}USDT", "linear", interval_ms=STEP_MS)
    return Block(series, columns, [(START_MS, END_MS)])


def orders(venue: str, coin: str, many: int, random: np.random.Generator) -> Block:
    columns = {
        "time_ms": np.sort(random.integers(START_MS, END_MS, many)).tolist(),
        "position": random.choice(["long", "short"], many).tolist(),
        "price": random.uniform(50, 200, many).tolist(),
        "quantity_base": random.gamma(0.5, 20, many).tolist(),
        "order_id": [""] * many,
        "nth": [0] * many,
    }
    return Block(Series("liquidations", venue, venue, coin, f"{coin}USDT", "linear"), columns, [(START_MS, END_MS)])


def filled(store: opening.Store, coins: int) -> int:
    """Fill a store; return how many rows were written."""
    random, rows = np.random.default_rng(0), 0
    for c in range(coins):
        for v in range(VENUES):
            with store.writing() as connection:
                for block in (
                    bars(f"venue{v}", f"COIN{c}", random),
                    orders(f"venue{v}", f"COIN{c}", ORDERS // (VENUES * COINS), random),
                ):
                    rows += writing.save_columns(connection, block, END_MS)
    return rows


def timed(store: opening.Store, coins: int) -> int:
    started = time.perf_counter()
    rows = filled(store, coins)
    took = time.perf_counter() - started
    print(f"{coins} of {COINS} coins, {rows:,} rows: {took:.0f} s, {rows / took:,.0f} a second", flush=True)
    return rows


def questions(store: opening.Store) -> Iterator[tuple[str, Callable[[], object]]]:
    def asked(of: Callable[..., object]) -> Callable[[], object]:
        def ask() -> object:
            with store.reading() as connection:
                return of(connection)

        return ask

    names = ("time_ms", "open", "high", "low", "close", "volume_base", "taker_buy_base")
    with store.reading() as connection:
        numbers = list(reading.all_series(connection, data="candles", symbol="COIN0"))
    month_ms = END_MS - 30 * DAY_MS
    yield "a year of a coin on one venue, to arrays", asked(lambda c: reading.arrays(c, numbers[0], "candles", names))
    yield (
        "30 days of a coin on ten venues, to arrays",
        asked(lambda c: [reading.arrays(c, n, "candles", names, start_ms=month_ms) for n in numbers]),
    )
    yield "a year of a coin's liquidations, by hour", asked(lambda c: c.execute(text(BY_HOUR)).fetchall())
    yield "what each series holds, as db info tells", asked(upkeep.extents)


def main(share: float, address: str) -> None:
    coins = max(round(share * COINS), 1)
    with opening.opened(address, wait_s=30, make=True) as store:
        with store.reading() as connection:
            held = sum(extent.rows for extent in upkeep.extents(connection).values())
        rows = held or timed(store, coins)
        with store.reading() as connection:
            size = upkeep.size_bytes(store, connection)
        print(
            f"size: {size / 1e9:.2f} GB, {size / rows:.0f} bytes a row; the whole {size * COINS / coins / 1e9:.0f} GB"
        )
        for what, ask in questions(store):
            times = []
            for _ in range(TIMES):
                started = time.perf_counter()
                ask()
                times.append(time.perf_counter() - started)
            print(f"{what}: first {times[0]:.2f} s, median {statistics.median(times):.2f} s", flush=True)


if __name__ == "__main__":
    given = float(sys.argv[1]) if sys.argv[1:] else 0.1
    if sys.argv[2:]:
        main(given, sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(given, str(Path(folder) / "history.db"))
