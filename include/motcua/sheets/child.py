"""The process that meets the bytes: `main` reads file after file for its parent, within the bounds of the kernel."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import orjson

from motcua.sheets.delimited import read_delimited
from motcua.sheets.header import Header
from motcua.sheets.layout import Bounds, Layout
from motcua.sheets.messages import receive, send
from motcua.sheets.problems import Interrupted, SheetError, TooLarge, Unreadable
from motcua.sheets.rows import Row
from motcua.sheets.workbook import read_workbook

Message = Mapping[str, object]

# What one message carries at most: neither process holds more of a file's rows at once.
PIECE_ROWS = 1_000
PIECE_CHARACTERS = 256 * 1024


def main(memory_bytes: int) -> None:
    """Serves the parent on standard input and output until it closes them."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold names
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    coming, going = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(BrokenPipeError):  # the parent is gone, or has heard enough
        while (request := receive(coming.read)) is not None:
            layout = Layout.of_json(request)
            # ends this process by itself, whatever it does and whether or not its parent still lives
            signal.setitimer(signal.ITIMER_PROF, layout.bounds.seconds)
            _say(going, _read(coming, going, layout))
            signal.setitimer(signal.ITIMER_PROF, 0)


def _read(coming: BinaryIO, going: BinaryIO, layout: Layout) -> Message:
    """Sends everything of one file but its last message, which is returned."""
    try:
        for header, rows in _sheets(_pieces(coming, going), layout):
            _say(going, {"columns": header.names})
            for piece in _cut(rows, layout.bounds):
                odd = [number for number, row in enumerate(piece) if row.is_odd]
                lines = [row.line for row in piece]
                _say(going, {"rows": [row.cells for row in piece], "odd": odd, "lines": lines})
    except SheetError as error:
        return _failed(type(error), str(error))
    except BrokenPipeError:
        raise
    except MemoryError:
        return _failed(TooLarge, "the file needs more memory than any register")
    except Exception as error:  # noqa: BLE001 (ours: told by its place alone, for its words may quote a cell)
        return _failed(Interrupted, _place(error))
    except BaseException as error:  # noqa: BLE001 (how a panic of calamine's comes)
        return _failed(Unreadable, f"a damaged workbook ({type(error).__name__})")
    return {"done": True}


def _sheets(pieces: Iterator[bytes], layout: Layout) -> Iterator[tuple[Header, Iterator[Row]]]:
    if layout.is_workbook:
        yield from read_workbook(b"".join(pieces), layout)
    else:
        yield read_delimited(pieces, layout)


def _pieces(coming: BinaryIO, going: BinaryIO) -> Iterator[bytes]:
    """The file, piece by piece, as it is asked for."""
    while True:
        _say(going, {"more": True})
        piece = receive(coming.read)
        if not piece:
            return
        yield piece


def _cut(rows: Iterable[Row], bounds: Bounds) -> Iterator[list[Row]]:
    """Rows with anything in them, a piece at a time; those before a fault come before it."""
    piece: list[Row] = []
    characters = 0
    try:
        for row, length in _measured(rows, bounds):
            piece.append(row)
            characters += length
            if len(piece) == PIECE_ROWS or characters > PIECE_CHARACTERS:
                yield piece
                piece, characters = [], 0
    except SheetError:
        yield piece
        raise
    yield piece


def _measured(rows: Iterable[Row], bounds: Bounds) -> Iterator[tuple[Row, int]]:
    for number, row in enumerate((row for row in rows if any(row.cells) or row.is_odd), start=1):
        length = sum(len(cell) for cell in row.cells if cell)
        if number > bounds.rows:
            raise TooLarge(f"more than {bounds.rows} rows")
        if length > bounds.row_characters:
            raise TooLarge(f"row {number} below the header: {length} characters, above {bounds.row_characters}")
        yield row, length


def _failed(kind: type[SheetError], why: str) -> Message:
    return {"failed": kind.__name__, "why": why}


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


def _say(stream: BinaryIO, message: Message) -> None:
    send(stream, orjson.dumps(message))
