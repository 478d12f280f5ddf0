from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

pytestmark = pytest.mark.slow

# two workers that sleep for a minute, and a parent that waits for them
PROGRAM = """
import os, signal, time
from motcua.steps.workers import workers

def sleep(seconds):
    os.write(1, f"{os.getpid()}\\n".encode())  # in one piece: two processes write here
    time.sleep(seconds)

signal.signal(signal.SIGTERM, signal.default_int_handler)
with workers(2) as pool:
    for future in [pool.submit(sleep, 60) for _ in range(2)]:
        future.result()
"""
ENOUGH_SECONDS = 10


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        yield process
        process.kill()


def _started(parent: subprocess.Popen[str]) -> list[psutil.Process]:
    assert parent.stdout is not None
    return [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]


@pytest.mark.parametrize(
    ("order", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["Ctrl-C", "SIGTERM"]
)
def test_workers_end_at_once_when_their_parent_is_interrupted(
    parent: subprocess.Popen[str], order: signal.Signals, to_all: bool
) -> None:
    started = _started(parent)
    began = time.monotonic()
    if to_all:
        os.killpg(parent.pid, order)
    else:
        parent.send_signal(order)
    _, errors = parent.communicate(timeout=ENOUGH_SECONDS)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert psutil.wait_procs(started, timeout=ENOUGH_SECONDS)[1] == []
    assert time.monotonic() - began < ENOUGH_SECONDS


def test_workers_end_when_their_parent_is_killed(parent: subprocess.Popen[str]) -> None:
    started = _started(parent)
    parent.kill()
    assert psutil.wait_procs(started, timeout=ENOUGH_SECONDS)[1] == []


def test_workers_work_and_errors_come_back() -> None:
    program = """
from motcua.errors import ConfigError
from motcua.steps.workers import workers

def refuse():
    raise ConfigError("mend this")

with workers(2) as pool:
    print(sum(pool.map(abs, [-1, -2, 3])))
    try:
        pool.submit(refuse).result()
    except ConfigError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("6\nmend this\n", "")
