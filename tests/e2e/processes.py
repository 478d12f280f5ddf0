"""Which living processes belong to a stack: looked for without the stack's own code."""

from __future__ import annotations

import contextlib
import os

import psutil


def processes_of(*marks: str) -> list[list[str]]:
    """Command lines of others' living processes that carry a mark in command line, environment or working directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
            is_alive = process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid()
            if is_alive and any(mark in word for mark in marks for word in told):
                found.append(process.cmdline())
    return found
