"""The loopback exchange with as many coins as are asked for: each answers as BTC does in the bundled scenario."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import re
import string
import sys
import time
from typing import Any

from imbalance.venues import VENUES
from imbalance.wire import Kind
from tests.support.exchange import Exchange

_NAME = re.compile("Q[A-Z]{3}")
HELD = {"kraken": "XBT"}  # what BTC is called elsewhere


def names(count: int) -> list[str]:
    """Return names that no coin has."""
    letters = itertools.islice(itertools.product(string.ascii_uppercase, repeat=3), count)
    return [f"Q{''.join(three)}" for three in letters]


class Coins(Exchange):
    """Lists BTC and `count` coins more on every venue; `times` are the moments of requests, as in `asked`."""

    def __init__(self, count: int, delay_s: float = 0.0, faults: dict[str, str] | None = None) -> None:
        super().__init__(faults, delay_s)
        self.coins = names(count)
        self.times: list[float] = []

    async def _answer(self, writer: asyncio.StreamWriter, source: str, path: str, query: str) -> bool:
        self.times.append(time.monotonic())
        if self.faults.get(source):
            return await super()._answer(writer, source, path, query)
        body = self.body(source, path, query)
        return self._send(writer, 404 if body is None else 200, body or b"{}")

    def body(self, source: str, path: str, query: str) -> bytes | None:
        """Return the answer: BTC's under another name, or what tells of all coins."""
        named = _NAME.search(path + query)
        held = HELD.get(source, "BTC")
        if named:
            found = self.recording.answers.get((source, path.replace(named[0], held), query.replace(named[0], held)))
            return self._body(found).replace(held.encode(), named[0].encode()) if found else None
        if source == "deribit" and "currency=USDC" in query:
            whole = self.body(source, path, query.replace("USDC", "BTC")) or b""
            return whole.replace(b"BTC-PERPETUAL", b"ETH_USDC-PERPETUAL")
        return self._whole(source, path, query)

    @functools.cache  # noqa: B019  as old as the server
    def _whole(self, source: str, path: str, query: str) -> bytes | None:
        held = HELD.get(source, "BTC")
        found = self.recording.answers.get((source, *_of_btc(source, path, query)))
        if found is None:
            return None
        node = json.loads(self._body(found))
        if source == "hyperliquid":
            return json.dumps(self._universe(node)).encode() if "metaAndAssetCtxs" in query else self._body(found)
        lists = {(v.name, e.path) for v in VENUES for e in v.endpoints if e.kind in {Kind.INSTRUMENTS, Kind.TICKER}}
        of_all = (path, query) != _of_btc(source, path, query)
        if of_all or ((source, path) in lists and held not in query):
            node = [node] if source == "binance" and path != "/fapi/v1/exchangeInfo" else node
            return json.dumps(self._grown(node, held)).encode()
        return self._body(found)

    def _universe(self, node: list[Any]) -> list[Any]:
        meta, states = node
        at = [row["name"] for row in meta["universe"]].index("BTC")
        meta["universe"] += [meta["universe"][at] | {"name": name} for name in self.coins]
        return [meta, states + [states[at]] * len(self.coins)]

    def _grown(self, node: Any, held: str) -> Any:
        """Return a body in which each row about BTC is followed by the same about every other coin."""
        if isinstance(node, dict):
            return {key: self._grown(value, held) for key, value in node.items()}
        if not isinstance(node, list):
            return node
        rows = []
        for row in node:
            text = json.dumps(row)
            rows.append(row)
            if isinstance(row, dict) and held in text:
                rows += [json.loads(text.replace(held, name).replace("BTC", name)) for name in self.coins]
        return rows


def _of_btc(source: str, path: str, query: str) -> tuple[str, str]:
    """Return the recorded request about BTC alone that a request about all coins stands for; itself for others."""
    for endpoint in next((v.endpoints for v in VENUES if v.name == source), ()):
        if endpoint.at_once and endpoint.for_all(endpoint.at_once).asked(endpoint.at_once.query) == (path, query):
            return endpoint.path, _ONE[source, endpoint.kind]
    return path, query


_ONE = {
    ("binance", Kind.MARK_PRICE): "symbol=BTCUSDT",
    ("binance", Kind.TICKER): "symbol=BTCUSDT",
    ("binance_coinm", Kind.MARK_PRICE): "symbol=BTCUSD_PERP",
    ("binance_coinm", Kind.TICKER): "symbol=BTCUSD_PERP",
    ("bybit", Kind.TICKER): "category=linear&symbol=BTCUSDT",
    ("okx", Kind.TICKER): "instId=BTC-USDT-SWAP",
    ("okx", Kind.FUNDING): "instId=BTC-USDT-SWAP",
    ("okx", Kind.MARK_PRICE): "instType=SWAP&instId=BTC-USDT-SWAP",
    ("okx", Kind.OPEN_INTEREST): "instType=SWAP&instId=BTC-USDT-SWAP",
    ("gate", Kind.TICKER): "contract=BTC_USDT",
    ("bitget", Kind.TICKER): "symbol=BTCUSDT&productType=USDT-FUTURES",
    ("htx", Kind.OPEN_INTEREST): "contract_code=BTC-USDT",
    ("htx", Kind.FUNDING): "contract_code=BTC-USDT",
}


def main() -> None:
    """Serve until stdin closes, then print what was asked and when; arguments: seconds of delay, coins."""
    with Coins(int(sys.argv[2]), float(sys.argv[1])) as exchange:
        print(exchange.port, flush=True)
        sys.stdin.read()
        rows = [[at, *asked] for at, asked in zip(exchange.times, exchange.asked, strict=False)]
        print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
