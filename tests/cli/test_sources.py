"""`motcua sources check` as people read it: a table, a line of what to do for each red source, an exit status."""

from __future__ import annotations

import json
import re

import pytest
from motcua.cli.sources import ADVICE

from tests.cli.shell import AS_OF, Shell
from tests.docs.markdown import CHECKOUT
from tests.sandbox.city_client import CityClient

pytestmark = pytest.mark.slow

GREEN, RED = "an_duong.huyen", "an_duong.an_duong"


def test_green_sources_end_with_0(shell: Shell) -> None:
    done = shell.run("sources", "check", GREEN, *AS_OF)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        [GREEN, "lgsp", "✓", "✓", "✓", "✓"],
        ["1/1", "nguồn", "sẵn", "sàng"],
    ]


def test_a_red_one_says_how_far_it_came_and_what_to_do(shell: Shell, city: CityClient) -> None:
    city.misbehave(source=RED, mode="html_login")
    done = shell.run("sources", "check", GREEN, RED, *AS_OF)
    assert (done.returncode, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    assert lines[2].split() == [RED, "lgsp", "✓", "✓", "✗", "–"]
    assert lines[3:] == [
        f"✗ {RED} {ADVICE['PROTOCOL']}",
        "    PROTOCOL: expected JSON, got 113 bytes of text/html; charset=utf-8; ask its owner",
        "1/2 nguồn sẵn sàng",
    ]


def test_as_json_it_is_json_alone(shell: Shell) -> None:
    done = shell.run("sources", "check", GREEN, "--json", *AS_OF)
    (one,) = json.loads(done.stdout)
    assert one.pop("rows") > 0
    assert one == {
        "source_id": GREEN, "platform": "lgsp", "reached": True, "logged_in": True, "mapped": True, "complete": True,
        "kind": None, "message": None, "green": True,
    }  # fmt: skip


def test_an_unknown_source_is_wrong_use(shell: Shell) -> None:
    done = shell.run("sources", "check", "le_chan.nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cấu hình: no such source in the registry: le_chan.nowhere")


def test_there_is_advice_for_every_class_of_error_that_a_source_can_have() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (CHECKOUT / "include" / "motcua").rglob("*.py")]
    said = {kind for text in texts for kind in re.findall(r'\bkind(?:: str)? ?= ?"([A-Z_]+)"', text)}
    said |= {kind for text in texts for kind in re.findall(r'Http\w+\(\s*"([A-Z_]+)"', text)}
    said |= {kind for text in texts for kind in re.findall(r'default_kind = "([A-Z_]+)"', text)} - {"SOURCE"}
    assert said == ADVICE.keys()
