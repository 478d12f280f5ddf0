from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from motcua import failpoints
from motcua.errors import ConfigError
from motcua.failpoints import POINTS, VARIABLE, FailpointHit, pass_by

# passes count for as long as a process lives
POINT, OTHER, UNPASSED = POINTS[:3]


def exit_status(armed: str, passes: Callable[[], None]) -> int | None:
    """How a process ends that passes by."""

    def run() -> None:
        os.environ[VARIABLE] = armed
        passes()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(10)
    return process.exitcode


def test_each_point_stands_once_in_the_code() -> None:
    code = Path(failpoints.__file__).parent
    found = [name for file in code.rglob("*.py") for name in re.findall(r'pass_by\("([a-z_.]+)"\)', file.read_text())]
    assert sorted(found) == sorted(POINTS)


def test_nothing_happens_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    pass_by(POINT)


def test_only_the_armed_point_acts_and_only_at_its_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{POINT}:raise:2")
    pass_by(OTHER)
    pass_by(POINT)
    with pytest.raises(FailpointHit, match=f"^{POINT}$"):
        pass_by(POINT)
    pass_by(POINT)


@pytest.mark.parametrize(
    ("action", "status"), [("kill", -signal.SIGKILL), ("term", -signal.SIGTERM), ("raise", 1), ("sleep 0", 0)]
)
def test_actions_end_a_process_as_they_say(action: str, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert exit_status(f"{UNPASSED}:{action}", lambda: pass_by(UNPASSED)) == status


def test_sleep_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{OTHER}:sleep 0.05")
    began = time.monotonic()
    pass_by(OTHER)
    assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize(
    "text", ["", "merge", f"{POINT}:explode", f"{POINT}:sleep", "nowhere.at_all:kill", f"{POINT}:kill:x"]
)
def test_what_names_no_point_is_a_mistake_of_the_test(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=r"MOTCUA_FAILPOINT: expected name:raise\|kill\|term\|stop\|sleep"):
        pass_by(POINT)
