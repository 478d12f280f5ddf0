"""`motcua audit`: what people did, for people and for programs."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import AS_OF, Shell
from tests.steps.pipeline import WARD

pytestmark = pytest.mark.slow


def test_what_was_done_at_the_keyboard_is_shown_with_its_reason(shell: Shell) -> None:
    assert shell.run("sync", WARD, "--reason", "phường mới sửa", "--no-push", *AS_OF).returncode == 0
    [one] = json.loads(shell.run("audit", "--json", "--source", WARD).stdout)
    assert (one["action"], one["subject"], one["via"], one["reason"]) == ("sync", WARD, "cli", "phường mới sửa")
    shown = shell.run("audit", "--by", one["who"])
    assert (shown.returncode, shown.stderr) == (0, "")
    heading, line, end = shown.stdout.splitlines()
    assert heading.split() == ["Lúc", "Ai", "Qua", "Việc", "Đối", "tượng", "Lý", "do"]
    assert line.split(maxsplit=2)[2].split() == [
        one["who"], "dòng", "lệnh", "đọc", "lại", "nguồn", WARD, "phường", "mới", "sửa",
    ]  # fmt: skip
    assert end == "1 việc"
    assert shell.run("audit", "--by", "nobody").stdout.splitlines()[-1] == "0 việc"
    wrong = shell.run("audit", "--since", "2018-12-25")
    assert (wrong.returncode, "has no zone" in wrong.stderr) == (2, True)
