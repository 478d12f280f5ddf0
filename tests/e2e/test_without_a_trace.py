"""Ctrl-C at the moments when it hurts: one line says so, the exit status is not 0, and nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import processes_of
from tests.sandbox.city_client import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

START_SECONDS, STOP_SECONDS = 180, 60
INTERRUPTED = 130


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make run` on a home of its own, in a process group of its own, as a shell would start it."""
    command = [sys.executable, "-u", "-m", "sandbox.stack", "run", "--scale", "0.01", "--home", str(tmp_path / "home")]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("Starting", id="while everything starts"),
        pytest.param("Started in", id="once Airflow is up"),
        pytest.param("collect [1-9]", id="while the cycle runs"),
    ],
)
def test_ctrl_c_stops_everything(run: subprocess.Popen[str], tmp_path: Path, line: str):
    _wait_for(run, line)
    home = tmp_path / "home"
    mark = _mark(home)
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=STOP_SECONDS)
    assert (run.returncode, errors.strip()) == (INTERRUPTED, "interrupted")
    assert processes_of(mark, str(home)) == []


def _wait_for(run: subprocess.Popen[str], words: str) -> None:
    """Reads its output up to a line in which the pattern is met."""
    assert run.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    for line in run.stdout:
        if re.search(words, line):
            return
        assert time.monotonic() < deadline, f"no line with {words!r} within {START_SECONDS} s"
    raise AssertionError(f"it ended before a line with {words!r}: {run.communicate()[1]}")


def _mark(home: Path) -> str:
    """What tells this stack's processes apart, as soon as there is one of them."""
    note = home / "run" / "stack.json"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if note.exists() and (text := note.read_text(encoding="utf-8")):
            mark: str = json.loads(text)["mark"]
            if processes_of(mark):
                return mark
        time.sleep(0.02)
    raise AssertionError(f"nothing was started within {START_SECONDS} s")
