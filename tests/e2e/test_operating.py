"""The first walk of docs/operating.md, as a new operator types it: down, mended, read, judged again, on record.

It changes what the stack holds: it comes after its cycles, whose evidence is collected by then.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import CHECKOUT, blocks
from tests.e2e.conftest import WholeCity
from tests.e2e.evidence import Evidence

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

DOWN, WRONG, MENDED, JUDGED, PAUSED, TRAIL = WALK = (
    "one source goes down",
    "what is wrong with it",
    "mend it, and read what it missed",
    "judge again what was refused",
    "it is not to be asked for a while",
    "who did that",
)
COMMANDS = {PAUSED: "schedule", TRAIL: "audit"}
ABSENT = {title for title, name in COMMANDS.items() if importlib.util.find_spec(f"motcua.cli.{name}") is None}
MOTCUA = Path(sys.executable).parent / "motcua"


@pytest.fixture(scope="module")
def said(whole_city: WholeCity, once_more: Evidence, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each step printed, in a folder that looks like the checkout of somebody with this stack."""
    place = tmp_path_factory.mktemp("checkout")
    (place / "var").symlink_to(whole_city.stack.home)
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "motcua").symlink_to(MOTCUA)
    texts = {text.partition("\n")[0].removeprefix("# "): text for text in blocks(CHECKOUT / "docs/operating.md", "sh")}
    script = "\n".join(f"echo '== {title}'\n{texts[title]}" for title in WALK if title not in ABSENT)
    script = script.replace("http://127.0.0.1:8070", whole_city.stack.urls["city"])
    environ = {**whole_city.stack.environment, "COLUMNS": "200", "NO_COLOR": "1"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in done.stdout.split("== ")[1:]}


def test_the_source_is_down_with_the_class_that_the_runbook_explains(said: dict[str, str]) -> None:
    assert "\nstatus 3" in said[DOWN]
    assert "AUTH" in said[WRONG]
    assert "\nstatus 3" in said[WRONG]


def test_when_it_is_mended_it_is_green_and_read_in_full(said: dict[str, str]) -> None:
    assert "1/1" in said[MENDED]
    assert "\nstatus " not in said[MENDED]


@pytest.mark.skipif(PAUSED in ABSENT, reason="there are no schedules that change")
def test_while_it_is_paused_it_says_why(said: dict[str, str]) -> None:
    assert "phường chuyển máy chủ đến hết thứ Sáu" in said[PAUSED]


@pytest.mark.skipif(TRAIL in ABSENT, reason="there is no audit trail")
def test_whoever_looks_finds_it_in_the_audit_trail(said: dict[str, str]) -> None:
    assert "phường đã cấp lại mật khẩu" in said[TRAIL]
    assert "đã bổ sung bảng mã" in said[TRAIL]
