"""Rows of a file by way of a child process: what a hostile file breaks is a process that holds nothing else.

A child serves one file after the other; one that died is replaced. Children are shared by the threads of a process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from motcua.sheets.layout import MIB, Bounds, Layout
from motcua.sheets.messages import framed, receive
from motcua.sheets.problems import BY_NAME, Interrupted, SheetError, TooLarge, Unreadable

MEMORY_BYTES = 512 * MIB
_SENT_AT_ONCE = 256 * 1024
# Files are read side by side only for as long as several threads ask; these stay for the next ones.
_KEPT = 2
# Where this package is found, for a child that is told nothing by its environment.
_ROOT = Path(__file__).parents[2]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from motcua.sheets.child import main; main(int(sys.argv[2]))"


class Piece(NamedTuple):
    """Rows of a sheet, each with as many cells as there are columns or fewer; `odd` are the numbers of the odd ones.

    `lines` are their numbers as a spreadsheet shows them; `sheet` counts the sheets that have a header, from 1.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | None]]
    odd: frozenset[int]
    lines: Sequence[int]
    sheet: int


class Reader:
    """Children, started when they are needed, each with so much memory."""

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._ends_with_us = False

    def read(self, body: bytes, layout: Layout) -> Iterator[Piece]:
        """The rows of a file, in its order; at most `child.PIECE_ROWS` at once.

        Raises:
            SheetError: at once, or after some rows: the file is whole only when the iterator ends.
        """
        if len(body) > layout.bounds.file_bytes:
            raise TooLarge(f"a file of {len(body)} bytes, above {layout.bounds.file_bytes}")
        child = self._take()
        is_whole = False
        try:
            yield from child.read(body, layout)
            is_whole = True
        except SheetError:
            is_whole = child.is_alive()
            raise
        finally:
            self._put(child) if is_whole else child.end()

    def close(self) -> None:
        """Ends the children that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _take(self) -> _Child:
        with self._lock:
            if not self._ends_with_us:
                atexit.register(self.close)
                self._ends_with_us = True
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                child.end()
        return _Child(self._memory_bytes)

    def _put(self, child: _Child) -> None:
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append(child)
                return
        child.end()


class _Child:
    """One process, and what it is asked and answers; for one thread at a time."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(_ROOT), str(memory_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
        )  # fmt: skip
        # both are pipes, as asked for above
        self._going, self._coming = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        os.set_blocking(self._going.fileno(), False)
        self._takes, self._ready = select.poll(), select.poll()
        self._takes.register(self._going, select.POLLOUT)
        self._ready.register(self._coming, select.POLLIN)
        self._patience = 0.0

    def is_alive(self) -> bool:
        """Whether it can be asked once more; one that this process was forked with is not ours, and counts as dead."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        for stream in (self._going, self._coming):
            with contextlib.suppress(BrokenPipeError):  # of what was still to be flushed
                stream.close()
        self._process.wait()

    def read(self, body: bytes, layout: Layout) -> Iterator[Piece]:
        """See `Reader.read`."""
        self._patience = layout.bounds.seconds
        self._say(orjson.dumps(layout))
        sent = sheet = 0
        columns: tuple[str, ...] = ()
        while True:
            message = self._answer(layout.bounds)
            if "more" in message:
                self._say(body[sent : sent + _SENT_AT_ONCE])
                sent += _SENT_AT_ONCE
            elif "columns" in message:
                columns = tuple(message["columns"])
                sheet += 1
            elif "rows" in message:
                yield Piece(columns, message["rows"], frozenset(message["odd"]), message["lines"], sheet)
            elif "failed" in message:
                raise BY_NAME[message["failed"]](message["why"])
            else:
                return

    # Any: whatever JSON says, which is what `child` sends
    def _answer(self, bounds: Bounds) -> dict[str, Any]:
        answer = receive(self._bytes)
        if answer is not None:
            told: dict[str, Any] = orjson.loads(answer)
            return told
        if self._patience <= 0:
            self._process.kill()
        raise self._death(bounds)

    def _death(self, bounds: Bounds) -> SheetError:
        code = self._process.wait()
        if self._patience <= 0 or code == -signal.SIGPROF:
            return TooLarge(f"a file that is not read within {bounds.seconds:g} s")
        if code == -signal.SIGABRT:  # how an allocation that is refused ends calamine
            return TooLarge(f"a file that needs more than {self._memory_bytes // MIB} MiB to be read")
        if code in {-signal.SIGSEGV, -signal.SIGBUS}:
            return Unreadable("a file that breaks its reader")
        return Interrupted(f"the reader ended with code {code}")

    def _say(self, message: bytes) -> None:
        """Sends a message, for as long as patience lasts: one that hangs takes no more than its pipe holds."""
        rest = memoryview(framed(message))
        with contextlib.suppress(BrokenPipeError):  # its death is told by the answer that does not come
            while rest:
                since = time.monotonic()
                is_ready = self._takes.poll(max(self._patience, 0) * 1000)
                self._patience -= time.monotonic() - since
                if not is_ready:
                    self._process.kill()
                    return
                rest = rest[os.write(self._going.fileno(), rest) :]

    def _bytes(self, count: int) -> bytes:
        """So many bytes; fewer when it ended, or when patience did."""
        parts: list[bytes] = []
        while count > 0:
            since = time.monotonic()
            is_ready = self._ready.poll(max(self._patience, 0) * 1000)
            self._patience -= time.monotonic() - since
            part = os.read(self._coming.fileno(), count) if is_ready else b""
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
