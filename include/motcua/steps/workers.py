"""Processes side by side that never outlive the one that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM}
INTERRUPTED = 130  # as a shell says it


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes for the length of a block.

    At Ctrl-C they end at once, in the middle of what they do: every step leaves its work whole or not at all. When
    this process is killed they end too, so that none holds the database or the sender's fence.
    """
    # fork: they share what is loaded already
    context = multiprocessing.get_context("fork")
    # it says nothing; it ends when this process closes its own end, or dies
    lifeline, own_end = context.Pipe(duplex=False)
    with (
        lifeline,
        own_end,
        ProcessPoolExecutor(count, context, initializer=_hang_on, initargs=(lifeline, own_end)) as pool,
    ):
        try:
            _start(pool)
            yield pool
        except KeyboardInterrupt:
            own_end.close()
            raise


def _start(pool: ProcessPoolExecutor) -> None:
    """Forks them all, with interruptions held back.

    Here, because Python loses one that comes while its fork hooks run; there, for good: a terminal's Ctrl-C is for
    the parent alone, whose end is theirs.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        pool.submit(os.getpid).result()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hang_on(lifeline: Connection, own_end: Connection) -> None:
    own_end.close()
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(INTERRUPTED)
