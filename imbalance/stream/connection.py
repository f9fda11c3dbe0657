"""One connection: opened, subscribed, kept alive and read until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from imbalance.errors import DeadlineError, ParseError, RefusedError, SourceError, UnreachableError
from imbalance.records import Instrument
from imbalance.wire.decode import require
from imbalance.wire.refusals import by_status
from imbalance.wire.streams import WHAT, Event, Garbled, Listing, Stream, Told

NUL = b"\\u0000"  # as JSON writes it
OPEN_S = 10.0
CLOSE_S = 2.0
MOST_BYTES = 4 * 2**20  # no true message has as many
FRAMES = 16
Put = Callable[[Event, int], Awaitable[None]]


def now_ms() -> int:
    """Return the time now [ms]."""
    return time.time_ns() // 1_000_000


class Connection:
    """A subscribed connection that is being read; `ended` is done, with the reason, when nothing more will come.

    All that was sent until `certain_ms` was read and put into the buffer.
    """

    def __init__(self, stream: Stream, part: str, listing: Listing, socket: ClientConnection, put: Put) -> None:
        self.stream = stream
        self.part = part
        self.listing = listing
        self.certain_ms = now_ms()
        self._heard_ms = self.certain_ms
        self._held_up = False
        self._given_up = False
        self._socket = socket
        self._put = put
        self._left = 0
        self._subscribed = asyncio.Event()
        self.ended: asyncio.Task[SourceError] = asyncio.create_task(self._read())
        self._beating = asyncio.create_task(self._beat())

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Subscribe, and wait until all of it is acknowledged.

        Raises
        ------
        SourceError
            If it is refused, or the connection ends before.
        """
        asked = self.stream.subscribe(instruments, now_ms()) if self.stream.subscribe else []
        self._left = sum(one.acknowledged for one in asked)
        if not self._left:
            self._subscribed.set()
        for one in asked:
            await self._socket.send(one.text)
        waiting = asyncio.create_task(self._subscribed.wait())
        try:
            await asyncio.wait({waiting, self.ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self.ended.done():
            raise self.ended.result()

    async def close(self) -> None:
        """End it in good order: what was sent until the other side says goodbye is read and in the buffer."""
        self._beating.cancel()
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):
            await self._socket.close()
        await asyncio.wait({self.ended}, timeout=CLOSE_S)
        self.ended.cancel()
        await asyncio.gather(self.ended, self._beating, return_exceptions=True)

    async def _read(self) -> SourceError:
        """Read until the connection ends; return why it did."""
        source = self.stream.source
        try:
            while True:
                body = await self._socket.recv(decode=False)
                await self._take(body)
        except RefusedError as error:
            return error
        except ConnectionClosed as closed:
            if self._given_up:
                return UnreachableError(source, WHAT, f"nothing was heard for {self.stream.silence_s:.0f} s")
            if _was_told(closed):
                self.certain_ms = now_ms()
            return UnreachableError(source, WHAT, _why(closed))
        except (WebSocketException, OSError) as error:
            return UnreachableError(source, WHAT, str(error) or type(error).__name__)

    async def _take(self, body: bytes) -> None:
        at_ms = self._heard_ms = now_ms()
        try:
            require(NUL not in body, "a text holds NUL, which no database takes", self.stream.source, WHAT, "$")
            heard = self.stream.parse(body, self.listing)
        except ParseError as error:
            await self._emit(Garbled(self.part, at_ms, error.message), 1)
            self.certain_ms = at_ms
            return
        if heard.reply:
            await self._socket.send(heard.reply)
        if heard.refused:
            raise RefusedError(self.stream.source, WHAT, heard.refused)
        if heard.acknowledged:
            self._left -= heard.acknowledged
            if self._left <= 0:
                self._subscribed.set()
        if heard.rows:
            await self._emit(Told(self.part, at_ms, heard.rows), len(heard.rows))
        self.certain_ms = at_ms

    async def _emit(self, event: Event, weight: int) -> None:
        self._held_up = True
        await self._put(event, weight)
        self._held_up = False

    async def _beat(self) -> None:
        """Keep it open, and end it where nothing is heard any more though it is listened to."""
        while True:
            await asyncio.sleep(self.stream.beat_s)
            if now_ms() - self._heard_ms > self.stream.silence_s * 1000 and not self._held_up:
                self._given_up = True
                self._socket.transport.abort()
                return
            try:
                if self.stream.beat is not None:
                    await self._socket.send(self.stream.beat(now_ms()))
                elif self.stream.is_pinged:
                    asyncio.ensure_future(await self._socket.ping()).add_done_callback(self._ponged)
            except (WebSocketException, OSError):
                return  # its reader tells

    def _ponged(self, answer: asyncio.Future[float]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        self._heard_ms = now_ms()
        # What came before the answer has been read, but where the reader is held up.
        if not self._held_up:
            self.certain_ms = self._heard_ms


def _was_told(closed: ConnectionClosed) -> bool:
    """Tell whether the other side itself ended it: then nothing was sent that was not read."""
    return isinstance(closed, ConnectionClosedOK) or closed.rcvd is not None or isinstance(closed.__cause__, EOFError)


def _why(closed: ConnectionClosed) -> str:
    told = closed.rcvd or closed.sent
    if told is None:
        return "the connection broke"
    return f"the connection was closed ({told.code}{f' {told.reason}' if told.reason else ''})"


async def opened(
    stream: Stream, part: str, url: str, listing: Listing, instruments: Sequence[Instrument], put: Put
) -> Connection:
    """Open a connection and subscribe.

    Raises
    ------
    SourceError
        Saying why it could not be, or was not within ten seconds.
    """
    try:
        async with asyncio.timeout(OPEN_S):
            socket = await connect(
                url + stream.path,
                additional_headers=dict(stream.headers),
                user_agent_header="imbalance",
                compression=None,
                open_timeout=None,
                ping_interval=None,
                close_timeout=CLOSE_S,
                max_size=MOST_BYTES,
                max_queue=FRAMES,
            )
            connection = Connection(stream, part, listing, socket, put)
            try:
                await connection.subscribe(instruments)
            except BaseException:
                await connection.close()
                raise
            return connection
    except (OSError, WebSocketException, ImportError) as error:  # a timeout is one of the system's errors
        raise _in_words(error, stream.source) from None


def _in_words(error: Exception, source: str) -> SourceError:
    """Return an error of the network in words."""
    if isinstance(error, TimeoutError):
        return DeadlineError(source, WHAT, "timed out before it was subscribed")
    if isinstance(error, InvalidURI):
        return UnreachableError(source, WHAT, "its address is none", f"Look at IMBALANCE_{source.upper()}_WS_URL.")
    if isinstance(error, InvalidStatus):
        found = by_status(error.response.status_code, source, WHAT, body=bytes(error.response.body or b""))
        return found or RefusedError(source, WHAT, "the connection was refused")
    if isinstance(error, InvalidHandshake):
        return RefusedError(source, WHAT, f"the connection was refused ({error})")
    if isinstance(error, ssl.SSLError):
        return UnreachableError(source, WHAT, f"no secure connection ({error.reason or error})")
    if isinstance(error, ImportError):
        return UnreachableError(
            source, WHAT, "a SOCKS proxy needs python-socks", "Install it with: pip install 'python-socks[asyncio]'."
        )
    return UnreachableError(source, WHAT, f"no connection ({error})")
