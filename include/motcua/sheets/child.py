"""The process that meets the bytes: `main` reads file after file for its parent, within the bounds of the kernel."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from motcua.sheets.delimited import read_delimited
from motcua.sheets.header import Header
from motcua.sheets.layout import Bounds, Layout
from motcua.sheets.messages import receive, send
from motcua.sheets.problems import SheetError, TooLarge, Unreadable
from motcua.sheets.rows import Row

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


def _read(coming: BinaryIO, going: BinaryIO, layout: Layout) -> dict[str, object]:
    """Sends everything of one file but its last message, which is returned."""
    try:
        for header, rows in _sheets(_pieces(coming, going, layout.bounds), layout):
            _say(going, {"columns": header.names})
            for piece in _cut(rows, layout.bounds):
                _say(going, {"rows": [row.cells for row in piece], "odd": [n for n, row in enumerate(piece) if row.is_odd]})
    except SheetError as error:
        return {"failed": type(error).__name__, "why": str(error)}
    except BrokenPipeError:
        raise
    except MemoryError:
        return {"failed": TooLarge.__name__, "why": "the file needs more memory than any register"}
    except Exception as error:  # ours, and not worth this process: told by its place, for its words may quote a cell
        return {"failed": "Interrupted", "why": _place(error)}
    except BaseException as error:  # noqa: BLE001 (how a panic of calamine's comes)
        return {"failed": Unreadable.__name__, "why": f"a damaged workbook ({type(error).__name__})"}
    return {"done": True}
