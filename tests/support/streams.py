"""A loopback WebSocket server that speaks as every venue does: its messages, acknowledgements and heartbeats.

Each venue has a path of its own on one port. Liquidations are given in coins and positions; the server writes them in
the venue's units and words. What a venue does not accept it refuses as documented.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from imbalance.venues.streams import STREAMS

# A contract of each venue: its name, and how many coins or USD one unit of the venue's sizes is.
SYMBOLS = {
    "binance": "BTCUSDT",
    "binance_coinm": "BTCUSD_PERP",
    "bybit": "BTCUSDT",
    "okx": "BTC-USDT-SWAP",
    "gate": "BTC_USDT",
    "bitget": "BTCUSDT",
    "htx": "BTC-USDT",
    "deribit": "BTC-PERPETUAL",
    "kraken": "PF_XBTUSD",
}
UNIT = {"binance_coinm": 100.0, "okx": 0.01, "gate": 0.0001, "htx": 0.001}


class Order(NamedTuple):
    """A liquidation: which position, at what price, how many coins, when [ms], the venue's number where it has one."""

    side: str
    price: float
    base: float
    time_ms: int
    number: str = "1"


def _long(order: Order, one: str, other: str) -> str:
    return one if order.side == "long" else other


def _binance(orders: Sequence[Order], symbol: str) -> list[Any]:
    return [
        {
            "stream": "!forceOrder@arr",
            "data": {
                "e": "forceOrder",
                "E": o.time_ms + 6,
                "o": {
                    "s": symbol, "S": _long(o, "SELL", "BUY"), "o": "LIMIT", "f": "IOC", "q": str(o.base),
                    "p": str(o.price * 0.99), "ap": str(o.price), "X": "FILLED", "l": str(o.base), "z": str(o.base),
                    "T": o.time_ms, "ps": symbol, "st": 1,
                },
            },
        }
        for o in orders
    ]  # fmt: skip


def _binance_coinm(orders: Sequence[Order], symbol: str) -> list[Any]:
    found = _binance([o._replace(base=o.base * o.price / UNIT["binance_coinm"]) for o in orders], symbol)
    for message in found:
        message["data"]["o"] |= {"ps": symbol.partition("_")[0], "st": 2}
    return found


def _bybit(orders: Sequence[Order], symbol: str) -> list[Any]:
    rows = [
        {"T": o.time_ms, "s": symbol, "S": _long(o, "Buy", "Sell"), "v": str(o.base), "p": str(o.price)} for o in orders
    ]
    return [{"topic": f"allLiquidation.{symbol}", "type": "snapshot", "ts": orders[-1].time_ms + 400, "data": rows}]


def _okx(orders: Sequence[Order], symbol: str) -> list[Any]:
    details = [
        {
            "bkLoss": "0", "bkPx": str(o.price), "ccy": "", "posSide": o.side, "side": _long(o, "sell", "buy"),
            "sz": str(o.base / UNIT["okx"]), "ts": str(o.time_ms),
        }
        for o in orders
    ]  # fmt: skip
    family = symbol.removesuffix("-SWAP")
    row = {"details": details, "instFamily": family, "instId": symbol, "instType": "SWAP", "uly": family}
    return [{"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": [row]}]


def _gate(orders: Sequence[Order], symbol: str) -> list[Any]:
    rows = [
        {
            "price": str(o.price),
            "size": str((-1 if o.side == "long" else 1) * o.base / UNIT["gate"]),
            "time": o.time_ms,
            "contract": symbol,
        }
        for o in orders
    ]
    head = {"time": orders[-1].time_ms // 1000, "time_ms": orders[-1].time_ms}
    return [head | {"channel": "futures.public_liquidates", "event": "update", "result": rows}]


def _bitget(orders: Sequence[Order], symbol: str) -> list[Any]:
    rows = [
        {
            "symbol": symbol, "side": _long(o, "buy", "sell"), "price": str(o.price),
            "amount": str(o.base * o.price), "ts": str(o.time_ms),
        }
        for o in orders
    ]  # fmt: skip
    topic = {"instType": "usdt-futures", "topic": "liquidation"}
    return [{"action": "update", "arg": topic, "data": rows, "ts": orders[-1].time_ms + 500}]


def _htx(orders: Sequence[Order], symbol: str) -> list[Any]:
    rows = [
        {
            "symbol": symbol.partition("-")[0], "contract_code": symbol, "direction": _long(o, "sell", "buy"),
            "offset": "close", "volume": o.base / UNIT["htx"], "price": o.price, "created_at": o.time_ms,
            "amount": o.base, "trade_turnover": o.base * o.price, "contract_type": "swap", "pair": symbol,
            "business_type": "swap", "trade_partition": "USDT",
        }
        for o in orders
    ]  # fmt: skip
    return [{"op": "notify", "topic": f"public.{symbol}.liquidation_orders", "ts": orders[-1].time_ms, "data": rows}]


def _deribit(orders: Sequence[Order], symbol: str) -> list[Any]:
    rows = [
        {
            "trade_seq": 1, "trade_id": o.number, "timestamp": o.time_ms, "tick_direction": 3, "price": o.price,
            "mark_price": o.price, "liquidation": "T", "instrument_name": symbol, "index_price": o.price,
            "direction": _long(o, "sell", "buy"), "amount": o.base * o.price,
        }
        for o in orders
    ]  # fmt: skip
    params = {"channel": f"trades.{symbol}.100ms", "data": rows}
    return [{"jsonrpc": "2.0", "method": "subscription", "params": params}]


def _kraken(orders: Sequence[Order], symbol: str) -> list[Any]:
    return [
        {
            "feed": "trade", "product_id": symbol, "uid": o.number, "side": _long(o, "sell", "buy"),
            "type": "liquidation", "seq": 41799, "time": o.time_ms, "qty": o.base, "price": o.price,
        }
        for o in orders
    ]  # fmt: skip


SHAPES: dict[str, Callable[[Sequence[Order], str], list[Any]]] = {
    "binance": _binance, "binance_coinm": _binance_coinm, "bybit": _bybit, "okx": _okx, "gate": _gate,
    "bitget": _bitget, "htx": _htx, "deribit": _deribit, "kraken": _kraken,
}  # fmt: skip


def frame(venue: str, message: Any) -> str | bytes:
    """Return a message as the venue sends it."""
    text = message if isinstance(message, str) else json.dumps(message)
    return gzip.compress(text.encode()) if venue == "htx" else text


def frames(venue: str, orders: Sequence[Order]) -> list[str | bytes]:
    """Return liquidations of the venue's contract as its frames."""
    return [frame(venue, message) for message in SHAPES[venue](orders, SYMBOLS[venue])]


def _to_bybit(asked: Any) -> list[Any]:
    if asked["op"] == "ping":
        return [{"success": True, "ret_msg": "pong", "conn_id": "1", "req_id": "", "op": "ping"}]
    wrong = [name for name in asked["args"] if not name.startswith("allLiquidation.") or "NONE" in name]
    told = f"error:handler not found,topic:{wrong[0]}" if wrong else ""
    return [{"success": not wrong, "ret_msg": told, "conn_id": "1", "req_id": "", "op": "subscribe"}]


def _to_okx(asked: Any) -> list[Any]:
    (arg,) = asked["args"]
    if arg != {"channel": "liquidation-orders", "instType": "SWAP"}:
        return [{"event": "error", "msg": f"Illegal request: {asked}", "code": "60012", "connId": "1"}]
    return [{"event": "subscribe", "arg": arg, "connId": "1"}]


def _to_gate(asked: Any) -> list[Any]:
    if asked["channel"] == "futures.ping":
        return [{"time": asked["time"], "channel": "futures.pong", "event": "", "result": None}]
    head = {"time": asked["time"], "channel": asked["channel"], "event": "subscribe"}
    return [head | {"result": {"status": "success"}}]


def _to_bitget(asked: Any) -> list[Any]:
    (arg,) = asked["args"]
    if arg != {"instType": "usdt-futures", "topic": "liquidation"}:
        return [{"event": "error", "arg": arg, "code": "30001", "msg": "topic doesn't exist"}]
    return [{"event": "subscribe", "arg": arg}]


def _to_htx(asked: Any) -> list[Any]:
    if asked["op"] == "pong":
        return []
    return [{"op": "sub", "cid": asked["cid"], "topic": asked["topic"], "ts": 1, "err-code": 0}]


def _to_deribit(asked: Any) -> list[Any]:
    result = asked["params"]["channels"] if asked["method"] == "public/subscribe" else "ok"
    return [{"jsonrpc": "2.0", "id": asked["id"], "result": result, "testnet": False}]


def _to_kraken(asked: Any) -> list[Any]:
    return [
        {"event": "subscribed", "feed": asked["feed"], "product_ids": asked["product_ids"]},
        {"feed": "trade_snapshot", "product_id": asked["product_ids"][0], "trades": []},
    ]


ANSWERS = {
    "bybit": _to_bybit, "okx": _to_okx, "gate": _to_gate, "bitget": _to_bitget, "htx": _to_htx,
    "deribit": _to_deribit, "kraken": _to_kraken,
}  # fmt: skip


def answer(venue: str, said: str) -> list[Any]:
    """Return what a venue answers to a text, in its words."""
    return ["pong"] if said == "ping" and venue in {"okx", "bitget"} else ANSWERS[venue](json.loads(said))


class Streams:
    """The server; `open_` are the subscribed connections by venue, `heard` all that was said to each."""

    def __init__(self) -> None:
        self.port = 0
        self.open_: dict[str, list[ServerConnection]] = {venue: [] for venue in STREAMS}
        self.said: dict[ServerConnection, list[str]] = {}
        self.heard: dict[str, list[str]] = {venue: [] for venue in STREAMS}
        self.connections: dict[str, int] = dict.fromkeys(STREAMS, 0)
        self.silent: set[str] = set()  # venues that answer nothing
        self.ping_s = 5.0  # how often HTX and Deribit ask whether one is there
        self._news = asyncio.Condition()
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        return {f"IMBALANCE_{v.upper()}_WS_URL": f"ws://127.0.0.1:{self.port}/{v}" for v in STREAMS}

    async def subscribed(self, venue: str, many: int = 1, times: int = 0) -> None:
        """Wait until a venue has so many subscribed connections, the last being the n-th that it ever had."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.open_[venue]) >= many and self.connections[venue] >= times)

    async def send(self, venue: str, *sent: str | bytes) -> None:
        """Send frames to all who are subscribed."""
        for socket in list(self.open_[venue]):
            with contextlib.suppress(ConnectionClosed):
                for one in sent:
                    await socket.send(one)

    async def drop(self, venue: str, *, rude: bool = False) -> None:
        """End a venue's connections: politely, or without a word."""
        for socket in self.open_[venue]:
            if rude:
                socket.transport.abort()
            else:
                await socket.close(1012, "maintenance")
        self.open_[venue].clear()

    async def _client(self, socket: ServerConnection) -> None:
        if socket.request is None:
            return
        venue, _, path = socket.request.path.lstrip("/").partition("/")
        if venue not in STREAMS or unquote("/" + path) != STREAMS[venue].path:
            await socket.close(1008, "no such path")
            return
        with contextlib.suppress(ConnectionClosed):
            if STREAMS[venue].subscribe is None:
                await self._now_subscribed(venue, socket)
            if venue in {"htx", "deribit"}:
                self._asking.add(asyncio.create_task(self._ask(venue, socket)))
            async for said in socket:
                text = said if isinstance(said, str) else said.decode()
                self.heard[venue].append(text)
                self.said.setdefault(socket, []).append(text)
                if venue in self.silent:
                    continue
                for message in answer(venue, text):
                    await socket.send(frame(venue, message))
                if "ping" not in text and "heartbeat" not in text and "pong" not in text and "test" not in text:
                    await self._now_subscribed(venue, socket)
        with contextlib.suppress(ValueError):
            self.open_[venue].remove(socket)

    async def _ask(self, venue: str, socket: ServerConnection) -> None:
        """Ask whether one is there, and hang up on who does not answer five times, as these venues do."""
        asked = 0
        with contextlib.suppress(ConnectionClosed):
            while asked - self._answers(venue, socket) < 5:
                await asyncio.sleep(self.ping_s)
                if venue not in self.silent:
                    asked += 1
                    test = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
                    await socket.send(frame(venue, {"op": "ping", "ts": str(asked)} if venue == "htx" else test))
            await socket.close(1001, "no heartbeat")

    def _answers(self, venue: str, socket: ServerConnection) -> int:
        said = self.said.get(socket, [])
        if venue == "deribit":
            return sum(json.loads(text)["method"] == "public/test" for text in said)
        return sum(json.loads(text).get("op") == "pong" and isinstance(json.loads(text)["ts"], str) for text in said)

    async def _now_subscribed(self, venue: str, socket: ServerConnection) -> None:
        if socket not in self.open_[venue]:
            self.open_[venue].append(socket)
            self.connections[venue] += 1
        async with self._news:
            self._news.notify_all()


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Streams]:
    """Serve on a free port of this machine, within the running loop."""
    streams = Streams()
    async with serve(streams._client, "127.0.0.1", 0, ping_interval=None, compression=None, close_timeout=1) as server:
        streams.port = server.sockets[0].getsockname()[1]
        try:
            yield streams
        finally:
            for task in streams._asking:
                task.cancel()


class InThread:
    """The server in a thread of its own."""

    def __enter__(self) -> Self:
        ready = threading.Event()

        async def run() -> None:
            async with serving() as self.streams:
                self._stop = asyncio.Event()
                self._loop = asyncio.get_running_loop()
                ready.set()
                await self._stop.wait()

        self._thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
        self._thread.start()
        ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def do(self, name: str, *args: Any, **options: Any) -> Any:
        """Call one of the server's coroutines there, and wait for it."""
        doing = getattr(self.streams, name)(*args, **options)
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(20)


def now_ms() -> int:
    """Return the time now [ms]."""
    return time.time_ns() // 1_000_000
