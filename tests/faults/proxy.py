"""A TCP line on loopback that fails on request: slow, cut off, silent, or closed.

Of what it carries it knows how HTTP requests begin, to count them, and the one request that `loses_answer_to` names.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType

PIECE = 64 * 1024
Address = tuple[str, int] | str  # host and port, or the path of a Unix socket


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """What is wrong with the line; by default nothing.

    Attributes:
        latency: seconds before each piece of an answer.
        bytes_per_second: so fast an answer comes, byte by byte.
        slice_bytes: an answer comes in pieces of so many bytes.
        is_silent: takes everything and never answers.
        reset_after: after so many bytes of answers the line is reset; 0: before anything is said.
        close_after: after so many bytes of answers it is closed as if all were well.
        slow_close: seconds that it stays open when the other side has finished.
        loses_answer_to: a request with these bytes is carried over and acted on, and the line is reset before its
            answer comes back; only after a request with `once_past`.
        lines: how many connections it spoils; None: all.
    """

    latency: float = 0.0
    bytes_per_second: float | None = None
    slice_bytes: int | None = None
    is_silent: bool = False
    reset_after: int | None = None
    close_after: int | None = None
    slow_close: float = 0.0
    loses_answer_to: bytes | None = None
    once_past: bytes = b""
    lines: int | None = None


WELL = Toxic()


class Proxy:
    """Carries bytes from a port of its own to `upstream` while its block lasts.

    Attributes:
        attempts: connections that were opened to it.
        requests: HTTP requests that came from clients.
        lost: answers that it has swallowed.
    """

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._toxic, self._left = WELL, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._lines: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.attempts = 0
        self.requests = 0
        self.lost = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._do(self._open)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._do(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def spoil(self, toxic: Toxic) -> None:
        """From now on, new connections are carried like this."""
        self._toxic, self._left = toxic, -1 if toxic.lines is None else toxic.lines

    def mend(self) -> None:
        """From now on, new connections are carried well."""
        self._toxic = WELL

    def down(self) -> None:
        """Nobody listens any more: connections are refused, and those that are open are reset."""
        self._do(self._close)

    def up(self) -> None:
        """Listens again, at the same port."""
        self._do(self._open)

    def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        async def done() -> None:
            await work()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(timeout=10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        toxic = self._toxic if self._left else WELL
        self._left -= toxic.lines is not None and self._left > 0
        task = self._loop.create_task(self._carry(toxic, reader, writer))
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)

    async def _carry(self, toxic: Toxic, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client, server = _Side(reader, writer), None
        try:
            if toxic.reset_after != 0:
                server = _Side(*await self._connect())
                await _Line(self, toxic, client, server).carry()
        except OSError:
            pass  # one side has gone; so goes the other
        finally:
            client.reset()
            if server is not None:
                server.reset()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, str):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection(*self._upstream)


class _Side:
    """One of the two sockets of a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.read = reader.read
        self._writer = writer

    async def write(self, piece: bytes) -> None:
        self._writer.write(piece)
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """At once, with what is on its way; what is closed already stays closed."""
        raw: socket.socket | None = self._writer.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0 and raw.family == socket.AF_INET:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class _Line:
    """One connection with its toxic."""

    def __init__(self, proxy: Proxy, toxic: Toxic, client: _Side, server: _Side) -> None:
        self._proxy, self._toxic = proxy, toxic
        self._client, self._server = client, server
        self._is_past = not toxic.once_past
        self._loses_next = False
        self._answered = 0

    async def carry(self) -> None:
        """Both ways, until one side has had enough."""
        ways = [asyncio.ensure_future(self._ask()), asyncio.ensure_future(self._answer())]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(self) -> None:
        wanted = self._toxic.loses_answer_to
        while piece := await self._client.read(PIECE):
            self._proxy.requests += piece.startswith((b"GET ", b"POST "))
            self._loses_next = wanted is not None and self._is_past and wanted in piece
            self._is_past = self._is_past or self._toxic.once_past in piece
            await self._server.write(piece)

    async def _answer(self) -> None:
        while piece := await self._server.read(PIECE):
            if self._toxic.is_silent:
                continue
            if self._loses_next:
                self._proxy.lost += 1
                return
            await asyncio.sleep(self._toxic.latency)
            for part in self._slices(piece):
                if not await self._give(part):
                    return
        await asyncio.sleep(self._toxic.slow_close)
        await self._client.end()

    def _slices(self, piece: bytes) -> list[bytes]:
        size = 1 if self._toxic.bytes_per_second else self._toxic.slice_bytes or len(piece)
        return [piece[start : start + size] for start in range(0, len(piece), size)]

    async def _give(self, part: bytes) -> bool:
        """Passes a part on; False when the line ends here."""
        limits = [one for one in (self._toxic.reset_after, self._toxic.close_after) if one is not None]
        left = min(limits, default=self._answered + len(part)) - self._answered
        await self._client.write(part[:left])
        self._answered += len(part)
        if self._toxic.bytes_per_second:
            await asyncio.sleep(len(part) / self._toxic.bytes_per_second)
        if left > len(part) or not limits:
            return True
        if self._toxic.close_after is not None:
            await self._client.end()
        return False
