"""The TCP port of an office's database: passes bytes on to the server's socket, and breaks where that is the trouble.

An office's database has its own port, as in life; the server behind it is one for all.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from sandbox.city.misbehave import Trouble

BITE = 64 * 1024
# what a broken connection lets through: more than a log-in says, less than a page
BROKEN_AFTER = 8 * 1024
HUNG_UP = ("down", "empty_body", "too_many_requests", "redirect")
BROKEN = ("truncated_json", "wrong_length")
IN_OTHER_WORDS = ("html_login", "error_json")
MODES = (*HUNG_UP, *BROKEN, *IN_OTHER_WORDS, "slow", "random_5xx")
OTHER_WORDS = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><title>Đăng nhập</title>".encode()

Admit = Callable[[], Awaitable[Trouble | None]]


async def serve(listener: socket.socket, behind: Path, admit: Admit) -> None:
    """Serves a listening socket until it is cancelled; `admit` is asked about every connection first."""
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    talks: set[asyncio.Task[None]] = set()
    while True:
        try:
            client, _ = await loop.sock_accept(listener)
        except ConnectionError:  # it has gone away before it was let in
            continue
        talk = asyncio.create_task(_talk(client, behind, admit))
        talks.add(talk)
        talk.add_done_callback(talks.discard)


async def _talk(client: socket.socket, behind: Path, admit: Admit) -> None:
    with suppress(OSError):  # either side may end as it likes
        trouble = await admit()
        mode = "" if trouble is None else trouble.mode
        reader, writer = await asyncio.open_connection(sock=client)
        if trouble is not None and mode == "slow":
            await asyncio.sleep(trouble.seconds)
        is_off = mode in HUNG_UP or (
            trouble is not None and mode == "random_5xx" and trouble.chance.random() < trouble.share
        )
        if is_off or mode in IN_OTHER_WORDS:
            writer.write(b"" if is_off else OTHER_WORDS)
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(behind)
        most = BROKEN_AFTER if mode in BROKEN else None
        await asyncio.gather(_pass(reader, server_writer), _pass(server_reader, writer, most))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None = None) -> None:
    """Passes bytes on to their end, or to the first that are too many."""
    try:
        passed = 0
        while data := await reader.read(BITE):
            passed += len(data)
            if most is not None and passed > most:
                writer.transport.abort()
                return
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
